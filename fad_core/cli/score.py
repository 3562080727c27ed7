"""`fad score`: two sets, one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from fad_core.cli.embedding import Embedding
from fad_core.cli.group import Command
from fad_core.cli.options import SET, assume_option, embedding_options, metric_option, model_option
from fad_core.cli.output import Form, output_options, print_row
from fad_core.cli.sets import comparable_sets

_DIGITS = 4


@click.command(
    cls=Command,
    examples=(
        "fad score audio/reference audio/system_a",
        'fad score reference "generated/**/*.wav" --on-short-file pad --json',
        "fad score reference.npz audio/system_a --model clap-630k",
    ),
)
@click.argument("reference", type=SET)
@click.argument("evaluation", type=SET)
@model_option
@metric_option
@embedding_options
@assume_option
@output_options
@click.pass_context
def score(
    context: click.Context,
    reference: str,
    evaluation: str,
    model: str,
    metric: str,
    embedding: Embedding,
    assume_same_model: bool,
    form: Form,
) -> None:
    """Score the EVALUATION set against the REFERENCE set.

    Each is a folder (searched recursively), a glob in quotes, one file, embeddings (.npy), or a file of
    statistics (.npz, .parquet) as `fad stats` writes it. The first call with a model exports and
    verifies the model.
    """
    from fad_core.embedding.distances import distance_row
    from fad_core.errors import FadError
    from fad_core.metrics import get_metric

    measure = get_metric(metric)
    chosen = context.get_parameter_source("model") is not click.core.ParameterSource.DEFAULT
    names = list(dict.fromkeys((reference, evaluation)))
    found = comparable_sets(names, [model] if chosen else [], embedding, measure, assume=assume_same_model)
    if len(found) > 1:
        held = ", ".join(each[0].key.model for each in found)
        raise FadError(f"the files hold statistics of {held}: choose one with --model, or use fad compare")
    ((first, *others),) = found
    second = others[0] if others else first
    row = distance_row(first, second, metric)
    print_row(row, form, lambda: _text(row))


def _text(row: Mapping[str, Any]) -> str:
    from fad_core.util.formatting import remarks_of, significant

    lines = [f"{row['metric']}: {significant(row['value'], _DIGITS)}"]
    weights = (
        f"{row['weights']} weights {row['weights_sha256'][:8]}" if row["weights"] else "weights not named"
    )
    lines.append(f"model: {row['model'] or 'not named'}, {weights}")
    if row["settings"]:
        lines.append(f"settings: {row['settings']}")
    for name in ("reference", "evaluation"):
        count = row[f"n_{name}"]
        lines.append(f"{name}: {row[name]}, {'an unknown number of' if count is None else count} vectors")
    if row["files"] is not None:
        lines.append(
            f"files: {row['files']} embedded ({row['padded']} of them padded), {row['excluded']} excluded"
        )
    lines += [f"note: {remark}" for remark in remarks_of(row["note"])]
    return "\n".join(lines)
