"""What PyTorch would give as NaN or infinite, no kernel gives as a finite value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from torch import nn
from torch.nn import functional

from fad_core.api.scoring import score
from fad_core.datasets.policy import FilePolicy
from fad_core.errors import AudioError
from fad_core.models import get_model
from fad_core.runner.exported import LARGEST_FEATURE, ExportedModel
from fad_core.runner.fast.linear import Linear
from fad_core.runner.fast.onednn import PackedConvolution
from fad_core.runner.fast.rewrite import put_kernels
from fad_core.runner.fast.sequence_layers import LstmLayers, SelectColumns, SequenceConvolution
from fad_core.runner.fast.spectral import Layer, SpectralConvolutions
from fad_core.runner.fast.spectral_kernels import BLOCK
from fad_core.runner.fast.winograd import WinogradConvolution
from fad_core.runner.pt2 import load_network

VALUES = (np.nan, np.inf, -np.inf)
POOLS = {
    "": lambda x: x,
    "mean": lambda x: functional.avg_pool2d(x, 2),
    "max": lambda x: functional.max_pool2d(x, 2),
}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Case(NamedTuple):
    """A kernel, what PyTorch does in its place, and arguments of both."""

    kernel: Callable[..., object]
    plain: Callable[..., object]
    given: tuple[torch.Tensor, ...]


def image_case(kernel: nn.Module, weight: torch.Tensor, relu: bool, pool: str) -> Case:
    def plain(x: torch.Tensor) -> torch.Tensor:
        made = functional.conv2d(x, weight, noise(len(weight), seed=1), padding=1)
        return POOLS[pool](torch.relu(made) if relu else made)

    return Case(kernel, plain, (noise(2, weight.shape[1], 10, 9, seed=2),))


def packed(relu: bool, pool: str) -> Case:
    weight = noise(16, 3, 3, 3)
    kernel = PackedConvolution(weight, noise(16, seed=1), [1, 1], [1, 1], relu, pool)
    return image_case(kernel, weight, relu, pool)


def winograd(side: int, relu: bool, pool: str) -> Case:
    # More channels than a slice of the transforms.
    weight = noise(272, 8, 3, 3)
    kernel = WinogradConvolution(weight, noise(272, seed=1), side=side, relu=relu, pool=pool)
    return image_case(kernel, weight, relu, pool)


def linear(behind: str, function: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    # Outputs that do not fill panels, and more inputs than go through at a time.
    weight, bias = noise(40, 300), noise(40, seed=1)
    return Case(
        Linear(weight, bias, behind),
        lambda x: function(functional.linear(x, weight, bias)),
        (noise(7, 300, seed=2),),
    )


def sequence(elu: bool, normed: bool, onto: bool) -> Case:
    weight, bias, gain, offset = noise(16, 5, 4), noise(16, seed=1), noise(16, seed=2), noise(16, seed=3)
    kernel = SequenceConvolution(weight, None if onto else bias, 2, elu=elu)
    if normed:
        kernel.append_norm(gain, offset, 1e-5)

    def plain(before: torch.Tensor, x: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
        given = torch.cat([before, x], -1)
        made = functional.conv1d(functional.elu(given) if elu else given, weight, None if onto else bias, 2)
        made = made + old if onto else made
        return functional.group_norm(made, 1, gain, offset) if normed else made

    def fast(before: torch.Tensor, x: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
        return kernel([before, x], old.clone() if onto else None)

    return Case(fast, plain, (noise(2, 5, 3, seed=4), noise(2, 5, 37, seed=5), noise(2, 16, 19, seed=6)))


def spectral(stride: int) -> Case:
    weight, bias = noise(BLOCK, BLOCK, 9), noise(BLOCK, seed=1)
    return Case(
        SpectralConvolutions([Layer(weight, bias, stride, 4, 0.1)]),
        lambda x: functional.leaky_relu(functional.conv1d(x, weight, bias, stride, 4), 0.1),
        (noise(2, BLOCK, 50, seed=2),),
    )


def lstm() -> Case:
    torch.manual_seed(0)
    module = nn.LSTM(16, 16, 2).requires_grad_(False)

    def plain(x: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, states = module(x, (hidden, cell))
        return output, *states

    return Case(
        LstmLayers(list(module.parameters())), plain, (noise(5, 2, 16), noise(2, 2, 16), noise(2, 2, 16))
    )


def columns() -> Case:
    places = torch.tensor([0, 3, 5])
    return Case(
        lambda first, second: SelectColumns()([first, second], places),
        lambda first, second: torch.cat([first, second], -1).index_select(-1, places),
        (noise(1, 4, 4), noise(1, 4, 4, seed=1)),
    )


def identity(x: torch.Tensor) -> torch.Tensor:
    return x


CASES: dict[str, Callable[[], Case]] = {
    **{f"packed relu={r} {p}": (lambda r=r, p=p: packed(r, p)) for r in (False, True) for p in POOLS},
    **{
        f"winograd {side} relu={r} {p}": (lambda s=side, r=r, p=p: winograd(s, r, p))
        for side in (2, 4)
        for r in (False, True)
        for p in POOLS
    },
    "linear": lambda: linear("none", identity),
    "linear relu": lambda: linear("relu", torch.relu),
    "linear gelu": lambda: linear("gelu", functional.gelu),
    **{
        f"sequence elu={a} norm={n} onto={o}": (lambda a=a, n=n, o=o: sequence(a, n, o))
        for a in (False, True)
        for n, o in ((False, False), (True, False), (False, True))
    },
    "spectral": lambda: spectral(1),
    "spectral, stride 2": lambda: spectral(2),
    "lstm": lstm,
    "columns": columns,
}


def results(made: object) -> Sequence[torch.Tensor]:
    return [made] if isinstance(made, torch.Tensor) else list(made)  # type: ignore[call-overload]


def spoiled(given: Sequence[torch.Tensor], value: float) -> Iterator[list[torch.Tensor]]:
    """The arguments with a value at the first, the last and some places between of each."""
    for argument, tensor in enumerate(given):
        for place in np.linspace(0, tensor.numel() - 1, 6).astype(int):
            made = [each.clone() for each in given]
            made[argument].view(-1)[place] = value
            yield made


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_no_finite_value_where_pytorch_gives_none(name: str, value: float):
    case = CASES[name]()
    # A tile's transforms spread infinity over it, as NaN; NaN they keep to the outputs that read it.
    exact = not name.startswith(("winograd", "spectral"))
    seen = 0
    with torch.inference_mode():
        for given in spoiled(case.given, value):
            pairs = zip(results(case.kernel(*given)), results(case.plain(*given)), strict=True)
            for found, expected in pairs:
                lost = expected.isfinite() < found.isfinite()
                assert not lost.any(), f"{lost.sum()} values are finite and must not be"
                if exact:
                    assert torch.equal(found.isfinite(), expected.isfinite())
                seen += int((~expected.isfinite()).sum())
    assert seen or np.isinf(value)


@pytest.mark.parametrize("side", [2, 4])
def test_a_neighbour_is_not_spoiled(side: int):
    """Of images that go through together, the others keep their bits."""
    kernel = WinogradConvolution(noise(16, 8, 3, 3), noise(16), side=side, relu=True, pool="max")
    clean, spoilt = noise(2, 8, 9, 9), torch.full((1, 8, 9, 9), np.nan)
    before, after = (
        kernel.forward_many([(clean,), (clean,)])[0],
        kernel.forward_many([(spoilt,), (clean,)])[1],
    )
    assert torch.equal(before, after) and kernel(spoilt).isnan().all()


def shortest(model_id: str) -> tuple[torch.Tensor, ...]:
    model = get_model(model_id)
    return model.example_input(1, max(model.minimum_samples, 2000))


@pytest.mark.parametrize("model_id", ["vggish", "pann-16k", "encodec-24k", "clap-630k-audioset"])
def test_nan_before_any_kernel_reaches_the_embedding(seeded_export: Callable[[str], Path], model_id: str):
    """One NaN in the first argument of a kernel, for each in turn; of CLAP's 66, each fourth.

    Blocks of CLAP have five kernels each, so all kinds are among these. EnCodec's state counts as well.
    """
    network = put_kernels(load_network(seeded_export(model_id)))
    kernels = [module for name, module in network.named_modules() if name.startswith("kernel_")]
    given = shortest(model_id)

    def spoil(kernel: nn.Module, arguments: tuple[object, ...]) -> tuple[object, ...]:
        first, *others = arguments
        pieces = [first] if isinstance(first, torch.Tensor) else list(first)  # type: ignore[call-overload]
        # Of a streaming convolution the piece before is empty where nothing comes before.
        place = max(range(len(pieces)), key=lambda piece: pieces[piece].numel())
        piece = pieces[place].clone(memory_format=torch.contiguous_format)
        flat = piece.view(-1)
        # Few of the columns are kept for the next block: all are spoiled.
        flat[... if isinstance(kernel, SelectColumns) else len(flat) // 2] = np.nan
        pieces[place] = piece
        return (piece if isinstance(first, torch.Tensor) else pieces, *others)

    def finite() -> bool:
        return all(bool(made.isfinite().all()) for made in results(network(*given)))

    with torch.inference_mode():
        assert finite()
        for kernel in kernels[:: max(len(kernels) // 16, 1)]:
            hook = kernel.register_forward_pre_hook(spoil)
            assert not finite(), kernel
            hook.remove()
    assert len(kernels) > 8


@pytest.mark.parametrize("level", [1e16, 1e21, 3e38])
@pytest.mark.parametrize("model_id", ["pann-16k", "encodec-24k"])
def test_sound_that_overflows_the_network_is_refused_by_name(
    seeded_export: Callable[[str], Path], tmp_path: Path, model_id: str, level: float
):
    """Finite in its file; its spectrum, or the squares of its samples, overflow float32."""
    exported = ExportedModel(seeded_export(model_id))
    rate = exported.model.sample_rate
    for folder, loudness in (("ok", 0.1), ("loud", level)):
        (tmp_path / folder).mkdir()
        sound = loudness * np.random.default_rng(0).uniform(-1, 1, 2 * rate)
        soundfile.write(tmp_path / folder / "a.wav", sound, rate, subtype="FLOAT")
        soundfile.write(tmp_path / folder / "b.wav", sound[::-1], rate, subtype="FLOAT")
    with pytest.raises(
        AudioError, match=r"a\.wav: has values up to .* overflows float32: scale the sound to ±1"
    ):
        score(tmp_path / "ok", tmp_path / "loud", exported, policy=FilePolicy(max_peak=1e39))


@pytest.mark.parametrize("value", [*VALUES, 2 * LARGEST_FEATURE])
def test_features_are_checked(seeded_export: Callable[[str], Path], value: float):
    exported = ExportedModel(seeded_export("encodec-24k"))
    waveform = np.zeros((1, 400), np.float32)
    assert np.isfinite(exported.embed(waveform)["embedding"]).all()
    waveform[0, 7] = value
    with pytest.raises(AudioError, match="overflows float32"):
        exported.embed(waveform)
