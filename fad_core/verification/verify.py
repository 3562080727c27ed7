"""Verification: does an exported model reproduce what it was made from?

Two levels gate every embedding:

* *eager*: the `.pt2` against the eager network, rebuilt from the checkpoint, over batch sizes and lengths;
* *golden*: the `.pt2` of the seeded weights, from waveform to embedding and on to the distance, against
  what the original package gave on the same clips with the same weights (`fad_core.verification.golden`).

Each as it was exported, with the kernels for this processor, and on the device that is chosen beside it
(`Backend`). A level that was not run is never called passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core.embedding.embed import prepare_waveform
from fad_core.errors import VerificationError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.runner.backend import Backend
from fad_core.runner.backends import Origin
from fad_core.runner.blocks import split_result
from fad_core.runner.exported import ExportedModel
from fad_core.runner.pt2 import Identity
from fad_core.verification.check import Comparison, compare, compare_distance
from fad_core.verification.golden import Golden, load_golden
from fad_core.verification.golden.clips import EVALUATION_GROUP, REFERENCE_GROUP, clips
from fad_core.weights import Weights, load_state

# Run as it is, the exported program calls the same kernels as the eager network and gives the same bits; the
# tenth of the tolerance is left to BLAS libraries that answer by the alignment of a buffer.
EAGER_SHARE = 0.1

GROUPS = (REFERENCE_GROUP, EVALUATION_GROUP)

EagerOutputs = Callable[[int, int], Arrays]
"""Of the eager network, by batch and samples."""

# The exact distance of our embeddings against that of the original's, relative.
DISTANCE_TOLERANCE = 1e-6


ON_CPU = (Backend(), Backend("plain"))
"""Those that are always verified."""


def verified_backends(device: str) -> tuple[Backend, ...]:
    """The backends that are always verified, and the device that is chosen."""
    return ON_CPU if device == "cpu" else (*ON_CPU, Backend(device=device))


def run_by(path: Path, backend: Backend, origin: Origin = "own") -> ExportedModel | None:
    """Load a `.pt2` to run by a backend; None if the kernels cannot be used here, and it would run plain."""
    exported = ExportedModel(path, backend=backend, origin=origin)
    return None if backend == Backend() and not exported.fast else exported


def verify_eager(
    path: Path,
    model: EmbeddingModel,
    weights: Weights,
    backends: Sequence[Backend] = ON_CPU,
    origin: Origin = "own",
) -> list[Comparison]:
    """Compare an exported model with the eager network over batch sizes and lengths, by each backend.

    Args:
        path: the `.pt2`.
        model: what it holds.
        weights: the fetched weights it should hold.
        backends: that run it.
        origin: of the file; see `ExportedModel`.
    """
    outputs = eager_outputs(model, weights)
    found = (run_by(path, backend, origin) for backend in eager_backends(model, backends))
    return [
        row for exported in found if exported is not None for row in compare_with_eager(exported, outputs)
    ]


def eager_backends(model: EmbeddingModel, backends: Sequence[Backend]) -> list[Backend]:
    """Those of the backends that can be compared with the eager network.

    Where a quantised value lies on an edge, other roundings decide; the golden level counts those.
    """
    plain = Backend("plain")
    return [each for each in backends if each == plain or not model.verification.quantization_step]


def eager_outputs(model: EmbeddingModel, weights: Weights) -> EagerOutputs:
    """What the eager network gives for `example_input(batch, samples)`, computed once for all backends.

    Args:
        model: what is built.
        weights: the fetched ones that it is built with.
    """
    network = model.build(load_state(weights))

    @cache
    def output(batch: int, samples: int) -> Arrays:
        with torch.inference_mode():
            outputs, _ = split_result(network(*model.example_input(batch, samples)), model)
            return tuple(each.numpy() for each in outputs)

    return output


def compare_with_eager(exported: ExportedModel, outputs: EagerOutputs) -> Iterator[Comparison]:
    """The rows for one backend, with the `eager_outputs` of its model."""
    model = exported.model
    # The kernels of the eager network.
    same_kernels = exported.backend == Backend("plain")
    tolerance = EAGER_SHARE * model.tolerance if same_kernels else model.tolerance
    for batch, samples in model.verification.eager_cases:
        case = f"batch {batch}" + (f", {samples} samples" if samples else "") + _named(exported.backend)
        found = exported.network(*model.example_input(batch, samples))
        for name, ours, expected in zip(model.outputs, found, outputs(batch, samples), strict=True):
            yield compare(exported.identity, "eager", case, ours, expected, tolerance, quantity=name)


def verify_golden(
    path: Path,
    progress: Callable[[str], None] | None = None,
    backends: Sequence[Backend] = ON_CPU,
    origin: Origin = "own",
) -> list[Comparison]:
    """Compare an exported model of the seeded weights with the original package's embeddings, by each
    backend.

    Args:
        path: a `.pt2` with seeded weights.
        progress: told the name of each clip that is embedded.
        backends: that run it.
        origin: of the file; see `ExportedModel`.

    Raises:
        VerificationError: the stored embeddings are of other weights.
    """
    found = (run_by(path, backend, origin) for backend in backends)
    return [
        row for exported in found if exported is not None for row in compare_with_golden(exported, progress)
    ]


def golden_count(model: EmbeddingModel) -> int:
    """How many clips `verify_golden` tells the progress of, by each backend."""
    return len(load_golden(model.family).cases[model.name])


def compare_with_golden(
    exported: ExportedModel, progress: Callable[[str], None] | None = None
) -> Iterator[Comparison]:
    """The rows for one backend."""
    golden = load_golden(exported.model.family)
    identity, model = exported.identity, exported.model
    behind = _named(exported.backend)
    weights = {name: golden.weights_sha256[name] for name in identity.checkpoints}
    if dict(identity.checkpoints) != weights:
        raise VerificationError(
            f"the golden embeddings of {identity.model} are of seeded weights {weights}, the .pt2 is of "
            f"{dict(identity.checkpoints)}: export it with seeded weights, or regenerate the embeddings with "
            "tests/golden/make_golden.py"
        )
    # Those that the original can embed with this model.
    cases = [case for case in clips() if case in golden.cases[model.name]]
    of_frontend: dict[str, list[Comparison]] = {}

    def features() -> Iterator[Arrays]:
        for case in cases:
            clip = clips()[case]
            prepared = prepare_waveform(clip.waveform, clip.sample_rate, exported.use)
            given = exported.use.frontend(prepared, clip.sha256)
            of_frontend[case] = list(_compare_features(model, identity, golden, case, given))
            yield given

    passed = True
    found: dict[str, NDArray[np.float32]] = {}
    # All in one stream, as sets are embedded: windows share batches, and each thread has work.
    counts = [golden.counts[model.name][case] for case in cases]
    in_turn = exported.embed_many(features(), exported.lanes, counts)
    for case, vectors in zip(cases, in_turn, strict=True):
        embeddings = vectors[model.main_output]
        if progress is not None:
            progress(case)
        yield from of_frontend[case]
        found[case], row = _compare_embeddings(exported, golden, case, embeddings)
        row = replace(row, case=row.case + behind)
        passed = passed and row.verdict == "passed"
        yield row
    if passed:
        sets = [np.concatenate([found[case] for case in group if case in found]) for group in GROUPS]
        distance = frechet_distance(*map(Statistics.from_embeddings, sets)).value
        expected = golden.exact_distances[model.name]
        case, total = "distance of two groups of clips" + behind, sum(map(len, sets))
        yield compare_distance(identity, "golden", case, total, distance, expected, DISTANCE_TOLERANCE)


def _named(backend: Backend) -> str:
    """What tells a case from the same one by the default backend."""
    return "" if backend == Backend() else f", {backend.name}"


def _compare_features(
    model: EmbeddingModel, identity: Identity, golden: Golden, case: str, features: Arrays
) -> Iterator[Comparison]:
    excerpts = golden.comparable_features(model.name, case, features)
    pairs = zip(
        model.verification.linear(excerpts),
        model.verification.linear(golden.features[model.name][case]),
        strict=True,
    )
    for found, expected in pairs:
        tolerance = model.verification.frontend_tolerance
        yield compare(identity, "golden", case, found, expected, tolerance, quantity="frontend")


def _compare_embeddings(
    exported: ExportedModel, golden: Golden, case: str, embeddings: NDArray[np.float32]
) -> tuple[NDArray[np.float32], Comparison]:
    """The row of a clip, and its embeddings with what is forgiven set right."""
    model = exported.model
    expected = golden.cases[model.name][case]
    flips, tolerance = 0, model.tolerance
    if model.verification.quantization_step and embeddings.shape == expected.shape:
        unrounded = golden.before_quantisation[model.name][case]
        embeddings, flips = settle(model, embeddings, expected, unrounded)
        tolerance = 0.0
    found = golden.comparable(model.name, case, embeddings)
    row = compare(exported.identity, "golden", case, found, expected, tolerance, off_by_quantum=flips)
    return embeddings, row


def settle(
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
    on_edge = model.verification.rounding_distance(unrounded) <= model.tolerance * rms
    forgiven = (
        (found != expected) & (np.abs(found - expected) <= model.verification.quantization_step) & on_edge
    )
    return np.where(forgiven, expected, found), int(forgiven.sum())
