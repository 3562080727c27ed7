"""Check that the network of a `.pt2` from elsewhere runs as the model that it says it is.

First by shapes: PyTorch's *meta* tensors have a shape and no values; on them operations say what they would
give, and allocate nothing. Then once as it will be used. It takes a second, most of it for imports, so what
the program exported itself is not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import fx

from fad_core.errors import FadError, ModelError
from fad_core.models.base import EmbeddingModel
from fad_core.runner.pt2_operators import OF_SIZES

_META = torch.device("meta")
_MOST_BYTES = 2 << 30
"""Of all results for a model's example together; CLAP's, the largest, have 0.95 GB."""
_MOST_PARTS = 4096
_LARGEST_SIZE = 1 << 40


@contextmanager
def explained(path: Path, model: EmbeddingModel) -> Iterator[None]:
    """Say of a file that its network does not run, whatever is raised.

    Raises:
        ModelError: it is.
    """
    try:
        yield
    except FadError:
        raise
    except Exception as error:  # torch raises anything from AssertionError to RuntimeError
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{path} does not run as {model.name}: {reason[0]}: export it again") from error


def require_shapes(network: fx.GraphModule, model: EmbeddingModel) -> None:
    """Run a network on the shapes of the model's examples.

    Raises:
        Exception: an operation does not fit its arguments, or takes much more memory than the models do; or
            the network takes or gives something else than the model's (`explained`).
    """
    require_runs(lambda *given: _OnShapes(network).run(*given), model, "meta")


def require_runs(network: Callable[..., Any], model: EmbeddingModel, device: str) -> None:
    """Run a network, whose shapes are right, on two of the model's examples, of other batches.

    Raises:
        Exception: the kernels that it runs with do not take it, or its results are not the model's
            (`explained`).
    """
    for batch, samples in (model.verification.export_case, min(model.verification.eager_cases)):
        given = [argument.to(device) for argument in model.example_input(batch, samples)]
        with torch.inference_mode():
            _require_result(network(*given), batch, model)


def _require_result(result: Any, batch: int, model: EmbeddingModel) -> None:
    state = model.initial_state()
    found = result if isinstance(result, tuple) else (result,)
    if len(found) != len(model.outputs) + (state is not None):
        raise ValueError(f"it gives {len(found)} results")
    for output, dimension in zip(found, model.outputs.values(), strict=False):
        if output.dtype != torch.float32 or tuple(output.shape[:2]) != (batch, dimension):
            raise ValueError(f"it gives {output.dtype} of shape {list(output.shape)}")
    if state is not None and tuple(found[-1].shape) != (batch, *state.shape[1:]):
        raise ValueError(f"it gives a state of shape {list(found[-1].shape)}")


def _elsewhere(target: Any) -> dict[str, torch.device]:
    """The argument that has an operation which makes a tensor make it without values."""
    schema = getattr(target, "_schema", None)
    makes = schema is not None and any(argument.name == "device" for argument in schema.arguments)
    return {"device": _META} if makes else {}


class _OnShapes(fx.Interpreter):
    """Runs a graph on meta tensors."""

    def __init__(self, network: fx.GraphModule) -> None:
        super().__init__(network)
        self._bytes = 0

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        """A weight, as a shape."""
        return super().get_attr(target, args, kwargs).to(_META)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Run an operation; count the bytes that it would give."""
        if target in OF_SIZES and {*map(type, args)} != {int}:
            raise TypeError(f"{target.__name__} of something that is no size")
        if target is torch.ops.aten.unbind.int and args[0].shape[(*args, 0)[1]] > _MOST_PARTS:
            raise ValueError(f"it takes a tensor apart into more than {_MOST_PARTS}")
        result = super().call_function(target, args, {**kwargs, **_elsewhere(target)})
        for each in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(each, torch.Tensor):
                self._bytes += each.numel() * each.itemsize
            elif abs(each) > _LARGEST_SIZE:
                raise ValueError("it computes a size beyond all sizes")
        if self._bytes > _MOST_BYTES:
            raise ValueError(f"for an example it would take more than {_MOST_BYTES >> 30} GB")
        return result

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, and compare its result's shape with what the file says of it."""
        result, said = super().run_node(n), n.meta.get("shape")
        if said is not None:
            found = tuple(result.shape)
            if len(said) != len(found) or any(
                size is not None and size != real for size, real in zip(said, found, strict=True)
            ):
                raise ValueError(f"{n.name} has the shape {list(found)}, not {list(said)}")
        return result
