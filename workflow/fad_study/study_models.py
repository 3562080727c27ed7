"""The entries under `models` of a study, and the text by which rules pass them to scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fad_core.models import canonical_id, get_model
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.use import ModelUse
from fad_core.runner.backend import DEFAULT_BACKEND, Backend, parse_settings, settings_text


@dataclass(frozen=True)
class StudyModel:
    """One entry under `models`.

    Attributes:
        name: of the model in the results.
        id: of the model.
        weights: "official", "seeded" or the path of a checkpoint.
        options: how the model is used.
        backend: how and where its network runs.
        metrics: what is computed by it: with its options as text (`fad_core.metrics.choose_metric`), by its
            name.
        clap_score: whether the CLAP score is computed by it, of data sets with captions.
    """

    name: str
    id: str
    weights: str
    options: Options = DEFAULT_OPTIONS
    backend: Backend = DEFAULT_BACKEND
    metrics: Mapping[str, str] = field(default_factory=dict)
    clap_score: bool = False

    @property
    def settings(self) -> str:
        """Options and backend as text; `fad_core.runner.backend.parse_settings` reads it."""
        return settings_text(self.options, self.backend)

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


def parse_models(specifications: Iterable[str]) -> dict[str, ModelUse]:
    """Return models, and how they are used, by their names in the study.

    Args:
        specifications: each `name=id`, followed by the settings that are not the defaults
            (`fad_core.runner.backend.parse_settings`), as in "clap=clap-630k crop=first".

    Raises:
        UnknownModelError: there is no such model.
        ConfigError: there is no such setting.
    """
    models = {}
    for specification in specifications:
        head, _, settings = specification.partition(" ")
        name, _, model_id = head.partition("=")
        options, _ = parse_settings(settings)
        models[name] = ModelUse(get_model(model_id), options)
    return models
