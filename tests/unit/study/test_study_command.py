"""`fad study`: the command of Snakemake that it prints and runs, and how that ends."""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
import yaml
from click.testing import CliRunner, Result
from fad_study.cli.process_group import run_group

from fad_core.cli import main

ROOT = Path(__file__).resolve().parents[3]
# Its name in the package is that of the command.
study_module = importlib.import_module("fad_study.cli.study")
run_shortly = importlib.import_module("fad_study.cli.run_shortly")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study, away from any checkout."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "x.wav", np.random.default_rng(1).uniform(-1, 1, 32000), 16000)
    config = {
        "study": "trial",
        "datasets": {name: {"path": name} for name in ("a", "b")},
        "models": [{"id": "vggish", "weights": "seeded"}],
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "workflow")]))
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["study", *arguments])


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would be run."""
    run: list[list[str]] = []
    for module in (study_module, run_shortly):
        monkeypatch.setattr(module, "run_group", lambda command, **_: run.append(command) or 7)
    return run


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], ["--configfile", "config.yaml", "--cores", "all", "--show-failed-logs"]),
        (["--cores", "3"], ["--configfile", "config.yaml", "--cores", "3", "--show-failed-logs"]),
        (
            ["config.yaml", "--", "--dry-run", "verify_reference"],
            [
                "--configfile",
                "config.yaml",
                "--cores",
                "all",
                "--show-failed-logs",
                "--dry-run",
                "verify_reference",
            ],
        ),
        (
            ["--", "--workflow-profile=slurm"],
            ["--configfile", "config.yaml", "--show-failed-logs", "--workflow-profile=slurm"],
        ),
    ],
)
def test_what_is_run_and_printed(
    place: Path,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    given: list[str],
    passed: list[str],
) -> None:
    result = call("run", "--verbose", *given)
    assert result.exit_code == 7, "Snakemake's own"
    ((*_, snakefile), rest) = commands[0][: -len(passed)], commands[0][-len(passed) :]
    assert rest == passed
    assert Path(snakefile) == ROOT / "Snakefile"
    assert result.stderr.split()[-1] == passed[-1]
    assert result.stdout == ""
    monkeypatch.setattr(run_shortly.ShortLog, "follow", lambda *_: None)
    assert call("run", *given).exit_code == 7
    assert commands[1][-len(passed) :] == passed
    assert not list(place.glob(".snakemake/log/*")), "nothing was written"


def test_the_workflow_beside_the_study_is_taken(place: Path, commands: list[list[str]]) -> None:
    (place / "Snakefile").write_text("")
    call("run", "--quiet", "--verbose")
    assert "--snakefile" not in commands[0]
    assert call("run", "--snakefile", "mine.smk").exit_code == 1


@pytest.mark.parametrize("arguments", [["run", "no.yaml"], ["status", "no.yaml"], ["status", "-s", "no.smk"]])
def test_a_missing_file_is_named(place: Path, arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 1
    assert f"error: {arguments[-1]}: there is no such" in result.stderr


def test_an_option_of_snakemake_follows_two_hyphens() -> None:
    result = call("run", "config.yaml", "--dry-run")
    assert result.exit_code == 2
    assert (
        "There is no option --dry-run. Options of Snakemake follow --, as in: -- --dry-run" in result.stderr
    )


@pytest.mark.slow
def test_status_says_what_remains(place: Path) -> None:
    row = json.loads(call("status", "--json").stdout)
    assert (row["study"], row["done"], row["results"], row["report"]) == ("trial", 0, "results/trial", None)
    assert row["remaining"] == row["outputs"] == sum(row["remaining_by_rule"].values())
    assert row["remaining_by_rule"]["embed_files"] == 1

    done = call("run", "--", "scan_files_of_nothing")
    assert done.exit_code == 1, "no such target"
    done = call("run", "--cores", "1", "--", "--until", "scan_files")
    assert done.exit_code == 0, done.output
    after = json.loads(call("status", "--json", "--quiet").stdout)
    assert after["done"] == 1 and "scan_files" not in after["remaining_by_rule"]
    shown = call("status")
    text = shown.stdout
    assert shown.stderr == "reading config.yaml and its data sets\n"
    assert f"done: 1 of {row['outputs']} files" in text
    assert "check_files 1" in text
    assert "results: results/trial" in text


def test_status_passes_on_what_is_wrong_with_the_study(place: Path) -> None:
    (place / "config.yaml").write_text("study: trial\ndatasetz: {}\n")
    result = call("status")
    assert result.exit_code == 1
    assert "did you mean 'datasets'?" in result.stderr
    assert "Traceback" not in result.stderr


# Two jobs that take half a second to end, and a run that counts how often it is interrupted.
WAITING = """
import signal

def note(number, frame):
    open("interrupts", "a").write("x")
    raise KeyboardInterrupt

if workflow.is_main_process:
    signal.signal(signal.SIGINT, note)

rule all:
    input: "a.done", "b.done"

rule wait:
    output: "{name}.done"
    shell:
        "if ! test -e again; then trap 'sleep 0.5; touch {wildcards.name}.ended; exit 1' INT; "
        "touch {wildcards.name}.started; sleep 60; fi; touch {output}"
"""
RUN = [sys.executable, "-c", "from fad_core.cli import main; main()", "study", "run", "--cores", "2"]


@dataclass
class Waiting:
    """A run of these jobs: `fad`, all that it started, and the terminal that it runs in."""

    place: Path
    fad: subprocess.Popen[str]
    started: list[psutil.Process]
    terminal: int

    def states(self) -> set[str]:
        """Those of all that it started; what is a zombie has ended."""
        found = set()
        for process in self.started:
            with suppress(psutil.NoSuchProcess):
                found.add(process.status())
        return found - {psutil.STATUS_ZOMBIE}

    def end(self) -> tuple[int, str]:
        """Its exit status and what it said."""
        _, said = self.fad.communicate(timeout=60)
        return self.fad.returncode, said


def _at_a_terminal() -> None:
    """In the new process: take the terminal, and its signals, which a run in the background ignores."""
    for sent in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(sent, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def waiting(place: Path) -> Iterator[Waiting]:
    (place / "Snakefile").write_text(WAITING)
    leader, follower = pty.openpty()
    children: list[psutil.Process] = []
    fad = subprocess.Popen(
        RUN, stdin=follower, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=_at_a_terminal,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while len(list(place.glob("*.started"))) < 2:
            assert fad.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        children = psutil.Process(fad.pid).children(recursive=True)
        assert len(children) > 2
        yield Waiting(place, fad, children, leader)
    finally:
        fad.kill()
        for process in children:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        fad.communicate()
        os.close(leader)
        os.close(follower)


def ctrl_c(run: Waiting) -> None:
    os.write(run.terminal, b"\x03")


def interrupt(run: Waiting) -> None:
    run.fad.send_signal(signal.SIGINT)


def terminate(run: Waiting) -> None:
    run.fad.terminate()


def terminate_twice(run: Waiting) -> None:
    """As `timeout` does: its command, and then all of its group."""
    run.fad.terminate()
    os.killpg(run.fad.pid, signal.SIGTERM)


@pytest.mark.parametrize(
    ("end", "status"), [(ctrl_c, 130), (interrupt, 130), (terminate, 143), (terminate_twice, 143)]
)
def test_a_study_that_is_ended_ends_its_jobs_once_and_goes_on_with_the_same_command(
    waiting: Waiting, end: Callable[[Waiting], None], status: int
) -> None:
    end(waiting)
    ended, said = waiting.end()
    assert ended == status, said
    assert not waiting.states(), "nothing is left"
    resumed = "to continue: fad study run --cores 2"
    assert said.splitlines()[-2:] == [
        "interrupted: waiting for the running jobs to end",
        f"stopped: 0 of 2 jobs done; {resumed}",
    ]
    assert "Traceback" not in said
    (log,) = waiting.place.glob(".snakemake/log/*.fad.log")
    assert "Terminating processes on user request" in log.read_text()
    assert (waiting.place / "interrupts").read_text() == "x"
    assert len(list(waiting.place.glob("*.ended"))) == 2, "both jobs were waited for"
    assert not list(waiting.place.glob(".snakemake/locks/*"))
    (waiting.place / "again").touch()
    subprocess.run(RUN, check=True, timeout=120)
    assert len(list(waiting.place.glob("*.done"))) == 2


def test_a_study_stops_and_goes_on_with_its_jobs(waiting: Waiting) -> None:
    def wait_for(reached: Callable[[set[str]], bool]) -> None:
        deadline = time.monotonic() + 30
        while not reached(waiting.states()):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    os.write(waiting.terminal, b"\x1a")  # Ctrl-Z
    wait_for(lambda states: states == {psutil.STATUS_STOPPED})
    waiting.fad.send_signal(signal.SIGCONT)
    wait_for(lambda states: psutil.STATUS_STOPPED not in states)
    os.write(waiting.terminal, b"\x1c")  # Ctrl-\: at once
    assert waiting.end()[0] == 131
    wait_for(lambda states: not states)
    assert not list(waiting.place.glob("*.ended"))


def test_a_command_that_a_signal_ends_is_told_by_its_status() -> None:
    assert run_group([sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"]) == 128 + 15
