# Fréchet Audio Distance, from audio files and checkpoints to tables and a report.
#
#   snakemake --cores 8                                                  the study in config.yaml
#   snakemake --cores 8 --configfile workflow/studies/demo.yaml          another study
#   snakemake --cores 8 verify_reference                                 its models against the original packages
#
# The default target is in this file: a rule of an included file would not be the default.
from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/configuration.smk"


# A --configfile replaces config.yaml; Snakemake would otherwise merge the two.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


report: "workflow/report/study.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/params.smk"
include: "workflow/rules/papers_params.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/reference.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/embeddings.smk"
include: "workflow/rules/statistics.smk"
include: "workflow/rules/distances.smk"
include: "workflow/rules/captions.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/papers.smk"


rule all:
    default_target: True
    input:
        accept_incomplete,
        f"{STUDY_DIR}/report.html",
        written("files", "datasets", "distances", "near_copies", "clap_score", "file_values"),
        expand(rules.write_matrix.output.matrix, zip, **COMPUTED),
        expand(rules.plot_heatmap.output, zip, **COMPUTED),
        expand(rules.plot_curves.output, metric=METRICS if STUDY.series else []),
        rules.rank_systems.output if STUDY.ranked else [],
        rules.plot_ranking.output if STUDY.ranked else [],
        rules.plot_extrapolation.output if EXTRAPOLATED else [],
        rules.score_files.output if PER_FILE else [],
        expand(rules.plot_per_file.output, measure=PER_FILE),
        paper_targets(),
        # If the configuration names an interpreter of the original packages.
        rules.verify_reference.output.summaries if REFERENCE_PYTHON else [],


# Neither in a dry run nor in the processes of jobs.
onstart:
    or_exit(clear_stale_results)


onsuccess:
    show_results()
