"""Options of using a model, and their form as text.

Text such as `crop=windows hop_seconds=5.0` is what scripts take and what tables hold. Standard library only,
so that a Snakefile and the command line can read it without loading anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

from fad_core.errors import ArgumentError, SettingError
from fad_core.util.choices import Choice, changed_fields, choice, require_choices, require_positive

__all__ = ["DEFAULT_OPTIONS", "Options"]

Crop = Literal["random", "first", "center", "windows"]
Compatibility = Literal["none", "frechet-audio-distance", "fadtk"]
Dtype = Literal["float32", "float64", "int32", "int16"]

WEIGHTS = Choice(
    "weights",
    str,
    (),
    "official",
    "Weights of the model: official (downloaded once, sha256 checked), seeded (a deterministic fill for "
    "trials, not a published model), or the path of a checkpoint in the official layout, or of an exported "
    "model (.pt2), which is not verified.",
)


@dataclass(frozen=True)
class Options:
    """Options of using a model.

    Raises:
        ArgumentError: a value is not one of its choices, or not a positive, finite number where one is
            expected.
    """

    crop: Crop = choice(
        "random",
        "Part of a file that is embedded if it is longer than the model's window (CLAP, PaSST: 10 s; "
        "MS-CLAP: 7 s): random (a section whose position follows from the seed and the file's content), "
        "first, center, or windows (all of it).",
    )
    hop_seconds: float = choice(
        10.0, "Seconds from the start of one window to the start of the next, if crop is windows."
    )
    seed: int = choice(0, "Seed of all random draws.")
    compatibility: Compatibility = choice(
        "none",
        "Package whose conventions are reproduced, to regenerate its numbers: frechet-audio-distance "
        "(PANN's distance of scalars, EnCodec-48k's stereo files at other rates), fadtk (its resampler, "
        "16-bit sound, its windows, embeddings rounded to float16), or none.",
    )
    memory_gb: float = choice(
        16.0,
        "Memory in GB (10^9 bytes) that embedding one file may take. A file that would take more is a bad "
        "file (EnCodec-48k, whose memory grows with the length of a file).",
    )
    dtype: Dtype = choice(
        "float32",
        "Type that samples are read as. The types other than float32 reproduce the original package: sound "
        "is then mixed and resampled in float64, and int16 keeps 16 of 24 bits.",
    )
    loudness: float | None = choice(
        None,
        "Integrated loudness in LUFS (ITU-R BS.1770-4), such as -14, that a gain brings each file to; by "
        "default sound is embedded as loud as it is. A file whose loudness cannot be measured is a bad file.",
    )

    def __post_init__(self) -> None:
        require_choices(self)
        require_positive("memory_gb", self.memory_gb)
        require_positive("hop_seconds", self.hop_seconds)
        if self.loudness is not None:
            self._require_loudness(self.loudness)
            object.__setattr__(self, "loudness", float(self.loudness))

    def _require_loudness(self, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, Real) or not -70 < float(value) <= 0:
            raise SettingError(
                "loudness", f"must be a number of LUFS above -70 and at most 0, such as -14, not {value!r}"
            )
        if self.compatibility != "none":
            raise SettingError(
                "loudness",
                f"cannot be combined with compatibility={self.compatibility}: that package does not change "
                "the loudness of sound",
            )

    @property
    def imitate_original(self) -> bool:
        """Whether known faults of the original package are reproduced."""
        return self.compatibility == "frechet-audio-distance"

    @property
    def imitate_fadtk(self) -> bool:
        """Whether the conventions of fadtk are followed."""
        return self.compatibility == "fadtk"

    def __str__(self) -> str:
        """Return what differs from the defaults, as text; `fad_core.util.choices.parse_fields` reads it."""
        return changed_fields(self)


DEFAULT_OPTIONS = Options()


def require_batch_size(value: object) -> None:
    """Check a number of windows that are embedded at once; None means the model's own.

    Raises:
        ArgumentError: it is not a whole number of at least 1.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ArgumentError(
            "batch_size, the number of windows embedded at once, must be a whole number of at least 1, such "
            f"as 32, not {value!r}"
        )
