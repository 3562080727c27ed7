"""A file of statistics as a data set of a study: what is read of it, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from embedding_tables import embeddings
from fad_study.given_sets import REMEDY, study_set
from fad_study.same_numerics import GIVEN, mixed_note, require_same_numerics
from fad_study.steps import statistics as step
from fad_study.steps.distances import compute_distances, read_set
from fad_study.steps.statistics import take_statistics
from fad_study.study import read_study
from fad_study.study_models import StudyModel

from fad_core.datasets.counts import SetCounts
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.facts import EmbeddingFacts, metadata_of
from fad_core.embedding.statistics_files import write_statistics
from fad_core.errors import ConfigError, FadError
from fad_core.metrics import get_metric
from fad_core.metrics.statistics import Statistics
from fad_core.models import get_model
from fad_core.models.options import Options
from fad_core.models.use import ModelKey
from fad_core.runner.backend import Backend
from fad_core.runner.identity import Identity
from fad_core.tables import DISTANCES, EMBEDDINGS, read_table, write_table
from fad_core.tables.parquet import read_metadata
from fad_core.tables.schemas import STATISTICS
from fad_core.weights import locate_weights

SCHEMA = Path(__file__).resolve().parents[3] / "workflow/schemas/config.schema.yaml"
IDENTITY = Identity.of(get_model("vggish"), locate_weights(get_model("vggish"), "seeded"))
KEY = ModelKey("vggish", "seeded", IDENTITY.weights_sha256, "")


def written(path: Path, identity: Identity | None = IDENTITY, note: str = "", **key: str) -> Path:
    """A file of statistics of VGGish with seeded weights, or of what is given."""
    vectors = np.random.default_rng(len(path.name)).standard_normal((40, 4))
    counts = SetCounts(files=5, padded=1, excluded=2, seconds=4.5)
    facts = {} if identity is None else asdict(identity)
    found = {"embedding": Statistics.from_embeddings(vectors)}
    write_statistics(EmbeddedSet("x", replace(KEY, **key), found, counts, identity=facts, note=note), path)
    return path


def study(folder: Path, **changes: Any) -> dict[str, Any]:
    (folder / "b").mkdir(exist_ok=True)
    soundfile.write(folder / "b/x.wav", [0.0, 0.0], 8000)
    return {
        "study": "s",
        "audio_root": str(folder),
        "datasets": {"ref": "ref.npz", "b": "b"},
        "models": [{"id": "vggish", "weights": "seeded"}],
    } | changes


def errors(given: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read_study(given, SCHEMA)
    return [line.removeprefix("  - ") for line in str(raised.value).split("\n")[1:]]


def test_a_set_is_given_or_embedded(tmp_path: Path) -> None:
    written(tmp_path / "ref.npz")
    found = read_study(study(tmp_path), SCHEMA)
    assert (found.paired(), found.given(), found.embedded()) == (["ref", "b"], ["ref"], ["b"])
    written(tmp_path / "b.parquet")
    assert read_study(study(tmp_path, datasets={"ref": "ref.npz", "b": "b.parquet"}), SCHEMA)


def test_all_errors_of_given_sets_are_in_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "other.npz", None, model="clap")
    written(tmp_path / "weights.parquet", weights_sha256="0" * 64, identity=None)
    written(tmp_path / "settings.npz", settings="runner=plain")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    np.savez(tmp_path / "foreign.npz", mu=np.zeros(4), sigma=np.eye(4))
    names = ("other.npz", "weights.parquet", "settings.npz", "damaged.parquet", "foreign.npz", "lost.npz")
    datasets = {name.partition(".")[0]: {"path": name} for name in names} | {"b": {"path": "b"}}
    datasets["other"] |= {"shards": 2}
    needy = replace(
        get_metric("fad"), name="needy", needs=(replace(get_metric("fad").needs[0], what="vectors"),)
    )
    monkeypatch.setitem(get_metric.__globals__["METRICS"], "needy", needy)
    pairs = [["b", name] for name in datasets if name != "b"]
    found = errors(study(tmp_path, datasets=datasets, pairs=pairs, metrics=["fad", "needy"], threads=0))
    seeded = KEY.weights_sha256[:8]
    ending = f"they cannot be compared: {REMEDY}"
    expected = [
        "threads: 0 is less than 1",
        "datasets: other: shards has no effect on a file of statistics",
        *(
            f"metrics: needy needs vectors, and the data set {name} is a file of statistics: give its audio, "
            "or leave out the metric"
            for name in list(datasets)[:-1]
        ),
        f"data set other: {tmp_path}/other.npz was made with clap (seeded weights {seeded}), this study with "
        f"vggish (seeded weights {seeded}): {ending}",
        f"data set weights: {tmp_path}/weights.parquet was made with vggish (seeded weights 00000000), this "
        f"study with vggish (seeded weights {seeded}): {ending}",
        f"data set settings: {tmp_path}/settings.npz was made with vggish (seeded weights {seeded}, "
        f"runner=plain), this study with vggish (seeded weights {seeded}): {ending}",
        f"data set damaged: {tmp_path}/damaged.parquet: damaged or cut short",
        f"data set foreign: {tmp_path}/foreign.npz was made with an unnamed model (pytorch-fid, weights not "
        f"named), this study with vggish (seeded weights {seeded}): they cannot be compared. If you know "
        "that the model is the same, choose:",
        "  assume_same_model: true  (in the configuration)",
        f"data set lost: {tmp_path}/lost.npz does not exist",
    ]
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found


def test_single_files_of_given_sets_are_not_known(tmp_path: Path) -> None:
    for name in ("ref", "made"):
        written(tmp_path / f"{name}.npz")
    datasets = {"ref": "ref.npz", "made": "made.npz", "b": "b"}
    pairs = [["ref", "made"], ["ref", "b"]]
    ending = "is a file of statistics, whose single files are not known"
    chosen = study(tmp_path, datasets=datasets, pairs=pairs, per_file=["fad"], near_copies=True)
    assert errors(chosen) == [
        f"per_file: the data set made {ending}",
        f"near_copies: the data set ref {ending}",
        f"near_copies: the data set made {ending}",
    ]


def test_statistics_of_another_package_are_taken_if_that_is_assumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "read_identity", lambda _: IDENTITY)
    np.savez(tmp_path / "ref.npz", mu=np.ones(128), sigma=np.eye(128))
    assumed = {"ref": {"path": "ref.npz", "assume_same_model": True}, "b": {"path": "b"}}
    assert read_study(study(tmp_path, datasets=assumed), SCHEMA).assumed == {"ref"}
    misplaced = {"ref": {"path": "ref.npz"}, "b": {"path": "b", "assume_same_model": True}}
    assert "datasets: b: assume_same_model has no effect on audio" in errors(
        study(tmp_path, datasets=misplaced)
    )
    table = tmp_path / "ref.parquet"
    take_statistics(tmp_path / "ref.npz", Path("x.pt2"), "vggish", "", "ref", table, assume=True)
    found = read_set(table)
    assert (found.statistics_of().n, found.counts, found.key) == (None, None, KEY)
    assert "(pytorch-fid, weights not named), assumed to be the same model" in found.note


def test_a_named_reference_needs_its_weights_and_conventions(tmp_path: Path) -> None:
    def study_by(**entry: str) -> dict[str, Any]:
        models = [{"id": "cdpam-content", "weights": "official", "compatibility": "fadtk"} | entry]
        datasets = {"ref": {"path": "fma_pop"}, "b": {"path": "b"}}
        return study(tmp_path, datasets=datasets, models=models)

    read = read_study(study_by(), SCHEMA)  # although it was not downloaded
    assert read.given_path("ref", "cdpam-content") == Path("results/references/fma_pop.npz")
    start = (
        "data set ref: fma_pop was made with cdpam-content (official weights 7b0d1a6c, compatibility=fadtk), "
    )
    (conventions, setting) = errors(study_by(compatibility="none"))
    assert "To embed both by the same conventions, choose:" in conventions
    assert setting == "  compatibility: fadtk  (in the configuration)"
    (seeded,) = errors(study_by(weights="seeded"))
    assert seeded.endswith(f"they cannot be compared: {REMEDY}")
    assert all(each.startswith(start[:40]) for each in (conventions, seeded))
    models = [{"id": "vggish", "weights": "seeded", "compatibility": "fadtk"}]
    assumed = {"ref": {"path": "fma_pop", "assume_same_model": True}, "b": {"path": "b"}}
    assert read_study(study(tmp_path, datasets=assumed, models=models), SCHEMA).given() == ["ref"]
    errors_of_model = errors(study_by(id="pann-16k", compatibility="none"))
    assert errors_of_model[0].endswith("but not of pann-16k")


def test_a_table_of_embeddings_is_not_reduced_when_a_study_is_read(tmp_path: Path) -> None:
    facts = EmbeddingFacts(
        asdict(IDENTITY), "", {"embedding": 4}, scalars=False, counts={"set": SetCounts(1, 0, 0, 1.0)},
        note="", numerics="",
    )  # fmt: skip
    columns = embeddings({"a.wav": 3})
    columns["embedding"][0] = np.nan
    write_table(EMBEDDINGS, columns, tmp_path / "ref.parquet", metadata_of(facts))
    assert read_study(study(tmp_path, datasets={"ref": "ref.parquet", "b": "b"}), SCHEMA).given() == ["ref"]
    facts = replace(facts, settings="crop=first")
    write_table(EMBEDDINGS, columns, tmp_path / "ref.parquet", metadata_of(facts))
    (found,) = errors(study(tmp_path, datasets={"ref": "ref.parquet", "b": "b"}))
    assert "ref.parquet was made with vggish (seeded weights" in found and ", crop=first)" in found


def test_names_of_a_study_take_the_place_of_those_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "read_identity", lambda _: IDENTITY)
    tables = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    given = written(tmp_path / "one;two.npz", note="recorded in 2020", weights="mine.pth")
    take_statistics(given, Path("x.pt2"), "ours", "", "ref", tables[0])
    # As a study without the model's identity writes it.
    take_statistics(
        written(tmp_path / "old.parquet", None, model="ours"), Path("x.pt2"), "ours", "", "b", tables[1]
    )
    found = read_set(tables[0])
    assert (found.name, found.key) == ("ref", replace(KEY, model="ours"))
    assert found.note == "recorded in 2020; given as one,two.npz, not embedded in this study"
    assert found.counts is not None and found.counts.excluded == 2
    assert json.loads(read_metadata(STATISTICS, tables[0])["identity"])["model"] == "vggish"
    compute_distances(tables, "ours", [("ref", "b")], ["fad"], tmp_path / "distances.parquet")
    (row,) = read_table(DISTANCES, tmp_path / "distances.parquet")
    assert "ref: given as one,two.npz, not embedded in this study" in row["note"]
    assert "b: given as old.parquet, not embedded in this study" in row["note"]


def test_a_file_by_other_code_is_noted_and_by_another_further_checkpoint_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "read_identity", lambda _: IDENTITY)
    older = replace(IDENTITY, code="0ld", fad_core_version="0.0.1")
    table = tmp_path / "ref.parquet"
    take_statistics(written(tmp_path / "a.npz", older), Path("x.pt2"), "vggish", "", "ref", table)
    assert "exported by a different version of the code (0.0.1, 0ld)" in read_set(table).note
    other = replace(IDENTITY, checkpoints={**IDENTITY.checkpoints, "pca.pth": "1" * 64})
    with pytest.raises(
        FadError, match=r"a\.npz was made with vggish .*: give statistics that were made with"
    ):
        take_statistics(written(tmp_path / "a.npz", other), Path("x.pt2"), "vggish", "", "ref", table)


def test_settings_are_those_that_tables_have() -> None:
    plain = StudyModel("x", "vggish", "seeded", Options(compatibility="frechet-audio-distance"))
    assert study_set(plain, "seeded", "").key.settings == "compatibility=frechet-audio-distance runner=plain"
    gpu = StudyModel("x", "clap-630k", "seeded", Options(crop="first", seed=4), Backend(device="cuda"))
    assert study_set(gpu, "seeded", "").key.settings == "crop=first device=cuda"


def test_given_statistics_have_no_numerics() -> None:
    require_same_numerics({Path("a"): GIVEN})
    require_same_numerics({Path("a"): GIVEN, Path("b"): "one", Path("c"): "one"})
    with pytest.raises(FadError, match="c and b are"):
        require_same_numerics({Path("a"): GIVEN, Path("b"): "one", Path("c"): "two"})
    assert mixed_note([GIVEN, "one"]) == ""
