"""A study, ready to run: what a checked configuration means."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad_core.datasets import Dataset
from fad_core.errors import ConfigError, ModelError
from fad_core.metrics import get_metric
from fad_core.models import family_of


@dataclass(frozen=True)
class StudyModel:
    """One entry under `models`: what results call it, its id, and its choice of weights."""

    name: str
    id: str
    weights: str


@dataclass(frozen=True)
class Study:
    """What is compared with what, and how.

    Attributes:
        name: of the study.
        datasets: by name, in the configuration's order.
        pairs: (reference, evaluation).
        models: by the name that results use.
        settings: every other key of the configuration.
    """

    name: str
    datasets: Mapping[str, Dataset]
    pairs: tuple[tuple[str, str], ...]
    models: Mapping[str, StudyModel]
    settings: Mapping[str, Any]

    def paired(self) -> list[str]:
        """Names of the data sets that some pair needs."""
        wanted = set(itertools.chain.from_iterable(self.pairs))
        return [name for name in self.datasets if name in wanted]


def study_of(config: Mapping[str, Any]) -> Study:
    """Interpret a configuration that `fad_core.config.validate_config` has checked.

    Raises:
        ConfigError: it names data sets, models or metrics that do not exist, or one twice.
    """
    for metric in config["metrics"]:
        get_metric(metric)
    datasets = {
        name: _dataset(name, entry, config.get("audio_root")) for name, entry in config["datasets"].items()
    }
    settings = {
        key: value for key, value in config.items() if key not in ("study", "datasets", "pairs", "models")
    }
    return Study(
        config["study"],
        datasets,
        _pairs(config["pairs"], list(datasets)),
        _models(config["models"]),
        settings,
    )


def _dataset(name: str, entry: Mapping[str, Any], root: str | None) -> Dataset:
    def located(path: str) -> str:
        expanded = Path(path).expanduser()
        return str(expanded if root is None else Path(root).expanduser() / expanded)

    path = entry["path"]
    paths = located(path) if isinstance(path, str) else tuple(located(item) for item in path)
    return Dataset(name=name, path=paths, shards=entry["shards"])


def _pairs(pairs: Any, names: list[str]) -> tuple[tuple[str, str], ...]:
    if pairs == "all":
        if len(names) < 2:
            raise ConfigError("pairs: all needs at least two data sets")
        return tuple(itertools.combinations(names, 2))
    chosen = [(reference, evaluation) for reference, evaluation in pairs]
    unknown = sorted(set(itertools.chain.from_iterable(chosen)) - set(names))
    if unknown:
        raise ConfigError(f"pairs name data sets that do not exist: {', '.join(unknown)}")
    twice = sorted({f"[{', '.join(pair)}]" for pair in chosen if chosen.count(pair) > 1})
    if twice:
        raise ConfigError(f"pairs are given twice: {', '.join(twice)}")
    return tuple(chosen)


def _models(entries: list[Mapping[str, str]]) -> dict[str, StudyModel]:
    models: dict[str, StudyModel] = {}
    for entry in entries:
        try:
            family_of(entry["id"])
        except ModelError as error:
            raise ConfigError(f"models: {error}") from error
        name = entry.get("name", entry["id"])
        if name in models:
            raise ConfigError(
                f"models: two entries are called {name!r}; give them different names with `name:`"
            )
        models[name] = StudyModel(name, entry["id"], entry["weights"])
    return models
