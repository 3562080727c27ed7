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

from fad_core.models.encodec.lstm_export import any_length
from fad_core.runner.fast import packed_gemm
from fad_core.runner.fast.linear import Linear
from fad_core.runner.fast.onednn import PackedConvolution
from fad_core.runner.fast.packed_gemm import LANES
from fad_core.runner.fast.rewrite import put_kernels
from fad_core.runner.fast.sequence_layers import LstmLayers, SelectColumns, SequenceConvolution
from fad_core.runner.fast.winograd import WinogradConvolution

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
    weight, bias, image = noise(48, 24, 3, 3), noise(48, seed=1), noise(number, 24, *size, seed=2)
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
    weight, bias, image = noise(320, 16, 3, 3), noise(320, seed=1), noise(2, 16, *size, seed=2)
    convolved = functional.conv2d(image.double(), weight.double(), bias.double(), padding=1)
    found = WinogradConvolution(weight, bias, side=side, relu=True, pool=pool)(image)
    assert furthest(found, function(torch.relu(convolved), 2)) < 3e-5
    found = PackedConvolution(weight, bias, [1, 1], [1, 1], relu=True, pool=pool)(image)
    assert furthest(found, function(torch.relu(convolved), 2)) < 3e-6


@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("pool", ["", "mean"])
def test_winograd_of_many_images_in_one_go(side: int, pool: str):
    """Images of all sizes, of which one takes several turns; each has the bits it has alone."""
    kernel = WinogradConvolution(noise(96, 64, 3, 3), noise(96, seed=1), side=side, relu=True, pool=pool)
    images = [
        noise(1 + seed % 2, 64, *size, seed=seed) for seed, size in enumerate([*SIZES, (400, 64), (3, 3)])
    ]
    for found, image in zip(kernel.forward_many([(image,) for image in images]), images, strict=True):
        assert torch.equal(found, kernel(image))


@pytest.mark.parametrize("side", [2, 4])
def test_winograd_scales_its_weights(side: int):
    weight, bias, scale = noise(80, 16, 3, 3), noise(80, seed=1), noise(80, seed=2)
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


# Seen: 2.2e-6 and 3.1e-6. Outputs that fill panels of four registers, of two, of one and of none; more rows
# and inputs than go through at a time.
@pytest.mark.parametrize("rows", [1, 2, 100, 1000])
@pytest.mark.parametrize(
    ("inputs", "outputs", "tolerance"),
    [(33, 48, 3e-6), (600, 64, 4e-6), (20, 32, 3e-6), (20, 16, 3e-6), (40, 7, 3e-6), (40, 100, 3e-6)],
)
@pytest.mark.parametrize(
    ("behind", "function"), [("none", lambda x: x), ("relu", torch.relu), ("gelu", functional.gelu)]
)
def test_products_by_a_matrix(rows: int, inputs: int, outputs: int, tolerance: float, behind: str, function):
    # A bias that is a part of something else.
    weight, bias, x = noise(outputs, inputs), noise(outputs, 2, seed=1)[:, 0], noise(2, rows, inputs, seed=2)
    kernel = Linear(weight, bias, behind)
    expected = function(functional.linear(x.double(), weight.double(), bias.double()))
    assert furthest(kernel(x), expected) < tolerance
    # Rows have the same bits in any company.
    others = [(x[0, :1],), (x,), (x[1, :0],), (x[1, rows // 2 :],)]
    for (given,), found in zip(others, kernel.forward_many(others), strict=True):
        assert torch.equal(found, kernel(given))
    assert torch.equal(kernel(x)[1, -1:], kernel(x[1, -1:]))


def test_a_product_without_a_bias_or_rows_and_with_what_is_no_number():
    weight, x = noise(48, 33), noise(5, 33, seed=1)
    kernel = Linear(weight, None, "gelu")
    assert furthest(kernel(x), functional.gelu(functional.linear(x.double(), weight.double()))) < 3e-6
    assert kernel(x[:0]).shape == (0, 48)
    x[3, 7] = np.nan
    assert torch.equal(kernel(x).isnan().all(1), torch.arange(5) == 3)
    assert torch.equal(kernel(x).isnan().any(1), torch.arange(5) == 3)


@pytest.mark.parametrize("registers", [1, 2, 4])
def test_each_row_is_multiplied_once(registers: int):
    """Whatever number of rows there are, and nothing beside them is touched."""
    outputs, inputs = registers * LANES, 5
    weight, bias = noise(outputs, inputs).numpy(), noise(outputs, seed=1).numpy()
    packed = packed_gemm.pack(weight)
    for count in range(61):
        rows, room = noise(count + 4, inputs, seed=2).numpy(), np.full((count + 4, outputs), 7.0, np.float32)
        packed_gemm.linear(rows[2 : count + 2], packed, bias, room[2 : count + 2])
        expected = rows[2 : count + 2].astype(np.float64) @ weight.T + bias
        assert np.abs(room[2 : count + 2] - expected).max(initial=0.0) < 1e-5
        assert (room[[0, 1, -2, -1]] == 7.0).all()


# Outputs that fill panels of four registers (where there are such), of two and of one.
@pytest.mark.parametrize("outputs", [LANES * count for count in (1, 2, 3, 4, 8)])
@pytest.mark.parametrize(("inputs", "kernel", "stride"), [(1, 7, 1), (3, 1, 1), (12, 8, 4), (100, 16, 8)])
@pytest.mark.parametrize("length", [16, 17, 100, 5000])
def test_convolutions_of_sequences(inputs: int, outputs: int, kernel: int, stride: int, length: int):
    """More inputs than go through at a time, and fewer outputs than a register has rows."""
    weight, bias = noise(outputs, inputs, kernel), noise(outputs, seed=1)
    x = noise(2, inputs, length, seed=2)
    expected = functional.conv1d(x.double(), weight.double(), bias.double(), stride)
    found = SequenceConvolution(weight, bias, stride, elu=False)([x])
    assert furthest(found, expected) < 3e-6
    assert found.transpose(1, 2).is_contiguous()
    # In pieces, through the ELU, and added to something.
    onto = noise(*expected.shape, seed=3)
    activated = functional.elu(x.double())
    expected = functional.conv1d(activated, weight.double(), None, stride) + onto
    kernel_of_elu = SequenceConvolution(weight, bias, stride, elu=True)
    for pieces in ([x], [x[..., :5], x[..., 5:]], [x[..., :1], x[..., 1:9], x[..., 9:]]):
        assert furthest(kernel_of_elu(pieces, onto.clone()), expected) < 3e-6


def test_a_convolution_followed_by_a_norm():
    weight, bias, gain, offset = noise(32, 16, 3), noise(32, seed=1), noise(32, seed=2), noise(32, seed=3)
    x = noise(3, 16, 999, seed=4) * torch.tensor([1.0, 100.0, 0.01])[:, None, None] + 3.0
    convolved = functional.conv1d(x.double(), weight.double(), bias.double())
    expected = functional.group_norm(convolved, 1, gain.double(), offset.double())
    kernel = SequenceConvolution(weight, bias, 1, elu=False)
    kernel.append_norm(gain, offset, 1e-5)
    assert furthest(kernel([x]), expected) < 5e-6


def test_the_norm_of_silence_is_its_offset():
    kernel = SequenceConvolution(noise(16, 16, 1), torch.zeros(16), 1, elu=False)
    kernel.append_norm(torch.ones(16), torch.full((16,), 0.5), 1e-5)
    assert torch.equal(kernel([torch.zeros(1, 16, 50)]), torch.full((1, 16, 50), 0.5))


def through_elu(values: np.ndarray) -> np.ndarray:
    """The ELU of float32 values, by a convolution that gives each back as it is."""
    weight = torch.eye(16).reshape(16, 16, 1)
    given = torch.from_numpy(np.resize(values, (-(-len(values) // 16), 16)))
    kernel = SequenceConvolution(weight, None, 1, elu=True)
    return kernel([given.T[None]])[0].T.numpy().ravel()[: len(values)]


def test_elu_over_its_whole_range():
    values = np.concatenate(
        [np.linspace(-120, 2, 300_001), -np.logspace(-37, 2, 10_001), np.logspace(-37, 2, 101)]
    ).astype(np.float32)
    expected = np.where(values > 0, values, np.expm1(values.astype(np.float64)))
    # Twice a float32's last bit.
    assert np.abs(through_elu(values) / expected - 1).max() < 1.2e-7


def test_elu_loses_no_nan():
    values = np.zeros(160, np.float32)
    values[35], values[70], values[100] = np.nan, np.inf, -np.inf
    found = through_elu(values).reshape(10, 16)
    # A product with zero makes NaN of what is infinite too.
    assert not np.isfinite(found[[2, 4]]).any()
    assert found[6, 4] == -1.0
    assert np.count_nonzero(np.delete(found, [2, 4, 6], axis=0)) == 0


@pytest.mark.parametrize("lengths", [[1], [5], [70, 70], [3, 80, 1, 33, 33, 2, 64, 9]], ids=str)
@pytest.mark.parametrize("layers", [1, 2])
def test_lstm_layers_in_step(lengths: list[int], layers: int):
    """Each sequence has the bits that it has alone, whatever goes beside it."""
    torch.manual_seed(0)
    lstm = nn.LSTM(64, 64, layers)
    weights = [tensor.detach() for tensor in lstm.parameters()]
    kernel = LstmLayers(weights)
    given = []
    for seed, length in enumerate(lengths):
        states = [noise(layers, 2, 64, seed=seed + each) for each in (100, 200)]
        given.append((3 * noise(length, 2, 64, seed=seed), *states))
    together = kernel.forward_many(given)
    for (sequence, hidden, cell), found in zip(given, together, strict=True):
        with torch.inference_mode():
            output, states = lstm.double()(sequence.double(), (hidden.double(), cell.double()))
        alone = kernel(sequence, hidden, cell)
        for here, same, expected in zip(found, alone, (output, *states), strict=True):
            assert torch.equal(here, same)
            assert float((here - expected).abs().max()) < 2e-6


def test_an_lstm_whose_gates_are_shut_or_open_wide():
    lstm = nn.LSTM(16, 16)
    kernel = LstmLayers([tensor.detach() for tensor in lstm.parameters()])
    state = torch.zeros(1, 1, 16)
    for large in (-1e4, 1e4, np.inf):
        output, _, _ = kernel(torch.full((3, 1, 16), large), state, state)
        expected, _ = lstm(torch.full((3, 1, 16), large), (state, state))
        assert torch.allclose(output, expected.detach(), atol=1e-6, equal_nan=True)
        assert not output[output == output].abs().gt(1).any()


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
        found = put_kernels(program.module())
        assert furthest(found(*given), expected) < 1e-4
    kernels = [type(module).__name__ for name, module in found.named_modules() if name.startswith("kernel_")]
    assert sorted(kernels) == ["PackedConvolution", "WinogradConvolution"]


class Shared(nn.Module):
    """Sequences that are read in more than one place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(16, 16, 3), nn.Conv1d(16, 16, 3)
        self.third, self.odd = nn.Conv1d(16, 16, 1), nn.Conv1d(16, 7, 1)
        self.norm, self.groups = nn.GroupNorm(1, 16), nn.GroupNorm(2, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joined = torch.cat([x, x.flip(-1)], dim=-1)
        a = self.first(joined) + joined.mean()
        activated = functional.elu(a, inplace=True)
        b = self.groups(self.second(activated)) + a[..., 2:]
        c = self.norm(self.third(b))
        c.add_(self.third(b))
        return self.odd(functional.elu(c, inplace=True)) + c.sum()


def test_sequences_that_others_read_too():
    network = Shared().eval().requires_grad_(False)
    x = noise(2, 16, 40)
    program = torch.export.export(network, (x,))
    with torch.inference_mode():
        expected = network.double()(x.double())
        network.float()
        found = put_kernels(program.module())
        assert furthest(found(x), expected) < 1e-5
    kernels = [type(module).__name__ for name, module in found.named_modules() if name.startswith("kernel_")]
    assert kernels == ["SequenceConvolution"] * 4


class Recurrent(nn.Module):
    """An LSTM from zeros, time first."""

    def __init__(self, inputs: int, hidden: int, projected: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, proj_size=projected)
        self.shape = (1, 2, projected or hidden), (1, 2, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, cell = (x.new_zeros(shape) for shape in self.shape)
        output: torch.Tensor = self.lstm(x, (hidden, cell))[0]
        return output


@pytest.mark.parametrize(
    ("inputs", "hidden", "projected", "kernels"),
    [(16, 16, 0, 1), (8, 16, 0, 0), (32, 16, 0, 0), (16, 32, 16, 0), (32, 32, 16, 0)],
)
def test_only_an_lstm_of_as_many_inputs_as_hidden_values_is_replaced(
    inputs: int, hidden: int, projected: int, kernels: int
):
    network = Recurrent(inputs, hidden, projected).eval().requires_grad_(False)
    x = noise(5, 2, inputs)
    with any_length(), torch.inference_mode():
        program = torch.export.export(network, (x,))
    made = put_kernels(program.module())
    assert (torch.ops.aten.lstm.input in {node.target for node in made.graph.nodes}) != bool(kernels)
    assert [type(each) for each in made.modules()].count(LstmLayers) == kernels
    with torch.inference_mode():
        assert torch.allclose(made(x), network(x), atol=1e-5)


class Selected(nn.Module):
    """A joined sequence that is convolved, and of which channels or columns are selected."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.convolution, self.dim = nn.Conv1d(16, 16, 3), dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joined = torch.cat([x, 2 * x], dim=-1)
        selected = joined.index_select(self.dim, torch.arange(3, 9))
        return self.convolution(joined).sum() + selected


@pytest.mark.parametrize(("dim", "kernels"), [(-1, 1), (2, 1), (1, 0), (-2, 0)])
def test_only_columns_are_selected_from_pieces(dim: int, kernels: int):
    network = Selected(dim).eval().requires_grad_(False)
    x = noise(2, 16, 40)
    made = put_kernels(torch.export.export(network, (x,)).module())
    assert [type(each) for each in made.modules()].count(SelectColumns) == kernels
    assert torch.allclose(made(x), network(x), atol=1e-3)


IN_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from fad_core.util.process import set_up_process

def size():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmSize:"))

set_up_process()
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
