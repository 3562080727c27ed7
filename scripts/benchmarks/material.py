"""Two sets of recordings, the same for every program."""

from __future__ import annotations

from pathlib import Path

import soundfile

from fad_core.audio import inspect_audio
from fad_core.datasets import Dataset, list_files

SHORTEST_SECONDS = 1.0
"""Shorter ones end the original's loop in silence, for VGGish: there would be nothing to compare."""


def write_sets(audio: Path, folder: Path, *, mono: bool) -> tuple[Path, Path, float]:
    """Divide recordings into two folders, one to the one and the next to the other.

    Args:
        audio: a folder or a glob of recordings.
        folder: where to write `a` and `b`.
        mono: write their mean over the channels. The original resamples the channels of a stereo file.

    Returns:
        The folders, and the duration of all recordings in seconds.
    """
    sets = folder / "a", folder / "b"
    for path in sets:
        path.mkdir(parents=True)
    listing = list_files(Dataset("audio", str(audio)))
    infos = [(file.path, inspect_audio(file.path)) for file in listing.files]
    long_enough = [(path, info) for path, info in infos if info.duration >= SHORTEST_SECONDS]
    for number, (path, info) in enumerate(long_enough):
        # Recordings in different folders may have the same name.
        target = sets[number % 2] / f"{number:05}_{path.name}"
        if mono and info.channels > 1:
            samples, rate = soundfile.read(path, dtype="float32")
            soundfile.write(target.with_suffix(".wav"), samples.mean(axis=1), rate, subtype="FLOAT")
        else:
            target.symlink_to(path.resolve())
    return *sets, sum(info.duration for _, info in long_enough)
