"""Systems by category: which sets are compared, the table, and what is missing in it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fad_study.categories import category_rows, category_tables
from fad_study.papers.markdown import markdown_table
from fad_study.papers.tables import category_table
from fad_study.report import write_report
from fad_study.report.summary import summary_text
from fad_study.schemas.categories import CATEGORIES, MEAN
from fad_study.steps.papers import summarise_categories
from fad_study.study import interpret_config
from small_study import Study
from small_study import distance as any_distance
from test_study import config, errors

from fad_core.tables import read_table

distance = partial(any_distance, weights="official")


def benchmark(*names: str, **changes: Any) -> dict[str, Any]:
    """A study whose data sets are called {system}_{category}."""
    sets = {name: name.partition("_") for name in names}
    places = {
        name: {"system": system, "category": category} if category else {}
        for name, (system, _, category) in sets.items()
    }
    datasets = {name: {"path": name, "shards": 1, **place} for name, place in places.items()}
    given = config(**{"datasets": datasets, "reference": "real", **changes})
    return {key: value for key, value in given.items() if value is not None}


FULL = ("real_dog", "real_rain", "a_dog", "a_rain", "b_dog", "b_rain")


def test_each_set_is_compared_with_the_references_set_of_its_category() -> None:
    study = interpret_config(benchmark(*FULL))
    assert study.pairs == (
        ("real_dog", "a_dog"),
        ("real_rain", "a_rain"),
        ("real_dog", "b_dog"),
        ("real_rain", "b_rain"),
    )
    assert study.ranked == ("real_dog", "real_rain")
    # The reference is of a system, too, and is no system that is evaluated.
    assert list(study.systems.items()) == [(name, tuple(name.split("_"))) for name in FULL[2:]]
    assert study.labels["a_dog"] == "a, dog"
    one = interpret_config(benchmark("all", *FULL, reference="all"))
    assert one.pairs == tuple(("all", name) for name in FULL)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (benchmark(*FULL, "c_wind"), "datasets: c_wind: the reference real has no set of the category "
         "'wind'; its categories: dog, rain"),
        (benchmark(*FULL, "c"), "datasets: c has no category, in which the system real has a reference for "
         "it"),
        (benchmark(*FULL, "real"), "reference: real is the name of a data set and of a system; choose "
         "another name"),
        (benchmark("all", "a_dog", reference="rael"), "reference: there is no data set or system rael; data "
         "sets: all, a_dog; systems: a"),
        (benchmark("real_dog", "a_dog", reference="rael"), "reference: there is no data set or system rael; "
         "did you mean 'real'?"),
        (benchmark(reference="all", datasets={
            "all": {"path": "all", "shards": 1},
            **{name: {"path": name, "shards": 1, "system": "a", "category": "dog"} for name in ("x", "y")},
         }), "datasets, y: system 'a', category 'dog' is in x already: remove or correct one"),
        (benchmark(*FULL, reference=None), "datasets: a_dog has a system and is compared with real_dog, "
         "real_rain (and 3 more such sets); it must have one reference: give `reference`, a set or a system, "
         "or other `pairs`"),
    ],
)  # fmt: skip
def test_a_set_without_a_reference_or_with_several_is_an_error(given: dict[str, Any], error: str) -> None:
    assert errors(given) == [error]


def rows(*changed: dict[str, Any], **others: Any) -> list[dict[str, Any]]:
    """Distances of systems a and b in the categories dog and rain."""
    values = zip(FULL[2:], (4.0, 2.0, 1.0, 3.0), strict=True)
    found = [distance(f"real_{name[2:]}", name, value, **others) for name, value in values]
    changes = {row["evaluation"]: row for row in changed}
    return [row | changes.get(row["evaluation"], {}) for row in found]


PLACES = {name: (name[0], name[2:]) for name in FULL[2:]}


def means(distances: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (row["rank"], row["system"], row["value"], row["corrected"], row["ranked_by"])
        for row in category_rows(distances, PLACES)
        if row["category"] == MEAN
    ]


def test_the_mean_is_over_categories_and_the_best_is_first() -> None:
    assert means(rows()) == [(1, "b", 2.0, None, "value"), (2, "a", 3.0, None, "value")]
    highest = rows(metric="precision")
    assert [row[1] for row in means(highest)] == ["a", "b"]
    # Corrected, as rankings are, if in a category the sizes of sets differ.
    fewer = {"evaluation": "a_rain", "n_evaluation": 30}
    known = [row | {"corrected": 5.0 - row["value"], "ci_low": 0.0, "ci_high": 9.0} for row in rows(fewer)]
    assert means(known) == [(1, "a", 3.0, 2.0, "corrected"), (2, "b", 2.0, 3.0, "corrected")]
    without = [row | ({"corrected": None} if row["evaluation"] == "b_dog" else {}) for row in known]
    assert means(without) == [(None, "a", 3.0, 2.0, ""), (None, "b", 2.0, None, "")]
    text = markdown_table(category_table("s", list(category_rows(without, PLACES))))
    assert "Systems are not ranked by FAD of vggish: numbers of vectors differ" in text


def test_what_is_missing_has_a_row_and_no_mean(tmp_path: Path) -> None:
    (_, _, *kept) = rows({"evaluation": "b_rain", "value": None, "note": "too few vectors"})
    (dog, rain, mean, *_) = found = list(category_rows([rows()[0], *kept], PLACES))
    assert (dog["value"], dog["rank"], rain["value"], mean["value"]) == (4.0, None, None, None)
    assert rain["note"] == "a has no data set of this category"
    assert mean["note"] == "no mean, because there is no value of rain"
    assert [row["note"] for row in found[3:]] == ["", "too few vectors", mean["note"]]
    table = category_table("s", found)
    text = markdown_table(table)
    assert "a: no mean, because there is no value of rain" in text and "| a | 4.000 | – | – |" in text


def test_the_report_shows_systems_by_category(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.sets, study.distances = list(FULL), rows()
    sources = study.write()
    paths = [tmp_path / "tables/categories.parquet", tmp_path / "tables/categories.csv"]
    summarise_categories(tmp_path / "tables/distances.parquet", PLACES, paths)
    assert read_table(CATEGORIES, paths[0]) == read_table(CATEGORIES, paths[1])
    (table,) = category_tables(read_table(CATEGORIES, paths[0]))
    assert (list(table["lines"]), table["categories"]) == (["b", "a"], ["dog", "rain"])
    given = type(sources)(**{**vars(sources), "categories": paths[0]})
    write_report(study.config, given, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<a href="#categories">By category</a>' in page
    assert "<b>b</b> has the smallest mean FAD of\nvggish over 2 categories:\n2.000." in page
    lines = summary_text(tmp_path, 80).splitlines()
    assert [line.split() for line in lines[2:4]] == [
        ["b", "1.000", "3.000", "2.000"],
        ["a", "4.000", "2.000", "3.000"],
    ]
    assert '<th scope="row">b</th><td class="n" data-v="1.0">' in page
