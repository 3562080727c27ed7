"""EnCodec's official checkpoints: names, shapes, seeded fill, and the way to the encoder's modules.

The files hold the whole codec, `encoder.*`, `decoder.*` and `quantizer.*`, at their top. Of the encoder's
convolutions, the 24 kHz file has lengths g and directions v (weight norm, Salimans & Kingma 2016, arXiv
1602.07868: g · v / ‖v‖ for each output channel), the 48 kHz file weights and the norms behind them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from fad_core.models.checkpoint import Checkpoint, Fill
from fad_core.models.encodec.constants import DIMENSION, LSTM_LAYERS, STRIDES, WIDTH

if TYPE_CHECKING:
    import torch

Shapes = dict[str, tuple[int, ...]]

_URL = "https://dl.fbaipublicfiles.com/encodec/v0/"
_CODEBOOK_SIZE = 1024

# Standard deviation that a weight-normalised layer gives for inputs of 1, so that all stay near 1: sound has
# about 0.2, half a residual unit's square comes from each branch, and an ELU leaves 0.8.
_GAINS = {"model.0.": 5.0, ".shortcut.": 0.7, ".block.3.": 0.9}
_GAIN = 1.25


def module_state(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The encoder's tensors by their names in `seanet`, with the weight norm worked out.

    Args:
        state: tensors by their official names. Those that do not pair up keep theirs.
    """
    import torch

    folded = dict(state)
    for direction in state:
        length = direction.removesuffix("_v") + "_g"
        if direction.endswith(".weight_v") and length in state:
            # What torch.nn.utils.weight_norm calls: the very bits that the original has.
            weight = torch._weight_norm(folded.pop(direction), folded.pop(length), 0)
            folded[direction.removesuffix("_v")] = weight
    return {_module_name(name): tensor for name, tensor in folded.items()}


def _module_name(name: str) -> str:
    name = name.removeprefix("encoder.")
    return name.replace(".conv.conv.", ".conv.").replace(".conv.norm.", ".norm.")


def _encoder(channels: int, *, normed: bool) -> dict[str, Fill]:
    """What is taken from a file, with its seeded fill."""
    import torch

    from fad_core.models.encodec.seanet import Convolution, Encoder, ResidualLSTM

    with torch.device("meta"):
        network = Encoder(channels, causal=not normed, normed=normed)
    shapes: Shapes = {}
    for name, module in network.named_modules(prefix="encoder"):
        if isinstance(module, Convolution):
            shapes |= _convolution(name, tuple(module.conv.weight.shape), normed=normed)
        elif isinstance(module, ResidualLSTM):
            shapes |= {f"{name}.{key}": tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    return {name: _fill(name, shape) for name, shape in shapes.items()}


def _fill(name: str, shape: tuple[int, ...]) -> Fill:
    """The seeded fill of one of the encoder's tensors, by its name."""
    if name.endswith("weight_g"):
        gain = next((gain for part, gain in _GAINS.items() if part in name), _GAIN)
        return Fill(shape, std=0.1 * gain, mean=gain)
    if len(shape) > 1:
        # Twice as much for the LSTM, and what it remembers is unstable: it answers rounding errors.
        return Fill(shape, std=1 / math.sqrt(math.prod(shape[1:])))
    return Fill(shape, std=0.1, mean=1.0 if name.endswith("norm.weight") else 0.0)


def _unused(channels: int, codebooks: int, *, normed: bool) -> dict[str, Fill]:
    """The decoder, the encoder's mirror image, and the quantizer. Ones: a length of 0 has no direction."""
    convolution = partial(_convolution, normed=normed)
    width = WIDTH * 2 ** len(STRIDES)
    shapes = convolution("decoder.model.0", (width, DIMENSION, 7))
    for layer in range(LSTM_LAYERS):
        for kind in ("ih", "hh"):
            shapes[f"decoder.model.1.lstm.weight_{kind}_l{layer}"] = (4 * width, width)
            shapes[f"decoder.model.1.lstm.bias_{kind}_l{layer}"] = (4 * width,)
    for number, stride in zip(range(3, 15, 3), reversed(STRIDES), strict=True):
        half = width // 2
        unit = f"decoder.model.{number + 1}"
        shapes |= convolution(f"decoder.model.{number}", (width, half, 2 * stride), transposed=True)
        shapes |= convolution(f"{unit}.block.1", (half // 2, half, 3))
        shapes |= convolution(f"{unit}.block.3", (half, half // 2, 1))
        shapes |= convolution(f"{unit}.shortcut", (half, half, 1))
        width = half
    shapes |= convolution("decoder.model.15", (channels, width, 7))
    for index in range(codebooks):
        book = f"quantizer.vq.layers.{index}._codebook"
        shapes |= {f"{book}.inited": (1,), f"{book}.cluster_size": (_CODEBOOK_SIZE,)}
        shapes |= {f"{book}.{name}": (_CODEBOOK_SIZE, DIMENSION) for name in ("embed", "embed_avg")}
    return {name: Fill(shape, mean=1.0) for name, shape in shapes.items()}


def _convolution(name: str, weight: tuple[int, ...], *, normed: bool, transposed: bool = False) -> Shapes:
    """Tensors of one convolution, with a norm behind it or a weight norm."""
    outputs = weight[1] if transposed else weight[0]
    wrapper = f"{name}.convtr" if transposed else f"{name}.conv"
    layer = f"{wrapper}.convtr" if transposed else f"{wrapper}.conv"
    shapes: Shapes = {f"{layer}.bias": (outputs,)}
    if normed:
        shapes |= {f"{layer}.weight": weight}
        return shapes | {f"{wrapper}.norm.weight": (outputs,), f"{wrapper}.norm.bias": (outputs,)}
    # A length for each row of the first axis, also where that is the inputs'.
    return shapes | {f"{layer}.weight_v": weight, f"{layer}.weight_g": (weight[0], 1, 1)}


CHECKPOINT_24K = Checkpoint(
    filename="encodec_24khz-d7cc33bc.th",
    url=_URL + "encodec_24khz-d7cc33bc.th",
    sha256="d7cc33bcf1aad7f2dad9836f36431530744abeace3ca033005e3290ed4fa47bf",
    size=93_171_529,
    licence="code MIT, weights unstated",
    folder="checkpoints",
    layout=partial(_encoder, 1, normed=False),
    seeded_sha256="660c4014ebfa9a5319b19732bc939e95ec575bb8f6c87048dd8a3a699849b747",
    tensor_bytes=29_703_168,
    scope=("encoder.",),
    # 24 kbit/s: 75 frames a second of 32 numbers of 10 bits.
    unused=partial(_unused, 1, 32, normed=False),
)
CHECKPOINT_48K = Checkpoint(
    filename="encodec_48khz-7e698e3e.th",
    url=_URL + "encodec_48khz-7e698e3e.th",
    sha256="7e698e3e",
    size=None,
    licence="code MIT, weights unstated",
    folder="checkpoints",
    layout=partial(_encoder, 2, normed=True),
    seeded_sha256="5a78be200d31ef970a8115e64eda43260537fe8f2cfc3611adc221f5ed7f3e5f",
    tensor_bytes=29_713_344,
    scope=("encoder.",),
    # 24 kbit/s: 150 frames a second of 16 numbers of 10 bits.
    unused=partial(_unused, 2, 16, normed=True),
)
