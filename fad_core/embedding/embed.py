"""From audio files to embeddings, one file at a time: load, prepare, embed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.audio import mix, read_audio, to_mono
from fad_core.audio.resample import resample
from fad_core.datasets import AudioFile, file_sha256
from fad_core.datasets.decisions import FileDecision, vector_count
from fad_core.embedding.embedded_set import FileEmbeddings
from fad_core.errors import AudioError, ModelError
from fad_core.models import fadtk_conventions, original_quirks
from fad_core.models.base import Arrays, Vectors
from fad_core.models.use import ModelUse
from fad_core.runner.exported import ExportedModel
from fad_core.util.prefetch import prefetch


def prepare_waveform(
    waveform: NDArray[np.float32], sample_rate: int, use: ModelUse, *, pad: bool = False
) -> NDArray[np.float32]:
    """Bring a waveform to a model's channels and rate, in the original package's order.

    Channels are mixed first (`fad_core.audio.mix`), then resampled (resampy, kaiser_best), or all as in fadtk
    (`fad_core.models.fadtk_conventions`).

    Args:
        waveform: float32 `[channels, samples]`.
        sample_rate: of the waveform, Hz.
        use: the model, whose channels, rate and minimum length count, and how it is used.
        pad: append zeros up to the model's minimum if it is shorter.

    Returns:
        float32 `[model.channels, samples]` at `model.sample_rate`.

    Raises:
        ValueError: not one sample would be left at the model's rate, or the original package is to be
            imitated and cannot embed this (`fad_core.models.original_quirks`).
    """
    model = use.model
    prepared: NDArray[np.float32] | None
    if use.options.imitate_fadtk:
        prepared = fadtk_conventions.prepare_waveform(
            waveform, sample_rate, model.sample_rate, model.channels
        )
    else:
        prepared = original_quirks.prepare_waveform(waveform, sample_rate, use)
    if prepared is None:
        # Equal channels are resampled once.
        once = waveform if len(waveform) == model.channels else to_mono(waveform)
        prepared = mix(resample(once, sample_rate, model.sample_rate), model.channels)
    missing = model.minimum_samples - prepared.shape[1]
    return np.pad(prepared, ((0, 0), (0, missing))) if pad and missing > 0 else prepared


Load = Callable[[FileDecision, str], tuple[NDArray[np.floating[Any]], int]]
"""Gives a file's waveform `[channels, samples]`, read as a type (`Options.dtype`), and its rate."""


def file_loader(files: Iterable[AudioFile]) -> Load:
    """Return a function that loads the files of a data set, unless they have changed since the scan.

    Args:
        files: the files of the data set.
    """
    paths = {file.name: file.path for file in files}

    def load(decision: FileDecision, dtype: str) -> tuple[NDArray[np.floating[Any]], int]:
        if decision.record.file not in paths:
            raise AudioError(decision.record.file, "no longer exists; run again")
        return load_unchanged(paths[decision.record.file], decision.record.sha256, dtype)

    return load


def embed_sounds(
    exported: ExportedModel, sounds: Iterable[tuple[FileDecision, Load]], workers: int = 0
) -> Generator[FileEmbeddings]:
    """Embed the files that are used or padded, in the order given, with any loader.

    Args:
        exported: the model.
        sounds: what `fad_core.datasets.decisions.select_files` decided of each file, of one data set or
            several, and what loads it.
        workers: threads that load, resample and make features ahead; with 0, nothing is made ahead. The
            embeddings are the same to the last bit.

    Raises:
        AudioError: features or embeddings are not finite, or what `load` raises.
        ModelError: the outputs are not those that the model's description states, or not as many vectors.
    """
    use = exported.use

    def prepare(sound: tuple[FileDecision, Load]) -> tuple[Arrays, int]:
        decision, load = sound
        waveform, sample_rate = load(decision, use.options.dtype)
        prepared = prepare_waveform(waveform, sample_rate, use, pad=decision.status == "padded")
        if decision.gain is not None:
            # As if the file were that loud: mixing and resampling are linear.
            prepared = prepared * prepared.dtype.type(decision.gain)
        made = exported.features(prepared, decision.record.sha256, decision.record.file)
        return made, prepared.shape[1]

    def features() -> Iterator[Arrays]:
        sized = ((sound, sound[0].record.frames * sound[0].record.channels) for sound in used)
        for arrays, samples in prefetch(prepare, sized, workers):
            lengths.append(samples)
            yield arrays

    lengths: deque[int] = deque()
    used = [sound for sound in sounds if sound[0].status != "excluded"]
    counts = [vector_count(decision, use) for decision, _ in used]
    # Closed at once, whatever is raised: until then PyTorch computes with the threads of the lanes.
    with closing(exported.embed_many(features(), exported.lanes, counts)) as embedded:
        for (decision, _), vectors in zip(used, embedded, strict=True):
            if not all(np.isfinite(each).all() for each in vectors.values()):
                raise AudioError(
                    decision.record.file, "gives embeddings that are NaN or infinite: check its sample values"
                )
            samples = lengths.popleft()
            starts = use.start_seconds(samples, decision.record.sha256)
            _require_described(decision.record.file, vectors, len(starts), samples, use)
            yield FileEmbeddings(decision.record.file, starts, vectors)


def _require_described(file: str, vectors: Vectors, starts: int, samples: int, use: ModelUse) -> None:
    """Require the outputs and the numbers of vectors and of their starts that a model's description states.

    Raises:
        ModelError: they are others; then the description is wrong.
    """
    model, count = use.model, use.vector_count(samples)
    expected = {name: (count, dimension) for name, dimension in model.outputs.items()}
    found = {name: each.shape for name, each in vectors.items()}
    if found != expected or starts != count:
        raise ModelError(
            f"{model.name} gives {found} and {starts} start times for {file}; its outputs and vector_count "
            f"require {expected} and {count}: correct the model"
        )


def load_unchanged(path: Path, sha256: str, dtype: str) -> tuple[NDArray[np.floating[Any]], int]:
    """Read a file that has been scanned; see `fad_core.audio.read_audio`.

    Raises:
        AudioError: it cannot be read any more, or is not what it was.
    """
    try:
        found = file_sha256(path)
    except OSError as error:
        raise AudioError(path, f"can no longer be read: {error.strerror}; run again") from error
    if found != sha256:
        raise AudioError(path, "has changed since it was scanned; run again")
    return read_audio(path, dtype)
