"""The forms in which a data set can be given, and the scan of its audio."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fad_core.audio import AudioInfo, SoundDigest
from fad_core.datasets import Dataset, list_files
from fad_core.datasets.decisions import FileDecision
from fad_core.datasets.decode_cache import DecodedAudioCache
from fad_core.datasets.policy import DEFAULTS, Leftovers
from fad_core.datasets.scan import FileRecord, record_of, scan_files
from fad_core.embedding.embed import load_unchanged
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.errors import DatasetError
from fad_core.metrics.statistics import Statistics

if TYPE_CHECKING:
    import torch

Progress = Callable[[int], None]
Waveform = NDArray[np.floating[Any]]
Batch: TypeAlias = "Sequence[ArrayLike | torch.Tensor] | NDArray[Any] | torch.Tensor"


@dataclass(frozen=True, eq=False)
class Waveforms:
    """Waveforms in memory.

    Attributes:
        waveforms: each `[samples]` or `[samples, channels]`, as soundfile gives them: floats, nominally
            within ±1. An array of two dimensions is a batch of mono sounds, a row each. Tensors of PyTorch
            may be on any device and of 16 bits, and may hold a sound as `[channels, samples]`: a batch is
            `[B, samples]` or `[B, channels, samples]`.
        sample_rate: sample rate of all of them in Hz.
    """

    waveforms: Batch
    sample_rate: int


Source = (
    str
    | os.PathLike[str]
    | Sequence[str | os.PathLike[str]]
    | Waveforms
    | NDArray[np.floating[Any]]
    | Statistics
    | EmbeddedSet
)
"""A data set: a folder, a glob or a file; a list of files, or "@" and the path of one; sound in memory;
embeddings `[N, D]`, as an array or a file (`.npy`, `.parquet`); their statistics, in memory or as a file
(`.npz`, `.parquet`); or a set that is embedded already."""


class SoundFiles:
    """The files of a folder, a pattern or a list, still to be embedded.

    Attributes:
        ignored: (name, reason) of other files in the same place, which are not audio.
    """

    def __init__(self, dataset: Dataset, cache: DecodedAudioCache | None = None) -> None:
        """List the files; `cache` stores decoded audio from the scan to the load.

        Raises:
            DatasetError: there are none.
        """
        self._cache = cache
        listing = list_files(dataset)
        self.ignored = listing.ignored
        self._files = listing.files
        self._paths = {file.name: file.path for file in listing.files}

    def records(
        self, progress: Progress | None, workers: int = 0, *, loudness: bool = False
    ) -> list[FileRecord]:
        """Return a record of each file, with its loudness or without; a bad file gives one, not an error."""
        return scan_files(self._files, progress, workers, self._cache, loudness=loudness)

    def load(self, decision: FileDecision, dtype: str) -> tuple[Waveform, int]:
        """Return a file's waveform `[channels, samples]`, as float32 or float64, and its rate in Hz.

        Audio that the scan has cached is already prepared for the model.
        """
        if self._cache is not None and (cached := self._cache.pop(decision.record.sha256)):
            return cached
        return load_unchanged(self._paths[decision.record.file], decision.record.sha256, dtype)


class SoundArrays:
    """Waveforms in memory, named by their places: 0000, 0001, …; otherwise as `SoundFiles`."""

    ignored = ()

    def __init__(self, name: str, given: Waveforms) -> None:
        """Store the waveforms.

        Raises:
            DatasetError: there are none, or the rate is not positive.
        """
        batch = _arrays_of(given.waveforms)
        if isinstance(batch, np.ndarray) and batch.ndim == 1 and batch.dtype != object:
            raise DatasetError(f"data set {name}: one array; expected a list of arrays: [array]")
        if len(batch) == 0:
            raise DatasetError(f"data set {name}: no waveforms")
        rate: Any = given.sample_rate
        if not isinstance(rate, int | float | np.number) or not 0 < rate < math.inf or rate != int(rate):
            raise DatasetError(f"data set {name}: a sample rate of {rate!r} Hz is not possible")
        self._rate = int(rate)
        # As wide as the last one: sorted by name, they stay in their order.
        width = max(4, len(str(len(batch) - 1)))
        self._waveforms = {f"{place:0{width}}": np.asarray(item) for place, item in enumerate(batch)}

    def records(
        self,
        progress: Progress | None,
        workers: int = 0,  # noqa: ARG002
        *,
        loudness: bool = False,
    ) -> list[FileRecord]:
        """Return a record of each waveform, with its loudness or without."""
        found = []
        for name, waveform in self._waveforms.items():
            found.append(self._record(name, waveform, loudness))
            if progress is not None:
                progress(1)
        return found

    def load(self, decision: FileDecision, dtype: str) -> tuple[Waveform, int]:  # noqa: ARG002
        """Return a waveform `[channels, samples]` as it is, float64 as float64, and its rate in Hz."""
        waveform = self._waveforms[decision.record.file]
        by_channel = waveform[np.newaxis] if waveform.ndim == 1 else waveform.T
        wide = waveform.dtype.itemsize >= np.dtype(np.float64).itemsize
        return by_channel.astype(np.float64 if wide else np.float32, copy=False), self._rate

    def _record(self, name: str, waveform: NDArray[Any], loudness: bool) -> FileRecord:
        if reason := _fault(waveform):
            return FileRecord(name, "", waveform.nbytes, "", "", 0, 0, 0, 0.0, "bad", reason)
        samples = np.ascontiguousarray(waveform, dtype=np.float32).reshape(len(waveform), -1)
        frames, channels = samples.shape
        digest = SoundDigest(self._rate, channels)
        digest.update(samples)
        peak, constant = float(np.abs(samples).max()), bool((samples == samples[0]).all())
        coding, sound = str(waveform.dtype), digest.hexdigest()
        info = AudioInfo("array", coding, self._rate, channels, frames, peak, constant, sound)
        sha256 = hashlib.sha256(samples.tobytes()).hexdigest()
        return record_of(name, sha256, waveform.nbytes, info, samples if loudness else None)


def _arrays_of(given: Any) -> Any:
    """Return waveforms, with tensors as arrays: a sound as `[samples]` or `[samples, channels]`."""
    if not hasattr(given, "detach"):
        return given if isinstance(given, np.ndarray) else [_array_of(item) for item in given]
    batch = _numbers_of(given)
    return batch if batch.ndim < 3 else [_by_sample(item) for item in batch]


def _array_of(item: Any) -> Any:
    return _by_sample(_numbers_of(item)) if hasattr(item, "detach") else item


def _numbers_of(tensor: Any) -> NDArray[Any]:
    """Copy a tensor of PyTorch to an array; floats of 16 bits, of which NumPy lacks bfloat16, to float32."""
    tensor = tensor.detach().cpu()
    is_short = tensor.is_floating_point() and tensor.element_size() < np.dtype(np.float32).itemsize
    return np.asarray(tensor.float() if is_short else tensor)


def _by_sample(sound: NDArray[Any]) -> NDArray[Any]:
    """Return a sound with its channels last; no sound has as many channels as samples."""
    return sound.T if sound.ndim == 2 and sound.shape[0] < sound.shape[1] else sound


def _fault(waveform: NDArray[Any]) -> str:
    """Return why a waveform cannot be used; "" if it can."""
    if waveform.dtype.kind != "f":
        return f"holds {waveform.dtype}; expected floats within ±1: divide integers by their range"
    if waveform.ndim not in (1, 2) or waveform.size == 0:
        return f"has the shape {waveform.shape}; expected [samples] or [samples, channels]"
    if waveform.ndim == 2 and waveform.shape[1] > len(waveform):
        return (
            f"has the shape {waveform.shape}, which looks like [channels, samples]; expected "
            "[samples, channels]: transpose it, or give the sounds of a batch one by one"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        sums = waveform.astype(np.float32, copy=False).reshape(len(waveform), -1).sum(axis=1)
    if not np.isfinite(sums).all():
        return "has values that are NaN or infinite, or so large that the sum of its channels is infinite"
    return ""


Sounds = SoundFiles | SoundArrays


def sounds_of(
    name: str,
    source: str | os.PathLike[str] | Sequence[Any] | Waveforms,
    cache: DecodedAudioCache | None = None,
    leftovers: Leftovers = DEFAULTS.leftovers,
) -> Sounds:
    """Return the audio of a data set that is given by its files or as waveforms.

    Args:
        name: name of the set.
        source: paths of its files, or its waveforms.
        cache: see `SoundFiles`.
        leftovers: how to treat files that another tool has written into a folder.

    Raises:
        DatasetError: no file is found.
        TypeError: the source has another type.
    """
    if isinstance(source, Waveforms):
        return SoundArrays(name, source)
    if isinstance(source, str | os.PathLike):
        return SoundFiles(Dataset(name, os.fspath(source), leftovers=leftovers), cache)
    if not isinstance(source, Iterable):
        raise TypeError(
            f"data set {name}: {source!r} is not a data set; give a folder, a glob, files, sound or "
            "embeddings"
        )
    paths = list(source)
    if not all(isinstance(path, str | os.PathLike) for path in paths):
        raise TypeError(
            f"data set {name}: a list must hold paths of files; give arrays of sound as Waveforms, with "
            "their sample rate, and embeddings as one array [N, D]"
        )
    return SoundFiles(Dataset(name, tuple(os.fspath(path) for path in paths)), cache)


def is_embeddings_file(source: object) -> bool:
    """Whether a source is the path of a `.npy` file."""
    return isinstance(source, str | os.PathLike) and Path(source).suffix == ".npy"
