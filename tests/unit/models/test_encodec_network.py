"""SEANet's layers, held against the same computation written out plainly."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from fad_core.models import get_model
from fad_core.models.encodec.constants import STRIDES
from fad_core.models.encodec.seanet import BlockState, Convolution, reflected_columns
from fad_core.weights import seeded_state

MODELS = {name: get_model(name) for name in ("encodec-24k", "encodec-48k")}


def _reflected(x: torch.Tensor, left: int, right: int) -> torch.Tensor:
    """Reflection as the paper's code states it: a clip that is too short gets zeros first."""
    lacking = max(left, right) + 1 - x.shape[-1]
    extra = max(lacking, 0)
    padded = functional.pad(functional.pad(x, (0, extra)), (left, right), mode="reflect")
    return padded[..., : padded.shape[-1] - extra]


def _convolve(
    state: dict[str, torch.Tensor], name: str, x: torch.Tensor, stride: int = 1, *, causal: bool
) -> torch.Tensor:
    """One convolution with its padding and norms, from tensors by their official names."""
    name = f"{name}.conv"
    if f"{name}.conv.weight_g" in state:
        direction = state[f"{name}.conv.weight_v"]
        weight = direction / direction.norm(dim=(1, 2), keepdim=True) * state[f"{name}.conv.weight_g"]
    else:
        weight = state[f"{name}.conv.weight"]
    total = weight.shape[2] - stride
    extra = -x.shape[-1] % stride
    right = 0 if causal else total // 2
    x = functional.conv1d(
        _reflected(x, total - right, right + extra), weight, state[f"{name}.conv.bias"], stride
    )
    if f"{name}.norm.weight" in state:
        mean, variance = x.mean(dim=(1, 2), keepdim=True), x.var(dim=(1, 2), correction=0, keepdim=True)
        x = (x - mean) / (variance + 1e-5).sqrt()
        x = x * state[f"{name}.norm.weight"][:, None] + state[f"{name}.norm.bias"][:, None]
    return x


def _encode(state: dict[str, torch.Tensor], x: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """The encoder, in float64 and one line a layer."""
    elu = functional.elu
    x = _convolve(state, "encoder.model.0", x, causal=causal)
    for stage, stride in enumerate(STRIDES):
        unit = f"encoder.model.{1 + 3 * stage}"
        hidden = _convolve(state, f"{unit}.block.1", elu(x), causal=causal)
        hidden = _convolve(state, f"{unit}.block.3", elu(hidden), causal=causal)
        x = _convolve(state, f"{unit}.shortcut", x, causal=causal) + hidden
        x = _convolve(state, f"encoder.model.{3 + 3 * stage}", elu(x), stride, causal=causal)
    lstm = torch.nn.LSTM(512, 512, 2).double()
    lstm.load_state_dict({name: state[f"encoder.model.13.lstm.{name}"] for name in lstm.state_dict()})
    sequence = x.permute(2, 0, 1)
    x = (lstm(sequence)[0] + sequence).permute(1, 2, 0)
    return _convolve(state, "encoder.model.15", elu(x), causal=causal)


@pytest.mark.parametrize("name", list(MODELS))
def test_the_encoder_is_the_papers(name: str):
    model = MODELS[name]
    state = seeded_state(model.checkpoints[0])
    network = model.build(state)
    precise = {key: tensor.double() for key, tensor in state.items()}
    with torch.inference_mode():
        for samples in (1, 2, 6, 7, 8, 39, 319, 320, 321, 640, 2240, 2241, 2561, 12_000):
            waveform, *start = model.example_input(1, samples)
            found = network(waveform, *start)[0] if start else network(waveform)
            expected = _encode(precise, waveform.double(), causal=name == "encodec-24k")
            assert found.shape == expected.shape == (1, 128, -(-samples // 320))
            rms = expected.square().mean().sqrt()
            assert (found - expected).abs().max() / rms < 2e-5, samples


@pytest.mark.parametrize(
    ("clip", "reach", "expected"),
    [
        ([1, 2, 3, 4, 5], 2, [3, 2, 4, 3]),
        ([1, 2, 3], 2, [3, 2, 2, 1]),
        # Zeros first, as many as make three columns: 1 2 0, reflected at the 1 and at the 0.
        ([1, 2], 2, [0, 2, 0, 2]),
        ([1], 2, [0, 0, 0, 0]),
    ],
)
def test_a_clip_is_reflected_and_a_short_one_gets_zeros_first(
    clip: list[float], reach: int, expected: list[float]
):
    positions = torch.tensor([*range(-reach, 0), *range(len(clip), len(clip) + reach)])
    assert reflected_columns(torch.tensor([[clip]]) * 1.0, positions, reach).tolist() == [[expected]]


def test_a_causal_convolution_continues_after_a_block():
    torch.manual_seed(0)
    layer = Convolution(3, 2, 10, 5, causal=True, normed=False)
    clip = torch.randn(1, 3, 44)
    start = torch.zeros(1, 1 + layer.carried_size)
    with torch.inference_mode():
        whole = layer(clip, BlockState(start))
        state, parts = start, []
        for block in (clip[..., :10], clip[..., 10:20], clip[..., 20:]):
            state_of_block = BlockState(state)
            parts.append(layer(block, state_of_block))
            state = state_of_block.next_state()
    torch.testing.assert_close(torch.cat(parts, dim=-1), whole)


def test_a_layer_leaves_what_it_is_given_as_it_is():
    """Units work in place on what is their own alone."""
    model = MODELS["encodec-48k"]
    network = model.build(seeded_state(model.checkpoints[0]))
    (waveform,) = model.example_input(2, 700)
    before = waveform.clone()
    with torch.inference_mode():
        network(waveform)
        assert torch.equal(waveform, before)
        x = network.model["0"](waveform)
        before = x.clone()
        network.model["1"](x)
        assert torch.equal(x, before)
