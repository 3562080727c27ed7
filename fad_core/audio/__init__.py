"""Audio files: decode, check, mix channels.

The only module that reads sound from a path; everything after it works on float32 waveforms
`[channels, samples]`. The arithmetic is that of frechet-audio-distance: libsndfile's float32, and the
mean over the channels.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from fad_core.audio.containers import missing_sound
from fad_core.audio.mpeg import missing_mpeg_sound
from fad_core.errors import AudioError

_BLOCK_VALUES = 1 << 18  # decoded at once, over all channels: 1 MiB of float32
_UNKNOWN_FRAMES = 2**63 - 1  # what libsndfile announces for a FLAC file that was written to a pipe
_FULL_SCALE = {"int16": 2.0**15, "int32": 2.0**31}
_HIGHEST_RATE = 4_000_000  # Hz; beyond any recorder, and beyond what resampling to 8 kHz allows
_LARGEST = float(np.finfo(np.float32).max)
_PAIRWISE_CHANNELS = 8  # from so many on, NumPy adds up by halves

if TYPE_CHECKING:
    _SoundFile = Any
else:
    _SoundFile = soundfile.SoundFile


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file holds, found by decoding it.

    Attributes:
        format: libsndfile's name of the container, e.g. "WAV", "FLAC", "OGG".
        subtype: libsndfile's name of the coding, e.g. "PCM_16", "OPUS".
        sample_rate: in Hz.
        channels: count of channels.
        frames: samples in each channel.
    """

    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    peak: float
    constant: bool
    sound_sha256: str
    doubt: str = ""
    doubt_seconds: float = 0.0

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


class SoundDigest:
    """SHA-256 of a decoded sound, taken block by block."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._hash = hashlib.sha256(f"{sample_rate} {channels}\n".encode())

    def update(self, block: NDArray[np.float32]) -> None:
        """Take the next block `[samples, channels]`."""
        self._hash.update(np.ascontiguousarray(block, dtype="<f4").data)

    def hexdigest(self) -> str:
        """The digest of all blocks so far, 64 hex digits."""
        return self._hash.hexdigest()


class _Decoder(_SoundFile):  # type: ignore[misc]
    """A file that is decoded once from its beginning to its end.

    soundfile seeks after every read where it can; that costs time and fails for FLAC files of
    unknown length.
    """

    def seekable(self) -> bool:
        return False


def read_audio(path: Path | str, dtype: str = "float32") -> tuple[NDArray[np.floating[Any]], int]:
    """Decode a sound file.

    The values are bit for bit those of `soundfile.read(path, dtype=dtype)`: integer codings
    scaled to [-1, 1), floating ones as they are; what is read as integers is scaled afterwards.

    Args:
        path: of any format that libsndfile reads.
        dtype: "float32", or for float64 "float64", "int32" or "int16".

    Returns:
        The waveform `[channels, samples]`, float32 or float64, and its sample rate in Hz.

    Raises:
        AudioError: the file cannot be opened or decoded, or holds no samples. What `inspect_audio`
            checks beyond that is not checked here.
    """
    path = Path(path)
    with _open(path) as stream, _decoder(path, stream) as decoder:
        blocks = list(_blocks(path, decoder, dtype))
        if not blocks:
            raise AudioError(path, "holds no samples")
        samples = waveform_of(blocks)
        return (samples / _FULL_SCALE[dtype] if dtype in _FULL_SCALE else samples), int(decoder.samplerate)


def waveform_of(blocks: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The waveform `[channels, samples]` of a file that was decoded in blocks `[samples, channels]`."""
    return np.concatenate(blocks).T


def inspect_audio(path: Path | str, hear: Callable[[NDArray[np.float32]], None] | None = None) -> AudioInfo:
    """Decode a whole sound file, a bounded block at a time, and see whether it can be used.

    Args:
        path: of any format that libsndfile reads.
        hear: called with each block `[samples, channels]`; together they are what `read_audio` gives.

    Returns:
        What it holds.

    Raises:
        AudioError: it is missing, a folder, not readable, empty, not audio, damaged, cut short as far
            as its container shows it, or holds no samples, or NaN or infinite ones.
    """
    path = Path(path)
    with _open(path) as stream:
        if missing := missing_sound(stream):
            raise AudioError(path, missing)
    with _open(path) as stream, _decoder(path, stream) as decoder:
        rate, channels = int(decoder.samplerate), int(decoder.channels)
        declared, kind, subtype = int(decoder.frames), str(decoder.format), str(decoder.subtype)
        if not 0 < rate <= _HIGHEST_RATE:
            raise AudioError(path, f"declares a sample rate of {rate} Hz, which cannot be right")
        frames = not_finite = first = 0
        overflows = False
        digest, peak, constant, start = SoundDigest(rate, channels), 0.0, True, None
        for block in _blocks(path, decoder):
            frames += len(block)
            digest.update(block)
            start = block[0] if start is None else start
            peak = max(peak, float(np.abs(block).max()))
            constant = constant and bool((block == start).all())
            if hear is not None:
                hear(block)
            # NaN is neither larger nor smaller than anything.
            if float(block.min()) * channels > -_LARGEST and float(block.max()) * channels < _LARGEST:
                continue
            wrong = ~np.isfinite(block)
            with np.errstate(over="ignore", invalid="ignore"):
                overflows = overflows or (not wrong.any() and not np.isfinite(block.sum(axis=1)).all())
            if wrong.any():
                first = first if not_finite else frames - len(block) + int(wrong.any(axis=1).argmax())
                not_finite += int(wrong.sum())
    if missing := _missing_frames(path, kind, declared, frames, rate):
        raise AudioError(path, missing)
    if frames == 0:
        raise AudioError(path, "holds no samples")
    if not_finite:
        values = "value that is" if not_finite == 1 else "values that are"
        raise AudioError(
            path, f"has {not_finite} {values} NaN or infinite, the first at {first / rate:.3f} s"
        )
    if overflows:
        raise AudioError(path, "has values so large that the sum of its channels is infinite")
    return AudioInfo(kind, subtype, rate, channels, frames, peak, constant and peak > 0, digest.hexdigest())


def to_mono(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix to one channel: the float32 mean over the channels, as the original package computes it.

    Args:
        waveform: `[channels, samples]`.

    Returns:
        `[1, samples]`, float32.
    """
    if waveform.shape[0] == 1:
        return waveform
    if len(waveform) < _PAIRWISE_CHANNELS:
        # One after the other, as NumPy adds up so few; but many samples at a time.
        total: NDArray[np.float32] = waveform[0].copy()
        for channel in waveform[1:]:
            total += channel
        mean: NDArray[np.float32] = (total / np.float32(len(waveform)))[np.newaxis]
        return mean
    # From eight channels on the order of the sum, and so the rounding, depends on the memory layout:
    # NumPy has to see what the original gives it, samples by channels.
    by_sample = np.ascontiguousarray(waveform.T)
    mono: NDArray[np.float32] = np.mean(by_sample, axis=1)[np.newaxis]
    return mono


def mix(waveform: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Mix to the channels that a model takes.

    One channel is the mean of all (`to_mono`). For two, stereo stays as it is; one channel is duplicated,
    and so is the mean of more than two, whose places in the room a file need not tell.

    Args:
        waveform: `[C, samples]`.
        channels: 1 or 2.

    Returns:
        `[channels, samples]`, float32.
    """
    if waveform.shape[0] == channels:
        return waveform
    return np.repeat(to_mono(waveform), channels, axis=0)


def _open(path: Path) -> BinaryIO:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(path, "is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(path, "is not a regular file")
        if status.st_size == 0:
            raise AudioError(path, "is empty (0 bytes)")
        return path.open("rb")
    except OSError as error:
        raise AudioError(path, _reason_of(error, path)) from error


def _reason_of(error: OSError, path: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return "is a link to a file that does not exist" if path.is_symlink() else "does not exist"
    if isinstance(error, PermissionError):
        return "cannot be read: permission denied"
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself"
    return f"cannot be read: {error.strerror or error}"


def _decoder(path: Path, stream: BinaryIO) -> Any:
    # By file descriptor, not by name: from some names (.au, .snd, .gsm, .vox) libsndfile concludes that
    # any content whatever is headerless sound.
    try:
        return _Decoder(stream.fileno(), closefd=False)
    except soundfile.LibsndfileError as error:
        raise AudioError(path, _not_audio(path, stream, _text_of(error))) from error


def _not_audio(path: Path, stream: BinaryIO, detail: str) -> str:
    os.lseek(stream.fileno(), 0, os.SEEK_SET)
    head = os.read(stream.fileno(), 1024)
    # A character may be cut at the end of what was read: up to three bytes of it.
    text = head.decode("utf-8", "ignore")
    if len(head) - len(text.encode()) <= 3 and all(c.isprintable() or c in "\t\n\r\f\ufeff" for c in text):
        beginning = " ".join(text.split())[:40]
        return f"is a text file, not audio: it begins with {beginning!r}"
    suffix = f"{path.suffix} file" if path.suffix else "file"
    return f"libsndfile cannot read this {suffix} ({detail}): convert it to WAV or FLAC, or replace it"


def _blocks(path: Path, decoder: Any, dtype: str = "float32") -> Iterator[NDArray[Any]]:
    """Decode from where the decoder stands to the end, in blocks `[samples, channels]`."""
    size = max(1, _BLOCK_VALUES // decoder.channels)
    done = 0
    while True:
        try:
            if done == 0 and decoder.format == "MP3":
                # soundfile.read begins with a seek, after which mpg123's last bits come out otherwise.
                decoder.seek(0)
            block = decoder.read(size, dtype=dtype, always_2d=True)
        except soundfile.LibsndfileError as error:
            seconds = done / decoder.samplerate
            reason = f"cut short or damaged: decoding fails after {seconds:.3f} s ({_text_of(error)})"
            raise AudioError(path, reason) from error
        if len(block) == 0:
            return
        done += len(block)
        yield block


def _missing_frames(path: Path, kind: str, declared: int, decoded: int, rate: int) -> str | None:
    if kind == "MP3":
        with _open(path) as stream:
            return missing_mpeg_sound(stream, declared, decoded, rate)
    if decoded < declared < _UNKNOWN_FRAMES:
        return f"cut short: its header promises {declared / rate:.3f} s, {decoded / rate:.3f} s are there"
    return None


def _text_of(error: soundfile.LibsndfileError) -> str:
    text = " ".join(str(error.error_string).removeprefix("Error : ").rstrip(".").split())
    # libsndfile says this of anything in which it vainly looked for MPEG frames.
    return "no valid MPEG audio found" if text.endswith("(possibly a pipe?)") else text
