from __future__ import annotations

import csv
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from embedding_tables import embeddings
from fad_study.schemas.files import DATASETS, FILES
from fad_study.user_csv import read_user_csv
from hypothesis import given
from hypothesis import strategies as st

from fad_core.datasets.counts import SetCounts
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.embeddings_reader import iterate_embeddings
from fad_core.embedding.facts import counts_from_row
from fad_core.embedding.statistics_table import set_from_rows, set_to_rows
from fad_core.errors import FadError
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey
from fad_core.tables import DISTANCES, EMBEDDINGS, STATISTICS, read_table, write_table
from fad_core.tables.csvtext import format_csv, parse_csv
from fad_core.tables.parquet import _arrow_array, read_metadata

# A name may hold anything but "/" and NUL, and must hold no half of a surrogate pair to be written.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
FLOATS = st.floats(allow_nan=False)


def distance(**changes: Any) -> dict[str, Any]:
    row = {
        "model": "vggish",
        "weights": "official",
        "weights_sha256": "10086976",
        "settings": "",
        "reference": "a",
        "evaluation": "b",
        "metric": "fad",
        "metric_settings": "",
        "value": 0.1,
        "bias": None,
        "corrected": None,
        "ci_low": None,
        "ci_high": 3e-300,
        "n_reference": 20,
        "n_evaluation": 30,
        "files": 50,
        "excluded": 1,
        "padded": 0,
        "note": "",
    }
    return row | changes


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    rows = [distance(), distance(value=1 / 3, ci_low=-0.0, ci_high=None, note='quoted "x", two\r\nlines\r')]
    path = tmp_path / "new" / f"distances{suffix}"
    write_table(DISTANCES, rows, path)
    assert read_table(DISTANCES, path) == rows
    assert [type(value) for value in read_table(DISTANCES, path)[0].values()] == [
        type(value) for value in rows[0].values()
    ]
    write_table(DISTANCES, {name: [row[name] for row in rows] for name in DISTANCES.names}, path)
    assert read_table(DISTANCES, path) == rows
    write_table(DISTANCES, [], path)
    assert read_table(DISTANCES, path) == []
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_csv_is_plain_text_that_others_read(tmp_path: Path) -> None:
    path = tmp_path / "distances.csv"
    write_table(DISTANCES, [distance(value=12, note="drums\nloops"), distance(reference="ä, b")], path)
    assert path.read_bytes().decode() == (
        ",".join(DISTANCES.names) + "\n"
        'vggish,official,10086976,,a,b,fad,,12.0,,,,3e-300,20,30,50,1,0,"drums\nloops"\n'
        'vggish,official,10086976,,"ä, b",b,fad,,0.1,,,,3e-300,20,30,50,1,0,\n'
    )
    assert pd.read_csv(path)["value"].tolist() == [12.0, 0.1]


def test_parquet_is_a_file_that_pandas_reads(tmp_path: Path) -> None:
    path = tmp_path / "embeddings.parquet"
    columns = embeddings({"a.wav": 3, "b.wav": 2})
    write_table(EMBEDDINGS, columns, path)
    frame = pd.read_parquet(path)
    assert frame["file"].tolist() == columns["file"]
    np.testing.assert_array_equal(np.stack(frame["embedding"].tolist()), columns["embedding"])
    assert pq.read_schema(path).field("segment").type == pa.int32()
    assert pq.read_schema(path).metadata[b"fad_core.schema"] == b"embeddings"


@pytest.mark.skipif(int(pa.__version__.split(".")[0]) < 26, reason="older versions of pyarrow import pandas")
def test_tables_are_written_and_read_without_pandas(tmp_path: Path) -> None:
    """It takes as long to import as everything else that a small step of the pipeline does."""
    script = (
        "import sys, numpy as np\n"
        "from fad_core.tables import EMBEDDINGS, read_table, write_table\n"
        "from fad_core.embedding.embeddings_reader import iterate_embeddings\n"
        f"path, vectors = {str(tmp_path / 'a.parquet')!r}, np.ones((2, 3), np.float32)\n"
        "columns = {'model': ['m'] * 2, 'dataset': ['d'] * 2, 'file': ['a', 'a']}\n"
        "columns |= {'output': ['embedding'] * 2, 'segment': [0, 1]}\n"
        "columns |= {'start_second': [0.0, 1.0], 'embedding': vectors}\n"
        "write_table(EMBEDDINGS, columns, path)\n"
        "assert len(read_table(EMBEDDINGS, path)) == 2\n"
        "assert len(read_table(EMBEDDINGS, path, {'dataset': ['d', 'e'], 'file': ['b']})) == 0\n"
        "assert [file for file, _ in iterate_embeddings([path], 'd')] == ['a']\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


@given(st.lists(st.tuples(NAMES, st.none() | st.floats(), st.none() | st.integers(-(2**63), 2**63 - 1))))
def test_columns_are_those_that_arrow_makes(rows: list[tuple[str, float | None, int | None]]) -> None:
    for index, kind in enumerate((pa.string(), pa.float64(), pa.int64())):
        values = [row[index] for row in rows]
        made = _arrow_array(values, kind)
        made.validate(full=True)
        # Compared as text: no NaN equals another.
        assert str(made.to_pylist()) == str(pa.array(values, kind).to_pylist())
        assert made.null_count == values.count(None)


def test_list_columns_take_arrays_row_by_row_too(tmp_path: Path) -> None:
    columns = embeddings({"a.wav": 3, "b.wav": 2})
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    write_table(EMBEDDINGS, columns, tmp_path / "columns.parquet")
    write_table(EMBEDDINGS, rows, tmp_path / "rows.parquet")
    assert (tmp_path / "columns.parquet").read_bytes() == (tmp_path / "rows.parquet").read_bytes()
    for row, back in zip(rows, read_table(EMBEDDINGS, tmp_path / "rows.parquet"), strict=True):
        np.testing.assert_array_equal(back["embedding"], row["embedding"], strict=True)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    write_table(DISTANCES, [distance()], first)
    write_table(DISTANCES, [dict(reversed(distance().items()))], second)
    assert first.read_bytes() == second.read_bytes()


def test_metadata_comes_back_and_its_order_does_not_matter(tmp_path: Path) -> None:
    first, second, none = (tmp_path / f"{name}.parquet" for name in ("first", "second", "none"))
    write_table(DISTANCES, [distance()], first, metadata={"model": "vggish", "weights": "ä"})
    write_table(DISTANCES, [distance()], second, metadata={"weights": "ä", "model": "vggish"})
    write_table(DISTANCES, [distance()], none)
    assert read_metadata(DISTANCES, first) == {"model": "vggish", "weights": "ä"}
    assert first.read_bytes() == second.read_bytes()
    assert read_metadata(DISTANCES, none) == {}
    assert read_table(DISTANCES, first) == [distance()]


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    path = tmp_path / "model=vggish" / "distances.parquet"
    write_table(DISTANCES, [distance(model="other")], path)
    assert read_table(DISTANCES, path) == [distance(model="other")]


def test_the_time_to_write_vectors_is_of_the_order_of_pyarrows(tmp_path: Path) -> None:
    columns = embeddings({f"{i:03d}.wav": 1000 for i in range(100)}, dimension=128)
    start = time.process_time()
    write_table(EMBEDDINGS, columns, tmp_path / "e.parquet")
    ours = time.process_time() - start
    table = pq.read_table(tmp_path / "e.parquet", use_threads=False)
    start = time.process_time()
    pq.write_table(table, tmp_path / "theirs.parquet", compression="zstd")
    theirs = time.process_time() - start
    assert ours < 20 * theirs + 0.5  # about three times as long; a loop over numbers takes a hundred times


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": "0.1"}, "distances.value: '0.1' is not a float64"),
        ({"n_reference": "20"}, "distances.n_reference: '20' is not a int64"),
        ({"files": 1.0}, "distances.files: 1.0 is not a int64"),
        ({"files": True}, "distances.files: True is not a int64"),
        ({"files": 2**63}, "out of the range of int64"),
        ({"note": None}, "distances.note: None is not a string"),
        ({"extra": 1}, r"missing columns \[\], unknown \['extra'\]"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_does_not_fit_is_not_written(
    tmp_path: Path, changes: dict[str, Any], message: str, suffix: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_table(DISTANCES, [distance(), distance(**changes)], tmp_path / f"t{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding": np.zeros((3, 4))}, r"float64 \(4,\) is not a list of float32"),
        ({"embedding": np.zeros((2, 4), np.float32)}, "different lengths"),
        ({"segment": [0, 1, 2**31]}, "out of the range of int32"),
        ({"segment": np.array([0.0, 1.0, 2.0])}, "0.0 is not a int32"),
        ({"file": [b"a", b"b", b"c"]}, "is not a string"),
    ],
)
def test_columns_that_do_not_fit_are_not_written(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_table(EMBEDDINGS, embeddings({"a.wav": 3}) | changes, tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_column_and_a_wrong_choice_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing columns \['constant', 'dataset', 'doubt"):
        write_table(DATASETS, [{"model": "vggish"}], tmp_path / "t.csv")
    row = {column.name: 0 if column.type.startswith(("int", "float")) else "" for column in FILES.columns}
    with pytest.raises(ValueError, match="'lost' is not one of used, padded, excluded, ignored"):
        write_table(FILES, [row | {"status": "lost"}], tmp_path / "t.csv")


def test_names_that_are_not_unicode_are_refused_by_name(tmp_path: Path) -> None:
    """Linux lets a name hold any bytes; Python shows those that are not UTF-8 as half surrogates."""
    with pytest.raises(FadError, match=r"'caf\\udce9.wav' is not valid Unicode: rename the file"):
        write_table(EMBEDDINGS, embeddings({"caf\udce9.wav": 1}), tmp_path / "t.parquet")


def test_csv_refuses_lists_and_metadata_and_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"choose \.parquet"):
        write_table(EMBEDDINGS, embeddings({"a": 1}), tmp_path / "t.csv")
    with pytest.raises(ValueError, match=r"choose \.parquet"):
        write_table(DISTANCES, [], tmp_path / "t.csv", metadata={"a": "b"})
    with pytest.raises(ValueError, match=r"must end in \.parquet or \.csv"):
        write_table(DISTANCES, [], tmp_path / "t.xlsx")
    with pytest.raises(ValueError, match=r"must not set fad_core\.schema"):
        write_table(DISTANCES, [], tmp_path / "t.parquet", metadata={"fad_core.schema": "b"})


def large_table(path: Path) -> None:
    write_table(EMBEDDINGS, embeddings({f"{i}.wav": 100 for i in range(9)}, dimension=64), path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_parquet_file_cut_short_says_what_to_do(tmp_path: Path, share: float) -> None:
    path = tmp_path / "shard.parquet"
    large_table(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    for read in (
        lambda: read_table(EMBEDDINGS, path),
        lambda: list(iterate_embeddings([path], "set")),
        lambda: read_metadata(EMBEDDINGS, path),
    ):
        with pytest.raises(
            FadError, match=r"shard\.parquet: damaged or cut short .*: delete it and run again"
        ):
            read()


def test_a_flipped_bit_in_the_data_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    large_table(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FadError, match=r"shard\.parquet: damaged"):
        read_table(EMBEDDINGS, path)
    with pytest.raises(FadError, match=r"shard\.parquet: damaged"):
        list(iterate_embeddings([path], "set"))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_missing_file_and_another_table_say_what_to_do(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    with pytest.raises(FadError, match="no such table: run the step that makes it"):
        read_table(DISTANCES, path)
    with pytest.raises(FadError, match=r"cannot be read|is a directory"):
        path.mkdir()
        read_table(DISTANCES, path)
    path.rmdir()
    write_table(DATASETS, [], path)
    with pytest.raises(FadError, match=r"distances.*delete it and run again"):
        read_table(DISTANCES, path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-5],
        lambda text: text.replace("0.1", "0,1"),
        lambda text: text.replace("0.1", "none"),
        lambda text: text.replace(",20,", ",x,"),
        lambda text: text + '"open\n',
        lambda text: text[:0],
    ],
)
def test_a_damaged_csv_says_what_to_do(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "t.csv"
    write_table(DISTANCES, [distance()], path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(
        FadError, match=r"t\.csv: incomplete or damaged table \(.*\): delete it and run again"
    ):
        read_table(DISTANCES, path)


@given(st.lists(st.tuples(NAMES, FLOATS, st.integers())))
def test_csv_keeps_any_text_and_every_bit(rows: list[tuple[str, float, int]]) -> None:
    text = format_csv([("name", "value", "count"), *rows])
    header, *back = parse_csv(text)
    assert header == ["name", "value", "count"]
    assert [(name, float(value).hex(), int(count)) for name, value, count in back] == [
        (name, value.hex(), count) for name, value, count in rows
    ]
    assert next(csv.reader([text.splitlines()[0]])) == header


FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "'=1", "''=1")
TEXTS = NAMES | st.text("'=+-@\t\r\na1,\"", max_size=6)


@given(st.lists(st.tuples(TEXTS, TEXTS, FLOATS)))
def test_no_text_is_a_formula_and_every_text_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, float]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "formulas.csv"
    written = [distance(note=note, evaluation=name, value=value) for note, name, value in rows]
    write_table(DISTANCES, written, path)
    assert read_table(DISTANCES, path) == written
    with path.open(newline="", encoding="utf-8") as stream:
        for row, raw in zip(written, csv.DictReader(stream), strict=True):
            assert not raw["note"].startswith(tuple("=+-@\t\r\n"))
            assert raw["value"] == repr(row["value"]), "numbers, negative ones too, are as they were"
            # What docs/tables.md tells other programs to do.
            for name in ("note", "evaluation"):
                plain = raw[name][1:] if re.match(r"^'+[=+\-@\t\r\n]", raw[name]) else raw[name]
                assert plain == row[name]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_one_apostrophe_in_every_table_and_a_users_table_is_read_without(
    tmp_path: Path, text: str
) -> None:
    row = {column.name: None if column.nullable else 0 for column in FILES.columns}
    texts = {column.name: "" for column in FILES.columns if column.type == "string"}
    row |= texts | {"status": "used", "file": text, "reason": text}
    write_table(FILES, [row], tmp_path / "files.csv")
    with (tmp_path / "files.csv").open(newline="", encoding="utf-8") as stream:
        (raw,) = csv.DictReader(stream)
    assert (raw["file"], raw["reason"], raw["model"]) == (f"'{text}", f"'{text}", "")
    (tmp_path / "given.csv").write_bytes(format_csv([("system", "fad"), (text, -1.5)]).encode())
    (given_row,) = read_user_csv(tmp_path / "given.csv", ["system"], ["fad"])
    assert (given_row.texts["system"], given_row.numbers["fad"]) == (text.strip(), -1.5)


@pytest.mark.parametrize(("n", "dimension"), [(1, 3), (5, 128), (300, 128)])
def test_statistics_keep_every_bit_in_their_table(tmp_path: Path, n: int, dimension: int) -> None:
    statistics = Statistics.from_embeddings(np.random.default_rng(n).normal(3, 1, (n, dimension)))
    counts = SetCounts(
        4, 1, 2, 12.5, loud=1, peak=7.25, rates=((8000, 1), (16000, 3)), sounds=(-(2**63), 5, 5, 2**63 - 1)
    )
    key = ModelKey("vggish", "seeded", "ab", "")
    path = tmp_path / "drums.parquet"
    write_table(STATISTICS, set_to_rows(EmbeddedSet("drums", key, {"embedding": statistics}, counts)), path)
    (back,) = read_table(STATISTICS, path)
    assert {name: back[name] for name in ("n", "dimension", "files", "seconds", "dataset")} == {
        "n": n,
        "dimension": dimension,
        "files": 4,
        "seconds": 12.5,
        "dataset": "drums",
    }
    assert counts_from_row(back) == counts and counts.duplicates == 1
    read = set_from_rows([back]).statistics_of()
    assert (read.n, read.mean.tobytes(), read.factor.tobytes()) == (
        n,
        statistics.mean.tobytes(),
        statistics.factor.tobytes(),
    )
    with pytest.raises(ValueError, match=r"a factor of .* does not fit"):
        set_from_rows([back | {"dimension": dimension + 1}])
