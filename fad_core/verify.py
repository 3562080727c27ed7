"""Verification: does an exported model reproduce what it was made from?

Two levels gate every embedding:

* *eager*: the `.pt2` against the eager network, rebuilt from the checkpoint, over batches of 1 to 64;
* *golden*: the `.pt2` of the seeded weights, from waveform to embedding and on to the distance, against
  what the original package gave on the same clips with the same weights (`fad_core.golden`).

A level that was not run is never called passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core.embedding import embed_waveform
from fad_core.errors import VerificationError
from fad_core.exported import ExportedModel, Identity
from fad_core.frechet import frechet_distance
from fad_core.golden import load_golden
from fad_core.golden.clips import EVALUATION_GROUP, REFERENCE_GROUP, clips
from fad_core.models.base import EmbeddingModel
from fad_core.statistics import Statistics
from fad_core.weights import Weights, load_state

# Even and odd, either side of the sizes at which matrix kernels change, and one window.
EAGER_BATCHES = (1, 2, 3, 7, 8, 16, 31, 32, 33, 64)

# The exported program calls the same kernels as the eager network and gives the same bits; the tenth of
# the tolerance is left to BLAS libraries that answer by the alignment of a buffer.
EAGER_SHARE = 0.1

GROUPS = (REFERENCE_GROUP, EVALUATION_GROUP)

# The exact distance of our embeddings against that of the original's, relative.
DISTANCE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Comparison:
    """One row of a verification: what was compared and how far apart it lay.

    Attributes:
        model: id.
        weights: "official", "seeded" or a file's name.
        weights_sha256: of the checkpoint.
        level: "eager" or "golden".
        case: the batch size, or the clip.
        quantity: "embedding" or "fad".
        vectors: how many embedding vectors were compared.
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


def verify_eager(exported: ExportedModel, weights: Weights) -> list[Comparison]:
    """Compare an exported model with the eager network over batch sizes.

    Args:
        exported: the `.pt2`, on the CPU.
        weights: the fetched weights it should hold.
    """
    return list(eager_comparisons(exported, exported.model.build(load_state(weights))))


def eager_comparisons(exported: ExportedModel, network: torch.nn.Module) -> Iterator[Comparison]:
    """The rows of `verify_eager`, one by one, for a network that `EmbeddingModel.build` gave."""
    for batch in EAGER_BATCHES:
        features = exported.model.example_input(batch)
        with torch.inference_mode():
            eager = exported.model.pool(network(features).numpy())
        found = exported.model.pool(exported.network(features.numpy()))
        tolerance = EAGER_SHARE * exported.model.tolerance
        yield _compare(exported.identity, "eager", f"batch {batch}", found, eager, tolerance)


def verify_golden(exported: ExportedModel, progress: Callable[[str], None] | None = None) -> list[Comparison]:
    """Compare an exported model of the seeded weights with the original package's embeddings.

    Args:
        exported: a `.pt2` with seeded weights, on the CPU.
        progress: told the name of each clip.

    Raises:
        VerificationError: the stored embeddings are of other weights.
    """
    return list(golden_comparisons(exported, progress))


def golden_comparisons(
    exported: ExportedModel, progress: Callable[[str], None] | None = None
) -> Iterator[Comparison]:
    """The rows of `verify_golden`, one by one."""
    golden = load_golden(exported.model.family)
    identity = exported.identity
    stored = {name: golden.weights_sha256[name] for name in identity.checkpoints}
    if dict(identity.checkpoints) != stored:
        raise VerificationError(
            f"the golden embeddings of {identity.model} are of seeded weights {stored}, the .pt2 is of "
            f"{dict(identity.checkpoints)}: export it with seeded weights, or regenerate the embeddings with "
            "tests/golden/make_golden.py"
        )
    model = exported.model
    expected = golden.cases[model.name]
    passed, found = True, {}
    for case, clip in clips().items():
        if progress is not None:
            progress(case)
        embeddings = embed_waveform(exported, clip.waveform, clip.sample_rate)
        flips, tolerance = 0, model.tolerance
        if model.quantum and embeddings.shape == expected[case].shape:
            unrounded = golden.before_quantisation[model.name][case]
            embeddings, flips = _settle(model, embeddings, expected[case], unrounded)
            tolerance = 0.0
        found[case] = embeddings
        row = _compare(identity, "golden", case, embeddings, expected[case], tolerance, flips)
        passed = passed and row.verdict == "passed"
        yield row
    if passed:
        yield _compare_distance(identity, expected, found)


def _settle(
    model: EmbeddingModel,
    found: NDArray[np.float32],
    expected: NDArray[np.float32],
    unrounded: NDArray[np.float32],
) -> tuple[NDArray[np.float32], int]:
    """Forgive what float32 cannot decide: on which side of a rounding edge a value falls.

    A quantised value may be one quantum off only where the original's own unrounded value lies on an
    edge, within the tolerance; everything else has to be equal.

    Returns:
        The embeddings with those values set to the original's, and how many they are.
    """
    rms = np.sqrt(np.mean(np.square(unrounded, dtype=np.float64)))
    on_edge = model.rounding_distance(unrounded) <= model.tolerance * rms
    forgiven = (found != expected) & (np.abs(found - expected) <= model.quantum) & on_edge
    return np.where(forgiven, expected, found), int(forgiven.sum())


def _compare_distance(
    identity: Identity, expected: Mapping[str, NDArray[np.float32]], found: Mapping[str, NDArray[np.float32]]
) -> Comparison:
    values = []
    for embeddings in (found, expected):
        sets = (np.concatenate([embeddings[case] for case in group]) for group in GROUPS)
        values.append(frechet_distance(*map(Statistics.from_embeddings, sets)).value)
    difference = abs(values[0] - values[1])
    relative = difference / values[1]
    return Comparison(
        identity.model,
        identity.weights,
        identity.weights_sha256,
        "golden",
        "distance of two groups of clips",
        "fad",
        sum(len(found[case]) for group in GROUPS for case in group),
        difference,
        relative,
        None,
        DISTANCE_TOLERANCE,
        0,
        _verdict(relative <= DISTANCE_TOLERANCE),
    )


def _compare(
    identity: Identity,
    level: str,
    case: str,
    found: NDArray[np.float32],
    expected: NDArray[np.float32],
    tolerance: float,
    off_by_quantum: int = 0,
) -> Comparison:
    same_shape = found.shape == expected.shape
    absolute = relative = float("inf")
    cosine = float("nan")
    if same_shape:
        a, b = found.astype(np.float64), expected.astype(np.float64)
        absolute = float(np.max(np.abs(a - b), initial=0.0))
        rms = float(np.sqrt(np.mean(np.square(b))))
        relative = absolute / rms if rms > 0 else (0.0 if absolute == 0 else float("inf"))
        cosine = _min_cosine(a, b)
    return Comparison(
        identity.model,
        identity.weights,
        identity.weights_sha256,
        level,
        case,
        "embedding",
        len(expected),
        absolute,
        relative,
        cosine,
        tolerance,
        off_by_quantum,
        # A NaN fails, for it compares as false.
        _verdict(same_shape and relative <= tolerance),
    )


def _min_cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products = np.sum(a * b, axis=1)
    both_zero = (np.linalg.norm(a, axis=1) == 0) & (np.linalg.norm(b, axis=1) == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.where(both_zero, 1.0, products / norms)
    return float(np.min(cosines, initial=1.0))


def _verdict(passed: bool) -> str:
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
