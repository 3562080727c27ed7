# What a job asks of a cluster; where jobs run beside Snakemake, nothing depends on it.
#
# Memory is what was measured (docs/clusters.md). Every further attempt (`retries`) asks for that much again.

from math import ceil

# Python with the libraries that read tables and audio, and the two Snakemakes around a submitted script.
SCRIPT_MB = 1200
# PyTorch too.
NETWORK_MB = 1700
# What one more file takes that is embedded at the same time.
FILE_MB = 400
# The original packages read a checkpoint whole, of CLAP the half for text too. An estimate.
ORIGINAL_MB = 8000


# Seconds each, or, the downloads, in need of the network, which a cluster's nodes may not have.
localrules:
    all,
    check_files,
    collect_distances,
    collect_files,
    collect_verification,
    compare_published,
    correlate,
    fetch_weights,
    note_settings,
    note_systems,
    plot_correlations,
    plot_heatmap,
    summarise_repeats,
    verify_reference,
    write_matrix,
    write_methods,
    write_paper_tables,
    write_report,


def attempts_of(amount):
    """Resource function: an amount, as much again with every attempt. The amount may depend on the wildcards."""

    def amount_of(wildcards, attempt):
        return attempt * ceil(amount(wildcards) if callable(amount) else amount)

    return amount_of


def network_mb(wildcards):
    """Memory of a job with a shared file's network: two and a half times its weights."""
    return NETWORK_MB + 2.5 * get_model(wildcards.id).weights_bytes / 1e6


def embedding_mb(wildcards, attempt):
    """Resource function: memory of a job that embeds with an entry's network.

    Each thread embeds a file. Where a model's memory grows with the length of a file, all that the study allows
    is asked for once the first attempt has failed.
    """
    model = get_model(STUDY.models[wildcards.model].id)
    grows = model.memory_bytes(60 * model.sample_rate) > 0
    longest = 1000 * STUDY.settings["memory_gb"] if grows and attempt > 1 else 0
    files = (THREADS - 1) * FILE_MB
    return ceil(attempt * (network_mb(Wildcards(id=model.name)) + files) + longest)


def factors_mb(wildcards):
    """Memory of a job that holds the factors of all data sets, D × D in float64, and a copy."""
    dimension = get_model(STUDY.models[wildcards.model].id).embedding_dim
    return SCRIPT_MB + 2 * 8 * dimension**2 * len(STUDY.paired()) / 1e6
