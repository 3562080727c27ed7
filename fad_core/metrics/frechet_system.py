"""What comparing systems by their Fréchet distances uses: groups of the systems' files.

The derivative of the distance with respect to the mean μ and the covariance Σ of a set, with the reference
held fixed, gives each vector x of the set the influence

    φ(x) = gᵀ (x − μ) + (x − μ)ᵀ (I − T) (x − μ),   g = 2 (μ − μᵣ),   T = Rᵣᵀ V S⁻¹ Vᵀ Rᵣ

with Rᵣᵀ Rᵣ = Σᵣ, RᵀR = Σ, and R Rᵣᵀ = U S Vᵀ; T is the optimal transport map from N(μ, Σ) to N(μᵣ, Σᵣ)
(Takatsu, "Wasserstein geometry of Gaussian measures", Osaka Journal of Mathematics 48, 2011). It is
evaluated at the two systems together, from the means and scatter of groups of files, so that it needs no
vectors. Directions in which there is no vector, S = 0, are left out; no vector of the systems has a part in
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ArgumentError
from fad_core.metrics.comparison import System, Units
from fad_core.metrics.effects import Effects
from fad_core.metrics.file_group import FileGroup
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.frechet_interval import frechet_interval
from fad_core.metrics.linear_algebra import linalg
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics

__all__ = ["FrechetSystem"]

Gaussian = Statistics | MeanCovariance


@dataclass(frozen=True, eq=False)
class FrechetSystem:
    """A system and its Fréchet distance from a reference.

    Attributes:
        reference: statistics of the reference.
        evaluation: statistics of the system.
        effects: the distance without bias, and the effects of groups of files; None if they are not known.
    """

    reference: Gaussian
    evaluation: Gaussian
    effects: Effects | None = None

    @classmethod
    def of(cls, reference: Gaussian, evaluation: Gaussian) -> FrechetSystem:
        """Compare a system with a reference.

        Args:
            reference: statistics of the reference.
            evaluation: statistics of the system.
        """
        value = frechet_distance(reference, evaluation).value
        return cls(reference, evaluation, frechet_interval(reference, evaluation, value).effects)

    def influences(self, other: System) -> tuple[Units, Units]:
        """Return the influences of groups of files on the distance of both systems together.

        Args:
            other: another system with the same reference.

        Raises:
            ArgumentError: groups of files are not known.
        """
        assert isinstance(other, FrechetSystem)
        sets = [each.evaluation for each in (self, other)]
        both = [each for each in sets if isinstance(each, Statistics) and each.groups]
        if len(both) < len(sets):
            raise ArgumentError("groups of the files are not known")
        pooled = both[0].merge(both[1])
        transport = _transport(pooled, self.reference)
        gradient = 2 * (pooled.mean - self.reference.mean)
        units = [_units(each.groups, pooled.mean, gradient, transport) for each in both]
        return units[0], units[1]


def _units(
    groups: tuple[FileGroup, ...],
    mean: NDArray[np.float64],
    gradient: NDArray[np.float64],
    transport: NDArray[np.float64],
) -> Units:
    sums = []
    for group in groups:
        shift = group.mean - mean
        rows = np.vstack([group.rows, np.sqrt(group.n) * shift])
        moved = rows @ transport.T
        sums.append(group.n * (gradient @ shift) + np.sum(rows * rows) - np.sum(moved * moved))
    counts = np.array([group.n for group in groups])
    return Units(tuple(group.files for group in groups), counts, np.array(sums))


def _transport(pooled: Gaussian, reference: Gaussian) -> NDArray[np.float64]:
    """Return W `[K, D]` with WᵀW = T."""
    scaled = [each.rows / (1 if each.n is None else np.sqrt(each.n - 1)) for each in (pooled, reference)]
    _, lengths, right = linalg.svd(scaled[0] @ scaled[1].T, full_matrices=False, check_finite=False)
    kept = lengths > lengths[0] * max(pooled.dimension, len(lengths)) * np.finfo(np.float64).eps
    return np.asarray((right[kept] / np.sqrt(lengths[kept])[:, np.newaxis]) @ scaled[1])
