"""The inputs on which a model is compared with the original package: clips, and how they are loaded.

All of them are the same on every machine (`fad_core.verification.signals`). `golden_set` gives those
whose embeddings by the original are stored with this package; `verification_set` gives those of the live
comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np

from fad_core.models.base import EmbeddingModel
from fad_core.verification.clips import EVALUATION_GROUP, REFERENCE_GROUP, WIDE, Clip, clips
from fad_core.verification.signals import (
    Signal,
    busy,
    impulse,
    noise,
    quantise,
    sine,
    speech_like,
    square,
    turns,
)
from fad_study.reference.melody import melody

Group = Literal["", "reference", "evaluation"]
Loading = Literal["file", "resampled", "faulty"]

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
"""Sampling rates in Hz of the clips `mono_<rate>` of the live comparison."""


@dataclass(frozen=True)
class Case:
    """A clip and how the original package processes it.

    Attributes:
        clip: the audio.
        group: the set that its embeddings belong to when a distance is compared; "" for none.
        loading: how the original package receives it: as a "file", through its own loader; "resampled"
            before, because its loader takes the channels of stereo for time; or as a "faulty" file, which
            its loader resamples along the channels, and which is compared with `Options.compatibility`.
    """

    clip: Clip
    group: Group = ""
    loading: Loading = "file"


def golden_set(model: EmbeddingModel) -> Iterator[tuple[str, Case]]:
    """Yield the cases whose embeddings are stored for a model: all clips that the original can embed.

    Left out are: for a stereo model, the longest clip, which alone would take as long as all others; the
    pure tone, where empty bands contain rounding noise that differs between processors
    (`VerificationFacts.empty_bands_are_noise`); and clips whose rate is too low to fill the model's bands
    (`VerificationFacts.bandwidth`), for which `wide_<rate>` stand in.

    Args:
        model: whose rate, channels, shortest length and bandwidth decide.
    """
    stereo = model.channels > 1
    for name, clip in clips().items():
        channels = len(clip.samples)
        if stereo and (channels > model.channels or name == "long"):
            continue
        if model.verification.empty_bands_are_noise and name == "sine":
            continue
        bandwidth = model.verification.bandwidth
        if not _fits(clip, model) or clip.sample_rate < 2 * bandwidth or (name in WIDE and not bandwidth):
            continue
        group: Group = "reference" if name in REFERENCE_GROUP else ""
        faulty = stereo and channels > 1 and clip.sample_rate != model.sample_rate
        yield (
            name,
            Case(
                clip,
                "evaluation" if name in EVALUATION_GROUP else group,
                "resampled" if faulty else "file",
            ),
        )


def verification_set(model: EmbeddingModel) -> Iterator[tuple[str, Case]]:
    """Yield the cases of the live comparison, about 300 s of audio, one by one to save memory.

    At the model's own rate: tones, noise, a melody, silence, an impulse and full scale; the shortest clip
    allowed, lengths around ten seconds (where CLAP starts to crop), half a minute and three minutes. At all
    other rates: clips with one, two and six channels.

    Args:
        model: whose rate, channels and shortest length decide.
    """
    for name, case in chain(_at_own_rate(model), _channels_and_rates(model)):
        if _fits(case.clip, model):
            yield name, case


def _fits(clip: Clip, model: EmbeddingModel) -> bool:
    """Return whether a clip is neither too short for a model nor longer than its verification allows."""
    samples: int = clip.samples.shape[1]
    long_enough = samples * model.sample_rate >= model.minimum_samples * clip.sample_rate
    return long_enough and samples <= model.verification.longest_clip * clip.sample_rate


def _at_own_rate(model: EmbeddingModel) -> Iterator[tuple[str, Case]]:
    rate = model.sample_rate

    def case(make: Callable[[int], Signal], group: Group = "") -> Case:
        # The channels differ, so that swapped channels are noticed.
        return Case(Clip(rate, quantise([make(channel) for channel in range(model.channels)])), group)

    yield "shortest", case(lambda channel: busy(model.minimum_samples, rate, 2 + channel))
    yield "silence_2s", case(lambda _: np.zeros(2 * rate))
    yield "impulse_1s", case(lambda channel: impulse(rate, place=rate // 3 + channel))
    yield "tone_1s", case(lambda channel: 0.5 * sine(turns(440.0 + 220 * channel, rate, rate)), "reference")
    yield "square_3s", case(lambda channel: square(220.5 + 100 * channel, 3 * rate, rate), "evaluation")
    yield "noise_9.99s", case(lambda channel: 0.5 * noise(rate * 999 // 100, 11 + channel), "evaluation")
    yield "music_10s", case(lambda channel: melody(10 * rate, rate, channel), "reference")
    yield "sweep_10.01s", case(lambda channel: busy(rate * 1001 // 100, rate, 4 + channel), "evaluation")
    yield "music_30s", case(lambda channel: melody(30 * rate, rate, 2 + channel), "evaluation")
    yield "music_180s", case(lambda channel: melody(180 * rate, rate, 4 + channel), "reference")


def _channels_and_rates(model: EmbeddingModel) -> Iterator[tuple[str, Case]]:
    def case(rate: int, channels: int, key: int, group: Group, loading: Loading = "file") -> Case:
        # A number of samples that no ratio of rates divides.
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
    # Its loader makes int(2 · 48000 / 44100) = 2 channels of the two, and does not change the rate.
    yield "stereo_44100_faulty", case(44100, 2, 80, "", "faulty")
