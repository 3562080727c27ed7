"""Checks of a verification: comparisons of an array with its expected value, and their overall result."""

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
from fad_core.runner.identity import Identity

Embeddings = NDArray[np.float32]
"""`[N, D]`."""

DISTANCE_TOLERANCE = 1e-6
"""Largest relative difference of the exact distances of the model's and of the original's embeddings."""


@dataclass(frozen=True)
class Check:
    """One row of a verification: what was compared, and the difference.

    The attributes are the columns of the table VERIFICATION (`fad_core.tables.schemas`) that describe one
    comparison; `fad_core.verification.table` adds the others.
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
    """Compare an array with its expected value.

    Args:
        identity: identity of the exported model that is verified.
        level: name of the level.
        case: name of the batch size or of the clip.
        found: `[N, …]`.
        expected: array of the same shape; with another shape the check fails.
        tolerance: the largest absolute difference allowed, as a share of the RMS of `expected`.
        quantity: what the arrays are: the name of an output, "state", "frontend", "network" or "fad".
        off_by_quantum: number of values that `settle` has replaced.
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
    """Return the smallest cosine of corresponding vectors `[D]` of `[N, D]`; 1 where both are zero."""
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.sum(a * b, axis=1) / (lengths[0] * lengths[1])
    return float(np.min(np.where(np.maximum(*lengths) == 0, 1.0, cosines), initial=1.0))


def compare_distance(
    identity: Identity, level: str, case: str, vectors: int, found: float, expected: float
) -> Check:
    """Compare a Fréchet distance, of `vectors` vectors, with its expected value."""
    ours, theirs = np.array([[found]]), np.array([[expected]])
    check = compare(identity, level, case, ours, theirs, DISTANCE_TOLERANCE, quantity="fad")
    return replace(check, vectors=vectors, min_cosine=None)


def distance_of_groups(groups: Iterable[Sequence[Embeddings]]) -> float:
    """Return the exact Fréchet distance of two groups of clips, given the embeddings of each clip."""
    reference, evaluation = (Statistics.from_embeddings(np.concatenate(group)) for group in groups)
    return frechet_distance(reference, evaluation).value


def case_by(case: str, backend: Backend) -> str:
    """Return the name of a case, with the backend unless it is the default one."""
    return case if backend == DEFAULT_BACKEND else f"{case}, {backend.name}"


def settle(
    model: EmbeddingModel, found: Embeddings, expected: Embeddings, unrounded: Embeddings | None
) -> tuple[Embeddings, int, float]:
    """Replace quantised values that differ only because they are on a rounding edge.

    A value may differ by one quantization step only where the unrounded value of the original is on a
    rounding edge, within the tolerance; all other values have to be equal.

    Args:
        model: the model.
        found: its embeddings `[N, D]`.
        expected: those of the original.
        unrounded: those of the original before rounding; None if they are not rounded.

    Returns:
        The embeddings, with such values replaced by the original's; the number of such values; and the
        tolerance for the comparison.
    """
    if unrounded is None or found.shape != expected.shape:
        return found, 0, model.tolerance
    facts = model.verification
    rms = np.sqrt(np.mean(np.square(unrounded, dtype=np.float64)))
    on_edge = facts.rounding_distance(unrounded) <= model.tolerance * rms
    forgiven = (found != expected) & (np.abs(found - expected) <= facts.quantization_step) & on_edge
    return np.where(forgiven, expected, found), int(forgiven.sum()), 0.0


def require_passed(checks: Iterable[Check]) -> None:
    """Require checks, and that all of them have passed.

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
            f"{model} ({weights}) failed the verification: {len(listed)} comparisons at the level "
            f"{level!r} exceed their tolerance:"
        )
        yield from listed
