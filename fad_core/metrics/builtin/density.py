"""Density: the mean number of reference balls around an evaluation vector (`fad_core.metrics.neighbours`)."""

from __future__ import annotations

from functools import partial

from fad_core.metrics.base import Metric, Need
from fad_core.metrics.neighbour_metrics import NeighbourOptions, compute_share

METRIC = Metric(
    "density",
    "Density",
    symmetric=False,
    needs=(Need("vectors"),),
    compute=partial(compute_share, "density"),
    options=NeighbourOptions,
    higher_is_better=True,
)
