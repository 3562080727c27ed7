from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fad_study.report.matrix import Matrix, compact, distance_matrix, read_matrix, rows_of, write_matrix
from hypothesis import given
from hypothesis import strategies as st

from fad_core.errors import FadError
from fad_core.metrics import METRICS, Metric, get_metric
from fad_core.util.formatting import Footnotes, aligned, one_line, significant, text_table

VALUES = st.floats(0, 1e300, allow_subnormal=True)


def row(reference: str, evaluation: str, value: float, **others: Any) -> dict[str, Any]:
    return {
        "model": "vggish", "metric": "fad", "reference": reference, "evaluation": evaluation, "value": value
    } | others  # fmt: skip


THREE = [row("b", "a", 1.5), row("b", "c", 0.1), row("a", "c", 3.0)]


def test_a_symmetric_metric_fills_both_triangles_in_the_order_of_the_study() -> None:
    matrix = distance_matrix(THREE, "vggish", "fad", ["c", "a", "b"])
    assert matrix.references == matrix.evaluations == ("c", "a", "b")
    assert matrix.values == ((0.0, 3.0, 0.1), (3.0, 0.0, 1.5), (0.1, 1.5, 0.0))
    assert matrix.complete


def test_an_asymmetric_metric_fills_only_what_was_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    fad = get_metric("fad")
    monkeypatch.setitem(METRICS, "one_way", Metric("one_way", "One way", False, fad.needs, fad.compute))
    matrix = distance_matrix([row("a", "b", 2.0, metric="one_way")], "vggish", "one_way", ["a", "b"])
    assert matrix.values == ((None, 2.0), (None, None))


def test_the_diagonal_of_a_metric_that_may_not_be_zero_there_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kid = replace(get_metric("fad"), name="kid", zero_on_itself=False)
    monkeypatch.setitem(METRICS, "kid", kid)
    rows = [row("a", "b", -0.1, metric="kid")]
    matrix = distance_matrix(rows, "vggish", "kid", ["a", "b"])
    assert matrix.values == ((None, -0.1), (-0.1, None))
    assert matrix.complete and compact(matrix, rows) == matrix


def test_only_the_model_and_metric_asked_for_are_taken() -> None:
    others = [row("a", "b", 9.0, model="vggish-pca"), row("a", "b", 8.0, metric="kad")]
    assert rows_of([*others, *THREE], "vggish", "fad") == THREE


def test_missing_distances_are_named_with_what_there_is() -> None:
    with pytest.raises(FadError, match=r"no distances of clap by fad; it has vggish by fad"):
        distance_matrix(THREE, "clap", "fad", ["a", "b", "c"])


def test_a_data_set_that_is_not_listed_is_refused() -> None:
    with pytest.raises(FadError, match=r"not listed: c"):
        distance_matrix(THREE, "vggish", "fad", ["a", "b"])


def test_an_incomplete_matrix_is_cut_to_what_was_compared() -> None:
    rows = [row("a", "b", 1.0), row("a", "c", 2.0)]
    matrix = distance_matrix(rows, "vggish", "fad", ["a", "b", "c"])
    assert matrix.values == ((0.0, 1.0, 2.0), (1.0, 0.0, None), (2.0, None, 0.0))
    assert compact(matrix, rows) == Matrix(("a",), ("b", "c"), ((1.0, 2.0),))
    whole = distance_matrix(THREE, "vggish", "fad", ["a", "b", "c"])
    assert compact(whole, THREE) is whole


@given(st.lists(VALUES, min_size=3, max_size=3))
def test_a_matrix_reads_back_to_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    path = tmp_path_factory.mktemp("matrix") / "m.csv"
    rows = [{**row, "value": value} for row, value in zip(THREE, values, strict=True)]
    for given_rows in (rows, rows[:2]):
        matrix = distance_matrix(given_rows, "vggish", "fad", ["a", "b", "c"])
        write_matrix(matrix, path)
        assert read_matrix(path, given_rows) == matrix


@pytest.mark.parametrize("change", [("1.5", "2.5"), ("a,b,c", "a,c,b"), ("3.0", ""), ("\nb,", "\nx,")])
def test_a_matrix_of_other_distances_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "m.csv"
    write_matrix(distance_matrix(THREE, "vggish", "fad", ["a", "b", "c"]), path)
    path.write_text(path.read_text().replace(*change, 1))
    with pytest.raises(FadError):
        read_matrix(path, THREE)


def test_the_file_is_plain_csv_with_empty_fields_for_no_value(tmp_path: Path) -> None:
    write_matrix(Matrix(("a",), ("b", "c"), ((0.1, None),)), tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_bytes() == b"reference,b,c\na,0.1,\n"


@pytest.mark.parametrize(
    "text", ["", "reference,a\nb", "x,a\nb,1\n", "reference,a\nb,1,2\n", "reference,a\nb,x\n"]
)
def test_a_damaged_matrix_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(FadError, match=r"m\.csv: cannot be read .*delete it and run again"):
        read_matrix(tmp_path / "m.csv", THREE)


def test_a_missing_matrix_is_named(tmp_path: Path) -> None:
    with pytest.raises(FadError, match=r"m\.csv: there is no such matrix"):
        read_matrix(tmp_path / "m.csv", THREE)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12.4375, "12.4375"), (3.0, "3.00000"), (123456.7, "123457"), (1234567.0, "1.23457e+06")],
)
def test_numbers_have_six_significant_digits(value: float, text: str) -> None:
    assert significant(value, 6) == text


def test_few_digits_do_not_take_any_from_before_the_point() -> None:
    assert [significant(value, 3) for value in (999.6, 1107.4, 27.66)] == ["1000", "1107", "27.7"]


@given(st.lists(st.none() | VALUES, min_size=1))
def test_aligned_numbers_have_one_width_and_their_points_below_each_other(values: list[float | None]) -> None:
    texts = aligned(values, 6)
    assert len({len(text) for text in texts}) == 1
    assert len({text.index(".") for text in texts if "." in text}) <= 1


def test_remarks_are_said_once_and_those_of_all_rows_without_a_number() -> None:
    notes = Footnotes.of(["small; seeded", "seeded", "other; small; seeded"])
    assert notes == Footnotes(("seeded",), ("small", "other"), ((1,), (), (2, 1)))
    assert Footnotes.of(["small", ""]) == Footnotes((), ("small",), ((1,), ()))


def test_names_with_line_ends_and_direction_marks_stay_on_their_line() -> None:
    assert one_line("a\nb\u202egnp.wav é") == "a\\nb\\u202egnp.wav é"


def test_text_tables_have_names_flush_left_and_numbers_flush_right() -> None:
    assert text_table(["set", "n"], [["a", "10"], ["long", "5"]]) == "set    n\n────  ──\na     10\nlong   5"
