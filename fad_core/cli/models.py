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
    from fad_core.models.catalogue import read_catalogue

    print_rows(read_catalogue(), form)
