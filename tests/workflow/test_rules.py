"""Rules and scripts in step, and the linter's exceptions."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import write_clip
from snakemake_runs import REPOSITORY, WorkingFolder, environment

from fad_core.models import model_ids

_RULE = re.compile(r"^rule (\w+):\n((?:(?: .*)?\n)*)", re.MULTILINE)
_SECTION = re.compile(r"^    (\w+):.*\n((?:(?: {8}.*)?\n)*)", re.MULTILINE)


def rules() -> dict[str, dict[str, str]]:
    """Every rule that makes something: its sections' text by their names."""
    found = {}
    for path in sorted((REPOSITORY / "workflow/rules").glob("*.smk")):
        for name, body in _RULE.findall(path.read_text(encoding="utf-8")):
            found[name] = dict(_SECTION.findall(body))
    return found


def main_of(script: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[..., None] = module.main
    return main


def given(sections: dict[str, str]) -> set[str]:
    """Names of a rule's inputs, outputs and params."""
    text = "\n".join(sections.get(section, "") for section in ("input", "output", "params"))
    names = set(re.findall(r"^ {8}(\w+)=", text, re.MULTILINE))
    # Those that a function gives, by the keys of the mapping that it makes.
    common = (REPOSITORY / "workflow/rules/papers_common.smk").read_text(encoding="utf-8")
    for function in re.findall(r"^ {8}\*\*(\w+)\(", text, re.MULTILINE):
        (body,) = re.findall(rf"^def {function}\(.*\n((?:(?: .*)?\n)+)", common, re.MULTILINE)
        names |= set(re.findall(r'"(\w+)"', body))
    return names


def test_every_rule_gives_its_script_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(rules()) >= 14
    for name, sections in rules().items():
        if "shell" in sections:
            assert name == "run_original", "a foreign environment's script alone is started by a shell"
            continue
        script = re.search(r"scripts/(\w+\.py)", sections["script"])
        assert script is not None, name
        main = main_of(REPOSITORY / "scripts" / script[1], monkeypatch)
        needed = {
            parameter.name
            for parameter in inspect.signature(main).parameters.values()
            if parameter.default is inspect.Parameter.empty
        }
        assert needed <= given(sections), f"{name} does not give {needed - given(sections)} to {script[1]}"


def test_every_rule_logs_and_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, sections in rules().items():
        assert {"output", "log", "conda"} <= sections.keys(), name
        assert ("script" in sections) != ("shell" in sections), name
    heavy = {
        "scan_files",
        "export_model",
        "verify_eager",
        "verify_golden",
        "run_original",
        "compare_with_original",
        "embed_files",
        "compute_statistics",
    }
    assert heavy <= {name for name, sections in rules().items() if "benchmark" in sections}


def test_jobs_are_planned_without_torch(tmp_path: Path, code: Path) -> None:
    """It takes a second to import, and every job that is submitted reads the Snakefile twice."""
    place = WorkingFolder(tmp_path / "work", code)
    for seed, name in enumerate("ab"):
        write_clip(place.root / f"audio/{name}/one.wav", seed)
    models = [{"id": model, "weights": "seeded"} for model in model_ids()]
    place.write_study(datasets={name: {"path": f"audio/{name}"} for name in "ab"}, models=models)
    python, *arguments = place.command("--dry-run")
    done = subprocess.run(
        [python, "-X", "importtime", *arguments],
        cwd=place.root,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))
    # What is imported by a computed name, as the families are, is not listed; what they import is.
    assert {"fad_core.models.clap.checkpoints", "numpy"} <= imported
    assert "torch" not in imported


def test_lints_are_told_from_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(REPOSITORY / "tests"), *sys.path])
    import lint_exceptions

    text = (
        "Lints for snakefile /home/me/workflow/rules/statistics.smk:\n"
        "    * Path composition with '+' in line 7:\n      This becomes unreadable.\n\n"
        "Lints for rule fetch_weights (line 4, /home/me/workflow/rules/weights.smk):\n"
        "    * No log directive defined:\n      Without a log directive\n"
    )
    found = lint_exceptions.lints(text)
    assert found == [
        ("statistics.smk", "Path composition with '+' in line 7"),
        ("fetch_weights", "No log directive defined"),
    ]
    monkeypatch.setattr(lint_exceptions, "EXCEPTIONS", {("statistics.smk", "Path composition"): "why"})
    assert lint_exceptions.unexpected(found) == ["fetch_weights: No log directive defined"]
    assert lint_exceptions.unexpected([]) == ["statistics.smk: Path composition: an exception without a lint"]
