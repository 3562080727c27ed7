"""What a study may choose about how a model is used, and how that is written down.

Text such as `crop=windows hop_seconds=5.0 seed=0` is what scripts take and what tables hold.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal, get_args, get_type_hints

from fad_core.errors import ArgumentError, ConfigError

Crop = Literal["random", "first", "center", "windows"]
Device = Literal["cpu", "cuda"]
Compatibility = Literal["none", "frechet-audio-distance"]
Dtype = Literal["float32", "float64", "int32", "int16"]
Runner = Literal["fast", "plain"]


@dataclass(frozen=True)
class Settings:
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
        device: where the network runs. Another processor rounds otherwise, so results name it.
        runner: how it runs on a CPU: with kernels that suit the processor ("fast", see
            `fad_core.runner.fast`),
            or as it was exported ("plain"). With `compatibility` always "plain": an old number is regenerated
            to its last digits by the kernels that it was made with.
    """

    crop: Crop = "random"
    hop_seconds: float = 10.0
    seed: int = 0
    compatibility: Compatibility = "none"
    memory_gb: float = 16.0
    dtype: Dtype = "float32"
    device: Device = "cpu"
    runner: Runner = "fast"

    def __post_init__(self) -> None:
        """Refuse a limit that would limit nothing, or everything, and a runner that there is not."""
        require_memory("memory_gb", self.memory_gb)
        if self.runner not in get_args(Runner):
            raise ArgumentError(f"there is no runner {self.runner!r}: use fast or plain")

    @property
    def runs(self) -> Runner:
        """How the network really runs on a CPU."""
        return self.runner if self.compatibility == "none" else "plain"

    def __str__(self) -> str:
        """All that differs from the defaults, as text; `parse_settings` reads it."""
        return changed_fields(self)


def require_memory(name: str, value: object) -> None:
    """Refuse what is no amount of memory.

    Raises:
        ArgumentError: it is no number, or not a positive and finite one.
    """
    # To compare with NaN is to be told no, so a limit of NaN would let everything pass.
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise ArgumentError(
            f"{name}={value!r} is not a positive, finite number: give the GB that embedding one file may "
            "take, such as 16"
        )


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


def parse_settings(text: str) -> Settings:
    """Read settings written as `key=value`, divided by spaces.

    Raises:
        ConfigError: a key is not known, or a value is none of its values.
        ArgumentError: a number is out of its range.
    """
    return Settings(**parse_fields(Settings, text))


def changed_fields(choices: Any) -> str:
    """The fields of a dataclass that differ from their defaults, as `key=value`, divided by spaces."""
    given, default = asdict(choices), asdict(type(choices)())
    return " ".join(f"{key}={value}" for key, value in given.items() if value != default[key])


def parse_fields(kind: type[Any], text: str) -> dict[str, Any]:
    """The values of a dataclass's fields that `changed_fields` has written.

    Raises:
        ConfigError: a key is not known, or a value is none of its values.
    """
    types = get_type_hints(kind)
    given: dict[str, Any] = {}
    for item in text.split():
        key, _, value = item.partition("=")
        if key not in types:
            known = ", ".join(field.name for field in fields(kind))
            raise ConfigError(f"there is no setting {key!r}; settings: {known}")
        given[key] = _parsed(key, value, types[key])
    return given


def _parsed(key: str, value: str, kind: Any) -> Any:
    choices = get_args(kind)
    if choices and value not in choices:
        raise ConfigError(f"{key}={value} is not one of {', '.join(choices)}")
    try:
        return value if choices else kind(value)
    except ValueError as error:
        raise ConfigError(f"{key}={value} is not a number") from error
