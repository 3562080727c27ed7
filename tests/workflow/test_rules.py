"""Rules and scripts in step, and the linter's exceptions."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import write_clip
from snakemake_runs import REPOSITORY, WorkingFolder, copy_code, environment

from fad_core.models import model_ids

RULE_FILES = [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "workflow/rules").glob("*.smk"))]
_RULE = re.compile(r"^rule (\w+):\n((?:(?: .*)?\n)*)", re.MULTILINE)
# Written by an input function: rules and settings are then complete.
DUMP = """

def write_rules(wildcards):
    values = {"model": "vggish", "batch": next(iter(BATCHES)), "metric": "fad", "measure": "fad"}
    values |= {"dataset": "a", "id": "vggish", "key": weights_key("vggish", "seeded", None)}
    values |= {"reference": "fma_pop"}
    facts = {}
    for rule in (rule for rule in workflow.rules if rule.name not in ("all", "dump")):
        known = {name: values[name] for name in rule.wildcard_names}
        inputs = rule.expand_input(known)[0]
        facts[rule.name] = {
            "arguments": [*known, *inputs.keys(), *rule.output.keys(), *rule.params.keys()],
            "resources": sorted(rule.resources.keys()),
            "local": rule.name in workflow._localrules,
            "has": [key for key in ("output", "log", "benchmark", "conda_env", "script", "shellcmd")
                    if getattr(rule, key)],
            "script": rule.script and Path(rule.script).name,
        }
    Path("rules.json").write_text(json.dumps(facts))
    return []


rule dump:
    input:
        write_rules,
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory, code: Path) -> dict[str, dict[str, Any]]:
    """Facts on every rule that makes something, as Snakemake sees it."""
    copy = copy_code(tmp_path_factory.mktemp("dumped") / "repository", code)
    with (copy / "Snakefile").open("a") as stream:
        stream.write(DUMP)
    place = WorkingFolder(tmp_path_factory.mktemp("rules"), copy)
    for name in "ab":
        write_clip(place.root / f"audio/{name}/one.wav", ord(name))
    place.write_study(datasets={name: {"path": f"audio/{name}"} for name in "ab"}, on_duplicate="drop")
    place.plan("dump")
    facts: dict[str, dict[str, Any]] = json.loads((place.root / "rules.json").read_text())
    return facts


def main_of(script: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[..., None] = module.main
    return main


def test_every_rule_gives_its_script_what_it_needs(
    rules: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(rules) >= 14
    for name, facts in rules.items():
        if "shellcmd" in facts["has"]:
            assert name == "run_original", "a foreign environment's script alone is started by a shell"
            continue
        main = main_of(REPOSITORY / "scripts" / facts["script"], monkeypatch)
        needed = {
            parameter.name
            for parameter in inspect.signature(main).parameters.values()
            if parameter.default is inspect.Parameter.empty
        }
        missing = needed - set(facts["arguments"])
        assert not missing, f"{name} does not give {missing} to {facts['script']}"


def test_every_rule_logs_and_has_an_environment(rules: dict[str, dict[str, Any]]) -> None:
    for name, facts in rules.items():
        assert {"output", "log", "conda_env"} <= set(facts["has"]), name
        assert ("script" in facts["has"]) != ("shellcmd" in facts["has"]), name
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
    assert heavy <= {name for name, facts in rules.items() if "benchmark" in facts["has"]}


def test_a_rule_stays_beside_snakemake_or_says_what_it_asks_for(rules: dict[str, dict[str, Any]]) -> None:
    for name, facts in rules.items():
        asked = {"mem_mb", "runtime"} & set(facts["resources"])
        assert asked == (set() if facts["local"] else {"mem_mb", "runtime"}), name
    # The network may be missing on a node.
    assert rules["fetch_weights"]["local"]


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_rules_are_short_and_functions_stand_apart_from_them(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = _RULE.findall(text)
    for name, body in found:
        assert len(body.rstrip().splitlines()) < 20, name
    assert not (found and re.search(r"^ *(def|class) |\blambda\b", text, re.MULTILINE))


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
