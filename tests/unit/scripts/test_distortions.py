"""Distorted copies of audio: each stronger than the one before, the same on each run, and a study of them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fad_study.config import read_yaml
from fad_study.study import read_study

ROOT = Path(__file__).resolve().parents[3]
RATE = 16_000
FAMILIES: Any = importlib.import_module("distortions").FAMILIES


def sound() -> np.ndarray:
    """Half a second of tones, with pauses, `[2, samples]`."""
    time = np.arange(RATE // 2) / RATE
    tones = sum(np.sin(2 * np.pi * each * time + each) for each in (110, 440, 1800, 5200))
    return np.stack([0.1 * tones * (np.sin(40 * time) > 0), 0.1 * tones])


def distorted(family: str, level: str) -> np.ndarray:
    made: np.ndarray = FAMILIES[family][level](sound(), RATE, np.random.default_rng(1))
    return made


@pytest.mark.parametrize(
    "family", ["white noise", "pops", "low-pass", "high-pass", "quantisation", "mel encoding"]
)
def test_the_strongest_level_is_further_from_the_sound_than_the_weakest(family: str) -> None:
    first, *_, last = (np.abs(distorted(family, level) - sound()).mean() for level in FAMILIES[family])
    assert first < last


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_bytes_each_time_and_finite_ones(family: str) -> None:
    level = list(FAMILIES[family])[-1]
    made = distorted(family, level)
    assert made.tobytes() == distorted(family, level).tobytes() != sound().tobytes()
    assert made.shape[0] == 2 and np.isfinite(made).all()
    seconds = {"faster": 0.05, "slower": 2.5, "reverberation": 1.75}.get(family.partition(",")[0], 0.5)
    assert made.shape[1] == pytest.approx(seconds * RATE, rel=0.03)


def test_a_study_of_a_folder(tmp_path: Path) -> None:
    for number in range(5):
        soundfile.write(tmp_path / f"{number}.wav", np.roll(sound(), number).T, RATE)
    script = importlib.import_module("make_distortions")
    output = tmp_path / "made"
    script.main(tmp_path, output, families=("pops", "low-pass"), levels=2, clips=4)
    folders = {
        path.name: sorted(each.name for each in path.iterdir()) for path in output.iterdir() if path.is_dir()
    }
    assert folders.pop("reference") == ["0.flac", "2.flac"]
    assert set(map(tuple, folders.values())) == {("1.flac", "3.flac")}
    assert set(folders) == {"clean", "pops_0.0001", "pops_1", "low-pass_4000_Hz", "low-pass_300_Hz"}
    study = read_study(read_yaml(output / "distortions.yaml"), ROOT / "workflow/schemas/config.schema.yaml")
    assert study.series["low-pass_300_Hz"] == ("low-pass", "300 Hz")
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.flac")}
    script.main(tmp_path, output, families=("pops", "low-pass"), levels=2, clips=4)
    assert before == {path: path.stat().st_mtime_ns for path in output.rglob("*.flac")}
