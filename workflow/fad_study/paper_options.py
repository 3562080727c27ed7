"""Options of a study for papers: draws of one experiment, published figures, ratings to correlate with."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad_core.errors import FadError
from fad_study.ratings import (
    cells_of_sets,
    cells_of_table,
    evaluated,
    read_ratings,
    systems_of,
    validate_cells,
)
from fad_study.study_models import name_and_id

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class PublishedChoice:
    """Published figures to compare with.

    Attributes:
        tables: paths of the tables of figures.
        tolerance: largest relative difference that agrees.
    """

    tables: tuple[str, ...]
    tolerance: float


@dataclass(frozen=True)
class CorrelationChoice:
    """What is correlated.

    Attributes:
        ratings: path of the table of ratings.
        distances: path of the table of distances; None: the distances of this study.
        sets: (system, category) of the evaluated data sets, by name; empty if there is a table of distances.
        published: path of a table of published correlations; None if there is none.
        tolerance: largest difference from a published correlation that agrees.
        resamples: number of bootstrap resamples.
        confidence: confidence level of the intervals.
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
        """Paths of all tables that the user provides."""
        return [path for path in (self.ratings, self.distances, self.published) if path is not None]


@dataclass(frozen=True)
class PaperChoices:
    """All options for papers.

    Attributes:
        repeats: data sets of each group of draws, by the group's name.
        published: published figures to compare with; None if there are none.
        correlations: what is correlated; None if nothing is.
    """

    repeats: Mapping[str, tuple[str, ...]]
    published: PublishedChoice | None
    correlations: CorrelationChoice | None

    @property
    def files(self) -> list[str]:
        """Paths of all tables that the user provides."""
        return [
            *(self.published.tables if self.published else []),
            *(self.correlations.files if self.correlations else []),
        ]


def paper_choices(config: Mapping[str, Any], pairs: Pairs) -> PaperChoices:
    """Return the options of a configuration.

    Args:
        config: without errors, and with all defaults filled in.
        pairs: (reference, evaluation), the pairs that are compared.
    """
    datasets = config.get("datasets", {})
    published = config.get("published")
    models = [name_and_id(entry)[0] for entry in config.get("models", [])]
    correlations = config.get("correlations")
    return PaperChoices(
        {name: _members(chosen, list(datasets)) for name, chosen in config.get("repeats", {}).items()},
        _published(published, models) if published else None,
        _correlations(correlations, evaluated(systems_of(datasets), pairs)) if correlations else None,
    )


def _published(published: Mapping[str, Any], models: Sequence[str]) -> PublishedChoice:
    tables = dict.fromkeys(published["table"].replace("{model}", model) for model in models)
    return PublishedChoice(tuple(tables), float(published["tolerance"]))


def validate_papers(config: Mapping[str, Any], datasets: Sequence[str], pairs: Pairs) -> Iterator[str]:
    """Yield a message for each error in the options for papers that the schema does not find.

    Args:
        config: the well-formed parts of a configuration, with all defaults filled in.
        datasets: names of its data sets.
        pairs: (reference, evaluation), the pairs that are compared.
    """
    captioned = {name for name, entry in config.get("datasets", {}).items() if "captions" in entry}
    yield from _validate_repeats(config.get("repeats", {}), datasets, pairs, captioned)
    if "distances" in config.get("correlations", {"distances": ""}):
        return
    if sets := evaluated(systems_of(config.get("datasets", {})), pairs):
        yield from validate_cells([cells_of_sets(sets)])
    else:
        yield "correlations: give a table of `distances`, or a `system` and a `category` to the data sets"


def validate_paper_files(choices: PaperChoices) -> Iterator[str]:
    """Yield a message for each table that is missing, and if ratings do not match a study's data sets.

    The distances of a study are correlated last, after all embedding: its errors must be found before.

    Args:
        choices: the options of the study.
    """
    missing = [path for path in choices.files if not Path(path).is_file()]
    for path in missing:
        yield f"{path}: there is no such table (paths are relative to the working directory)"
    correlations = choices.correlations
    if correlations is None or not correlations.sets or correlations.ratings in missing:
        return
    try:
        ratings = read_ratings(Path(correlations.ratings))
    except FadError as error:
        yield str(error)
    else:
        yield from validate_cells([cells_of_sets(correlations.sets), cells_of_table(ratings, "criterion")])


def _correlations(options: Mapping[str, Any], sets: Mapping[str, tuple[str, str]]) -> CorrelationChoice:
    return CorrelationChoice(
        options["ratings"],
        options.get("distances"),
        {} if "distances" in options else sets,
        options.get("published"),
        float(options["tolerance"]),
        options["resamples"],
        float(options["confidence"]),
    )


def _members(chosen: str | Sequence[str], datasets: Sequence[str]) -> tuple[str, ...]:
    """Return the data sets of a group, in the configuration's order."""
    if isinstance(chosen, str):
        return tuple(name for name in datasets if fnmatch.fnmatchcase(name, chosen))
    return tuple(chosen)


def _validate_repeats(
    repeats: Mapping[str, Any], datasets: Sequence[str], pairs: Pairs, captioned: Set[str]
) -> Iterator[str]:
    groups = {name: _members(chosen, datasets) for name, chosen in repeats.items()}
    for group, members in groups.items():
        unknown = [name for name in members if name not in datasets]
        if group in datasets:
            yield f"repeats: {group} is also the name of a data set; choose another name"
        if not members or unknown:
            yield f"repeats.{group}: there is no data set {', '.join(unknown) or repeats[group]}"
            continue
        for reference in dict.fromkeys(first for first, _ in pairs if first not in members):
            compared = [name for name in members if (reference, name) in pairs]
            if 0 < len(compared) < len(members):
                yield (
                    f"repeats.{group}: {reference} is compared with {len(compared)} of its {len(members)} "
                    "data sets; it must be compared with all of them or with none"
                )
        if 0 < (count := len(captioned & set(members))) < len(members):
            yield (
                f"repeats.{group}: {count} of its {len(members)} data sets have captions; "
                "all of them must have captions or none"
            )
    counts = Counter(name for members in groups.values() for name in members)
    for name in [name for name, count in counts.items() if count > 1]:
        yield f"repeats: {name} is in two groups"
