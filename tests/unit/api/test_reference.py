"""A reference for training loops: tensors of any kind, a model that is loaded once, and silence."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tiny_pt2 import tiny_model

import fad_core
from fad_core import FrechetAudioDistance, Reference, Score, Waveforms
from fad_core.api.statistics_files import write_statistics
from fad_core.errors import (
    ArgumentError,
    BadFilesError,
    DatasetError,
    FadError,
    UnknownMetricError,
    WeightsError,
)
from fad_core.metrics.statistics import Statistics
from fad_core.models import _registered, register_model
from fad_core.tables.schemas import DISTANCES

pytestmark = pytest.mark.filterwarnings("ignore:.* unverified against the original package")
DOCS = Path(__file__).parents[3] / "docs"
RATE = 16000
SOUNDS = np.random.default_rng(3).uniform(-0.5, 0.5, (4, 1600)).astype(np.float32)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The model "tiny", and a folder of three sounds."""
    for number in range(3):
        path = tmp_path / f"audio/reference/{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(number).normal(0, 0.1, 1600), RATE)
    monkeypatch.chdir(tmp_path)
    register_model(tiny_model())
    yield tmp_path
    _registered.clear()


@pytest.fixture
def reference() -> Reference:
    return fad_core.reference("audio/reference", model="tiny", weights="seeded", progress=False)


def test_the_loop_of_the_documentation(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    known: dict[str, Any] = {}
    program = blocks[0]
    for there, here in (("vggish", "tiny"), ("official", "seeded"), ("64000", "1600")):
        program = program.replace(there, here)
    exec(program, known)
    write_statistics(known["reference"].embedded, place / "reference.npz")
    exec(blocks[1], known)

    assert len(blocks) == 2
    assert capsys.readouterr().out.count("FAD") == 5
    assert list(known["table"]["evaluation"]) == [f"step {step}" for step in range(0, 500, 100)]
    assert list(known["table"].columns) == list(DISTANCES.names)
    assert known["reference"].model.identity.model == "tiny"


def test_statistics_by_other_weights_are_refused_before_any_are_fetched(
    place: Path, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(*_: object) -> None:
        raise AssertionError("nothing is to be fetched")

    monkeypatch.setattr("fad_core.api.drop_in.verified_model", fetched)
    path = str(place / "reference.npz")
    write_statistics(reference.embedded, Path(path))
    with pytest.raises(FadError, match=r"by tiny \(seeded weights .*, the other set .* by tiny \(official"):
        fad_core.reference(path, weights="official", progress=False)
    official = FrechetAudioDistance(model_name="tiny", weights="official", progress=False)
    for other in ("audio/reference", path):
        with pytest.raises(FadError, match="cannot be compared"):
            official.score(path, other)


def test_batches_of_every_kind_are_the_same_sounds(reference: Reference) -> None:
    expected = reference.score(SOUNDS, RATE)
    batch = torch.from_numpy(SOUNDS)
    lists = (list(batch), [sound[None] for sound in batch], list(SOUNDS))
    for given in (batch, batch[:, None], batch.requires_grad_(), *lists):
        assert reference.score(given, RATE) == expected
    frechet = FrechetAudioDistance(model_name="tiny", weights="seeded")
    assert frechet.score(reference.embedded, Waveforms(batch, RATE)) == expected
    assert frechet.get_embeddings(batch, RATE).shape == (100, 8)
    assert expected.row["n_evaluation"] == 100 and expected.row["reference"] == "audio/reference"
    names = [decision.record.file for decision in expected.decisions["evaluation"]]
    assert names == ["0000", "0001", "0002", "0003"]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(reference: Reference, kind: torch.dtype) -> None:
    batch = torch.from_numpy(SOUNDS).to(kind)
    assert reference.score(batch, RATE) == reference.score(batch.float(), RATE)


def test_channels_of_a_tensor_come_first(reference: Reference) -> None:
    stereo = np.stack([SOUNDS, SOUNDS[::-1]], axis=1)  # [B, 2, samples]
    expected = reference.score([sound.T for sound in stereo], RATE)

    assert reference.score(torch.from_numpy(stereo), RATE) == expected
    assert reference.score([torch.from_numpy(sound.T.copy()) for sound in stereo], RATE) == expected
    with pytest.raises(BadFilesError, match=r"looks like \[channels, samples\]"):
        reference.score(list(stereo), RATE)


def test_nothing_is_said_and_the_model_is_loaded_once(
    reference: Reference, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fad_core.api.drop_in.verified_model", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            value = reference.score(torch.zeros(2, 1600) + torch.rand(2, 1600) * 1e-3, RATE)

    assert "seeded weights" in value.row["note"]
    assert capfd.readouterr() == ("", "")


def test_sounds_that_cannot_be_used(reference: Reference) -> None:
    batch = torch.from_numpy(SOUNDS).clone()
    batch[2, 5] = torch.nan
    with pytest.raises(BadFilesError, match="0002"):
        reference.score(batch, RATE)
    skipping = fad_core.reference("audio/reference", "tiny", "seeded", on_bad_file="skip")
    assert skipping.score(batch, RATE).row["excluded"] == 1
    with pytest.raises(DatasetError, match="one array"):
        reference.score(batch[0], RATE)
    with pytest.raises(BadFilesError, match="int64"):
        reference.score(torch.ones(2, 1600, dtype=torch.int64), RATE)


def test_a_file_of_statistics_names_its_model(reference: Reference, place: Path) -> None:
    expected = reference.score("audio/reference")
    for name in ("reference.npz", "reference.parquet"):
        write_statistics(reference.embedded, place / name)
        assert fad_core.reference(name).score("audio/reference") == expected
        assert fad_core.reference(place / name, "tiny", "seeded").score("audio/reference") == expected
        with pytest.raises(FadError, match="tiny"):
            fad_core.reference(name, model="vggish")
    np.savez("theirs.npz", mu=np.zeros(8), sigma=np.eye(8))
    with pytest.raises(FadError, match="pytorch-fid"):
        fad_core.reference("theirs.npz", "tiny", "seeded")


def test_a_file_of_other_weights_is_refused(reference: Reference, place: Path, weights_file: Path) -> None:
    other = fad_core.reference("audio/reference", "tiny", weights_file)
    write_statistics(other.embedded, place / "other.npz")
    with pytest.raises(WeightsError, match=weights_file.name):
        fad_core.reference("other.npz")
    assert fad_core.reference("other.npz", weights=weights_file).score(SOUNDS, RATE) > 0
    with pytest.raises(FadError, match="cannot be compared"):
        fad_core.reference("other.npz", weights="seeded")
    with pytest.raises(FadError, match="cannot be compared"):
        reference.score(other.embedded)


@pytest.fixture
def weights_file(place: Path) -> Path:
    """A checkpoint of the tiny model, with other values than the seeded ones."""
    from fad_core.weights import seeded_state

    state = seeded_state(tiny_model().checkpoints[0])
    path = place / "mine.pth"
    torch.save({name: torch.as_tensor(value) * 0.5 for name, value in state.items()}, path)
    return path


def test_an_unknown_metric_is_an_error_at_once() -> None:
    with pytest.raises(UnknownMetricError):
        fad_core.reference("audio/reference", metric="fax")


def test_statistics_alone_need_no_model(place: Path) -> None:
    sets = [Statistics.from_embeddings(np.random.default_rng(n).normal(n, 1, (20, 8))) for n in (0, 1)]
    frechet = FrechetAudioDistance(model_name="tiny", weights="seeded", cache_dir=place / "cache")
    before = frechet.score(*sets)
    assert not (place / "cache").exists() and before.model == {}
    frechet.score(sets[0], "audio/reference")  # now it is loaded
    after = frechet.score(*sets)

    assert before.row == after.row and after.model["model"] == "tiny"


def test_a_table(reference: Reference) -> None:
    value = reference.score(SOUNDS, RATE)
    assert value.to_frame().iloc[0].to_dict()["value"] == value
    unknown = Score({**value.row, "n_reference": None, "files": None})
    kinds = unknown.to_frame().dtypes.astype(str)
    assert [kinds[name] for name in ("n_reference", "n_evaluation", "ci_low")] == [
        "Int64",
        "int64",
        "float64",
    ]


def test_the_package_lists_what_is_public() -> None:
    assert dir(fad_core) == sorted(fad_core.__all__)
    assert all(hasattr(fad_core, name) for name in fad_core.__all__)


def test_a_sample_rate_belongs_to_sounds_and_not_to_paths(reference: Reference) -> None:
    with pytest.raises(ArgumentError, match="omit it for a path"):
        reference.score("audio/reference", RATE)
    with pytest.raises(ArgumentError, match="a tensor has no sample rate"):
        reference.score(torch.zeros(2, RATE))
    assert repr(reference).startswith("Reference(")


def test_each_sound_is_scored_too(place: Path) -> None:
    sounds = SOUNDS.copy()
    sounds[3] = np.sign(sounds[3])
    reference = fad_core.reference("audio/reference", "tiny", "seeded", per_file=True, progress=False)
    value = reference.score(sounds, RATE)
    assert value == fad_core.reference("audio/reference", "tiny", "seeded", progress=False).score(
        sounds, RATE
    )
    assert {row["file"] for row in value.per_file} == {"0000", "0001", "0002", "0003"}
    assert value.per_file[0]["file"] == "0003" and value.per_file[0]["vectors"] == 25
    assert value.to_dict()["per_file"] == [dict(row) for row in pickle.loads(pickle.dumps(value)).per_file]

    write_statistics(reference.embedded, place / "reference.npz")
    stored = fad_core.reference("reference.npz", per_file=True, progress=False).score(sounds, RATE)
    assert [row["nearest"] for row in stored.per_file] == [None] * 4
    expected = sorted((row["fad"] for row in value.per_file), reverse=True)
    assert [row["fad"] for row in stored.per_file] == expected
