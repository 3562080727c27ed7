"""The registry of embedding models. No other file names a family.

The network code needs torch, so a family's module is imported when one of its models is asked for;
listing the ids costs nothing.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING

from fad_core.errors import ModelError

if TYPE_CHECKING:
    from fad_core.models.base import EmbeddingModel

# Model id → its family's module here. A new family is one module and its lines in this table.
FAMILY_OF = {
    "vggish": "vggish",
    "vggish-activation": "vggish",
    "vggish-pca": "vggish",
    "vggish-pca-activation": "vggish",
}


def model_ids() -> list[str]:
    """The ids that configurations and the command line take."""
    return list(FAMILY_OF)


def family_of(model_id: str) -> str:
    """The family (module name) that a model belongs to.

    Raises:
        ModelError: there is no such model; the message lists those that there are.
    """
    if model_id not in FAMILY_OF:
        close = difflib.get_close_matches(model_id, FAMILY_OF, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ModelError(f"there is no model {model_id!r}.{hint} Models: {', '.join(FAMILY_OF)}.")
    return FAMILY_OF[model_id]


def get_model(model_id: str) -> EmbeddingModel:
    """Look up a model by its id.

    Raises:
        ModelError: there is no such model; the message lists those that there are.
    """
    module = import_module(f"fad_core.models.{family_of(model_id)}")
    models: dict[str, EmbeddingModel] = {model.name: model for model in module.MODELS}
    return models[model_id]
