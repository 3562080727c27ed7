"""The log of a study for people: a line for each job, and warnings and errors in full."""

from __future__ import annotations

import json
import logging
import os
import select
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.util.formatting import counted, duration
from fad_study.cli.time_left import TimeLeft, about

Event = Mapping[str, Any]
_BATCHES = Path(".snakemake/fad_batches")
_NAMED_SETS = 2
_NAMED_RULES = 5
# What Snakemake says beside the event of a failed job.
_REDUNDANT = (
    "CalledProcessError in file",
    "Exiting because a job execution failed",
    "At least one job did not complete successfully",
)
# A run that was killed leaves no such lock: the next one removes it, unless it was on another machine.
_LOCKED = (
    "another run works in this folder: wait until it has ended, or run this study in another folder. If "
    "there is none, on any machine, remove what it left: fad study run … -- --unlock"
)
_SECONDS_BETWEEN = 1.0


class ShortLog:
    """What is shown of a run's events (`snakemake_events`).

    Args:
        write: writes a line to the terminal or to a log.
        log: file with all lines of Snakemake and its jobs.
        quiet: show only warnings and errors.
        live: show the progress in the last line of the terminal, too.
        clock: returns the time in seconds.

    Attributes:
        results: folder of the study's results, if the run has completed them.
        nothing_to_do: whether there was nothing to run.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        log: Path,
        *,
        quiet: bool = False,
        live: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._log = log
        self._signals: Sequence[int] = ()
        self._announced = False
        self._quiet = quiet
        self._live = live and not quiet
        self._clock = clock
        self._began = clock()
        self._left = TimeLeft({}, self._began)
        self._setup: list[str] = []
        self.nothing_to_do = False
        self.results: Path | None = None
        self._failed = False

    def follow(self, pipe: int, signals: Sequence[int] = ()) -> None:
        """Show the events of a pipe until it is closed.

        Args:
            pipe: its file descriptor.
            signals: the signals that were passed on to the run; its errors are then not shown.
        """
        self._signals = signals
        rest = b""
        while True:
            ready, _, _ = select.select([pipe], [], [], _SECONDS_BETWEEN)
            if ready:
                data = os.read(pipe, 1 << 16)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self.take(json.loads(line))
            self._show_progress()
        self._clear_progress()

    def take(self, event: Event) -> None:
        """Show an event, if it is one to show."""
        now = self._clock()
        kind, rule, text = event["event"], event["rule_name"], event["text"]
        if event["study_results"]:
            self.results = Path(event["study_results"])
        elif kind == "run_info" and event["stats"] and not self._left.total:
            # The rule `all` only names the targets.
            jobs = {name: n for name, n in event["stats"].items() if name not in ("total", "all")}
            self._left = TimeLeft(jobs, now)
            self._say(f"{counted(self._left.total, 'job')}; Snakemake's lines: {self._log}")
        elif kind == "job_info" and rule != "all":
            self._left.begin(event["jobid"], rule, now)
            self._say(f"{step_text(rule, event['wildcards'] or {})} … {self._progress(now)}")
        elif kind == "job_finished":
            self._left.end(event["job_id"], now)
        elif kind == "job_error":
            self._left.end(event["jobid"], now, done=False)
            self._show_error(_failure(event))
        elif event["level"] >= logging.ERROR:
            if not any(sentence in text for sentence in _REDUNDANT):
                self._show_error(_LOCKED if "Directory cannot be locked" in text else text)
        elif event["level"] >= logging.WARNING:
            self._show(text)
        elif not self._left.total:
            self._setup += text.splitlines()
            self.nothing_to_do |= text.startswith("Nothing to be done")

    def finish(self, status: int, resume: str) -> None:
        """Show how the run has ended.

        Args:
            status: its exit status.
            resume: the command that continues it.
        """
        done = f"{self._left.done} of {counted(self._left.total, 'job')} done"
        if self._signals and status != 0:
            self._show(f"stopped: {done}; to continue: {resume}")
        elif status != 0:
            if not self._failed:
                self._show("\n".join(self._unexplained()) or f"Snakemake has ended with status {status}")
            if self._left.total:
                self._show(f"failed: {done}; all lines of Snakemake and its jobs: {self._log}")
        elif self._left.total:
            self._say(f"{done} in {duration(self._clock() - self._began)}; time of jobs: {self._times()}")
        elif self.nothing_to_do:
            self._say("nothing to do: the results are complete")
        elif self._setup:
            # Of options such as --unlock, which run no jobs.
            self._say("\n".join(self._setup))

    def _times(self) -> str:
        """Return how long the jobs of the slowest rules took, and all others together."""
        times = [(rule.replace("_", " "), seconds) for rule, seconds in self._left.seconds_by_rule.items()]
        others = sum(seconds for _, seconds in times[_NAMED_RULES:])
        shown = [*times[:_NAMED_RULES], *([("others", others)] if others else [])]
        return ", ".join(f"{name} {duration(seconds)}" for name, seconds in shown)

    def _progress(self, now: float) -> str:
        seconds = self._left.seconds(now)
        done = f"{self._left.done} of {counted(self._left.total, 'job')}"
        return done if seconds is None else f"{done}, {about(seconds)}"

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._show(line)

    def _show(self, text: str) -> None:
        self._clear_progress()
        self._write(text)

    def _show_error(self, text: str) -> None:
        if not self._signals:
            self._failed = True
            self._show(text)

    def _show_progress(self) -> None:
        if self._signals:
            if not self._announced:
                self._announced = True
                self._say("interrupted: waiting for the running jobs to end")
        elif self._live and self._left.total:
            line = f"{self._progress(self._clock())}, {self._left.running} running"
            sys.stderr.write(f"\r{line[: shutil.get_terminal_size().columns - 1]}\x1b[K")
            sys.stderr.flush()

    def _clear_progress(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _unexplained(self) -> list[str]:
        """Return the last lines that were written to the log, without what Snakemake says before any job."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if line not in self._setup][-100:]


def step_text(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return what a job does, such as "embed files: drums by vggish".

    Args:
        rule: name of its rule.
        wildcards: their values by name; those of a batch are replaced by its data sets.
    """
    others = [
        _sets_of(value) if name == "batch" else value for name, value in wildcards.items() if name != "model"
    ]
    by = f" by {wildcards['model']}" if "model" in wildcards else ""
    return rule.replace("_", " ") + (f": {', '.join(others)}" if others else "") + by


def _sets_of(batch: str) -> str:
    """Return the names of a batch's data sets, of which the first are named."""
    from fad_study.batches import read_batches

    for path in _BATCHES.glob("*.json"):
        if batch in (batches := read_batches(path)):
            names = list(dict.fromkeys(shard.dataset for shard in batches[batch]))
            more = len(names) - _NAMED_SETS
            return ", ".join(names[:_NAMED_SETS]) + (f" and {more} more" if more > 0 else "")
    return batch


def _failure(event: Event) -> str:
    """Return what a failed job has written to its log; if it is missing or empty, what Snakemake says."""
    logs: Sequence[str] = event["log"] or []
    texts = [Path(log).read_text(encoding="utf-8", errors="replace") for log in logs if Path(log).is_file()]
    written = "\n".join(text.strip() for text in texts).strip()
    rule = event["rule_name"].replace("_", " ")
    return f"{rule} failed:\n{written}\nlog: {', '.join(logs)}" if written else event["text"]
