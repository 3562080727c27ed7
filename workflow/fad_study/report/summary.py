"""The main table of a study, as short plain text: how far each data set or system is from the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

from fad_core.metrics import get_metric
from fad_core.tables import CLAP_SCORE, DISTANCES, read_table
from fad_core.util.formatting import Footnotes, aligned, counted, text_table
from fad_study.categories import category_tables
from fad_study.labels import labelled, labels_of
from fad_study.papers.cells import split_no_values
from fad_study.report.matrix import Row
from fad_study.schemas.categories import CATEGORIES, MEAN
from fad_study.schemas.files import DATASETS

_DIGITS = 4
_SETS = 30
_REASON = 160
"""Characters of a reason why values are missing; the rest of it is in the table."""


def summary_text(results: Path, width: int) -> str:
    """Return the distances from the first reference by each model, and the paths of report and tables.

    Of systems by category, the distances by the first metric are returned.

    Args:
        results: folder of the study's results.
        width: width of the terminal in characters.

    Raises:
        FadError: the table of distances is damaged.
    """
    tables = results / "tables"
    paths = [f"Report: {results / 'report.html'}", f"Tables: {tables}"]
    # A study of given tables has none.
    distances = tables / "distances.parquet"
    rows = read_table(DISTANCES, distances) if distances.is_file() else []
    described = tables / "datasets.parquet"
    datasets = read_table(DATASETS, described) if described.is_file() else []
    rows = labelled(rows, labels_of(datasets))
    categories = tables / "categories.parquet"
    lines: list[str] = []
    if categories.is_file():
        lines = [*_category_lines(read_table(CATEGORIES, categories), width), "", *_note_lines(rows)]
    elif rows:
        lines = _table_lines(rows, width)
    captioned = tables / "clap_score.parquet"
    if captioned.is_file():
        lines += _caption_lines(labelled(read_table(CLAP_SCORE, captioned), labels_of(datasets)))
    return "\n".join([*lines, *_file_lines(datasets), *paths]) + "\n"


def _caption_lines(rows: Sequence[Row]) -> list[str]:
    """Return a line for each CLAP score."""
    found = []
    for row in rows:
        ends = "" if row["ci_low"] is None else f" [{row['ci_low']:.4g}, {row['ci_high']:.4g}]"
        found.append(f"CLAP score of {row['dataset']} by {row['model']}: {row['value']:.4g}{ends}")
    return found


def _file_lines(datasets: Sequence[Row]) -> list[str]:
    """Return a line for each data set with files that were excluded or padded, for any model."""
    lines: dict[str, None] = {}
    for row in datasets:
        shown = [f"{row[what]} {what}" for what in ("excluded", "padded") if row[what]]
        if shown:
            total = counted(row["used"] + row["padded"] + row["excluded"], "file")
            lines[f"{row['label']}, {row['model']}: {' and '.join(shown)} of {total}."] = None
    return list(lines)


def _category_lines(rows: Sequence[Row], width: int) -> list[str]:
    found: list[str] = []
    for table in category_tables([row for row in rows if row["metric"] == rows[0]["metric"]]):
        lines = list(table["lines"].values())[:_SETS]
        texts = {
            name: aligned([line[name]["value"] for line in lines], _DIGITS)
            for name in (*table["categories"], MEAN)
        }
        seeded = " (seeded)" if lines[0][MEAN]["weights"] == "seeded" else ""
        title = f"{table['metric'].name}, {table['model']}{seeded}"
        found += _tables(title, [line[MEAN]["system"] for line in lines], texts, width)
    return found


def _note_lines(rows: Sequence[Row]) -> list[str]:
    """Return the remarks that all rows have, why rows have no value, and the number of the other remarks."""
    reasons, texts = split_no_values(rows)
    # A single row has no remarks that all share.
    notes = Footnotes.of((*texts, *texts[: len(rows) == 1]))
    lines = [f"All values: {remark}." for remark in notes.general]
    lines += [shorten(reason, _REASON, placeholder=" …") for reason in reasons]
    if notes.numbered:
        lines.append(f"Notes on single values: {counted(len(notes.numbered), 'remark')} in distances.csv.")
    return lines


def _table_lines(rows: Sequence[Row], width: int) -> list[str]:
    reference = rows[0]["reference"]
    shown = [row for row in rows if row["reference"] == reference]
    names = list(dict.fromkeys(row["evaluation"] for row in shown))[:_SETS]
    metrics = {row["metric"] for row in rows}
    columns: dict[str, dict[str, float | None]] = {}
    for row in shown:
        heading = row["model"] + (f" {row['metric']}" if len(metrics) > 1 else "")
        heading += " (seeded)" if row["weights"] == "seeded" else ""
        columns.setdefault(heading, {})[row["evaluation"]] = row["value"]
    texts = {
        heading: aligned([values.get(name) for name in names], _DIGITS) for heading, values in columns.items()
    }
    compared = all(get_metric(name).needs_reference for name in metrics)
    noun = "distance" if compared else "value"
    what = min(metrics) if len(metrics) == 1 else noun
    title = f"{what} {'to' if compared else 'against'} {reference}"
    lines = [*_tables(title, names, texts, width), "", *_note_lines(shown)]
    hidden = len(rows) - sum(row["evaluation"] in names for row in shown)
    if hidden:
        lines.append(f"{counted(hidden, f'more {noun}')} in distances.csv.")
    return lines


def _tables(title: str, names: Sequence[str], texts: dict[str, list[str]], width: int) -> list[str]:
    """Return one table, or several below each other if the columns of one would not fit."""
    tables: list[str] = []
    chosen: list[str] = []
    for heading in texts:
        wider = _table(title, names, texts, [*chosen, heading])
        if chosen and max(map(len, wider.splitlines())) > width:
            tables.append(_table(title, names, texts, chosen))
            chosen = []
        chosen.append(heading)
    return [*tables, _table(title, names, texts, chosen)]


def _table(title: str, names: Sequence[str], texts: dict[str, list[str]], headings: Sequence[str]) -> str:
    rows = [
        [name, *(text if (text := texts[heading][index]).strip() else "–" for heading in headings)]
        for index, name in enumerate(names)
    ]
    return text_table([title, *headings], rows)
