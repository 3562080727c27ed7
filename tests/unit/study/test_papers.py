"""What a paper takes from a study: spreads, published figures, tables in Markdown and LaTeX, methods."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fad_study.categories import category_rows, computed_cells
from fad_study.correlations import Published, correlation_rows, read_grids, read_published
from fad_study.paper_options import CorrelationChoice, validate_paper_files
from fad_study.papers.distance_table import distance_table
from fad_study.papers.latex import latex_table
from fad_study.papers.latex_text import latex_text
from fad_study.papers.layout import Number, PaperTable
from fad_study.papers.markdown import markdown_table
from fad_study.papers.published import published_rows, read_figures
from fad_study.papers.repeats import repeat_rows
from fad_study.papers.tables import published_table
from fad_study.ratings import PAIR
from fad_study.report import Sources, write_report
from fad_study.report.bars import plot_correlations
from fad_study.schemas.categories import CATEGORIES
from fad_study.schemas.files import DATASETS
from fad_study.schemas.papers import CORRELATIONS, PUBLISHED, REPEATS
from fad_study.schemas.ranking import RANKING
from fad_study.steps.papers import (
    compare_published,
    correlate,
    summarise_categories,
    summarise_repeats,
    write_methods,
    write_paper_tables,
)
from fad_study.study import interpret_config, validate_files
from small_study import UNREMARKABLE, Study, clap_score
from small_study import distance as any_distance
from test_correlations import GIVEN, QUICK, ROOT
from test_study import config, errors

from fad_core.errors import FadError
from fad_core.tables import CLAP_SCORE, DISTANCES, read_table, write_table

distance = partial(any_distance, excluded=0, padded=0)

DRAWS = {"noisy": ["noisy_0", "noisy_1", "noisy_2"]}


def drawn(weights: str = "official") -> list[dict[str, Any]]:
    rows = [
        distance("clean", name, value, weights)
        for name, value in zip(DRAWS["noisy"], (1.0, 2.0, 6.0), strict=True)
    ]
    return [*rows, distance("clean", "loud", 8.0, weights), distance("noisy_0", "noisy_1", 9.0, weights)]


def figures(folder: Path, *rows: str) -> Path:
    path = folder / "figures.csv"
    path.write_text("\n".join(["model,reference,evaluation,metric,value,source", *rows]) + "\n")
    return path


def test_draws_have_their_mean_and_spread_and_are_not_compared_with_each_other() -> None:
    (row,) = repeat_rows(drawn(), DRAWS)
    assert {name: row[name] for name in ("reference", "evaluation", "draws", "mean", "min", "max")} == {
        "reference": "clean", "evaluation": "noisy", "draws": 3, "mean": 3.0, "min": 1.0, "max": 6.0,
    }  # fmt: skip
    assert row["sd"] == pytest.approx(7**0.5)
    assert repeat_rows(drawn()[:1], DRAWS)[0]["sd"] is None


@pytest.mark.parametrize(
    ("weights", "figure", "verdict"),
    [("official", 3.1, "agrees"), ("official", 3.3, "differs"), ("seeded", 3.0, "not comparable")],
)
def test_published_figures_have_a_verdict(tmp_path: Path, weights: str, figure: float, verdict: str) -> None:
    path = figures(tmp_path, f"vggish,clean,noisy,fad,{figure},paper", "vggish,clean,loud,fad,8,paper")
    rows = published_rows(read_figures(path), drawn(weights), repeat_rows(drawn(weights), DRAWS), 0.05)
    assert [row["value"] for row in rows] == [3.0, 8.0]
    assert rows[0]["difference"] == pytest.approx(3.0 - figure)
    assert (rows[0]["verdict"], rows[0]["draws"], rows[1]["draws"]) == (verdict, 3, 1)
    assert ("not a published model" in rows[0]["note"]) == (weights == "seeded")


def test_a_figure_of_what_is_not_computed_is_told_by_its_line(tmp_path: Path) -> None:
    path = figures(tmp_path, "vggish,clean,loud,fad,8,paper", "vggish,clean,quiet,fad,8,paper")
    with pytest.raises(
        FadError, match=r"figures\.csv, line 3: .*'quiet'.*does not compute; it has vggish cl"
    ):
        published_rows(read_figures(path), drawn(), [], 0.05)
    with pytest.raises(FadError, match=r"line 3: .* is in line 2 already"):
        read_figures(figures(tmp_path, *2 * ["vggish,clean,loud,fad,8,paper"]))


def test_the_figures_that_are_shipped_are_of_the_sine_study() -> None:
    rows = read_figures(GIVEN / "sine.csv")
    assert {row.numbers["value"] for row in rows} == {12.4375, 4.768, 12.7398, 4.9815, 0.000465, 0.00008594}


def test_names_are_escaped_and_the_best_of_each_reference_is_bold() -> None:
    rows = [
        distance("ref_1", "50%|a&b", 12.4375, "seeded", ci_low=12.1, ci_high=12.9),
        distance("ref_1", "c#{~^\\}$", 8.594e-05, "seeded"),
        distance("b", "c", 3.0, "seeded"),
    ]
    table = distance_table("s", rows, [], {})
    markdown, latex = markdown_table(table), latex_table(table)
    assert r"| ref\_1 | 50%\|a&b | 12.44 [12.10, 12.90] |" in markdown
    assert "| **8.594e−05** |" in markdown
    assert "\\itshape ref\\_1} \\\\\n50\\%\\textbar{}a\\&b & $12.44\\ [12.10, 12.90]$ \\\\" in latex
    assert (
        r"c\#\{\textasciitilde{}\textasciicircum{}\textbackslash{}\}\$ & $\mathbf{8.594 \times 10^{-5}}$"
        in latex
    )
    assert latex_text("[MM] *") == "{[}MM] {*}", "no option of the line before"
    assert latex.count(r"\midrule") == 2, "one below the heading, one between the references"
    for text in (markdown, latex):
        assert "not a published model" in text
        assert text.count("**") == 2 or text.count("mathbf") == 1, "one value alone is no best"


def test_draws_are_one_row_with_their_spread() -> None:
    table = distance_table(
        "s", [row for row in drawn() if row["reference"] == "clean"], repeat_rows(drawn(), DRAWS), DRAWS
    )
    text = markdown_table(table)
    assert text.splitlines()[2:4] == [
        "| loud | 8.000 |",
        "| noisy | **3.000** ± 2.646 |",
    ]
    assert (
        "± is the standard deviation over 3 draws (noisy). " not in text and "over 3 draws (noisy)." in text
    )
    assert r"$\mathbf{3.000} \pm 2.646$" in latex_table(table)


def test_headings_over_several_columns_span_them() -> None:
    table = PaperTable(
        "c",
        "tab:x",
        ("e", "a", "b", "z"),
        ((("n", Number(-0.004, decimals=2), None, "y"),),),
        1,
        ("", "q", "q", ""),
    )
    assert r"& \multicolumn{2}{c}{q} &" in latex_table(table)
    assert r"\cmidrule(lr){2-3}" in latex_table(table)
    assert markdown_table(table).splitlines()[0] == "| e | q, a | q, b | z |"
    assert markdown_table(table).splitlines()[2] == "| n | 0.00 | – | y |"


def test_control_characters_cannot_break_a_line() -> None:
    assert latex_text("a\nb") == r"a\textbackslash{}nb"


def test_the_published_table_keeps_the_digits_of_the_source(tmp_path: Path) -> None:
    path = figures(tmp_path, "vggish,clean,loud,fad,0.000465,paper", "vggish,clean,noisy,fad,12.4375,paper")
    rows = published_rows(read_figures(path), drawn("seeded"), repeat_rows(drawn("seeded"), DRAWS), 0.05)
    text = markdown_table(published_table("s", rows, drawn("seeded"), DRAWS))
    assert (
        "| 0.000465 |" in text
        and "| 12.4375 |" in text
        and "not comparable" in text
        and "verdict" not in text
    )


CHOICE = {"ratings": "m.csv", "tolerance": 0.005, "resamples": 1000, "confidence": 0.9}


def own_study(**others: tuple[str, str]) -> dict[str, Any]:
    """A study that correlates its distances: of three systems and what is given otherwise, with a set r."""
    places = {name: (f"s-{name}", "dog") for name in "abc"} | others
    sets = {name: dict(zip(PAIR, place, strict=True)) for name, place in places.items()}
    return config(
        datasets={name: {"path": name, "shards": 1, **sets.get(name, {})} for name in ("r", *sets)},
        pairs=[["r", name] for name in sets],
        correlations=CHOICE,
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"repeats": {"g": "x*"}}, "repeats.g: there is no data set x*"),
        ({"repeats": {"g": ["a", "x"]}}, "repeats.g: there is no data set x"),
        ({"repeats": {"a": "b"}}, "repeats: a is also the name of a data set; choose another name"),
        ({"repeats": {"g": ["a"], "h": "a"}}, "repeats: a is in two groups"),
        ({"repeats": {"g": "[ab]"}, "pairs": [["c", "a"]]}, "repeats.g: c is compared with 1 of its "
         "2 data sets; it must be compared with all of them or with none"),
        ({"correlations": CHOICE}, "correlations: give a table of `distances`, or a `system` and a "
         "`category` to the data sets"),
    ],
)  # fmt: skip
def test_what_a_study_says_for_papers_is_checked(changes: dict[str, Any], error: str) -> None:
    assert errors(config(**changes)) == [error]


MISSING = "add what is missing, or leave out that system or that category everywhere"


@pytest.mark.parametrize(
    ("others", "error"),
    [
        ({"c": ("s-a ", "dog")}, "datasets, c: system 's-a', category 'dog' is in a already: remove "
         "or correct one"),
        ({"c": ("s-b", "rain"), "d": ("s-a", "rain")}, "datasets: 2 systems (s-a, s-b): "
         "correlations over systems need at least 3: add others"),
        ({"d": ("s-b", "rain")}, "datasets: no data set for system 's-a', category 'rain', though "
         f"others have that system and that category (and 1 more data set is missing): {MISSING}"),
        ({name: (f"s-{name}", "global") for name in "abc"}, "datasets: a category must not be "
         "called global: choose another name"),
    ],
)  # fmt: skip
def test_a_studys_own_sets_are_checked_before_they_are_embedded(
    others: dict[str, tuple[str, str]], error: str
) -> None:
    assert error in errors(own_study(**others))


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (["q,s-a,dog,1", "q,s-b,dog,2"], "m.csv: no row for criterion 'q', system 's-c', category 'dog', "
         f"which datasets, c has: {MISSING}"),
        (["q,s-a,dog,1", "q,s-b,dog,2", "q,s-c,dog,3", "q,t,dog,4"], "datasets: no data set for "
         f"system 't', category 'dog', which m.csv, line 5 has: {MISSING}"),
        (["q,s-a,dog,x"], "m.csv, line 2: mos is 'x', not a finite number"),
    ],
)  # fmt: skip
def test_ratings_are_held_against_a_studys_own_sets_before_these_are_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], error: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.csv").write_text("\n".join(["criterion,system,category,mos", *rows]) + "\n")
    assert list(validate_paper_files(interpret_config(own_study()).papers)) == [error]


def test_an_entrys_own_choices_go_before_the_studys() -> None:
    entries = [{"id": "pann-16k", "name": "old", "compatibility": "frechet-audio-distance"}, {"id": "vggish"}]
    study = interpret_config(config(models=entries, weights="seeded"))
    assert [model.weights for model in study.models.values()] == ["seeded", "seeded"]
    assert [m.options.compatibility for m in study.models.values()] == ["frechet-audio-distance", "none"]


def test_a_study_of_given_tables_embeds_nothing_and_needs_them() -> None:
    given = config(correlations=CHOICE | {"distances": "f.csv"})
    del given["datasets"], given["models"]
    study = interpret_config(given)
    assert not study.models and not study.pairs and not study.paired()
    missing = list(validate_files(study))
    assert [line.partition(" (")[0] for line in missing] == [
        "m.csv: there is no such table",
        "f.csv: there is no such table",
    ]


def test_a_studys_own_distances_are_correlated_and_seeded_ones_compare_with_nothing(tmp_path: Path) -> None:
    systems = [f"s{index}" for index in range(4)]
    rows = [distance("ref", name, float(index), "seeded") for index, name in enumerate(systems)]
    write_table(DISTANCES, rows, tmp_path / "distances.csv")
    places = {name: (name, "dog") for name in systems}
    tables = [tmp_path / f"categories{suffix}" for suffix in (".csv", ".parquet")]
    summarise_categories(tmp_path / "distances.csv", places, tables)
    (tmp_path / "mos.csv").write_text(
        "criterion,system,category,mos\n"
        + "".join(f"q,{name},dog,{9 - i**2}\n" for i, name in enumerate(systems))
    )
    (tmp_path / "published.csv").write_text(
        "embedding,criterion,category,statistic,value,source\nvggish,q,dog,spearman,-1,paper\n"
    )
    names = [tmp_path / name for name in ("categories.parquet", "mos.csv", "published.csv")]
    correlate(*names, 0.005, QUICK, [tmp_path / "c.csv"])
    found = {(row["category"], row["statistic"]): row for row in read_table(CORRELATIONS, tmp_path / "c.csv")}
    assert found["dog", "spearman"]["value"] == found["dog", "spearman"]["published"] == -1
    assert found["dog", "spearman"]["verdict"] == "not comparable"
    twice = [*rows, *(row | {"metric": "kad"} for row in rows)]
    write_table(CATEGORIES, list(category_rows(twice, places)), tables[1])
    cells = computed_cells(tables[1])
    assert {cell.texts["embedding"] for cell in cells} == {"vggish fad", "vggish kad"}
    # The lines are those of the table as CSV: a heading, and each system's mean after its one category.
    assert [cell.line for cell in cells] == list(range(2, 18, 2))


@pytest.fixture(scope="module")
def correlations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of three embeddings of DCASE 2023 task 7."""
    folder = tmp_path_factory.mktemp("correlations")
    for name, wanted in (("fad", 0), ("correlations", 0)):
        head, *lines = (GIVEN / f"dcase2023_task7_{name}.csv").read_text().splitlines()
        selected = [line for line in lines if line.split(",")[wanted] in ("vggish", "clap-2023", "w2v2-base")]
        (folder / f"{name}.csv").write_text("\n".join([head, *selected]) + "\n")
    grids = read_grids(folder / "fad.csv", GIVEN / "dcase2023_task7_mos.csv")
    rows = correlation_rows(*grids, QUICK, Published(read_published(folder / "correlations.csv")))
    write_table(CORRELATIONS, rows, folder / "table.parquet")
    return folder / "table.parquet"


def test_a_report_of_correlations_alone(tmp_path: Path, correlations: Path) -> None:
    for name in ("one", "two"):
        plot_correlations(read_table(CORRELATIONS, correlations), tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    sources = Sources(None, None, None, [], [], [], [], None, correlations, tmp_path / "one.svg")
    write_report({"study": "s", "correlations": {}}, sources, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Correlations with ratings" in page and "54 of 54 published figures agree" in page
    assert 'id="distances"' not in page and "seeded" not in page


def test_a_report_with_published_figures(tmp_path: Path) -> None:
    study = Study(tmp_path, "seeded")
    sources = study.write()
    path = figures(tmp_path, "vggish,a,b,fad,12.4375,paper <1>")
    compare_published(
        [path], tmp_path / "tables/distances.parquet", None, 0.05, [tmp_path / "published.parquet"]
    )
    given = Sources(**{**vars(sources), "published": tmp_path / "published.parquet"})
    write_report(study.config, given, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Published figures" in page and "paper &lt;1&gt;" in page and "not comparable" in page


def test_the_steps_write_markdown_and_latex_of_all_there_is(tmp_path: Path, correlations: Path) -> None:
    write_table(DISTANCES, drawn(), tmp_path / "distances.parquet")
    summarise_repeats(tmp_path / "distances.parquet", DRAWS, [tmp_path / "repeats.parquet"])
    assert len(read_table(REPEATS, tmp_path / "repeats.parquet")) == 1
    path = figures(tmp_path, "vggish,clean,noisy,fad,3,paper")
    inputs = tmp_path / "distances.parquet", tmp_path / "repeats.parquet"
    compare_published([path], *inputs, 0.05, [tmp_path / "published.parquet"])
    assert read_table(PUBLISHED, tmp_path / "published.parquet")[0]["verdict"] == "agrees"
    names = ("distances", "published", "correlations")
    outputs = [tmp_path / f"{name}.{suffix}" for name in names for suffix in ("md", "tex")]
    counts = dict.fromkeys(("found", "used", "padded", "excluded", "ignored", "vectors"), 3) | {
        "seconds": 1.0
    }
    counts |= UNREMARKABLE
    called = {"model": "vggish", "dataset": "clean", "label": "Clean | ours_2"} | counts
    loud = called | {"dataset": "loud", "label": "loud", "vectors": 5}
    write_table(DATASETS, [called, loud], tmp_path / "datasets.csv")
    write_paper_tables(
        "s",
        inputs[0],
        tmp_path / "datasets.csv",
        None,
        inputs[1],
        DRAWS,
        None,
        tmp_path / "published.parquet",
        correlations,
        0.95,
        outputs,
    )
    assert r"| Clean \| ours\_2 | loud |" in (tmp_path / "distances.md").read_text(encoding="utf-8")
    assert r"{\itshape Clean \textbar{} ours\_2} \\" in (tmp_path / "distances.tex").read_text(
        encoding="utf-8"
    )
    assert all(
        path.read_text(encoding="utf-8").count("tab:s-") == (path.suffix == ".tex") for path in outputs
    )
    assert r"\multicolumn{3}{c}{audio\_quality}" in (tmp_path / "correlations.tex").read_text(
        encoding="utf-8"
    )
    choice = CorrelationChoice("m.csv", "f.csv", {}, None, 0.005, 1000, 0.9)
    methods = [tmp_path / "methods.md", tmp_path / "methods.tex"]
    write_methods(
        ["vggish=vggish"], inputs[0], tmp_path / "datasets.csv", None, correlations, choice, 3, methods
    )
    text = methods[1].read_text(encoding="utf-8")
    assert r"central 90~\% of 1,000 bootstrap resamples of the systems (seed 3)" in text
    assert r"3 of Clean \textbar{} ours\_2, 5 of loud." in text
    assert "torch " in text and r"Fréchet Audio Distance (FAD)~\cite{kilgour2019} was" in text


def test_clap_scores_are_written_if_no_distance_has_a_value(tmp_path: Path) -> None:
    given = [tmp_path / f"{name}.parquet" for name in ("distances", "datasets", "ranking", "repeats")]
    row = distance("clean", "loud", 1.0, "official", metric="is") | {"value": None}
    write_table(DISTANCES, [row], given[0])
    counts = dict.fromkeys(("found", "used", "padded", "excluded", "ignored", "vectors"), 3) | UNREMARKABLE
    counts |= {"model": "clap", "dataset": "loud", "label": "Loud", "seconds": 1.0}
    write_table(DATASETS, [counts], given[1])
    write_table(RANKING, [], given[2])
    summarise_repeats(given[0], {"all": ["loud"]}, [given[3]])
    write_table(CLAP_SCORE, [clap_score("loud", 0.25)], tmp_path / "clap_score.parquet")
    outputs = [tmp_path / f"distances.{suffix}" for suffix in ("md", "tex")]
    drawn_once = given[3], {"all": ["loud"]}
    for repeats, groups, shown in (
        (None, {}, "Loud | – | 600 : 60 | 0.2500 ["),
        (*drawn_once, "all | – | – | 0.2500"),
    ):
        rest = (repeats, groups, None, None, None, 0.95, outputs)
        write_paper_tables("s", *given[:3], *rest, tmp_path / "clap_score.parquet", [("clean", "loud")])
        assert f"\n| {shown}" in outputs[0].read_text(encoding="utf-8")
        assert r"\label{tab:s-distances}" in outputs[1].read_text(encoding="utf-8")
    with pytest.raises(FadError, match="no metric has a value for any pair"):
        write_paper_tables("s", *given[:3], None, {}, None, None, None, 0.95, outputs)
    with pytest.raises(FadError, match="no metric has a value for any pair"):
        path = figures(tmp_path, "vggish,clean,loud,is,1,paper")
        compare_published([path], given[0], given[3], 0.05, outputs)


def test_the_sine_study_names_what_its_audio_is_called() -> None:
    from fad_study.config import read_yaml

    study = read_yaml(ROOT / "workflow/studies/sine.yaml")
    assert len(study["datasets"]) == 41 and study["reference"] == "sine_background"
