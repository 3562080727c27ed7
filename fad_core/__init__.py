"""Fréchet Audio Distance, reproducibly: exact models, statistics and distances.

Importing this package is cheap: nothing heavy is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fad_core.util.version import __version__

if TYPE_CHECKING:
    from fad_core.api.caption_score import CaptionScore as CaptionScore
    from fad_core.api.clap_score import CLAPScore as CLAPScore
    from fad_core.api.drop_in import FrechetAudioDistance as FrechetAudioDistance
    from fad_core.api.reference import Reference as Reference
    from fad_core.api.reference import reference as reference
    from fad_core.api.scoring import Score as Score
    from fad_core.api.scoring import Waveforms as Waveforms
    from fad_core.models import register_model as register_model

__all__ = [
    "CLAPScore",
    "CaptionScore",
    "FrechetAudioDistance",
    "Reference",
    "Score",
    "Waveforms",
    "__version__",
    "reference",
    "register_model",
]

# Where each name is defined.
_LAZY = {
    "CLAPScore": "fad_core.api.clap_score",
    "CaptionScore": "fad_core.api.caption_score",
    "FrechetAudioDistance": "fad_core.api.drop_in",
    "Reference": "fad_core.api.reference",
    "Score": "fad_core.api.scoring",
    "Waveforms": "fad_core.api.scoring",
    "reference": "fad_core.api.reference",
    "register_model": "fad_core.models",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
