"""Write sets of clips as folders of audio files; unchanged files are not written again."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import soundfile

from fad_core.util.atomic import atomic_path

from . import Samples, level


def encode(name: str, samples: Samples, rate: int, subtype: str) -> bytes:
    """Return the bytes of an audio file whose format follows from the suffix of its name."""
    stream = io.BytesIO()
    audio_format = Path(name).suffix.removeprefix(".").upper()
    soundfile.write(stream, samples, rate, subtype=subtype, format=audio_format)
    return stream.getvalue()


def write_files(folder: Path, files: Iterable[tuple[str, bytes]]) -> tuple[int, int]:
    """Make a folder hold exactly these files.

    Returns:
        The number of files written because they were missing or different, and of other files removed.

    Raises:
        SystemExit: the folder contains a folder, which this script never creates.
    """
    wanted: set[str] = set()
    written = removed = 0
    for name, content in files:
        wanted.add(name)
        path = folder / name
        if path.is_file() and path.read_bytes() == content:
            continue
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        written += 1
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            raise SystemExit(f"{path}: a folder that is not part of the demo audio: move it elsewhere.")
        if path.name not in wanted:
            path.unlink()
            removed += 1
    return written, removed


def write_set(folder: Path, clips: list[tuple[str, Samples]], rate: int, subtype: str) -> None:
    """Write the clips of a data set and print one line about it."""
    written, removed = write_files(
        folder, ((name, encode(name, samples, rate, subtype)) for name, samples in clips)
    )
    seconds = sum(len(samples) for _, samples in clips) / rate
    loudness = level([samples for _, samples in clips])
    state = f"{written} written" if written else "unchanged"
    if removed:
        state += f", other files removed: {removed}"
    print(
        f"{folder.name:20} {len(clips):3} clips {seconds:5.0f} s  {rate} Hz {subtype}"
        f"  RMS {loudness:5.1f} dBFS  {state}"
    )


def seed_number(text: str) -> int:
    """Read a seed from a command line.

    Raises:
        ValueError: it is not a whole number from 0.
    """
    value = int(text)
    if value < 0:
        raise ValueError
    return value
