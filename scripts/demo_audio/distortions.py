"""Distorted copies at increasing levels, with parameters from the list of Kilgour et al., 2019.

White noise, a Butterworth low-pass of order 5, and quantisation are three of the distortions with which FAD
was first tested ("Fréchet Audio Distance: A Metric for Evaluating Music Enhancement Algorithms", arXiv
1812.08466). In these clips the noise is about 45, 25 and 5 dB below the music.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

from . import FULL_SCALE, Samples, Signal, generator, to_samples
from .instruments import RATE

Distortion = Callable[[Signal, np.random.Generator], Signal]
"""From a clean signal [samples, channels] and a random generator to a distorted signal of the same shape."""


def white_noise(level: float) -> Distortion:
    """Add Gaussian noise whose standard deviation is `level` times the clip's peak."""
    return lambda clean, rng: clean + level * np.abs(clean).max() * rng.standard_normal(clean.shape)


def low_pass(cutoff: float) -> Distortion:
    """Filter by a Butterworth low-pass of order 5, −3 dB at `cutoff` Hz."""
    sections = signal.butter(5, cutoff, fs=RATE, output="sos")
    return lambda clean, _: np.asarray(signal.sosfilt(sections, clean, axis=0), dtype=np.float64)


def quantise(bits: int) -> Distortion:
    """Round to the nearest of the 2^bits levels that span full scale, zero being one of them."""
    steps = 2 ** (bits - 1)
    return lambda clean, _: np.rint(clean * steps) / steps


SETS: dict[str, Distortion] = {
    "music_noise_1e-3": white_noise(1e-3),
    "music_noise_1e-2": white_noise(1e-2),
    "music_noise_1e-1": white_noise(1e-1),
    "music_lowpass_4000": low_pass(4000),
    "music_lowpass_2000": low_pass(2000),
    "music_lowpass_1000": low_pass(1000),
    "music_lowpass_500": low_pass(500),
    "music_quantised_8": quantise(8),
    "music_quantised_5": quantise(5),
    "music_quantised_3": quantise(3),
}


def distort(set_name: str, clip_name: str, clean: Samples, seed: int) -> Samples:
    """Distort one clip as its set's name says; noise depends on the seed and both names."""
    rng = generator(seed, set_name, clip_name)
    return to_samples(SETS[set_name](clean / FULL_SCALE, rng))
