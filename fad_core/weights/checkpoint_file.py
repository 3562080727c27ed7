"""Read checkpoint files without running what they may contain.

Checkpoints are pickles, and a pickle can run any program when it is read. Here they are read by
`torch.load(weights_only=True)` alone, which builds tensors and refuses everything else. Some official
files hold NumPy arrays or numbers, as weights or beside them (the state of a sampler, a loss), or were
written by Python 2. The names
under which pickles rebuild these are allowed, but lead to the inert stand-ins below: NumPy's own
functions would follow a forged description of an array into foreign memory.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from pickle import encode_long
from pickletools import genops
from typing import TYPE_CHECKING, Any

import numpy as np

from fad_core.errors import WeightsError
from fad_core.models.base import Checkpoint, Fill

if TYPE_CHECKING:
    import torch

# How many differences an error lists.
_LISTED = 8
# The pickles at the start of a file in PyTorch's older format: two numbers, facts about the system, the
# content, and the names of the tensors' values, which follow.
_OLDER_PICKLES = 5


def read_checkpoint(path: Path, checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Read a checkpoint file and compare it with the layout that it should have.

    Args:
        path: a file in the layout of `checkpoint`, from any source.
        checkpoint: names, shapes and types of the tensors.

    Returns:
        Name → tensor on the CPU, sorted by name, in the layout's dtypes. Floating-point values of another
        precision are converted. Of a file in PyTorch's zipped format, tensors that the layout does
        not name are not read: a checkpoint's other half costs no memory.

    Raises:
        WeightsError: the file is missing, cut short, no checkpoint, holds more than tensors, or
            its tensors differ from the layout: the message lists them.
    """
    import torch

    layout = checkpoint.layout()
    content = _unpickle(path)
    entries = _named_tensors(content, path, checkpoint)
    known = layout.keys() | checkpoint.unused().keys()
    differences = [f"{name}: unexpected" for name in sorted(entries.keys() - known)]
    state: dict[str, torch.Tensor] = {}
    for name, fill in sorted(layout.items()):
        tensor = _as_tensor(entries.get(name))
        if tensor is None:
            found = "is not a tensor" if name in entries else "is missing"
            differences.append(f"{name} {list(fill.shape)} {found}")
        elif difference := _difference(tensor, fill):
            differences.append(f"{name}: {difference}")
        else:
            state[name] = tensor.detach().to(getattr(torch, fill.dtype))
    if differences:
        more = len(differences) - _LISTED
        listed = "; ".join(differences[:_LISTED]) + (f"; and {more} more" if more > 0 else "")
        raise WeightsError(f"{path} does not have the tensors of {checkpoint.filename}: {listed}")
    return state


def _named_tensors(content: Any, path: Path, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what the file holds under the names in the checkpoint's scope, without their prefix."""
    for key in checkpoint.section:
        if not isinstance(content, dict) or key not in content:
            raise WeightsError(f"{path} is not {checkpoint.filename}: it has no entry {key!r}")
        content = content[key]
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise WeightsError(f"{path} is not a checkpoint: it holds one {kind} instead of named tensors")
    named = {str(name).removeprefix(checkpoint.prefix): value for name, value in content.items()}
    return {name: value for name, value in named.items() if name.startswith(checkpoint.scope)}


def _unpickle(path: Path) -> Any:
    import torch

    try:
        # Only the newer, zipped format can be mapped: its tensors are read when they are used.
        mapped = zipfile.is_zipfile(path)
        source = path if mapped else _with_newer_numbers(path)
        with torch.serialization.safe_globals(_STAND_INS):
            return torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}") from error
    except Exception as error:
        # If the file is not a checkpoint, the reader may raise any exception. PyTorch's own text suggests
        # reading the file without protection, so it is not shown.
        refused = re.search(r"(?:GLOBAL|Unsupported class|function) (?:<[^>]* )?'?([\w.]+)", str(error))
        if refused:
            reason = (
                f"holds more than tensors ({refused[1]}) and was not loaded: such a file can run any program "
                "on this machine. Use a checkpoint that holds only tensors."
            )
        else:
            size = path.stat().st_size
            reason = f"is not a PyTorch checkpoint, or is cut short ({size} bytes)"
        raise WeightsError(f"{path} {reason}") from error


def _with_newer_numbers(path: Path) -> Path | io.BytesIO:
    """Return a file in PyTorch's older format, with whole numbers written as newer Pythons write them.

    Python 2 wrote large numbers as text (`INT`), which the safe reader does not know. The pickles are taken
    apart into their operations, of which none is executed.

    Returns:
        The path, if there are no such numbers; else the changed content.
    """
    with path.open("rb") as stream:
        content = bytearray()
        changed = False
        for _ in range(_OLDER_PICKLES):
            start = stream.tell()
            found = ((place, number) for each, number, place in genops(stream) if each.name == "INT")
            places: list[tuple[int, int]] = [(place or 0, number or 0) for place, number in found]
            end = stream.tell()
            stream.seek(start)
            pickled = stream.read(end - start)
            done = 0
            for place, number in places:
                content += pickled[done : place - start] + _long_operation(number)
                done = pickled.index(b"\n", place - start) + 1
            content += pickled[done:]
            changed |= bool(places)
        return io.BytesIO(bytes(content) + stream.read()) if changed else path


def _long_operation(number: int) -> bytes:
    """Return the operation `LONG1` that puts a number on the stack."""
    encoded = encode_long(int(number))
    return b"\x8a" + bytes([len(encoded)]) + encoded


class _PickledType:
    """Stands for `numpy.dtype`: keeps what a pickle says, does nothing."""

    def __init__(self, code: object, *_flags: object) -> None:
        self.code = code
        self.order: object = "="

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.order = state[1]


class _PickledArray:
    """Stands for `numpy.ndarray` and NumPy's numbers: keeps what a pickle says, does nothing."""

    state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


def _pickled_array(*_prototype: object) -> _PickledArray:
    return _PickledArray()


# What a pickled array or number names, in NumPy 1 and 2.
_STAND_INS: list[Any] = [
    (_PickledArray, "numpy.ndarray"),
    (_PickledType, "numpy.dtype"),
    *(
        (_pickled_array, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ),
]


def _as_tensor(value: object) -> torch.Tensor | None:
    """Return a tensor, or what a pickled array of plain numbers holds; None for anything else."""
    import torch

    if isinstance(value, torch.Tensor):
        return value
    match value.state if isinstance(value, _PickledArray) else None:
        case (int(), tuple(shape), _PickledType(code=str(code), order=order), fortran, bytes(data)):
            if re.fullmatch(r"f[248]|[iu][1248]", code) is None:
                return None
        case _:
            return None
    try:
        # NumPy compares the sizes here.
        flat = np.frombuffer(data, dtype=(">" if order == ">" else "<") + code)
        array = flat.reshape(shape, order="F" if fortran else "C")
    except (TypeError, ValueError):
        return None
    # A copy in native byte order that PyTorch may write to.
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def _difference(tensor: torch.Tensor, fill: Fill) -> str:
    """Return how a tensor differs from what it should be; "" if it does not."""
    import torch

    if tuple(tensor.shape) != fill.shape:
        return f"shape {list(tensor.shape)}, should be {list(fill.shape)}"
    expected: torch.dtype = getattr(torch, fill.dtype)
    # The official VGGish PCA file, for one, may be in float64; its network computes in float32.
    both_floating = tensor.dtype.is_floating_point and expected.is_floating_point
    if tensor.dtype != expected and not both_floating:
        return f"type {tensor.dtype}, should be {expected}"
    return ""
