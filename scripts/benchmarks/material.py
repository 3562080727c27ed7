"""Sets of recordings, the same for every program."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from fad_core.audio import AudioInfo, inspect_audio
from fad_core.datasets import Dataset, list_files

SHORTEST_SECONDS = 1.0
"""A shorter recording silently ends the loop of the original with VGGish."""


def write_sets(audio: Path, folder: Path, *, mono: bool) -> tuple[Path, Path, float]:
    """Divide recordings alternately into two folders.

    Args:
        audio: a folder or a glob of recordings.
        folder: where to write the folders `a` and `b`.
        mono: whether to write the mean of the channels; the original resamples stereo along the channels.

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
    """Write two folders with copies of the recordings, in turn.

    Args:
        audio: a folder or a glob of recordings.
        folder: where to write the folders `a` and `b`.
        files: number of files in both folders.
    """
    sets = folder / "a", folder / "b"
    for path in sets:
        path.mkdir(parents=True)
    recordings = [path for path, _ in _long_enough(audio)]
    for number in range(files):
        source = recordings[number % len(recordings)]
        # Not a link, which would be the same file twice.
        shutil.copyfile(source, sets[number % 2] / f"{number:06}{source.suffix}")
    return sets


def write_length(audio: Path, folder: Path, seconds: float) -> tuple[Path, Path]:
    """Write two folders of two files: one file of the given length, the others of one second.

    Args:
        audio: a folder or a glob of recordings.
        folder: where to write the folders `a` and `b`.
        seconds: length of the first file.
    """
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
    """Return the recordings of the first one's rate, mixed to mono and repeated end to end; and the rate."""
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
