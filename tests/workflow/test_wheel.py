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
def site(made_once: MadeOnce, code: Path) -> Path:
    """A folder of packages into which the wheel of this checkout was installed."""

    def make(folder: Path) -> None:
        source = copy_code(folder / "source", code)
        for name in BUILT_FROM:
            shutil.copy(REPOSITORY / name, source)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        build = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)]
        subprocess.run([*pip, *build], check=True)
        (wheel,) = folder.glob("*.whl")
        subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "site"), wheel], check=True)

    return made_once("wheel", make) / "site"


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
    plan = fad(site, tmp_path, "study", "run", "study.yaml", "--", "--dry-run")
    assert "embed_files" in plan and "write_report" in plan
    checked = "results/trial/decisions.parquet"
    fad(site, tmp_path, "study", "run", "study.yaml", "--cores", "1", "--", checked)
    assert (tmp_path / checked).is_file()


def test_given_tables_are_correlated_from_an_empty_folder(site: Path, tmp_path: Path) -> None:
    shutil.copytree(site / "fad_study/bundle/workflow/studies/published", tmp_path / "given")
    tables = {"distances": "fad", "ratings": "mos", "published": "correlations"}
    chosen = {key: f"given/dcase2023_task7_{name}.csv" for key, name in tables.items()}
    study = {"study": "listeners", "correlations": chosen | {"resamples": 100}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    fad(site, tmp_path, "study", "run", "study.yaml", "--cores", "1")
    results = tmp_path / "results/listeners"
    assert "336 of 336 published figures agree" in (results / "report.html").read_text(encoding="utf-8")
    assert (results / "tables/methods.md").is_file() and (results / "figures/correlations.svg").is_file()


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


def test_programs_that_use_the_package_are_type_checked(site: Path, tmp_path: Path) -> None:
    """The annotations of an installed wheel count for a type checker."""
    (tmp_path / "consumer.py").write_text(CONSUMER)
    # An environment with the wheel and the packages it needs; an editable install would be passed over.
    python = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(python)], check=True)
    (packages,) = python.glob("lib/python*/site-packages")
    for name in ("fad_core", "fad_study"):
        (packages / name).symlink_to(site / name)
    needed = [str(Path(module.__file__ or "").parents[1]) for module in (numpy, torch)]
    (packages / "needed.pth").write_text("\n".join(dict.fromkeys(needed)))
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--python-executable",
            str(python / "bin/python"),
            "consumer.py",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ).stdout
    assert 'Revealed type is "fad_core.api.scoring.Score"' in checked, checked
    assert 'Revealed type is "int"' in checked, checked
    assert checked.count("error:") == 3, checked  # of the last two calls alone
