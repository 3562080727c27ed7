"""Compare each kind of kernel with PyTorch, once a process, before a network uses it.

Kernels depend on private parts of PyTorch, Numba and LLVM, and on the code that a compiler generates for this
processor. Products are compared on integers so small that float32 holds every sum exactly in any order (below
2^24): they must be equal. Where exp, a division or a Fourier transform rounds, a difference of `ROUNDING` is
allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import nn

from fad_core.runner.fast.linear import Linear
from fad_core.runner.fast.onednn import PackedConvolution
from fad_core.runner.fast.sequence_layers import LstmLayers, SequenceConvolution
from fad_core.runner.fast.spectral import Layer, SpectralConvolutions
from fad_core.runner.fast.spectral_kernels import BLOCK
from fad_core.runner.fast.winograd import WinogradConvolution

ROUNDING = 1e-6
"""Largest difference, as a share of the largest value: 8 of the 2^-23 by which one float32 operation may be
off, for the chain of exp, sum, division and product that an LSTM's step is, or for a Fourier transform."""

Pairs = Iterator[tuple[torch.Tensor, torch.Tensor]]


class KernelError(RuntimeError):
    """A kernel computes other values than PyTorch."""


def require_correct(network: nn.Module) -> None:
    """Check each kind of kernel that a network has.

    Raises:
        KernelError: a kernel computes other values than PyTorch.
    """
    for name in {type(module).__name__ for module in network.modules()} & _CHECKS.keys():
        difference = _difference(name)
        if not difference <= _CHECKS[name][1]:
            raise KernelError(f"{name} differs from PyTorch by {difference:.3g}")


@cache
def _difference(name: str) -> float:
    """Return the largest difference of a kind's values, as a share of the largest value, or NaN."""
    with torch.inference_mode():
        found = [(here - there).abs().max() / there.abs().max() for here, there in _CHECKS[name][0]()]
        return float(torch.stack(found).max())


def _integers(*shape: int, most: int = 500, seed: int = 0) -> torch.Tensor:
    """Return integers from -`most` to `most`, as float32."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-most, most + 1, shape, generator=generator).float()


def _packed() -> Pairs:
    # Sums of 36 products of 500 · 500 stay below 2^24, and need more bits than bfloat16 or TF32 has.
    weight, bias, image = _integers(16, 4, 3, 3), _integers(16, seed=1), _integers(2, 4, 9, 7, seed=2)
    kernel = PackedConvolution(weight, bias, [1, 1], [1, 1], relu=True, pool="max")
    expected = torch.relu(nn.functional.conv2d(image.double(), weight.double(), bias.double(), padding=1))
    yield kernel(image), nn.functional.max_pool2d(expected, 2)


def _winograd() -> Pairs:
    for side in (2, 4):
        # The transforms divide by 4, or by up to 24 · 24.
        weight = 576 * _integers(16, 4, 3, 3, most=1)
        bias, image = _integers(16, seed=1), _integers(2, 4, 9, 7, most=3, seed=2)
        kernel = WinogradConvolution(weight, bias, side=side, relu=True)
        convolved = nn.functional.conv2d(image.double(), weight.double(), bias.double(), padding=1)
        yield kernel(image), torch.relu(convolved)


def _linear() -> Pairs:
    weight, bias, rows = _integers(48, 64), _integers(48, seed=1), _integers(5, 64, seed=2)
    expected = nn.functional.linear(rows.double(), weight.double(), bias.double())
    yield Linear(weight, bias, "relu")(rows), torch.relu(expected)


def _sequence() -> Pairs:
    weight, bias, sequence = _integers(16, 8, 3), _integers(16, seed=1), _integers(2, 8, 40, seed=2)
    kernel = SequenceConvolution(weight, bias, 2, elu=False)
    expected = nn.functional.conv1d(sequence.double(), weight.double(), bias.double(), 2)
    yield kernel([sequence[..., :3], sequence[..., 3:]]), expected


def _spectral() -> Pairs:
    weight, bias, sequence = _integers(BLOCK, BLOCK, 15), _integers(BLOCK, seed=1), _integers(2, BLOCK, 40)
    for stride in (1, 2):
        expected = nn.functional.conv1d(sequence.double(), weight.double(), bias.double(), stride, 7)
        kernel = SpectralConvolutions([Layer(weight, bias, stride, 7, 0.25)])
        yield kernel(sequence), nn.functional.leaky_relu(expected, 0.25)


def _lstm() -> Pairs:
    inputs, state = (_integers(64, 16, most=4, seed=seed) / 16 for seed in (3, 4))
    bias, other = (_integers(64, most=4, seed=seed) / 16 for seed in (5, 6))
    step, hidden, cell = (_integers(1, 2, 16, most=4, seed=seed) / 4 for seed in range(3))
    found = LstmLayers([inputs, state, bias, other])(step, hidden, cell)
    gates = step[0].double() @ inputs.double().T + hidden[0].double() @ state.double().T + bias + other
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, -1)
    after = forget_gate.sigmoid() * cell[0] + input_gate.sigmoid() * candidate.tanh()
    expected = output_gate.sigmoid() * after.tanh()
    for here, there in zip(found, (expected, expected, after), strict=True):
        yield here[0], there


_CHECKS: dict[str, tuple[Callable[[], Pairs], float]] = {
    "PackedConvolution": (_packed, 0.0),
    "WinogradConvolution": (_winograd, 0.0),
    "Linear": (_linear, 0.0),
    "SequenceConvolution": (_sequence, 0.0),
    "SpectralConvolutions": (_spectral, ROUNDING),
    "LstmLayers": (_lstm, ROUNDING),
}
