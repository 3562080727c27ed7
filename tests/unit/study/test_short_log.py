"""What `fad study run` shows of a run: a line for each job, how much is left, and what has failed."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fad_study.batches import batches_of, share_batches
from fad_study.cli.short_log import ShortLog, step_text
from fad_study.cli.time_left import TimeLeft
from fad_study.report.summary import summary_text
from small_study import NOTE, Study

from fad_core.tables import DISTANCES, write_table

FIELDS = ("event", "jobid", "job_id", "rule_name", "wildcards", "log", "stats", "study_results")


def event(
    kind: str | None = None, text: str = "", level: int = logging.INFO, **fields: Any
) -> dict[str, Any]:
    return dict.fromkeys(FIELDS) | {"event": kind, "text": text, "level": level} | fields


def begun(job: int, rule: str, **wildcards: str) -> dict[str, Any]:
    return event("job_info", jobid=job, rule_name=rule, wildcards=wildcards)


@dataclass
class Shown:
    """What is shown, at times that are set."""

    folder: Path
    quiet: bool = False
    now: float = 0.0
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file = self.folder / "all.log"
        self.log = ShortLog(self.lines.append, self.file, quiet=self.quiet, clock=lambda: self.now)

    def take(self, *events: dict[str, Any]) -> list[str]:
        """Show events, and return the new lines."""
        before = len(self.lines)
        for each in events:
            self.log.take(each)
        return self.lines[before:]

    def finish(self, status: int) -> list[str]:
        before = len(self.lines)
        self.log.finish(status, "fad study run")
        return self.lines[before:]


JOBS = event("run_info", "Job stats: …", stats={"scan_files": 1, "embed_files": 3, "all": 1, "total": 5})


def test_each_job_is_a_line_with_the_time_that_is_left(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    assert shown.take(event(text="Building DAG of jobs..."), JOBS) == [
        f"4 jobs; Snakemake's lines: {tmp_path / 'all.log'}"
    ]
    assert shown.take(begun(1, "scan_files")) == ["scan files … 0 of 4 jobs"]
    shown.now = 2.0
    # Nothing is known of the long ones.
    finished = event("job_finished", "Finished jobid: 1", job_id=1)
    assert shown.take(finished, begun(2, "embed_files", model="clap")) == [
        "embed files by clap … 1 of 4 jobs"
    ]
    shown.now = 22.0
    (line,) = shown.take(event("job_finished", job_id=2), begun(3, "embed_files", model="vggish"))
    assert line == "embed files by vggish … 2 of 4 jobs, about 40 s left"
    assert not shown.take(event("progress"), begun(0, "all"), event(text="Select jobs to execute..."))
    assert shown.take(event(text="slow disk", level=logging.WARNING)) == ["slow disk"]
    shown.take(
        event("job_finished", job_id=3), begun(4, "embed_files", model="x"), event("job_finished", job_id=4)
    )
    shown.now = 62.0
    assert shown.finish(0) == [
        "4 of 4 jobs done in 1 min 2 s; time of jobs: embed files 20.0 s, scan files 2.0 s"
    ]


def test_a_failed_job_is_shown_once_and_in_full(tmp_path: Path) -> None:
    shown = Shown(tmp_path, quiet=True)
    (tmp_path / "check.log").write_text("\n2 files cannot be used:\n  a.wav\n")
    shown.take(JOBS, begun(1, "scan_files"))
    log = [str(tmp_path / "check.log")]
    raised = event("error", "RuleException:\nCalledProcessError in file", logging.ERROR)
    failed = event("job_error", "Error in rule", logging.ERROR, jobid=1, rule_name="scan_files", log=log)
    assert shown.take(raised, failed) == [
        f"scan files failed:\n2 files cannot be used:\n  a.wav\nlog: {tmp_path / 'check.log'}"
    ]
    assert shown.take({**failed, "log": ["no.log"]}) == ["Error in rule"], "what Snakemake knows"
    last = event("error", "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR)
    assert not shown.take(last)
    assert shown.finish(1) == [f"failed: 0 of 4 jobs done; all lines of Snakemake and its jobs: {shown.file}"]


def test_what_fails_before_any_job_is_told_without_the_lines_around_it(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    shown.take(event(text="Building DAG of jobs..."))
    shown.file.write_text("Building DAG of jobs...\nthe configuration cannot be used:\n  - unknown key 'x'\n")
    assert shown.finish(1) == ["the configuration cannot be used:\n  - unknown key 'x'"]
    shown.file.write_text("")
    assert shown.finish(137) == ["Snakemake has ended with status 137"]


def test_runs_without_jobs_say_so(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    shown.take(event(text="Unlocked working directory."))
    assert shown.finish(0) == ["Unlocked working directory."]
    shown = Shown(tmp_path)
    shown.take(event(text="Nothing to be done (all requested files are present and up to date)."))
    assert shown.log.nothing_to_do and shown.finish(0) == ["nothing to do: the results are complete"]


def test_failures_of_jobs_that_are_ended_are_not_shown(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    reading, writing = os.pipe()
    failed = event("job_error", "Error in rule a", logging.ERROR, jobid=1, rule_name="a", log=[])
    for each in (JOBS, begun(1, "a"), failed):
        os.write(writing, f"{json.dumps(each)}\n".encode())
    os.close(writing)
    shown.log.follow(reading, [2])
    os.close(reading)
    assert "Error in rule a" not in shown.lines
    assert shown.lines[-1] == "interrupted: waiting for the running jobs to end"
    assert shown.finish(130) == ["stopped: 0 of 4 jobs done; to continue: fad study run"]


def test_a_terminal_also_shows_the_progress_in_its_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for live in (False, True):
        reading, writing = os.pipe()
        os.write(writing, "".join(f"{json.dumps(each)}\n" for each in (JOBS, begun(1, "a"))).encode())
        os.close(writing)
        lines: list[str] = []
        ShortLog(lines.append, tmp_path / "all.log", live=live).follow(reading)
        os.close(reading)
        assert lines[1:] == ["a … 0 of 4 jobs"]
        written = capsys.readouterr().err
        assert written.endswith("\r0 of 4 jobs, 1 running\x1b[K\r\x1b[K") if live else not written


def test_a_batch_is_shown_by_its_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAD_BATCHES", "")
    batches = batches_of([((name, number), 1) for name in "abcd" for number in (0, 1)], 100)
    share_batches(batches, Path(".snakemake/fad_batches"))
    (batch,) = batches
    assert (
        step_text("embed_files", {"model": "clap", "batch": batch}) == "embed files: a, b and 2 more by clap"
    )
    assert step_text("write_matrix", {"model": "clap", "metric": "fad"}) == "write matrix: fad by clap"
    assert step_text("scan_files", {"batch": "f" * 16}) == f"scan files: {'f' * 16}"


def test_jobs_side_by_side_take_less_time() -> None:
    left = TimeLeft({"embed_files": 8}, 0.0)
    for job in range(4):
        left.begin(job, "embed_files", 0.0)
    assert left.seconds(10.0) is None and left.running == 4
    for job in range(4):
        left.end(job, 10.0)
    assert left.seconds(10.0) == pytest.approx(10.0)
    left.begin(5, "embed_files", 10.0)
    left.end(5, 12.0, done=False)
    assert left.done == 4, "it failed"
    left.end(77, 12.0)


def test_the_summary_has_the_distances_from_the_reference_and_the_paths(tmp_path: Path) -> None:
    study = Study(tmp_path, "seeded")
    study.write()
    lines = summary_text(tmp_path, 80).splitlines()
    assert [line.split() for line in (lines[0], *lines[2:4])] == [
        ["fad", "to", "a", "vggish", "(seeded)"],
        ["b", "12.44"],
        ["c", "4.768"],
    ]
    assert "Notes on single values: 1 remark in distances.csv." in lines
    study.distances = study.distances[:1]
    write_table(DISTANCES, study.distances, tmp_path / "tables/distances.parquet")
    assert f"All values: {NOTE}." in summary_text(tmp_path, 80).splitlines()
    assert "1 more distance in distances.csv." in lines
    assert lines[-2:] == [f"Report: {tmp_path / 'report.html'}", f"Tables: {tmp_path / 'tables'}"]


def test_the_summary_says_why_a_value_is_missing_and_calls_no_score_a_distance(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.write()
    rows = [row | {"metric": "is"} for row in study.distances]
    rows[0] |= {"value": None, "note": f"no value: 9 files cannot be divided; {NOTE}"}
    write_table(DISTANCES, rows, tmp_path / "tables/distances.parquet")
    lines = summary_text(tmp_path, 80).splitlines()
    assert [line.split() for line in (lines[0], lines[2])] == [["is", "against", "a", "vggish"], ["b", "–"]]
    assert "No value of IS by vggish for b: 9 files cannot be divided." in lines
    assert "Notes on single values: 1 remark in distances.csv." in lines
    assert "1 more value in distances.csv." in lines
    rows[0]["note"] = f"no value: {'long ' * 90}"
    write_table(DISTANCES, rows, tmp_path / "tables/distances.parquet")
    assert "long …\n" in summary_text(tmp_path, 80)
    write_table(DISTANCES, [*rows, *study.distances], tmp_path / "tables/distances.parquet")
    assert summary_text(tmp_path, 80).startswith("value against a ")


def test_models_that_do_not_fit_side_by_side_are_shown_below_each_other(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.labels = {"a": "Ours"}
    study.write()
    rows = [row | {"model": f"model-{n}"} for n in range(4) for row in study.distances]
    write_table(DISTANCES, rows, tmp_path / "tables/distances.parquet")
    text = summary_text(tmp_path, 40)
    assert text.count("fad to Ours") == 2 and max(map(len, text.split("\n\n")[0].splitlines())) <= 40


def test_a_study_of_given_tables_has_paths_alone(tmp_path: Path) -> None:
    assert summary_text(tmp_path, 80).startswith("Report: ")
