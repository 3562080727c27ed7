"""The models of a study as its scripts take them: `name=id` and what differs from the default settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fad_core.models import canonical_id, get_model
from fad_core.models.use import ModelUse
from fad_core.runner.backend import parse_settings


def name_and_id(entry: Mapping[str, str]) -> tuple[str, str]:
    """What results call an entry under `models` of a configuration, and its model's id."""
    model_id = canonical_id(entry["id"])
    return entry.get("name", model_id), model_id


def named_id(specification: str) -> tuple[str, str]:
    """Name and id of a specification as `parse_models` takes it."""
    name, _, model_id = specification.partition(" ")[0].partition("=")
    return name, model_id


def parse_models(specifications: Iterable[str]) -> dict[str, ModelUse]:
    """Models, and how they are used, by the names they have in a study.

    Args:
        specifications: each `name=id`, and after it the settings that are not the defaults
            (`fad_core.runner.backend.parse_settings`), as in "clap=clap-630k crop=first".

    Raises:
        UnknownModelError: there is no such model.
        ConfigError: there is no such setting.
    """
    models = {}
    for specification in specifications:
        name, model_id = named_id(specification)
        options, _ = parse_settings(specification.partition(" ")[2])
        models[name] = ModelUse(get_model(model_id), options)
    return models
