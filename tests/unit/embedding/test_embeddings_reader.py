"""Embeddings are read from the tables of batches in the order of files; damaged tables are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from embedding_tables import embeddings
from fad_study.steps.distances import compute_distances, read_set, with_vectors
from fad_study.steps.statistics import compute_statistics

from fad_core.datasets.counts import SetCounts
from fad_core.embedding.embeddings_reader import (
    iterate_embeddings,
    read_embedding_counts,
    read_embedding_facts,
)
from fad_core.embedding.facts import EmbeddingFacts, facts_of, metadata_of
from fad_core.errors import FadError
from fad_core.metrics.statistics import statistics_of
from fad_core.runner.numerics import NumericsKey
from fad_core.tables import DISTANCES, EMBEDDINGS, read_table, write_table
from fad_core.verification.verdicts import VERIFIED_ELSEWHERE

FACTS = metadata_of(
    EmbeddingFacts(
        {"weights": "seeded", "weights_sha256": "00"},
        "",
        {"embedding": 3},
        False,
        {"set": SetCounts(1, 0, 0, 1.5), "a": SetCounts(1, 0, 0, 1.5), "b": SetCounts(1, 0, 0, 1.5)},
        "",
        "torch=1",
    )
)


def test_facts_of_a_hundred_thousand_files_are_read_back(tmp_path: Path) -> None:
    counts = SetCounts(100_000, 0, 0, 1.0, sounds=tuple(range(-50_000, 50_000)))
    facts = EmbeddingFacts(
        {"weights": "seeded", "weights_sha256": "00"},
        "crop=first",
        {"embedding": 3},
        True,
        {"set": counts, "a b": counts},
        "a",
        "b",
    )
    path = tmp_path / "shard.parquet"
    write_table(EMBEDDINGS, embeddings({"a": 2}), path, metadata_of(facts))
    assert read_embedding_facts(path) == facts


def test_batches_and_sets_of_different_machines_do_not_merge(tmp_path: Path) -> None:
    here = NumericsKey("c0de", *["1.0"] * 7, "AVX2", "", "")
    tables = [tmp_path / f"{name}.parquet" for name in "ab"]
    found = []
    for path, key in zip(tables, (here, replace(here, numpy="2.0")), strict=True):
        columns = embeddings({path.name: 3}, dataset=path.stem)
        write_table(EMBEDDINGS, columns, path, FACTS | {"numerics": str(key)})
        found.append(tmp_path / f"{path.stem}.statistics.parquet")
        compute_statistics([path], "vggish", {path.stem: found[-1]})
    different = r"numpy: 2\.0, not 1\.0\): allow it \(mixed_numerics\), or delete the folders embeddings"
    with pytest.raises(FadError, match=r"b\.parquet and .*a\.parquet.*" + different):
        compute_statistics(tables, "vggish", {"a": tmp_path / "none.parquet"})
    with pytest.raises(FadError, match=r"b\.statistics\.parquet and .*a\.statistics.*" + different):
        compute_distances(found, "vggish", [("a", "b")], ["fad"], tmp_path / "none.parquet")
    compute_distances(found[:1] * 2, "vggish", [("a", "a")], ["fad"], tmp_path / "distances.parquet")
    # As if the statistics of one set, or by one model, had been copied over those of another.
    with pytest.raises(FadError, match="has no statistics of c, where those of all data sets by vggish are"):
        compute_distances(found[:1], "vggish", [("a", "c")], ["fad"], tmp_path / "none.parquet")
    with pytest.raises(FadError, match="has statistics by vggish, where those of all data sets by pann"):
        compute_distances(found[:1], "pann", [("a", "a")], ["fad"], tmp_path / "none.parquet")


def test_machines_that_compute_differently_are_noted_if_they_are_allowed(tmp_path: Path) -> None:
    here = NumericsKey("c0de", *["1.0"] * 7, "AVX2", "", "")
    keys = {"1": here, "2": replace(here, instructions="AVX512"), "old": replace(here, code="0ld")}
    tables = {name: tmp_path / f"{name}.parquet" for name in keys}
    for name, key in keys.items():
        dataset = "b" if name == "2" else "a"
        columns = embeddings({f"{name}.flac": 3, f"{name}.wav": 3}, dataset=dataset)
        counts = {dataset: SetCounts(2, 0, 0, 1.5)}
        facts = replace(facts_of(FACTS), counts=counts, numerics=str(key), note="a note")
        write_table(EMBEDDINGS, columns, tables[name], metadata_of(facts))
    sets = {name: tmp_path / f"{name}.statistics.parquet" for name in "ab"}
    both, found = [tables["1"], tables["2"]], tmp_path / "distances.parquet"
    compute_statistics(both, "vggish", sets, mixed=True)
    pairs = [("a", "b"), ("a", "a")]
    with pytest.raises(FadError, match=r"compute differently \(instructions: AVX512, not AVX2\)"):
        compute_distances([*sets.values()], "vggish", pairs, ["fad"], found)
    compute_distances([*sets.values()], "vggish", pairs, ["fad"], found, mixed=True)
    notes = [row["note"] for row in read_table(DISTANCES, found)]
    mixed = "; embeddings computed on machines that compute differently (instructions: AVX2, not AVX512)"
    assert notes[0].endswith(mixed) and "computed on machines" not in notes[1]
    # Vectors of other code are outdated.
    with pytest.raises(FadError, match=r"old\.parquet and .* \(code: 0ld, not c0de\)"):
        compute_statistics([*both, tables["old"]], "vggish", sets, mixed=True)


def test_a_set_of_several_machines_is_refused_or_noted(tmp_path: Path) -> None:
    here = NumericsKey("c0de", *["1.0"] * 7, "AVX2", "", "")
    tables = [tmp_path / f"{name}.parquet" for name in "12"]
    elsewhere = f"{VERIFIED_ELSEWHERE} (instructions: AVX512, not AVX2)"
    for path, key, note in zip(
        tables, (here, replace(here, instructions="AVX512")), ("", elsewhere), strict=True
    ):
        facts = replace(facts_of(FACTS), counts={"a": SetCounts(1, 0, 0, 1.5)}, numerics=str(key), note=note)
        write_table(EMBEDDINGS, embeddings({path.stem: 3}, dataset="a"), path, metadata_of(facts))
    statistics, found = tmp_path / "a.statistics.parquet", tmp_path / "distances.parquet"
    with pytest.raises(FadError, match=r"2\.parquet: verified on a machine .*allow it \(mixed_numerics\)"):
        compute_statistics(tables[1:], "vggish", {"a": statistics})
    compute_statistics(tables, "vggish", {"a": statistics}, mixed=True)
    with pytest.raises(FadError, match=r"the embeddings behind .*a\.statistics\.parquet are of machines"):
        compute_distances([statistics], "vggish", [("a", "a")], ["fad"], found)
    compute_distances([statistics], "vggish", [("a", "a")], ["fad"], found, mixed=True)
    (row,) = read_table(DISTANCES, found)
    assert f"of some files: {elsewhere}" in row["note"]
    assert "embeddings computed on machines that compute differently (instructions: AVX2, not" in row["note"]


@pytest.mark.parametrize(
    "change", [{"identity": '{"weights": "seeded", "weights_sha256": "01"}'}, {"settings": "crop=first"}]
)
def test_vectors_of_another_model_than_the_statistics_are_refused(
    tmp_path: Path, change: dict[str, str]
) -> None:
    tables = [tmp_path / f"{number}.parquet" for number in range(2)]
    for table, metadata in zip(tables, (FACTS, FACTS | change), strict=True):
        write_table(EMBEDDINGS, embeddings({"a.wav": 3}), table, metadata)
    compute_statistics(tables[:1], "vggish", {"set": tmp_path / "statistics.parquet"})
    found = read_set(tmp_path / "statistics.parquet")
    assert with_vectors(found, tables[:1]).embeddings is not None
    with pytest.raises(FadError, match=r"1\.parquet: embeddings by another model, or with other settings"):
        with_vectors(found, tables[1:])


def test_statistics_of_fewer_files_than_were_embedded_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "batch.parquet"
    write_table(EMBEDDINGS, embeddings({"a.wav": 3, "b.wav": 2}), path, FACTS)
    with pytest.raises(FadError, match=r"set by vggish: vectors of 2 files, but 1 was embedded"):
        compute_statistics([path], "vggish", {"set": tmp_path / "none.parquet"})


def test_a_table_of_several_sets_gives_each_its_own_vectors(tmp_path: Path) -> None:
    sets = {"a": {"1.wav": 300, "2.wav": 1}, "b": {"1.wav": 2000}, "d": {"0.wav": 5}}
    parts = [embeddings(files, 1024, place, name) for place, (name, files) in enumerate(sets.items())]
    columns = {key: [value for part in parts for value in part[key]] for key in parts[0]}
    path = tmp_path / "t.parquet"
    write_table(EMBEDDINGS, columns, path)
    assert pq.read_metadata(path).num_row_groups == 3
    for name, part in zip(sets, parts, strict=True):
        found = dict(iterate_embeddings([path], name))
        assert {file: len(vectors) for file, vectors in found.items()} == sets[name]
        np.testing.assert_array_equal(np.concatenate(list(found.values())), part["embedding"])
    assert list(iterate_embeddings([path], "c")) == []
    assert read_embedding_counts([path]) == sets


def test_a_flipped_bit_in_the_footer_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    write_table(EMBEDDINGS, embeddings({"a": 2, "b": 3}), path, FACTS)

    def read() -> list[Any]:
        blocks = [(file, block.tobytes()) for file, block in iterate_embeddings([path], "set")]
        return [read_embedding_facts(path), read_embedding_counts([path]), blocks]

    content, expected = path.read_bytes(), read()
    refused = 0
    # The facts, the counts of rows and the places of the pages are in what follows the data.
    for place in range(content.index(b"seeded") - 300, len(content), 7):
        damage = bytearray(content)
        damage[place] ^= 1 << place % 8
        path.write_bytes(damage)
        try:
            assert read() == expected
        except FadError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("identity", "{"),
        ("identity", "[]"),
        ("identity", '{"weights": 3, "weights_sha256": "00"}'),
        ("identity", '{"a":' * 100_000),
        ("scalars", "maybe"),
        ("counts", '{"files": 1}'),
        ("counts", '{"set": {"files": 1}}'),
        ("counts", '{"set": {"files": "1", "padded": 0, "excluded": 0, "seconds": 1.5}}'),
        ("counts", None),
        ("sounds set", None),
        ("sounds set", "xyz"),
        ("sounds set", "00"),
        ("sounds set", "00" * 16),
    ],
)
def test_metadata_that_is_none_is_refused(tmp_path: Path, key: str, value: str | None) -> None:
    path = tmp_path / "shard.parquet"
    metadata = {name: text for name, text in {**FACTS, key: value}.items() if text is not None}
    write_table(EMBEDDINGS, embeddings({"a": 1}), path, metadata)
    with pytest.raises(FadError, match=r"shard\.parquet: its metadata does not say what was embedded"):
        read_embedding_facts(path)


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    columns = embeddings({"a": 2})
    columns["embedding"][1][0] = np.nan
    write_table(EMBEDDINGS, columns, tmp_path / "t.parquet")
    with pytest.raises(FadError, match="hold NaN or infinity"):
        list(iterate_embeddings([tmp_path / "t.parquet"], "set"))


def test_embeddings_come_in_the_order_of_files_whatever_the_shards(tmp_path: Path) -> None:
    counts = {"b/1.wav": 40, "b/10.wav": 1, "a.wav": 3, "é.wav": 7, "Z.wav": 5, "new\nline.wav": 2}
    vectors = {
        name: embeddings({name: n}, dimension=9, seed=i)["embedding"]
        for i, (name, n) in enumerate(counts.items())
    }

    def shard(name: str, files: list[str]) -> Path:
        columns = embeddings({file: counts[file] for file in sorted(files)}, dimension=9)
        columns["embedding"] = np.concatenate(
            [vectors[file] for file in sorted(files)] or [np.zeros((0, 9), np.float32)]
        )
        write_table(EMBEDDINGS, columns, tmp_path / f"{name}.parquet")
        return tmp_path / f"{name}.parquet"

    names = list(counts)
    single = [shard("all", names)]
    several = [shard("x", names[::2]), shard("empty", []), shard("y", names[1::2])]
    for paths in (single, several, several[::-1]):
        result = list(iterate_embeddings(paths, "set"))
        assert [file for file, _ in result] == sorted(names)
        for file, array in result:
            np.testing.assert_array_equal(array, vectors[file], strict=True)
    statistics = [
        statistics_of(x for _, x in iterate_embeddings(paths, "set")) for paths in (single, several)
    ]
    assert statistics[0].factor.tobytes() == statistics[1].factor.tobytes()
    assert list(iterate_embeddings([], "set")) == []


def test_vectors_are_counted_by_file_over_all_shards(tmp_path: Path) -> None:
    first, second, empty = (tmp_path / f"{name}.parquet" for name in ("first", "second", "empty"))
    write_table(EMBEDDINGS, embeddings({"a.wav": 3, "c.wav": 1}), first)
    write_table(EMBEDDINGS, embeddings({"b.wav": 2}), second)
    write_table(EMBEDDINGS, embeddings({}), empty)
    assert read_embedding_counts([second, first, empty]) == {"set": {"a.wav": 3, "b.wav": 2, "c.wav": 1}}
    with pytest.raises(FadError, match=r"first\.parquet: another table has 'a\.wav' too"):
        read_embedding_counts([first, second, first])


def test_long_files_span_batches_and_row_groups(tmp_path: Path) -> None:
    columns = embeddings({"a.wav": 700, "b.wav": 3000, "c.wav": 1}, dimension=1024)
    write_table(EMBEDDINGS, columns, tmp_path / "t.parquet")
    assert pq.read_metadata(tmp_path / "t.parquet").num_row_groups == 4
    result = dict(iterate_embeddings([tmp_path / "t.parquet"], "set"))
    assert {file: len(array) for file, array in result.items()} == {"a.wav": 700, "b.wav": 3000, "c.wav": 1}
    np.testing.assert_array_equal(np.concatenate(list(result.values())), columns["embedding"])


def test_shards_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    def shard(name: str, columns: dict[str, Any]) -> Path:
        write_table(EMBEDDINGS, columns, tmp_path / f"{name}.parquet")
        return tmp_path / f"{name}.parquet"

    first = shard("first", embeddings({"a.wav": 2, "b.wav": 2}))
    for paths, message in (
        ([first, shard("left", embeddings({"b.wav": 1}))], "another table has 'b.wav' too"),
        ([first, shard("wide", embeddings({"c.wav": 1}, dimension=5))], "5 dimensions, but other"),
        ([shard("order", embeddings({"b.wav": 1, "a.wav": 1}))], "not sorted by data set, file, output"),
        (
            [shard("gap", embeddings({"a.wav": 2}) | {"segment": [0, 2]})],
            "not sorted by data set, file, output",
        ),
        (
            [
                shard(
                    "ragged",
                    embeddings({"a.wav": 2})
                    | {"embedding": [np.zeros(4, np.float32), np.zeros(2, np.float32)]},
                )
            ],
            "differ in length",
        ),
    ):
        with pytest.raises(FadError, match=message):
            list(iterate_embeddings(paths, "set"))
