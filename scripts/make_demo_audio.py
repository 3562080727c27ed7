#!/usr/bin/env python3
"""Make the demo study's audio: the sine sets of the FAD literature, and music with damaged copies.

One folder a data set. The same seed gives the same files; a file that is right already is left alone, so
that a second run changes no modification time. Files in these folders that do not belong are removed.
"""

import argparse
import io
from collections.abc import Iterable
from pathlib import Path

import soundfile
from demo_audio import Samples, distortions, instruments, level, music, sines

from fad_core.atomic import atomic_path


def encode(name: str, samples: Samples, rate: int, subtype: str) -> bytes:
    """Give the bytes of an audio file whose format follows from the name's suffix."""
    stream = io.BytesIO()
    audio_format = Path(name).suffix.removeprefix(".").upper()
    soundfile.write(stream, samples, rate, subtype=subtype, format=audio_format)
    return stream.getvalue()


def write_files(folder: Path, files: Iterable[tuple[str, bytes]]) -> tuple[int, int]:
    """Make the folder hold just these files.

    Returns:
        How many files were written because they were missing or different, and how many others removed.

    Raises:
        SystemExit: the folder holds a folder, which this script never makes.
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
            raise SystemExit(f"{path}: a folder that is not part of the demo audio. Move it elsewhere.")
        if path.name not in wanted:
            path.unlink()
            removed += 1
    return written, removed


def write_set(folder: Path, clips: list[tuple[str, Samples]], rate: int, subtype: str) -> None:
    """Write a data set's clips and print one line on it."""
    written, removed = write_files(
        folder, ((name, encode(name, samples, rate, subtype)) for name, samples in clips)
    )
    seconds = sum(len(samples) for _, samples in clips) / rate
    loudness = level([samples for _, samples in clips])
    state = f"{written} written" if written else "unchanged"
    if removed:
        state += f", {removed} that did not belong removed"
    print(
        f"{folder.name:20} {len(clips):3} clips {seconds:5.0f} s  {rate} Hz {subtype}"
        f"  RMS {loudness:5.1f} dBFS  {state}"
    )


def main(output: Path = Path("audio/demo"), seed: int = 0) -> None:
    """Write all sets.

    Args:
        output: folder of the sets' folders; others in it are left alone.
        seed: of all noise and all notes, ≥ 0.
    """
    for chosen in sines.SETS:
        # int16 samples in 24-bit files, as the original package's test writes them.
        write_set(output / chosen.name, list(sines.clips(chosen, seed)), sines.RATE, "PCM_24")
    clean = list(music.clips(seed))
    write_set(output / "music_clean", clean, instruments.RATE, "PCM_16")
    for name in distortions.SETS:
        damaged = [(clip, distortions.distort(name, clip, samples, seed)) for clip, samples in clean]
        write_set(output / name, damaged, instruments.RATE, "PCM_16")


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=Path("audio/demo"), help="default: %(default)s")
    parser.add_argument("--seed", type=_seed, default=0, help="whole number from 0; default: %(default)s")
    arguments = parser.parse_args()
    main(arguments.output, arguments.seed)
