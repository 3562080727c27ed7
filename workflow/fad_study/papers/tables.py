"""The tables of published figures and of correlations for a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fad_study.categories import category_tables
from fad_study.correlations import GLOBAL, SYSTEM_MEANS
from fad_study.papers.cells import Compared, key_of, listed, mark_best, rows_behind, with_remarks
from fad_study.papers.layout import Cell, Number, PaperTable, with_interval
from fad_study.papers.legend import weights_sentences
from fad_study.ranking import UNRANKED
from fad_study.schemas.categories import MEAN

Row = Mapping[str, Any]

_DECIMALS = 2
"""Number of digits after the point of a correlation."""


def published_table(
    study: str, rows: Sequence[Row], distances: Sequence[Row], groups: Mapping[str, Sequence[str]]
) -> PaperTable:
    """Return a table of published figures and the values of this study.

    Args:
        study: name of the study.
        rows: of a PUBLISHED table.
        distances: rows of the DISTANCES table that `rows` were made from.
        groups: data sets of each group of draws, by the group's name.
    """
    comparable = any(row["verdict"] != "not comparable" for row in rows)
    several = len({row["reference"] for row in rows}) > 1
    behind = rows_behind(distances, groups)
    cells = {
        key_of(row): Compared(Number(row["value"], row["sd"], row["sd"]), behind[key_of(row)]) for row in rows
    }
    cells, notes = with_remarks(cells)
    heading = [
        "model",
        *(["reference"] if several else []),
        "evaluated set",
        "source",
        "published",
        "here",
        "n",
    ]
    body = tuple(
        (
            row["model"],
            *((row["reference"],) if several else ()),
            row["evaluation"],
            row["source"],
            Number(row["published"], digits=_digits_of(row["published"])),
            cells[key_of(row)].number,
            cells[key_of(row)].vectors,
            # Differences of figures that are not comparable would be misleading.
            *((_percent(row["relative_difference"]), row["verdict"]) if comparable else ()),
        )
        for row in rows
    )
    agreement = f"Agreement means within {100 * rows[0]['tolerance']:g} % of the published figure."
    caption = [
        "Published figures and those computed here.",
        agreement if comparable else "They are not comparable.",
        *weights_sentences(rows),
    ]
    of_table = ["n: number of embedding vectors, reference : evaluated set."]
    heading += ["difference", "verdict"] if comparable else []
    draws = max(row["draws"] for row in rows)
    if draws > 1:
        of_table.append(f"± is the standard deviation over up to {draws} draws.")
    names = heading.index("published")
    return PaperTable(
        " ".join(caption),
        f"tab:{study}-published",
        tuple(heading),
        (body,),
        names,
        notes=(*(("", note) for note in of_table), *notes),
    )


def category_table(study: str, rows: Sequence[Row]) -> PaperTable:
    """Return a table with a line for each system: its distance in each category, and the mean.

    Args:
        study: name of the study.
        rows: of a CATEGORIES table.
    """
    tables = list(category_tables(rows))
    several = {
        "model": len({table["model"] for table in tables}) > 1,
        "metric": len({table["metric"].name for table in tables}) > 1,
    }
    shown = [name for name, wanted in several.items() if wanted]
    columns = [*tables[0]["categories"], MEAN]
    groups = []
    for table in tables:
        names = {"model": table["model"], "metric": table["metric"].label}
        head = tuple(names[name] for name in shown)
        lines = table["lines"].items()
        cells = [
            tuple(None if line[name]["value"] is None else Number(line[name]["value"]) for name in columns)
            for _, line in lines
        ]
        groups.append(tuple((*head, system, *line) for (system, _), line in zip(lines, cells, strict=True)))
    metrics = " and ".join(dict.fromkeys(table["metric"].label for table in tables))
    orders = {table["ranked_by"] for table in tables}
    caption = [
        f"{metrics} of each system by category, and the unweighted mean over the categories.",
        "The system with the best mean is first"
        + (", by corrected means where numbers of vectors differ." if "corrected" in orders else "."),
        *weights_sentences(rows),
    ]
    notes = ["Differences of means were not tested."]
    if "" in orders:
        of = [f"{table['metric'].label} of {table['model']}" for table in tables if not table["ranked_by"]]
        notes.append(f"Systems are not ranked by {listed(of)}: {UNRANKED}.")
    notes += dict.fromkeys(f"{row['system']}: {row['note']}." for table in tables for row in table["missing"])
    return PaperTable(
        " ".join(caption),
        f"tab:{study}-categories",
        (*shown, "system", *columns),
        tuple(groups),
        len(shown) + 1,
        notes=tuple(("", note) for note in notes),
    )


def correlation_table(study: str, rows: Sequence[Row], confidence: float) -> PaperTable:
    """Return a table of Pearson's coefficients, pooled and of system means.

    Args:
        study: name of the study.
        rows: of a CORRELATIONS table.
        confidence: confidence level of the intervals.
    """
    cells = {(row["embedding"], row["criterion"], row["category"]): row for row in rows if _is_pearson(row)}
    criteria = list(dict.fromkeys(criterion for _, criterion, _ in cells))
    embeddings = list(dict.fromkeys(embedding for embedding, _, _ in cells))
    heading, over = ["embedding"], [""]
    columns: list[list[Cell]] = [list(embeddings)]
    for criterion in criteria:
        pooled = [cells[name, criterion, GLOBAL] for name in embeddings]
        heading.append("pooled")
        columns.append([*mark_best([with_interval(row, _DECIMALS) for row in pooled])])
        if any(row["published"] is not None for row in pooled):
            heading.append("published")
            columns.append([_published_cell(row["published"]) for row in pooled])
        heading.append("means")
        means = [cells[name, criterion, SYSTEM_MEANS] for name in embeddings]
        columns.append([*mark_best([with_interval(row, _DECIMALS) for row in means])])
        over += [criterion] * (len(heading) - len(over))
    caption = (
        "Pearson correlation of distances with ratings, over all systems and categories (pooled) and over "
        "the systems' means (means). The most negative of each column is in bold."
    )
    notes = [
        f"± and superscripts: {100 * confidence:g} % bootstrap intervals over systems.",
        verdict_sentence(rows),
    ]
    return PaperTable(
        caption,
        f"tab:{study}-correlations",
        tuple(heading),
        (tuple(zip(*columns, strict=True)),),
        1,
        tuple(over),
        tuple(("", note) for note in notes if note),
    )


def verdict_sentence(rows: Sequence[Row]) -> str:
    """Return a sentence on how many published figures agree; "" if there are none."""
    verdicts = [row["verdict"] for row in rows if row["verdict"]]
    if not verdicts:
        return ""
    if "not comparable" in verdicts:
        return f"{verdicts.count('not comparable')} of {len(verdicts)} published figures are not comparable."
    return f"{verdicts.count('agrees')} of {len(verdicts)} published figures agree."


def _is_pearson(row: Row) -> bool:
    return bool(row["statistic"] == "pearson")


def _published_cell(value: float | None) -> Cell:
    return None if value is None else Number(value, decimals=_DECIMALS)


def _percent(share: float | None) -> Cell:
    return None if share is None else f"{100 * share:+.1f} %"


def _digits_of(value: float) -> int:
    """Return the number of significant digits that a figure was published with."""
    return max(1, len(repr(value).partition("e")[0].replace(".", "").lstrip("-0")))
