"""Metrics of third parties: by a call in Python, by an entry point for the command and the pipeline."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from fad_study.digest import metrics_digest
from fad_study.study_names import validate_names
from third_party import MODULE, example_of, install, install_metric
from tiny_pt2 import export_tiny, tiny_is_known

from fad_core.api.scoring import embed_sets, score, score_embedded
from fad_core.api.statistics_files import read_statistics, write_statistics
from fad_core.cli import main
from fad_core.embedding.distances import distance_row
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.errors import ArgumentError, FadError, UnknownMetricError
from fad_core.metrics import (
    METRICS,
    Metric,
    MetricInput,
    MetricValue,
    Need,
    PairedOptions,
    SetVectors,
    builtin,
    get_metric,
    modules_of,
    paired_files,
    register_metric,
)
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey
from fad_core.runner.exported import ExportedModel

ROOT = Path(__file__).resolve().parents[3]


def _farthest(reference: MetricInput, evaluation: MetricInput) -> MetricValue:
    a, b = (each.vectors_of().vectors for each in (reference, evaluation))
    return MetricValue(float(np.linalg.norm(a[:, None] - b[None], axis=2).max()), note="a test")


def _by_name(reference: MetricInput, evaluation: MetricInput, options: PairedOptions) -> MetricValue:
    a, b = (each.vectors_of() for each in (reference, evaluation))
    first, second, note = paired_files(a.files, b.files, common=options.partners == "common")
    assert first == second
    return MetricValue(float(np.abs(a.vectors - b.vectors).max()), note=note)


FARTHEST = Metric("farthest", "Largest distance of two vectors", True, (Need("vectors"),), _farthest)
PAIRED = Metric(
    "paired",
    "Largest difference of two files",
    True,
    (Need("vectors"),),
    _by_name,
    options=PairedOptions,
)
LOGITS = Metric("logits", "Of an output that no model has", True, (Need("vectors", "logits"),), _farthest)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    for metric in (FARTHEST, PAIRED, LOGITS):
        register_metric(metric)
    yield
    for metric in (FARTHEST, PAIRED, LOGITS):
        del METRICS[metric.name]


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for clip in range(2):
            soundfile.write(tmp_path / name / f"{clip}.wav", random.uniform(-0.5, 0.5, 32000), 16000)
    return [str(tmp_path / name) for name in ("a", "b")]


def test_a_registered_metric_scores(folders: list[str], seeded_export: Callable[[str], Path]):
    exported = ExportedModel(seeded_export("vggish"))
    found = score(*folders, exported, metric="farthest")
    assert found > 0 and found.row["metric"] == "farthest" and found.row["note"].startswith("a test; ")
    assert score(folders[0], folders[0], exported, metric="paired") == 0
    embedded = list(embed_sets({name: name for name in folders}, exported, keep=True).values())
    assert score_embedded(*embedded, "farthest") == found
    with pytest.raises(FadError, match="logits needs the output 'logits', which vggish does not have"):
        distance_row(*embedded, "logits")
    Path(folders[1], "1.wav").unlink()
    (alone,) = embed_sets({"one": folders[1]}, exported, keep=True).values()
    with pytest.raises(
        FadError,
        match=r"1 file of the reference and 0 files .* have no partner \(1\.wav\)",
    ):
        distance_row(embedded[0], alone, "paired")


def test_statistics_are_not_enough_for_it(
    folders: list[str], seeded_export: Callable[[str], Path], tmp_path: Path
):
    exported = ExportedModel(seeded_export("vggish"))
    (embedded,) = embed_sets({"a": folders[0]}, exported).values()
    write_statistics(embedded, tmp_path / "a.npz")
    (stored,) = read_statistics(tmp_path / "a.npz")
    with pytest.raises(
        FadError, match=r"farthest needs the vectors of .*, but only its statistics are available"
    ):
        distance_row(stored, stored, "farthest")
    # The folder is not embedded first.
    done = CliRunner().invoke(main, ["score", str(tmp_path / "a.npz"), folders[1], "--metric", "farthest"])
    assert done.stderr == f"error: farthest needs vectors, but {tmp_path / 'a.npz'} holds only statistics\n"


def test_files_without_a_partner_are_refused_before_they_are_embedded(folders: list[str], tmp_path: Path):
    Path(folders[1], "1.wav").rename(Path(folders[1], "2.wav"))
    done = CliRunner().invoke(
        main, ["score", *folders, "--metric", "paired", "--cache-dir", str(tmp_path / "none")]
    )
    assert done.exit_code == 1 and not (tmp_path / "none").exists()
    assert (
        f"paired of {folders[0]} and {folders[1]}: files are compared with those of the same" in done.stderr
    )
    assert "(1.wav, 2.wav): give both sets the same names" in done.stderr


def test_a_name_is_taken_once():
    register_metric(FARTHEST)
    with pytest.raises(ArgumentError, match="a metric 'fad' exists already"):
        register_metric(Metric("fad", "Another", True, (Need(),), _farthest))
    assert get_metric("fad").title == "Fréchet Audio Distance"


@pytest.mark.parametrize("name", ["KID", "a b", ""])
def test_a_name_that_no_path_could_have_is_refused(name: str):
    with pytest.raises(
        ArgumentError, match=f"lower-case letters, digits, hyphens and underscores, unlike '{name}'"
    ):
        register_metric(replace(FARTHEST, name=name))
    assert name not in METRICS


def test_a_metric_without_a_value_for_two_sets_says_which(monkeypatch: pytest.MonkeyPatch):
    def compute(reference: MetricInput, evaluation: MetricInput) -> MetricValue:
        raise ValueError("there are too few vectors")

    sets = [
        EmbeddedSet(name, ModelKey("m", "w", "0", ""), {"embedding": Statistics.from_embeddings(np.eye(3))})
        for name in "ab"
    ]
    monkeypatch.setitem(METRICS, "paired", replace(PAIRED, needs=(Need(),), compute=compute, options=None))
    with pytest.raises(FadError, match="paired of a and b: there are too few vectors"):
        distance_row(*sets, "paired")


def test_an_output_that_the_model_lacks_is_refused_before_anything_is_embedded(
    folders: list[str], tmp_path: Path
):
    lacks = "logits needs the output 'logits', which {} does not have"
    with tiny_is_known():
        exported = ExportedModel(export_tiny(tmp_path / "tiny.pt2"))
    with pytest.raises(FadError, match=lacks.format("tiny")):
        score("no folder", "no folder", exported, metric="logits")
    for command in ("score", "compare"):
        done = CliRunner().invoke(main, [command, *folders, "--metric", "logits"])
        assert done.exit_code == 1 and lacks.format("vggish") in done.stderr
    study = {
        "models": [{"id": "vggish", "crop": "random", "hop_seconds": 10.0}],
        "metrics": ["fad", "logits"],
    }
    errors = list(validate_names(study, {"pairs"}))
    assert len(errors) == 1 and errors[0].startswith(
        "metrics: " + lacks.format("vggish") + "; models that have"
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("mine = missing_module:METRIC", "ModuleNotFoundError"),
        ("mine = theirs:compute", "AttributeError"),
        ("mine = theirs:METRIC", "its metric is called 'mean_shift', not 'mine'"),
    ],
)
def test_a_broken_package_is_named(line: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(tmp_path, "theirs", {"theirs.py": MODULE}, ["[fad_core.metrics]", line])
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ArgumentError, match=f"'{line.partition(' = ')[2]}' cannot be used .*{reason}"):
        get_metric("mine")
    with pytest.raises(UnknownMetricError, match=r"no metric 'other'\. Metrics: .*, fad, .*, mine\."):
        get_metric("other")


def test_the_digest_of_a_metric_covers_its_whole_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = {
        "helped/__init__.py": f"from functools import partial\nimport helped.helper\n{MODULE}",
        "helped/helper.py": "def compute(reference, evaluation, degree): ...\n",
        "helped/unused.py": "",
    }
    partial = 'METRIC = Metric("helped", "A partial", True, (), partial(helped.helper.compute, degree=3))\n'
    package["helped/__init__.py"] += partial
    install(tmp_path, "helped", package, ["[fad_core.metrics]", "helped = helped:METRIC"])
    monkeypatch.syspath_prepend(tmp_path)
    seen = [metrics_digest(["helped"])["helped"]]
    for file in ("unused.py", "helper.py", "__init__.py"):
        with (tmp_path / "helped" / file).open("a") as stream:
            stream.write("EDITED = True\n")
        seen.append(metrics_digest(["helped"])["helped"])
    del METRICS["helped"]
    assert seen[0] == seen[1] and len(set(seen)) == 3


@pytest.fixture
def built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules are built-in metrics, too."""
    monkeypatch.setattr(builtin, "__path__", [*builtin.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    before, loaded = dict(METRICS), set(sys.modules)
    yield tmp_path
    METRICS.clear()
    METRICS.update(before)
    for name in [name for name in sys.modules if name.startswith(f"{builtin.__name__}.")]:
        if name not in loaded:
            del sys.modules[name]


def test_a_module_is_a_built_in_metric(built_in: Path):
    (built_in / "mean_shift.py").write_text(MODULE.replace('"mean_shift"', '"mean-shift"'))
    (built_in / "broken.py").write_text("raise RuntimeError")  # is not imported for its name
    with pytest.raises(
        UnknownMetricError, match=r"Did you mean 'mean-shift'\? .*broken, .*fad, .*mean-shift,"
    ):
        get_metric("mean-shfit")
    assert get_metric("mean-shift").title == "Largest shift of a mean"
    with pytest.raises(ArgumentError, match="a metric 'mean-shift' exists already"):
        register_metric(replace(FARTHEST, name="mean-shift"))


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("shift.py", MODULE, r"the metric of \S*builtin\.shift is called 'mean_shift', not 'shift'"),
        ("fad inf.py", MODULE, "lower-case letters, digits, hyphens and underscores, unlike 'fad inf'"),
        ("KID.py", MODULE, "lower-case letters, digits, hyphens and underscores, unlike 'KID'"),
        ("shift.py", MODULE.replace("mean_shift", "S.H.I.F.T."), "underscores, unlike 'S.H.I.F.T.'"),
        ("helper.py", "", r"the module \S*builtin\.helper defines no METRIC"),
    ],
)
def test_a_built_in_metric_is_called_as_its_module(file: str, content: str, reason: str, built_in: Path):
    (built_in / file).write_text(content)
    name = file.removesuffix(".py")
    with pytest.raises(ArgumentError, match=reason):
        get_metric(name)
    assert name not in METRICS


def test_the_digest_of_a_built_in_metric_covers_its_module(built_in: Path):
    """Also if its function is one of another module."""
    module = built_in / "another.py"
    lines = [
        MODULE.replace('"mean_shift"', '"another"'),
        "from fad_core.metrics.builtin.fad import METRIC as FAD",
    ]
    lines += ["from dataclasses import replace", "METRIC = replace(FAD, name='another')"]
    module.write_text("\n".join(lines))
    get_metric("another")
    assert set(modules_of("another")) == {f"{builtin.__name__}.{name}" for name in ("another", "fad")}


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which a distribution with a metric is installed."""
    path = os.pathsep.join(map(str, (install_metric(tmp_path / "site"), ROOT, ROOT / "workflow")))
    return os.environ | {"PYTHONPATH": path}


def test_an_installed_metric_is_known_to_the_command(
    folders: list[str], installed: dict[str, str], seeded_export: Callable[[str], Path]
):
    command = [sys.executable, "-c", "from fad_core.cli import main; main()", "score", *folders, "--json"]
    options = ["--weights", str(seeded_export("vggish")), "--metric", "mean_shift", "--quiet"]
    done = subprocess.run([*command, *options], env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["metric"] == "mean_shift" and row["value"] > 0


def test_the_example_of_the_documentation_works_as_it_stands():
    namespace: dict[str, Any] = {}
    exec(example_of("new-metric.md"), namespace)
    vectors = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    reference, evaluation = (
        EmbeddedSet(name, ModelKey("m", "", "", ""), {"embedding": Statistics.from_embeddings(rows)})
        for name, rows in (("a", vectors), ("b", vectors + np.array([5.0, 4.0])))
    )
    register_metric(namespace["METRIC"])
    found = score_embedded(reference, evaluation, "mean_shift")
    # Of a file of another package only mean and covariance are known.
    known = reference.statistics_of()
    foreign = MeanCovariance.from_covariance(known.mean, known.covariance())
    reference = replace(reference, statistics={"embedding": foreign})
    assert score_embedded(reference, evaluation, "mean_shift") == pytest.approx(float(found))
    del METRICS["mean_shift"]
    assert found == pytest.approx((41 / (8 / 3)) ** 0.5)


def test_the_metric_of_vectors_of_the_documentation_works_as_it_stands():
    namespace: dict[str, Any] = {"MetricValue": MetricValue, "np": np}
    exec(example_of("new-metric.md", 1), namespace)
    vectors = {"a.wav": np.array([[1, 2], [3, 4]], "f4"), "b.wav": np.array([[5, 0]], "f4")}

    class Vectors:
        def vectors_of(self) -> SetVectors:
            return SetVectors.of(vectors.items())

    assert namespace["compute"](Vectors(), Vectors()).value == 0


def test_the_command_lists_metrics_and_describes_the_options_of_some():
    listed, described = (CliRunner().invoke(main, ["metrics", *names]).stdout for names in ((), ("kl", "is")))
    assert re.search(r"^kl .* vectors of logits +low$", listed, re.MULTILINE)
    assert "\n  kl: level=0.95, partners=require, convention=exact" in listed
    assert "convention=exact: Package whose" in described and "Package whose" not in listed
    assert max(map(len, listed.splitlines())) <= 100
    assert "Did you mean 'kl'?" in CliRunner().invoke(main, ["metrics", "kkl"]).stderr
