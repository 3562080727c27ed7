"""From the table of distances, and from tables that users bring, to the tables for papers."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from fad_core.tables import CORRELATIONS, DATASETS, DISTANCES, PUBLISHED, REPEATS, read_table, write_table
from fad_core.tables.csvtext import format_csv, plain_text
from fad_core.util.atomic import write_text
from fad_study.correlations import Options, Published, correlation_rows, read_grids, read_published
from fad_study.paper_options import CorrelationChoice
from fad_study.papers.distance_table import distance_table
from fad_study.papers.layout import PaperTable, latex_table, latex_text, markdown_table, markdown_text
from fad_study.papers.listeners import SEEDED, system_distances
from fad_study.papers.methods import correlation_sentences, distance_sentences, version_sentence
from fad_study.papers.published import published_rows, read_figures
from fad_study.papers.repeats import repeat_rows
from fad_study.papers.tables import correlation_table, published_table
from fad_study.study_models import parse_models


def summarise_repeats(distances: Path, repeats: Mapping[str, Sequence[str]], outputs: Sequence[Path]) -> None:
    """Write mean and spread of each group of data sets."""
    rows = repeat_rows(read_table(DISTANCES, distances), repeats)
    for output in outputs:
        write_table(REPEATS, rows, output)


def compare_published(
    figures: Path, distances: Path, repeats: Path | None, tolerance: float, outputs: Sequence[Path]
) -> None:
    """Put published distances beside the study's."""
    rows = published_rows(
        read_figures(figures),
        read_table(DISTANCES, distances),
        read_table(REPEATS, repeats) if repeats else [],
        tolerance,
    )
    for output in outputs:
        write_table(PUBLISHED, rows, output)


def write_system_distances(distances: Path, sets: Mapping[str, tuple[str, str]], output: Path) -> None:
    """Write the study's own distances by system and category."""
    write_text(output, format_csv(system_distances(read_table(DISTANCES, distances), sets)))


def correlate(
    distances: Path,
    ratings: Path,
    published: Path | None,
    tolerance: float,
    options: Options,
    outputs: Sequence[Path],
) -> None:
    """Write the correlations of distances with ratings, beside published ones."""
    figures = read_published(published) if published else {}
    beside = Published(figures, tolerance, _seeded_embeddings(distances) if figures else frozenset())
    rows = correlation_rows(*read_grids(distances, ratings), options, beside)
    for output in outputs:
        write_table(CORRELATIONS, rows, output)


def _seeded_embeddings(distances: Path) -> frozenset[str]:
    """Embeddings of weights that were never trained, where the table has a column that says so."""
    with distances.open(encoding="utf-8-sig", newline="") as stream:
        seeded = [row["embedding"] for row in csv.DictReader(stream) if row.get("weights") == SEEDED]
    return frozenset(plain_text(name).strip() for name in seeded)


def write_paper_tables(
    study: str,
    distances: Path | None,
    repeats: Path | None,
    groups: Mapping[str, Sequence[str]],
    published: Path | None,
    correlations: Path | None,
    confidence: float,
    outputs: Sequence[Path],
) -> None:
    """Write the tables that there are, each under its own name, as Markdown and as LaTeX.

    Args:
        study: its name.
        distances: the long table of distances.
        repeats: the table of groups.
        groups: the data sets of each group.
        published: the table of published figures.
        correlations: the table of correlations.
        confidence: of the correlations' intervals.
        outputs: named {table}.md and {table}.tex.
    """
    tables: dict[str, PaperTable] = {}
    computed = read_table(DISTANCES, distances) if distances else []
    if computed:
        drawn = read_table(REPEATS, repeats) if repeats else []
        tables["distances"] = distance_table(study, computed, drawn, groups)
    if published:
        tables["published"] = published_table(study, read_table(PUBLISHED, published), computed, groups)
    if correlations:
        tables["correlations"] = correlation_table(study, read_table(CORRELATIONS, correlations), confidence)
    for output in outputs:
        render = latex_table if output.suffix == ".tex" else markdown_table
        write_text(output, render(tables[output.stem]))


def write_methods(
    models: Sequence[str],
    distances: Path | None,
    datasets: Path | None,
    correlations: Path | None,
    choice: CorrelationChoice | None,
    seed: int,
    outputs: Sequence[Path],
) -> None:
    """Write the paragraph for the methods section, as .md or .tex by the outputs' suffixes."""
    sentences: list[str] = []
    if distances and datasets:
        tables = read_table(DISTANCES, distances), read_table(DATASETS, datasets)
        sentences += distance_sentences(parse_models(models), *tables)
    if correlations and choice:
        sentences += correlation_sentences(choice, seed, read_table(CORRELATIONS, correlations))
    text = " ".join([*sentences, version_sentence()])
    for output in outputs:
        escape = latex_text if output.suffix == ".tex" else markdown_text
        write_text(output, escape(text) + "\n")
