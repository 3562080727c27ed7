"""Write the tables for papers, from the table of distances and from tables of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.errors import FadError
from fad_core.tables import CLAP_SCORE, DISTANCES, read_table, write_table
from fad_core.util.atomic import write_text
from fad_study.categories import Places, category_rows
from fad_study.correlations import (
    Options,
    Published,
    correlation_rows,
    read_grids,
    read_published,
    seeded_embeddings,
)
from fad_study.labels import labelled, labelled_groups, labels_of
from fad_study.paper_options import CorrelationChoice
from fad_study.papers.citations import bibliography, with_citations
from fad_study.papers.distance_table import distance_table
from fad_study.papers.latex import latex_table
from fad_study.papers.latex_text import latex_text
from fad_study.papers.layout import PaperTable
from fad_study.papers.markdown import markdown_table, markdown_text
from fad_study.papers.methods import correlation_sentences, score_sentences, version_sentence
from fad_study.papers.published import published_rows, read_figures
from fad_study.papers.repeats import repeat_rows
from fad_study.papers.tables import category_table, correlation_table, published_table
from fad_study.schemas.categories import CATEGORIES
from fad_study.schemas.files import DATASETS
from fad_study.schemas.papers import CORRELATIONS, PUBLISHED, REPEATS
from fad_study.schemas.ranking import RANKING
from fad_study.study_models import parse_models


def summarise_repeats(distances: Path, repeats: Mapping[str, Sequence[str]], outputs: Sequence[Path]) -> None:
    """Write the mean and the spread of the distances of each group of draws.

    Args:
        distances: the table of distances.
        repeats: data sets of each group, by the group's name.
        outputs: the tables to write, all with the same rows.
    """
    rows = repeat_rows(_read_values(distances), repeats)
    for output in outputs:
        write_table(REPEATS, rows, output)


def compare_published(
    figures: Sequence[Path],
    distances: Path,
    repeats: Path | None,
    tolerance: float,
    outputs: Sequence[Path],
) -> None:
    """Compare published distances with those of the study.

    Args:
        figures: CSV tables of published distances (`fad_study.papers.published.read_figures`).
        distances: the table of distances.
        repeats: the table of groups of draws; None if there are no groups.
        tolerance: largest relative difference that agrees.
        outputs: the tables to write, all with the same rows.
    """
    rows = published_rows(
        [figure for path in figures for figure in read_figures(path)],
        _required(_read_values(distances), distances),
        read_table(REPEATS, repeats) if repeats else [],
        tolerance,
    )
    for output in outputs:
        write_table(PUBLISHED, rows, output)


def summarise_categories(distances: Path, places: Places, outputs: Sequence[Path]) -> None:
    """Write the distances of each system by category, and its mean over the categories.

    Args:
        distances: the table of distances.
        places: (system, category) of the evaluated data sets, by name.
        outputs: the tables to write, all with the same rows.
    """
    rows = list(category_rows(read_table(DISTANCES, distances), places))
    for output in outputs:
        write_table(CATEGORIES, rows, output)


def correlate(
    distances: Path,
    ratings: Path,
    published: Path | None,
    tolerance: float,
    options: Options,
    outputs: Sequence[Path],
) -> None:
    """Write the correlations of distances with ratings, compared with published ones if there are any.

    Args:
        distances: CSV table of distances by embedding, system and category, or the study's own CATEGORIES
            table, as Parquet.
        ratings: CSV table of ratings by criterion, system and category.
        published: CSV table of published correlations; None if there is none.
        tolerance: largest difference from a published correlation that agrees.
        options: of the bootstrap intervals.
        outputs: the tables to write, all with the same rows.
    """
    figures = read_published(published) if published else {}
    seeded = seeded_embeddings(distances) if figures else frozenset()
    rows = correlation_rows(*read_grids(distances, ratings), options, Published(figures, tolerance, seeded))
    for output in outputs:
        write_table(CORRELATIONS, rows, output)


def write_paper_tables(
    study: str,
    distances: Path | None,
    datasets: Path | None,
    ranking: Path | None,
    repeats: Path | None,
    groups: Mapping[str, Sequence[str]],
    categories: Path | None,
    published: Path | None,
    correlations: Path | None,
    confidence: float,
    outputs: Sequence[Path],
    clap_score: Path | None = None,
    pairs: Sequence[tuple[str, str]] = (),
) -> None:
    """Write each table that is given for a paper, in Markdown and in LaTeX.

    Args:
        study: name of the study.
        distances: the table of distances, if there is one.
        datasets: the table of counts, which has the labels of the data sets; given if there are distances.
        ranking: the table of ranks, if there is one.
        repeats: the table of groups of draws, if there is one.
        groups: data sets of each group, by the group's name.
        categories: the table of systems by category, if there is one.
        published: the table of published figures, if there is one.
        correlations: the table of correlations, if there is one.
        confidence: confidence level of the correlations' intervals.
        outputs: the files to write, named {table}.md and {table}.tex; the table of CLAP scores alone is
            `clap_score`, and they are in `distances` if there are distances.
        clap_score: the table of CLAP scores, if there is one.
        pairs: (reference, evaluation), the pairs of data sets, if the study names the reference.

    Raises:
        FadError: there are distances and no CLAP scores, and none has a value.
    """
    tables: dict[str, PaperTable] = {}
    counts = read_table(DATASETS, datasets) if datasets else []
    labels = labels_of(counts)
    rows = labelled(read_table(DISTANCES, distances), labels) if distances else []
    computed = [row for row in rows if row["value"] is not None]
    scores = labelled(_read_scores(clap_score, counts), labels)
    groups = labelled_groups(groups, labels)
    if distances and not scores:
        _required(computed, distances)
    if computed or scores:
        drawn = labelled(read_table(REPEATS, repeats), labels) if repeats else []
        ranked = labelled(read_table(RANKING, ranking), labels) if ranking else []
        named = [(labels.get(one, one), labels.get(other, other)) for one, other in pairs]
        name = "distances" if distances else "clap_score"
        tables[name] = distance_table(study, rows, drawn, groups, ranked, scores, named, name)
    if categories:
        tables["categories"] = category_table(study, read_table(CATEGORIES, categories))
    if published:
        figures = labelled(read_table(PUBLISHED, published), labels)
        tables["published"] = published_table(study, figures, computed, groups)
    if correlations:
        tables["correlations"] = correlation_table(study, read_table(CORRELATIONS, correlations), confidence)
    for output in outputs:
        render = latex_table if output.suffix == ".tex" else markdown_table
        write_text(output, render(tables[output.stem]))


def write_methods(
    models: Sequence[str],
    distances: Path | None,
    datasets: Path | None,
    ranking: Path | None,
    correlations: Path | None,
    choice: CorrelationChoice | None,
    seed: int,
    outputs: Sequence[Path],
    clap_score: Path | None = None,
) -> None:
    """Write a paragraph for the methods section of a paper, and the entries of what it cites.

    Args:
        models: specifications of the models (`fad_study.study_models.parse_models`).
        distances: the table of distances, if there is one.
        datasets: the table of counts, if there is one.
        ranking: the table of ranks, if there is one.
        correlations: the table of correlations, if there is one.
        choice: what was correlated, if anything was.
        seed: seed of the resamples.
        outputs: the files to write, .md, .tex or .bib.
        clap_score: the table of CLAP scores, if there is one.
    """
    sentences: list[str] = []
    if datasets:
        counts = read_table(DATASETS, datasets)
        ranks = read_table(RANKING, ranking) if ranking else []
        computed = read_table(DISTANCES, distances) if distances else []
        scores = read_table(CLAP_SCORE, clap_score) if clap_score else []
        computed, scores, counts = (labelled(rows, labels_of(counts)) for rows in (computed, scores, counts))
        sentences += score_sentences(parse_models(models), computed, counts, ranks, scores)
    if correlations and choice:
        sentences += correlation_sentences(choice, seed, read_table(CORRELATIONS, correlations))
    text = " ".join([*sentences, version_sentence()])
    forms = {
        ".md": lambda: with_citations(text, markdown_text, latex=False) + "\n",
        ".tex": lambda: with_citations(text, latex_text, latex=True) + "\n",
        ".bib": lambda: bibliography(text),
    }
    for output in outputs:
        write_text(output, forms[output.suffix]())


def _read_scores(clap_score: Path | None, counts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a table of CLAP scores with their numbers of files that were padded."""
    rows = read_table(CLAP_SCORE, clap_score) if clap_score else []
    padded = {(row["model"], row["dataset"]): row["padded"] for row in counts}
    return [{**row, "padded": padded[row["model"], row["dataset"]]} for row in rows]


def _read_values(distances: Path) -> list[dict[str, Any]]:
    """Return the rows of a table of distances that have a value."""
    return [row for row in read_table(DISTANCES, distances) if row["value"] is not None]


def _required(rows: list[dict[str, Any]], distances: Path) -> list[dict[str, Any]]:
    """Return the rows of a table of distances that have a value.

    Raises:
        FadError: none has.
    """
    if not rows:
        raise FadError(f"{distances}: no metric has a value for any pair; the column `note` says why")
    return rows
