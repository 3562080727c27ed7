"""One comparison of a verification, and what follows from all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import VerificationError
from fad_core.runner.pt2 import Identity


@dataclass(frozen=True)
class Comparison:
    """One row of a verification: what was compared and how far apart it lay.

    Attributes:
        model: id.
        weights: "official", "seeded" or a file's name.
        weights_sha256: of the checkpoint.
        level: "eager", "golden" or "reference".
        case: the batch size, or the clip.
        quantity: "embedding"; "frontend", the features; "network", embeddings of the original's features;
            or "fad".
        vectors: how many embedding vectors, or windows of features, were compared.
        max_absolute_difference: over all values.
        max_relative_difference: the same, as a share of the RMS of the values compared with.
        min_cosine: over the vectors, 1 where both are zero; None for a distance.
        tolerance: the largest relative difference allowed.
        off_by_quantum: values of a quantised embedding that fell on the other side of a rounding edge;
            they do not count as different.
        verdict: "passed" or "failed".
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
    found: NDArray[np.float32],
    expected: NDArray[np.float32],
    tolerance: float,
    *,
    quantity: str = "embedding",
    off_by_quantum: int = 0,
) -> Comparison:
    """Compare what was found with what was expected, `[N, …]`; the shapes must be equal too."""
    same_shape = found.shape == expected.shape
    absolute = relative = float("inf")
    cosine = float("nan")
    if same_shape:
        a, b = found.astype(np.float64), expected.astype(np.float64)
        absolute = float(np.max(np.abs(a - b), initial=0.0))
        rms = float(np.sqrt(np.mean(np.square(b))))
        relative = absolute / rms if rms > 0 else (0.0 if absolute == 0 else float("inf"))
        cosine = _min_cosine(a.reshape(len(a), -1), b.reshape(len(b), -1))
    return Comparison(
        identity.model,
        identity.weights,
        identity.weights_sha256,
        level,
        case,
        quantity,
        len(expected),
        absolute,
        relative,
        cosine,
        tolerance,
        off_by_quantum,
        # A NaN fails, for it compares as false.
        verdict(same_shape and relative <= tolerance),
    )


def compare_distance(
    identity: Identity, level: str, case: str, vectors: int, found: float, expected: float, tolerance: float
) -> Comparison:
    """Compare a distance of so many vectors with the one it should be, relative to that."""
    difference = abs(found - expected)
    relative = difference / abs(expected) if expected else (0.0 if difference == 0 else float("inf"))
    return Comparison(
        identity.model,
        identity.weights,
        identity.weights_sha256,
        level,
        case,
        "fad",
        vectors,
        difference,
        relative,
        None,
        tolerance,
        0,
        verdict(relative <= tolerance),
    )


def _min_cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products = np.sum(a * b, axis=1)
    both_zero = (np.linalg.norm(a, axis=1) == 0) & (np.linalg.norm(b, axis=1) == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.where(both_zero, 1.0, products / norms)
    return float(np.min(cosines, initial=1.0))


def verdict(passed: bool) -> str:
    """The word for it in a table."""
    return "passed" if passed else "failed"


def require_passed(rows: Iterable[Comparison]) -> None:
    """Refuse a verification with no rows, or with one that failed.

    Raises:
        VerificationError: the message lists what failed.
    """
    rows = list(rows)
    if not rows:
        raise VerificationError("nothing was verified")
    failed = [row for row in rows if row.verdict != "passed"]
    if failed:
        raise VerificationError("\n".join(_failures(failed)))


def _failures(failed: list[Comparison]) -> Iterator[str]:
    for (model, weights, level), rows in groupby(failed, lambda row: (row.model, row.weights, row.level)):
        listed = [
            f"  {row.case}, {row.quantity}: relative difference {row.max_relative_difference:.3g}, "
            f"tolerance {row.tolerance:.3g}"
            for row in rows
        ]
        yield (
            f"{model} ({weights}) is not what it was made from: "
            f"{len(listed)} comparisons failed at the level {level!r}:"
        )
        yield from listed
