"""One check of a verification: an array against what it must be. And what all checks say together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import VerificationError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models.base import EmbeddingModel
from fad_core.runner.backend import DEFAULT_BACKEND, Backend
from fad_core.runner.pt2 import Identity

Embeddings = NDArray[np.float32]
"""`[N, D]`."""

DISTANCE_TOLERANCE = 1e-6
"""Relative, of the distance of our embeddings from that of the original's, both by the exact formula."""


@dataclass(frozen=True)
class Check:
    """One row of a verification: what was compared, and by how much it differed.

    The attributes are the columns of the table VERIFICATION (`fad_core.tables.schemas`), but `numerics`.
    """

    model: str
    weights: str
    weights_sha256: str
    level: str
    case: str
    quantity: str
    vectors: int
    max_absolute_difference: float
    max_relative_difference: float
    min_cosine: float | None
    tolerance: float
    off_by_quantum: int
    verdict: str


def compare(
    identity: Identity,
    level: str,
    case: str,
    found: NDArray[Any],
    expected: NDArray[Any],
    tolerance: float,
    *,
    quantity: str = "embedding",
    off_by_quantum: int = 0,
) -> Check:
    """Compare an array with what it must be.

    Args:
        identity: of the exported model that is verified.
        level: of the verification.
        case: the batch size, or the clip.
        found: `[N, …]`.
        expected: of the same shape, or the check fails.
        tolerance: the largest absolute difference allowed, as a share of the RMS of `expected`.
        quantity: what the arrays are.
        off_by_quantum: how many values `settle` has forgiven.
    """
    same_shape = found.shape == expected.shape
    absolute = relative = float("inf")
    cosine = float("nan")
    if same_shape:
        a, b = found.astype(np.float64), expected.astype(np.float64)
        absolute = float(np.max(np.abs(a - b), initial=0.0))
        rms = float(np.sqrt(np.mean(np.square(b))))
        relative = absolute / rms if rms > 0 else (0.0 if absolute == 0 else float("inf"))
        cosine = _min_cosine(a.reshape(len(a), -1), b.reshape(len(b), -1))
    return Check(
        model=identity.model,
        weights=identity.weights,
        weights_sha256=identity.weights_sha256,
        level=level,
        case=case,
        quantity=quantity,
        vectors=len(expected),
        max_absolute_difference=absolute,
        max_relative_difference=relative,
        min_cosine=cosine,
        tolerance=tolerance,
        off_by_quantum=off_by_quantum,
        # A NaN fails, for it compares as false.
        verdict="passed" if same_shape and relative <= tolerance else "failed",
    )


def _min_cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The smallest cosine of two vectors `[D]` of `[N, D]`; 1 where both are zero."""
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.sum(a * b, axis=1) / (lengths[0] * lengths[1])
    return float(np.min(np.where(np.maximum(*lengths) == 0, 1.0, cosines), initial=1.0))


def compare_distance(
    identity: Identity, level: str, case: str, vectors: int, found: float, expected: float
) -> Check:
    """Compare a Fréchet distance of so many vectors with the one it must be."""
    ours, theirs = np.array([[found]]), np.array([[expected]])
    check = compare(identity, level, case, ours, theirs, DISTANCE_TOLERANCE, quantity="fad")
    return replace(check, vectors=vectors, min_cosine=None)


def distance_of_groups(groups: Iterable[Sequence[Embeddings]]) -> float:
    """The exact Fréchet distance of two groups of clips, given the embeddings of each clip."""
    reference, evaluation = (Statistics.from_embeddings(np.concatenate(group)) for group in groups)
    return frechet_distance(reference, evaluation).value


def case_by(case: str, backend: Backend) -> str:
    """A case's name, and how the network ran unless by default."""
    return case if backend == DEFAULT_BACKEND else f"{case}, {backend.name}"


def settle(
    model: EmbeddingModel, found: Embeddings, expected: Embeddings, unrounded: Embeddings | None
) -> tuple[Embeddings, int, float]:
    """Forgive what float32 cannot decide: on which side of a rounding edge a value falls.

    A quantised value may be one quantum off only where the original's own unrounded value lies on an
    edge, within the tolerance; everything else has to be equal.

    Args:
        model: the model.
        found: our embeddings `[N, D]`.
        expected: the original's.
        unrounded: the original's before they are quantised; None if they are not.

    Returns:
        The embeddings with the values that are forgiven set to the original's, how many they are, and the
        tolerance that is left.
    """
    if unrounded is None or found.shape != expected.shape:
        return found, 0, model.tolerance
    facts = model.verification
    rms = np.sqrt(np.mean(np.square(unrounded, dtype=np.float64)))
    on_edge = facts.rounding_distance(unrounded) <= model.tolerance * rms
    forgiven = (found != expected) & (np.abs(found - expected) <= facts.quantization_step) & on_edge
    return np.where(forgiven, expected, found), int(forgiven.sum()), 0.0


def require_passed(checks: Iterable[Check]) -> None:
    """Refuse a verification without checks, or with one that failed.

    Raises:
        VerificationError: the message lists what failed.
    """
    checks = list(checks)
    if not checks:
        raise VerificationError("nothing was verified")
    failed = [check for check in checks if check.verdict != "passed"]
    if failed:
        raise VerificationError("\n".join(_failures(failed)))


def _failures(failed: Sequence[Check]) -> Iterator[str]:
    for (model, weights, level), group in groupby(failed, lambda row: (row.model, row.weights, row.level)):
        listed = [
            f"  {row.case}, {row.quantity}: relative difference {row.max_relative_difference:.3g}, "
            f"tolerance {row.tolerance:.3g}"
            for row in group
        ]
        yield (
            f"{model} ({weights}) is not what it was made from: "
            f"{len(listed)} comparisons failed at the level {level!r}:"
        )
        yield from listed
