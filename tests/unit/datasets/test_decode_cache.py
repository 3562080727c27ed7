"""The cache of decoded audio holds the waveform that was hashed, within a bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from fad_core.audio import read_audio
from fad_core.datasets import AudioFile, Dataset, decode_cache, file_sha256, scan
from fad_core.datasets.decisions import FileDecision
from fad_core.datasets.decode_cache import DecodedAudioCache
from fad_core.datasets.scan import scan_file, scan_files
from fad_core.embedding.inputs import SoundFiles
from fad_core.errors import AudioError

RATE = 22050


def as_it_is(waveform: np.ndarray, rate: int) -> np.ndarray:
    return waveform


def write(folder: Path, name: str, frames: int, channels: int = 1) -> AudioFile:
    samples = np.random.default_rng(frames + channels).uniform(-0.5, 0.5, (frames, channels))
    soundfile.write(folder / name, samples, RATE)
    return AudioFile(name, folder / name)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("frames", [1000, 400_000])
def test_the_cached_waveform_is_the_decoded_one(tmp_path: Path, name: str, frames: int) -> None:
    file = write(tmp_path, name, frames, channels=2)
    cache = DecodedAudioCache(as_it_is, RATE)
    record = scan_file(file, cache)
    assert record == scan_file(file)
    cached = cache.pop(record.sha256)
    assert cached is not None
    expected, rate = read_audio(file.path)
    np.testing.assert_array_equal(cached[0], expected)
    assert (cached[0].dtype, cached[1]) == (expected.dtype, rate)
    assert cache.pop(record.sha256) is None, "a waveform is returned only once"


@pytest.mark.parametrize("workers", [0, 3])
def test_no_more_is_cached_than_the_capacity(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write(tmp_path, f"{index}.wav", 300_000 + index) for index in range(5)]
    monkeypatch.setattr(decode_cache, "CAPACITY", 700_000)
    cache = DecodedAudioCache(as_it_is, RATE)
    records = scan_files(files, workers=workers, cache=cache)
    assert records == scan_files(files)
    cached = [item for record in records if (item := cache.pop(record.sha256))]
    assert 1 <= len(cached) <= 2
    assert workers or len(cached) == 2
    # Removing an entry frees its memory.
    again = scan_file(files[4], cache)
    assert cache.pop(again.sha256) is not None


def test_equal_files_take_capacity_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_cache, "CAPACITY", 2500)
    cache = DecodedAudioCache(as_it_is, RATE)
    for name in ("a.wav", "b.wav", "c.wav", "d.wav"):
        record = scan_file(write(tmp_path, name, 1000), cache)
    assert cache.pop(record.sha256) is not None
    assert cache.pop(record.sha256) is None
    assert scan_file(write(tmp_path, "larger.wav", 2400), cache).status == "ok"


def test_bad_and_unprepared_files_take_no_capacity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(waveform: np.ndarray, rate: int) -> np.ndarray:
        raise ValueError(f"{rate} Hz is not a rate for {len(waveform)} channels")

    monkeypatch.setattr(decode_cache, "CAPACITY", 2000)
    cache = DecodedAudioCache(refuse, RATE)
    files = [write(tmp_path, f"{index}.wav", 1500) for index in range(3)]
    soundfile.write(tmp_path / "nan.wav", np.full(1500, np.nan), RATE, subtype="FLOAT")
    records = scan_files([*files, AudioFile("nan.wav", tmp_path / "nan.wav")], cache=cache)
    assert [record.status for record in records] == ["ok", "ok", "ok", "bad"]
    assert [cache.pop(record.sha256) for record in records] == [None] * 4
    assert cache._free == 2000


def test_a_file_that_changes_while_it_is_scanned_is_not_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoded audio may differ from the hashed file, so it is read again and found to have changed."""
    file = write(tmp_path, "a.wav", 1000)

    def hash_and_write(path: Path) -> str:
        found = file_sha256(path)
        write(tmp_path, "a.wav", 2000)
        return found

    monkeypatch.setattr(scan, "file_sha256", hash_and_write)
    cache = DecodedAudioCache(as_it_is, RATE)
    record = scan_file(file, cache)
    assert (record.status, record.frames) == ("ok", 2000)
    assert cache.pop(record.sha256) is None


def test_files_are_decoded_once_up_to_the_capacity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, frames in (("a.wav", 1000), ("b.wav", 900), ("c.wav", 5000)):
        write(tmp_path, name, frames)
    expected = {path.name: read_audio(path)[0] for path in tmp_path.iterdir()}
    monkeypatch.setattr(decode_cache, "CAPACITY", 2000)
    sound = SoundFiles(Dataset("set", str(tmp_path)), DecodedAudioCache(as_it_is, RATE))
    decisions = [FileDecision(record, "used", "") for record in sound.records(None)]
    (tmp_path / "a.wav").unlink()
    for decision in decisions:
        np.testing.assert_array_equal(sound.load(decision, "float32")[0], expected[decision.record.file])
    with pytest.raises(AudioError, match=r"a\.wav: can no longer be read"):
        sound.load(decisions[0], "float32")
