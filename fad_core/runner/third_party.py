"""Models that `frechet-audio-distance-exported` has exported.

Its VGGish is the original's network on the original's patches, and is taken, unverified. Its other models
prepare sound otherwise than the original package, so their embeddings are other ones: they are refused.
"""

from __future__ import annotations

from pathlib import Path

import torch

from fad_core.errors import ModelError
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.models.options import Options
from fad_core.runner.backend import Backend
from fad_core.runner.backends import Origin
from fad_core.runner.exported import ExportedModel
from fad_core.runner.graph import static_shape
from fad_core.runner.pt2 import Identity, load_network
from fad_core.weights.checksums import file_sha256

NOTE = "unverified: a model that fad_core has not exported"
MODEL = "vggish"
_PACKAGE = "frechet-audio-distance-exported"

_PANN = "it pads the spectrogram to 32 k - 24 frames, which gives most clips other embeddings"
_ENCODEC = "it is a TorchScript trace of ten seconds: shorter clips are padded, longer ones left out"
_CLAP = "clips under ten seconds are padded with zeros, where the original repeats them"

# Its files → the model here that takes their place, and why they are not taken.
REFUSED = {
    **{f"pann_cnn14_{rate}_exported.pt2": (f"pann-{rate}", _PANN) for rate in ("8k", "16k", "32k")},
    **{f"encodec_{rate}_exported.pt": (f"encodec-{rate}", _ENCODEC) for rate in ("24k", "48k")},
    "clap_exported.pt2": ("clap", _CLAP),
}


def refuse_by_name(path: Path) -> None:
    """Refuse a file of a model that is no equal of the original's.

    Raises:
        ModelError: it is one.
    """
    if path.name in REFUSED:
        model_id, reason = REFUSED[path.name]
        raise ModelError(
            f"{path} is a model of {_PACKAGE}, and is not used: {reason}. "
            f"Use the model {model_id} with official weights instead."
        )


def load_foreign(
    path: Path,
    options: Options | None = None,
    backend: Backend | None = None,
    batch_size: int | None = None,
    *,
    trust: bool = False,
) -> ExportedModel:
    """Load VGGish as `frechet-audio-distance-exported` exports it: `vggish_exported.pt2`.

    Args:
        path: the file.
        options: how the model is used.
        backend: how and where it is to run.
        batch_size: windows at once.
        trust: of files that cannot be read without running code that they may contain.

    Raises:
        ModelError: it is missing or damaged, is another network, or cannot be read without `trust`.
    """
    refuse_by_name(path)
    model = get_model(MODEL)
    _require_vggish(path, load_network(path, trust=trust), model)
    identity = Identity(
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
    origin: Origin = "trusted" if trust else "given"
    return ExportedModel(path, options, backend, batch_size, origin=origin, identity=identity, note=NOTE)


def _require_vggish(path: Path, network: torch.fx.GraphModule, model: EmbeddingModel) -> None:
    """Make sure of the weights' names and shapes, and of what goes in."""
    layout = {name: fill.shape for name, fill in model.checkpoints[0].layout().items()}
    found = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    inputs = [static_shape(node)[1:] for node in network.graph.nodes if node.op == "placeholder"]
    (expected,) = model.example_input(1, 0)
    if found != layout or inputs != [tuple(expected.shape[1:])]:
        raise ModelError(
            f"{path} was not exported by fad_core, and is not the {MODEL} of {_PACKAGE} either: "
            "export the model with fad_core, by naming it"
        )
