"""The entries under `models` of a study, and the text by which rules pass them to scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fad_core.models import canonical_id, get_model
from fad_core.models.base import EmbeddingModel
from fad_core.models.settings import Settings, parse_settings


@dataclass(frozen=True)
class ModelEntry:
    """One entry under `models`.

    Attributes:
        name: of the model in the results.
        id: of the model.
        weights: "official", "seeded" or the path of a checkpoint.
        settings: how the model is used.
    """

    name: str
    id: str
    weights: str
    settings: Settings = field(default_factory=Settings)

    @property
    def specification(self) -> str:
        """The entry as `name=id` and its settings; `parse_models` reads it."""
        return f"{self.name}={self.id} {self.settings}".rstrip()


def name_and_id(entry: Mapping[str, str]) -> tuple[str, str]:
    """Return the name that results use for an entry under `models`, and the model's id.

    Args:
        entry: as the configuration has it, with the key `id`, and `name` if it differs from that.
    """
    model_id = canonical_id(entry["id"])
    return entry.get("name", model_id), model_id


def parse_models(specifications: Iterable[str]) -> dict[str, EmbeddingModel]:
    """Return models by their names in the study.

    Args:
        specifications: each `name=id`, followed by the settings that are not the defaults
            (`fad_core.models.settings.parse_settings`), as in "clap=clap-630k crop=first".

    Raises:
        UnknownModelError: there is no such model.
        ConfigError: there is no such setting.
    """
    models = {}
    for specification in specifications:
        head, _, settings = specification.partition(" ")
        name, _, model_id = head.partition("=")
        models[name] = get_model(model_id, parse_settings(settings))
    return models
