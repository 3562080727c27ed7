"""VGGish beside what the golden comparison shows: windows, layout, quantisation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fad_core.errors import WeightsError
from fad_core.frontends.log_mel import log_mel_spectrogram
from fad_core.models import get_model
from fad_core.models.vggish import MEL, NETWORK_CHECKPOINT
from fad_core.models.vggish.network import VGGish

MODEL = get_model("vggish")
PCA = get_model("vggish-pca")


@pytest.mark.parametrize(
    ("samples", "windows"),
    [(15600, 1), (15601, 1), (30959, 1), (30960, 2), (46319, 2), (46320, 3), (160000, 10)],
)
def test_windows_follow_each_other_and_the_tail_is_dropped(samples: int, windows: int):
    waveform = np.random.default_rng(samples).uniform(-1, 1, (1, samples)).astype(np.float32)
    (patches,) = MODEL.frontend(waveform)
    assert patches.shape == (windows, 1, 96, 64)
    frames = log_mel_spectrogram(waveform[0], MEL)[: 96 * windows].astype(np.float32)
    np.testing.assert_array_equal(patches.reshape(-1, 64), frames)


def test_an_embedding_depends_only_on_its_own_second():
    """What comes after a window's 15 600 samples leaves it as it is, but for BLAS and its blocks."""
    waveform = np.random.default_rng(0).uniform(-1, 1, (1, 16000 * 3)).astype(np.float32)
    (alone,) = MODEL.frontend(waveform[:, :15600])
    np.testing.assert_allclose(MODEL.frontend(waveform)[0][:1], alone, rtol=1e-6)


def test_windows_start_every_0_96_seconds():
    assert MODEL.start_seconds(4 * 16000).tolist() == pytest.approx([0.0, 0.96, 1.92, 2.88], abs=1e-12)
    assert MODEL.start_seconds(15599).shape == (0,)


def test_the_layout_is_the_official_files():
    layout = NETWORK_CHECKPOINT.layout()
    convolutions = [f"features.{index}" for index in (0, 3, 6, 8, 11, 13)]
    layers = [*convolutions, *(f"embeddings.{index}" for index in (0, 2, 4))]
    assert sorted(layout) == sorted(f"{layer}.{part}" for layer in layers for part in ("weight", "bias"))
    values = sum(int(np.prod(fill.shape)) for fill in layout.values())
    assert NETWORK_CHECKPOINT.size is not None
    assert 0 < NETWORK_CHECKPOINT.size - 4 * values < 10_000, "the rest is the file's table of contents"


def test_a_checkpoint_without_the_pca_is_refused():
    with pytest.raises(WeightsError, match=r"does not fit vggish-pca.*pca_means \[128\]"):
        with torch.device("meta"):
            state = VGGish(pca=False, activation=False).state_dict()
        PCA.build(state)


@pytest.mark.parametrize(
    ("projected", "quantised"),
    [(-9.0, 0), (-2.0, 0), (-1.0, 64), (0.0, 128), (1.0, 191), (2.0, 255), (9.0, 255)],
)
def test_the_quantisation(projected: float, quantised: int):
    """A clip to ±2, 255 steps, halves to the even side: 127.5 becomes 128."""
    assert VGGish._quantise(torch.tensor([projected])).tolist() == [quantised]


@given(arrays(np.float32, 20, elements=st.floats(-3, 3, width=32)))
def test_edges_are_where_the_quantisation_jumps(values: np.ndarray):
    distance = PCA.verification.rounding_distance(values)
    assert np.all((distance >= 0) & (distance <= 0.5 / 63.75 + 1e-12))
    # Half way to the edge nothing happens; a little beyond it, on one side or the other, it jumps.
    before = [VGGish._quantise(torch.from_numpy(values + s * distance / 2)) for s in (-1, 0, 1)]
    after = [VGGish._quantise(torch.from_numpy(values + s * (distance + 1e-6))) for s in (-1, 1)]
    inside = np.abs(values) < 2
    far = inside & (distance > 1e-5)
    assert np.all((before[0] == before[1]).numpy()[far] & (before[2] == before[1]).numpy()[far])
    assert np.all(((after[0] != before[1]) | (after[1] != before[1])).numpy()[inside])


def test_the_variants_differ_in_their_options_alone():
    """The network's output of each, from the output of the plain one."""
    torch.manual_seed(0)
    state = {name: torch.randn(tuple(value.shape)) * 0.02 for name, value in _shapes().items()}
    state["pca_eigen_vectors"] = torch.randn(128, 128)
    features = MODEL.example_input(2, 0)[0]
    plain = _run("vggish", state, features)
    assert (plain < 0).any()
    torch.testing.assert_close(_run("vggish-activation", state, features), plain.relu())
    for model_id, vectors in (("vggish-pca", plain), ("vggish-pca-activation", plain.relu())):
        projected = (vectors - state["pca_means"]) @ state["pca_eigen_vectors"].T
        steps = ((projected.clamp(-2, 2) + 2) * 63.75).round()
        assert (_run(model_id, state, features) - steps).abs().max() <= 1


def _shapes() -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return VGGish(pca=True, activation=False).state_dict()


def _run(model_id: str, state: dict[str, torch.Tensor], features: torch.Tensor) -> torch.Tensor:
    wanted = {name: value for name, value in state.items() if "pca" in model_id or "pca" not in name}
    with torch.inference_mode():
        output: torch.Tensor = get_model(model_id).build(wanted)(features)
    return output
