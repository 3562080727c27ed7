"""The network that goes to a CUDA device: its kernels and its stacks, on a CPU where there is no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fad_core.models import get_model
from fad_core.models.base import Arrays
from fad_core.models.options import DEFAULT_OPTIONS
from fad_core.runner import cuda
from fad_core.runner.backend import Backend, chosen_batch_size, resolve_device
from fad_core.runner.blocks import run_files
from fad_core.runner.cuda import on_cuda
from fad_core.runner.cuda_batches import BATCH_BYTES, CudaBatcher
from fad_core.runner.device import full_float32
from fad_core.runner.exported import ExportedModel
from fad_core.runner.pt2 import load_network
from fad_core.util.jit import compiled_with_fma
from fad_core.verification.eager import EagerLevel
from fad_core.verification.golden import GoldenLevel
from fad_core.weights import locate_weights

SeededExport = Callable[[str], Path]

DEVICE = resolve_device("auto")
needs_cuda = pytest.mark.skipif(DEVICE == "cpu", reason="there is no CUDA device here")
MODELS = ("vggish", "pann-8k", "pann-16k", "pann-32k", "encodec-24k", "encodec-48k")
MODELS += ("clap-630k-audioset", "clap-630k-audioset-fusion", "clap-music-speech")
ENCODECS = ("encodec-24k", "encodec-48k")
aten = torch.ops.aten


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On a CPU, oneDNN divides the files of a stack among threads: the bits would depend on the stack."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def moved(path: Path, size: int = 3) -> ExportedModel:
    """An exported model whose network runs as on a CUDA device, with stacks of this size."""
    model = ExportedModel(path, backend=Backend("plain", DEVICE), batch_size=size)
    model._network = CudaBatcher(on_cuda(load_network(path), DEVICE), model.model, model.use.options, size)
    return model


def clip(model: ExportedModel, seconds: float, seed: int) -> Arrays:
    samples = int(seconds * model.model.sample_rate)
    noise = np.random.default_rng(seed).standard_normal((model.model.channels, samples))
    return model.model.frontend((0.1 * noise).astype(np.float32), key=str(seed))


def embed_together(model: ExportedModel, files: list[Arrays]) -> list[NDArray[np.float32]]:
    outputs = run_files(model._network, model.model, files, model.device)
    return [np.concatenate([output.ravel() for block in of_file for output in block]) for of_file in outputs]


@compiled_with_fma
def in_order(signal, weight, stride):
    """A convolution whose products are added up one after the other, each rounded once with its sum."""
    length = weight.shape[2]
    result = np.empty((len(signal), len(weight), (signal.shape[2] - length) // stride + 1), np.float32)
    for row in range(len(signal)):
        for output in range(len(weight)):
            for frame in range(result.shape[2]):
                total = np.float32(0)
                for tap in range(length):
                    total += weight[output, 0, tap] * signal[row, 0, frame * stride + tap]
                result[row, output, frame] = total
    return result


@needs_cuda
@pytest.mark.parametrize("name", MODELS)
def test_it_gives_what_the_original_package_gave(seeded_export: SeededExport, name: str):
    exported = ExportedModel(seeded_export(name), backend=Backend(device=DEVICE))
    rows = list(GoldenLevel(exported.model).compare(exported))
    assert [row for row in rows if row.verdict != "passed"] == []


@needs_cuda
@pytest.mark.parametrize("name", MODELS)
def test_it_gives_what_the_eager_network_gives(seeded_export: SeededExport, name: str):
    model = ExportedModel(seeded_export(name), backend=Backend(device=DEVICE))
    level = EagerLevel(model.model, locate_weights(model.model, "seeded"))
    assert [row for row in level.compare(model) if row.verdict != "passed"] == []


@pytest.mark.parametrize("name", ENCODECS)
@pytest.mark.parametrize("seconds", [0.01, 1.3, 7.0])
def test_its_kernels_compute_the_same(seeded_export: SeededExport, name: str, seconds: float):
    plain = ExportedModel(seeded_export(name), backend=Backend("plain"))
    expected = plain.embed_features(clip(plain, seconds, 0))["embedding"]
    found = moved(seeded_export(name), 1).embed_features(clip(plain, seconds, 0))["embedding"]
    assert np.abs(found - expected).max() <= plain.model.tolerance * np.sqrt(np.mean(expected**2))


@pytest.mark.parametrize(
    ("name", "lengths"),
    # In blocks of three seconds, and whole.
    [
        ("encodec-24k", (1.0, 4.5, 1.0, 0.3, 1.0, 4.5, 7.1)),
        ("encodec-48k", (0.4, 1.5, 0.4, 0.1, 0.4, 1.5, 2.1)),
    ],
)
def test_a_file_is_the_same_whichever_files_run_with_it(
    seeded_export: SeededExport, name: str, lengths: tuple[float, ...]
):
    model = moved(seeded_export(name))
    files = [clip(model, seconds, seed) for seed, seconds in enumerate(lengths)]
    alone = [embed_together(model, [file])[0] for file in files]
    for order in ([*range(7)], [6, 5, 4, 3, 2, 1, 0], [2, 0], [5, 1, 6]):
        together = embed_together(model, [files[place] for place in order])
        for place, made in zip(order, together, strict=True):
            np.testing.assert_array_equal(made, alone[place])


def test_calls_of_more_than_a_row_go_one_by_one(seeded_export: SeededExport):
    """PANN is told which columns of a block count, of all rows alike."""
    model = moved(seeded_export("pann-16k"))
    network = CudaBatcher(model._network._network, model.model, model.use.options, 3)
    files = [clip(model, seconds, seed) for seed, seconds in enumerate((2.0, 2.0, 1.0))]
    state = torch.from_numpy(model.model.initial_state()).to(DEVICE)
    calls = [
        (torch.from_numpy(block[0]).to(DEVICE), torch.tensor([first, 3], device=DEVICE), state)
        for first, file in enumerate(files)
        for block in model.model.blocks(file)
    ]
    with torch.inference_mode():
        for given, (output, *_) in zip(calls, network.run_calls(calls), strict=True):
            assert torch.equal(output, network(*given)[0])


def test_a_batch_size_is_for_models_that_have_batches():
    for model_id, expected in (("pann-16k", 1), ("encodec-24k", 4)):
        assert chosen_batch_size(get_model(model_id), Backend(device="cuda"), 4) == expected


def test_more_files_than_a_stack_holds_are_embedded_in_their_order(seeded_export: SeededExport):
    model = moved(seeded_export("encodec-24k"), 2)
    files = [clip(model, 0.2, seed) for seed in range(5)]
    embedded = list(model.embed_many(iter(files), lanes=2))
    assert [each["embedding"].shape for each in embedded] == [(15, 128)] * 5
    for file, embeddings in zip(files, embedded, strict=True):
        np.testing.assert_array_equal(embeddings["embedding"], model.embed_features(file)["embedding"])


def test_batches_of_longer_files_hold_fewer():
    model = get_model("encodec-48k")
    identity = torch.fx.symbolic_trace(torch.nn.Identity())
    stacked = CudaBatcher(identity, model, DEFAULT_OPTIONS, model.cuda_batch_size)
    counts = [stacked.files_in_memory(seconds * 48_000) for seconds in (1, 10, 60, 600, 7200)]
    assert counts == sorted(counts, reverse=True) and counts[0] == model.cuda_batch_size and counts[-1] == 1
    for seconds, count in zip((1, 10, 60), counts, strict=False):
        assert count * model.memory_bytes(seconds * 48_000) <= BATCH_BYTES


def test_what_cudnn_is_slow_at_is_left_to_others(seeded_export: SeededExport):
    for name in ENCODECS:
        targets = {node.target for node in on_cuda(load_network(seeded_export(name)), DEVICE).graph.nodes}
        assert not targets & {aten.conv1d.default, aten.group_norm.default, aten.lstm.input}
        assert {cuda.convolution, cuda.lstm} <= targets


def test_a_fourier_transform_is_told_from_a_convolution(seeded_export: SeededExport):
    network = on_cuda(load_network(seeded_export("pann-16k")), DEVICE)
    targets = [node.target for node in network.graph.nodes]
    assert targets.count(cuda.fourier_transform) == 2 and cuda.convolution not in targets


TRANSFORMS = [(256, 80), (512, 160), (1024, 320), (1024, 480)]


def transform_of(length: int, frames: int, hop: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 1, length + hop * (frames - 1)), (length // 2 + 1, 1, length), (length // 2 + 1,)
    signal, weight, bias = (torch.randn(shape, generator=generator) for shape in shapes)
    return signal, weight, bias


@pytest.mark.parametrize(
    ("length", "hop", "frames"),
    # Two signals of 4096 frames are the columns of one product.
    [(256, 80, 1), (256, 80, 4096), (256, 80, 4150), (512, 160, 4150), (1024, 320, 301), (1024, 480, 4096)],
)
def test_a_fourier_transform_is_that_convolution(length: int, hop: int, frames: int):
    """It is no further from the exact sums than products that are added up one after the other."""
    signal, weight, bias = transform_of(length, frames, hop)
    exact = torch.nn.functional.conv1d(signal.double(), weight.double(), bias.double(), stride=hop)
    with full_float32(DEVICE):
        found = cuda.fourier_transform(signal.to(DEVICE), weight.to(DEVICE), bias.to(DEVICE), [hop]).cpu()
    in_turn = torch.from_numpy(in_order(signal.numpy(), weight.numpy(), hop)) + bias[:, None]
    assert (found - exact).abs().max() <= (in_turn - exact).abs().max()


@needs_cuda
@pytest.mark.parametrize(("length", "hop"), TRANSFORMS)
def test_a_fourier_transform_has_the_bits_of_the_processors(length: int, hop: int):
    """Seen on an H200 with CUDA 13; without it, PANN and CLAP need not pass verification."""
    signal, weight, _ = transform_of(length, 1001, hop)
    with full_float32(DEVICE):
        found = cuda.fourier_transform(signal.to(DEVICE), weight.to(DEVICE), None, [hop]).cpu().numpy()
    np.testing.assert_array_equal(found, in_order(signal.numpy(), weight.numpy(), hop))


def test_a_convolution_that_pads_stays():
    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.padded = torch.nn.Conv1d(2, 3, 5, padding=2)
            self.strided = torch.nn.Conv1d(3, 4, 6, stride=3)
            self.spread = torch.nn.Conv1d(4, 4, 3, dilation=2)
            self.grouped = torch.nn.Conv1d(4, 4, 3, groups=2)

        def forward(self, signal: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.grouped(self.spread(self.strided(self.padded(signal))))
            return result

    torch.manual_seed(0)
    network = Network().eval()
    signal = torch.randn(2, 2, 200)
    graph = torch.export.export(network, (signal,)).module()
    assert isinstance(graph, torch.fx.GraphModule)
    result = on_cuda(graph, "cpu")
    assert [node.target for node in result.graph.nodes].count(cuda.convolution) == 1
    torch.testing.assert_close(result(signal), network(signal), rtol=1e-5, atol=1e-6)


def test_an_lstm_in_pieces_is_the_same():
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(8, 8, 2)
    signal, state = torch.randn(700, 3, 8), (torch.randn(2, 3, 8), torch.randn(2, 3, 8))
    rest = (lstm._flat_weights, True, 2, 0.0, False, False, False)
    with torch.inference_mode():
        whole = aten.lstm.input(signal, state, *rest)
        pieces = cuda.lstm(signal, state, *rest)
    for found, expected in zip(pieces, whole, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
