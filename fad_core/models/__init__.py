"""The registry of embedding models. No other file names a family.

A family's module is imported when one of its models is asked for; listing the ids costs nothing.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING

from fad_core.errors import UnknownModelError

if TYPE_CHECKING:
    from fad_core.models.base import EmbeddingModel

# Model id → its family's module here. A new family is one module and its lines in this table.
FAMILY_OF = {
    "vggish": "vggish",
    "vggish-activation": "vggish",
    "vggish-pca": "vggish",
    "vggish-pca-activation": "vggish",
    "pann-8k": "pann",
    "pann-16k": "pann",
    "pann-32k": "pann",
    "encodec-24k": "encodec",
    "encodec-48k": "encodec",
    "clap-630k-audioset": "clap",
    "clap-630k-audioset-fusion": "clap",
    "clap-630k": "clap",
    "clap-630k-fusion": "clap",
    "clap-music-audioset": "clap",
    "clap-music-speech": "clap",
    "clap-music-speech-audioset": "clap",
}

# Other names of models, as the original package has them.
ALIASES = {"clap": "clap-630k-audioset"}


def model_ids() -> list[str]:
    """Return the ids that configurations and the command line accept."""
    return list(FAMILY_OF)


def family_of(model_id: str) -> str:
    """The family (module name) that a model belongs to.

    Raises:
        UnknownModelError: there is no such model; the message lists those that there are.
    """
    model_id = canonical_id(model_id)
    if model_id not in FAMILY_OF:
        names = [*FAMILY_OF, *ALIASES]
        close = difflib.get_close_matches(model_id, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UnknownModelError(f"there is no model {model_id!r}.{hint} Models: {', '.join(names)}.")
    return FAMILY_OF[model_id]


def canonical_id(model_id: str) -> str:
    """Return a model's id, given its id or an alias."""
    return ALIASES.get(model_id, model_id)


def get_model(model_id: str) -> EmbeddingModel:
    """Look up a model by its id, or an alias of it.

    Args:
        model_id: one of `model_ids()`, or of `ALIASES`.

    Raises:
        UnknownModelError: there is no such model; the message lists those that there are.
    """
    module = import_module(f"fad_core.models.{family_of(model_id)}")
    models: dict[str, EmbeddingModel] = {model.name: model for model in module.MODELS}
    return models[canonical_id(model_id)]
