"""Statistics as files to hand on: what is written is read, what is damaged or foreign is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fad_core.api.comparability import same_model
from fad_core.datasets.counts import SetCounts
from fad_core.embedding.distances import distance_row
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.foreign_names import FOREIGN_NAMES
from fad_core.embedding.statistics_files import (
    is_statistics_file,
    read_statistics,
    write_statistics,
)
from fad_core.errors import FadError, OutputError
from fad_core.metrics.grouping import grouped_statistics
from fad_core.metrics.statistics import Statistics
from fad_core.models import model_ids
from fad_core.models.use import ModelKey
from fad_core.runner.identity import Identity
from fad_core.tables import STATISTICS, write_table
from fad_core.tables.schemas import DISTANCES
from fad_core.tables.values import check_columns

IDENTITY = Identity(
    model="vggish", family="vggish", options={"pca": False}, weights="seeded", weights_sha256="5eed" * 16,
    checkpoints={"vggish.pth": "5eed" * 16}, licence="not stated", tolerance=1e-5, code="0123456789abcdef",
    torch_version="2.13.0", fad_core_version="0.1.0",
)  # fmt: skip
VECTORS = {
    name: np.random.default_rng(seed).standard_normal((40, 6)) + seed for seed, name in enumerate("ab")
}
ROW = {
    "model": "mine", "weights": "seeded", "weights_sha256": "5eed" * 16, "settings": "", "dataset": "a",
    "output": "embedding",
    "n": 3, "dimension": 2, "mean": np.zeros(2), "factor": np.eye(2).reshape(-1),
    "files": 1, "padded": 0, "excluded": 0, "seconds": 1.0, "doubtful": 0, "doubt_seconds": 0.0, "loud": 0,
    "peak": 0.5, "silent": 0, "constant": 0, "rates": "8000:1",
    "group_n": np.empty(0, np.int64),
    "group_files": np.empty(0, np.int64),
    "group_means": np.empty(0),
    "group_rows": np.empty(0),
    "sounds": np.array([7], np.int64),
}  # fmt: skip


def embedded(name: str = "a", **others: Any) -> EmbeddedSet:
    facts = {"settings": "crop=first"} | others
    identity = facts.pop("identity", IDENTITY)
    key = ModelKey(**({"model": "vggish", "weights": "seeded", "weights_sha256": "5eed" * 16} | facts))
    statistics = {"embedding": Statistics.from_embeddings(VECTORS[name])}
    counts = SetCounts(files=3, padded=1, excluded=2, seconds=4.5)
    return EmbeddedSet(name, key, statistics, counts, identity=asdict(identity))


def foreign(path: Path, name: str = "a", model: str | None = "vggish", **replaced: Any) -> Path:
    mean, covariance = VECTORS[name].mean(axis=0), np.cov(VECTORS[name], rowvar=False)
    keys = ("mu", "sigma") if model is None else (f"{model}.mu", f"{model}.cov")
    np.savez(path, **(dict(zip(keys, (mean, covariance), strict=True)) | replaced))
    return path


@pytest.fixture(params=[".npz", ".parquet"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path: Path = tmp_path / f"reference{request.param}"
    write_statistics(embedded(), path)
    return path


def test_everything_that_is_written_is_read(stored: Path) -> None:
    (found,) = read_statistics(stored)
    assert found.source == "fad-core"
    assert found.identity == asdict(IDENTITY)
    expected = embedded()
    assert (found.key, found.counts) == (expected.key, expected.counts)
    assert found.name == str(stored)
    assert isinstance(found.statistics_of(), Statistics)
    assert found.statistics_of().n == 40
    np.testing.assert_array_equal(found.statistics_of().mean, expected.statistics_of().mean)
    np.testing.assert_array_equal(found.statistics_of().factor, expected.statistics_of().factor)


def test_the_pipelines_statistics_are_read(tmp_path: Path) -> None:
    write_table(STATISTICS, [ROW], tmp_path / "a.parquet")
    (found,) = read_statistics(tmp_path / "a.parquet")
    assert (found.key.model, found.statistics_of().n, found.identity) == ("mine", 3, {})
    write_table(STATISTICS, [], tmp_path / "b.parquet")
    with pytest.raises(FadError, match="the table is empty"):
        read_statistics(tmp_path / "b.parquet")


def grouped(name: str = "a") -> EmbeddedSet:
    """A set of ten files of four vectors, with their groups."""
    files = [f"{number}.wav" for number in range(10)]
    statistics = grouped_statistics(zip(files, np.split(VECTORS[name], 10), strict=True), files)
    return replace(embedded(name), statistics={"embedding": statistics})


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_groups_of_files_are_kept_for_the_interval(suffix: str, tmp_path: Path) -> None:
    sets = [grouped(name) for name in "ab"]
    for each in sets:
        write_statistics(each, tmp_path / f"{each.name}{suffix}")
    read = [read_statistics(tmp_path / f"{name}{suffix}")[0] for name in "ab"]
    expected, found = (distance_row(*both, "fad") for both in (sets, read))
    names = ("value", "bias", "corrected", "ci_low", "ci_high")
    assert expected["ci_low"] is not None
    assert [found[name] for name in names] == [expected[name] for name in names]


def test_a_file_of_an_earlier_version_has_no_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_statistics(grouped(), path)
    with np.load(path) as arrays:
        np.savez(path, **{name: arrays[name] for name in arrays if not name.startswith("group_")})
    (found,) = read_statistics(path)
    known = found.statistics_of()
    assert isinstance(known, Statistics) and known.groups == ()
    assert "conditional on the reference" in distance_row(found, grouped("b"), "fad")["note"]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("group_n", lambda n: n + 1, "group_rows"),
        ("group_n", lambda n: np.zeros_like(n), "group_rows"),
        ("group_n", lambda n: n[:-1], "group_files"),
        ("group_n", lambda n: n.astype(float), "expected int64"),
        ("group_means", lambda means: means * np.nan, "not finite"),
        ("group_rows", lambda rows: rows[:-1], "group_rows"),
        ("n", lambda n: n + 1, "the groups do not have 41 vectors in all"),
    ],
)
def test_groups_that_do_not_fit_are_refused(
    name: str, change: Callable[[Any], Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    write_statistics(grouped(), path)
    with np.load(path) as arrays:
        np.savez(path, **{each: arrays[each] for each in arrays} | {name: change(arrays[name])})
    with pytest.raises(FadError, match=said):
        read_statistics(path)


def test_the_same_set_gives_the_same_bytes(stored: Path) -> None:
    before = stored.read_bytes()
    stored.unlink()
    write_statistics(embedded(), stored)
    assert stored.read_bytes() == before


def test_a_file_has_no_pickles(tmp_path: Path) -> None:
    write_statistics(embedded(), tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as arrays:
        assert arrays["factor"].size == 36
        assert json.loads(str(arrays["identity"]))["code"] == IDENTITY.code


def test_suffixes_say_what_is_a_file_of_statistics(tmp_path: Path) -> None:
    assert [is_statistics_file(name) for name in ("a.npz", "b.parquet", "c.npy", "audio")] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(ValueError, match=r"\.npz or \.parquet"):
        write_statistics(embedded(), tmp_path / "x.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_statistics(embedded(), tmp_path / "file" / "x.npz")


def test_several_outputs_are_written_as_parquet_only(tmp_path: Path) -> None:
    wide = Statistics.from_embeddings(np.random.default_rng(2).normal(size=(9, 4)))
    both = replace(embedded(), statistics={**embedded().statistics, "wide": wide})
    with pytest.raises(FadError, match=r"x\.npz: a \.npz holds one output, not .*, wide: write a \.parquet"):
        write_statistics(both, tmp_path / "x.npz")
    write_statistics(both, tmp_path / "x.parquet")
    (found,) = read_statistics(tmp_path / "x.parquet")
    assert [*found.statistics] == [*both.statistics]


def test_a_mean_and_a_covariance_are_passed_on_without_counts(tmp_path: Path) -> None:
    (found,) = read_statistics(foreign(tmp_path / "f.npz"))
    write_statistics(found, tmp_path / "x.parquet")
    (again,) = read_statistics(tmp_path / "x.parquet")
    mine, theirs = again.statistics_of(), found.statistics_of()
    assert (mine.n, again.counts, again.note) == (None, None, found.note)
    assert mine.mean.tobytes() == theirs.mean.tobytes() and mine.factor.tobytes() == theirs.factor.tobytes()
    with pytest.raises(FadError, match=r"write a \.parquet instead"):
        write_statistics(found, tmp_path / "x.npz")


@pytest.mark.parametrize("model", ["vggish", None])
def test_others_files_give_the_same_distance(tmp_path: Path, model: str | None) -> None:
    (mine,) = read_statistics(foreign(tmp_path / "f.npz", "a", model))
    (theirs,) = read_statistics(foreign(tmp_path / "g.npz", "b", model))
    assert mine.foreign
    exact = distance_row(embedded("a"), embedded("b"), "fad")["value"]
    row = distance_row(mine, theirs, "fad")
    assert row["value"] == pytest.approx(exact, rel=1e-9)
    assert (row["n_reference"], row["files"], row["weights"]) == (None, None, "")
    assert "does not name the weights" in row["note"]
    assert "the number of vectors is unknown" in row["note"]
    check_columns(DISTANCES, [row])


def test_a_file_of_several_models_is_one_set_by_each(tmp_path: Path) -> None:
    path = foreign(tmp_path / "f.npz", **{"encodec.mu": np.zeros(2), "encodec.cov": np.eye(2)})
    assert [each.key.model for each in read_statistics(path)] == ["vggish", "encodec"]


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"vggish.cov": np.diag([1.0, 1, 1, 1, 1, -1])}, "not positive semidefinite"),
        ({"vggish.cov": np.full((6, 6), np.nan)}, "NaN"),
        ({"vggish.cov": np.triu(np.ones((6, 6)))}, "not symmetric"),
        ({"vggish.mu": np.zeros(5)}, r"vggish\.cov: its shape is \[6, 6\]; expected \[5, 5\]"),
    ],
)
def test_what_no_set_has_is_refused(tmp_path: Path, replaced: dict[str, Any], said: str) -> None:
    path = foreign(tmp_path / "f.npz", **replaced)
    with pytest.raises(FadError, match=rf"f\.npz: these statistics cannot be used.*{said}"):
        read_statistics(path)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    np.savez(tmp_path / "objects.npz", mu=np.array([{}]), sigma=np.array([{}]))
    with (tmp_path / "single.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    whole = foreign(tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    (tmp_path / "flipped.npz").write_bytes(flipped)
    for name, said in {
        "missing": "no such file",
        "other": "holds weights; expected the statistics of fad-core",
        "objects": "it holds object",
        "single": "a single array",
        "text": "not a .npz file of arrays",
        "cut": "is incomplete",
        "flipped": "Bad CRC-32",
    }.items():
        with pytest.raises(FadError, match=rf"{name}\.npz.*{said}"):
            read_statistics(tmp_path / f"{name}.npz")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(FadError, match="damaged") as caught:
        read_statistics(tmp_path / "text.parquet")
    assert "delete" not in str(caught.value)


def test_parts_that_do_not_fit_are_named(tmp_path: Path) -> None:
    write_statistics(embedded(), tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as arrays:
        np.savez(tmp_path / "y.npz", **{**arrays, "n": np.array(0)})
    with pytest.raises(FadError, match=r"y\.npz: these statistics cannot be used: n = 0"):
        read_statistics(tmp_path / "y.npz")
    write_table(STATISTICS, [ROW], tmp_path / "z.parquet", {"identity": "{"})
    with pytest.raises(FadError, match=r"z\.parquet: these statistics cannot be used"):
        read_statistics(tmp_path / "z.parquet")


def ours(name: str, identity: Identity = IDENTITY, **others: Any) -> list[EmbeddedSet]:
    return [embedded(name, identity=identity, **others)]


class TestSameModel:
    """What may be compared, and what is said of what may not."""

    def test_equal_identities_are_one_group(self) -> None:
        ((first, second),) = same_model([ours("a"), ours("b")])
        assert (first.name, second.name, second.note) == ("a", "b", "")

    @pytest.mark.parametrize(
        "others",
        [
            {"model": "pann-16k"},
            {"weights_sha256": "0" * 64},
            {"weights": "mine.pth"},
            {"settings": "crop=center"},
        ],
    )
    def test_each_part_of_the_identity_counts(self, others: dict[str, str]) -> None:
        with pytest.raises(FadError, match=r"b was made with .*, a with vggish .*they cannot be compared$"):
            same_model([ours("a"), ours("b", **others)], assume=True)

    def test_so_does_a_second_checkpoint(self) -> None:
        other = replace(IDENTITY, checkpoints={**IDENTITY.checkpoints, "pca.pth": "1" * 64})
        with pytest.raises(FadError, match="cannot be compared"):
            same_model([ours("a"), ours("b", other)])

    def test_other_code_is_noted(self) -> None:
        ((_, second),) = same_model([ours("a"), ours("b", replace(IDENTITY, code="f" * 16))])
        assert "exported by a different version of the code (0.1.0, ffffffffffffffff)" in second.note

    def test_foreign_beside_ours_needs_a_word(self, tmp_path: Path) -> None:
        sets = [read_statistics(foreign(tmp_path / "f.npz")), ours("b")]
        with pytest.raises(FadError, match=r"choose:\n  assume_same_model=True$"):
            same_model(sets)
        ((first, second),) = same_model(sets, assume=True)
        row = distance_row(first, second, "fad")
        assert row["weights"] == "seeded"
        assert "made with vggish (fadtk, weights not named), assumed to be the same model" in row["note"]
        assert row["value"] == pytest.approx(
            distance_row(embedded("a"), embedded("b"), "fad")["value"], rel=1e-9
        )

    def test_assumed_models_have_to_have_as_many_dimensions(self, tmp_path: Path) -> None:
        path = foreign(tmp_path / "f.npz", **{"vggish.mu": np.zeros(2), "vggish.cov": np.eye(2)})
        with pytest.raises(FadError, match="has 2 dimensions, b has 6"):
            same_model([read_statistics(path), ours("b")], assume=True)

    def test_names_of_foreign_models_are_held_against_each_other(self, tmp_path: Path) -> None:
        sets = [
            read_statistics(foreign(tmp_path / f"{name}.npz", model=model))
            for name, model in (("one", "vggish"), ("two", "clap"), ("three", None))
        ]
        for pair in ([sets[0], sets[1]], [sets[0], sets[2]]):
            with pytest.raises(FadError, match="cannot be compared"):
                same_model(pair)
        ((_, other),) = same_model([sets[0], sets[1]], assume=True)
        assert other.key.model == "vggish"

    def test_what_all_files_have_is_compared(self, tmp_path: Path) -> None:
        more = {"encodec.mu": np.zeros(2), "encodec.cov": np.eye(2)}
        sets = [
            read_statistics(foreign(tmp_path / "f.npz", **more)),
            read_statistics(foreign(tmp_path / "g.npz")),
        ]
        assert [group[0].key.model for group in same_model(sets)] == ["vggish"]
        with pytest.raises(FadError, match=r"g\.npz was made with vggish"):
            same_model(sets, models=["vggish", "encodec"])
        with pytest.raises(FadError, match="holds no statistics of clap, only of vggish, encodec"):
            same_model(sets, models=["clap"])

    def test_of_several_foreign_models_the_name_tells(self, tmp_path: Path) -> None:
        several = {
            f"{name}.{part}": array
            for name, scale in (("clap-laion-audio", 2.0), ("encodec-emb", 3.0), ("MERT-v1-95M", 4.0))
            for part, array in (("mu", np.full(6, scale)), ("cov", np.eye(6)))
        }
        path = foreign(tmp_path / "fma_pop.npz", **several)
        ((first, _),) = same_model([read_statistics(path), ours("b")], models=["vggish"], assume=True)
        assert first.statistics_of().mean[0] == pytest.approx(VECTORS["a"].mean(axis=0)[0])
        assert "made with vggish (fadtk, weights not named), assumed to be the same model" in first.note
        assert "prepared differently by fadtk and kadtk (16-bit audio" in first.note
        identity = replace(IDENTITY, model="clap-630k-audioset")
        clap = ours("b", identity, model="clap-630k-audioset")
        ((first, _),) = same_model([read_statistics(path), clap], assume=True)
        assert first.statistics_of().mean[0] == 2.0
        with pytest.raises(FadError, match=r"choose:\n  assume_same_model=True$"):
            same_model([read_statistics(path), clap])
        pann = replace(IDENTITY, model="pann-8k")
        with pytest.raises(FadError, match=r"they cannot be compared$"):
            same_model([read_statistics(path), ours("b", pann, model="pann-8k")], assume=True)

    def test_only_models_that_are_asked_for_are_read(self, tmp_path: Path) -> None:
        bad = {"clap-laion-audio.mu": np.zeros(2), "clap-laion-audio.cov": -np.eye(2)}
        path = foreign(tmp_path / "f.npz", **bad)
        assert [each.key.model for each in read_statistics(path, ["vggish"])] == ["vggish"]
        with pytest.raises(FadError, match="not positive semidefinite"):
            read_statistics(path, ["clap-630k-audioset"])
        with pytest.raises(FadError, match="of vggish, clap-laion-audio, but not of pann-8k"):
            read_statistics(path, ["pann-8k"])

    def test_a_name_that_stands_for_another_model_is_not_assumed(self, tmp_path: Path) -> None:
        stored = read_statistics(foreign(tmp_path / "f.npz", model="encodec-emb"))
        with pytest.raises(FadError, match=r"they cannot be compared$"):
            same_model([stored, ours("b")], assume=True)
        ((first, _),) = same_model(
            [stored, ours("b", replace(IDENTITY, model="encodec-24k"), model="encodec-24k")], assume=True
        )
        assert "files cut at 3 minutes" in first.note


def test_foreign_names_stand_for_models_that_there_are() -> None:
    assert {model for model, _ in FOREIGN_NAMES.values()} <= set(model_ids())


@pytest.mark.parametrize("identity", ["{", "[]", '{"a":' * 100_000, json.dumps({"code": 3})])
def test_an_identity_that_is_none_is_refused(tmp_path: Path, identity: str) -> None:
    write_table(STATISTICS, [ROW], tmp_path / "z.parquet", {"identity": identity})
    with pytest.raises(FadError, match=r"z\.parquet: these statistics cannot be used"):
        read_statistics(tmp_path / "z.parquet")


def test_an_identity_of_other_weights_is_refused(tmp_path: Path) -> None:
    write_statistics(embedded(identity=replace(IDENTITY, weights_sha256="0" * 64)), tmp_path / "x.npz")
    with pytest.raises(
        FadError, match="its identity names the weights 00000000, its statistics the weights 5eed5eed"
    ):
        read_statistics(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"padded": -1}, "padded is -1"),
        ({"loud": 2}, "loud is 2, but the number of files is 1"),
        ({"doubtful": 2**62}, "doubtful is"),
        ({"doubt_seconds": np.inf}, "doubt_seconds is inf"),
        ({"rates": "8000:1 16000:1"}, "it lists sample rates or sounds of more than 1 files"),
        ({"rates": "8000 Hz"}, "invalid literal"),
        ({"sounds": np.array([1, 2])}, "it lists sample rates or sounds of more than 1 files"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts: dict[str, Any], said: str, tmp_path: Path) -> None:
    write_table(STATISTICS, [ROW | counts], tmp_path / "z.parquet")
    with pytest.raises(FadError, match=f"these statistics cannot be used: .*{said}"):
        read_statistics(tmp_path / "z.parquet")
