"""Recall: the share of reference vectors near the evaluation set (`fad_core.metrics.neighbours`)."""

from __future__ import annotations

from functools import partial

from fad_core.metrics.base import Metric, Need
from fad_core.metrics.neighbour_metrics import NeighbourOptions, compute_share

METRIC = Metric(
    "recall",
    "Recall",
    symmetric=False,
    needs=(Need("vectors"),),
    compute=partial(compute_share, "recall"),
    options=NeighbourOptions,
    higher_is_better=True,
)
