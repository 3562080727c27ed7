"""Verification: does an exported model reproduce what it was made from?

Two levels gate every embedding:

* *eager*: the `.pt2` against the eager network, rebuilt from the checkpoint, over batches of 1 to 64;
* *golden*: the `.pt2` of the seeded weights, from waveform to embedding and on to the distance, against
  what the original package gave on the same clips with the same weights (`fad_core.golden`).

A level that was not run is never called passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core.comparison import Comparison, compare, verdict
from fad_core.embedding import prepare_waveform
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

# Log-mel spectra come from float64 and are rounded to float32 once: they differ by a last bit, if at all.
FRONTEND_TOLERANCE = 1e-6

# The exact distance of our embeddings against that of the original's, relative.
DISTANCE_TOLERANCE = 1e-6


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
        yield compare(exported.identity, "eager", f"batch {batch}", found, eager, tolerance)


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
        waveform = prepare_waveform(clip.waveform, clip.sample_rate, model)
        if case in golden.features:
            features = model.frontend(waveform)[:1]
            patch = golden.features[case].reshape(features.shape)
            yield compare(identity, "golden", case, features, patch, FRONTEND_TOLERANCE, quantity="frontend")
        embeddings = exported.embed(waveform)
        flips, tolerance = 0, model.tolerance
        if model.quantum and embeddings.shape == expected[case].shape:
            unrounded = golden.before_quantisation[model.name][case]
            embeddings, flips = _settle(model, embeddings, expected[case], unrounded)
            tolerance = 0.0
        found[case] = embeddings
        row = compare(identity, "golden", case, embeddings, expected[case], tolerance, off_by_quantum=flips)
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
        verdict(relative <= DISTANCE_TOLERANCE),
    )
