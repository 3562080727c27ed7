"""Distorted copies of the demo's clips at increasing levels.

White noise, a Butterworth low-pass of order 5, and quantisation are three of the distortions with which FAD
was first tested (`distortions`). In these clips the noise is about 45, 25 and 5 dB below the music.
"""

from __future__ import annotations

from functools import partial

from distortions import Distortion, effects

from . import FULL_SCALE, Samples, generator, to_samples
from .instruments import RATE

SETS: dict[str, Distortion] = {
    "music_noise_1e-3": partial(effects.white_noise, 1e-3),
    "music_noise_1e-2": partial(effects.white_noise, 1e-2),
    "music_noise_1e-1": partial(effects.white_noise, 1e-1),
    "music_lowpass_4000": partial(effects.low_pass, 4000),
    "music_lowpass_2000": partial(effects.low_pass, 2000),
    "music_lowpass_1000": partial(effects.low_pass, 1000),
    "music_lowpass_500": partial(effects.low_pass, 500),
    "music_quantised_8": partial(effects.quantise, 8),
    "music_quantised_5": partial(effects.quantise, 5),
    "music_quantised_3": partial(effects.quantise, 3),
}


def distort(set_name: str, clip_name: str, clean: Samples, seed: int) -> Samples:
    """Distort one clip as its set's name says; noise depends on the seed and both names."""
    rng = generator(seed, set_name, clip_name)
    return to_samples(SETS[set_name](clean.T / FULL_SCALE, RATE, rng).T)
