# What a job requests of a cluster. Where jobs run beside Snakemake, nothing depends on it.
#
# Memory is as measured (docs/clusters.md). Every further attempt (`retries`) requests that much more.

from math import ceil

from fad_core.models import find_network, get_model

# Python with the libraries that read tables and audio, and the two Snakemakes around a submitted script.
SCRIPT_MB = 1200
# The same with PyTorch.
NETWORK_MB = 1700
# One more file that is embedded at the same time.
FILE_MB = 400
# The original packages read a whole checkpoint, of CLAP including the half for text. An estimate.
ORIGINAL_MB = 8000


# These take seconds, or, as downloads, need the network, which the nodes of a cluster may lack.
localrules:
    all,
    check_files,
    collect_distances,
    collect_file_values,
    collect_files,
    collect_near_copies,
    collect_verification,
    compare_published,
    correlate,
    fetch_reference,
    fetch_weights,
    plot_correlations,
    plot_curves,
    plot_extrapolation,
    plot_heatmap,
    plot_per_file,
    plot_ranking,
    rank_systems,
    summarise_categories,
    summarise_repeats,
    take_statistics,
    verify_reference,
    write_matrix,
    write_methods,
    write_paper_tables,
    write_report,


def request(memory_mb, minutes, **others):
    """Return the resources of a rule.

    Both amounts are multiplied by the number of the attempt; a function of wildcards and attempt is called.
    """
    return {"mem_mb": by_attempt(memory_mb), "runtime": by_attempt(minutes), **others}


def by_attempt(amount):
    """Return a resource function of an amount, which is multiplied by the number of the attempt."""
    return amount if callable(amount) else lambda wildcards, attempt: attempt * amount


def model_mb(model_id):
    """Return the memory of a process with a model: two and a half times its weights, besides PyTorch."""
    return NETWORK_MB + 2.5 * find_network(model_id).weights_bytes / 1e6


def network_mb(wildcards, attempt):
    """Resource function: memory of a job with the network of a shared file."""
    return attempt * ceil(model_mb(wildcards.id))


def embedding_mb(wildcards, attempt):
    """Resource function: memory of a job that embeds with the network of an entry.

    Each thread embeds a file. If the memory of a model grows with the length of a file, the limit of the study
    is requested once the first attempt has failed.
    """
    model = get_model(STUDY.models[wildcards.model].id)
    grows = model.memory_bytes(60 * model.sample_rate) > 0
    longest = 1000 * STUDY.settings["memory_gb"] if grows and attempt > 1 else 0
    files = (THREADS - 1) * FILE_MB
    return ceil(attempt * (model_mb(model.name) + files) + longest)


def captions_mb(wildcards, attempt):
    """Resource function: memory of a job with one network of captions after the other."""
    return attempt * ceil(max(map(model_mb, CAPTIONING.values()), default=SCRIPT_MB))


def factors_mb(wildcards, attempt):
    """Resource function: memory of a job with the factors of all data sets, and a copy.

    They are D × D in float64 for each output.
    """
    dimensions = get_model(STUDY.models[wildcards.model].id).outputs.values()
    size = 8 * sum(dimension**2 for dimension in dimensions)
    return attempt * ceil(SCRIPT_MB + 2 * size * len(STUDY.paired()) / 1e6)
