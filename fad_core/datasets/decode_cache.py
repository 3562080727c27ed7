"""Audio that the scan has decoded, kept in memory until it is embedded, so that it is not decoded twice.

It is kept as prepared for the model, which is smaller: 16 kHz mono is a fifth of CD stereo.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.audio import waveform_of

CAPACITY = 2**25
"""Number of values that may be kept, or recorded while files are decoded, in all: 134 MB as float32, or 35
minutes of 16 kHz mono. They stay in memory while a model is exported at its first use."""

Waveform = NDArray[np.floating[Any]]


class DecodedAudioCache:
    """Waveforms by the sha256 of their files, of bounded size; threads may share it."""

    def __init__(self, prepare: Callable[[Waveform, int], Waveform], rate: int) -> None:
        """Make an empty cache.

        Args:
            prepare: makes what is kept from a waveform `[channels, samples]` and its sample rate in Hz; a
                waveform for which it raises ValueError is not kept.
            rate: sample rate of prepared waveforms in Hz.
        """
        self._prepare, self._rate, self._free = prepare, rate, CAPACITY
        self._waveforms: dict[str, Waveform] = {}
        self._lock = Lock()

    def pop(self, sha256: str) -> tuple[Waveform, int] | None:
        """Remove and return the waveform of a file and its sample rate in Hz; None if it is not kept."""
        with self._lock:
            waveform = self._waveforms.pop(sha256, None)
            if waveform is None:
                return None
            self._free += waveform.size
        return waveform, self._rate

    def reserve(self, values: int) -> bool:
        """Reserve capacity and return True, or return False if there is not enough; less than 0 frees it."""
        with self._lock:
            if values > self._free:
                return False
            self._free -= values
        return True

    def add(self, sha256: str, waveform: Waveform, rate: int) -> None:
        """Prepare a decoded waveform and keep it, if there is enough capacity."""
        try:
            prepared = self._prepare(waveform, rate)
        except ValueError:
            return
        if self.reserve(prepared.size):
            with self._lock:
                replaced = self._waveforms.pop(sha256, None)  # of an equal file
                self._waveforms[sha256] = prepared
                self._free += 0 if replaced is None else replaced.size


class Recording:
    """The blocks of one file in the order of decoding, as long as the cache has capacity for them.

    What is not kept before it is closed is discarded.
    """

    def __init__(self, cache: DecodedAudioCache) -> None:
        """Start an empty recording."""
        self._cache, self._complete, self._size = cache, True, 0
        self._blocks: list[NDArray[np.float32]] = []

    def append(self, block: NDArray[np.float32]) -> None:
        """Record the next block `[samples, channels]`."""
        if self._complete and self._cache.reserve(block.size):
            self._blocks.append(block)
            self._size += block.size
        else:
            self.close()

    def keep(self, sha256: str, rate: int) -> None:
        """Keep the recording as the file of this sha256, at this sample rate in Hz, if it is complete."""
        if self._complete and self._blocks:
            waveform = waveform_of(self._blocks)
            self.close()
            self._cache.add(sha256, waveform, rate)

    def close(self) -> None:
        """Free the recorded blocks, and record no more."""
        self._cache.reserve(-self._size)
        self._blocks.clear()
        self._size, self._complete = 0, False
