"""Each kind of kernel compared with PyTorch, once a process, before a network runs by it.

Kernels depend on private parts of PyTorch, Numba and LLVM, and on what a compiler makes of them for this
processor. Products are compared on whole numbers small enough that float32 holds every sum exactly in any
order (below 2^24): they must be equal. Where exp and a division round, `ROUNDING` is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import nn

from fad_core.runner.fast.attention import Attention, Form
from fad_core.runner.fast.linear import Linear
from fad_core.runner.fast.onednn import PackedConvolution
from fad_core.runner.fast.sequences import Recurrence, SequenceConvolution
from fad_core.runner.fast.winograd import WinogradConvolution

ROUNDING = 1e-6
"""Largest difference, as a share of the largest value: 8 of the 2^-23 by which one float32 operation may be
off, for the chain of exp, sum, division and product that an LSTM's step or a softmax is."""

Pairs = Iterator[tuple[torch.Tensor, torch.Tensor]]


class KernelError(RuntimeError):
    """A kernel gives other values than PyTorch."""


def require_correct(network: nn.Module) -> None:
    """Check each kind of kernel that a network has.

    Raises:
        KernelError: a kernel gives other values than PyTorch.
    """
    for name in {type(module).__name__ for module in network.modules()} & _CHECKS.keys():
        difference = _difference(name)
        if not difference <= _CHECKS[name][1]:
            raise KernelError(f"{name} differs from PyTorch by {difference:.3g}")


@cache
def _difference(name: str) -> float:
    """Return the largest difference of a kind's values, as a share of the largest value; NaN stays."""
    with torch.inference_mode():
        found = [(here - there).abs().max() / there.abs().max() for here, there in _CHECKS[name][0]()]
        return float(torch.stack(found).max())


def _whole(*shape: int, most: int = 500, seed: int = 0) -> torch.Tensor:
    """Return whole numbers of at most `most` in size, as float32."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-most, most + 1, shape, generator=generator).float()


def _packed() -> Pairs:
    # Sums of 36 products of 500 · 500 stay below 2^24, and need more bits than bfloat16 or TF32 has.
    weight, bias, image = _whole(16, 4, 3, 3), _whole(16, seed=1), _whole(2, 4, 9, 7, seed=2)
    kernel = PackedConvolution(weight, bias, [1, 1], [1, 1], relu=True, pool="max")
    expected = torch.relu(nn.functional.conv2d(image.double(), weight.double(), bias.double(), padding=1))
    yield kernel(image), nn.functional.max_pool2d(expected, 2)


def _winograd() -> Pairs:
    for side, narrow in ((2, False), (2, True), (4, False)):
        # The transforms divide by 4, or by up to 24 · 24.
        weight = 576 * _whole(16, 4, 3, 3, most=1)
        bias, image = _whole(16, seed=1), _whole(2, 4, 9, 2 if narrow else 7, most=3, seed=2)
        kernel = WinogradConvolution(weight, bias, side=side, narrow=narrow, relu=True)
        convolved = nn.functional.conv2d(image.double(), weight.double(), bias.double(), padding=1)
        yield kernel(image), torch.relu(convolved)


def _linear() -> Pairs:
    weight, bias, rows = _whole(48, 64), _whole(48, seed=1), _whole(5, 64, seed=2)
    expected = nn.functional.linear(rows.double(), weight.double(), bias.double())
    yield Linear(weight, bias, "relu")(rows), torch.relu(expected)


def _sequence() -> Pairs:
    weight, bias, sequence = _whole(16, 8, 3), _whole(16, seed=1), _whole(2, 8, 40, seed=2)
    kernel = SequenceConvolution(weight, bias, 2, activated=False)
    expected = nn.functional.conv1d(sequence.double(), weight.double(), bias.double(), 2)
    yield kernel([sequence[..., :3], sequence[..., 3:]]), expected


def _lstm() -> Pairs:
    given, kept = (_whole(64, 16, most=4, seed=seed) / 16 for seed in (3, 4))
    bias, other = (_whole(64, most=4, seed=seed) / 16 for seed in (5, 6))
    step, hidden, cell = (_whole(1, 2, 16, most=4, seed=seed) / 4 for seed in range(3))
    found = Recurrence([given, kept, bias, other])(step, hidden, cell)
    gates = step[0].double() @ given.double().T + hidden[0].double() @ kept.double().T + bias + other
    let_in, remembered, new, out = gates.chunk(4, -1)
    after = remembered.sigmoid() * cell[0] + let_in.sigmoid() * new.tanh()
    expected = out.sigmoid() * after.tanh()
    for here, there in zip(found, (expected, expected, after), strict=True):
        yield here[0], there


def _attention() -> Pairs:
    form = Form(tokens=16, heads=2, size=16, scale=0.25, kinds=0)
    bias, given = _whole(2, 16, 16, most=2), _whole(2, 16, 96, most=2, seed=1)
    query, key, value = given.double().view(2, 16, 3, 2, 16).permute(2, 0, 3, 1, 4)
    shares = torch.softmax(query @ key.transpose(-2, -1) * form.scale + bias, -1)
    yield Attention(form, bias, torch.zeros(1, 16, 16))(given), (shares @ value).transpose(1, 2).flatten(2)


_CHECKS: dict[str, tuple[Callable[[], Pairs], float]] = {
    "PackedConvolution": (_packed, 0.0),
    "WinogradConvolution": (_winograd, 0.0),
    "Linear": (_linear, 0.0),
    "SequenceConvolution": (_sequence, 0.0),
    "Recurrence": (_lstm, ROUNDING),
    "Attention": (_attention, ROUNDING),
}
