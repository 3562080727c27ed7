"""The audio of the demo study, computed from a seed.

`sines` makes the sine sets of the FAD literature, `instruments` and `music` short musical clips,
`distortions` their damaged copies. All of them give 16-bit samples, int16 [samples, channels]; the
files are written by `make_demo_audio.py`.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Signal = NDArray[np.float64]

FULL_SCALE = 2**15
"""What 1.0 is in 16-bit samples."""


def generator(seed: int, *key: str) -> np.random.Generator:
    """Return the random generator (PCG64) of one item.

    Each item has its own stream, which follows from its name: adding, removing or reordering sets and clips
    does not change the others.

    Args:
        seed: the run's seed, ≥ 0.
        key: names that identify the item, such as those of the set and the clip.
    """
    digest = hashlib.sha256("\0".join(key).encode()).digest()
    return np.random.Generator(np.random.PCG64([seed, *np.frombuffer(digest, "<u4").tolist()]))


def to_samples(signal: Signal) -> Samples:
    """Round a signal within ±1, [samples, channels], to 16 bits.

    Raises:
        ValueError: the signal would be clipped.
    """
    scaled = np.rint(signal * FULL_SCALE)
    if scaled.max() >= FULL_SCALE or scaled.min() < -FULL_SCALE:
        raise ValueError(f"a signal that reaches {np.abs(signal).max():.3f} would be clipped")
    return scaled.astype(np.int16)


def level(clips: list[Samples]) -> float:
    """Return the RMS level of all clips of a set, in dB relative to full scale."""
    power = sum(float(np.square(clip, dtype=np.float64).sum()) for clip in clips)
    return float(10 * np.log10(power / sum(clip.size for clip in clips) / FULL_SCALE**2))
