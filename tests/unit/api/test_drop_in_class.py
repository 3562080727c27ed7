"""`from fad_core import FrechetAudioDistance`: the original's class on our models."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from fad_core import FrechetAudioDistance, Waveforms
from fad_core.api.scoring import embed_sets, score
from fad_core.embedding.inputs import SoundArrays
from fad_core.errors import (
    ArgumentError,
    BadFilesError,
    DatasetError,
    FadError,
    ModelError,
    WeightsError,
)
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models.base import EmbeddingModel
from fad_core.runner.exported import ExportedModel

Sets = tuple[Path, Path]


@pytest.fixture(scope="module")
def vggish(seeded_export: Callable[[str], Path]) -> Path:
    return seeded_export("vggish")


@pytest.fixture(scope="module")
def frechet(vggish: Path) -> Iterator[FrechetAudioDistance]:
    """One that has loaded its model: an export that was given by its path."""
    made = FrechetAudioDistance(weights=vggish, device="cpu", audio_load_worker=2)
    with pytest.warns(UserWarning, match="unverified"):
        assert made.model.identity.model == "vggish"
    yield made


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    """Two sets of clips of noise, of several rates and channel counts."""
    folder, rng = tmp_path_factory.mktemp("sets"), np.random.default_rng(6)
    for name, level in (("background", 0.05), ("eval", 0.4)):
        (folder / name).mkdir()
        for index, (rate, channels) in enumerate([(16000, 1), (44100, 2), (8000, 1)]):
            samples = rng.standard_normal((int(2.2 * rate), channels)) * level
            soundfile.write(folder / name / f"clip {index}.wav", samples, rate, "PCM_24")
    return folder / "background", folder / "eval"


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = (
        "import sys, fad_core; fad_core.__version__; assert 'FrechetAudioDistance' in dir(fad_core); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'scipy')))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    import fad_core

    with pytest.raises(AttributeError, match="no attribute 'Frechet'"):
        _ = fad_core.Frechet


def test_the_constructor_makes_nothing(tmp_path: Path) -> None:
    made = FrechetAudioDistance(str(tmp_path / "ckpt"), "clap", "630k", 48000, 1, False, False, True, 4, True)
    assert made.model_id == "clap-630k-fusion" and made.model_name == "clap"
    assert (made.sample_rate, made.channels, made.audio_load_worker) == (48000, 1, 4)
    assert made.ckpt_dir == str(tmp_path / "ckpt") and not (tmp_path / "ckpt").exists()
    assert made.verbose and made.enable_fusion and made.submodel_name == "630k"
    assert FrechetAudioDistance(device="cpu").device == "cpu"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"dtype": "int8"}, "float32, float64, int32, int16"),
        ({"background_dir": None}, "background_dir is None, and background_embds_path is not given"),
        (
            {"eval_dir": None, "eval_embds_path": "lost"},
            r"eval_embds_path is a file that does not exist: lost\.npy",
        ),
        (
            {"background_embds_path": "e", "eval_embds_path": Path("e.npy")},
            "e is given for the embeddings of both sets",
        ),
    ],
)
def test_calls_that_cannot_be_meant(given: dict[str, Any], reason: str, tmp_path: Path) -> None:
    made = FrechetAudioDistance(ckpt_dir=tmp_path)
    with pytest.raises(ArgumentError, match=reason):
        made.score(**{"background_dir": str(tmp_path), "eval_dir": str(tmp_path)} | given)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"on_bad_file": "ignore"}, "on_bad_file must be one of fail, skip, not 'ignore'"),
        ({"on_short_file": "loop"}, "must be one of fail, skip, pad"),
        ({"model_name": "clap", "crop": "last"}, "must be one of random, first, center, windows"),
        ({"compatibility": "audioldm"}, "must be one of none, frechet-audio-distance, fadtk"),
        ({"audio_load_worker": -1}, "audio_load_worker must be at least 0, not -1"),
        ({"submodel_name": 16000}, "write sample_rate=16000"),
        ({"model_name": "a.pt2", "weights": "seeded"}, "omit weights"),
    ],
)
def test_wrong_arguments_say_what_is_right(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ArgumentError, match=reason):
        FrechetAudioDistance(**given)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0, -1.0, True, "16", None])
def test_memory_is_a_positive_number(value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^memory_gb must be a positive, finite number, not "):
        FrechetAudioDistance(memory_gb=value)


@pytest.mark.parametrize("value", [2.5, 2.0, math.nan, math.inf, 0, -1, True, "8"])
def test_a_batch_size_is_a_whole_number(value: Any, vggish: Path) -> None:
    with pytest.raises(ArgumentError, match=r"^batch_size, .*, must be a whole number of at least 1"):
        FrechetAudioDistance(batch_size=value)
    with pytest.raises(ArgumentError, match=r"batch_size, .* must be"):
        ExportedModel(vggish, batch_size=value)


def test_numbers_of_numpy_are_numbers() -> None:
    FrechetAudioDistance(memory_gb=np.float32(2.5), batch_size=np.int64(8))


def test_settings_that_the_model_does_not_take() -> None:
    with pytest.raises(ModelError, match="has no crop"):
        FrechetAudioDistance(crop="first")


def test_a_device_that_there_is_not(vggish: Path) -> None:
    with pytest.raises(ModelError, match="device must be cpu, cuda"):
        _ = FrechetAudioDistance(weights=vggish, device="tpu").model


def test_what_is_missing_is_said_before_a_model_is_made(tmp_path: Path) -> None:
    made = FrechetAudioDistance(cache_dir=tmp_path / "cache", weights="seeded")
    with pytest.raises(DatasetError, match=r"(?s)lost does not exist.*gone\.txt: No such file"):
        made.score(tmp_path / "lost", f"@{tmp_path}/gone.txt")
    assert not (tmp_path / "cache").exists()


def test_a_file_of_statistics_is_no_bad_sound(sets: Sets, tmp_path: Path) -> None:
    made = FrechetAudioDistance(ckpt_dir=tmp_path / "ckpt", weights="seeded")
    (tmp_path / "reference.npz").touch()
    with pytest.raises(FadError, match=r"reference\.npz is not a \.npz file of arrays"):
        made.score(tmp_path / "reference.npz", sets[1])
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(128), sigma=np.eye(128))
    with pytest.raises(FadError, match=r"pytorch-fid, which does not name the weights, so it cannot be comp"):
        made.score(tmp_path / "theirs.npz", sets[1])
    with pytest.raises(DatasetError, match=r"lost\.npz does not exist"):
        made.score(tmp_path / "lost.npz", sets[1])


@pytest.mark.parametrize(
    ("weights", "error", "said"),
    [
        ("seeded", BadFilesError, r"words\.wav"),
        ("lost.pth", WeightsError, r"lost\.pth is neither official nor seeded"),
        ("lost.pt2", ModelError, r"no exported model at lost\.pt2"),
    ],
)
def test_what_cannot_be_used_is_said_before_a_model_is_made(
    tmp_path: Path, sets: Sets, weights: str, error: type[FadError], said: str
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/words.wav").write_text("no sound")
    made = FrechetAudioDistance(cache_dir=tmp_path / "cache", weights=weights)
    with pytest.raises(error, match=said):
        made.score(sets[0], tmp_path / "bad")
    assert not (tmp_path / "cache").exists()


def test_an_export_of_another_model_is_refused_before_any_file_is_scanned(vggish: Path, sets: Sets) -> None:
    made = FrechetAudioDistance(model_name="pann", weights=vggish, device="cpu")
    with pytest.raises(ModelError, match="contains the model vggish, not pann-16k"):
        made.score(sets[0], sets[1] / "lost")


@pytest.mark.parametrize("ask", ["score", "get_embeddings", "model"])
def test_that_a_model_is_unverified_is_said_of_the_callers_line(ask: str, vggish: Path, sets: Sets) -> None:
    made = FrechetAudioDistance(weights=vggish, device="cpu")
    with pytest.warns(UserWarning, match="unverified") as caught:
        if ask == "score":
            made.score(*sets)
        elif ask == "get_embeddings":
            made.get_embeddings([np.sin(np.arange(16000))], 16000)
        else:
            _ = made.model
    assert [warning.filename for warning in caught] == [__file__]


def test_what_is_to_be_known_of_arrays_is_a_warning(frechet: FrechetAudioDistance) -> None:
    with pytest.warns(UserWarning, match="1 file silent throughout") as caught:
        frechet.get_embeddings([np.zeros(16000), np.sin(np.arange(16000))], 16000)
    assert [warning.filename for warning in caught] == [__file__]


def test_a_model_that_is_loaded_needs_its_file_no_more(vggish: Path, sets: Sets, tmp_path: Path) -> None:
    moved = tmp_path / "moved.pt2"
    shutil.copy(vggish, moved)
    made = FrechetAudioDistance(weights=moved, device="cpu")
    with pytest.warns(UserWarning, match="unverified"):
        value = made.score(*sets)
    moved.unlink()
    assert made.score(*sets) == value


def test_the_score_is_a_float_that_knows_what_it_is(frechet: FrechetAudioDistance, sets: Sets) -> None:
    value = frechet.score(str(sets[0]), str(sets[1]))
    assert isinstance(value, float) and value > 1
    assert value == score(*sets, frechet.model) == value.row["value"]
    facts = json.loads(json.dumps(value.to_dict()))
    assert facts["model"] == "vggish" and facts["files"] == 6 and "unverified" in facts["note"]
    assert facts["model_identity"]["device"] == "cpu"
    assert {(decision["dataset"], decision["status"]) for decision in facts["file_uses"]} == {
        (str(folder), "used") for folder in sets
    }
    copied = pickle.loads(pickle.dumps(value))
    assert copied == value and copied.to_dict() == value.to_dict()
    assert f"{value:.3f}" == f"{float(value):.3f}"


def test_loading_ahead_changes_no_bit(vggish: Path, sets: Sets, frechet: FrechetAudioDistance) -> None:
    other = FrechetAudioDistance(weights=vggish, device="cpu", audio_load_worker=0)
    with pytest.warns(UserWarning):
        assert other.score(*sets) == frechet.score(*sets)


def test_batches_of_another_size_give_the_same_within_rounding(
    vggish: Path, sets: Sets, frechet: FrechetAudioDistance
) -> None:
    small = FrechetAudioDistance(weights=vggish, device="cpu", batch_size=1)
    with pytest.warns(UserWarning):
        assert small.model.batch_size == 1
    assert small.score(*sets) == pytest.approx(frechet.score(*sets), rel=1e-5)


def test_sets_of_any_kind_give_the_same(frechet: FrechetAudioDistance, sets: Sets, tmp_path: Path) -> None:
    expected = frechet.score(*sets)
    files = [sorted(folder.iterdir()) for folder in sets]
    assert frechet.score(*files) == expected
    assert frechet.score(f"{sets[0]}/*.wav", f"{sets[1]}/*") == expected
    by_name = {folder.name: folder for folder in sets}
    embedded = list(embed_sets(by_name, frechet.model, keep=True).values())
    assert frechet.score(*embedded) == expected
    given = frechet.score(embedded[0].vectors_of().vectors, embedded[1].statistics_of())
    assert given == expected and "taken on trust" in given.row["note"]
    assert given.row["reference"] == "background" and given.row["evaluation"] == "eval"
    np.save(tmp_path / "e.npy", embedded[1].vectors_of().vectors)
    assert frechet.score(sets[0], tmp_path / "e.npy") == expected


def test_sound_in_memory(frechet: FrechetAudioDistance, sets: Sets) -> None:
    mono = [soundfile.read(folder / "clip 0.wav", dtype="float32") for folder in sets]
    stereo = [soundfile.read(folder / "clip 1.wav", dtype="float32") for folder in sets]
    expected = frechet.score(*([folder / "clip 0.wav"] for folder in sets))
    assert frechet.score(*(Waveforms([samples], rate) for samples, rate in mono)) == expected
    expected = frechet.score(*([folder / "clip 1.wav"] for folder in sets))
    found = frechet.score(*(Waveforms([samples], rate) for samples, rate in stereo))
    assert found == expected
    assert [decision.record.file for decision in found.decisions["background"]] == ["0000"]


def test_embeddings_of_arrays(frechet: FrechetAudioDistance, sets: Sets) -> None:
    sounds = [soundfile.read(sets[0] / "clip 0.wav", dtype="float32")[0]] * 2
    found = frechet.get_embeddings(sounds, 16000)
    assert found.shape == (4, 128) and found.dtype == np.float32
    np.testing.assert_array_equal(found[:2], found[2:])
    one = frechet.get_embeddings([sounds[0][:16000]], sr=16000)
    assert one.shape == (1, 128)  # no distance is wanted of it
    rows = frechet.get_embeddings(np.stack(sounds), 16000)
    np.testing.assert_array_equal(rows, found)


def test_arrays_that_cannot_be_used_are_called_by_their_places(frechet: FrechetAudioDistance) -> None:
    good = np.zeros(16000, np.float32)
    bad = [good, np.zeros(100, np.float32), np.full(16000, np.nan), np.zeros(16000, np.int16)]
    with pytest.raises(BadFilesError) as caught:
        frechet.get_embeddings([*bad, np.zeros((2, 2, 2)), np.zeros(0)], 16000)
    text = str(caught.value)
    for part in (
        "0001: too short",
        "0002: has values that are NaN",
        "0003: holds int16",
        "0004: has the shape",
    ):
        assert part in text
    assert "0005" in text and "0000" not in text and 'on_bad_file="skip"' in text
    with pytest.raises(DatasetError, match="no waveforms"):
        frechet.get_embeddings([], 16000)
    with pytest.raises(DatasetError, match="0 Hz"):
        frechet.get_embeddings([good], 0)


def test_many_arrays_stay_in_their_order() -> None:
    sounds = Waveforms([np.full(1, place, np.float32) for place in range(10_002)], 8000)
    records = SoundArrays("x", sounds).records(None)
    hashes = [record.sha256 for record in records]
    assert hashes == [hashlib.sha256(sound.tobytes()).hexdigest() for sound in sounds.waveforms]
    assert (records[0].file, records[-1].file) == ("00000", "10001")


def test_what_is_no_set_is_refused(frechet: FrechetAudioDistance, sets: Sets, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Waveforms"):
        frechet.score([np.zeros(16000)], sets[1])  # type: ignore[list-item]
    with pytest.raises(DatasetError, match=r"\[N, D\]"):
        frechet.score(np.zeros(16000), sets[1])
    with pytest.raises(FadError, match="has 64 dimensions, but embeddings of vggish have 128"):
        frechet.score(np.zeros((5, 64)), sets[1])
    with pytest.raises(DatasetError, match="NaN"):
        frechet.score(np.full((5, 128), np.nan), sets[1])
    with pytest.raises(DatasetError, match="needs at least 2"):
        frechet.score(np.zeros((1, 128)), sets[1])


def test_embeddings_are_stored_and_read_again(
    frechet: FrechetAudioDistance, sets: Sets, tmp_path: Path
) -> None:
    paths = {"background_embds_path": tmp_path / "b" / "b.npy", "eval_embds_path": str(tmp_path / "e")}
    expected = frechet.score(*sets, **paths)
    assert expected == frechet.score(*sets)
    assert np.load(tmp_path / "b" / "b.npy").shape == (6, 128)
    assert (tmp_path / "e.npy").is_file()
    again = frechet.score(None, "/nowhere", **paths)
    assert again == expected and again.row["reference"].endswith("b.npy")
    # The order is that of the files' names, whatever the folder's.
    by_name = {path.name: path for path in sorted(sets[0].iterdir())}
    embedded = embed_sets(by_name, frechet.model, keep=True, to_compare=False)
    rows = [item.vectors_of().vectors for item in embedded.values()]
    np.testing.assert_array_equal(np.load(tmp_path / "b" / "b.npy"), np.concatenate(rows))


def test_types_that_files_are_read_as(frechet: FrechetAudioDistance, sets: Sets) -> None:
    scores = {dtype: frechet.score(*sets, dtype=dtype) for dtype in ("float32", "float64", "int32", "int16")}
    assert scores["float64"] == scores["int32"] != scores["float32"] != scores["int16"]
    for dtype, value in scores.items():
        assert value == pytest.approx(scores["float32"], rel=1e-3)
        assert value.row["settings"] == ("" if dtype == "float32" else f"dtype={dtype}")


def test_integers_of_a_file_of_floats_would_be_zeros(
    frechet: FrechetAudioDistance, sets: Sets, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "floats.wav", np.full(32000, 0.5), 16000, "FLOAT")
    assert frechet.score(tmp_path, sets[1], dtype="float64") > 0
    with pytest.raises(BadFilesError, match=r"floats\.wav: holds floats within ±1, which dtype int16"):
        frechet.score(tmp_path, sets[1], dtype="int16")


def test_the_same_folder_twice(frechet: FrechetAudioDistance, sets: Sets) -> None:
    assert 0 <= frechet.score(sets[0], sets[0]) < 1e-8


def test_statistics_and_distance_of_matrices(frechet: FrechetAudioDistance) -> None:
    rng = np.random.default_rng(9)
    sets = [rng.standard_normal((300, 8)) * scale + shift for scale, shift in ((1.0, 0.0), (1.5, 0.3))]
    statistics = [frechet.calculate_embd_statistics(list(vectors)) for vectors in sets]
    for vectors, (mean, covariance) in zip(sets, statistics, strict=True):
        np.testing.assert_array_equal(mean, vectors.mean(axis=0))
        np.testing.assert_array_equal(covariance, np.cov(vectors, rowvar=False))
    value = frechet.calculate_frechet_distance(*statistics[0], *statistics[1], eps=1e-3)
    expected = frechet_distance(*map(Statistics.from_embeddings, sets)).value
    assert isinstance(value, float) and value == pytest.approx(expected, rel=1e-12)
    scalars = [frechet.calculate_embd_statistics(vectors.reshape(-1)) for vectors in sets]
    # Of one dimension: (m₁ − m₂)² + (s₁ − s₂)².
    (m1, v1), (m2, v2) = scalars
    expected = (m1 - m2) ** 2 + (np.sqrt(v1) - np.sqrt(v2)) ** 2
    assert frechet.calculate_frechet_distance(m1, v1, m2, v2) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="dimensions"):
        frechet.calculate_frechet_distance(*statistics[0], *scalars[1])


def test_pann_as_scalars_where_that_is_asked_for(
    seeded_export: Callable[[str], Path], sets: Sets, tmp_path: Path
) -> None:
    path = seeded_export("pann-8k")
    imitating = FrechetAudioDistance(
        model_name=str(path), compatibility="frechet-audio-distance", device="cpu"
    )
    right = FrechetAudioDistance(model_name="pann", sample_rate=8000, weights=path, device="cpu")
    assert imitating.model_id == right.model_id == "pann-8k"
    sounds = [np.random.default_rng(1).standard_normal(8000).astype(np.float32) for _ in range(2)]
    with pytest.warns(UserWarning):
        assert imitating.get_embeddings(sounds, 8000).shape == (2 * 2048,)
        assert right.get_embeddings(sounds, 8000).shape == (2, 2048)
    value = imitating.score(*sets, tmp_path / "flat.npy")
    assert "of scalars" in value.row["note"]
    flat = np.load(tmp_path / "flat.npy")
    assert flat.shape == (3 * 2048,)
    assert imitating.score(tmp_path / "flat.npy", sets[1]) == pytest.approx(value, rel=1e-12)
    by_file = right.score(flat.reshape(3, 2048), sets[1])
    assert right.score(tmp_path / "flat.npy", sets[1]) == pytest.approx(by_file, rel=1e-12)
    # Imitated, the network runs with the original's kernels, which round otherwise.
    assert by_file == pytest.approx(right.score(*sets), rel=1e-6)


def test_the_first_use_exports_verifies_and_says_so_in_a_line(
    tmp_path: Path, sets: Sets, small_model: EmbeddingModel, capfd: pytest.CaptureFixture[str]
) -> None:
    given = {
        "model_name": small_model.name,
        "ckpt_dir": str(tmp_path / "ckpt"),
        "cache_dir": str(tmp_path / "cache"),
    }
    made = FrechetAudioDistance(**given, weights="seeded", device="cpu")
    value = made.score(*sets)
    assert "unverified" not in value.row["note"] and value.row["weights"] == "seeded"
    text = capfd.readouterr().err
    assert text.count("fad_core: first use of small with seeded weights") == 1
    assert str(tmp_path / "cache") in text and text.count("fad_core:") == 1
    (export,) = (tmp_path / "cache").glob("small-*.pt2")
    assert not (tmp_path / "ckpt").exists(), "seeded weights need no checkpoint"
    assert export.stem == f"small-{value.row['weights_sha256'][:8]}"
    assert isinstance(made.model, ExportedModel) and list((tmp_path / "cache/verification").iterdir())
    again = FrechetAudioDistance(**given, weights="seeded", device="cpu", verbose=True)
    assert again.score(*sets) == value
    assert "first use" not in capfd.readouterr().err
