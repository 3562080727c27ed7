"""Correlations of distances with ratings: published ones, the bootstrap, tables that cannot be used."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fad_study.correlations import (
    POOLS,
    STATISTICS,
    Options,
    Published,
    bootstrap,
    correlation_rows,
    draw_systems,
    read_grids,
    read_published,
)
from fad_study.schemas.papers import CORRELATIONS
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fad_core.errors import FadError
from fad_core.tables import read_table

ROOT = Path(__file__).resolve().parents[3]
GIVEN = ROOT / "workflow/studies/published"
QUICK = Options(resamples=200)
SYSTEMS, CATEGORIES = "abcde", ("dog", "rain")
FAD = {(s, c): float(10 * i + j) for i, s in enumerate(SYSTEMS) for j, c in enumerate(CATEGORIES)}
MOS = {key: 10 - value / 7 + value % 3 for key, value in FAD.items()}


def write(path: Path, columns: str, rows: list[str]) -> Path:
    path.write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return path


def fad_rows(values: dict[tuple[str, str], float] = FAD) -> list[str]:
    return [f"vggish,{s},{c},{value}" for (s, c), value in values.items()]


def mos_rows(values: dict[tuple[str, str], float] = MOS) -> list[str]:
    return [f"quality,{s},{c},{value}" for (s, c), value in values.items()]


def tables(
    folder: Path,
    fad: list[str] | None = None,
    mos: list[str] | None = None,
    columns: tuple[str, str] = ("embedding,system,category,fad", "criterion,system,category,mos"),
) -> tuple[Path, Path]:
    return (
        write(folder / "fad.csv", columns[0], fad_rows() if fad is None else fad),
        write(folder / "mos.csv", columns[1], mos_rows() if mos is None else mos),
    )


def test_all_published_correlations_of_dcase_2023_task_7_come_out() -> None:
    grids = read_grids(GIVEN / "dcase2023_task7_fad.csv", GIVEN / "dcase2023_task7_mos.csv")
    figures = read_published(GIVEN / "dcase2023_task7_correlations.csv")
    rows = correlation_rows(*grids, QUICK, Published(figures))
    with_figure = [row for row in rows if row["verdict"]]
    assert len(with_figure) == len(figures) == 21 * 2 * 8 + 17 * 2
    assert {row["verdict"] for row in with_figure} == {"agrees"}
    assert all(abs(row["difference"]) <= 0.005 for row in with_figure)
    assert all(
        f"{row['value']:.2f}".lstrip("-") == f"{row['published']:.2f}".lstrip("-") for row in with_figure
    )
    without = [row for row in rows if not row["verdict"]]
    assert {(row["published"], row["difference"]) for row in without} == {(None, None)}
    assert len(rows) == 21 * 2 * 10 * 3
    assert not any(np.isnan(row["value"]) for row in rows)


def test_values_are_those_of_scipy_pooled_by_category_and_of_means(tmp_path: Path) -> None:
    rows = correlation_rows(*read_grids(*tables(tmp_path)), QUICK)
    assert [(row["category"], row["statistic"]) for row in rows] == [
        (category, statistic) for category in (*POOLS, *CATEGORIES) for statistic in STATISTICS
    ]
    x, y = (np.array(list(values.values())).reshape(5, 2) for values in (FAD, MOS))
    pools = [(x.ravel(), y.ravel()), (x.mean(1), y.mean(1)), (x[:, 0], y[:, 0]), (x[:, 1], y[:, 1])]
    functions = (stats.pearsonr, stats.spearmanr, stats.kendalltau)
    expected = [[function(*pool).statistic for function in functions] for pool in pools]
    # The mean of those within the categories.
    expected.insert(2, np.mean(expected[2:], axis=0))
    assert [row["value"] for row in rows] == pytest.approx(np.concatenate(expected), abs=1e-12)


@given(
    st.integers(3, 6).flatmap(
        lambda n: st.tuples(
            *[st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), min_size=n, max_size=n)] * 2
        )
    )
)
def test_the_bootstrap_is_that_of_systems_written_out_ties_and_all(pair: tuple[list, list]) -> None:
    x, y = (np.array(values, dtype=np.float64) for values in pair)
    counts = draw_systems(len(x), 20, 1)
    found = bootstrap(x, y, counts)
    for index, count in enumerate(counts):
        drawn = np.repeat(np.arange(len(x)), count)
        a, b = x[drawn].ravel(), y[drawn].ravel()
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            assert all(np.isnan(values[index]) for values in found.values())
            continue
        expected = (stats.pearsonr(a, b), stats.spearmanr(a, b), stats.kendalltau(a, b))
        assert [found[name][index] for name in STATISTICS] == pytest.approx(
            [result.statistic for result in expected], abs=1e-9
        )


def test_a_seed_gives_its_intervals_and_another_others(tmp_path: Path) -> None:
    grids = read_grids(*tables(tmp_path))
    first, again, other = (correlation_rows(*grids, Options(seed, 300)) for seed in (3, 3, 4))
    assert first == again
    assert [row["ci_low"] for row in first] != [row["ci_low"] for row in other]
    assert all(row["ci_low"] <= row["ci_high"] for row in first)


def test_the_script_by_hand_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    fad, mos = tables(tmp_path)
    written = []
    for name in ("one", "two"):
        outputs = [tmp_path / f"{name}.parquet", tmp_path / f"{name}.csv"]
        command = [sys.executable, str(ROOT / "scripts/correlate.py"), "--distances", str(fad), "--ratings"]
        options = [str(mos), "--parquet", str(outputs[0]), "--csv", str(outputs[1]), "--resamples", "200"]
        subprocess.run([*command, *options], check=True)
        written.append([path.read_bytes() for path in outputs])
    assert written[0] == written[1]
    assert len(read_table(CORRELATIONS, outputs[1])) == 15
    header = next(csv.reader(outputs[1].open(encoding="utf-8")))
    assert header[:5] == ["embedding", "criterion", "category", "statistic", "value"]
    assert header[5:] == ["ci_low", "ci_high", "published", "difference", "verdict"]


SHORT = dict(list(FAD.items())[:4])
CONSTANT = {key: 3.0 if key[1] == "dog" else value for key, value in FAD.items()}


@pytest.mark.parametrize(
    ("fad", "mos", "message"),
    [
        ([], None, r"fad\.csv: the table has no rows"),
        ([*fad_rows(), "vggish,a,dog,3"], None, r"fad\.csv, line 12: embedding 'vggish', system 'a', "
         "category 'dog' is in line 2 already"),
        ([*fad_rows(), "vggish,f,dog"], None, r"fad\.csv, line 12: 3 fields, but the heading has 4"),
        ([*fad_rows(), "vggish,,dog,3"], None, r"fad\.csv, line 12: system is empty"),
        ([*fad_rows(), "vggish,f,dog,x"], None, r"fad\.csv, line 12: fad is 'x', not a finite number"),
        ([*fad_rows(), "vggish,f,dog,nan"], None, r"line 12: fad is 'nan', not a finite number"),
        (fad_rows()[:-1], None, r"fad\.csv: no row for embedding 'vggish', system 'e', category 'rain', "
         r"which .*mos\.csv, line 11 has"),
        (None, mos_rows()[1:], r"mos\.csv: no row for criterion 'quality', system 'a', category 'dog', "
         r"which .*fad\.csv, line 2 has"),
        (fad_rows(SHORT), mos_rows(SHORT), r"2 systems \(a, b\): correlations over systems need at least 3"),
        (fad_rows(CONSTANT), None, r"fad\.csv, lines 2, 4, 6, 8, 10: embedding 'vggish', category 'dog': "
         "all 5 values are 3, so that no correlation is defined"),
        (None, mos_rows(dict.fromkeys(MOS, 4.0)), r"mos\.csv, lines 2, 3, 4, 5, 6, …: .*no correlation"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used_are_told_by_file_and_line(
    tmp_path: Path, fad: list[str] | None, mos: list[str] | None, message: str
) -> None:
    with pytest.raises(FadError, match=message):
        correlation_rows(*read_grids(*tables(tmp_path, fad, mos)), QUICK)


def test_missing_columns_and_files_are_named(tmp_path: Path) -> None:
    wrong = tables(tmp_path, columns=("embedding,system,category,FAD", "criterion,system,category,mos"))
    with pytest.raises(FadError, match=r"fad\.csv, line 1: no column fad; columns: embedding, system, categ"):
        read_grids(*wrong)
    wrong = tables(tmp_path, columns=("embedding,system,category,fad", "criterion,system,system,mos"))
    with pytest.raises(FadError, match=r"mos\.csv, line 1: no column category"):
        read_grids(*wrong)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(FadError, match=r"empty\.csv: the table is empty"):
        read_grids(tmp_path / "empty.csv", wrong[1])
    with pytest.raises(FadError, match=r"none\.csv: No such file"):
        read_grids(tmp_path / "none.csv", wrong[1])
    (tmp_path / "latin.csv").write_bytes(b"embedding,system,category,fad\n\xe9,a,b,1\n")
    with pytest.raises(FadError, match=r"latin\.csv: not a CSV table in UTF-8"):
        read_grids(tmp_path / "latin.csv", wrong[1])


def test_further_columns_and_a_byte_order_mark_are_no_matter(tmp_path: Path) -> None:
    plain = correlation_rows(*read_grids(*tables(tmp_path)), QUICK)
    fad = tmp_path / "fad.csv"
    lines = [f"{line},x" for line in fad.read_text().splitlines()]
    fad.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    assert correlation_rows(*read_grids(fad, tmp_path / "mos.csv"), QUICK) == plain


def test_a_category_must_not_be_called_like_a_pool(tmp_path: Path) -> None:
    given_tables = tables(
        tmp_path, *([row.replace("rain", POOLS[0]) for row in rows] for rows in (fad_rows(), mos_rows()))
    )
    with pytest.raises(FadError, match="a category must not be called global"):
        correlation_rows(*read_grids(*given_tables), QUICK)


def figures(folder: Path, *rows: str) -> Path:
    return write(folder / "published.csv", "embedding,criterion,category,statistic,value,source", list(rows))


def test_verdicts_of_published_figures(tmp_path: Path) -> None:
    grids = read_grids(*tables(tmp_path))
    value = next(row["value"] for row in correlation_rows(*grids, QUICK))
    for figure, verdict in ((value + 0.0049, "agrees"), (value + 0.0051, "differs")):
        path = figures(tmp_path, f"vggish,quality,global,pearson,{figure},paper")
        row = correlation_rows(*grids, QUICK, Published(read_published(path)))[0]
        assert row["verdict"] == verdict
        assert row["difference"] == pytest.approx(value - figure)
    beside = Published(read_published(path), seeded=frozenset({"vggish"}))
    assert correlation_rows(*grids, QUICK, beside)[0]["verdict"] == "not comparable"


def test_figures_of_nothing_that_is_there_are_refused(tmp_path: Path) -> None:
    path = figures(tmp_path, "vggish,quality,snow,pearson,0.5,paper")
    with pytest.raises(FadError, match=r"published\.csv, line 2: a figure for .*category 'snow'"):
        correlation_rows(*read_grids(*tables(tmp_path)), QUICK, Published(read_published(path)))
    with pytest.raises(FadError, match=r"line 2: there is no statistic 'r'; statistics: pearson"):
        read_published(figures(tmp_path, "vggish,quality,dog,r,0.5,paper"))
    with pytest.raises(FadError, match="is in line 2 already"):
        read_published(figures(tmp_path, *2 * ["vggish,quality,dog,pearson,0.5,paper"]))


def test_an_interval_of_few_defined_resamples_is_left_out(tmp_path: Path) -> None:
    fad = {key: float(key[0] == "a") for key in FAD}
    mos = {key: float(key[0] == "b") for key in FAD}
    # Both systems are in four of ten resamples; the others have no correlation.
    enough = Options(resamples=5000)
    rows = correlation_rows(*read_grids(*tables(tmp_path, fad_rows(fad), mos_rows(mos))), enough)
    assert {(row["ci_low"], row["ci_high"]) for row in rows} == {(None, None)}
    # One of them is in two thirds.
    rows = correlation_rows(*read_grids(*tables(tmp_path, fad_rows(fad))), QUICK)
    assert all(-1 <= row["ci_low"] <= row["ci_high"] <= 1 for row in rows)
