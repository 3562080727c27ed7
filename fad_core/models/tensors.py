"""The tensors of a network: their shapes, and filling them from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fad_core.errors import WeightsError

if TYPE_CHECKING:
    import torch


def tensor_shapes(network: Callable[[], torch.nn.Module]) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a network's tensors, without allocating them.

    Args:
        network: function without arguments that makes the network, such as its class.

    Returns:
        The shape of each tensor of its `state_dict()`, by name.

    >>> from torch import nn
    >>> tensor_shapes(lambda: nn.Linear(3, 2))
    {'weight': (2, 3), 'bias': (2,)}
    """
    import torch

    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in network().state_dict().items()}


def load_tensors(module: torch.nn.Module, state: Mapping[str, torch.Tensor], name: str) -> torch.nn.Module:
    """Put the checkpoint's tensors into a model's network and set it to eval mode.

    Args:
        module: the network; its parameters become float32.
        state: the tensors by their names in the network.
        name: id of the model, for the message.

    Returns:
        The same network, in eval mode, without gradients.

    Raises:
        WeightsError: a tensor is missing, left over or misshapen; the message lists them.

    >>> import torch
    >>> state = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
    >>> load_tensors(torch.nn.Linear(3, 2), state, "my-model").training
    False
    """
    import torch

    expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in state.items()}
    if expected != given:
        differing = sorted(set(expected.items()) ^ set(given.items()))
        listed = ", ".join(f"{key} {list(shape)}" for key, shape in differing[:8])
        raise WeightsError(f"the checkpoint does not fit {name}; tensors that differ: {listed}")
    if torch.get_default_dtype() != torch.float32:
        module.float()  # a program that computes in float64 has its layers made so
    module.load_state_dict(dict(state))
    return module.eval().requires_grad_(False)
