"""Two sets of recordings, the same for every program."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from fad_core.audio import AudioInfo, inspect_audio
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
    long_enough = _long_enough(audio)
    for number, (path, info) in enumerate(long_enough):
        # Recordings in different folders may have the same name.
        target = sets[number % 2] / f"{number:05}_{path.name}"
        if mono and info.channels > 1:
            samples, rate = soundfile.read(path, dtype="float32")
            soundfile.write(target.with_suffix(".wav"), samples.mean(axis=1), rate, subtype="FLOAT")
        else:
            target.symlink_to(path.resolve())
    return *sets, sum(info.duration for _, info in long_enough)


def write_copies(audio: Path, folder: Path, files: int) -> tuple[Path, Path]:
    """Two folders of so many files together: the recordings in turn, again and again."""
    sets = folder / "a", folder / "b"
    for path in sets:
        path.mkdir(parents=True)
    recordings = [path for path, _ in _long_enough(audio)]
    for number in range(files):
        source = recordings[number % len(recordings)]
        # A link would be the same file twice, which is refused.
        shutil.copyfile(source, sets[number % 2] / f"{number:06}{source.suffix}")
    return sets


def write_length(audio: Path, folder: Path, seconds: float) -> tuple[Path, Path]:
    """Two folders of two files: one is as long as wanted, the others last a second."""
    sets = folder / "a", folder / "b"
    sound, rate = _mono_of(audio, seconds + 3)
    for number, path in enumerate(sets):
        path.mkdir(parents=True)
        for name in ("one", "two"):
            wanted = seconds if (number, name) == (1, "two") else 1.0
            piece, sound = np.split(sound, [round(wanted * rate)])
            soundfile.write(path / f"{name}.wav", piece, rate, subtype="PCM_16")
    return sets


def _mono_of(audio: Path, seconds: float) -> tuple[NDArray[np.float32], int]:
    """The recordings of the first one's rate, mixed to mono, one after the other and again."""
    found = _long_enough(audio)
    rate = found[0][1].sample_rate
    sounds = [
        soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
        for path, info in found
        if info.sample_rate == rate
    ]
    return np.resize(np.concatenate(sounds), round(seconds * rate)), rate


def _long_enough(audio: Path) -> list[tuple[Path, AudioInfo]]:
    listing = list_files(Dataset("audio", str(audio)))
    infos = [(file.path, inspect_audio(file.path)) for file in listing.files]
    return [(path, info) for path, info in infos if info.duration >= SHORTEST_SECONDS]
