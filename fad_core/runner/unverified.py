"""Exported models that a user gives by path. They are not verified, and results say so.

They are `.pt2` files of this package or of `frechet-audio-distance-exported`. The VGGish of the latter is the
original's network on the original's patches, and is accepted. Its other models prepare audio differently from
the original package, so their embeddings differ: they are refused.
"""

from __future__ import annotations

from pathlib import Path

import torch

from fad_core.errors import ModelError
from fad_core.models.base import EmbeddingModel, NetworkModel
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend, Origin
from fad_core.runner.exported import ExportedModel
from fad_core.runner.graph import static_shape
from fad_core.runner.identity import Identity, holds_identity, read_identity
from fad_core.runner.pt2 import load_network
from fad_core.weights import given_files
from fad_core.weights.checksums import file_sha256

NOTE = "unverified: an exported model that was given by its path"
FOREIGN_NOTE = "unverified: a model that fad_core has not exported"
_FOREIGN = "vggish"
_PACKAGE = "frechet-audio-distance-exported"

_PANN = "it pads the spectrogram to 32 k - 24 frames, which gives most clips other embeddings"
_ENCODEC = "it is a TorchScript trace of ten seconds: shorter clips are padded, longer ones left out"
_CLAP = "clips under ten seconds are padded with zeros, where the original repeats them"

# Its files → the model to use instead, and why they are refused.
REFUSED = {
    **{f"pann_cnn14_{rate}_exported.pt2": (f"pann-{rate}", _PANN) for rate in ("8k", "16k", "32k")},
    **{f"encodec_{rate}_exported.pt": (f"encodec-{rate}", _ENCODEC) for rate in ("24k", "48k")},
    "clap_exported.pt2": ("clap", _CLAP),
}


def is_exported(choice: str) -> bool:
    """Return whether a choice of weights is the path of an exported model, not of a checkpoint."""
    return Path(choice).suffix == ".pt2" or Path(choice).name in REFUSED


def model_in(path: Path) -> str:
    """Return the id of the model in a `.pt2`, which may be from another package.

    Args:
        path: the file.

    Raises:
        ModelError: the file does not exist, or its model is refused.
    """
    if path.name in REFUSED:
        model_id, reason = REFUSED[path.name]
        raise ModelError(
            f"{path} is a model of {_PACKAGE} that cannot be used: {reason}. "
            f"Use the model {model_id} with official weights instead."
        )
    return read_identity(path).model if holds_identity(path) else _FOREIGN


def require_weights(model: NetworkModel, choice: str) -> None:
    """Check, without reading the weights, that a file given as weights exists and fits the model.

    Args:
        model: the model that uses the weights.
        choice: "official", "seeded", the path of a checkpoint, or that of an exported model.

    Raises:
        ModelError: the exported model does not exist, or is of another model.
        WeightsError: the checkpoint does not exist.
    """
    if is_exported(choice):
        path = Path(choice).expanduser()
        if (held := model_in(path)) != model.name:
            raise ModelError(f"{path} contains the model {held}, not {model.name}")
    elif choice not in ("official", "seeded"):
        given_files(model, choice)


def load_unverified(
    path: Path, use: ModelUse, backend: Backend, batch_size: int | None = None, *, trust: bool = False
) -> ExportedModel:
    """Load an exported model that is not verified.

    Args:
        path: the `.pt2`.
        use: the expected model, and how it is used.
        backend: how and where the network runs.
        batch_size: number of windows embedded at once; None: the model's own.
        trust: whether a file may be read that can contain code, which is then run.

    Raises:
        ModelError: the file is missing or damaged, contains another network, or cannot be read without
            `trust`.
    """
    require_weights(use.model, str(path))
    origin: Origin = "trusted" if trust else "given"
    identity, note = None, NOTE
    if not holds_identity(path):
        _require_vggish(path, load_network(path, trust=trust), use.model)
        identity, note = _foreign_identity(path, use.model), FOREIGN_NOTE
    return ExportedModel(path, use.options, backend, batch_size, origin=origin, identity=identity, note=note)


def _foreign_identity(path: Path, model: EmbeddingModel) -> Identity:
    return Identity(
        model=model.name,
        family=model.family,
        options=dict(model.variant),
        weights=path.name,
        weights_sha256=file_sha256(path),
        checkpoints={},
        licence="not stated",
        tolerance=model.tolerance,
        code="",
        torch_version="",
        fad_core_version="",
    )


def _require_vggish(path: Path, network: torch.fx.GraphModule, model: EmbeddingModel) -> None:
    """Check names and shapes of the weights, and the shape of the input."""
    layout = {name: fill.shape for name, fill in model.checkpoints[0].layout().items()}
    found = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    inputs = [static_shape(node)[1:] for node in network.graph.nodes if node.op == "placeholder"]
    (expected,) = model.example_input(1, 0)
    if found != layout or inputs != [tuple(expected.shape[1:])]:
        raise ModelError(
            f"{path} is neither an exported model of fad_core nor the {_FOREIGN} of {_PACKAGE}. To export a "
            "model, give its id."
        )
