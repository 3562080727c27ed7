"""What LAION-CLAP's checkpoint files hold: the audio half, the text half, and what nothing reads.

https://huggingface.co/lukewys/laion_clap. Each file has, under `state_dict`, the tensors of a model trained
on several GPUs (`module.` before each name): the audio encoder and its projection, the text encoder
RoBERTa-base with its own, and layers that only training used. The state of the optimiser, twice as large as
all that, stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from fad_core.models.base import Checkpoint, Fill, tensor_shapes
from fad_core.models.clap.constants import EMBEDDING_DIM, MEL, ROBERTA
from fad_core.models.log_mel import log_mel_layout

if TYPE_CHECKING:
    import torch
    from torch import nn

_FOLDER = "https://huggingface.co/lukewys/laion_clap/resolve/main/"
# Classes of AudioSet, which HTS-AT's classifier knows.
_CLASSES = 527

Fills = dict[str, Fill]


# Size in bytes and sha256 of the official files, as far as they are known (docs/models.md).
_PUBLISHED = {
    "630k-audioset-best.pt": (
        1_863_587_645,
        "8053c9775516af2f4902e1e8281e356cc1bf7a85e8b761908170767b77c3f037",
    ),
    "630k-best.pt": (None, "e02951eae3c9955db546c50086059e6457188ec39446858f2bddbcb4b56b1cb3"),
    "music_audioset_epoch_15_esc_90.14.pt": (
        2_352_471_003,
        "fae3e9c087f2909c28a09dc31c8dfcdacbc42ba44c70e972b58c1bd1caf6dedd",
    ),
    "music_speech_audioset_epoch_15_esc_89.98.pt": (
        2_352_471_003,
        "51c68f12f9d7ea25fdaaccf741ec7f81e93ee594455410f3bca4f47f88d8e006",
    ),
}
# `state_sha256` of the seeded fills.
_SEEDED = {
    "630k-audioset-best.pt": "6b0233050b34104e588c0e1eecdfb55b4eb54b9ca182445cbe6ff344962c70fb",
    "630k-audioset-fusion-best.pt": "269f1138595a2b99fa3811de72000b62d4de859f0a6f44926c89d1e84ebcfbf8",
    "630k-best.pt": "f1705bebd0c2e7ee538b1c7757461d5f525aee8e2f91a2a104cef6b7f13a1722",
    "630k-fusion-best.pt": "03f70740da7ab9a39d8dc22a567cd0d0f8ab7db5b217160fa596acca8643a7d1",
    "music_audioset_epoch_15_esc_90.14.pt": (
        "515f33724b75c8cd2c8c7aed9313959dd52bd32842f9fcfc2554a1ec06f8f6cb"
    ),
    "music_speech_epoch_15_esc_89.25.pt": "47961a309db9efe6cf3155606d3cc1156d4a7462397e8b7c21d31639773093e0",
    "music_speech_audioset_epoch_15_esc_89.98.pt": (
        "172cb690cf79571e029e85ea29bcfa2b33b184a8c9126b66ae95c72707ce0122"
    ),
}
# `state_sha256` of the seeded text halves.
_SEEDED_TEXT = {
    "630k-audioset-best.pt": "bd19198de955395bde90575b3c75918f370cfa3c05cdfce0a7927a5a5840dffd",
    "630k-audioset-fusion-best.pt": "1676a2af10fcad7d8226f2ab7745e02908b6a498ba3c2038bb047aad5b3dd589",
    "630k-best.pt": "5492f0d8cec9f8ed64d4457125dcf40e5169bb303f602be072fc8ffd15f4fe15",
    "630k-fusion-best.pt": "48e377b5ee250809510301cb9099b4f6d3a812046b18a771a0f790f63232583f",
    "music_audioset_epoch_15_esc_90.14.pt": (
        "3205c6143d1667ec360b885f5b5bfbcabeaff3755a5a21e81561bcfb81d7fff1"
    ),
    "music_speech_epoch_15_esc_89.25.pt": "cfba509baa1e9a240e8685de657fb97cb2366f5debc271ce5b0435ec86406b1e",
    "music_speech_audioset_epoch_15_esc_89.98.pt": (
        "7bc7839438aa47b5b8b4187dfee151b9d15875fad897b05f4c529e16ea1b3271"
    ),
}
_TEXT_BYTES = 501_208_064


def clap_checkpoint(filename: str, network: Callable[[], nn.Module], tensor_bytes: int) -> Checkpoint:
    """Describe the audio half of one of the files.

    Args:
        filename: its name.
        network: makes the audio half, whose tensors' names are the file's.
        tensor_bytes: what these tensors take.
    """
    size, sha256 = _PUBLISHED.get(filename, (None, ""))
    return Checkpoint(
        filename=filename,
        url=_FOLDER + filename,
        sha256=sha256,
        size=size,
        licence="CC0-1.0",
        folder="",
        layout=partial(_audio_half, network),
        seeded_sha256=_SEEDED[filename],
        tensor_bytes=tensor_bytes,
        section=("state_dict",),
        prefix="module.",
        scope=("audio_branch.", "audio_projection."),
        unused=partial(_rest, network),
    )


def _audio_half(network: Callable[[], nn.Module]) -> Fills:
    """The tensors that the network takes."""
    tables = {f"audio_branch.{name}": fill for name, fill in log_mel_layout(MEL).items()}
    return {
        name: tables.get(name) or htsat_fill(name, shape) for name, shape in tensor_shapes(network).items()
    }


def htsat_fill(name: str, shape: tuple[int, ...]) -> Fill:
    """The seeded fill of a tensor, such that all sizes stay near 1 from layer to layer."""
    if name.endswith("num_batches_tracked"):
        return Fill((), dtype="int64")
    if name.endswith("bn0.running_mean"):
        # Decibels: of loud sound some bands lie above 0, of silence all at -100.
        return Fill(shape, std=5.0, mean=-30.0)
    if name.endswith("bn0.running_var"):
        return Fill(shape, std=50.0, mean=400.0)
    if name.endswith("running_var"):
        return Fill(shape, std=0.1, mean=1.0)
    if name.endswith("relative_position_bias_table"):
        return Fill(shape, std=0.5)
    if len(shape) == 1:
        # Gains of normalisations; biases and running means.
        return Fill(shape, std=0.1, mean=1.0 if name.endswith("weight") else 0.0)
    return Fill(shape, std=math.sqrt(2.0 / math.prod(shape[1:])))


def _rest(network: Callable[[], nn.Module]) -> Fills:
    """What the official file holds besides; without it the original would not load a seeded one."""
    import torch

    with torch.device("meta"):
        audio = network()
    rest = dict(htsat_rest(audio)) | _text_half() | _unused_text() | dict(_training())
    return {name: fill for name, fill in rest.items() if name not in audio.state_dict()}


def htsat_rest(audio: nn.Module) -> Iterator[tuple[str, Fill]]:
    """The audio half's other tensors: what HTS-AT computes by itself here, and its classifier."""
    from fad_core.models.clap.htsat import HTSAT
    from fad_core.models.clap.swin import SwinBlock, WindowAttention, relative_positions, shifted_window_mask

    for name, module in audio.named_modules():
        if isinstance(module, WindowAttention):
            values = partial(_array, relative_positions)
            yield f"{name}.relative_position_index", Fill(values().shape, dtype="int64", values=values)
        if isinstance(module, SwinBlock) and module.shift:
            values = partial(_array, shifted_window_mask, module.side, module.shift)
            yield f"{name}.attn_mask", Fill(values().shape, values=values)
        if isinstance(module, HTSAT):
            # Fusion models have the spectrogram's tables too, and no use for them.
            yield from ((f"{name}.{table}", fill) for table, fill in log_mel_layout(MEL).items())
            yield f"{name}.tscam_conv.weight", Fill((_CLASSES, module.size.features, 2, 3))
            yield f"{name}.tscam_conv.bias", Fill((_CLASSES,))
            yield from _dense(f"{name}.head", _CLASSES, _CLASSES)


def text_checkpoint(audio: Checkpoint) -> Checkpoint:
    """Describe the text half of a file.

    Args:
        audio: the description of its audio half.
    """
    return replace(
        audio,
        layout=_text_half,
        seeded_sha256=_SEEDED_TEXT[audio.filename],
        tensor_bytes=_TEXT_BYTES,
        scope=("text_branch.", "text_projection."),
        unused=_unused_text,
    )


def _text_half() -> Fills:
    """The tensors of the text encoder and its projection."""
    from fad_core.models.clap.roberta import ClapText

    return {name: _text_fill(name, shape) for name, shape in tensor_shapes(ClapText).items()}


def _text_fill(name: str, shape: tuple[int, ...]) -> Fill:
    """The seeded fill of a tensor; words count for more than their places."""
    if "_embeddings." in name:
        return Fill(shape, std=1.0 if "word" in name else 0.5)
    return htsat_fill(name, shape)


def _unused_text() -> Fills:
    return {"text_branch.embeddings.position_ids": Fill((1, ROBERTA.places), dtype="int64")}


def _training() -> Iterator[tuple[str, Fill]]:
    """What only training used, by official names."""
    for half in ("text", "audio"):
        for index in (0, 3):
            yield from _dense(f"{half}_transform.sequential.{index}", EMBEDDING_DIM, EMBEDDING_DIM)
        yield f"logit_scale_{half[0]}", Fill((), mean=math.log(1 / 0.07))


def _dense(name: str, outputs: int, inputs: int) -> Iterator[tuple[str, Fill]]:
    yield f"{name}.weight", Fill((outputs, inputs))
    yield f"{name}.bias", Fill((outputs,))


def _array(make: Callable[..., torch.Tensor], *given: int) -> NDArray[Any]:
    """A tensor's values, also where tensors are made without any."""
    import torch

    with torch.device("cpu"):
        return make(*given).numpy()
