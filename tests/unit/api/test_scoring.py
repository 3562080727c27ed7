"""Scoring two folders in memory: the same value as the pipeline's steps, bit for bit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from fad_study.steps.check import check_files
from fad_study.steps.distances import compute_distances
from fad_study.steps.embeddings import embed_batch
from fad_study.steps.files import scan_batch
from fad_study.steps.statistics import compute_statistics

from fad_core.api.scoring import embed_sets, scan_sets, score
from fad_core.api.statistics_files import write_statistics
from fad_core.audio import read_audio
from fad_core.datasets import Dataset
from fad_core.datasets.policy import DEFAULTS, FilePolicy
from fad_core.embedding.embed import load_unchanged, prepare_waveform
from fad_core.embedding.embeddings_reader import read_embedding_counts, read_embedding_facts
from fad_core.embedding.embeddings_writer import write_embeddings
from fad_core.errors import BadFilesError, DatasetError, FadError
from fad_core.metrics.statistics import statistics_of
from fad_core.models import get_model
from fad_core.models.options import Options
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend, Runner
from fad_core.runner.exported import ExportedModel
from fad_core.tables import read_table
from fad_core.tables.schemas import DISTANCES


@pytest.fixture(scope="module")
def exported_path(seeded_export: Callable[[str], Path]) -> Path:
    return seeded_export("vggish")


@pytest.fixture(scope="module")
def exported(exported_path: Path) -> ExportedModel:
    return ExportedModel(exported_path)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two sets of five clips of noise, at different levels, rates and channel counts."""
    rng = np.random.default_rng(5)
    for name, level in (("reference", 0.05), ("evaluation", 0.4)):
        (tmp_path / name / "deep er").mkdir(parents=True)
        for index, (rate, channels) in enumerate([(16000, 1), (44100, 2), (8000, 1), (16000, 2), (22050, 1)]):
            samples = rng.standard_normal((int(1.7 * rate), channels)) * level
            folder = tmp_path / name / ("deep er" if index % 2 else ".")
            soundfile.write(folder / f"clip {index}.wav", samples, rate)
    return tmp_path / "reference", tmp_path / "evaluation"


def embedded_by_the_pipeline(
    folder: Path, shards: int, exported: Path, policy: FilePolicy, target: Path
) -> list[Path]:
    """The tables of embeddings of a folder, a batch for each shard."""
    manifests = [target / f"{shard}.manifest.parquet" for shard in range(shards)]
    for shard, manifest in enumerate(manifests):
        entry = {"dataset": folder.name, "path": [str(folder)], "shards": shards, "shard": shard}
        scan_batch([entry], "ignore", manifest)
    decisions, model = target / "decisions.parquet", ExportedModel(exported)
    check_files(manifests, [folder.name], {"vggish": model.use}, policy, decisions)
    tables = [target / f"{shard}.parquet" for shard in range(shards)]
    for manifest, table in zip(manifests, tables, strict=True):
        dataset = Dataset(folder.name, str(folder))
        embed_batch(model, "vggish", {folder.name: dataset}, manifest, decisions, table)
    return tables


@pytest.mark.parametrize("shards", [1, 3])
def test_the_value_is_the_pipelines_to_the_last_bit(
    folders: tuple[Path, Path], exported: ExportedModel, exported_path: Path, tmp_path: Path, shards: int
) -> None:
    statistics = []
    for folder in folders:
        embeddings = embedded_by_the_pipeline(folder, shards, exported_path, DEFAULTS, tmp_path / folder.name)
        statistics.append(tmp_path / "statistics" / f"{folder.name}.parquet")
        compute_statistics(embeddings, "vggish", {folder.name: statistics[-1]})
    table = tmp_path / "distances.parquet"
    compute_distances(statistics, "vggish", [("reference", "evaluation")], ["fad"], table)
    (row,) = read_table(DISTANCES, table)

    scored = score(str(folders[0]), str(folders[1]), exported).row

    assert tuple(scored) == DISTANCES.names
    names = {"reference": str(folders[0]), "evaluation": str(folders[1])}
    assert scored == {**row, **names}


def test_duplicates_are_dropped_whatever_their_shard(
    folders: tuple[Path, Path], exported: ExportedModel, exported_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for path in folders[0].glob("*.wav"):
        shutil.copy(path, folder)
        shutil.copy(path, folder / f"copy of {path.name}")
    policy = FilePolicy(on_duplicate="drop", on_short_file="skip")
    embeddings = embedded_by_the_pipeline(folder, 3, exported_path, policy, tmp_path / "made")
    embedded = embed_sets({"set": str(folder)}, exported, policy=policy)["set"]
    used = {decision.record.file for decision in embedded.decisions if decision.status == "used"}
    assert used and not any(name.startswith("copy of ") for name in used)
    assert set(read_embedding_counts(embeddings)["set"]) == used
    excluded = sum(read_embedding_facts(path).counts["set"].excluded for path in embeddings)
    assert excluded == len(embedded.decisions) - len(used)


def test_a_set_is_the_same_in_every_form(
    folders: tuple[Path, Path], exported: ExportedModel, exported_path: Path, tmp_path: Path
) -> None:
    reference, evaluation = folders
    expected = score(reference, evaluation, exported).row
    decided = embed_sets({"reference": reference}, exported, keep=True)["reference"]
    npz, stored, table = (tmp_path / name for name in ("a.npz", "a.parquet", "embeddings.parquet"))
    write_statistics(decided, npz)
    write_statistics(decided, stored)
    write_embeddings({"reference": (decided.embeddings or (), decided.decisions)}, exported, table)
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{path}\n" for path in reference.rglob("*.wav")))
    (pipeline,) = embedded_by_the_pipeline(reference, 1, exported_path, DEFAULTS, tmp_path / "made")
    for given in (npz, str(stored), table, pipeline, f"@{listed}"):
        found = score(given, evaluation, exported).row
        assert found == {**expected, "reference": str(given)}
    kept = embed_sets({"a": table}, exported, keep=True)["a"]
    assert kept.counts == decided.counts and kept.identity == decided.identity
    np.testing.assert_array_equal(kept.vectors_of().vectors, decided.vectors_of().vectors)
    assert kept.vectors_of().files == decided.vectors_of().files
    assert kept.noted("x").note == "x"
    assert embed_sets({"a": table}, exported)["a"].embeddings is None


def test_a_file_of_another_model_or_of_several_sets_is_refused(
    folders: tuple[Path, Path], exported: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = embed_sets({folder.name: folder for folder in folders}, exported, keep=True)
    made = sets["reference"]
    both = tmp_path / "both.parquet"
    write_embeddings(
        {name: (each.embeddings or (), each.decisions) for name, each in sets.items()}, exported, both
    )
    with pytest.raises(FadError, match=r"embeddings of 2 data sets \(evaluation, reference\); expected one"):
        score(both, folders[1], exported)
    refused = {"model": "was made with pann-16k, not vggish", "settings": "they cannot be compared"}
    for name, said in refused.items():
        key = replace(made.key, **{name: "pann-16k"})
        write_statistics(replace(made, key=key), tmp_path / "a.npz")
        with pytest.raises(FadError, match=said):
            scan_sets({"a": tmp_path / "a.npz", "b": folders[1]}, exported.use)
    other = replace(made, key=replace(made.key, weights="official"))
    write_statistics(other, tmp_path / "a.npz")
    scanned = scan_sets({"a": tmp_path / "a.npz", "b": folders[1]}, exported.use)
    monkeypatch.setattr(exported, "embed", None)  # it is known before anything is embedded
    with pytest.raises(FadError, match=r"official weights .* is to be embedded by vggish \(seeded weights"):
        scanned.embed(exported)


def test_a_set_against_itself_is_zero_within_rounding(
    folders: tuple[Path, Path], exported: ExportedModel
) -> None:
    row = score(str(folders[0]), str(folders[0]), exported).row
    assert 0 <= row["value"] < 1e-8
    assert row["files"] == 10


def test_swapping_the_sets_leaves_the_value(folders: tuple[Path, Path], exported: ExportedModel) -> None:
    there = score(str(folders[0]), str(folders[1]), exported).row["value"]
    back = score(str(folders[1]), str(folders[0]), exported).row["value"]
    assert there == back > 1


def test_bad_files_of_both_sets_are_listed_at_once(
    folders: tuple[Path, Path], exported: ExportedModel
) -> None:
    (folders[0] / "words.wav").write_text("not a sound")
    soundfile.write(folders[1] / "blip.wav", np.ones(160) * 0.1, 16000)
    with pytest.raises(BadFilesError) as caught:
        score(str(folders[0]), str(folders[1]), exported)
    for part in ("words.wav", "text", "blip.wav", "0.010 s", 'on_bad_file="skip"', 'on_short_file="pad"'):
        assert part in str(caught.value)


def test_what_is_left_out_or_padded_is_counted(folders: tuple[Path, Path], exported: ExportedModel) -> None:
    (folders[0] / "words.wav").write_text("not a sound")
    (folders[0] / "notes.txt").write_text("no sound, and not meant to be one")
    soundfile.write(folders[1] / "blip.wav", np.ones(160) * 0.1, 16000)
    result = score(str(folders[0]), str(folders[1]), exported, policy=FilePolicy("skip", "pad"))
    assert (result.row["files"], result.row["excluded"], result.row["padded"]) == (11, 1, 1)
    statuses = {
        decision.record.file: decision.status
        for decisions in result.decisions.values()
        for decision in decisions
    }
    assert statuses["words.wav"] == "excluded"
    assert statuses["blip.wav"] == "padded"
    assert [name for name, _ in result.ignored[str(folders[0])]] == ["notes.txt"]


def test_one_vector_is_not_a_set(
    folders: tuple[Path, Path], exported: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported, "embed", None)  # it is known before anything is embedded
    for path in sorted(folders[1].rglob("*.wav"))[1:]:
        path.unlink()
    with pytest.raises(DatasetError, match="at least 2"):
        score(str(folders[0]), str(folders[1]), exported)


def test_values_too_large_to_be_sound_are_named_before_embedding(
    folders: tuple[Path, Path], exported: ExportedModel
) -> None:
    huge = np.full((32000, 2), 3e38, dtype=np.float32)
    soundfile.write(folders[0] / "huge.wav", huge, 16000, subtype="FLOAT")
    with pytest.raises(BadFilesError, match=r"huge\.wav: has values so large"):
        score(*folders, exported)


def test_files_are_scanned_without_weights_and_embedded_only_by_the_model_of_the_scan(
    folders: tuple[Path, Path], exported: ExportedModel
) -> None:
    sources = {folder.name: str(folder) for folder in folders}
    steps: list[int] = []
    scanned = scan_sets(sources, ModelUse(get_model("vggish")), progress=steps.append)
    assert (scanned.count, sum(steps)) == (10, 10)
    embedded = scanned.embed(exported, progress=steps.append)
    assert sum(steps) == 20
    at_once = embed_sets(sources, exported)
    for name, item in embedded.items():
        np.testing.assert_array_equal(item.statistics_of().mean, at_once[name].statistics_of().mean)
    other = exported.with_options(Options(compatibility="frechet-audio-distance"))
    with pytest.raises(ValueError, match="scanned for"):
        scanned.embed(other)


def test_an_embedded_set_is_checked_before_files_are_scanned(
    folders: tuple[Path, Path], exported: ExportedModel
) -> None:
    (folders[1] / "words.wav").write_text("not a sound")
    made = embed_sets({"a": np.ones((2, 128), dtype=np.float32)}, exported)["a"]
    for given, said in [
        (np.ones((1, 128), dtype=np.float32), "at least 2"),
        (replace(made, key=replace(made.key, model="pann-16k")), "they cannot be compared"),
        (np.ones((3, 64), dtype=np.float32), "embedded by another model"),
    ]:
        with pytest.raises(FadError, match=said):
            scan_sets({"given": given, "sound": str(folders[1])}, exported.use)


def test_two_sets_of_one_name_are_two_sets(exported: ExportedModel) -> None:
    random = np.random.default_rng(0)
    sets = [random.standard_normal((300, 128)).astype(np.float32) + shift for shift in (0.0, 5.0)]
    embedded = [embed_sets({"set": vectors}, exported)["set"] for vectors in sets]
    assert embedded[0].name == embedded[1].name == "set"
    found = score(*embedded, exported)
    assert found > 3000
    assert {found.row["reference"], found.row["evaluation"]} == {"set", "set (evaluation)"}
    assert score(embedded[0], embedded[0], exported) < 1e-6


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("model_id", "runner"), [("vggish", "fast"), ("vggish", "plain"), ("encodec-24k", "fast")]
)
def test_sets_are_embedded_together_as_each_file_alone(
    seeded_export: Callable[[str], Path], tmp_path: Path, model_id: str, runner: Runner, threads: int
) -> None:
    """Batches go across the border between sets, whose files have the same names here; no bit shows it."""
    exported = ExportedModel(seeded_export(model_id), backend=Backend(runner), batch_size=4)
    random = np.random.default_rng(3)
    lengths = {"a": (1.0, 4.2, 2.0), "b": (6.5, 1.2, 0.5), "c": (1.1, 1.0, 2.1)}
    for name, seconds in lengths.items():
        (tmp_path / name).mkdir()
        for index, length in enumerate(seconds):
            samples = random.standard_normal((int(length * 22050), 2)) * 0.1
            soundfile.write(tmp_path / name / f"{index}.wav", samples, 22050)
    alone = {
        (name, path.name): exported.embed(prepare_waveform(*read_audio(path), exported.use, pad=True))[
            "embedding"
        ]
        for name in lengths
        for path in sorted((tmp_path / name).iterdir())
    }
    steps: list[int] = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        sets = {name: str(tmp_path / name) for name in lengths}
        together = embed_sets(
            sets,
            exported,
            policy=FilePolicy(on_short_file="pad"),
            workers=threads,
            keep=True,
            progress=steps.append,
        )
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)

    assert sum(steps) == 2 * len(alone)
    for name, embedded in together.items():
        files = embedded.embeddings or ()
        assert [file.file for file in files] == ["0.wav", "1.wav", "2.wav"]
        for file in files:
            np.testing.assert_array_equal(file.vectors["embedding"], alone[name, file.file])
            assert len(file.start_seconds) == len(file.vectors["embedding"])
        expected = statistics_of([alone[name, file.file] for file in files])
        found = embedded.statistics_of()
        assert found.n == expected.n
        np.testing.assert_array_equal(found.mean, expected.mean)
        np.testing.assert_array_equal(found.factor, expected.factor)


def test_what_the_scan_has_decoded_is_read_again_as_another_type_alone(
    folders: tuple[Path, Path], exported: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[tuple[str, str]] = []

    def noted(path: Path, sha256: str, dtype: str) -> tuple[np.ndarray, int]:
        loaded.append((path.name, dtype))
        return load_unchanged(path, sha256, dtype)

    monkeypatch.setattr("fad_core.embedding.inputs.load_unchanged", noted)
    embed_sets({"reference": str(folders[0])}, exported)
    assert loaded == []
    embed_sets({"reference": str(folders[0])}, exported.with_options(Options(dtype="int16")))
    assert loaded == [(f"clip {index}.wav", "int16") for index in (0, 2, 4, 1, 3)]
