"""Audio of the demo and of the sine study: sines of the literature, plausible music, distorted copies."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
SINES = {"sine_background": 10, "sine_test1_00": 5, "sine_test2_00": 5}
NOISE = ["music_noise_1e-3", "music_noise_1e-2", "music_noise_1e-1"]
LOWPASS = ["music_lowpass_4000", "music_lowpass_2000", "music_lowpass_1000", "music_lowpass_500"]
QUANTISED = ["music_quantised_8", "music_quantised_5", "music_quantised_3"]
MUSIC = ["music_reference", "music_clean", *NOISE, *LOWPASS, *QUANTISED]


def module(name: str) -> Any:
    """Import a module as the scripts do, whose folder is first on their path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        return importlib.import_module(name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo") / "audio"
    command = [sys.executable, str(SCRIPTS / "make_demo_audio.py"), "--output", str(folder)]
    return folder, subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def demo(made: tuple[Path, str]) -> Path:
    return made[0]


def load(folder: Path) -> dict[str, np.ndarray]:
    return {p.name: soundfile.read(p, always_2d=True)[0] for p in sorted(folder.iterdir())}


def test_one_folder_and_one_line_a_set(made: tuple[Path, str]) -> None:
    folder, printed = made
    assert sorted(p.name for p in folder.iterdir()) == sorted(MUSIC)
    assert [line.split()[0] for line in printed.splitlines()] == MUSIC


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sine")
    command = [sys.executable, str(SCRIPTS / "make_sine_audio.py"), "--output", str(folder), "--draws", "2"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(("name", "count"), SINES.items())
def test_sines_are_those_of_the_literature(drawn: Path, name: str, count: int) -> None:
    files = sorted((drawn / name).iterdir())
    assert len(files) == count
    time = np.linspace(0, 6, 96_000)
    for path, frequency in zip(files, np.linspace(100, 1000, count), strict=True):
        info = soundfile.info(path)
        layout = (info.format, info.subtype, info.samplerate, info.channels, info.frames)
        assert layout == ("WAV", "PCM_24", 16_000, 1, 96_000)
        difference = soundfile.read(path)[0] - np.sin(2 * np.pi * frequency * time)
        wrapped = np.abs(difference) > 1
        noise = {"sine_background": 0.0, "sine_test1_00": 1e-4, "sine_test2_00": 1e-5}[name]
        assert wrapped.any() == (noise > 0)
        # What is left is the noise and the cut to 16 bits, evenly up to 3.1e-5 towards zero.
        assert difference[~wrapped].std() == pytest.approx(np.hypot(noise, 2**-15 / np.sqrt(3)), rel=0.05)


@given(st.floats(-60, 60).filter(lambda x: abs(x) * 2**15 % 1 != 0))
def test_samples_beyond_the_range_wrap_round(x: float) -> None:
    wrapped = int(module("demo_audio.sines").wrap_to_int16(np.array([x]))[0])
    assert -(2**15) <= wrapped < 2**15
    assert (int(x * 2**15) - wrapped) % 2**16 == 0


def test_known_wraps() -> None:
    signal = np.array([0.0, 0.5, 1.0, 1.0001, -1.0, -1.0001, 3.0])
    wrapped = module("demo_audio.sines").wrap_to_int16(signal)
    assert wrapped.tolist() == [0, 16384, -32768, -32765, -32768, 32765, -32768]


def test_music_is_plausible(demo: Path) -> None:
    clips = load(demo / "music_reference") | load(demo / "music_clean")
    assert len(clips) == 16 + 12
    assert len({clip.tobytes() for clip in clips.values()}) == 28
    assert sum(clip.shape[1] == 2 for clip in clips.values()) == 9
    for name, clip in clips.items():
        info = soundfile.info(next(demo.glob(f"music_[rc]*/{name}")))
        assert (info.format, info.subtype, info.samplerate) == ("FLAC", "PCM_16", 22_050)
        assert clip.shape[0] == 2 * 22_050
        assert 0.34 < np.abs(clip).max() < 0.61
        assert -35 < 20 * np.log10(np.sqrt(np.mean(clip**2))) < -10
        assert abs(clip.mean()) < 2e-3
        halves = np.square(clip).mean(axis=1).reshape(4, -1).mean(axis=1)
        assert (halves > 1e-7).sum() >= 3, f"{name} is mostly silent"


@pytest.mark.parametrize("family", [NOISE, LOWPASS, QUANTISED])
def test_every_level_is_further_from_the_clean_clip(demo: Path, family: list[str]) -> None:
    clean = load(demo / "music_clean")
    previous = dict.fromkeys(clean, 0.0)
    for name in family:
        damaged = load(demo / name)
        assert damaged.keys() == clean.keys()
        for clip, signal in damaged.items():
            assert np.abs(signal).max() < 1
            # Of the magnitudes: the delay of a filter is no loss.
            magnitudes = np.abs(np.fft.rfft([signal, clean[clip]], axis=1))
            error = float(np.square(magnitudes[0] - magnitudes[1]).sum())
            assert error > previous[clip], f"{name}/{clip}"
            previous[clip] = error


def test_levels_are_what_the_names_say(demo: Path) -> None:
    clean = load(demo / "music_clean")
    for name in NOISE:
        for clip, signal in load(demo / name).items():
            level = (signal - clean[clip]).std() / np.abs(clean[clip]).max()
            assert level == pytest.approx(float(name.removeprefix("music_noise_")), rel=0.03)
    for name in LOWPASS:
        cutoff = float(name.removeprefix("music_lowpass_"))
        for clip, signal in load(demo / name).items():
            power = np.square(np.abs(np.fft.rfft([clean[clip][:, 0], signal[:, 0]])))
            above = np.fft.rfftfreq(signal.shape[0], 1 / 22_050) > 2 * cutoff
            # Butterworth of order 5: −30 dB an octave up; 16 bits leave a floor.
            floor = above.sum() * signal.shape[0] / 2**30
            assert power[1, above].sum() < 1.2e-3 * power[0, above].sum() + floor, f"{name}/{clip}"
    for name in QUANTISED:
        steps = 2 ** (int(name.removeprefix("music_quantised_")) - 1)
        for signal in load(demo / name).values():
            assert (signal * steps == np.rint(signal * steps)).all()


def test_second_run_mends_what_is_wrong_and_touches_nothing_else(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = demo / "music_clean"
    before = {p: p.stat().st_mtime_ns for p in demo.rglob("*.*")}
    damaged, missing, extra = folder / "25_pluck.flac", folder / "26_bell.flac", folder / "left over.wav"
    right = damaged.read_bytes(), missing.read_bytes()
    damaged.write_bytes(b"not audio")
    missing.unlink()
    extra.write_bytes(b"")
    module("make_demo_audio").main(demo)
    assert (damaged.read_bytes(), missing.read_bytes()) == right
    after = {p: p.stat().st_mtime_ns for p in demo.rglob("*.*")}
    assert after.keys() == before.keys()
    assert {p for p in after if after[p] != before[p]} == {damaged, missing}
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines.pop("music_clean").endswith("2 written, other files removed: 1")
    assert all(line.endswith("unchanged") for line in lines.values())


def test_a_folder_in_the_way_is_left_and_named(tmp_path: Path) -> None:
    (tmp_path / "set" / "mine").mkdir(parents=True)
    with pytest.raises(SystemExit, match="mine"):
        module("demo_audio.files").write_files(tmp_path / "set", [("a.wav", b"x")])


def test_seed_changes_noise_and_notes_and_nothing_else() -> None:
    sines, music = module("demo_audio.sines"), module("demo_audio.music")
    background, test1, _ = sines.SETS
    for make, same in [
        (lambda seed: dict(sines.clips(background, seed)), True),
        (lambda seed: dict(sines.clips(test1, seed)), False),
        (lambda seed: dict([next(music.clips(seed))]), False),
    ]:
        first, again, other = make(0), make(0), make(1)
        for name, samples in first.items():
            assert np.array_equal(samples, again[name])
            assert np.array_equal(samples, other[name]) == same


@pytest.mark.parametrize("frequency", [65.4, 110.0, 261.6, 440.0, 987.8])
def test_strings_are_in_tune(frequency: float) -> None:
    instruments = module("demo_audio.instruments")
    string = instruments.pluck(frequency, 2.0, 20.0, np.random.default_rng(1))
    spectrum = np.abs(np.fft.rfft(string * np.hanning(string.size), 8 * string.size))
    frequencies = np.fft.rfftfreq(8 * string.size, 1 / instruments.RATE)
    near = (frequencies > frequency / 1.4) & (frequencies < frequency * 1.4)
    found = frequencies[near][spectrum[near].argmax()]
    assert abs(1200 * np.log2(found / frequency)) < 5  # cents


def test_draws_of_the_sines_differ(drawn: Path) -> None:
    sets = {path.name: {file.read_bytes() for file in path.iterdir()} for path in drawn.iterdir()}
    noisy = [f"sine_test{number}_{draw:02}" for number in (1, 2) for draw in (0, 1)]
    assert sorted(sets) == sorted(["sine_background", *noisy])
    assert not sets["sine_test1_00"] & sets["sine_test1_01"]
