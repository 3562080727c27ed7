from __future__ import annotations

import hashlib
import html
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fad_study.config import examine_config, read_yaml
from fad_study.ranking import UNRANKED, ranking_rows
from fad_study.report import write_report
from fad_study.schemas.ranking import RANKING
from fad_study.study import interpret_config
from small_study import NOTE, SHA, Study, check, distance

from fad_core.errors import FadError
from fad_core.tables import write_table


class Outline(HTMLParser):
    """What a browser would see: tags, attributes and text."""

    VOID = frozenset({"meta", "br", "link", "img", "path", "use"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th", "dt", "dd"):
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def test_the_page_is_well_formed_and_needs_no_other_file(tmp_path: Path) -> None:
    outline = Outline(Study(tmp_path).page())
    assert not outline.open
    names = {tag for tag, _ in outline.tags}
    assert not names & {"link", "img", "iframe", "object"}
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [a["href"] or "" for tag, a in outline.tags if tag == "a"]
    assert {target[1:] for target in targets if target.startswith("#")} <= set(ids)


def test_only_the_script_of_the_page_may_run(tmp_path: Path) -> None:
    page = Study(tmp_path).page()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(script) < 6000
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}';" in page


def test_a_model_of_two_outputs_is_told_by_its_main_one(tmp_path: Path) -> None:
    study = Study(tmp_path)
    one = study.page()
    study.two_outputs = True
    assert study.page() == one


def test_the_same_results_give_the_same_bytes_wherever_they_lie(tmp_path: Path) -> None:
    pages = [Study(tmp_path / name).page() for name in ("here", "there")]
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0] and str(Path.home()) not in pages[0]


def test_values_notes_counts_and_hashes_are_told(tmp_path: Path) -> None:
    text = Outline(Study(tmp_path).page()).text
    for told in ("12.4375", "4.76800", "0.0123457", NOTE, SHA["official"], "1812.08466"):
        assert told in text
    assert "embedded 18 files, 3 min 45 s of audio, as 180 vectors: 12 unchanged, 6 padded" in text
    assert "3 audio files were excluded; 6 other files were ignored" in text
    assert "the smallest FAD is between b and c (0.01235), the largest between a and b (12.44)" in text


def test_how_a_model_was_used_is_told(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.distances = [row | {"settings": "loudness=-14.0"} for row in study.distances]
    assert "<td>loudness=-14.0</td>" in study.page()


def test_the_configuration_and_the_versions_that_made_it_are_told(tmp_path: Path) -> None:
    text = Outline(Study(tmp_path).page()).text
    assert "study: trial datasets: a: path: audio/a" in text
    for package in ("fad_core", "Python", "torch", "numpy", "scipy", "soundfile", "libsndfile", "resampy"):
        assert re.search(rf"{package} v?\d", text)


def test_the_configuration_that_is_told_makes_the_same_study(tmp_path: Path) -> None:
    """Of `pairs: all`, the order of the data sets decides which one is the reference."""
    given = {
        "study": "trial",
        "datasets": {name: {"path": f"audio/{name}"} for name in ("reference", "zeta", "alpha", "Beta")},
        "models": [
            {"id": "vggish", "weights": "seeded"},
            {"id": "pann-16k", "name": "a", "weights": "x.pth"},
        ],
        "repeats": {"z": ["zeta"], "b": ["Beta"]},
    }
    study = Study(tmp_path)
    study.config = given
    page = study.page()
    told = html.unescape(re.search(r"<pre>(study: .*?)</pre>", page, re.DOTALL)[1])  # type: ignore[index]
    (tmp_path / "study.yaml").write_text(told, encoding="utf-8")
    schema = Path(__file__).parents[3] / "workflow/schemas/config.schema.yaml"
    before, after = (
        interpret_config(examine_config(config, schema).config)
        for config in (given, read_yaml(tmp_path / "study.yaml"))
    )
    assert after == before
    assert after.pairs == before.pairs and after.pairs[:2] == (("reference", "zeta"), ("reference", "alpha"))
    # Equal mappings may differ in their order.
    assert [list(getattr(after, name)) for name in ("datasets", "models")] == [
        list(given["datasets"]),
        ["vggish", "a"],
    ]
    assert list(after.papers.repeats) == ["z", "b"]


@pytest.mark.parametrize(("weights", "shown"), [("seeded", True), ("official", False)])
def test_seeded_weights_have_a_banner(tmp_path: Path, weights: str, shown: bool) -> None:
    page = Study(tmp_path, weights).page()
    assert ('role="alert"' in page) == shown
    assert ("not a published model" in page) == shown


def test_files_set_apart_are_listed_and_used_ones_are_not(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.files += [
        study.file("a", "notes.txt", "ignored", "no audio file"),
        study.file("b", "s.wav", "padded", "0.5 s"),
    ]
    study.files += [study.file("c", "broken.wav", "excluded", "cut short")]
    study.files += [study.file("c", "loud.wav", "used", "") | {"note": "peaks at 9"}]
    text = Outline(study.page()).text
    assert "1 excluded, 1 padded, 1 used with a note, 1 ignored. All are listed" in text
    assert (
        text.index("broken.wav excluded cut short")
        < text.index("s.wav padded 0.5 s")
        < text.index("notes.txt")
    )
    assert "fine.wav" not in text


def test_long_lists_of_files_are_cut_and_say_so(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.files += [study.file("a", f"{index:04}.txt", "ignored", "no audio file") for index in range(600)]
    study.files.append(study.file("c", "broken.wav", "excluded", "cut short"))
    text = Outline(study.page()).text
    assert "The first 500 of 601 are listed" in text
    assert "broken.wav" in text and "0498.txt" in text and "0499.txt" not in text


def test_names_cannot_inject_anything(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.files.append(
        study.file("a", "<script>alert(1)</script>\n.wav", "excluded", "<img src=x onerror=y> & {{ 7*7 }}")
    )
    study.config["audio_root"] = "</pre><script>alert(2)</script>"
    outline = Outline(study.page())
    assert [tag for tag, _ in outline.tags if tag in ("script", "img")] == ["script"]
    assert "<script>alert(1)</script>\\n.wav" in outline.text and "{{ 7*7 }}" in outline.text


def verification_of(study: Study) -> str:
    return re.sub(r".*Before anything is embedded", "", Outline(study.page()).text)


def test_levels_of_verification_have_their_verdict_and_one_that_was_not_run_none(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.verification.append(check("golden", "seeded", quantity="fad"))
    text = verification_of(study)
    assert "vggish eager embedding official 1 2.00e-07 3.25e-07 1e-05 passed" in text
    assert "vggish golden embedding seeded 2 2.00e-07 3.25e-07 1e-05 passed" in text
    assert "vggish golden fad seeded 1" in text
    assert "vggish reference this level was not run" in text


def test_one_failed_comparison_fails_its_level_and_other_weights_prove_nothing(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.verification = [
        check("golden", "seeded", "failed"),
        check("golden", "seeded"),
        check("eager", "seeded"),
    ]
    text = verification_of(study)
    assert "vggish eager this level was not run" in text
    assert "3.25e-07 1e-05 failed" in text and "passed" not in text


def test_a_metric_with_intervals_shows_them(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.distances[0] |= {"ci_low": 11.5, "ci_high": 13.25}
    assert "12.4375 11.5000 13.2500" in Outline(study.page()).text


def test_a_pair_without_a_value_is_shown_with_its_reason(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.distances[0] |= {"value": None, "note": "no value: too few vectors"}
    text = Outline(study.page()).text
    assert "no value: too few vectors" in text and "12.4375" not in text
    for row in study.distances:
        row["value"] = None
    assert "no pair has a value of FAD" in Outline(study.page()).text


def test_a_figure_that_is_missing_is_named(tmp_path: Path) -> None:
    sources = Study(tmp_path).write()
    config = {"study": "trial", "models": [{"id": "vggish"}]}
    with pytest.raises(FadError, match=r"vggish\.fad\.heatmap\.svg is not among the given files"):
        write_report(config, replace(sources, heatmaps=[]), tmp_path / "report.html")
    sources.heatmaps[0].unlink()
    with pytest.raises(FadError, match=r"vggish\.fad\.heatmap\.svg: .*run the step"):
        write_report(config, sources, tmp_path / "report.html")
    with pytest.raises(FadError, match=r"not a table of this study; its models are vggish"):
        write_report({"study": "trial", "models": [{"id": "clap"}]}, sources, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("content", [b"", b"<svg", b"<svg>\xff</svg>", b"svg></svg>"])
def test_a_damaged_figure_is_named(tmp_path: Path, content: bytes) -> None:
    study = Study(tmp_path)
    sources = study.write()
    sources.heatmaps[0].write_bytes(content)
    with pytest.raises(FadError, match=r"heatmap\.svg: damaged or cut short .*delete it and run again"):
        write_report(study.config, sources, tmp_path / "report.html")


def test_a_set_without_statistics_is_named(tmp_path: Path) -> None:
    study = Study(tmp_path)
    sources = study.write()
    sources = replace(sources, statistics=[sources.statistics[0], *sources.statistics[:2]])
    with pytest.raises(FadError, match="names c by vggish, of which there are no statistics"):
        write_report(study.config, sources, tmp_path / "report.html")


def ranked_page(root: Path, metric: str, far: dict[str, float | int]) -> str:
    """The page of a study whose systems b and c are ranked; c has fewer vectors."""
    study = Study(root)
    near = {"corrected": 12.6, "ci_low": 0.0, "ci_high": 26.3, "metric": metric, "n_evaluation": 10}
    study.distances = [
        distance("a", "b", 15.9, "official", **near),
        distance("a", "c", 412.6, "official", **near | {"n_evaluation": 9} | far),
    ]
    ranking = root / "tables/ranking.parquet"
    sources = replace(study.write(), ranking=ranking)
    write_table(RANKING, list(ranking_rows(study.distances, [])), ranking)
    write_report(study.config, sources, root / "report.html")
    return Outline((root / "report.html").read_text(encoding="utf-8")).text


def test_systems_that_are_not_ranked_have_no_headline_and_no_place(tmp_path: Path) -> None:
    text = ranked_page(tmp_path, "fad", {"corrected": -352.0, "ci_high": 1043.0})
    assert f"By FAD of vggish against a, systems are not ranked: {UNRANKED}." in text
    assert "is nearest to" not in text and f"Without a place: {UNRANKED}." in text


def test_an_unbiased_value_below_zero_is_ranked_and_shown_as_zero(tmp_path: Path) -> None:
    text = ranked_page(tmp_path, "kad", {"corrected": -0.5, "ci_low": -2.0, "ci_high": 1.0})
    assert "c is nearest to a by KAD of vggish: 0, corrected (interval of the value in the" in text


def test_a_page_without_fad_has_the_title_of_its_metric(tmp_path: Path) -> None:
    text = ranked_page(tmp_path, "is", {})
    assert text.strip().startswith("trial — Inception Score Inception Score trial")
