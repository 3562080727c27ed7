# The study, its paths and its targets, which the rules share. Rules define no functions: these are in the files
# without rules.
import json
import re
import shutil
from dataclasses import asdict

from fad_core.metrics import get_metric
from fad_core.models import find_network, get_model
from fad_core.verification.verdicts import levels_of
from fad_core.util.process import limit_threads, set_up_process
from fad_study.batches import batches_of, shard_sizes, share_batches, shared_batches
from fad_study.script_main import prefer_packages
from fad_study.stale_locks import clear_stale_locks, hold_running
from fad_study.stale_results import move_stale_results
from fad_study.study import read_study, weights_key

set_up_process()
# Every job is part of a run, also on a machine that does not see the lock of that run.
take_part = clear_stale_locks if workflow.is_main_process else hold_running
RUNNING = take_part(Path(".snakemake"))
STUDY = or_exit(read_study, config, ROOT / "workflow/schemas/config.schema.yaml")
PAPERS = STUDY.papers
CORRELATIONS = PAPERS.correlations
POLICY = STUDY.policy
METRICS = STUDY.metrics
# Models and metrics: the ones of the other.
COMPUTED = {"model": [entry.name for entry in STUDY.models.values() for _ in entry.metrics]}
COMPUTED["metric"] = [name for entry in STUDY.models.values() for name in entry.metrics]
NEAR_COPIES = STUDY.settings["near_copies"]
# The models that compare data sets; others only score captions.
COMPARING = [name for name, entry in STUDY.models.items() if entry.metrics or NEAR_COPIES]
# Metrics whose values of single files are written.
OF_FILES = any(get_metric(name).of_files for name in METRICS)
EXTRAPOLATED = "fad-inf" in METRICS
PER_FILE = STUDY.settings["per_file"]
PLAYERS_MB = STUDY.settings["players_mb"] if PER_FILE or NEAR_COPIES else 0
MODELS = [entry.specification for entry in STUDY.models.values()]
LOUDNESS = any(entry.options.loudness is not None for entry in STUDY.models.values())
CKPT_DIR = STUDY.settings.get("ckpt_dir")
SCRIPTS = ROOT / "scripts"
STUDY_DIR = f"results/{STUDY.name}"
LOGS = f"{STUDY_DIR}/logs"
BENCHMARKS = f"{STUDY_DIR}/benchmarks"
DECISIONS = f"{STUDY_DIR}/decisions.parquet"
CACHE = "results/cache" if STUDY.settings["embedding_cache"] else None

# Jobs inherit the environment: the packages, and the number of numeric threads, which does not depend on --cores.
prefer_packages(PACKAGES)
THREADS = STUDY.settings["threads"]
limit_threads(THREADS)
DEVICE = STUDY.settings["device"]
GPUS = int(DEVICE == "cuda")
ISA = STUDY.settings["isa"]
# Suffix of the verdicts: studies with and without a GPU, or of different instruction sets, do not share them. No
# other choice of a study may cause a network to be verified again.
VERDICT = (".cuda" if GPUS else "") + (f".{ISA}" if ISA != "native" else "")


def make_batches():
    """Divide the shards of all data sets that are embedded into batches."""
    datasets = {name: STUDY.datasets[name] for name in STUDY.embedded()}
    return batches_of(shard_sizes(datasets, STUDY.shards).items(), int(1e6 * STUDY.settings["batch_mb"]))


if workflow.is_main_process:
    or_exit(share_batches, make_batches(), Path(".snakemake/fad_batches"))
BATCHES = shared_batches()


wildcard_constraints:
    batch="[0-9a-f]{16}",
    id="[a-z0-9-]+",
    key="[0-9a-f]{8}",
    model="[A-Za-z0-9._-]+",
    dataset="[A-Za-z0-9._-]+",
    metric="[a-z0-9_-]+",
    measure="[a-z]+",


def accept_incomplete(wildcards):
    """Input function without inputs: switch --rerun-incomplete on.

    Outputs are written whole or not at all, so those of a killed run can always be replaced. Snakemake has no
    option of a workflow for this, and creates the settings after it has read the Snakefile; it calls input
    functions before it looks for incomplete outputs.
    """
    workflow.dag_settings.force_incomplete = True
    return []


def one_of(names):
    """Return a pattern that these names match, and no other one does; none matches it if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


# The choice of weights by model and key. The golden level of verification uses seeded weights in every study.
CAPTIONING = STUDY.captioning()
NETWORKS = {
    **{(entry.id, entry.weights): None for entry in STUDY.models.values()},
    **{(text, STUDY.models[name].weights): None for name, text in CAPTIONING.items()},
}
WEIGHTS = {
    (model_id, weights_key(model_id, choice, CKPT_DIR)): choice
    for model_id, weights in NETWORKS
    for choice in ("seeded", weights)
}
LEVELS = {model_id: levels_of(find_network(model_id)) for model_id, _ in NETWORKS}


def shared_name(model_id, choice):
    """Return the name of the shared files of a model with its weights: id and key."""
    return f"{model_id}-{weights_key(model_id, choice, CKPT_DIR)}"


def name_of_entry(name):
    """Return the name of the shared files of an entry under `models`."""
    return shared_name(STUDY.models[name].id, STUDY.models[name].weights)


def exported(wildcards):
    """Return the exported model of an entry."""
    return f"results/models/{name_of_entry(wildcards.model)}.pt2"


def seeded_export(wildcards):
    """Return the exported model with seeded weights, which the golden level verifies."""
    return f"results/models/{shared_name(wildcards.id, 'seeded')}.pt2"


def verdicts_of(name):
    """Return the verdicts that the embedding by an entry requires."""
    return verdicts_on(STUDY.models[name].id, STUDY.models[name].weights)


def verdicts_on(model_id, choice):
    """Return the verdicts on a model with its weights."""
    named = {"eager": shared_name(model_id, choice), "golden": model_id}
    return [f"results/verification/{named[level]}.{level}{VERDICT}.csv" for level in LEVELS[model_id]]


# Of the models of captions, in the order of CAPTIONING.
TEXT_EXPORTS = [
    f"results/models/{shared_name(text, STUDY.models[name].weights)}.pt2" for name, text in CAPTIONING.items()
]
TEXT_VERDICTS = sorted(
    {path for name, text in CAPTIONING.items() for path in verdicts_on(text, STUDY.models[name].weights)}
)
VERDICTS = sorted({path for name in STUDY.models for path in verdicts_of(name)})
COMPARING_VERDICTS = sorted({path for name in COMPARING for path in verdicts_of(name)})


def scripts_of_original(model):
    """Return the scripts that run the original of a model, which is an entry or the wildcards of a shared file."""
    adapter = SCRIPTS / f"originals/{get_model(model.id).family}.py"
    shared = SCRIPTS / "originals/offline.py"
    return {"script": SCRIPTS / "original_embeddings.py", "adapter": adapter, "shared": shared}


def verdicts_of_id(wildcards):
    """Return the verdicts of all levels on a model, with each of the study's weights."""
    names = [name for name, entry in STUDY.models.items() if entry.id == wildcards.id]
    live = [f"results/verification/{name_of_entry(name)}.reference.csv" for name in names]
    return sorted({*live, *(path for name in names for path in verdicts_of(name))})


def embedding_model(wildcards):
    """Return what embedding by an entry requires: its exported model, the verdicts, what is embedded before."""
    verified = {"exported": exported(wildcards), "verdicts": verdicts_of(wildcards.model)}
    return {**verified, "before": embeddings_before(wildcards)}


def embeddings_before(wildcards):
    """Return the embeddings from which the cache has those of an entry: by an entry of the same network."""
    entry = STUDY.models[wildcards.model]
    same = (get_model(entry.id).shares_with, entry.weights, entry.settings)
    return [
        f"{STUDY_DIR}/embeddings/{name}/{wildcards.batch}.parquet"
        for name, other in STUDY.models.items()
        if CACHE and (other.id, other.weights, other.settings) == same
    ]


def embeddings_of(wildcards):
    """Return the embeddings of all batches by an entry."""
    return embeddings_by(wildcards.model)


def embeddings_by(model):
    """Return the embeddings of all batches by an entry."""
    return [f"{STUDY_DIR}/embeddings/{model}/{batch}.parquet" for batch in BATCHES]


def vectors_of(wildcards):
    """Return the embeddings of all batches by an entry, if its metrics or near copies need vectors."""
    metrics = STUDY.models[wildcards.model].metrics
    needed = NEAR_COPIES or any(get_metric(name).needs_vectors for name in metrics)
    return embeddings_of(wildcards) if needed else []


def statistics_by(model, names):
    """Return the statistics by one entry of these data sets."""
    return [f"{STUDY_DIR}/statistics/{model}/{name}.parquet" for name in names]


def statistics_of(wildcards):
    """Return the statistics by one entry of all data sets that are compared."""
    return statistics_by(wildcards.model, STUDY.paired())


def given_statistics(wildcards):
    """Return the file of statistics that a data set is given as, and the exported model of an entry."""
    given = STUDY.given_path(wildcards.dataset, wildcards.model)
    return {"given": str(given), "exported": exported(wildcards)}


def with_csv(name, caption="files"):
    """Return a table as Parquet, which later steps read, and as CSV."""
    path, caption = f"{STUDY_DIR}/tables/{name}", f"../report/{caption}.rst"
    return [f"{path}.parquet", report(f"{path}.csv", category="Tables", caption=caption)]


def reported(path, category, caption):
    """Return a result that Snakemake's own report has, too."""
    return report(f"{STUDY_DIR}/{path}", category=category, caption=f"../report/{caption}.rst")


def drawn(name, caption):
    """Return a figure as SVG, which the report shows, and as PNG."""
    return {
        "svg": reported(f"figures/{name}.svg", "Figures", caption),
        "png": f"{STUDY_DIR}/figures/{name}.png",
    }


def drawn_each(names, caption):
    """Return figures as SVG, and the same ones as PNG."""
    figures = [drawn(name, caption) for name in names]
    return {suffix: [figure[suffix] for figure in figures] for suffix in ("svg", "png")}


# The maps of files, in the order of the models.
MAPS = {
    "maps": [reported(f"tables/{name}.map.csv", "Tables", "map") for name in STUDY.models],
    **drawn_each([f"{name}.map" for name in STUDY.models], "map"),
}
MANIFESTS = [f"{STUDY_DIR}/manifests/{batch}.parquet" for batch in BATCHES]
EMBEDDINGS = [path for name in STUDY.models for path in embeddings_by(name)]
STATISTICS = [
    path
    for name in STUDY.models
    for path in statistics_by(name, STUDY.paired() if name in COMPARING else STUDY.embedded())
]
CAPTIONED = {
    "exported": TEXT_EXPORTS,
    "verdicts": TEXT_VERDICTS,
    "captions": list(map(str, STUDY.captions.values())),
    "statistics": [path for name in CAPTIONING for path in statistics_by(name, STUDY.captions)],
    "embeddings": [path for name in CAPTIONING for path in embeddings_by(name)],
}
GIVEN = [path for name in COMPARING for path in statistics_by(name, STUDY.given())]


def show_results():
    """Log the main table and the paths of the results, if the run was to make the report."""
    from fad_study.report.summary import summary_text
    from snakemake.logging import logger

    if any(job.rule.name == "write_report" for job in workflow.dag.jobs):
        width = shutil.get_terminal_size((140, 24)).columns
        # The folder is for `fad study run`, which shows the table itself.
        results = {"study_results": STUDY_DIR}
        logger.info(f"\n{or_exit(summary_text, Path(STUDY_DIR), width)}", extra=results)


def clear_stale_results():
    """Move results that the configuration no longer names to the folder `stale` of the study.

    Only a run of the whole study knows what these are.
    """
    from fad_core.util.formatting import counted
    from snakemake.logging import logger

    jobs, options = list(workflow.dag.jobs), workflow.dag_settings
    in_part = options.batch or options.until or options.omit_from or options.allowed_rules
    if in_part or not any(job.rule.name == "all" for job in jobs):
        return
    needed = {path for job in jobs for path in (*job.output, *job.log, job.benchmark) if path}
    if count := move_stale_results(Path(STUDY_DIR), needed):
        # As a warning, `fad study run` shows it too.
        what = f"{counted(count, 'file')} of results that the study no longer names"
        logger.warning(f"{what}: moved to {STUDY_DIR}/stale")
