"""Verification of exported models.

A model is used only after it has passed two levels:

* *eager* (`fad_core.verification.eager`): the `.pt2` gives what the network that it was exported from gives;
* *golden* (`fad_core.verification.golden`): the `.pt2` with seeded weights gives the embeddings that the
  original package gave for the same audio and weights.

Each level runs with each `Backend`: the plain runner, the kernels for this processor, and a chosen GPU. A
level that was not run is never reported as passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fad_core.errors import WeightsError
from fad_core.models import find_network
from fad_core.models.base import EmbeddingModel, NetworkModel
from fad_core.runner.backend import DEFAULT_BACKEND, Backend, Origin
from fad_core.runner.exported import ExportedModel
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.runner.identity import read_identity
from fad_core.verification.check import Check
from fad_core.verification.eager import EagerLevel
from fad_core.verification.golden import GoldenLevel
from fad_core.verification.golden_text import GoldenTextLevel
from fad_core.verification.verdicts import Level
from fad_core.weights import Weights, fetch_weights, locate_weights

ON_CPU = (DEFAULT_BACKEND, Backend("plain"))
"""Backends that are always verified."""


def verified_backends(device: str) -> tuple[Backend, ...]:
    """Return the backends that are always verified, and that of the chosen device."""
    return ON_CPU if device == "cpu" else (*ON_CPU, Backend(device=device))


def run_by(path: Path, backend: Backend, origin: Origin = "own") -> ExportedNetwork | None:
    """Load a `.pt2` to run by a backend; return None if the fast kernels cannot be used here."""
    model = find_network(read_identity(path).model)
    exported = (
        ExportedModel(path, backend=backend, origin=origin)
        if isinstance(model, EmbeddingModel)
        else ExportedNetwork(path, model, backend=backend, origin=origin)
    )
    return None if backend == DEFAULT_BACKEND and not exported.fast else exported


def level_of(
    name: Level, model: NetworkModel, weights: Weights
) -> EagerLevel | GoldenLevel | GoldenTextLevel:
    """Return a level of the verification of a model.

    Args:
        name: name of the level.
        model: the model.
        weights: the fetched weights that it was exported with; the golden level does not read them.

    Raises:
        VerificationError: the model has no golden embeddings.
    """
    if name == "eager":
        return EagerLevel(model, weights)
    return GoldenLevel(model) if isinstance(model, EmbeddingModel) else GoldenTextLevel(model)


def verify(
    name: Level,
    path: Path,
    weights: Weights,
    backends: Sequence[Backend] = ON_CPU,
    origin: Origin = "own",
) -> Iterator[Check]:
    """Verify an exported model at one level, with each backend that can be used here.

    Args:
        name: name of the level.
        path: the `.pt2`; for the golden level, one with seeded weights.
        weights: the fetched weights that it was exported with.
        backends: backends to verify.
        origin: origin of the file, as in `ExportedModel`.

    Yields:
        Each check once it is made.

    Raises:
        VerificationError: there are no golden embeddings, or they are of other weights.
    """
    level = level_of(name, find_network(read_identity(path).model), weights)
    for backend in level.backends(backends):
        exported = run_by(path, backend, origin)
        if exported is not None:
            yield from level.compare(exported)


def weights_of(path: Path, choice: str | None = None, ckpt_dir: Path | None = None) -> Weights:
    """Fetch the weights that a `.pt2` was exported with.

    Args:
        path: the `.pt2`.
        choice: choice of weights; None: the one that the file names.
        ckpt_dir: folder of the checkpoints; None: that of torch.hub.

    Raises:
        ModelError: it is not an exported model of this package.
        WeightsError: the weights are not available, or are not those that it was exported with.
    """
    identity = read_identity(path)
    if choice is None and identity.weights not in ("official", "seeded"):
        raise WeightsError(
            f"{path} was exported with the checkpoint {identity.weights}. To compare it with that "
            "checkpoint, choose:",
            [("weights", "FILE")],
        )
    model = find_network(identity.model)
    weights = fetch_weights(locate_weights(model, choice or identity.weights, ckpt_dir), ckpt_dir)
    found = {file.checkpoint.filename: file.sha256 for file in weights.files}
    if found != dict(identity.checkpoints):
        raise WeightsError(
            f"{path} was exported with {_hashes(identity.checkpoints)}, but the weights found here are "
            f"{_hashes(found)}"
        )
    return weights


def _hashes(checkpoints: Mapping[str, str]) -> str:
    return ", ".join(f"{name} (sha256 {sha256})" for name, sha256 in checkpoints.items())
