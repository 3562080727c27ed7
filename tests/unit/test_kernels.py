"""Kernels for a CPU compute what PyTorch's own do, whatever the size, and leave the rest alone."""

from __future__ import annotations

import platform
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fad_core.kernels.onednn import PackedConvolution, PackedLinear
from fad_core.kernels.rewrite import rewritten
from fad_core.kernels.sequences import Elu, Joined, SequenceNorm
from fad_core.kernels.winograd import WinogradConvolution

SIZES = [(1, 1), (1, 5), (2, 2), (3, 2), (4, 4), (5, 1), (7, 6), (17, 9), (96, 64)]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def furthest(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, as a share of the RMS."""
    assert found.shape == expected.shape
    return float((found.double() - expected).abs().max() / expected.square().mean().sqrt())


# Seen: 6e-7 and 1.3e-5.
@pytest.mark.parametrize(("side", "tolerance"), [(2, 2e-6), (4, 3e-5)])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("number", [1, 3])
def test_winograd_is_the_convolution(side: int, tolerance: float, size: tuple[int, int], number: int):
    weight, bias, image = noise(40, 24, 3, 3), noise(40, seed=1), noise(number, 24, *size, seed=2)
    expected = functional.conv2d(image.double(), weight.double(), bias.double(), padding=1)
    found = WinogradConvolution(weight, bias, side=side)(image)
    assert furthest(found, expected) < tolerance
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("size", [size for size in SIZES if min(size) > 1], ids=str)
@pytest.mark.parametrize(
    ("pool", "function"), [("mean", functional.avg_pool2d), ("max", functional.max_pool2d)]
)
def test_winograd_takes_along_what_is_behind(side: int, size: tuple[int, int], pool: str, function):
    """More channels than fit one slice, and an odd row or column that a pooling leaves out."""
    weight, bias, image = noise(300, 16, 3, 3), noise(300, seed=1), noise(2, 16, *size, seed=2)
    convolved = functional.conv2d(image.double(), weight.double(), bias.double(), padding=1)
    found = WinogradConvolution(weight, bias, side=side, relu=True, pool=pool)(image)
    assert furthest(found, function(torch.relu(convolved), 2)) < 3e-5
    found = PackedConvolution(weight, bias, [1, 1], [1, 1], relu=True, pool=pool)(image)
    assert furthest(found, function(torch.relu(convolved), 2)) < 3e-6


@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_winograd_gives_an_image_the_same_bits_in_any_company(side: int, size: tuple[int, int]):
    """However many tiles there are."""
    convolution = WinogradConvolution(noise(72, 64, 3, 3), noise(72, seed=1), side=side)
    images = noise(5, 64, *size, seed=2)
    assert torch.equal(convolution(images), torch.cat([convolution(image[None]) for image in images]))


@pytest.mark.parametrize("side", [2, 4])
def test_winograd_scales_its_weights(side: int):
    weight, bias, scale = noise(72, 16, 3, 3), noise(72, seed=1), noise(72, seed=2)
    image = noise(1, 16, 9, 9, seed=3)
    scaled = WinogradConvolution(weight * scale.reshape(-1, 1, 1, 1), bias, side=side)
    assert torch.equal(WinogradConvolution(weight, bias, scale, side=side)(image), scaled(image))


@pytest.mark.parametrize("side", [2, 4])
def test_winograd_loses_no_nan(side: int):
    image = noise(1, 16, 12, 12)
    image[0, 3, 5, 5] = np.nan
    found = WinogradConvolution(noise(16, 16, 3, 3), torch.zeros(16), side=side, relu=True)(image)
    assert found[0, :, 4:7, 4:7].isnan().all()
    assert not found[0, :, 9:, 9:].isnan().any()


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize(
    ("behind", "function"), [("none", lambda x: x), ("relu", torch.relu), ("gelu", functional.gelu)]
)
def test_a_packed_matrix_gives_the_product(rows: int, behind: str, function):
    weight, bias, x = noise(48, 33), noise(48, seed=1), noise(1, rows, 33, seed=2)
    expected = function(functional.linear(x.double(), weight.double(), bias.double()))
    assert furthest(PackedLinear(weight, bias, behind)(x), expected) < 3e-6


@pytest.mark.parametrize(("kernel", "stride"), [(7, 1), (1, 1), (8, 4), (16, 8)])
@pytest.mark.parametrize("length", [16, 17, 5000])
def test_packed_convolutions_of_sequences(kernel: int, stride: int, length: int):
    weight, bias, x = noise(20, 12, kernel), noise(20, seed=1), noise(2, 12, length, seed=2)
    expected = functional.conv1d(x.double(), weight.double(), bias.double(), stride)
    found = PackedConvolution(weight, bias, [stride], [0])(x)
    assert furthest(found, expected) < 3e-6
    assert found.transpose(1, 2).is_contiguous()


def test_elu_over_its_whole_range():
    values = np.concatenate(
        [np.linspace(-120, 2, 300_001), -np.logspace(-38, 2, 10_001), np.logspace(-38, 2, 101)]
    ).astype(np.float32)
    x = torch.from_numpy(values.copy()).reshape(1, 1, -1)
    expected = np.where(values > 0, values, np.expm1(values.astype(np.float64)))
    # Twice a float32's last bit.
    assert np.abs(Elu()(x).numpy().ravel() / expected - 1).max() < 1.2e-7


def test_elu_keeps_what_is_not_finite():
    x = torch.tensor([np.nan, np.inf, -np.inf, 0.0]).reshape(1, 1, 4)
    assert torch.equal(Elu()(x)[0, 0].nan_to_num(nan=5.0, posinf=7.0), torch.tensor([5.0, 7.0, -1.0, 0.0]))


@pytest.mark.parametrize("last", [False, True])
def test_sequences_whatever_their_layout(last: bool):
    def laid(x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2).contiguous().transpose(1, 2) if last else x

    x, more = noise(2, 16, 999), noise(2, 16, 3, seed=1)
    assert torch.equal(Joined()([laid(x), more]), torch.cat([x, more], dim=-1))
    assert furthest(Elu()(laid(x.clone())), functional.elu(x.double())) < 1e-6
    gain, offset = noise(16, seed=2), noise(16, seed=3)
    expected = functional.group_norm(x.double() + 3.0, 1, gain.double(), offset.double())
    assert furthest(SequenceNorm(gain, offset, 1e-5)(laid(x + 3.0)), expected) < 3e-6


class Strange(nn.Module):
    """Operations that look like those with kernels, and are not."""

    def __init__(self) -> None:
        super().__init__()
        self.dilated = nn.Conv2d(64, 128, 3, padding=2, dilation=2)
        self.grouped = nn.Conv2d(128, 128, 3, padding=1, groups=4)
        self.read_twice = nn.Conv2d(128, 128, 3, padding=1)
        self.strided = nn.Conv2d(128, 128, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(128)
        self.matrix = nn.Parameter(noise(8, 63))
        self.pooled = nn.MaxPool2d(3, stride=2)

    def forward(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.grouped(self.dilated(x)))
        x = self.read_twice(x)
        x = torch.relu(self.norm(x)) + x
        x = functional.conv2d(self.strided(x), weight, padding=1)
        x = functional.elu(self.pooled(x), alpha=0.5)
        return functional.linear(x.flatten(2), self.matrix, weight[0, :8, 0, 0])


def test_what_fits_no_kernel_stays_as_it_is():
    network = Strange().eval().requires_grad_(False)
    network.norm.running_mean.copy_(noise(128))
    given = noise(2, 64, 40, 30), noise(8, 128, 3, 3, seed=1)
    program = torch.export.export(network, given)
    with torch.inference_mode():
        expected = network.double()(*(x.double() for x in given))
        network.float()
        found = rewritten(program.module())
        assert furthest(found(*given), expected) < 1e-4
    kernels = [type(module).__name__ for name, module in found.named_modules() if name.startswith("kernel_")]
    assert sorted(kernels) == ["PackedConvolution", "WinogradConvolution"]


IN_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from fad_core.kernels.memory import share_memory

def size():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmSize:"))

share_memory()
before, together = size(), Barrier(8)
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda _: (bytearray(100_000), together.wait(60)), range(8)))
    print((size() - before) // 1024)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another one")
def test_threads_have_no_memory_of_their_own():
    """A place of its own has 64 MB of addresses; a thread's stack has 8."""
    ran = subprocess.run([sys.executable, "-c", IN_THREADS], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 8 * 16
