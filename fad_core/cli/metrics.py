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
        "fad metrics kl kad",
        "fad metrics --json",
    ),
)
@click.argument("names", metavar="[METRIC]...", nargs=-1)
@output_options
def metrics(names: tuple[str, ...], form: Form) -> None:
    """List the metrics, what they need of each set, and their options with their defaults.

    With names of metrics, their options are described.
    """
    from fad_core.metrics import get_metric, metric_names
    from fad_core.metrics.base import CLAP_SCORE_NAME
    from fad_core.util.choices import choices_of

    if CLAP_SCORE_NAME in names:
        raise click.UsageError(
            f"{CLAP_SCORE_NAME} compares files with captions and has no options: fad clap-score"
        )
    rows = []
    for metric in map(get_metric, dict.fromkeys(names) or metric_names()):
        options = choices_of(metric.options) if metric.options else {}
        outputs = dict.fromkeys(need.output for need in metric.needs if need.output)
        rows.append(
            {
                "metric": metric.name,
                "title": metric.title,
                "needs": "vectors" if metric.needs_vectors else "statistics",
                "output": ", ".join(outputs),
                "best": "high" if metric.higher_is_better else "low",
                "options": {
                    name: {"default": item.default, "description": item.description}
                    for name, item in options.items()
                },
            }
        )
    texts = [{**row, "options": json.dumps(row["options"])} for row in rows]
    print_rows(texts if form == "csv" else rows, form, lambda: _text(rows, described=bool(names)))


def _text(rows: Sequence[Row], *, described: bool) -> str:
    """Return the table of the metrics, and their options, described or not."""
    from fad_core.util.formatting import text_table

    columns = ("metric", "title", "needs", "best")
    lines = [text_table(list(columns), [[_cell(row, name) for name in columns] for row in rows], names=4)]
    for row in rows:
        options = {f"{name}={option['default']}": option for name, option in row["options"].items()}
        if described:
            lines += ["", f"Options of {row['metric']}:"] if options else []
            lines += [_filled(f"  {text}: {option['description']}", 6) for text, option in options.items()]
        elif options:
            lines += ["", "Options:"] if "Options:" not in lines else []
            lines.append(_filled(f"  {row['metric']}: {', '.join(options)}", 6))
    if not described:
        lines += ["", "What they mean: fad metrics METRIC. Files against captions: fad clap-score."]
    return "\n".join(lines)


def _cell(row: Row, name: str) -> str:
    return f"{row['needs']} of {row['output']}" if name == "needs" and row["output"] else row[name]


def _filled(text: str, indent: int) -> str:
    return textwrap.fill(text, 100, subsequent_indent=" " * indent, break_on_hyphens=False)
