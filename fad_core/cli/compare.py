"""`fad compare`: every pair of sets."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import click

from fad_core.cli.embedding import Embedding
from fad_core.cli.group import Command
from fad_core.cli.options import SET, assume_option, embedding_options, metrics_option, models_option
from fad_core.cli.output import (
    Form,
    Row,
    count_text,
    noted_table,
    output_options,
    print_rows,
    several_metrics,
    value_columns,
)
from fad_core.cli.sets import comparable_sets, require_different


@click.command(
    cls=Command,
    examples=(
        "fad compare audio/reference audio/system_a audio/system_b",
        "fad compare reference.npz audio/* --model vggish --csv > distances.csv",
        "fad compare results/my_benchmark/statistics/vggish/*.parquet",
        "fad compare audio/a audio/b --model vggish --model pann-16k --json",
        "fad compare fadtk/reference.npz audio/system_a --assume-same-model",
    ),
)
@click.argument("sets", nargs=-1, required=True, type=SET)
@models_option
@metrics_option
@embedding_options
@assume_option
@output_options
def compare(
    sets: tuple[str, ...],
    models: tuple[str, ...],
    metrics: tuple[str, ...],
    embedding: Embedding,
    assume_same_model: bool,
    form: Form,
) -> None:
    """Compare all pairs of SETS.

    In each pair, the set that is named first is the reference.

    A set is a folder (searched recursively), a glob in quotes, one file, a list (@clips.txt,
    @clips.csv:column), embeddings (.npy, .parquet), or a file of statistics (.npz, .parquet): those of
    `fad stats` and of the pipeline, fadtk's ({model}.mu, {model}.cov) and pytorch-fid's (mu, sigma). Sets of
    different models, weights or settings are refused.
    """
    from fad_core.embedding.distances import distance_row
    from fad_core.metrics import choose_metric

    if len(sets) < 2:
        raise click.UsageError("a comparison needs at least two sets")
    require_different(sets)
    measures = [choose_metric(metric) for metric in dict.fromkeys(metrics)]
    rows = [
        distance_row(reference, evaluation, metric, partial=len(metrics) > 1)
        for group in comparable_sets(
            sets, models, embedding, measures, assume=assume_same_model, all_pairs=True
        )
        for reference, evaluation in itertools.combinations(group, 2)
        for metric in dict.fromkeys(metrics)
    ]
    print_rows(rows, form, lambda: _text(rows))


def _text(rows: Sequence[Row]) -> str:
    from fad_core.util.formatting import one_line

    columns = {
        "model": [row["model"] or "not named" for row in rows],
        "weights": [_weights(row) for row in rows],
        "reference": [one_line(row["reference"]) for row in rows],
        "evaluation": [one_line(row["evaluation"]) for row in rows],
        **value_columns(rows),
        "vectors": [f"{count_text(row['n_reference'])} : {count_text(row['n_evaluation'])}" for row in rows],
    }
    for name in ("files", "padded", "excluded"):
        columns[name] = [count_text(row[name]) for row in rows]
    return noted_table(columns, [row["note"] for row in rows], names=5 if several_metrics(rows) else 4)


def _weights(row: Row) -> str:
    return f"{row['weights']} {row['weights_sha256'][:8]}" if row["weights"] else "not named"
