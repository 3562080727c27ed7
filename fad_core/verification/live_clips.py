"""The clips on which a model is compared with the original package live: what can go wrong, one by one.

For each model at its own rate: tones, noise, a melody, silence, an impulse, full scale; the shortest clip
there may be, lengths around ten seconds (where CLAP begins to crop), half a minute and three; and every
rate there is to be resampled from, with one channel, two, and six. All of it is the same on every machine
(`fad_core.verification.signals`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fad_core.models.base import EmbeddingModel
from fad_core.verification.clips import Case, Clip, Group, Loading
from fad_core.verification.signals import (
    Signal,
    busy,
    impulse,
    music,
    noise,
    quantise,
    sine,
    speech_like,
    square,
    turns,
)

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
"""Sampling rates in Hz of the clips `mono_<rate>`."""


def live_clips(model: EmbeddingModel) -> Iterator[tuple[str, Case]]:
    """A model's cases by name, one after the other, because the long ones take memory: about 300 s of audio.

    Args:
        model: whose rate, channels and shortest length count.
    """
    yield from _at_own_rate(model)
    yield from _channels_and_rates(model)


def _at_own_rate(model: EmbeddingModel) -> Iterator[tuple[str, Case]]:
    rate = model.sample_rate

    def case(make: Callable[[int], Signal], group: Group = "") -> Case:
        # The channels differ, or nobody would notice if they were swapped.
        return Case(Clip(rate, quantise([make(channel) for channel in range(model.channels)])), group)

    yield "shortest", case(lambda channel: busy(model.minimum_samples, rate, 2 + channel))
    yield "silence_2s", case(lambda _: np.zeros(2 * rate))
    yield "impulse_1s", case(lambda channel: impulse(rate, place=rate // 3 + channel))
    yield "tone_1s", case(lambda channel: 0.5 * sine(turns(440.0 + 220 * channel, rate, rate)), "reference")
    yield "square_3s", case(lambda channel: square(220.5 + 100 * channel, 3 * rate, rate), "evaluation")
    yield "noise_9.99s", case(lambda channel: 0.5 * noise(rate * 999 // 100, 11 + channel), "evaluation")
    yield "music_10s", case(lambda channel: music(10 * rate, rate, channel), "reference")
    yield "sweep_10.01s", case(lambda channel: busy(rate * 1001 // 100, rate, 4 + channel), "evaluation")
    yield "music_30s", case(lambda channel: music(30 * rate, rate, 2 + channel), "evaluation")
    yield "music_180s", case(lambda channel: music(180 * rate, rate, 4 + channel), "reference")


def _channels_and_rates(model: EmbeddingModel) -> Iterator[tuple[str, Case]]:
    def case(rate: int, channels: int, key: int, group: Group, loading: Loading = "file") -> Case:
        # A count of samples that no ratio of rates divides.
        signals = [busy(2 * rate + 1, rate, key + channel) / (1 + channel) for channel in range(channels)]
        return Case(Clip(rate, quantise(signals)), group, loading)

    yield "speech_4s", Case(Clip(16000, quantise([speech_like()])), "reference")
    for key, rate in enumerate(RATES, start=20):
        yield f"mono_{rate}", case(rate, 1, key, "evaluation" if key % 2 else "reference")
    own = model.sample_rate
    yield f"stereo_{own}", case(own, 2, 40, "reference")
    if model.channels == 1:
        yield "stereo_44100", case(44100, 2, 42, "reference")
        yield "surround_48000", case(48000, 6, 50, "evaluation")
        return
    for key, rate in enumerate(RATES, start=60):
        if rate != own:
            yield f"stereo_{rate}_resampled", case(rate, 2, key, "evaluation", "resampled")
    # Its loader makes int(2 · 48000 / 44100) = 2 channels of the two, and leaves the rate as it was.
    yield "stereo_44100_faulty", case(44100, 2, 80, "", "faulty")
