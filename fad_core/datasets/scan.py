"""Scan files: find out what each file of a data set holds, and whether it can be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fad_core.audio import AudioInfo, inspect_audio
from fad_core.audio.loudness import integrated_loudness
from fad_core.datasets import AudioFile, file_sha256
from fad_core.datasets.decode_cache import DecodedAudioCache, Recording
from fad_core.errors import AudioError
from fad_core.util.prefetch import prefetch


@dataclass(frozen=True)
class FileRecord:
    """Result of the scan of one file; what is not known of a bad file is "" or 0.

    Attributes:
        file: name in the data set.
        sha256: sha256 of the bytes, in hex.
        size: size in bytes.
        format: libsndfile's name of the container.
        subtype: libsndfile's name of the coding.
        sample_rate: sample rate in Hz.
        channels: number of channels.
        frames: samples in each channel.
        seconds: length in seconds.
        status: "ok"; "doubtful", which is used with a remark (see `fad_core.audio`); or "bad".
        reason: why it is doubtful or bad, in one line; "" if it is neither.
        peak: largest absolute sample value, as decoded to float32.
        signal: "varying"; "constant", if each channel holds one value throughout; or "silent".
        sound_sha256: hash of the decoded sound (`fad_core.audio.SoundDigest`), in hex.
        doubt_seconds: seconds of a doubtful file that are missing or ignored.
        loudness: integrated loudness in LUFS (`fad_core.audio.loudness`); None if it was not measured.
        loudness_fault: why it could not be measured; "" if it was, or was not asked for.
    """

    file: str
    sha256: str
    size: int
    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    seconds: float
    status: Literal["ok", "doubtful", "bad"]
    reason: str
    peak: float = 0.0
    signal: Literal["", "varying", "constant", "silent"] = ""
    sound_sha256: str = ""
    doubt_seconds: float = 0.0
    loudness: float | None = None
    loudness_fault: str = ""


def scan_file(
    file: AudioFile, cache: DecodedAudioCache | None = None, *, loudness: bool = False
) -> FileRecord:
    """Hash and decode one file, whole, in bounded memory. A bad file gives a record, not an error.

    Args:
        file: a file of a data set.
        cache: keeps the decoded audio, unless the file changes meanwhile.
        loudness: whether to measure its loudness, for which the whole file is in memory.

    Raises:
        FadError: loudness is to be measured, and pyloudnorm is not installed.
    """
    if cache is None:
        return _scanned(file, None, loudness)
    with closing(Recording(cache)) as recording:
        before = _state(file.path)
        record = _scanned(file, recording.append, loudness)
        if record.status != "bad" and _state(file.path) == before:
            recording.keep(record.sha256, record.sample_rate)
    return record


def _state(path: Path) -> tuple[int, int, int] | None:
    """Return values that differ if a file was written or replaced; None if it cannot be accessed."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _scanned(
    file: AudioFile, on_block: Callable[[NDArray[np.float32]], None] | None, loudness: bool
) -> FileRecord:
    sha256, size = "", 0
    blocks: list[NDArray[np.float32]] = []

    def take(block: NDArray[np.float32]) -> None:
        if loudness:
            blocks.append(block)
        if on_block is not None:
            on_block(block)

    try:
        if file.path.is_file():
            size = file.path.stat().st_size
            sha256 = file_sha256(file.path)
    except OSError:
        sha256 = ""  # inspect_audio raises with the reason
    try:
        info = inspect_audio(file.path, take)
    except AudioError as error:
        return FileRecord(file.name, sha256, size, "", "", 0, 0, 0, 0.0, "bad", error.reason)
    if not loudness:
        return record_of(file.name, sha256, size, info)
    samples = np.concatenate(blocks, dtype=np.float64)
    blocks.clear()
    return record_of(file.name, sha256, size, info, samples)


def record_of(
    name: str, sha256: str, size: int, info: AudioInfo, samples: NDArray[np.floating[Any]] | None = None
) -> FileRecord:
    """Return the record of a sound which can be used.

    Args:
        name: of the sound.
        sha256: of its bytes, in hex.
        size: in bytes.
        info: its properties.
        samples: `[samples, channels]`, whose loudness is measured; None: it is not measured.
    """
    loudness, fault = None, ""
    if samples is not None:
        try:
            loudness = integrated_loudness(samples, info.sample_rate)
        except ValueError as error:
            fault = str(error)
    return FileRecord(
        file=name,
        sha256=sha256,
        size=size,
        format=info.format,
        subtype=info.subtype,
        sample_rate=info.sample_rate,
        channels=info.channels,
        frames=info.frames,
        seconds=info.duration,
        status="doubtful" if info.doubt else "ok",
        reason=info.doubt,
        peak=info.peak,
        signal="silent" if info.peak == 0 else "constant" if info.constant else "varying",
        sound_sha256=info.sound_sha256,
        doubt_seconds=info.doubt_seconds,
        loudness=loudness,
        loudness_fault=fault,
    )


def scan_files(
    files: Iterable[AudioFile],
    progress: Callable[[int], None] | None = None,
    workers: int = 0,
    cache: DecodedAudioCache | None = None,
    *,
    loudness: bool = False,
) -> list[FileRecord]:
    """Scan files.

    Args:
        files: files of one data set.
        progress: called with 1 after each file.
        workers: threads that scan a file each; 0: none, one file after the other.
        cache: keeps the decoded audio, until it is full.
        loudness: whether to measure the loudness of each file.

    Returns:
        A record for each file, sorted by name.

    Raises:
        FadError: loudness is to be measured, and pyloudnorm is not installed.
    """
    records = []
    ordered = sorted(files, key=lambda file: file.name)
    scan = partial(scan_file, cache=cache, loudness=loudness)
    for record in prefetch(scan, ((file, 1) for file in ordered), workers):
        records.append(record)
        if progress is not None:
            progress(1)
    return records
