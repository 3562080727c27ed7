"""Labels in place of names, in all that people read, and in nothing else."""

from __future__ import annotations

from pathlib import Path

from fad_study.labels import labelled
from fad_study.report.summary import summary_text
from small_study import Study

from fad_core.metrics.frechet import BIAS_NOTES

LABELS = {"a": "Ours (v2) <b>", "b": "Ours; again", "reference": "Clips"}


def test_notes_name_the_label_of_a_set_and_keep_that_of_a_side() -> None:
    bias = BIAS_NOTES[1]
    note = f"reference: {bias}; a: 2 files silent; b: 1 file; a sound"
    row = {"reference": "a", "evaluation": "reference", "note": note, "value": 1.0}
    assert labelled([row], LABELS) == [
        {
            "reference": "Ours (v2) <b>",
            "evaluation": "Clips",
            "note": f"reference: {bias}; Ours (v2) <b>: 2 files silent; b: 1 file; a sound",
            "value": 1.0,
        }
    ]
    row = {"reference": "b", "evaluation": "reference", "note": "b: 1 file; reference: 2 files"}
    assert labelled([row], LABELS)[0]["note"] == "Ours, again: 1 file; Clips: 2 files"
    assert labelled([{"dataset": "b", "n": 1}, {"dataset": "c"}], LABELS) == [
        {"dataset": "Ours; again", "n": 1},
        {"dataset": "c"},
    ]


def test_the_report_and_the_terminal_show_labels(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.labels = LABELS
    study.files = [study.file("a", "lost.wav", "excluded", "bad")]
    page = study.page()
    assert page.count("Ours (v2) &lt;b&gt;") > 6 and "<b>Ours (v2) &lt;b&gt;</b>" in page
    assert "<td>a</td>" not in page and ">b</th>" not in page
    lines = summary_text(tmp_path, 120).splitlines()
    assert lines[0].startswith("fad to Ours (v2) <b>  ") and lines[2].startswith("Ours; again  ")
    matrix = (tmp_path / "tables/vggish.fad.matrix.csv").read_text(encoding="utf-8")
    assert matrix.startswith("reference,a,b,c\n")
