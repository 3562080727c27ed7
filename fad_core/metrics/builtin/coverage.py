"""Coverage: the share of reference vectors with an evaluation vector near (`fad_core.metrics.neighbours`)."""

from __future__ import annotations

from functools import partial

from fad_core.metrics.base import Metric, Need
from fad_core.metrics.neighbour_metrics import NeighbourOptions, compute_share

METRIC = Metric(
    "coverage",
    "Coverage",
    symmetric=False,
    needs=(Need("vectors"),),
    compute=partial(compute_share, "coverage"),
    options=NeighbourOptions,
    higher_is_better=True,
)
