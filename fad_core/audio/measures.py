"""Level and hash of decoded sound, measured block by block."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_LARGEST = float(np.finfo(np.float32).max)


class SoundDigest:
    """SHA-256 of decoded sound: equal for two files exactly if their float32 samples are equal.

    Args:
        sample_rate: in Hz.
        channels: count of channels.

    Examples:
        >>> digest = SoundDigest(16000, 1)
        >>> digest.update(np.zeros(16000, np.float32))
        >>> digest.hexdigest()[:16]
        '0d93ffa259750f8a'
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._channels = channels
        self._hash = hashlib.sha256(f"{sample_rate} {channels}\n".encode())

    def update(self, block: NDArray[np.float32]) -> None:
        """Add the next samples.

        Args:
            block: float32, `[samples, channels]`, or `[samples]` of one channel.

        Raises:
            ValueError: it has another type or count of channels.
        """
        if block.dtype != np.float32 or (block.shape[1] if block.ndim == 2 else 1) != self._channels:
            raise ValueError(f"{block.dtype} {block.shape} is no float32 block of {self._channels} channels")
        # -0.0 + 0.0 is 0.0: floats have two zeros, integers one.
        with np.errstate(invalid="ignore"):
            self._hash.update(np.ascontiguousarray(block + np.float32(0), dtype="<f4").data)

    def hexdigest(self) -> str:
        """Return the hash of all samples so far, in hex."""
        return self._hash.hexdigest()


class Measures:
    """Level, constancy, hash and finiteness of a sound that comes in blocks.

    Attributes:
        frames: samples in each channel so far.
        peak: largest absolute value.
        not_finite: count of values that are NaN or infinite.
        first: the sample where the first such value stands.
        overflows: the sum over the channels of some sample is not finite although its values are.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._digest = SoundDigest(sample_rate, channels)
        self._channels = channels
        self._start: NDArray[np.float32] | None = None
        self._constant = True
        self.frames = self.not_finite = self.first = 0
        self.peak = 0.0
        self.overflows = False

    def update(self, block: NDArray[np.float32]) -> None:
        """Add a block `[samples, channels]` with at least one sample."""
        if self._start is None:
            self._start = block[0].copy()
        self._constant = self._constant and bool((block == self._start).all())
        self._digest.update(block)
        low, high = float(block.min()), float(block.max())
        # NaN is neither larger nor smaller than anything.
        if not (low * self._channels > -_LARGEST and high * self._channels < _LARGEST):
            self._count_not_finite(block)
        self.peak = max(self.peak, -low, high)
        self.frames += len(block)

    def _count_not_finite(self, block: NDArray[np.float32]) -> None:
        wrong = ~np.isfinite(block)
        if wrong.any():
            if not self.not_finite:
                self.first = self.frames + int(wrong.any(axis=1).argmax())
            self.not_finite += int(wrong.sum())
            return
        with np.errstate(over="ignore", invalid="ignore"):
            self.overflows = self.overflows or not np.isfinite(block.sum(axis=1)).all()

    @property
    def constant(self) -> bool:
        """Whether every channel holds one value throughout and not all of them are 0."""
        return self._constant and self._start is not None and bool(self._start.any())

    @property
    def sound_sha256(self) -> str:
        """Hash of the sound; see `SoundDigest`."""
        return self._digest.hexdigest()
