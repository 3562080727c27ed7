"""Distributions of other people that give a metric or models, laid out as an installer leaves them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

MODULE = """
import numpy as np
from fad_core.metrics import Metric, MetricValue, Need

def compute(reference, evaluation):
    a, b = (each.vectors_of().vectors.mean(axis=0) for each in (reference, evaluation))
    return MetricValue(float(np.abs(a - b).max()))

METRIC = Metric("mean_shift", "Largest shift of a mean", True, (Need("vectors"),), compute)
"""


def example_of(page: str, place: int = 0) -> str:
    """Return a Python module that a page of `docs/development` shows, by default the first."""
    text = (Path(__file__).parents[2] / "docs/development" / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[place]


MODELS = """
from dataclasses import replace

from .network import two_outputs_model

MODELS = (replace(two_outputs_model(), name="outside"),)
"""


def install(site: Path, name: str, files: Mapping[str, str], entry_points: Sequence[str]) -> Path:
    """Write a distribution into a folder of packages; return the folder."""
    metadata = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "entry_points.txt": "\n".join([*entry_points, ""]),
    }
    facts = {f"{name}-1.0.dist-info/{file}": content for file, content in metadata.items()}
    for path, content in {**files, **facts}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(content)
    return site


def install_metric(site: Path) -> Path:
    """Install a package with the metric "mean_shift"."""
    return install(
        site, "theirs", {"theirs.py": MODULE}, ["[fad_core.metrics]", "mean_shift = theirs:METRIC"]
    )


def install_models(site: Path, lines: Sequence[str] = ("outside = my_models:MODELS",)) -> Path:
    """Install a package with the model "outside", of two outputs, or with other entry points."""
    network = (Path(__file__).parent / "tiny_pt2.py").read_text()
    files = {"my_models/__init__.py": MODELS, "my_models/network.py": network}
    return install(site, "my_models", files, ["[fad_core.models]", *lines])


def install_small_model(site: Path) -> Path:
    """Install the package with the model "small", and with golden embeddings of it."""
    from outside_model import write_golden
    from small_model import GOLDEN, MODELS

    small = MODELS[0]
    source = Path(__file__).parent / "small_model"
    shutil.copytree(source, site / "small_model", ignore=shutil.ignore_patterns("__pycache__"))
    write_golden(site / "small_model" / GOLDEN.name, small)
    return install(site, "small_model", {}, ["[fad_core.models]", "small = small_model:MODELS"])
