"""Verification: does an exported model reproduce what it was made from?

Two levels gate every embedding:

* *eager* (`fad_core.verification.eager`): the `.pt2` against the network it was made from;
* *golden* (`fad_core.verification.golden`): the `.pt2` of the seeded weights against what the original
  package gave for the same sound and weights.

Each as it was exported, with the kernels for this processor, and on the device that is chosen beside it
(`Backend`). A level that was not run is never called passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fad_core.errors import WeightsError
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.runner.backend import DEFAULT_BACKEND, Backend
from fad_core.runner.backends import Origin
from fad_core.runner.exported import ExportedModel
from fad_core.runner.pt2 import read_identity
from fad_core.verification.check import Check
from fad_core.verification.eager import EagerLevel
from fad_core.verification.golden import GoldenLevel
from fad_core.verification.verdicts import Level
from fad_core.weights import Weights, fetch_weights, locate_weights

ON_CPU = (DEFAULT_BACKEND, Backend("plain"))
"""Those that are always verified."""


def verified_backends(device: str) -> tuple[Backend, ...]:
    """The backends that are always verified, and the device that is chosen."""
    return ON_CPU if device == "cpu" else (*ON_CPU, Backend(device=device))


def run_by(path: Path, backend: Backend, origin: Origin = "own") -> ExportedModel | None:
    """Load a `.pt2` to run by a backend; return None if the fast kernels cannot be used here."""
    exported = ExportedModel(path, backend=backend, origin=origin)
    return None if backend == DEFAULT_BACKEND and not exported.fast else exported


def level_of(name: Level, model: EmbeddingModel, weights: Weights) -> EagerLevel | GoldenLevel:
    """A level for a model.

    Args:
        name: of the level.
        model: the model.
        weights: the fetched ones that it was made from; at the level golden they are not read.

    Raises:
        VerificationError: there are no golden embeddings of the model.
    """
    return GoldenLevel(model) if name == "golden" else EagerLevel(model, weights)


def verify(
    name: Level,
    path: Path,
    weights: Weights,
    backends: Sequence[Backend] = ON_CPU,
    origin: Origin = "own",
) -> Iterator[Check]:
    """Compare an exported model with what it must reproduce, by each backend that can be used here.

    Args:
        name: of the level.
        path: the `.pt2`; at the level golden, one of seeded weights.
        weights: the fetched ones that it was made from.
        backends: that run it.
        origin: of the file; see `ExportedModel`.

    Yields:
        The checks, as they are made.

    Raises:
        VerificationError: the golden embeddings are of other weights, or there are none.
    """
    level = level_of(name, get_model(read_identity(path).model), weights)
    for backend in level.backends(backends):
        exported = run_by(path, backend, origin)
        if exported is not None:
            yield from level.compare(exported)


def weights_of(path: Path, choice: str | None = None, ckpt_dir: Path | None = None) -> Weights:
    """Fetch the weights that a `.pt2` was made from.

    Args:
        path: the `.pt2`.
        choice: of weights; None: what the file says.
        ckpt_dir: folder of the checkpoints; torch.hub's if None.

    Raises:
        ModelError: it is not an exported model of this package.
        WeightsError: the weights are not available, or are not those that it was made from.
    """
    identity = read_identity(path)
    if choice is None and identity.weights not in ("official", "seeded"):
        raise WeightsError(
            f"{path} was made from the checkpoint {identity.weights}. To compare it with that checkpoint, "
            "choose:",
            [("weights", "PATH")],
        )
    model = get_model(identity.model)
    weights = fetch_weights(locate_weights(model, choice or identity.weights, ckpt_dir), ckpt_dir)
    found = {file.checkpoint.filename: file.sha256 for file in weights.files}
    if found != dict(identity.checkpoints):
        raise WeightsError(
            f"{path} was made from {_hashes(identity.checkpoints)}, but the weights found here are "
            f"{_hashes(found)}"
        )
    return weights


def _hashes(checkpoints: Mapping[str, str]) -> str:
    return ", ".join(f"{name} (sha256 {sha256})" for name, sha256 in checkpoints.items())
