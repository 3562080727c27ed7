"""The level "reference": what is compared, what it finds, and the steps around it; without the original."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fad_study.reference.cases import Case
from fad_study.reference.live import Distances, OriginalRun, verify_reference
from fad_study.steps.reference import (
    collect_verifications,
    summarise_verification,
    write_checkpoints,
    write_clips,
    write_distances,
)
from fake_models import MAIN, fake_model
from originals import offline

from fad_core.embedding.embed import prepare_waveform
from fad_core.errors import VerificationError
from fad_core.models import get_model, model_ids
from fad_core.models.base import Arrays, EmbeddingModel, OriginalQuirks
from fad_core.models.crops import crop_number
from fad_core.models.use import ModelUse
from fad_core.runner.identity import Identity
from fad_core.tables import VERIFICATION, read_table, write_table
from fad_core.verification.check import Check, require_passed
from fad_core.verification.clips import Clip
from fad_core.verification.signals import busy, quantise
from fad_core.verification.table import write_verification
from fad_core.weights import Weights, WeightsFile, locate_weights

SCRIPT = Path(__file__).parents[3] / "scripts" / "original_embeddings.py"
VGGISH = get_model("vggish")
GROUPS = {"a": "reference", "b": "reference", "c": "evaluation", "d": "evaluation"}


@dataclass
class FakeExport:
    """Embeds patches by a fixed matrix."""

    model: EmbeddingModel
    identity: Identity

    @property
    def use(self) -> ModelUse:
        return ModelUse(self.model)

    def embed_features(self, features: Arrays) -> dict[str, np.ndarray]:
        matrix = np.random.Generator(np.random.PCG64(0)).standard_normal((96 * 64, 128)).astype(np.float32)
        return {"embedding": features[0].reshape(len(features[0]), -1) @ matrix / np.float32(80)}


def export(model: EmbeddingModel = VGGISH) -> Any:
    facts = dict.fromkeys(("family", "licence", "code", "torch_version", "fad_core_version"), "")
    identity = Identity(model.name, weights="seeded", weights_sha256="00", options={}, checkpoints={},
                        tolerance=model.tolerance, **facts)  # fmt: skip
    return FakeExport(model, identity)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips of two windows, one of them stereo at another rate."""
    folder = tmp_path_factory.mktemp("clips")
    cases = []
    for key, (name, group) in enumerate(GROUPS.items()):
        rate = 22050 if name == "d" else 16000
        signals = [busy(2 * rate, rate, key + channel) for channel in range(1 + (name == "d"))]
        cases.append((name, Case(Clip(rate, quantise(signals)), group)))
    write_clips(cases, folder)
    return folder


def original_of(exported: Any, clips: Path) -> OriginalRun:
    """A run of an original that does what the export does."""
    import soundfile

    entries: dict[str, np.ndarray] = {}
    for name in GROUPS:
        samples, rate = soundfile.read(clips / f"{name}.wav", dtype="float32", always_2d=True)
        features = exported.use.frontend(prepare_waveform(samples.T, rate, exported.use))
        entries |= {f"features/{name}/{index}": array for index, array in enumerate(features)}
        entries[f"embeddings/{name}"] = exported.embed_features(features)["embedding"]
    meta = {"model": exported.model.name, "distance": 1.5, "failure": "", "versions": {"torch": "2.8.0"}}
    return OriginalRun(entries, meta)


def failed(rows: list[Check]) -> set[tuple[str, str]]:
    assert all(row.level == "reference" for row in rows)
    return {(row.case, row.quantity) for row in rows if row.verdict == "failed"}


def test_equal_results_pass_at_every_quantity(clips: Path):
    told: list[str] = []
    rows, distances = verify_reference(export(), clips, original_of(export(), clips), told.append)
    require_passed(rows)
    assert told == list(GROUPS)
    expected = [(name, kind) for name in GROUPS for kind in ("frontend", "network", "embedding")]
    assert [(row.case, row.quantity) for row in rows] == [*expected, ("two groups of clips", "fad")]
    assert all(row.max_absolute_difference == 0 for row in rows)
    assert distances.here == distances.original == distances.printed_here > 0
    assert (distances.printed, distances.failure) == (1.5, "")
    assert rows[-1].vectors == 8


def test_another_frontend_is_told_from_another_network(clips: Path):
    original = original_of(export(), clips)
    other = {**original.entries, "features/b/0": original.entries["features/b/0"] * np.float32(1.001)}
    rows, _ = verify_reference(export(), clips, replace(original, entries=other))
    # Its embedding was not changed, so it is the network's on other features that differs.
    assert failed(rows) == {("b", "frontend"), ("b", "network")}
    other = {**original.entries, "embeddings/b": original.entries["embeddings/b"] * np.float32(1.001)}
    rows, _ = verify_reference(export(), clips, replace(original, entries=other))
    assert failed(rows) == {("b", "network"), ("b", "embedding"), ("two groups of clips", "fad")}


def test_features_of_another_shape_fail(clips: Path):
    original = original_of(export(), clips)
    other = {**original.entries, "features/a/0": original.entries["features/a/0"][:1]}
    rows, _ = verify_reference(export(), clips, replace(original, entries=other))
    assert failed(rows) == {("a", "frontend"), ("a", "network")}


def test_a_run_of_another_model_is_refused(clips: Path):
    original = replace(original_of(export(), clips), meta={"model": "vggish-activation"})
    with pytest.raises(VerificationError, match="run as vggish-activation, not as vggish"):
        verify_reference(export(), clips, original)


def test_a_missing_or_foreign_file_is_no_run(tmp_path: Path):
    with pytest.raises(VerificationError, match="holds no embeddings of the original package"):
        OriginalRun.load(tmp_path / "missing.npz")
    np.savez(tmp_path / "other.npz", x=np.zeros(1))
    with pytest.raises(VerificationError, match="holds no embeddings of the original package"):
        OriginalRun.load(tmp_path / "other.npz")


def test_a_quantised_value_may_fall_on_the_other_side_of_an_edge(clips: Path):
    model = get_model("vggish-pca")
    original = original_of(export(model), clips)
    entries = dict(original.entries)
    for name in GROUPS:
        rounded = np.rint(entries[f"embeddings/{name}"])
        entries[f"embeddings/{name}"] = rounded
        # On the edge between 0 and 1, in the first value alone.
        unrounded = (rounded * np.float32(4 / 255) - np.float32(2)).astype(np.float32)
        unrounded[0, 0] = -2 + 0.5 * 4 / 255
        entries[f"before_quantisation/{name}"] = unrounded
    ours = export(model)
    ours.embed_features = lambda features: next(
        {"embedding": entries[f"embeddings/{name}"] + np.eye(2, 128, dtype=np.float32) * [[1.0], [0.0]]}
        for name in GROUPS
        if np.array_equal(entries[f"features/{name}/0"], features[0])
    )
    run = replace(original, entries=entries, meta={**original.meta, "model": model.name})
    rows, _ = verify_reference(ours, clips, run)
    require_passed(rows)
    assert {row.off_by_quantum for row in rows if row.quantity in ("network", "embedding")} == {1}


def test_models_of_one_vector_are_compared_as_scalars_too(clips: Path):
    model = replace(VGGISH, quirks=OriginalQuirks(scalar_statistics=True))
    rows, distances = verify_reference(export(model), clips, original_of(export(model), clips))
    assert [row.case for row in rows[-2:]] == [
        "two groups of clips",
        "two groups of clips, values as scalars",
    ]
    assert 0 < distances.printed_here < distances.here


def test_clips_come_with_what_is_to_be_done(clips: Path):
    facts = json.loads((clips / "clips.json").read_text())
    assert list(facts) == list(GROUPS)
    assert {path.stem for path in clips.glob("*.wav")} == set(GROUPS)
    for name, fact in facts.items():
        assert fact["seed"] == crop_number(0, fact["key"])
        assert (fact["group"], fact["loading"]) == (GROUPS[name], "file")


def test_seeded_checkpoints_are_written_and_others_linked(tmp_path: Path):
    write_checkpoints(locate_weights(fake_model(MAIN), "seeded"), tmp_path / "seeded")
    written = tmp_path / "seeded" / "checkpoints" / "tiny.pth"
    assert set(torch.load(written, weights_only=True)) == set(MAIN.layout())
    mine = tmp_path / "mine.pth"
    mine.write_bytes(b"x")
    given = Weights("file", (WeightsFile(MAIN, mine, "00"),))
    write_checkpoints(given, tmp_path / "linked")
    link = tmp_path / "linked" / "checkpoints" / "tiny.pth"
    assert link.is_symlink() and link.resolve() == mine.resolve()


@pytest.fixture
def tables(tmp_path: Path, clips: Path) -> Callable[[str, float | None, str], tuple[Path, Path]]:
    def write(name: str, printed: float | None, failure: str) -> tuple[Path, Path]:
        original = original_of(export(), clips)
        run = replace(original, meta={**original.meta, "distance": printed, "failure": failure})
        rows, distances = verify_reference(export(), clips, run)
        table, values = tmp_path / f"{name}.csv", tmp_path / f"{name}.json"
        write_verification([replace(row, model=name) for row in rows], [], table)
        write_distances(distances, {"torch": "2.8.0"}, values)
        return table, values

    return write


def test_the_summary_has_a_row_a_model(tables, tmp_path: Path):
    pairs = [tables("vggish", 1.5, ""), tables("pann-16k", None, "ValueError: why")]
    outputs = [tmp_path / "summary.csv", tmp_path / "summary.md"]
    summarise_verification([a for a, _ in pairs], [b for _, b in pairs], outputs)
    text = outputs[1].read_text()
    assert (
        len(text.splitlines()) == 4 and "`vggish`" in text and "ValueError: why" in text and " 1.5 " in text
    )
    head, *rows = (line.split(",") for line in outputs[0].read_text().splitlines())
    assert [dict(zip(head, row, strict=True))["verdict"] for row in rows] == ["passed", "passed"]
    assert [row[head.index("vectors")] for row in rows] == ["8", "8"]
    assert [row[head.index("fad_printed")] for row in rows] == ["1.5", ""]


def test_a_failure_shows_in_the_summary(tables, tmp_path: Path):
    table, distances = tables("vggish", 1.5, "")
    rows = read_table(VERIFICATION, table)
    rows[0]["verdict"] = "failed"
    write_table(VERIFICATION, rows, table)
    summarise_verification([table], [distances], [tmp_path / "summary.md"])
    assert "failed |" in (tmp_path / "summary.md").read_text()


def test_nothing_verified_is_no_summary(tables, tmp_path: Path):
    table, distances = tables("vggish", 1.5, "")
    write_verification([], [], table)
    with pytest.raises(VerificationError, match="nothing was verified"):
        summarise_verification([table], [distances], [tmp_path / "summary.csv"])


def test_all_levels_stand_in_one_table(tables, tmp_path: Path):
    one, two = tables("vggish", 1.5, "")[0], tables("pann-16k", 1.5, "")[0]
    collect_verifications([one, two], tmp_path / "all.csv")
    rows = read_table(VERIFICATION, tmp_path / "all.csv")
    assert rows == read_table(VERIFICATION, one) + read_table(VERIFICATION, two)


@pytest.fixture(scope="module")
def original() -> Any:
    """An adapter's object, around a stand-in for the original's class."""
    made = object.__new__(offline.Original)
    made.scorer = Scorer()
    return made


def test_each_model_has_an_adapter(monkeypatch: pytest.MonkeyPatch):
    """They can be imported without the original."""
    monkeypatch.setattr("os.environ", {})  # the script sets variables for its own process
    adapted: dict[str, dict[str, Any]] = {}
    for path in sorted(SCRIPT.with_name("originals").glob("*.py")):
        if path.stem != "offline":
            models = import_module("original_embeddings").load_adapter(path).MODELS
            assert {get_model(name).family for name in models} == {path.stem}
            adapted |= models
    assert sorted(adapted) == sorted(model_ids())
    for name in adapted.keys() & {"pann-8k", "pann-16k", "pann-32k", "encodec-24k", "encodec-48k"}:
        assert adapted[name]["sample_rate"] == get_model(name).sample_rate
        assert adapted[name].get("channels", 1) == get_model(name).channels


def test_the_scripts_of_the_reference_environment_stand_alone():
    for path in [SCRIPT, *SCRIPT.with_name("originals").glob("*.py")]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        assert not any((name or "").startswith("fad_core") for name in names), path


class Scorer:
    """The interface of the original's class, as far as distances and embeddings go."""

    sample_rate = 16000

    def calculate_embd_statistics(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.mean(vectors, axis=0), np.cov(vectors, rowvar=False)

    def calculate_frechet_distance(self, *statistics: np.ndarray) -> float:
        from scipy import linalg

        root, _ = linalg.sqrtm(np.atleast_2d(statistics[1]), disp=False)
        return float(np.trace(root))

    def get_embeddings(self, *_: Any) -> np.ndarray:
        print("get_embeddings throw an exception: too short")
        return np.concatenate([])


def newer_sqrtm(matrix: np.ndarray, disp: bool) -> Any:
    """SciPy 1.17's, which forgets the error estimate of one dimension."""
    assert not disp
    return np.sqrt(matrix) if matrix.shape == (1, 1) else (matrix, 0.0)


def test_a_clip_without_embedding_is_an_error_with_its_reason(original: Any):
    with pytest.raises(RuntimeError, match=r"no embedding.*too short"):
        original.embed(np.zeros(3))


def test_flat_vectors_are_put_end_to_end(original: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("scipy.linalg.sqrtm", newer_sqrtm)
    flat = [[np.array([1.0, 3.0]), np.array([5.0, 7.0])], [np.ones(2), np.zeros(2)]]
    value, failure = original.distance(flat)
    assert value == pytest.approx(np.std([1, 3, 5, 7], ddof=1))
    assert failure.startswith("TypeError") or failure.startswith("ValueError")
    mixed = [[np.array([1.0, 2.0]), np.zeros((2, 2))], [np.ones((3, 2))]]
    assert original.distance(mixed) == (pytest.approx(5 / 3), "")
    import scipy.linalg

    assert scipy.linalg.sqrtm is newer_sqrtm


def test_the_error_of_the_original_is_recorded(original: Any, monkeypatch: pytest.MonkeyPatch):
    def sqrtm(matrix: np.ndarray, disp: bool) -> Any:
        raise ValueError("this is how")

    monkeypatch.setattr("scipy.linalg.sqrtm", sqrtm)
    assert original.distance([[np.eye(2)], [np.eye(2)]]) == (None, "ValueError: this is how")


def test_a_hub_folder_is_made_around_the_checkpoints(tmp_path: Path):
    (tmp_path / "ckpt/checkpoints").mkdir(parents=True)
    for name in ("Cnn14.pth", "checkpoints/vggish.pth"):
        (tmp_path / "ckpt" / name).write_bytes(b"x")
    offline.write_hub(tmp_path / "hub", tmp_path / "ckpt")
    assert (tmp_path / "hub/Cnn14.pth").read_bytes() == b"x"
    assert (tmp_path / "hub/checkpoints/vggish.pth").read_bytes() == b"x"
    assert (tmp_path / "hub/harritaylor_torchvggish_master/hubconf.py").is_file()
    offline.write_pca(tmp_path / "hub", tmp_path / "ckpt")
    assert len(list((tmp_path / "ckpt/checkpoints").iterdir())) == 1, "the user's folder was written to"


def test_distances_are_read_as_they_were_written(tmp_path: Path):
    distances = Distances(1.0, 1.0, None, 0.5, "why")
    write_distances(distances, {"torch": "2.8.0"}, tmp_path / "d.json")
    read = json.loads((tmp_path / "d.json").read_text())
    assert Distances(**read["distances"]) == distances and read["versions"] == {"torch": "2.8.0"}
