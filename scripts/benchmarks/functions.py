"""Functions of other packages, taken from their files without what their modules import."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg


class Square:
    """scipy.linalg, whose sqrtm no longer takes `disp`, nor returns an estimate of its error with it."""

    eig, inv = staticmethod(linalg.eig), staticmethod(linalg.inv)

    @staticmethod
    def sqrtm(matrix: NDArray[Any], disp: bool = True) -> Any:
        """Return the root; with an error of 0, if that was asked for."""
        root = linalg.sqrtm(matrix)
        return root if disp else (root, 0.0)


class SilentLog:
    """A logger whose messages are not shown."""

    @staticmethod
    def info(message: str) -> None:
        """Of statistics that need a multiple of the identity."""

    @staticmethod
    def warning(message: str) -> None:
        """Of roots that differ by the method."""


def functions_of(package: str, file: str, **known: Any) -> dict[str, Any]:
    """Return the functions at the top of a package's file, run with NumPy and what is given by name.

    Modules of other packages import models and audio libraries, which these functions do not use.

    Args:
        package: name of an installed package.
        file: path in its folder.
        known: what else the functions use.
    """
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None, f"{package} is not installed"
    tree = ast.parse((Path(spec.origin).parent / file).read_text(encoding="utf-8"))
    wanted = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in wanted:
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
    names: dict[str, Any] = {"np": np, **known}
    exec(compile(ast.Module([*wanted], []), file, "exec"), names)
    return names


def fadtk_functions() -> dict[str, Any]:
    """Return the functions of fadtk's `fad.py`."""
    from numpy.lib.scimath import sqrt

    return functions_of("fadtk", "fad.py", linalg=Square, scisqrt=sqrt, log=SilentLog)


def kadtk_functions() -> dict[str, Any]:
    """Return the functions of kadtk's `kad.py`."""
    import torch

    return functions_of("kadtk", "kad.py", torch=torch, SCALE_FACTOR=100)
