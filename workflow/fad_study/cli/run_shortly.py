"""Run Snakemake with a short log for people, and show the main table at the end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from fad_core.cli.output import print_text
from fad_study.cli.process_group import run_group
from fad_study.cli.short_log import ShortLog

_LOGS = Path(".snakemake/log")


def run_shortly(config: Path, arguments: Sequence[str], *, quiet: bool, whole: bool) -> int:
    """Run a study, and write all lines of Snakemake and its jobs to a file in `.snakemake/log`.

    Args:
        config: its configuration.
        arguments: those of Snakemake.
        quiet: show only warnings and errors, and the results.
        whole: whether all of the study is run; if it is complete already, its results are shown then.

    Returns:
        The exit status, as of `run_group`.

    Raises:
        OutputError: the file cannot be written.
        FadError: the table of results is damaged.
    """
    from fad_core.util.atomic import require_writable
    from fad_study.config import read_yaml
    from fad_study.report.summary import summary_text

    require_writable(_LOGS)
    _LOGS.mkdir(parents=True, exist_ok=True)
    path = _LOGS / f"{datetime.now().isoformat().replace(':', '')}.fad.log"
    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    shown = ShortLog(_show, path, quiet=quiet, live=live)
    reading, writing = os.pipe()

    def follow(signals: Sequence[int]) -> None:
        os.close(writing)
        shown.follow(reading, signals)

    program = [sys.executable, "-P", str(Path(__file__).with_name("snakemake_events.py")), str(writing)]
    with path.open("wb") as log:
        status = run_group([*program, *arguments], stderr=log, pass_fds=(writing,), meanwhile=follow)
    os.close(reading)
    shown.finish(status, shlex.join(["fad", *sys.argv[1:]]))
    if not path.stat().st_size:
        path.unlink()
    complete = shown.results
    if shown.nothing_to_do and whole:
        complete = Path("results") / read_yaml(config)["study"]
    if status == 0 and complete is not None and (complete / "report.html").is_file():
        print_text(summary_text(complete, shutil.get_terminal_size((140, 24)).columns))
    return status


def _show(line: str) -> None:
    click.echo(line, err=True)
