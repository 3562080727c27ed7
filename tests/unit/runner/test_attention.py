"""The kernel for attention computes what the network's own operations do, and takes no others' place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from fad_core.models.clap.swin import SwinBlock
from fad_core.runner.fast.attention import Attention, Form
from fad_core.runner.fast.rewrite import rewritten

FORMS = [
    Form(64, 4, 24, 24**-0.5, kinds=4),
    Form(64, 2, 32, 0.1, kinds=1),
    Form(64, 1, 64, 0.125, kinds=3),
    Form(16, 3, 5, 1.0, kinds=2),
    Form(48, 1, 1, 1.0, kinds=1),
    Form(256, 1, 20, 0.2, kinds=2),
]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def expected(form: Form, heard: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Attention by its equation, in float64."""
    tokens, heads, size, scale, kinds = form
    query, key, value = heard.double().reshape(-1, kinds, tokens, 3, heads, size).permute(3, 0, 1, 4, 2, 5)
    logits = scale * query @ key.transpose(-2, -1) + bias + mask[:, None]
    return (torch.softmax(logits, -1) @ value).transpose(2, 3).reshape(-1, tokens, heads * size)


def made_of(form: Form, batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    tokens, heads, size, _, kinds = form
    mask = torch.where(noise(kinds, tokens, tokens, seed=1) > 1, -100.0, 0.0)
    return 2 * noise(batch * kinds, tokens, 3 * heads * size), noise(heads, tokens, tokens, seed=2), mask


# Seen: 9e-7 of the largest value, as PyTorch's own operations.
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("batch", [1, 5])
def test_attention_is_its_equation(form: Form, batch: int):
    heard, bias, mask = made_of(form, batch)
    kernel = Attention(form, bias, mask)
    found = kernel(heard)
    wanted = expected(form, heard, bias, mask)
    assert found.shape == wanted.shape
    assert float((found - wanted).abs().max() / wanted.abs().max()) < 2e-6
    # Windows have the same bits in any company.
    assert torch.equal(found[-form.kinds :], kernel(heard[-form.kinds :]))


def test_none_of_the_windows():
    form = FORMS[0]
    heard, bias, mask = made_of(form, 1)
    assert Attention(form, bias, mask)(heard[:0]).shape == (0, 64, 96)


@pytest.mark.parametrize("large", [1e3, 1e30])
def test_logits_far_apart(large: float):
    """The largest takes all, where others are hidden by -inf or far below, and values stay what they are."""
    form = Form(16, 1, 16, 1.0, kinds=1)
    heard = torch.cat([large * torch.eye(16), torch.eye(16), noise(16, 16)], dim=1)[None]
    mask = torch.full((1, 16, 16), -np.inf).masked_fill(torch.eye(16).bool(), 0.0)
    found = Attention(form, torch.zeros(1, 16, 16), mask)(heard)
    assert torch.equal(found, noise(16, 16)[None])
    # What is hidden has no part in it at all.
    heard[0, 3, 32:] = 1e38
    found = Attention(form, torch.zeros(1, 16, 16), mask)(heard)
    assert torch.equal(found, heard[..., 32:])


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("strange", [np.nan, np.inf])
def test_what_is_no_number_is_not_lost(part: int, strange: float):
    form = Form(64, 2, 24, 0.2, kinds=1)
    heard, bias, mask = made_of(form, 2)
    heard[1, 10, part * 48 + 3] = strange
    found, wanted = Attention(form, bias, mask)(heard), expected(form, heard, bias, mask)
    assert torch.equal(found.isfinite(), wanted.isfinite())
    assert not found[1, 10].isfinite().all()


def kernels_of(network: nn.Module, given: torch.Tensor) -> tuple[list[Attention], float]:
    """The kernels for attention in a rewritten network, and how far it is from the network in float64."""
    network.eval().requires_grad_(False)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(network, (given,), dynamic_shapes=({0: batch},))
    made = rewritten(program.module())
    found = [module for module in made.modules() if isinstance(module, Attention)]
    result = made(given)
    # The weights are the same tensors.
    wanted = network.double()(given.double())
    network.float()
    return found, float((result - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("shift", [0, 4])
def test_a_network_with_attention(shift: int):
    block = SwinBlock(96, 16, 4, shift=shift)
    for seed, weight in enumerate(block.parameters()):
        weight.data.add_(0.1 * noise(*weight.shape, seed=seed))
    found, difference = kernels_of(block, noise(3, 256, 96))
    assert len(found) == 1
    assert difference < 3e-6


class Other(nn.Module):
    """An attention like that of the models, of two heads, with something that may be otherwise."""

    def __init__(
        self,
        *,
        dim: int = -1,
        order: tuple[int, int, int] = (0, 1, 2),
        tokens: int = 16,
        bias: Callable[[torch.Tensor], torch.Tensor | float] = lambda bias: bias,
        used: bool = False,
    ) -> None:
        super().__init__()
        self.bias, self.tokens, self.order = nn.Parameter(noise(2, tokens, tokens)), tokens, order
        self.dim, self.make, self.used = dim, bias, used

    def forward(self, heard: torch.Tensor) -> torch.Tensor:
        split = heard.view(-1, self.tokens, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0)
        query, key, value = (split[place] for place in self.order)
        logits = (query * 0.3) @ key.transpose(-2, -1) + self.make(self.bias)
        mixed = torch.softmax(logits, self.dim) @ value
        made = mixed.transpose(1, 2).reshape(-1, self.tokens, 16)
        return made + logits.mean() if self.used else made


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (Other(), 1),
        (Other(bias=lambda bias: bias.permute(0, 2, 1)), 1),
        (Other(dim=-2), 0),
        (Other(order=(1, 0, 2)), 0),
        (Other(order=(0, 2, 1)), 0),
        (Other(tokens=17), 0),
        (Other(bias=lambda bias: bias[0]), 0),
        (Other(bias=lambda bias: bias[:1]), 0),
        (Other(bias=lambda bias: bias.view(1, 2, 16, 16)), 0),
        (Other(bias=lambda bias: bias * 2), 0),
        (Other(bias=lambda _: 1.0), 0),
        (Other(used=True), 0),
    ],
    ids=[
        "alike",
        "a bias that lies otherwise in memory",
        "softmax of columns",
        "queries and keys exchanged",
        "keys and values exchanged",
        "17 tokens",
        "one bias for all heads",
        "one bias for all heads, in three dimensions",
        "a bias of four dimensions",
        "a bias that is computed",
        "a number as bias",
        "logits that are used elsewhere",
    ],
)
def test_what_is_another_attention_stays(network: Other, count: int):
    found, difference = kernels_of(network, noise(3, network.tokens, 48))
    assert len(found) == count
    assert difference < 3e-6


def test_windows_whose_size_differs_from_call_to_call():
    class Network(nn.Module):
        def forward(self, heard: torch.Tensor) -> torch.Tensor:
            tokens = heard.shape[1]
            query, key, value = heard.view(-1, tokens, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0)
            logits = (query * 0.3) @ key.transpose(-2, -1) + torch.zeros(2, 1, 1)
            return (torch.softmax(logits, -1) @ value).transpose(1, 2).reshape(-1, tokens, 16)

    given, tokens = noise(3, 16, 48), torch.export.Dim("tokens", min=2, max=64)
    program = torch.export.export(Network(), (given,), dynamic_shapes=({1: tokens},))
    made = rewritten(program.module())
    assert not any(isinstance(module, Attention) for module in made.modules())
    assert made(noise(3, 20, 48)).shape == (3, 20, 16)
