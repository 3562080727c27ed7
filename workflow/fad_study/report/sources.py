"""Read the tables and figures of a report, and check that they belong to one study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad_core.errors import FadError
from fad_core.tables import CLAP_SCORE, DISTANCES, NEAR_COPIES, PER_FILE, STATISTICS, VERIFICATION, read_table
from fad_core.tables.files import damaged
from fad_study.labels import labelled, labels_of
from fad_study.report.matrix import Matrix, compact, read_matrix, rows_of
from fad_study.schemas.categories import CATEGORIES
from fad_study.schemas.curves import MONOTONICITY
from fad_study.schemas.files import DATASETS, FILES
from fad_study.schemas.papers import CORRELATIONS, PUBLISHED
from fad_study.schemas.ranking import AGREEMENT, RANKING
from fad_study.study_models import name_and_id

_OF_MODEL = ("weights", "weights_sha256", "settings")
_MATRIX = ".matrix.csv"
_HEATMAP = ".heatmap.svg"


@dataclass(frozen=True)
class Sources:
    """Paths of the files that a report is made from.

    Attributes:
        distances: the table of distances of all models; None in a study that embeds nothing.
        files: the table of files; None in a study that embeds nothing.
        datasets: the table of counts; None in a study that embeds nothing.
        verifications: tables of verification.
        matrices: matrices, named {model}.{metric}.matrix.csv.
        heatmaps: heat maps, named {model}.{metric}.heatmap.svg.
        statistics: tables of statistics, one row for each output of a model.
        published: the table of published figures; None if the study has none.
        correlations: the table of correlations; None if the study has none.
        bars: the figure of correlations; None if the study has none.
        curves: figures of distances along series, named {metric}.curves.svg.
        ranking: the table of ranks; None if no systems are ranked.
        agreement: the table of rank correlations; None if no systems are ranked.
        rankings: figures of ranks, named {metric}.ranking.svg.
        per_file: the table of single files; None if they are not scored.
        extrapolation: the figure of distances of parts; None if no metric extrapolates.
        maps: maps of files, named {model}.map.svg.
        spreads: figures of single files, named {measure}.per_file.svg.
        monotonicity: tables of whether metrics get worse from level to level.
        near_copies: the table of near copies; None if they were not looked for.
        categories: the table of systems by category; None if no data set has a system.
        clap_score: the table of CLAP scores; None if they are not computed.
    """

    distances: Path | None
    files: Path | None
    datasets: Path | None
    verifications: Sequence[Path]
    matrices: Sequence[Path]
    heatmaps: Sequence[Path]
    statistics: Sequence[Path]
    published: Path | None = None
    correlations: Path | None = None
    bars: Path | None = None
    curves: Sequence[Path] = ()
    ranking: Path | None = None
    agreement: Path | None = None
    rankings: Sequence[Path] = ()
    per_file: Path | None = None
    extrapolation: Path | None = None
    maps: Sequence[Path] = ()
    spreads: Sequence[Path] = ()
    monotonicity: Sequence[Path] = ()
    near_copies: Path | None = None
    categories: Path | None = None
    clap_score: Path | None = None


@dataclass(frozen=True)
class Model:
    """A model as the study used it.

    Attributes:
        name: of the model in the results.
        id: of the model.
        weights: "official", "seeded" or the name of a file.
        weights_sha256: hash of the checkpoint.
        settings: how it was used, as text.
        dimension: D, the length of its vectors.
    """

    name: str
    id: str
    weights: str
    weights_sha256: str
    settings: str
    dimension: int


@dataclass(frozen=True)
class Results:
    """The contents of the sources, with the labels of data sets in place of their names.

    `matrices` and `heatmaps` are by (model, metric), `curves` and `rankings` by metric, `maps` by model,
    `spreads` by measure, in the order of the study. `near_copies` is None if they were not looked for.
    """

    models: list[Model]
    distances: list[dict[str, Any]]
    files: list[dict[str, Any]]
    datasets: list[dict[str, Any]]
    statistics: list[dict[str, Any]]
    verification: list[dict[str, Any]]
    matrices: dict[tuple[str, str], Matrix]
    heatmaps: dict[tuple[str, str], str]
    published: list[dict[str, Any]]
    correlations: list[dict[str, Any]]
    bars: str | None
    curves: dict[str, str]
    ranking: list[dict[str, Any]]
    agreement: list[dict[str, Any]]
    rankings: dict[str, str]
    per_file: list[dict[str, Any]]
    extrapolation: str | None
    maps: dict[str, str]
    spreads: dict[str, str]
    monotonicity: list[dict[str, Any]]
    near_copies: list[dict[str, Any]] | None
    categories: list[dict[str, Any]]
    clap_score: list[dict[str, Any]]


def read_results(study: Mapping[str, Any], sources: Sources) -> Results:
    """Read all sources.

    Args:
        study: the configuration.
        sources: the files to read.

    Raises:
        FadError: a file is missing or damaged, or the files are not of this study.
    """
    distances = read_table(DISTANCES, sources.distances) if sources.distances else []
    ids = dict(map(name_and_id, study.get("models", [])))
    clap_score = read_table(CLAP_SCORE, sources.clap_score) if sources.clap_score else []
    scores = [*distances, *clap_score]
    unknown = sorted({row["model"] for row in scores} - set(ids))
    if unknown or (ids and not scores):
        raise FadError(
            f"{sources.distances}: not a table of this study; its models are {', '.join(unknown) or 'none'}"
        )
    statistics = [_statistics_facts(path) for path in sources.statistics]
    dimensions = {row["model"]: row["dimension"] for row in statistics}
    first = {row["model"]: row for row in reversed(scores)}
    datasets = read_table(DATASETS, sources.datasets) if sources.datasets else []
    of_sets = {(row["model"], row["dataset"]) for row in statistics}
    for row in datasets:
        if (row["model"], row["dataset"]) not in of_sets:
            raise FadError(
                f"{sources.datasets} names {row['dataset']} by {row['model']}, of which there are no "
                "statistics: delete the folder statistics of the study and run again"
            )
    keys = list(dict.fromkeys((row["model"], row["metric"]) for row in distances))
    matrices = {key: _named(sources.matrices, key, _MATRIX) for key in keys}
    heatmaps = {key: _named(sources.heatmaps, key, _HEATMAP) for key in keys}
    labels = labels_of(datasets)
    return Results(
        models=[
            Model(name, ids[name], dimension=dimensions[name], **{key: first[name][key] for key in _OF_MODEL})
            for name in ids
            if name in first
        ],
        distances=labelled(distances, labels),
        files=labelled(read_table(FILES, sources.files), labels) if sources.files else [],
        datasets=labelled(datasets, labels),
        statistics=labelled(statistics, labels),
        verification=[row for path in sources.verifications for row in read_table(VERIFICATION, path)],
        matrices={
            key: compact(read_matrix(path, rows), rows).labelled(labels)
            for key, path in matrices.items()
            for rows in [rows_of(distances, *key)]
        },
        heatmaps={key: _figure(path) for key, path in heatmaps.items()},
        published=labelled(read_table(PUBLISHED, sources.published), labels) if sources.published else [],
        correlations=read_table(CORRELATIONS, sources.correlations) if sources.correlations else [],
        bars=_figure(sources.bars) if sources.bars else None,
        curves={path.name.partition(".")[0]: _figure(path) for path in sources.curves},
        ranking=labelled(read_table(RANKING, sources.ranking), labels) if sources.ranking else [],
        agreement=labelled(read_table(AGREEMENT, sources.agreement), labels) if sources.agreement else [],
        rankings={path.name.partition(".")[0]: _figure(path) for path in sources.rankings},
        per_file=labelled(read_table(PER_FILE, sources.per_file), labels) if sources.per_file else [],
        extrapolation=_figure(sources.extrapolation) if sources.extrapolation else None,
        maps={path.name.removesuffix(".map.svg"): _figure(path) for path in sources.maps},
        spreads={path.name.partition(".")[0]: _figure(path) for path in sources.spreads},
        monotonicity=labelled(
            [row for path in sources.monotonicity for row in read_table(MONOTONICITY, path)], labels
        ),
        near_copies=labelled(read_table(NEAR_COPIES, sources.near_copies), labels)
        if sources.near_copies
        else None,
        categories=read_table(CATEGORIES, sources.categories) if sources.categories else [],
        clap_score=labelled(clap_score, labels),
    )


def _statistics_facts(path: Path) -> dict[str, Any]:
    """Read statistics of the main output without their D·D numbers, which would fill the memory."""
    row, *_ = read_table(STATISTICS, path)
    return {name: row[name] for name in ("model", "dataset", "n", "dimension")}


def _named(paths: Sequence[Path], key: tuple[str, str], suffix: str) -> Path:
    name = f"{key[0]}.{key[1]}{suffix}"
    for path in paths:
        if path.name == name:
            return path
    raise FadError(f"{name} is not among the given files: {', '.join(path.name for path in paths) or 'none'}")


def _figure(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FadError(f"{path}: {error.strerror}: run the step that makes it") from error
    except UnicodeDecodeError as error:
        raise damaged(path, error) from error
    if "<svg" not in text or not text.rstrip().endswith("</svg>"):
        raise damaged(path, ValueError("not a whole SVG figure"))
    return text
