"""`loudness`: every file is embedded as if it had been that loud, or is a bad file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fad_study.steps.check import check_files
from fad_study.steps.embeddings import embed_batch
from fad_study.steps.files import scan_batch
from tiny_pt2 import export_tiny, tiny_is_known

from fad_core.api.scoring import embed_sets, score
from fad_core.audio.loudness import integrated_loudness
from fad_core.datasets import Dataset
from fad_core.datasets.policy import FilePolicy
from fad_core.embedding.cached import cache_of
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.embeddings_reader import read_embedded_set
from fad_core.embedding.inputs import Source, Waveforms
from fad_core.errors import BadFilesError
from fad_core.models.options import Options
from fad_core.runner.exported import ExportedModel

RATE = 16000
LOUD = Options(loudness=-14)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExportedModel]:
    with tiny_is_known():
        yield ExportedModel(export_tiny(tmp_path_factory.mktemp("tiny") / "tiny.pt2"))


def write(folder: Path, scale: float = 1.0, **sounds: np.ndarray) -> Path:
    folder.mkdir()
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.wav", sound * scale, RATE, subtype="FLOAT")
    return folder


def noise(seed: int, channels: int = 1) -> np.ndarray:
    """Two seconds that get louder."""
    level = np.linspace(0.01, 0.2, 2 * RATE)[:, np.newaxis]
    return np.random.default_rng(seed).uniform(-1, 1, (2 * RATE, channels)) * level


def embed(source: Source, exported: ExportedModel, **more: object) -> EmbeddedSet:
    return embed_sets({"set": source}, exported, keep=True, **more)["set"]  # type: ignore[arg-type]


def vectors(source: Source, exported: ExportedModel, **more: object) -> np.ndarray:
    return embed(source, exported, **more).vectors_of().vectors


def test_copies_of_other_levels_are_embedded_alike(tmp_path: Path, tiny: ExportedModel) -> None:
    sounds = {"mono": noise(1), "stereo": noise(2, 2)}
    folders = [write(tmp_path / str(scale), scale, **sounds) for scale in (1.0, 0.125, 3.0)]
    plain, level = tiny, tiny.with_options(LOUD)
    assert not np.allclose(vectors(folders[0], plain), vectors(folders[1], plain), rtol=0.1)
    first, *others = (vectors(folder, level) for folder in folders)
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e-6 * np.abs(first).max())
    assert score(folders[0], folders[1], level) == pytest.approx(0, abs=1e-9)
    assert score(folders[0], folders[1], plain) > 1e-4


def test_a_file_is_embedded_as_one_of_that_loudness(tmp_path: Path, tiny: ExportedModel) -> None:
    sound = noise(3, 2)
    (decision,) = embed(write(tmp_path / "a", a=sound), tiny.with_options(LOUD)).decisions
    assert decision.gain is not None and decision.record.loudness is not None
    assert integrated_loudness((sound * decision.gain).astype(np.float32), RATE) == pytest.approx(
        -14, abs=1e-4
    )
    made = vectors(tmp_path / "a", tiny.with_options(LOUD))
    # Mixed after the gain here, before it there.
    scaled = vectors(write(tmp_path / "b", decision.gain, a=sound), tiny)
    np.testing.assert_allclose(made, scaled, rtol=0, atol=1e-6 * np.abs(scaled).max())


def test_arrays_files_and_cached_vectors_are_the_same(tmp_path: Path, tiny: ExportedModel) -> None:
    sounds = {"0000": noise(4).astype(np.float32), "0001": noise(5, 2).astype(np.float32)}
    folder, level = write(tmp_path / "audio", **sounds), tiny.with_options(LOUD)
    expected = vectors(folder, level)
    np.testing.assert_array_equal(vectors(Waveforms(list(sounds.values()), RATE), level), expected)
    np.testing.assert_array_equal(vectors(folder, level, workers=2), expected)
    for options in (LOUD, Options(), Options(loudness=-20), LOUD):
        exported = tiny.with_options(options)
        cached = vectors(folder, exported, cache=cache_of(exported, tmp_path / "cache"))
        np.testing.assert_array_equal(cached, vectors(folder, exported))


def test_off_is_as_before(tmp_path: Path, tiny: ExportedModel) -> None:
    folder = write(tmp_path / "audio", a=noise(6), b=np.zeros(RATE))
    plain = embed(folder, tiny)
    assert {(each.gain, each.record.loudness) for each in plain.decisions} == {(None, None)}
    assert plain.key.settings == "" and embed_sets({"set": folder}, tiny)["set"].key == plain.key


def test_the_setting_is_part_of_what_sets_share(tmp_path: Path, tiny: ExportedModel) -> None:
    folder = write(tmp_path / "audio", a=noise(7))
    assert embed(folder, tiny.with_options(Options(loudness=-14))).key.settings == "loudness=-14.0"
    value = score(folder, folder, tiny.with_options(LOUD))
    assert value.row["settings"] == "loudness=-14.0"
    assert value.to_dict()["file_uses"][0]["loudness"] == pytest.approx(-20.47, abs=0.01)


def test_files_that_cannot_be_measured_are_bad_files(tmp_path: Path, tiny: ExportedModel) -> None:
    sounds = {
        "faint": noise(8) * 1e-4,
        "good": noise(8),
        "short": noise(8)[:6000],
        "silent": np.zeros(RATE),
        "wide": noise(8, 6),
    }
    folder, level = write(tmp_path / "audio", **sounds), tiny.with_options(LOUD)
    with pytest.raises(BadFilesError) as caught:
        embed(folder, level)
    quiet = "its loudness cannot be measured: nothing in it is louder than -70 LUFS"
    for line in (
        f"faint.wav: {quiet}",
        "short.wav: its loudness cannot be measured: it is shorter than 0.4 s",
        f"silent.wav: {quiet}",
        "wide.wav: its loudness cannot be measured: it has 6 channels, more than 5",
    ):
        assert line in str(caught.value)
    assert "good.wav" not in str(caught.value) and caught.value.settings == (("on_bad_file", "skip"),)
    skipped = embed(folder, level, policy=FilePolicy("skip"))
    assert skipped.counts is not None and (skipped.counts.files, skipped.counts.excluded) == (1, 4)


def test_peaks_after_the_gain_are_noted_or_refused(tmp_path: Path, tiny: ExportedModel) -> None:
    click = noise(9) * 0.1
    click[RATE // 2] = 0.5
    folder, level = write(tmp_path / "audio", click=click, noise=noise(9)), tiny.with_options(LOUD)
    embedded = embed(folder, level)
    peaks = [decision.peak for decision in embedded.decisions]
    assert peaks[0] > 4 > 1 > peaks[1]
    (remark,) = embedded.decisions[0].remarks
    assert (
        remark.text
        == f"peaks at {peaks[0]:.4g} after the gain to a loudness, where values within ±1 are expected"
    )
    note = (
        f"1 file with peaks above 1 after the gain to a loudness, up to {peaks[0]:.4g}, where values within"
    )
    assert note in score(folder, folder, level).row["note"]
    assert "peaks" not in score(folder, folder, tiny).row["note"]
    with pytest.raises(
        BadFilesError, match=r"click\.wav: peaks at \d\.\d+ once it is brought from -\d\d\.\d to -14"
    ):
        embed(folder, level, policy=FilePolicy(max_peak=4))


def test_the_steps_of_a_study_give_the_same_bytes(tmp_path: Path, tiny: ExportedModel) -> None:
    folder, level = write(tmp_path / "audio", a=noise(1), b=noise(2, 2)), tiny.with_options(LOUD)
    manifest, decisions, table = (tmp_path / f"{name}.parquet" for name in ("0a", "decisions", "table"))
    entry = {"dataset": "audio", "path": [str(folder)], "shards": 1, "shard": 0}
    scan_batch([entry], "ignore", manifest, loudness=True)
    check_files([manifest], ["audio"], {"tiny": level.use}, FilePolicy(), decisions)
    embed_batch(level, "tiny", {"audio": Dataset("audio", str(folder))}, manifest, decisions, table)
    made = read_embedded_set(str(table), keep=True)
    np.testing.assert_array_equal(made.vectors_of().vectors, vectors(folder, level))
    assert made.key == level.key and made.counts == embed(folder, level).counts
