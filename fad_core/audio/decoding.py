"""Decode sound files with libsndfile, in blocks or whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from fad_core.errors import AudioError

_BLOCK_VALUES = 1 << 18  # decoded at once, over all channels: 1 MiB of float32
_FULL_SCALE = {"int16": 2.0**15, "int32": 2.0**31}


class _Decoder(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is decoded once from its beginning to its end.

    soundfile seeks after every read of a seekable file, which takes time and fails for FLAC files of
    unknown length.
    """

    def seekable(self) -> bool:
        return False


def read_audio(path: Path | str, dtype: str = "float32") -> tuple[NDArray[np.floating[Any]], int]:
    """Decode a sound file.

    The values are bit for bit those of `soundfile.read(path, dtype=dtype)`: integer codings
    are scaled to [-1, 1), floating-point ones are unchanged; samples read as integers are scaled afterwards.

    Args:
        path: a file of any format that libsndfile reads.
        dtype: "float32"; or "float64", "int32" or "int16", which give float64.

    Returns:
        The waveform `[channels, samples]`, float32 or float64, and its sample rate in Hz.

    Raises:
        AudioError: the file cannot be opened or decoded, or holds no samples. The further checks of
            `inspect_audio` are not made.

    >>> import soundfile
    >>> soundfile.write("ramp.wav", [0.0, 0.25, 0.5], 16000)
    >>> read_audio("ramp.wav")
    (array([[0.  , 0.25, 0.5 ]], dtype=float32), 16000)
    """
    path = Path(path)
    with open_sound(path) as stream, open_decoder(path, stream) as decoder:
        blocks = list(decoded_blocks(path, decoder, dtype))
        if not blocks:
            raise AudioError(path, "holds no samples")
        samples = waveform_of(blocks)
        return (samples / _FULL_SCALE[dtype] if dtype in _FULL_SCALE else samples), int(decoder.samplerate)


def waveform_of(blocks: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join decoded blocks into a waveform.

    Args:
        blocks: at least one, each `[samples, channels]`, all of one type and number of channels.

    Returns:
        `[channels, samples]`, of the blocks' type.

    >>> waveform_of([np.zeros((100, 2)), np.zeros((50, 2))]).shape
    (2, 150)
    """
    return np.concatenate(blocks).T


def open_sound(path: Path) -> BinaryIO:
    """Open a regular file that is not empty; raise `AudioError` for anything else."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(path, "is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(path, "is not a regular file")
        if status.st_size == 0:
            raise AudioError(path, "is empty (0 bytes)")
        return path.open("rb")
    except FileNotFoundError as error:
        reason = "is a link to a file that does not exist" if path.is_symlink() else "does not exist"
        raise AudioError(path, reason) from error
    except OSError as error:
        raise AudioError(path, f"cannot be read: {error.strerror or error}") from error


def open_decoder(path: Path, stream: BinaryIO) -> Any:
    """Return libsndfile's decoder of an open file; raise `AudioError` if it is not audio."""
    # By file descriptor, not by name: libsndfile treats any content of files with some suffixes (.au, .snd,
    # .gsm, .vox) as audio without a header.
    try:
        return _Decoder(stream.fileno(), closefd=False)
    except soundfile.LibsndfileError as error:
        raise AudioError(path, _not_audio(path, stream, _text_of(error))) from error


def _not_audio(path: Path, stream: BinaryIO, detail: str) -> str:
    """Return why libsndfile cannot open a file; `detail` is its own message."""
    os.lseek(stream.fileno(), 0, os.SEEK_SET)
    head = os.read(stream.fileno(), 1024)
    if head[:4] == b"BW64":
        return "is a BW64 file, which libsndfile cannot read: convert it (ffmpeg -i FILE NEW.flac)"
    # The last character may be truncated: up to three bytes of it.
    text = head.decode("utf-8", "ignore")
    if len(head) - len(text.encode()) <= 3 and all(c.isprintable() or c in "\t\n\r\f\ufeff" for c in text):
        begins = f"is a text file, not audio: it begins with {' '.join(text.split())[:40]!r}"
        is_list = path.suffix.lower() in (".txt", ".csv", ".tsv", ".jsonl", ".scp")
        return f"{begins}; a list of files is given as @{path}" if is_list else begins
    kind = f"{path.suffix} file" if path.suffix else "file"
    return f"libsndfile cannot read this {kind} ({detail}): convert it to WAV or FLAC, or replace it"


def decoded_blocks(path: Path, decoder: Any, dtype: str = "float32") -> Iterator[NDArray[Any]]:
    """Decode a file from its beginning to its end.

    Args:
        path: path of the file, for messages.
        decoder: what `open_decoder` returned.
        dtype: "float32", "float64", "int32" or "int16".

    Yields:
        Blocks `[samples, channels]` of at least one sample.

    Raises:
        AudioError: decoding fails.
    """
    size = max(1, _BLOCK_VALUES // decoder.channels)
    done = 0
    try:
        if decoder.format == "MP3":
            # soundfile.read begins with a seek, which changes the last bits of mpg123's output.
            decoder.seek(0)
        while len(block := decoder.read(size, dtype=dtype, always_2d=True)):
            done += len(block)
            yield block
    except soundfile.LibsndfileError as error:
        seconds = done / decoder.samplerate
        reason = f"cut short or damaged: decoding fails after {seconds:.3f} s ({_text_of(error)})"
        raise AudioError(path, reason) from error


def _text_of(error: soundfile.LibsndfileError) -> str:
    text = " ".join(str(error.error_string).removeprefix("Error : ").rstrip(".").split())
    # libsndfile's message for any content in which it found no MPEG frames.
    return "no valid MPEG audio found" if text.endswith("(possibly a pipe?)") else text
