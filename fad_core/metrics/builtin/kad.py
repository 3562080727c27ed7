"""KAD: 100 times the squared maximum mean discrepancy under a Gaussian kernel, with an interval.

    KAD = 100 · MMD² with k(x, y) = exp(−|x − y|² / (2 σ²))

(Chung et al., "KAD: No more FAD! An effective and efficient evaluation metric for audio generation", ICML
2025.) The bandwidth σ is the median of the distances between the reference's vectors, as the paper and the
documentation of `kadtk` say. Its code takes the evaluation set's: `bandwidth=kadtk` gives that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fad_core.errors import SettingError
from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need
from fad_core.metrics.interval_options import JACKKNIFE, IntervalOptions
from fad_core.util.choices import choice, require_positive

BANDWIDTHS = ("reference", "evaluation", "kadtk")


@dataclass(frozen=True)
class KadOptions(IntervalOptions):
    """Options of KAD.

    Raises:
        ArgumentError: an option has no valid value.
    """

    bandwidth: str = choice(
        "reference",
        "Bandwidth σ of the Gaussian kernel: the median distance between vectors of the reference, or of "
        "the evaluation set (evaluation); kadtk (as the code of that package: of the evaluation set, the "
        "lower of two middle distances, γ = 1 / (2 σ² + 1e-8)); or a positive number.",
    )
    seed: int = choice(
        0, "Seed of the sample whose median distance is taken if a set has over 20 000 vectors."
    )

    def __post_init__(self) -> None:
        if self.bandwidth not in BANDWIDTHS:
            try:
                number = float(self.bandwidth)
            except ValueError:
                names = ", ".join(BANDWIDTHS)
                fault = f"must be one of {names}, or a positive number, not {self.bandwidth!r}"
                raise SettingError("bandwidth", fault) from None
            require_positive("bandwidth", number)
        super().__post_init__()


def _compute(reference: MetricInput, evaluation: MetricInput, options: KadOptions) -> MetricValue:
    from fad_core.errors import ArgumentError
    from fad_core.metrics.kernel_system import kernel_value
    from fad_core.metrics.kernels import GaussianKernel
    from fad_core.metrics.pairwise import MOST_VECTORS, median_distance

    sets = reference.vectors_of(), evaluation.vectors_of()
    note = ""
    if options.bandwidth in BANDWIDTHS:
        chosen = sets[0 if options.bandwidth == "reference" else 1]
        sigma = median_distance(chosen.vectors, lower=options.bandwidth == "kadtk", seed=options.seed)
        if len(chosen.vectors) > MOST_VECTORS:
            note = f"the bandwidth is the median of a sample of {MOST_VECTORS} vectors"
        if sigma == 0:
            raise ArgumentError(
                f"bandwidth={options.bandwidth} is zero, since at least half of the distances "
                "between vectors of that set are: choose a number"
            )
    else:
        sigma = float(options.bandwidth)
    gamma = 1 / (2 * sigma**2 + (1e-8 if options.bandwidth == "kadtk" else 0.0))
    if not 0 < gamma < math.inf:
        raise SettingError("bandwidth", f"is beyond what float64 holds when squared: {sigma!r}")
    return kernel_value(*sets, GaussianKernel(gamma), options.level, 100, note)


METRIC = Metric(
    "kad",
    "Kernel Audio Distance",
    symmetric=False,
    needs=(Need("vectors"),),
    compute=_compute,
    options=KadOptions,
    interval=JACKKNIFE,
)
