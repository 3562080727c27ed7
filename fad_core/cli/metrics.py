"""`fad metrics`: list the metrics and their options."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

import click

from fad_core.cli.group import Command
from fad_core.cli.output import Form, Row, output_options, print_rows


@click.command(
    cls=Command,
    examples=(
        "fad metrics",
        "fad metrics --json",
    ),
)
@output_options
def metrics(form: Form) -> None:
    """List the metrics, what they need of each set, and their options with their defaults."""
    from fad_core.metrics import get_metric, metric_names
    from fad_core.util.choices import choices_of

    rows = []
    for metric in map(get_metric, metric_names()):
        options = choices_of(metric.options) if metric.options else {}
        rows.append(
            {
                "metric": metric.name,
                "title": metric.title,
                "needs": "vectors" if metric.needs_vectors else "statistics",
                "best": "high" if metric.higher_is_better else "low",
                "options": {
                    name: {"default": item.default, "description": item.description}
                    for name, item in options.items()
                },
            }
        )
    texts = [{**row, "options": json.dumps(row["options"])} for row in rows]
    print_rows(texts if form == "csv" else rows, form, lambda: _text(rows))


def _text(rows: Sequence[Row]) -> str:
    """Return the table of the metrics, and a line for each option."""
    from fad_core.util.formatting import text_table

    shown = ("metric", "title", "needs", "best")
    lines = [text_table(list(shown), [[row[name] for name in shown] for row in rows], names=len(shown))]
    for row in rows:
        for name, option in row["options"].items():
            text = f"{row['metric']} {name}={option['default']}: {option['description']}"
            lines.append(textwrap.fill(text, 100, subsequent_indent="  "))
    return "\n".join(lines)
