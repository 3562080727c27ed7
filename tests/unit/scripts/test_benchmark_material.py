"""The sets of recordings that benchmarks are run on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_demo_audio import module


@pytest.mark.parametrize("mono", [True, False])
def test_recordings_of_one_name_are_all_in_the_sets(tmp_path: Path, mono: bool) -> None:
    # Of one name also once they are written as mono: x.wav.
    names = ("p/x.wav", "q/x.wav", "q/x.flac", "r/x.wav", "r/x.flac", "short.wav")
    for level, name in enumerate(names, start=1):
        path = tmp_path / "audio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        seconds = 0.5 if name == "short.wav" else 1.0
        soundfile.write(path, np.full((round(seconds * 8000), 2), level / 8), 8000)
    write_sets = module("benchmarks.material").write_sets
    *sets, seconds = write_sets(tmp_path / "audio", tmp_path / "sets", mono=mono)
    read = [[soundfile.read(path)[0] for path in sorted(folder.iterdir())] for folder in sets]
    assert [len(sounds) for sounds in read] == [3, 2]
    assert {sound.flat[0] * 8 for sounds in read for sound in sounds} == {1, 2, 3, 4, 5}
    assert {sound.ndim for sounds in read for sound in sounds} == {1 if mono else 2}
    assert seconds == 5.0
