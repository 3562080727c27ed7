"""Sound that the scan has decoded, kept until it is embedded, so that it need not be decoded twice.

What is kept is already prepared for the model, for that is the smaller: 16 kHz mono is a fifth of CD stereo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.audio import waveform_of

ROOM = 2**25
"""Values that are kept in all: 134 MB as float32, or 35 minutes of 16 kHz mono. A model's first use exports
it while they are there."""

Waveform = NDArray[np.floating[Any]]


class Kept:
    """Waveforms by the hash of the file that they are of, in a bounded memory; threads may share it."""

    def __init__(self, prepare: Callable[[Waveform, int], Waveform], rate: int, room: int = ROOM) -> None:
        """Keep nothing yet.

        Args:
            prepare: makes of a waveform `[channels, samples]` and its rate what is kept; it may raise
                ValueError where it can make nothing of it, which is then not kept.
            rate: of what it makes, in Hz.
            room: values that may be kept, or may be there to be kept while a file is decoded, in all.
        """
        self._prepare, self._rate, self._room = prepare, rate, room
        self._waveforms: dict[str, Waveform] = {}
        self._lock = Lock()

    def take(self, sha256: str) -> tuple[Waveform, int] | None:
        """What is kept of a file, and its rate, no longer kept from now on; None if nothing is."""
        with self._lock:
            waveform = self._waveforms.pop(sha256, None)
            if waveform is None:
                return None
            self._room += waveform.size
        return waveform, self._rate

    @contextmanager
    def hearing(self) -> Iterator[Hearing]:
        """For one file that is decoded; what was not kept at the end takes no room any more."""
        hearing = Hearing(self)
        try:
            yield hearing
        finally:
            hearing.forget()

    def _reserve(self, values: int) -> bool:
        """Take room for so many values, if there is so much; a negative number gives it back."""
        with self._lock:
            if values > self._room:
                return False
            self._room -= values
        return True

    def _add(self, sha256: str, waveform: Waveform, rate: int) -> None:
        try:
            prepared = self._prepare(waveform, rate)
        except ValueError:
            return
        if self._reserve(prepared.size):
            with self._lock:
                # Of two equal files one is kept.
                before = self._waveforms.pop(sha256, None)
                self._waveforms[sha256] = prepared
                self._room += 0 if before is None else before.size


class Hearing:
    """The blocks of one file as they are decoded, as long as there is room for them."""

    def __init__(self, kept: Kept) -> None:
        """Hear nothing yet."""
        self._kept, self._whole = kept, True
        self._blocks: list[NDArray[np.float32]] = []
        self._size = 0

    def hear(self, block: NDArray[np.float32]) -> None:
        """Take the next block `[samples, channels]`."""
        if self._whole and self._kept._reserve(block.size):
            self._blocks.append(block)
            self._size += block.size
        else:
            self.forget()

    def keep(self, sha256: str, rate: int) -> None:
        """Keep what was heard as the whole of the file of this hash, at this rate in Hz, if there is room."""
        if self._whole and self._blocks:
            waveform = waveform_of(self._blocks)
            self.forget()
            self._kept._add(sha256, waveform, rate)

    def forget(self) -> None:
        """Let go of it, and hear no more."""
        self._kept._reserve(-self._size)
        self._blocks.clear()
        self._size, self._whole = 0, False
