"""Check that the network of a `.pt2` from another source runs as the model that it names.

First, the network runs on shapes only: PyTorch's *meta* tensors have a shape but no values, so operations
compute the shapes of their results and allocate nothing. Then it runs once as it will be used. This takes a
second, most of it for imports, so files that this program has exported are not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import fx

from fad_core.errors import FadError, ModelError
from fad_core.models.base import NetworkModel
from fad_core.runner.pt2_operators import OF_SIZES

_META = torch.device("meta")
_MOST_BYTES = 2 << 30
"""Limit for the results of all operations for a model's example together; CLAP has the most, 0.95 GB."""
_MOST_PARTS = 4096
_LARGEST_SIZE = 1 << 40


@contextmanager
def explained(path: Path, model: NetworkModel) -> Iterator[None]:
    """Turn any exception of a network into an error that names its file.

    Raises:
        ModelError: the network does not run.
    """
    try:
        yield
    except FadError:
        raise
    except Exception as error:  # torch raises anything from AssertionError to RuntimeError
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{path} does not run as {model.name}: {reason[0]}: export it again") from error


def require_shapes(network: fx.GraphModule, model: NetworkModel) -> None:
    """Run a network on the shapes of the model's examples.

    Raises:
        Exception: an operation does not fit its arguments, or needs much more memory than those of the
            models; or the network has other arguments or results than the model (`explained`).
    """
    require_runs(lambda *given: _OnShapes(network).run(*given), model, "meta")


def require_runs(network: Callable[..., Any], model: NetworkModel, device: str) -> None:
    """Run a network with correct shapes on two of the model's examples, with different batch sizes.

    Raises:
        Exception: a kernel fails, or the results do not have the model's shapes (`explained`).
    """
    for batch, samples in (model.verification.export_case, min(model.verification.eager_cases)):
        given = [argument.to(device) for argument in model.example_input(batch, samples)]
        with torch.inference_mode():
            _require_result(network(*given), batch, model)


def _require_result(result: Any, batch: int, model: NetworkModel) -> None:
    state = model.initial_state()
    found = result if isinstance(result, tuple) else (result,)
    if len(found) != len(model.outputs) + (state is not None):
        raise ValueError(f"it returns {len(found)} results")
    for output, dimension in zip(found, model.outputs.values(), strict=False):
        if output.dtype != torch.float32 or tuple(output.shape[:2]) != (batch, dimension):
            raise ValueError(f"it returns {output.dtype} of shape {list(output.shape)}")
    if state is not None and tuple(found[-1].shape) != (batch, *state.shape[1:]):
        raise ValueError(f"it returns a state of shape {list(found[-1].shape)}")


def _meta_device(target: Any) -> dict[str, torch.device]:
    """Return the arguments with which an operation that creates a tensor creates a meta tensor."""
    schema = getattr(target, "_schema", None)
    makes = schema is not None and any(argument.name == "device" for argument in schema.arguments)
    return {"device": _META} if makes else {}


class _OnShapes(fx.Interpreter):
    """Runs a graph on meta tensors."""

    def __init__(self, network: fx.GraphModule) -> None:
        super().__init__(network)
        self._bytes = 0

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Return a weight as a meta tensor."""
        return super().get_attr(target, args, kwargs).to(_META)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Run an operation, and count the bytes of its results."""
        if target in OF_SIZES and {*map(type, args)} != {int}:
            raise TypeError(f"{target.__name__} of a value that is not a size")
        if target is torch.ops.aten.unbind.int and args[0].shape[(*args, 0)[1]] > _MOST_PARTS:
            raise ValueError(f"it splits a tensor into more than {_MOST_PARTS} parts")
        result = super().call_function(target, args, {**kwargs, **_meta_device(target)})
        for each in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(each, torch.Tensor):
                self._bytes += each.numel() * each.itemsize
            elif abs(each) > _LARGEST_SIZE:
                raise ValueError("it computes a size that is too large")
        if self._bytes > _MOST_BYTES:
            raise ValueError(f"an example would need more than {_MOST_BYTES >> 30} GB")
        return result

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, and compare its result's shape with the one that the file states."""
        result, stated = super().run_node(n), n.meta.get("shape")
        if stated is not None:
            found = tuple(result.shape)
            if len(stated) != len(found) or any(
                size is not None and size != real for size, real in zip(stated, found, strict=True)
            ):
                raise ValueError(f"{n.name} has the shape {list(found)}, not {list(stated)}")
        return result
