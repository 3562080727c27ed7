"""The pinned environments agree with each other, with pyproject.toml and with what is installed."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[3]
ENVS = ROOT / "envs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIPELINE = PROJECT["optional-dependencies"]["pipeline"]
with_docs = pytest.mark.skipif(find_spec("mkdocs") is None, reason="make docs installs what it needs")


def pin_lines(name: str) -> list[str]:
    lines = (ENVS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r "))]


def pins(name: str) -> dict[str, str]:
    """Give the versions by normalised name."""
    return {canonicalize_name(n): v for n, v in (line.split("==") for line in pin_lines(name))}


def required_by(package: str) -> set[str]:
    """Name what the installed package requires here, without extras."""
    requirements = [Requirement(text) for text in requires(package) or []]
    return {
        canonicalize_name(r.name)
        for r in requirements
        if r.marker is None or r.marker.evaluate({"extra": ""})
    }


@pytest.mark.parametrize("name", ["core", "dev", "docs", "minimal", "reference-no-deps", "slurm"])
def test_every_line_pins_one_public_version(name: str) -> None:
    lines = pin_lines(name)
    for line in lines:
        # A local version (+cpu) would refuse every other build of the same release.
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line), line
    names = [canonicalize_name(line.split("==")[0]) for line in lines]
    assert names == sorted(set(names))


def test_conda_file_has_the_pins_of_the_requirements() -> None:
    conda = yaml.safe_load((ENVS / "core.yaml").read_text(encoding="utf-8"))
    python, pip, packages = conda["dependencies"]
    assert pip == "pip"
    assert packages == {"pip": pin_lines("core")}
    assert Requirement(python.replace("=", "==")).specifier.contains("3.11")
    assert PROJECT["requires-python"] == ">=3.11"


def test_slurm_adds_its_plugin_to_core() -> None:
    assert "-r core.txt" in (ENVS / "slurm.txt").read_text(encoding="utf-8").splitlines()
    assert not pins("slurm").keys() & pins("core").keys()
    assert all(name.startswith("snakemake-executor-plugin-slurm") for name in pins("slurm"))


def test_minimal_is_a_part_of_core() -> None:
    assert pins("minimal").items() <= pins("core").items()


def test_dev_adds_to_core_and_docs_to_dev() -> None:
    for name, base in (("dev", "core"), ("docs", "dev")):
        text = (ENVS / f"{name}.txt").read_text(encoding="utf-8")
        assert f"-r {base}.txt" in text.splitlines()
    assert len(pins("core") | pins("dev") | pins("docs")) == sum(map(len, map(pins, ("core", "dev", "docs"))))


@pytest.mark.parametrize(
    ("name", "requirement"),
    [("minimal", text) for text in PROJECT["dependencies"]] + [("core", text) for text in PIPELINE],
)
def test_pins_are_admitted_by_pyproject(name: str, requirement: str) -> None:
    wanted = Requirement(requirement)
    assert wanted.specifier.contains(pins(name)[canonicalize_name(wanted.name)])


@pytest.mark.parametrize(
    ("name", "tops"),
    [("minimal", PROJECT["dependencies"]), ("core", PROJECT["dependencies"] + PIPELINE)],
)
def test_nothing_is_pinned_that_nothing_needs(name: str, tops: list[str]) -> None:
    waiting = {canonicalize_name(Requirement(text).name) for text in tops}
    reached: set[str] = set()
    while waiting:
        package = waiting.pop()
        if package in pins(name):
            reached.add(package)
            waiting |= required_by(package) - reached
    assert reached == pins(name).keys()


@pytest.mark.parametrize("name", ["minimal", "core", "dev", pytest.param("docs", marks=with_docs)])
def test_nothing_is_needed_that_is_not_pinned(name: str) -> None:
    added = {"dev": ("core",), "docs": ("core", "dev")}.get(name, ())
    pinned = {package: pin for each in (*added, name) for package, pin in pins(each).items()}
    for package in pinned:
        missing = required_by(package) - pinned.keys()
        if package == "torch":  # a CUDA build pins its libraries and triton itself
            missing = {m for m in missing if not m.startswith(("nvidia-", "cuda-", "triton"))}
        assert not missing, f"{package} needs {missing}"


def test_tests_run_in_the_pinned_environment() -> None:
    different = {}
    wanted = {**pins("core"), **pins("dev"), **(pins("docs") if find_spec("mkdocs") else {})}
    for package, pinned in wanted.items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            installed = "missing"
        if installed == "missing" or Version(installed).public != pinned:
            different[package] = f"{installed}, pinned {pinned}"
    assert not different, "install envs/dev.txt: make test does"
