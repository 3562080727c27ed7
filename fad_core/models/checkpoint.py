"""What an official file of weights holds, and what stands in for it where it cannot be had."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Fill:
    """How one tensor of a *seeded* checkpoint is filled: uniform in `mean ± √3 · std`.

    Attributes:
        shape: the tensor's shape in the official checkpoint.
        std: standard deviation; `gain / √fan_in` keeps the variance of what flows through.
        mean: mean of the values.
        dtype: NumPy name of the type in the official file.
        as_array: the official file holds a NumPy array here instead of a tensor.
        values: gives the tensor itself where it is no learned weight, such as a window or a mel matrix: the
            same bits on every machine, so nothing that calls a library's sin, exp or log.
    """

    shape: tuple[int, ...]
    std: float = 0.0
    mean: float = 0.0
    dtype: str = "float32"
    as_array: bool = False
    values: Callable[[], NDArray[Any]] | None = None


@dataclass(frozen=True)
class WheelMember:
    """A file in a wheel of a package index.

    Attributes:
        package: name of the package.
        version: its version.
        sha256: SHA-256 of the wheel.
        member: path of the file in the wheel, and below the folder that the wheel is installed in.
    """

    package: str
    version: str
    sha256: str
    member: str


@dataclass(frozen=True)
class Checkpoint:
    """One official file of weights.

    Attributes:
        filename: its name in the cache, where the original package looks for it.
        url: where it is downloaded from; "" if it is in a `wheel`.
        sha256: SHA-256 of the official file: all 64 hex digits, or as many leading ones as are published.
        size: size of the file in bytes; None: not known.
        licence: SPDX identifier, or what is known of it.
        folder: folder below `ckpt_dir`, where the original package keeps it ("" for `ckpt_dir` itself).
        layout: names, shapes and types of the tensors that the model takes from the file, with their
            seeded fill. The names are those after `prefix`.
        seeded_sha256: SHA-256 of the seeded fill (`fad_core.weights.state_sha256`); "": not known.
        tensor_bytes: size in bytes of the tensors of `layout`, where computing it takes long; 0:
            `layout_bytes`.
        section: the keys that lead to the named tensors, where they do not lie at the file's top.
        prefix: what the file puts before every name.
        scope: beginnings of the names that are looked at; other tensors of the file are left alone.
        unused: tensors within or without the scope that the official file holds beside these, and the model
            has no use for. A seeded file has them too, all values `mean`, so that the original packages
            can read it.
        wheel: where the file is in a wheel of a package index. If that version of the package is installed,
            its file is used, else the one in `ckpt_dir`.
    """

    filename: str
    url: str
    sha256: str
    size: int | None
    licence: str
    folder: str
    layout: Callable[[], Mapping[str, Fill]]
    seeded_sha256: str
    tensor_bytes: int = 0
    section: tuple[str, ...] = ()
    prefix: str = ""
    scope: tuple[str, ...] = ("",)
    unused: Callable[[], Mapping[str, Fill]] = dict
    wheel: WheelMember | None = None

    @property
    def source(self) -> str:
        """Where it is downloaded from, in words: the URL, or the package."""
        if self.wheel is None:
            return self.url
        return f"the package {self.wheel.package} {self.wheel.version}"

    @property
    def layout_bytes(self) -> int:
        """What the tensors of `layout` take, computed from their shapes and types."""
        return sum(math.prod(fill.shape) * np.dtype(fill.dtype).itemsize for fill in self.layout().values())
