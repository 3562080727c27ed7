"""`fad study`: the command of Snakemake that it prints and runs, and how that ends."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from click.testing import CliRunner, Result

from fad_core.cli import main

ROOT = Path(__file__).resolve().parents[2]
# Its name in the package is that of the command.
study_module = importlib.import_module("fad_core.cli.study")


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
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["study", *arguments])


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would be run."""
    run: list[list[str]] = []
    monkeypatch.setattr(study_module, "_wait_for", lambda command: run.append(command) or 7)
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
    place: Path, commands: list[list[str]], given: list[str], passed: list[str]
) -> None:
    result = call("run", *given)
    assert result.exit_code == 7, "Snakemake's own"
    ((*_, snakefile), rest) = commands[0][: -len(passed)], commands[0][-len(passed) :]
    assert rest == passed
    assert Path(snakefile) == ROOT / "Snakefile"
    assert result.stderr.split()[-1] == passed[-1]
    assert result.stdout == ""


def test_the_workflow_beside_the_study_is_taken(place: Path, commands: list[list[str]]) -> None:
    (place / "Snakefile").write_text("")
    call("run", "--quiet")
    assert "--snakefile" not in commands[0]
    assert call("run", "--snakefile", "mine.smk").exit_code == 1


@pytest.mark.parametrize("arguments", [["run", "no.yaml"], ["status", "no.yaml"], ["status", "-s", "no.smk"]])
def test_a_missing_file_is_named(place: Path, arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 1
    assert f"error: {arguments[-1]}: there is no such" in result.stderr


def test_status_says_what_remains(place: Path) -> None:
    row = json.loads(call("status", "--json").stdout)
    assert (row["study"], row["done"], row["results"], row["report"]) == ("trial", 0, "results/trial", None)
    assert row["remaining"] == row["outputs"] == sum(row["remaining_by_rule"].values())
    assert row["remaining_by_rule"]["embed_files"] == 2

    done = call("run", "--", "scan_files_of_nothing")
    assert done.exit_code == 1, "no such target"
    done = call("run", "--cores", "1", "--", "results/trial/manifests/a/0.parquet")
    assert done.exit_code == 0, done.output
    after = json.loads(call("status", "--json", "--quiet").stdout)
    assert after["done"] == 1
    text = call("status").stdout
    assert f"done: 1 of {row['outputs']} files" in text
    assert "scan_files 1" in text
    assert "results: results/trial" in text


def test_status_passes_on_what_is_wrong_with_the_study(place: Path) -> None:
    (place / "config.yaml").write_text("study: trial\ndatasetz: {}\n")
    result = call("status")
    assert result.exit_code == 1
    assert "did you mean 'datasets'?" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_study_that_is_interrupted_ends_with_its_jobs(place: Path) -> None:
    """As by Ctrl-C, which reaches all processes of the terminal."""
    (place / "Snakefile").write_text("rule all:\n    shell: 'touch started; sleep 60'\n")
    code = "from fad_core.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "study", "run", "--quiet"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while not (place / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert (place / "started").exists()
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_command_that_a_signal_ends_is_told_by_its_status() -> None:
    assert study_module._wait_for([sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"]) == 128 + 15
