"""What the entries under `models` of a configuration compute, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fad_core.metrics.base import CLAP_SCORE_NAME
from fad_core.models import get_model, text_model_of
from fad_study.messages import errors_of


def metrics_of(entry: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Return the metrics of pairs of an entry under `models` as text: its own, or else the study's."""
    return metric_texts(given_metrics(entry, config))


def compares(config: Mapping[str, Any]) -> bool:
    """Return whether a metric of two data sets is computed by any model."""
    return any(metrics_of(entry, config) for entry in config.get("models", []))


def metric_texts(given: Iterable[str | Mapping[str, Any]]) -> list[str]:
    """Return the metrics of pairs, each with its options as text (`fad_core.metrics.choose_metric`)."""
    entries = (
        entry if isinstance(entry, Mapping) else {"id": entry} for entry in given if entry != CLAP_SCORE_NAME
    )
    return [
        " ".join([entry["id"], *(f"{key}={value}" for key, value in entry.items() if key != "id")])
        for entry in entries
    ]


def given_metrics(entry: Mapping[str, Any], config: Mapping[str, Any]) -> list[Any]:
    """Return the metrics of an entry under `models` as the configuration gives them, or else the study's."""
    given: list[Any] = entry.get("metrics", config["metrics"])
    return given


def scores_captions(entry: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Return whether the CLAP score is computed by an entry under `models`: if asked for, and it can be."""
    asked = CLAP_SCORE_NAME in given_metrics(entry, config) and not errors_of(get_model, entry["id"])
    return asked and not errors_of(text_model_of, get_model(entry["id"]))


def captions_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the tables of captions of the data sets; none if the CLAP score is not computed."""
    if not any(scores_captions(entry, config) for entry in config.get("models", [])):
        return {}
    return {
        name: entry["captions"] for name, entry in config.get("datasets", {}).items() if "captions" in entry
    }


def loudness_of(entry: Mapping[str, Any], config: Mapping[str, Any]) -> float | None:
    """Return the loudness in LUFS that an entry under `models` brings files to; None if it leaves it."""
    loudness = entry.get("loudness", config.get("loudness"))
    return None if loudness == "none" else loudness
