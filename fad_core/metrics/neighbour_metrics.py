"""What the metrics precision, recall, density and coverage have in common: their options and `compute`."""

from __future__ import annotations

from dataclasses import dataclass

from fad_core.errors import SettingError
from fad_core.metrics.base import MetricInput, MetricValue
from fad_core.util.choices import choice

NO_INTERVAL = "no interval: what it estimates depends on the numbers of vectors and on nearest_k"


@dataclass(frozen=True)
class NeighbourOptions:
    """Options of precision, recall, density and coverage.

    Raises:
        ArgumentError: an option has no valid value.
    """

    nearest_k: int = choice(5, "Number of neighbours whose distance is the radius of a vector's ball.")

    def __post_init__(self) -> None:
        if isinstance(self.nearest_k, bool) or not isinstance(self.nearest_k, int) or self.nearest_k < 1:
            raise SettingError("nearest_k", f"must be a whole number of at least 1, not {self.nearest_k!r}")


def compute_share(
    name: str, reference: MetricInput, evaluation: MetricInput, options: NeighbourOptions
) -> MetricValue:
    """Compute one of the four metrics; all four of two sets take one search.

    Args:
        name: precision, recall, density or coverage.
        reference: the reference set.
        evaluation: the evaluation set.
        options: the options.

    Returns:
        The value, without an interval and with the reason why.

    Raises:
        ArgumentError: the sets do not allow a value.
    """
    from fad_core.metrics.neighbours import shared_neighbour_shares

    shares = shared_neighbour_shares(reference.vectors_of(), evaluation.vectors_of(), options.nearest_k)
    return MetricValue(getattr(shares, name), note=NO_INTERVAL)
