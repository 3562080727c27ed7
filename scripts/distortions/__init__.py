"""The distortions with which FAD was first tested, by name and level, the weakest level first.

Kilgour et al., "Fréchet Audio Distance: A Metric for Evaluating Music Enhancement Algorithms", 2019, arXiv
1812.08466; levels as in the list that later code has of them. A distortion takes a signal `[channels,
samples]` within ±1, its sample rate in Hz and a random generator, and returns the distorted signal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from distortions import effects

Signal = NDArray[np.float64]
Distortion = Callable[[Signal, int, np.random.Generator], Signal]

_AMOUNTS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
_CUTOFFS = (4000, 3000, 2000, 1500, 1000, 750, 500, 400, 300)
_SEMITONES = (0.05, 0.1, 0.25, 0.5, 1, 2, 5)
_FASTER, _SLOWER = (0.9, 0.75, 0.5, 0.25, 0.1), (1.1, 1.5, 2, 5)


def _levels(function: Callable[..., Signal], amounts: tuple[float, ...], text: str) -> dict[str, Distortion]:
    return {text.format(amount): partial(function, amount) for amount in amounts}


FAMILIES: Mapping[str, Mapping[str, Distortion]] = {
    "white noise": _levels(effects.white_noise, _AMOUNTS, "{:g}"),
    "pops": _levels(effects.pops, _AMOUNTS, "{:g}"),
    "low-pass": _levels(effects.low_pass, _CUTOFFS, "{} Hz"),
    "high-pass": _levels(effects.high_pass, (200, *_CUTOFFS[::-1]), "{} Hz"),
    "quantisation": _levels(effects.quantise, tuple(range(9, 1, -1)), "{} bit"),
    "Griffin-Lim": _levels(effects.griffin_lim, (500, 200, 100, 50, 20, 10, 5, 2, 1), "{} iterations"),
    "mel encoding": _levels(effects.mel_encoding, (264, 128, 64, 32), "{} bands"),
    "narrow mel encoding": _levels(effects.narrow_mel_encoding, (128, 64, 32, 16, 8), "{} bands"),
    "faster": _levels(effects.speed, _FASTER, "×{:g}"),
    "slower": _levels(effects.speed, _SLOWER, "×{:g}"),
    "faster, pitch kept": _levels(effects.stretch, _FASTER, "×{:g}"),
    "slower, pitch kept": _levels(effects.stretch, _SLOWER, "×{:g}"),
    "pitch up, semitones": _levels(effects.pitch, _SEMITONES, "+{:g}"),
    "pitch down, semitones": _levels(effects.pitch, tuple(-each for each in _SEMITONES), "{:g}"),
    "reverberation": _levels(effects.echoes, (0.1, 0.3, 0.5, 0.7, 0.9), "{:g}"),
}
"""By name of the distortion and of the level."""


def slug(family: str, level: str) -> str:
    """Return the name of a data set and folder.

    >>> slug("pitch up, semitones", "+0.05")
    'pitch_up_semitones_0.05'
    """
    return re.sub(r"[^A-Za-z0-9.-]+", "_", f"{family} {level}".replace("×", "x")).strip("_")
