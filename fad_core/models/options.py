"""How a user uses a model, and how that is written down.

Text such as `crop=windows hop_seconds=5.0` is what scripts take and what tables hold. Standard library only,
so that a Snakefile and the command line can read it without loading anything else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

from fad_core.errors import ArgumentError
from fad_core.util.choices import changed_fields, require_choices

Crop = Literal["random", "first", "center", "windows"]
Compatibility = Literal["none", "frechet-audio-distance"]
Dtype = Literal["float32", "float64", "int32", "int16"]


@dataclass(frozen=True)
class Options:
    """How a model is used.

    Attributes:
        crop: what of a file longer than the model's window is embedded: a stretch at a "random" place, the
            "first" or the "center" one, or all "windows". Only models with a fixed window read it.
        hop_seconds: from the start of one of the "windows" to the next.
        seed: of what is drawn at random; each file has a stream of its own (`fad_core.models.crops`).
        compatibility: "frechet-audio-distance" does as the original package does also where that is a
            known fault, for those who must regenerate an old number; "none" does what is right.
        memory_gb: what embedding one file may take at most, in units of 10⁹ bytes; where a model's memory
            grows with a file's length, longer files are refused.
        dtype: what files are read as: float32, as everywhere here, or another type that the original package
            knows. Sound is then mixed and resampled in float64; int16 cuts 24 bits down to 16.

    Raises:
        ArgumentError: a value is not one of its choices, or `memory_gb` is not a positive, finite number.
    """

    crop: Crop = "random"
    hop_seconds: float = 10.0
    seed: int = 0
    compatibility: Compatibility = "none"
    memory_gb: float = 16.0
    dtype: Dtype = "float32"

    def __post_init__(self) -> None:
        require_choices(self)
        # Any comparison with NaN is false, so a limit of NaN would let everything pass.
        memory: Any = self.memory_gb
        if isinstance(memory, bool) or not isinstance(memory, Real) or not 0 < float(memory) < math.inf:
            raise ArgumentError(
                f"memory_gb={memory!r} is not a positive, finite number: give the GB that embedding one file "
                "may take, such as 16"
            )

    @property
    def imitate_original(self) -> bool:
        """Whether the faults of the original package are reproduced."""
        return self.compatibility == "frechet-audio-distance"

    def __str__(self) -> str:
        """All that differs from the defaults, as text; `fad_core.util.choices.parse_fields` reads it."""
        return changed_fields(self)


DEFAULT_OPTIONS = Options()


def require_batch_size(value: object) -> None:
    """Refuse what is no number of windows; None stands for the model's own.

    Raises:
        ArgumentError: it is no whole number, or less than 1.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ArgumentError(
            f"batch_size={value!r} is not a whole number of at least 1: give the windows at once, such as "
            "32, or leave it out"
        )
