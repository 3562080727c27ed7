"""`compatibility: frechet-audio-distance`: the original package's results where they are its faults.

For those who must regenerate an old number; nothing here is what one would do otherwise. Each function
says what the original (gudgud96/frechet-audio-distance 0.3.4) does, and does the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fad_core.audio.resample import resample
from fad_core.models.use import ModelUse


def fault(channels: int, sample_rate: int, use: ModelUse) -> str:
    """Why the original cannot embed a file whose channels it takes for time; "" if it can.

    For stereo models its loader resamples the array `[samples, channels]` along its last axis: the
    number of channels changes, and the file's rate stays what it was.
    """
    if not _channels_are_resampled(channels, sample_rate, use):
        return ""
    count = int(channels * float(use.model.sample_rate) / float(sample_rate))
    if count == use.model.channels:
        return ""
    return f"frechet-audio-distance turns its {channels} channels into {count} and drops the file"


def prepare_waveform(
    waveform: NDArray[np.float32], sample_rate: int, use: ModelUse
) -> NDArray[np.float32] | None:
    """The original's waveform `[channels, samples]` where its loader goes wrong; None where it does not.

    Raises:
        ValueError: the original cannot embed it at all (see `fault`).
    """
    channels = len(waveform)
    if reason := fault(channels, sample_rate, use):
        raise ValueError(reason)
    if not _channels_are_resampled(channels, sample_rate, use):
        return None
    return np.ascontiguousarray(resample(waveform.T, sample_rate, use.model.sample_rate).T)


def as_scalars(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings `[N, D]` as N·D vectors of one dimension, `[N·D, 1]`.

    The original puts the vectors of models that give one a file end to end, and so makes the distance of
    two Gaussians of one dimension (https://github.com/gudgud96/frechet-audio-distance/issues/37).
    """
    return embeddings.reshape(-1, 1)


def _channels_are_resampled(channels: int, sample_rate: int, use: ModelUse) -> bool:
    wrong = use.options.imitate_original and use.model.quirks.resamples_channels
    other = sample_rate != use.model.sample_rate or channels != use.model.channels
    return wrong and channels > 1 and other
