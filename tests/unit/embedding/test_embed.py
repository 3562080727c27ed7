"""From files to embeddings: what a file gives depends on the file alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fad_core.audio.resample import resample
from fad_core.datasets import AudioFile
from fad_core.datasets.decisions import FileDecision, select_files
from fad_core.datasets.policy import FilePolicy
from fad_core.datasets.scan import scan_files
from fad_core.embedding.embed import Load, embed_sounds, file_loader, prepare_waveform
from fad_core.errors import AudioError
from fad_core.models import get_model
from fad_core.models.use import ModelUse
from fad_core.runner.exported import ExportedModel

MODEL = ModelUse(get_model("vggish"))


@pytest.fixture(scope="module")
def vggish(seeded_export: Callable[[str], Path]) -> ExportedModel:
    return ExportedModel(seeded_export("vggish"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files whose windows would fill batches with each other's, if batches were shared."""
    folder = tmp_path_factory.mktemp("audio")
    random = np.random.default_rng(0)
    for name, rate, shape in (
        ("one_window.wav", 16000, (15600,)),
        ("three.flac", 16000, (48000,)),
        ("stereo.wav", 44100, (44100 * 2, 2)),
        ("short.wav", 16000, (8000,)),
        ("one_sample.wav", 16000, (1,)),
    ):
        soundfile.write(folder / name, random.uniform(-0.5, 0.5, shape), rate)
    return folder


Sounds = list[tuple[FileDecision, Load]]


def sounds_of(folder: Path, names: list[str]) -> Sounds:
    files = [AudioFile(name, folder / name) for name in names]
    decisions = select_files(scan_files(files), MODEL, FilePolicy(on_short_file="pad"))
    load = file_loader(files)
    return [
        (decision, load) for decision in sorted(decisions, key=lambda each: names.index(each.record.file))
    ]


def embed_all(vggish: ExportedModel, folder: Path, names: list[str]) -> dict[str, np.ndarray]:
    return {done.file: done.vectors["embedding"] for done in embed_sounds(vggish, sounds_of(folder, names))}


def test_embeddings_do_not_depend_on_the_company(vggish: ExportedModel, folder: Path):
    names = sorted(path.name for path in folder.iterdir())
    together = embed_all(vggish, folder, names)
    assert list(together) == names, "in the order given"
    backwards = embed_all(vggish, folder, names[::-1])
    assert list(backwards) == names[::-1]
    for name in names:
        alone = embed_all(vggish, folder, [name])[name]
        np.testing.assert_array_equal(together[name], alone)
        np.testing.assert_array_equal(backwards[name], alone)
        assert not any(np.array_equal(alone, together[other]) for other in names if other != name)


def test_each_vector_has_its_start(vggish: ExportedModel, folder: Path):
    (done,) = embed_sounds(vggish, sounds_of(folder, ["three.flac"]))
    assert done.vectors["embedding"].shape == (3, 128)
    np.testing.assert_allclose(done.start_seconds, [0, 0.96, 1.92])


@pytest.mark.parametrize("name", ["short.wav", "one_sample.wav"])
def test_a_padded_file_is_the_file_and_zeros(name: str, vggish: ExportedModel, folder: Path):
    samples, _ = soundfile.read(folder / name, dtype="float32")
    by_hand = np.zeros((1, 15600), dtype=np.float32)
    by_hand[0, : samples.size] = samples
    found = embed_all(vggish, folder, [name])[name]
    np.testing.assert_array_equal(found, vggish.embed(by_hand)["embedding"])


def test_an_excluded_file_is_not_opened(vggish: ExportedModel, folder: Path):
    sounds = sounds_of(folder, ["three.flac", "short.wav"])
    excluded = [
        (FileDecision(each.record, "excluded", "for a reason"), file_loader([])) for each, _ in sounds
    ]
    assert list(embed_sounds(vggish, excluded)) == []


def test_a_file_that_has_changed_since_the_scan_is_refused(vggish: ExportedModel, tmp_path: Path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(16000), 16000)
    sounds = sounds_of(tmp_path, ["a.wav"])
    soundfile.write(path, np.full(16000, 0.5), 16000)
    with pytest.raises(AudioError, match=r"a\.wav: has changed since it was scanned; run again"):
        list(embed_sounds(vggish, sounds))
    path.unlink()
    with pytest.raises(AudioError, match=r"a\.wav: can no longer be read: No such file.*; run again"):
        list(embed_sounds(vggish, sounds))
    # It is not listed any more.
    with pytest.raises(AudioError, match=r"a\.wav: no longer exists; run again"):
        list(embed_sounds(vggish, [(sounds[0][0], file_loader([]))]))


WAVEFORMS = {
    "silence": np.zeros(31000),
    "constant": np.full(31000, 0.5),
    "full scale": np.where(np.arange(31000) // 40 % 2, 1.0, -1.0),
    "beyond full scale": np.where(np.arange(31000) // 40 % 2, 100.0, -100.0),
    "denormal": np.full(31000, 1e-42),
}


@pytest.mark.parametrize("waveform", WAVEFORMS.values(), ids=WAVEFORMS)
def test_extreme_waveforms_give_finite_embeddings(waveform: np.ndarray, vggish: ExportedModel):
    embeddings = vggish.embed(waveform[np.newaxis].astype(np.float32))["embedding"]
    assert embeddings.shape == (2, 128)
    assert np.isfinite(embeddings).all()
    # Both windows hold the same sound.
    np.testing.assert_allclose(embeddings[0], embeddings[1], atol=1e-4 * np.abs(embeddings).max())


def test_silence_and_a_constant_are_alike_and_a_tone_is_not(vggish: ExportedModel):
    """The bin at 0 Hz belongs to no band; only its leakage affects the embedding."""
    silence, constant, square = (
        vggish.embed(WAVEFORMS[name][np.newaxis].astype(np.float32))["embedding"]
        for name in ("silence", "constant", "full scale")
    )
    near, far = np.linalg.norm(constant - silence), np.linalg.norm(square - silence)
    assert 0 < near < far / 3


def test_a_waveform_below_the_minimum_is_refused_or_padded(vggish: ExportedModel):
    short = np.ones((1, 15599), dtype=np.float32)
    with pytest.raises(ValueError, match="15599 samples; vggish needs 15600"):
        vggish.embed(prepare_waveform(short, 16000, vggish.use))
    assert vggish.embed(prepare_waveform(short, 16000, vggish.use, pad=True))["embedding"].shape == (1, 128)


@pytest.mark.parametrize(("channels", "rate"), [(1, 16000), (2, 16000), (2, 44100), (6, 48000), (1, 8000)])
def test_channels_are_averaged_before_the_rate_is_changed(channels: int, rate: int):
    waveform = np.random.default_rng(2).uniform(-1, 1, (channels, rate)).astype(np.float32)
    mono = waveform.mean(axis=0, dtype=np.float64)[np.newaxis].astype(np.float32)
    prepared = prepare_waveform(waveform, rate, MODEL)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, resample(mono, rate, 16000), atol=1e-6)


def test_padding_leaves_what_is_long_enough():
    waveform = np.ones((1, 15600), dtype=np.float32)
    np.testing.assert_array_equal(prepare_waveform(waveform, 16000, MODEL, pad=True), waveform)
