"""What stands in bold and what is marked in a paper's tables, over random distances."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import pytest
from fad_study.papers.distance_table import distance_table
from fad_study.papers.latex import latex_table
from fad_study.papers.layout import PaperTable
from fad_study.papers.markdown import markdown_table
from fad_study.papers.repeats import repeat_rows
from fad_study.papers.tables import published_table
from fad_study.ranking import UNRANKED, ranking_rows
from hypothesis import given
from hypothesis import strategies as st
from small_study import clap_score
from small_study import distance as any_distance

from fad_core import metrics
from fad_core.embedding.distances import SEEDED_NOTE
from fad_core.util.formatting import significant

distance = partial(any_distance, excluded=0, padded=0)
BIAS = "no more vectors than dimensions, so the covariance is rank-deficient and FAD is biased upwards"
LEVEL = "b: 3 files peak above 4"
NOTES = st.lists(
    st.sampled_from([f"reference: {BIAS}", f"evaluation: {BIAS}", LEVEL, *(f"remark {i}" for i in range(6))]),
    unique=True,
)
# Values that are equal, that look equal, that are negative, and that differ in their number of digits.
VALUES = st.sampled_from([0.0, 1.0, 1.00001, 9.9999, 10.0, -0.5, -0.50001, 2e-9, 3e7]) | st.floats(-50, 50)
FILES = {
    "excluded": "files of these sets were excluded",
    "padded": "files of these sets were padded with zeros",
}
DRAWS = {"draws": ["d0", "d1", "d2"]}


class Shown(NamedTuple):
    """A number in a table: what it is of, how it looks, whether it is bold, and its marks."""

    model: str
    reference: str
    evaluation: str
    text: str
    bold: bool
    marks: frozenset[str]


@st.composite
def studies(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Rows of distances of all pairs, of some, or of some with draws of one experiment; and the groups."""
    sets = [f"s{index}" for index in range(draw(st.integers(2, 8)))]
    groups: dict[str, list[str]] = {}
    if draw(st.booleans()):
        pairs = list(itertools.combinations(sets, 2))
    else:
        some = st.sampled_from(list(itertools.permutations(sets[:4], 2)))
        pairs = draw(st.lists(some, unique=True, min_size=1))
        if draw(st.booleans()):
            groups = DRAWS
            pairs += [(sets[0], name) for name in DRAWS["draws"]]
            pairs += draw(st.lists(st.sampled_from([("d0", "s0"), ("d0", "d1"), ("d1", "s1")]), unique=True))
    return [
        distance(
            *(*pair, draw(VALUES), "seeded"),
            model=model,
            note="; ".join([*draw(NOTES), SEEDED_NOTE]),
            **{name: draw(st.sampled_from([0, 0, 3])) for name in FILES},
        )
        for model in draw(st.sampled_from([["vggish"], ["vggish", "clap"]]))
        for pair in dict.fromkeys(pairs)
    ], groups


def expected(rows: list[dict[str, Any]], groups: dict[str, list[str]]) -> Iterator[list[Shown]]:
    """What the table must show, the numbers of a reference at a time, worked out apart from it."""
    square = not groups and all_pairs(rows)
    for model in dict.fromkeys(row["model"] for row in rows):
        mine = [row for row in rows if row["model"] == model]
        listed = dict.fromkeys(row["reference"] for row in mine)
        others = dict.fromkeys(row["evaluation"] for row in mine) if square else {}
        for reference in listed | others:
            behind: dict[str, list[dict[str, Any]]] = {}
            straight = [(row["evaluation"], row) for row in mine if row["reference"] == reference]
            turned = [(row["reference"], row) for row in mine if row["evaluation"] == reference]
            for name, row in [*straight, *(item for item in turned if item[0] not in dict(straight))]:
                members = next((k for k, v in groups.items() if name in v and reference not in v), name)
                # A reference is compared with all draws of a group, or they stand alone.
                behind.setdefault(members if reference == "s0" else name, []).append(row)
            means = {name: sum(row["value"] for row in found) / len(found) for name, found in behind.items()}
            texts = {name: significant(value, 4) for name, value in means.items()}
            best = texts[min(means, key=lambda name: means[name])] if len(means) > 1 else None
            yield [
                Shown(
                    model,
                    reference,
                    name,
                    text,
                    text == best,
                    frozenset(
                        re.sub("^(reference|evaluation): ", "reference or evaluated set: ", remark)
                        for row in behind[name]
                        for remark in row["note"].split("; ")
                        if remark != SEEDED_NOTE
                    )
                    | {text for row in behind[name] for key, text in FILES.items() if row[key]},
                )
                for name, text in texts.items()
            ]


def all_pairs(rows: list[dict[str, Any]]) -> bool:
    pairs = {frozenset((row["reference"], row["evaluation"])) for row in rows}
    sets = set().union(*pairs)
    return len(sets) > 2 and len(pairs) == len(sets) * (len(sets) - 1) // 2


def shown(
    lines: list[list[str]], heading: list[str], models: list[str], notes: dict[str, str], sets: list[Any]
) -> set[Shown]:
    """The numbers of a rendered table, or of a part of it, whichever its layout."""
    found = set()
    for line in lines:
        fields = list(zip(heading, line, strict=True))
        names = {title: text for title, text in fields if title in ("reference", "evaluated set", "model")}
        for title, text in fields:
            if title in (*names, "n", "no.") or text in ("–", "--"):
                continue
            model = title if title in models else names.get("model", models[0])
            evaluation = sets[int(title) - 1] if title.isdecimal() else title
            reference = names.get("reference", "")
            found.add(
                Shown(model, reference, names.get("evaluated set", evaluation), *read_number(text, notes))
            )
    return found


def read_number(text: str, notes: dict[str, str]) -> tuple[str, bool, frozenset[str]]:
    text = text.replace(r"\dagger", "†").replace(r"\ddagger", "‡")
    for command, mark in ((r"\S", "§"), (r"\P", "¶"), (r"\|", "‖")):
        text = text.replace(command, mark)
    bold = "**" in text or r"\mathbf" in text
    marks = frozenset(notes[mark] for mark in re.search(r"([†‡§¶‖,]*)\}?\$?$", text)[1].split(",") if mark)  # type: ignore[index]
    number = re.sub(r"\\mathbf|[*${}]|[†‡§¶‖].*", "", text).replace("^,", "").replace("−", "-")
    number = re.sub(r" (±|\\pm).*", "", number).removesuffix("^")
    exponent = re.fullmatch(r"(.*) \\times 10\^(.*)", number)
    return f"{exponent[1]}e{int(exponent[2]):+03d}" if exponent else number, bold, marks


def rendered(table: PaperTable, models: list[str]) -> Iterator[tuple[set[Shown], str]]:
    """The numbers of the table in Markdown and in LaTeX, each with all its text."""
    notes = dict(table.notes)
    markdown = markdown_table(table)
    heading, _, *lines = [
        [cell.strip() for cell in line[1:-1].split("|")]
        for line in markdown.splitlines()
        if line.startswith("|")
    ]
    # A part of a table has not all sets that its columns have the numbers of.
    place = table.heading.index("reference") if "reference" in table.heading else 0
    sets = list(dict.fromkeys(row[place] for group in table.groups for row in group))
    yield shown(lines, heading, models, notes, sets), markdown
    latex = latex_table(table)
    yield set().union(*(shown(*part, models, notes, sets) for part in latex_parts(latex, table))), latex


def latex_parts(latex: str, table: PaperTable) -> Iterator[tuple[list[list[str]], list[str]]]:
    """The lines and the heading of each part; names above a group stand before its lines, as in Markdown."""
    for part in latex.split(r"\toprule")[1:]:
        found = (line.removesuffix(r" \\") for line in part.splitlines() if line.endswith(r"\\"))
        heading, lines, above = next(found).split(" & "), [], []
        for line in found:
            if line.startswith(r"\multicolumn"):
                above = re.search(r"itshape (.*)}$", line)[1].split(", ")  # type: ignore[index]
            else:
                lines.append([*above, *line.split(" & ")])
        yield lines, [*table.heading[: len(above)], *heading]


@given(studies())
def test_bold_is_the_smallest_of_its_reference_and_every_remark_is_told(
    study: tuple[list[dict[str, Any]], dict[str, list[str]]],
) -> None:
    rows, groups = study
    models = list(dict.fromkeys(row["model"] for row in rows))
    table = distance_table("s", rows, repeat_rows(rows, groups), groups)
    wanted = {cell for cells in expected(rows, groups) for cell in cells}
    if len({cell.reference for cell in wanted}) == 1:  # stands in the caption alone
        wanted = {cell._replace(reference="") for cell in wanted}
    shared = frozenset.intersection(*(cell.marks for cell in wanted)) if len(wanted) > 1 else frozenset()
    wanted = {cell._replace(marks=cell.marks - shared) for cell in wanted}
    for found, text in rendered(table, models):
        assert found == wanted
        assert ("in bold" in text) == any(cell.bold for cell in wanted)
        for remark in frozenset().union(*(cell.marks for cell in wanted)):
            assert text.count(f" {remark}.") == 1
        for remark in shared:
            assert text.count(f"All values: {remark}.") == 1


def test_every_pair_of_many_sets_is_a_matrix_with_numbered_columns() -> None:
    sets = [f"set_{index}" for index in range(14)]
    pairs = list(itertools.combinations(sets, 2))
    rows = [distance(*pair, 100.0 - index, "official") for index, pair in enumerate(pairs)]
    lines = markdown_table(distance_table("s", rows, [], {})).splitlines()
    assert lines[0].startswith("| no. | reference | 1 | 2 | 3 |") and lines[0].endswith("| 14 | n |")
    assert len([line for line in lines if line.startswith("|")]) == 2 + 14
    assert all(line.count("**") == 2 for line in lines[2:16])
    assert lines[2].startswith(r"| 1 | set\_0 | – | 100.0 | 99.00 |")
    assert lines[15].startswith(r"| 14 | set\_13 | 88.00 |")


def test_a_metric_that_is_not_symmetric_is_not_turned_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(metrics.METRICS, "fad", replace(metrics.get_metric("fad"), symmetric=False))
    rows = [
        distance(*pair, value, "official") for pair, value in (("ab", 3), ("ac", 2), ("bc", 5), ("cb", 1))
    ]
    text = markdown_table(distance_table("s", rows, [], {}))
    assert text.splitlines()[2:6] == [
        "| a | b | 3.000 |",
        "| a | c | **2.000** |",
        "| b | c | 5.000 |",
        "| c | b | 1.000 |",
    ]


def test_counts_of_vectors_stand_beside_the_models_that_they_are_of_or_below_the_table() -> None:
    counts = {"vggish": (109, 19, 20), "vggish-pca": (109, 19, 20), "clap": (11, 4, 5), "pann": (11, 4, 4)}
    rows = [
        distance("a", name, 1.0, "official", model=model, n_reference=reference, n_evaluation=n)
        for model, (reference, *sizes) in counts.items()
        for name, n in zip("bc", sizes, strict=True)
    ]
    text = markdown_table(distance_table("s", rows, [], {}))
    lines = text.splitlines()
    assert lines[0] == "| evaluated set | vggish | vggish-pca | n | clap | n | pann |"
    assert lines[2] == "| b | **1.000** | **1.000** | 109 : 19 | **1.000** | 11 : 4 | **1.000** |"
    assert "n: number of embedding vectors, reference : evaluated set (11 : 4 by pann)." in text
    alone = markdown_table(distance_table("s", rows[-2:]))
    assert "evaluated set (11 : 4)." in alone and "| n |" not in alone


def test_draws_and_published_figures_have_the_counts_and_marks_of_all_draws() -> None:
    rows = [
        distance("a", "d0", 1.0, "seeded", n_evaluation=55, note=f"evaluation: {BIAS}; {SEEDED_NOTE}"),
        distance("a", "d1", 2.0, "seeded", n_evaluation=60, note=f"{LEVEL}; {SEEDED_NOTE}"),
        distance("a", "best", 1.0, "seeded", n_evaluation=70, note=SEEDED_NOTE),
    ]
    groups = {"draws": ["d0", "d1"]}
    figure = {
        **distance("a", "draws", 1.5, "seeded"),
        **{"draws": 2, "sd": 0.5, "published": 1.5, "source": "paper", "tolerance": 0.05},
        **{"relative_difference": 0.0, "verdict": "not comparable"},
    }
    for table in (
        distance_table("s", rows, repeat_rows(rows, groups), groups),
        published_table("s", [figure], rows, groups),
    ):
        text = markdown_table(table)
        assert "†,‡ | 600 : 55–60 |" in text
        assert f"\n† reference or evaluated set: {BIAS}.\n\n‡ {LEVEL}.\n" in text
        latex = latex_table(table)
        assert r"{}^{\dagger,\ddagger}$ & 600 : 55--60" in latex
        below = latex.split(r"\begin{minipage}")[1]
        assert (
            rf"${{}}^{{\dagger}}$ reference or evaluated set: {BIAS}. ${{}}^{{\ddagger}}$ {LEVEL}." in below
        )


HEAD = ("model", "weights", "weights_sha256", "settings", "reference", "metric", "metric_settings")


def ranked(apart: set[str], value: float = 1.0) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Distances of three systems, and their ranks if these pairs differ."""
    rows = [distance("ref", name, value * (1 + place), "official") for place, name in enumerate("abc")]
    head = {name: rows[0][name] for name in HEAD}
    differences = [
        {**head, "first": one, "second": other, "p_holm": 0.01 if one + other in apart else 0.2}
        for one, other in itertools.combinations("abc", 2)
    ]
    return rows, list(ranking_rows(rows, differences))


@pytest.mark.parametrize(
    ("apart", "wanted"),
    [
        ({"ac", "bc"}, ["**1.000** a", "**2.000** a", "3.000 b"]),
        ({"ac"}, ["**1.000** a", "**2.000** ab", "3.000 b"]),
        ({"ab", "ac", "bc"}, ["**1.000** a", "2.000 b", "3.000 c"]),
        (set(), ["1.000 a", "2.000 a", "3.000 a"]),
    ],
)
def test_what_cannot_be_told_from_the_best_is_bold_too_unless_that_is_everything(
    apart: set[str], wanted: list[str]
) -> None:
    rows, ranking = ranked(apart)
    table = distance_table("s", rows, ranking=ranking)
    text = markdown_table(table)
    assert [line[:-2].split(" | ")[1] for line in text.splitlines()[2:5]] == wanted
    assert "that share a letter cannot be told apart (permutation test, p \\> 0.05 after Holm's" in text
    assert ("with all that cannot be told from it" in text) == bool(apart)
    for cell in wanted:
        value, letters = cell.replace("*", "").split()
        number = rf"\mathbf{{{value}}}" if "*" in cell else value
        assert rf"${number}^{{\mathrm{{{letters}}}}}$" in latex_table(table)


def test_without_a_test_the_smallest_is_bold_and_the_table_says_that_none_was_made() -> None:
    rows, _ = ranked(set())
    text = markdown_table(distance_table("s", rows))
    assert "| **1.000** |" in text and "Differences were not tested." in text and "letter" not in text


def test_of_sets_of_different_sizes_the_best_is_so_without_bias() -> None:
    rows, ranking = ranked({"ab", "ac", "bc"})
    rows = [dict(row) for row in rows]
    for row, corrected, n in zip(rows, (0.9, 0.1, 0.8), (10, 900, 10), strict=True):
        row |= {"corrected": corrected, "n_evaluation": n, "ci_low": 0.0, "ci_high": 1.0}
    differences = [
        {key: rows[0][key] for key in HEAD} | {"first": one, "second": other, "p_holm": 0.01}
        for one, other in itertools.combinations("abc", 2)
    ]
    text = markdown_table(distance_table("s", rows, ranking=list(ranking_rows(rows, differences))))
    assert "| 1.000 c [" in text and "| **2.000** a [" in text
    without = "The best by FAD are so by values without bias, since sets have different n."
    assert without in text
    assert "without bias" not in markdown_table(distance_table("s", rows, ranking=ranking))
    untested = markdown_table(distance_table("s", rows, ranking=list(ranking_rows(rows, []))))
    assert "| 1.000 [" in untested and "| **2.000** [" in untested and without in untested
    rows[1]["corrected"] = -0.1  # the bias is larger than the value
    text = markdown_table(distance_table("s", rows, ranking=list(ranking_rows(rows, differences))))
    assert "**" not in text and "in bold" not in text and "1.000 a [" in text
    assert f"Systems are not ranked by FAD of vggish: {UNRANKED}." in text
    assert "**" not in markdown_table(distance_table("s", rows))


def test_a_system_has_one_row_with_the_metrics_of_each_model() -> None:
    metrics = {"vggish": {"fad": 2.0}, "passt": {"fad": 3.0, "kl": 1.0, "is": 4.0}}
    rows = [
        distance("ref", name, value + place, "official", model=model, metric=metric)
        for model, values in metrics.items()
        for metric, value in values.items()
        for place, name in enumerate("ab")
    ]
    table = distance_table("s", rows)
    lines = markdown_table(table).splitlines()
    assert lines[0] == "| evaluated set | vggish, FAD | passt, FAD | passt, KL | passt, IS |"
    assert lines[2] == "| a | **2.000** | **3.000** | **1.000** | 4.000 |"
    assert "reference : evaluated set (600 : 60)." in lines[5]
    latex = latex_table(table)
    assert r" & \multicolumn{1}{c}{vggish} & \multicolumn{3}{c}{passt} \\" in latex
    assert "larger is better for IS, smaller for the others" in latex
    assert "(KL) from ref, with Inception Score (IS)" in latex


def test_a_table_that_is_wider_than_a_page_is_divided_and_keeps_its_numbers() -> None:
    models = [f"model-of-a-long-name-{number}" for number in range(9)]
    rows = [distance("ref", name, 1.0, "official", model=model) for model in models for name in "ab"]
    latex = latex_table(distance_table("s", rows))
    parts = latex.split(r"\begin{tabular}")[1:]
    assert len(parts) > 1 and latex.count(r"\caption") == 1 and latex.startswith("% Needs")
    assert all("evaluated set & model-of" in part for part in parts)
    assert [latex.count(model) - 1 for model in models] == [0] * 9
    assert r"\begin{table*}" in latex and r"\begin{table}" in latex_table(distance_table("s", rows[:2]))


CAPTIONED = [
    clap_score(name, value, padded=padded)
    for name, value, padded in (("ref", 0.5, 0), ("a", 0.31, 2), ("b", 0.33, 0))
]
"""CLAP scores of a reference and of two systems; a third one has no captions."""


def systems(**others: Any) -> list[dict[str, Any]]:
    return [distance("ref", name, 1.0 + place, "official", **others) for place, name in enumerate("abc")]


def test_the_clap_score_is_a_column_in_which_the_reference_is_no_system() -> None:
    text = markdown_table(distance_table("s", systems(), scores=CAPTIONED))
    lines = text.splitlines()
    assert lines[0] == "| evaluated set | vggish, FAD | clap, CLAP score |"
    assert lines[2:6] == [
        "| ref | – | 0.5000 [0.4800, 0.5200] |",
        "| a | **1.000** | 0.3100 [0.2900, 0.3300]† |",
        "| b | 2.000 | **0.3300** [0.3100, 0.3500] |",
        "| c | 3.000 | – |",
    ]
    assert "from ref, with CLAP score; larger is better for CLAP score, smaller for the others." in text
    assert "evaluated set (600 : 60). n of the CLAP score: number of files with captions (12)." in text
    assert "† files of these sets were padded with zeros." in text


def test_differences_of_what_was_not_tested_are_told_from_those_that_were() -> None:
    rows, ranking = ranked({"ab", "ac", "bc"})
    text = markdown_table(distance_table("s", rows, ranking=ranking, scores=CAPTIONED))
    assert "p \\> 0.05" in text and "Differences in CLAP score were not tested." in text


@pytest.mark.parametrize(("pairs", "best"), [([], "ref"), ([("ref", "a"), ("ref", "b")], "b")])
def test_clap_scores_alone_are_a_table_of_their_own(pairs: list[tuple[str, str]], best: str) -> None:
    table = distance_table("s", [], scores=CAPTIONED, pairs=pairs, name="clap_score")
    lines = markdown_table(table).splitlines()
    assert lines[0] == "| evaluated set | clap |" and table.label == "tab:s-clap_score"
    assert [line.split(" | ")[0] for line in lines[2:5] if "**" in line] == [f"| {best}"]
    assert table.caption.startswith("CLAP score; larger is better.")
    assert "confidence interval of the mean over files." in lines[6]


POPULATIONS = "95 % confidence interval of the value in the populations"
BELOW_FAD = ", above which FAD lies by its bias"
ABOVE_IS = ", below which IS of parts with few files lies by its bias"
OF_SCORE = "; of the CLAP score, of the mean over files"
KAD = {"metric": "kad"}


@pytest.mark.parametrize(
    ("others", "ends", "scores", "wanted"),
    [
        ({}, True, CAPTIONED, POPULATIONS + BELOW_FAD + OF_SCORE),
        (KAD, True, CAPTIONED, POPULATIONS + OF_SCORE),
        ({}, True, [], POPULATIONS + BELOW_FAD),
        ({"metric": "is"}, True, [], POPULATIONS + ABOVE_IS),
        ({}, False, CAPTIONED, "95 % confidence interval of the mean over files"),
    ],
)
def test_brackets_are_explained_by_the_metrics_that_have_them(
    others: dict[str, str], ends: bool, scores: list[dict[str, Any]], wanted: str
) -> None:
    rows = systems(**others, **({"ci_low": 0.5, "ci_high": 0.75} if ends else {}))
    assert f" Brackets: {wanted}." in markdown_table(distance_table("s", rows, scores=scores))
    assert "Brackets" not in markdown_table(distance_table("s", systems()))


def test_a_column_without_values_stays_and_a_note_says_why() -> None:
    few = {"value": None, "note": "no value: 9 files cannot be divided; fewer than 50 files"}
    missing = [row | few for row in systems(metric="is")]
    table = distance_table("s", [*systems(), *missing, *systems(metric="kad")])
    text = markdown_table(table)
    assert text.splitlines()[0] == "| evaluated set | FAD | IS | KAD |"
    assert text.splitlines()[2] == "| a | **1.000** | – | **1.000** |"
    for shown in (text, latex_table(table)):
        assert "No value of IS by vggish for a, b and c: 9 files cannot be divided." in shown
    assert "& -- &" in latex_table(table) and "fewer than 50" not in text


def test_a_remark_on_a_set_has_one_mark_for_distances_and_clap_scores() -> None:
    score = clap_score("a", 0.31, padded=0, note="3 files peak above 4; odd")
    rows = systems()
    rows[0] |= {"note": "a: 3 files peak above 4"}
    text = markdown_table(distance_table("s", rows, scores=[score]))
    assert "| a | **1.000**† | 0.3100 [0.2900, 0.3300]†,‡ |" in text
    assert text.endswith("\n† a: 3 files peak above 4.\n\n‡ odd.\n")


def test_in_a_matrix_the_clap_score_is_a_row() -> None:
    rows = [distance(*pair, 1.0, "official", model="clap") for pair in itertools.combinations("abc", 2)]
    lines = markdown_table(distance_table("s", rows, scores=CAPTIONED[1:])).splitlines()
    assert lines[0] == "| model | reference | a | b | c | n |"
    values = "0.3100 [0.2900, 0.3300]† | **0.3300** [0.3100, 0.3500] | –"
    assert lines[5] == f"| clap (CLAP score) | captions | {values} | 12 |"


@pytest.mark.parametrize(("names", "heading"), [("abc", "a | b | c | e"), ("abcdfg", "6 | 7")])
def test_a_set_with_captions_alone_is_a_column_of_the_matrix(names: str, heading: str) -> None:
    rows = [distance(*pair, 1.0, "official", model="clap") for pair in itertools.combinations(names, 2)]
    table = distance_table("s", rows, scores=[*CAPTIONED[1:], clap_score("e", 0.9, padded=2)])
    lines = markdown_table(table).splitlines()
    assert lines[0].endswith(f"| {heading} | n |")
    scored = next(line for line in lines if "captions |" in line)
    assert scored.count("**") == 2 and scored.endswith("| **0.9000** [0.8800, 0.9200]† | 12 |")
    # With numbers in place of names, its row names its column.
    own = [line for line in lines if "| e |" in line][1 if len(names) == 3 else 0 :]
    assert own == ([] if len(names) == 3 else [f"| clap (FAD) | 7 | e |{' – |' * 8}"])
    latex = latex_table(table)
    assert latex.count(r"\mathbf{0.9000}") == 1 and ("7 & e & --" in latex) == (len(names) > 3)


def test_a_set_with_captions_that_is_in_no_pair_has_no_reference() -> None:
    table = distance_table("s", systems(), scores=[*CAPTIONED, clap_score("e", 0.9, padded=0)])
    lines = markdown_table(table).splitlines()
    assert lines[2].startswith("| ref | ref | – | 0.5000") and lines[5] == "| ref | c | 3.000 | – |"
    assert lines[6] == "| – | e | – | 0.9000 [0.8800, 0.9200] |"
    alone = distance_table("s", [], scores=CAPTIONED, pairs=[("ref", "a")])
    assert [row[:2] for group in alone.groups for row in group] == [("ref", "ref"), ("ref", "a"), (None, "b")]


def test_the_clap_score_of_draws_is_their_mean() -> None:
    groups = {"ours": ["a", "b"]}
    rows = systems()
    table = distance_table("s", rows, repeat_rows(rows, groups), groups, scores=CAPTIONED)
    assert "| ours | **1.500** ± 0.707 | 0.3200 ± 0.0141† |" in markdown_table(table)


def test_a_remark_on_all_values_of_a_metric_stands_below_the_table() -> None:
    rows = [*systems(note="small"), *systems(metric="kl", note="small; odd")]
    rows[0] |= {"note": "small; peaks"}
    text = markdown_table(distance_table("s", rows, scores=CAPTIONED[2:]))
    assert "All values of FAD and KL: small. All values of KL: odd." in text
    assert "| a | **1.000**† | **1.000** | – |" in text and "\n† peaks.\n" in text


def test_a_part_of_a_divided_table_has_the_rows_that_have_values_in_it() -> None:
    rows = [row for m in range(9) for row in systems(model=f"model-of-a-long-name-{m}")]
    table = distance_table("s", rows, scores=CAPTIONED)
    first, *_, last = ([line[0] for line in lines] for lines, _ in latex_parts(latex_table(table), table))
    assert first == ["evaluated set", "a", "b", "c"] and last == ["evaluated set", "ref", "a", "b", "c"]
    assert markdown_table(table).count("| ref |") == 1


def test_in_a_table_wider_than_a_page_intervals_stand_below_the_numbers() -> None:
    bounded = {"ci_low": 0.5, "ci_high": 0.75}
    few, many = (
        [distance("ref", "a", 1.0, "official", model=f"model-{m}", **bounded) for m in range(count)]
        for count in (2, 4)
    )
    assert r"$1.000\ [0.5000, 0.7500]$" in latex_table(distance_table("s", few))
    latex = latex_table(distance_table("s", many))
    assert latex.count(r"$1.000$\\{\scriptsize $[0.5000, 0.7500]$}\end{tabular}") == 4
    assert latex.count(r"\toprule") == 1
