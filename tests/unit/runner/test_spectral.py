"""Long convolutions by products of spectra compute what PyTorch's own do, at sizes around the tiles'."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from fad_core.runner.fast.rewrite import put_kernels
from fad_core.runner.fast.spectral import Layer, SpectralConvolutions
from fad_core.runner.fast.spectral_kernels import BLOCK


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(outputs: int, inputs: int, kernel: int, stride: int, padding: int, seed: int = 0) -> Layer:
    weight = noise(outputs, inputs, kernel, seed=seed) / (inputs * kernel) ** 0.5
    return Layer(weight, noise(outputs, seed=seed + 1), stride, padding, 0.1)


def expected_of(layers: list[Layer], sequence: torch.Tensor) -> torch.Tensor:
    made = sequence.double()
    for each in layers:
        weight, bias = each.weight.double(), each.bias.double()
        made = functional.conv1d(made, weight, bias, each.stride, each.padding)
        made = functional.leaky_relu(made, each.slope)
    return made


def furthest(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, as a share of the RMS."""
    assert found.shape == expected.shape
    return float((found.double() - expected).abs().max() / expected.square().mean().sqrt())


# Seen: 1.5e-6.
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("kernel", "padding"), [(15, 7), (8, 3), (16, 0), (9, 12)])
@pytest.mark.parametrize("length", [16, 17, 18, 19, 36, 37, 50, 51, 250])
def test_one_is_the_convolution(kernel: int, padding: int, stride: int, length: int):
    layers = [layer(2 * BLOCK, BLOCK, kernel, stride, padding)]
    sequence = noise(3, BLOCK, length, seed=2)
    assert furthest(SpectralConvolutions(layers)(sequence), expected_of(layers, sequence)) < 5e-6


@pytest.mark.parametrize("length", [1, 2, 3, 25, 26, 333])
def test_several_follow_each_other(length: int):
    shapes = [(BLOCK, BLOCK, 15, 1, 7), (2 * BLOCK, BLOCK, 15, 2, 7), (BLOCK, 2 * BLOCK, 9, 2, 4)]
    layers = [layer(*shape, seed=number) for number, shape in enumerate(shapes)]
    sequence = noise(2, BLOCK, length, seed=9)
    found = SpectralConvolutions(layers)(sequence)
    assert furthest(found, expected_of(layers, sequence)) < 1e-5
    # A sequence's bits depend on no other sequence.
    one_by_one = torch.cat([SpectralConvolutions(layers)(each[None]) for each in sequence])
    assert torch.equal(found, one_by_one)


def test_more_tiles_than_are_computed_at_a_time(monkeypatch: pytest.MonkeyPatch):
    layers = [layer(BLOCK, 2 * BLOCK, 15, 1, 7)]
    sequence = noise(1, 2 * BLOCK, 1000, seed=2)
    whole = SpectralConvolutions(layers)(sequence)
    monkeypatch.setattr("fad_core.runner.fast.spectral._CHUNK_BYTES", 0)
    monkeypatch.setattr("fad_core.runner.fast.spectral._INPUTS_PER_TILE", 32)
    assert torch.equal(SpectralConvolutions(layers)(sequence), whole)


class Network(nn.Module):
    """Three long convolutions; the second one's result, or the first one's, is read twice."""

    def __init__(self, kernels: tuple[int, ...] = (15, 15, 15), read_twice: int = -1) -> None:
        super().__init__()
        self.read_twice = read_twice
        self.convolutions = nn.ModuleList(
            nn.Conv1d(BLOCK, BLOCK, kernel, 2 if place == 1 else 1, kernel // 2)
            for place, kernel in enumerate(kernels)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(BLOCK) for _ in kernels)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        results = []
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.leaky_relu(norm(convolution(x)), 0.1)
            results.append(x)
        return (x, results[self.read_twice]) if self.read_twice >= 0 else (x,)


def kernels_of(module: nn.Module) -> tuple[int, float]:
    """Put kernels into a network; return how many of them it has, and the largest difference."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.running_var.uniform_(0.5, 2.0)
            norm.running_mean.uniform_(-0.5, 0.5)
    given = (noise(2, BLOCK, 100, seed=3),)
    exported = torch.export.export(module.eval().requires_grad_(False), given).module()
    with torch.no_grad():
        expected = module(*given)
        network = put_kernels(exported)
        found = network(*given)
    count = sum(isinstance(each, SpectralConvolutions) for each in network.modules())
    return count, max(furthest(a, b.double()) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("module", "count"),
    [
        (Network(), 1),
        (Network(read_twice=0), 2),
        (Network(read_twice=1), 2),
        (Network(kernels=(15, 7, 15)), 2),
        (Network(kernels=(3, 5, 31)), 0),
    ],
)
def test_successive_convolutions_are_one_kernel(module: nn.Module, count: int):
    found, difference = kernels_of(module)
    assert found == count
    assert difference < 1e-5
