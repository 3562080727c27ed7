"""Print results to stdout, as a table for people, CSV or JSON, and messages to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import click

from fad_core.errors import FadError

Command = TypeVar("Command", bound=Callable[..., Any])
Form = Literal["table", "csv", "json"]
Row = Mapping[str, Any]

_ENDS = ("ci_low", "ci_high")
DIGITS = 4
"""Significant digits of values for people."""


def output_options(command: Command) -> Command:
    """Add the options `--json` and `--csv`, as the argument `form`; the last one given counts."""
    csv = click.option("--csv", "form", flag_value="csv", help="Print CSV.")
    json_ = click.option("--json", "form", flag_value="json", default="table", help="Print JSON.")
    return json_(csv(command))


quiet_option = click.option(
    "--quiet", "-q", is_flag=True, help="Show no progress, and no messages other than errors."
)


def print_rows(rows: Sequence[Row], form: Form, text: Callable[[], str] | None = None) -> None:
    """Print a table.

    Args:
        rows: rows with the same keys; None is an unknown value.
        form: "json" or "csv"; "table" for people.
        text: returns the table for people; None: print all columns unchanged.
    """
    if form == "json":
        print_text(json.dumps(rows, indent=1))
    elif form == "csv":
        from fad_core.tables.csvtext import format_csv

        header = [list(row) for row in rows[:1]]
        print_text(format_csv([*header, *(list(row.values()) for row in rows)]))
    else:
        print_text(text() if text is not None else _plain(rows))


def print_row(row: Row, form: Form, text: Callable[[], str]) -> None:
    """Print a single result like `print_rows`, but in JSON as one object on one line."""
    if form == "json":
        print_text(json.dumps(row))
    else:
        print_rows([row], form, text)


def noted_table(columns: Mapping[str, Sequence[str]], notes: Sequence[str], names: int) -> str:
    """Return a table for people, with the remarks on its rows as footnotes, each once.

    Args:
        columns: the texts of each column, by its heading.
        notes: the notes of the rows.
        names: number of columns of names at the left.
    """
    from fad_core.util.formatting import Footnotes, text_table

    footnotes = Footnotes.of(notes)
    marks = ["".join(f"[{number}]" for number in numbers) for numbers in footnotes.marks]
    shown = {**columns, **({"notes": marks} if any(marks) else {})}
    lines = [text_table(list(shown), list(zip(*shown.values(), strict=True)), names)]
    lines += [f"All values: {remark}." for remark in footnotes.general]
    lines += [f"[{number}] {remark}." for number, remark in enumerate(footnotes.numbered, start=1)]
    return "\n".join(lines)


def metrics_of(rows: Sequence[Row]) -> list[str]:
    """Return the metrics of rows of distances, in order."""
    return list(dict.fromkeys(row["metric"] for row in rows))


def several_metrics(rows: Sequence[Row]) -> bool:
    """Return whether rows of distances are of more than one metric."""
    return len(metrics_of(rows)) > 1


def value_columns(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return the columns of values, for people: the value, and what is known of its uncertainty.

    Args:
        rows: rows of distances.

    Returns:
        Under the metric's name, or "metric" and "value" if there are several; "corrected" and "interval"
        where a row has them.
    """
    from fad_core.util.formatting import aligned, significant

    values = aligned([row["value"] for row in rows], DIGITS)
    names = [row["metric"] for row in rows]
    columns = {"metric": names, "value": values} if several_metrics(rows) else {names[0]: values}
    if any(row["corrected"] is not None for row in rows):
        known = (row["corrected"] for row in rows)
        columns["corrected"] = ["" if value is None else significant(value, DIGITS) for value in known]
    if any(row["ci_low"] is not None for row in rows):
        ends = ((row["ci_low"], row["ci_high"]) for row in rows)
        columns["interval"] = [
            "" if low is None else f"{significant(low, DIGITS)}–{significant(high, DIGITS)}"
            for low, high in ends
        ]
    return columns


def count_text(value: Any) -> str:
    """Return a count as text, "?" if it is not known."""
    return "?" if value is None else str(value)


def speaker(quiet: bool) -> Callable[[str], None]:
    """Return a function that writes a line to stderr, or nothing if quiet."""

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    return say


def print_text(text: str) -> None:
    """Print a text, which ends with one line end."""
    # sys.stdout is None if the shell has closed it (>&-); click would then write nothing.
    if sys.stdout is None:
        raise FadError("the results cannot be written: stdout is closed")
    click.echo(text.removesuffix("\n"))


def _plain(rows: Sequence[Row]) -> str:
    from fad_core.util.formatting import one_line, text_table

    texts = [["" if value is None else one_line(str(value)) for value in row.values()] for row in rows]
    return text_table(list(rows[0]), texts, names=len(rows[0]))
