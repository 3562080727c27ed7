"""KID: the squared maximum mean discrepancy under the cubic polynomial kernel, with an interval.

    KID = MMD² with k(x, y) = (xᵀy / D + 1)³

(Bińkowski et al., "Demystifying MMD GANs", ICLR 2018.) It is the unbiased estimate over all vectors, not
multiplied by anything. `torch-fidelity` reports the mean and the standard deviation of the same estimate over
random subsets of 1000 vectors, by default 100 of them: that mean has this value as its expectation. The
kernel is not invariant to a common shift of both sets, and its scale depends on that of the embedding.
"""

from __future__ import annotations

from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need
from fad_core.metrics.interval_options import JACKKNIFE, IntervalOptions


def _compute(reference: MetricInput, evaluation: MetricInput, options: IntervalOptions) -> MetricValue:
    from fad_core.metrics.kernel_system import kernel_value
    from fad_core.metrics.kernels import CubicKernel

    return kernel_value(reference.vectors_of(), evaluation.vectors_of(), CubicKernel(), options.level)


METRIC = Metric(
    "kid",
    "Kernel Inception Distance",
    symmetric=True,
    needs=(Need("vectors"),),
    compute=_compute,
    options=IntervalOptions,
    interval=JACKKNIFE,
)
