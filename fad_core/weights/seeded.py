r"""Seeded weights: a fill of the real architecture that needs no file and no network.

For trials where the published checkpoint cannot be had. The network is the real one, its weights are
numbers drawn from a fixed stream, so results are reproducible but do not correspond to those of the
published model. Every value is the same on every platform, bit for bit:

* Generator: **Philox-4x64-10** (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011),
  NumPy's `numpy.random.Philox`. Each tensor has its own stream, so no tensor depends on
  another's size or place. The 128-bit key is the first 16 bytes of the SHA-256 of
  ``fad-core seeded weights 1\n{checkpoint's filename}\n{tensor's name}`` (UTF-8), taken as two
  little-endian 64-bit words. The counter starts where NumPy starts it: the first block is that of counter 1.
* Each 64-bit output gives two 32-bit integers k, the low half first. A value is
  ``mean + (√3 · std) · (2k + 1 − 2³²) / 2³²``, uniform and symmetric about the mean, in float64: the
  fraction is exact, then one product and one sum are rounded, then the cast to the tensor's type.
* Tensors are filled in C order.
* Tables that are not learned (a window, a Fourier kernel, a mel matrix) hold their true values.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import WeightsError
from fad_core.models.base import Checkpoint, Fill
from fad_core.util.atomic import atomic_path

if TYPE_CHECKING:
    import torch

# Part of every key: another recipe gets another number, and so other values.
_LABEL = "fad-core seeded weights 1"
# 64-bit words drawn at once; a block and its float64 values stay in the processor's cache.
_WORDS_AT_ONCE = 1 << 14


def seeded_state(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Fill every tensor of a checkpoint's layout from its own stream (see the module's text).

    Returns:
        Name → tensor of the layout's shape and dtype, sorted by name, as `load_state` returns them for the
        official file.

    Raises:
        WeightsError: the values are not those that `checkpoint.seeded_sha256` pins. An empty pin
            is not checked.
    """
    import torch

    layout = checkpoint.layout()
    arrays = {name: _filled(checkpoint.filename, name, layout[name]) for name in sorted(layout)}
    if checkpoint.seeded_sha256 and (made := state_sha256(arrays)) != checkpoint.seeded_sha256:
        raise WeightsError(
            f"the seeded weights of {checkpoint.filename} are different on this machine: "
            f"sha256 {made}, expected {checkpoint.seeded_sha256}. Results with them could not be compared "
            f"with those of others. Please report this, with your version of NumPy ({np.__version__})."
        )
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def save_seeded_checkpoint(checkpoint: Checkpoint, path: Path | str) -> None:
    """Write the seeded fill as a file in the official file's layout, whole or not at all.

    Where the official file holds NumPy arrays, so does this one, and it has the tensors that only the
    original packages use, so that they can read it.

    Args:
        checkpoint: the official file that it stands in for.
        path: of the file to write.

    Raises:
        WeightsError: as `seeded_state`.
    """
    import torch

    layout = checkpoint.layout()
    tensors: dict[str, Any] = {
        name: tensor.numpy() if layout[name].as_array else tensor
        for name, tensor in seeded_state(checkpoint).items()
    }
    for name, fill in checkpoint.unused().items():
        if fill.values is not None:
            tensors[name] = torch.from_numpy(fill.values())
        else:
            # One number that stands for all: the file's other half costs no space.
            tensors[name] = torch.tensor(fill.mean, dtype=getattr(torch, fill.dtype)).expand(fill.shape)
    content: dict[str, Any] = {checkpoint.prefix + name: tensor for name, tensor in tensors.items()}
    for key in reversed(checkpoint.section):
        content = {key: content}
    # A stream: given a path, torch writes the (temporary, random) file name into the file.
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        torch.save(content, stream)


def state_sha256(state: Mapping[str, torch.Tensor] | Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of named tensors: of what they hold, not of a file.

    For each name in sorted order, a JSON line ``["name", "dtype", [shape]]`` and then the values,
    little-endian, in C order, are hashed.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        array = np.asarray(state[name])
        digest.update((json.dumps([name, array.dtype.name, array.shape]) + "\n").encode())
        digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def _filled(filename: str, name: str, fill: Fill) -> NDArray[Any]:
    key = hashlib.sha256(f"{_LABEL}\n{filename}\n{name}".encode()).digest()
    stream = np.random.Philox(key=np.frombuffer(key[:16], dtype="<u8"))
    if fill.values is not None:
        return fill.values().astype(fill.dtype, copy=False).reshape(fill.shape)
    count = math.prod(fill.shape)
    flat = np.empty(count, dtype=fill.dtype)
    scale = math.sqrt(3.0) * fill.std
    for start in range(0, count, 2 * _WORDS_AT_ONCE):
        block = flat[start : start + 2 * _WORDS_AT_ONCE]
        words = stream.random_raw(-(-len(block) // 2)).astype("<u8", copy=False)
        values = words.view("<u4")[: len(block)].astype(np.float64)
        # Integers below 2³³ and a power of two: exact. Separate steps, so that nothing is fused.
        values *= 2.0
        values += 1.0 - 2.0**32
        values *= 2.0**-32
        values *= scale
        values += fill.mean
        block[...] = values
    return flat.reshape(fill.shape)
