"""What a paper includes is compiled by LaTeX: every table, the methods paragraph and its references."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fad_study.correlations import Published, correlation_rows, read_grids, read_published
from fad_study.paper_options import CorrelationChoice
from fad_study.ranking import ranking_rows
from fad_study.schemas.files import DATASETS
from fad_study.schemas.papers import CORRELATIONS, PUBLISHED
from fad_study.schemas.ranking import RANKING
from fad_study.steps.papers import summarise_categories, write_methods, write_paper_tables
from small_study import UNREMARKABLE, clap_score
from small_study import distance as any_distance
from test_correlations import GIVEN, QUICK

from fad_core.metrics.frechet import BIAS_NOTES
from fad_core.tables import CLAP_SCORE, DISTANCES, write_table

distance = partial(any_distance, excluded=0, padded=0)

PACKAGES = ("booktabs.sty", "lmodern.sty")
LATEX = shutil.which("pdflatex") and shutil.which("bibtex") and shutil.which("kpsewhich")
pytestmark = pytest.mark.skipif(
    not (LATEX and subprocess.run([LATEX, *PACKAGES], stdout=subprocess.DEVNULL).returncode == 0),
    reason="no LaTeX: apt-get install texlive-latex-base texlive-latex-recommended lmodern brings it",
)
LABELS = {
    "ref": "AudioCaps, test",
    "ours": "AudioGen v2 (ours)",
    "theirs": "Tänzer & Söhne_2 <50 %>",
    "old": "[Łódź] #3, −25 dB ≈ α → ∞",
    "starred": "* its best [10] checkpoint",
    "long": "A baseline whose name is longer than a column of a table would be wide",
}
MODELS = (
    "vggish=vggish",
    "clap=clap-630k-audioset crop=first",
    "clap-music=clap-music-audioset crop=first",
    "encodec-24k=encodec-24k compatibility=fadtk",
)
NAMES = [text.partition("=")[0] for text in MODELS]
METRICS = {"fad": 137.0, "kad": 0.237, "precision": 0.6, "coverage": 0.5}


def distances(
    metrics: tuple[str, ...], pairs: list[tuple[str, str]], weights: str = "official", **others: Any
) -> list[dict[str, Any]]:
    rows = []
    for model, metric, (place, (first, second)) in itertools.product(NAMES, metrics, enumerate(pairs)):
        value = METRICS[metric] * (1 + 0.1 * place)
        bounded = {"ci_low": 0.8 * value, "ci_high": 0.9 * value} if metric in ("fad", "kad") else {}
        note = f"evaluation: {BIAS_NOTES[1]}" if model != "vggish" and metric == "fad" else ""
        facts = {"model": model, "metric": metric, "note": note, "padded": 3 * (second == "old")}
        rows.append(distance(first, second, value, weights, **(facts | bounded | others)))
    return rows


def ranks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ranks of systems of which those beside each other cannot be told apart."""
    differences = []
    for _, group in itertools.groupby(rows, key=lambda row: (row["model"], row["metric"])):
        for (place, one), (further, other) in itertools.combinations(enumerate(group), 2):
            pair = {"first": one["evaluation"], "second": other["evaluation"]}
            differences.append(one | pair | {"p_holm": 0.2 if further - place == 1 else 0.01})
    return list(ranking_rows(rows, differences))


def correlations(path: Path) -> Path:
    grids = read_grids(GIVEN / "dcase2023_task7_fad.csv", GIVEN / "dcase2023_task7_mos.csv")
    published = Published(read_published(GIVEN / "dcase2023_task7_correlations.csv"))
    write_table(CORRELATIONS, correlation_rows(*grids, QUICK, published), path)
    return path


def write_study(folder: Path, name: str, rows: list[dict[str, Any]], whole: bool = False) -> list[str]:
    """Write tables for a paper, the methods too if `whole`; return their names."""
    tables = folder / f"{name}-tables"
    counts = {"found": 9, "used": 40, "padded": 2, "excluded": 1, "ignored": 2, "seconds": 750.0}
    counts |= UNREMARKABLE
    sets = list(dict.fromkeys(row[side] for row in rows for side in ("reference", "evaluation")))
    listed = [
        {"model": model, "dataset": each, "label": LABELS.get(each, each), "vectors": 60 + len(each)} | counts
        for model in NAMES
        for each in sets
    ]
    write_table(DATASETS, listed, tables / "datasets.parquet")
    write_table(DISTANCES, rows, tables / "distances.parquet")
    scores = [clap_score(each, 0.1 * len(each) / 7) for each in sets]
    write_table(CLAP_SCORE, scores, tables / "clap_score.parquet")
    scored = tables / "clap_score.parquet" if whole else None
    write_table(RANKING, ranks(rows) if whole else [], tables / "ranking.parquet")
    head = {key: rows[0][key] for key in ("model", "weights", "weights_sha256", "settings", "reference")}
    figure = {"metric": "fad", "value": 137.0, "draws": 1, "sd": None, "min": 137.0, "max": 137.0}
    figure |= {"evaluation": rows[0]["evaluation"], "published": 12.4375, "source": "Kilgour et al. 2019"}
    figure |= {"difference": 1.0, "relative_difference": 0.1, "tolerance": 0.05, "verdict": "differs"}
    write_table(PUBLISHED, [head | figure | {"note": ""}], tables / "published.parquet")
    paths = [tables / f"{each}.parquet" for each in ("distances", "datasets", "ranking", "published")]
    correlated = correlations(tables / "correlations.parquet") if whole else None
    names = ["distances", "categories", "published", "correlations"] if whole else ["distances"]
    outputs = [folder / name / f"{each}.tex" for each in names]
    places = {each: (LABELS.get(each, each), "rain & 50 % #1_a") for each in sets[1:]}
    by_category = [tables / "categories.parquet"]
    summarise_categories(paths[0], places, by_category)
    given = (*by_category, paths[3], correlated) if whole else (None, None, None)
    write_paper_tables(name, *paths[:3], None, {}, *given, 0.95, outputs, scored)
    if whole:
        outputs.append(folder / "methods.tex")
        choice = CorrelationChoice("mos.csv", "fad.csv", {}, None, 0.005, 1000, 0.95)
        written = [outputs[-1], folder / "references.bib"]
        alone = [folder / name / "clap_score.tex"]
        write_paper_tables(name, None, paths[1], None, None, {}, *3 * [None], 0.95, alone, scored)
        outputs += alone
        write_methods(MODELS, *paths[:3], correlated, choice, 3, written, scored)
    return [str(path.relative_to(folder)) for path in outputs]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with the tables of studies of several kinds, and their names."""
    folder = tmp_path_factory.mktemp("latex")
    systems = [("ref", name) for name in list(LABELS)[1:]]
    everything = list(itertools.combinations([f"drums {n}" for n in range(9)], 2))
    blocks = [*systems[:2], ("ours", "theirs"), ("ours", "old")]
    return folder, [
        *write_study(folder, "whole", distances(tuple(METRICS), systems), whole=True),
        *write_study(
            folder, "one-model", [r for r in distances(("fad",), systems) if r["model"] == "vggish"]
        ),
        *write_study(folder, "several-models", distances(("fad",), systems)),
        *write_study(folder, "several-references", distances(("fad",), blocks)),
        *write_study(
            folder, "all-pairs", distances(("fad",), everything, "seeded", ci_low=None, ci_high=None)
        ),
    ]


def test_space_is_between_rows_with_intervals_and_no_line_ends_before_a_percent_sign(
    tables: tuple[Path, list[str]],
) -> None:
    wide, narrow = (read(tables[0] / name / "distances.tex") for name in ("whole", "one-model"))
    assert "\\\\\n\\addlinespace[2pt]\n" in wide and "addlinespace" not in narrow
    assert not re.search(r"addlinespace\[2pt\]\n\\(midrule|bottomrule)", wide)
    assert r" 95~\% confidence interval" in wide and r" 95~\% conf" in read(tables[0] / "methods.tex")


@pytest.mark.parametrize("options", ["", "[twocolumn]"])
def test_everything_for_a_paper_compiles(tables: tuple[Path, list[str]], options: str) -> None:
    folder, names = tables
    document = folder / f"paper{options.strip('[]')}.tex"
    labels = sorted({label for name in names for label in re.findall(r"\\label{(.*)}", read(folder / name))})
    assert len(labels) == 9
    lines = [
        rf"\documentclass{options}{{article}}",
        r"\usepackage[T1]{fontenc}\usepackage{lmodern}\usepackage{booktabs}",
        r"\begin{document}",
        *(rf"Table~\ref{{{label}}}." for label in labels),
        *(rf"\input{{{name}}}" for name in names),
        r"\bibliographystyle{plain}\bibliography{references}",
        r"\end{document}",
    ]
    document.write_text("\n".join(lines), encoding="utf-8")
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", document.name]
    for command in (latex, ["bibtex", document.stem], latex, latex):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, done.stdout[-3000:]
    log = read(document.with_suffix(".log"))
    assert not re.search("undefined|Missing character|multiply defined|Float too large", log)
    assert "Warning" not in read(document.with_suffix(".blg"))
    overfull = [float(points) for points in re.findall(r"Overfull \\hbox \((.*?)pt", log)]
    assert max(overfull, default=0) < 3, log


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
