"""What a study says for papers: draws of one experiment, published figures, ratings to correlate with."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad_core.errors import FadError
from fad_study.ratings import cells_of_sets, cells_of_table, faults_of_cells, read_ratings

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class PublishedChoice:
    """Published figures to be compared with: the table, and the largest relative difference that agrees."""

    table: str
    tolerance: float


@dataclass(frozen=True)
class CorrelationChoice:
    """What is correlated.

    Attributes:
        ratings: the table of ratings.
        distances: the table of distances; None if they are this study's own.
        sets: (system, category) of this study's data sets, by name; empty if there is a table.
        published: a table of published correlations, if there is one.
        tolerance: the largest difference from these that agrees.
        resamples: how many an interval is made of.
        confidence: the share of them within it.
    """

    ratings: str
    distances: str | None
    sets: Mapping[str, tuple[str, str]]
    published: str | None
    tolerance: float
    resamples: int
    confidence: float

    @property
    def files(self) -> list[str]:
        """All tables that the study must bring."""
        return [path for path in (self.ratings, self.distances, self.published) if path is not None]


@dataclass(frozen=True)
class PaperChoices:
    """All of it; what the study does not say is empty or None."""

    repeats: Mapping[str, tuple[str, ...]]
    published: PublishedChoice | None
    correlations: CorrelationChoice | None

    @property
    def files(self) -> list[str]:
        """All tables that the study must bring."""
        return [
            *([self.published.table] if self.published else []),
            *(self.correlations.files if self.correlations else []),
        ]


def paper_choices(config: Mapping[str, Any], datasets: Sequence[str]) -> PaperChoices:
    """Read them off a checked configuration."""
    published = config.get("published")
    correlations = config.get("correlations")
    return PaperChoices(
        {name: _members(chosen, datasets) for name, chosen in config.get("repeats", {}).items()},
        PublishedChoice(published["table"], float(published["tolerance"])) if published else None,
        _correlations(correlations) if correlations else None,
    )


def faults_of_papers(config: Mapping[str, Any], datasets: Sequence[str], pairs: Pairs) -> Iterator[str]:
    """What is wrong with these keys, beyond what the schema says."""
    yield from _faults_of_repeats(config.get("repeats", {}), datasets, pairs)
    correlations = config.get("correlations", {})
    if correlations and ("distances" in correlations) == ("sets" in correlations):
        yield "correlations: give either distances, a table, or sets, those of this study"
    for name in correlations.get("sets", {}):
        references = [reference for reference, evaluation in pairs if evaluation == name]
        if name not in datasets:
            yield f"correlations.sets: there is no data set {name}"
        elif len(references) != 1:
            yield (
                f"correlations.sets: {name} is evaluated against {', '.join(references) or 'nothing'}; "
                "each set must be in one pair as the second"
            )
    if "sets" in correlations:
        yield from faults_of_cells([cells_of_sets(_sets(correlations))])


def faults_of_files(choices: PaperChoices) -> Iterator[str]:
    """Which of the tables are not there, and how the ratings do not go with the data sets they are of.

    A study's own distances are correlated last, when all is embedded: too late to learn that.
    """
    missing = [path for path in choices.files if not Path(path).is_file()]
    for path in missing:
        yield f"{path}: there is no such table (paths start from the working directory)"
    correlations = choices.correlations
    if correlations is None or not correlations.sets or correlations.ratings in missing:
        return
    try:
        ratings = read_ratings(Path(correlations.ratings))
    except FadError as error:
        yield str(error)
    else:
        yield from faults_of_cells([cells_of_sets(correlations.sets), cells_of_table(ratings, "criterion")])


def _sets(correlations: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    sets = correlations.get("sets", {})
    return {name: (entry["system"], entry["category"]) for name, entry in sets.items()}


def _correlations(given: Mapping[str, Any]) -> CorrelationChoice:
    return CorrelationChoice(
        given["ratings"],
        given.get("distances"),
        _sets(given),
        given.get("published"),
        float(given["tolerance"]),
        given["resamples"],
        float(given["confidence"]),
    )


def _members(chosen: str | Sequence[str], datasets: Sequence[str]) -> tuple[str, ...]:
    """The data sets of a group, in the configuration's order."""
    if isinstance(chosen, str):
        return tuple(name for name in datasets if fnmatch.fnmatchcase(name, chosen))
    return tuple(chosen)


def _faults_of_repeats(repeats: Mapping[str, Any], datasets: Sequence[str], pairs: Pairs) -> Iterator[str]:
    groups = {name: _members(chosen, datasets) for name, chosen in repeats.items()}
    for group, members in groups.items():
        unknown = [name for name in members if name not in datasets]
        if group in datasets:
            yield f"repeats: {group} is the name of a data set too; choose another name"
        if not members or unknown:
            yield f"repeats.{group}: there is no data set {', '.join(unknown) or repeats[group]}"
            continue
        for reference in dict.fromkeys(first for first, _ in pairs if first not in members):
            compared = [name for name in members if (reference, name) in pairs]
            if 0 < len(compared) < len(members):
                yield (
                    f"repeats.{group}: {reference} is compared with {len(compared)} of its {len(members)} "
                    "data sets; with all or none, or their mean means nothing"
                )
    counts = Counter(name for members in groups.values() for name in members)
    for name in [name for name, count in counts.items() if count > 1]:
        yield f"repeats: {name} is in two groups"
