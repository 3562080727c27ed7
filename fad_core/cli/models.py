"""`fad models`: list the embedding models."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import click

from fad_core.cli.group import Command
from fad_core.cli.output import Form, Row, output_options, print_rows

_SHORTEST = 0.001
"""Seconds below which sound is as good as none."""
_SHOWN = {
    "id": "id",
    "aliases": "aliases",
    "sample_rate": "Hz",
    "channels": "ch",
    "outputs": "outputs",
    "weights_mb": "MB",
    "minimum_seconds": "from s",
}


@click.command(
    cls=Command,
    examples=(
        "fad models",
        "fad models --json | jq -r '.[].id'",
    ),
)
@output_options
def models(form: Form) -> None:
    """List the embedding models."""
    from fad_core.models import TEXT_SUFFIX, get_model, model_ids, text_models

    with_text = {text.name.removesuffix(TEXT_SUFFIX) for text in text_models()}

    rows = [
        {
            "id": model.name,
            "aliases": ", ".join(model.aliases),
            "family": model.family,
            "sample_rate": model.sample_rate,
            "channels": model.channels,
            "dimensions": model.dimension,
            "outputs": ", ".join(
                f"{size}" if name == model.main_output else f"{name} {size}"
                for name, size in model.outputs.items()
            ),
            "weights_mb": round(model.weights_bytes / 1e6),
            "minimum_seconds": round(model.minimum_samples / model.sample_rate, 6),
            "captions": model.name in with_text,
            "checkpoints": ", ".join(checkpoint.filename for checkpoint in model.checkpoints),
        }
        for model in map(get_model, model_ids())
    ]
    print_rows(rows, form, lambda: _text(rows))


def _text(rows: Sequence[Row]) -> str:
    from fad_core.util.formatting import text_table

    table = text_table(list(_SHOWN.values()), [[_cell(row, key) for key in _SHOWN] for row in rows], names=2)
    with_text = ", ".join(row["id"] for row in rows if row["captions"])
    return "\n".join(
        [
            table,
            "Rate, channels, dimensions of outputs, size of the weights, shortest sound.",
            textwrap.fill(f"With captions (fad clap-score): {with_text}.", 80, break_on_hyphens=False),
            "Families and checkpoints: --json or --csv.",
        ]
    )


def _cell(row: Row, key: str) -> str:
    if key == "minimum_seconds":
        return f"{row[key]:.3g}" if row[key] >= _SHORTEST else "any"
    return str(row[key])
