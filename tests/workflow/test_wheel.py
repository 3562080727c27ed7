"""A wheel brings the workflow with it: `fad study` runs from any folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
import yaml
from conftest import MadeOnce, write_clip
from snakemake_runs import PARTS, REPOSITORY, copy_code, environment

# What a wheel is built from, beside what a run reads.
BUILT_FROM = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
FAD = [sys.executable, "-c", "from fad_core.cli import main; main()"]


@pytest.fixture(scope="module")
def installed(made_once: MadeOnce, code: Path, small_site: Path) -> Path:
    """An environment into which a wheel of this checkout was installed, with the packages that it needs.

    The small model is there too. An editable installation of this checkout is passed over.
    """

    def make(folder: Path) -> None:
        source = copy_code(folder / "source", code)
        for name in BUILT_FROM:
            shutil.copy(REPOSITORY / name, source)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        build = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)]
        subprocess.run([*pip, *build], check=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
        needed = [str(Path(module.__file__ or "").parents[1]) for module in (numpy, torch)]
        named = "\n".join(dict.fromkeys([*needed, str(small_site)]))
        (packages_in(folder / "env") / "needed.pth").write_text(named)
        (wheel,) = folder.glob("*.whl")
        pip += ["--python", str(folder / "env/bin/python")]
        subprocess.run([*pip, "install", "--ignore-installed", "--no-deps", wheel], check=True)

    return made_once("wheel", make) / "env"


@pytest.fixture(scope="module")
def site(installed: Path) -> Path:
    """The folder of packages of the environment."""
    return packages_in(installed)


def packages_in(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def fad(site: Path, folder: Path, *arguments: str) -> str:
    """What the installed command prints; it must succeed, and nothing of the checkout may take part."""
    done = subprocess.run(
        [*FAD, *arguments],
        cwd=folder,
        env=environment(site),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert f"--snakefile {site / 'fad_study/bundle/Snakefile'}" in done.stdout
    # The environment may lie in the checkout.
    assert not [part for part in PARTS if str(REPOSITORY / part) in done.stdout]
    return done.stdout


def test_data_sets_are_planned_and_scanned_from_an_empty_folder(site: Path, tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        write_clip(tmp_path / f"audio/{name}/one.wav", seed, seconds=3.0)
    study = {
        "study": "trial",
        "datasets": {name: {"path": f"audio/{name}"} for name in "ab"},
        "models": [{"id": "vggish", "weights": "seeded"}],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    plan = fad(site, tmp_path, "study", "run", "study.yaml", "--verbose", "--", "--dry-run")
    assert "embed_files" in plan and "write_report" in plan
    checked = "results/trial/decisions.parquet"
    fad(site, tmp_path, "study", "run", "study.yaml", "--verbose", "--cores", "1", "--", checked)
    assert (tmp_path / checked).is_file()


def test_given_tables_are_correlated_from_an_empty_folder(site: Path, tmp_path: Path) -> None:
    shutil.copytree(site / "fad_study/bundle/workflow/studies/published", tmp_path / "given")
    tables = {"distances": "fad", "ratings": "mos", "published": "correlations"}
    chosen = {key: f"given/dcase2023_task7_{name}.csv" for key, name in tables.items()}
    study = {"study": "listeners", "correlations": chosen | {"resamples": 100}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    fad(site, tmp_path, "study", "run", "study.yaml", "--verbose", "--cores", "1")
    results = tmp_path / "results/listeners"
    assert "370 of 370 published figures agree" in (results / "report.html").read_text(encoding="utf-8")
    assert (results / "tables/methods.md").is_file() and (results / "figures/correlations.svg").is_file()


def shell(installed: Path, folder: Path, command: str) -> str:
    """What a command prints in a shell in which the environment is active; it must succeed."""
    variables = environment() | {"PATH": f"{installed / 'bin'}:/usr/bin:/bin"}
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert "\x1b" not in done.stdout and "\r" not in done.stdout, "not a terminal"
    return done.stdout


def test_a_new_study_is_run_in_an_empty_folder_and_its_workflow_taken_out(
    installed: Path, tmp_path: Path
) -> None:
    shell(installed, tmp_path, "fad study new trial --model small --weights seeded")
    config = tmp_path / "trial.yaml"
    config.write_text(config.read_text().replace("audio/", "sounds/"))
    for seed, name in enumerate(("reference", "system_a")):
        write_clip(tmp_path / f"sounds/{name}/one.wav", seed, seconds=3.0)
    lines = shell(installed, tmp_path, "fad study run trial.yaml --cores 2").splitlines()
    table = [line.split() for line in lines if line.startswith("system_a ")]
    assert [len(row) for row in table] == [2] and float(table[0][1]) > 0
    assert lines[-2:] == ["Report: results/trial/report.html", "Tables: results/trial/tables"]
    (embedding,) = (line for line in lines if line.startswith("embed files"))
    assert embedding.startswith("embed files: reference, system_a by small … ")
    assert sum(" … " in line for line in lines) == int(lines[0].split()[0]), "a line for each job"
    results = tmp_path / "results/trial"
    written = [results / "report.html", *(results / "tables").glob("*.[cmt]*")]
    # Where the packages are is not recorded.
    assert len(written) > 5
    assert not [path for path in written if str(installed) in path.read_text(encoding="utf-8")]
    again = shell(installed, tmp_path, "fad study run trial.yaml").splitlines()
    assert again[0] == "nothing to do: the results are complete" and again[-2:] == lines[-2:]

    # The same workflow, in the folder of the study.
    shell(installed, tmp_path, "fad study export-workflow .")
    plain = f"'{installed / 'bin/python'}' -m snakemake --cores 2 --configfile trial.yaml"
    assert "Nothing to be done" in shell(installed, tmp_path, plain)
    rules = tmp_path / "workflow/rules/report.smk"
    rules.write_text(rules.read_text().replace("# Tables,", "# My tables,"))
    (results / "report.html").unlink()
    said = shell(installed, tmp_path, plain)
    assert said.count("Report: results/trial/report.html") == said.count("system_a ") == 1
    assert str(installed) not in said.replace(str(installed / "bin/python"), "")


CONSUMER = """
from fad_core import FrechetAudioDistance, Score
from fad_core.api.scoring import score_embedded
from fad_core.metrics.statistics import Statistics

value: Score = FrechetAudioDistance(model_name="vggish").score("a", "b")
reveal_type(value)
reveal_type(Statistics.from_embeddings([[0.0], [1.0]]).n)
FrechetAudioDistance(model_name=3)
score_embedded("a", "b")
"""


def test_programs_that_use_the_package_are_type_checked(installed: Path, tmp_path: Path) -> None:
    """The annotations of an installed wheel count for a type checker."""
    (tmp_path / "consumer.py").write_text(CONSUMER)
    # The program uses none of their types, which take a checker longest to read.
    (tmp_path / "mypy.ini").write_text(
        "[mypy-torch.*,scipy.*,pandas.*,matplotlib.*]\n"
        "follow_imports = skip\nfollow_imports_for_stubs = True\n"
    )
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--python-executable",
            str(installed / "bin/python"),
            "consumer.py",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ).stdout
    assert 'Revealed type is "fad_core.api.scoring.Score"' in checked, checked
    assert 'Revealed type is "int"' in checked, checked
    assert checked.count("error:") == 3, checked  # of the last two calls alone
