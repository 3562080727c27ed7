"""`fad models`: list the embedding models."""

from __future__ import annotations

import click

from fad_core.cli.group import Command
from fad_core.cli.output import Form, output_options, print_rows


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
    from fad_core.models import get_model, model_ids

    rows = [
        {
            "id": model.name,
            "family": model.family,
            "sample_rate": model.sample_rate,
            "channels": model.channels,
            "dimensions": model.dimension,
            "weights_mb": round(model.weights_bytes / 1e6, 1),
            "minimum_seconds": round(model.minimum_samples / model.sample_rate, 6),
            "checkpoints": ", ".join(checkpoint.filename for checkpoint in model.checkpoints),
        }
        for model in map(get_model, model_ids())
    ]
    print_rows(rows, form)
