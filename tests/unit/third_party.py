"""A distribution of somebody else that gives a metric, as an installer would leave it."""

from __future__ import annotations

from pathlib import Path

MODULE = """
import numpy as np
from fad_core.metrics import Metric, MetricValue, Need

def compute(reference, evaluation):
    a, b = (each.vectors_of().vectors.mean(axis=0) for each in (reference, evaluation))
    return MetricValue(float(np.abs(a - b).max()))

METRIC = Metric("mean_shift", "Largest shift of a mean", True, (Need("vectors"),), compute)
"""


def install_metric(site: Path) -> Path:
    """Write it into a folder of packages; the metric is called "mean_shift"."""
    facts = site / "theirs-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "theirs.py").write_text(MODULE)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[fad_core.metrics]\nmean_shift = theirs:METRIC\n")
    return site
