"""CLAP's network, and the layout of the official files."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fad_core.errors import WeightsError
from fad_core.models import clap
from fad_core.models.base import Fill
from fad_core.models.clap import swin
from fad_core.models.clap.constants import TINY
from fad_core.models.clap.htsat import fold, stretch
from fad_core.models.clap.network import ClapAudio
from fad_core.weights.seeded import seeded_state

MODELS = {model.name: model for model in clap.MODELS}
PLAIN, FUSION = MODELS["clap-630k-audioset"], MODELS["clap-630k-audioset-fusion"]
BASE = MODELS["clap-music-audioset"]


@pytest.fixture(scope="module")
def fusion_network() -> torch.nn.Module:
    return FUSION.build(seeded_state(FUSION.checkpoints[0]))


@pytest.fixture(scope="module")
def plain_network() -> torch.nn.Module:
    return PLAIN.build(seeded_state(PLAIN.checkpoints[0]))


# The network.


def test_embeddings_are_unit_vectors_and_do_not_depend_on_the_batch(plain_network: torch.nn.Module):
    (noise,) = PLAIN.example_input(1, 0)
    windows = torch.cat([noise, 0.01 * noise.flip(1), torch.zeros_like(noise)])
    with torch.inference_mode():
        together = plain_network(windows)
        alone = torch.cat([plain_network(window[None]) for window in windows])
    torch.testing.assert_close(together.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)
    assert (together[0] @ together[2]).item() < 0.9, "noise and silence differ"


def test_stretches_count_where_the_file_is_longer(fusion_network: torch.nn.Module):
    mel, _ = FUSION.example_input(1, 0)
    other = torch.cat([mel[:, :1], mel[:, 1:].flip(2)], dim=1)
    with torch.inference_mode():
        shorter = fusion_network(torch.cat([mel, other]), torch.tensor([False, False]))
        longer = fusion_network(torch.cat([mel, other]), torch.tensor([True, True]))
    torch.testing.assert_close(shorter[0], shorter[1], rtol=0, atol=1e-6)
    assert (longer[0] - longer[1]).abs().max() > 1e-4
    assert (longer[0] - shorter[0]).abs().max() > 1e-4


@pytest.mark.slow
def test_an_export_of_two_serves_any_batch(fusion_network: torch.nn.Module):
    program = torch.export.export(
        fusion_network,
        FUSION.example_input(*FUSION.verification.export_case),
        dynamic_shapes=FUSION.dynamic_shapes(),
        strict=False,
        prefer_deferred_runtime_asserts_over_guards=True,
    )
    for batch in (1, 3):
        given = FUSION.example_input(batch, 0)
        with torch.inference_mode():
            torch.testing.assert_close(program.module()(*given), fusion_network(*given), rtol=0, atol=1e-6)


def test_a_spectrogram_is_stretched_and_folded_into_a_square():
    ramp = torch.arange(1001.0)[None, None, :, None].expand(1, 1, 1001, 64)
    stretched = stretch(ramp)
    # From the first frame to the last; PyTorch's cubics swing a little about a straight line.
    torch.testing.assert_close(stretched[0, 0, :, 0], torch.linspace(0, 1000, 1024), rtol=0, atol=0.05)
    assert stretched[0, 0, [0, -1], 0].tolist() == [0.0, 1000.0]
    square = fold(stretched)
    assert square.shape == (1, 1, 256, 256)
    # Row 130 is band 2 of the third stretch.
    torch.testing.assert_close(square[0, 0, 130], stretched[0, 0, 512:768, 2])


def test_windows_are_split_and_joined():
    image = torch.arange(2 * 16 * 16 * 3.0).view(2, 16, 16, 3)
    windows = swin.split_windows(image)
    assert windows.shape == (8, 64, 3)
    torch.testing.assert_close(windows[1], image[0, :8, 8:].reshape(64, 3))
    torch.testing.assert_close(swin.join_windows(windows, 16), image)


def test_tokens_of_opposite_edges_do_not_see_each_other():
    """Rolling puts them into one window; only the mask keeps them apart."""
    torch.manual_seed(0)
    block = swin.SwinBlock(8, 16, heads=2, shift=4).eval()
    tokens = torch.randn(1, 256, 8)
    changed = tokens.clone().view(1, 16, 16, 8)
    changed[:, :4, :4] += 1.0
    with torch.inference_mode():
        moved = (block(changed.view(1, 256, 8)) != block(tokens)).any(dim=-1).view(16, 16)
    assert moved[:4, :4].all()
    assert not moved[4:].any() and not moved[:, 4:].any()


def test_merging_halves_the_sides_and_keeps_neighbours_together():
    merging = swin.PatchMerging(1, 4)
    merging.norm = torch.nn.Identity()  # type: ignore[assignment]
    merging.reduction = torch.nn.Identity()  # type: ignore[assignment]
    # Column by column, as the weights want them.
    assert merging(torch.arange(16.0).view(1, 16, 1))[0, 0].tolist() == [0.0, 4.0, 1.0, 5.0]


def test_relative_positions_say_how_far_tokens_are_apart():
    index = swin.relative_positions()
    assert index.diagonal().unique().tolist() == [7 * 15 + 7]
    # From the first token to the last: seven rows and seven columns back.
    assert (index[0, 63].item(), index[63, 0].item()) == (0, 224)
    assert index[1, 0].item() == 7 * 15 + 8


# The checkpoints.


def _bytes(fill: Fill) -> int:
    return math.prod(fill.shape) * np.dtype(fill.dtype).itemsize


@pytest.mark.parametrize("model", [PLAIN, BASE], ids=lambda model: model.name)
def test_the_layout_accounts_for_the_official_files_size(model: clap.ClapModel):
    """All tensors, and Adam's two moments of those that were trained; the rest is a table of contents."""
    checkpoint = model.checkpoints[0]
    tensors = {**checkpoint.layout(), **checkpoint.unused()}
    assert len(tensors) == len(checkpoint.layout()) + len(checkpoint.unused())
    state = ("running_", "num_batches", "relative_position_index", "attn_mask", "position_ids")
    untrained = ("spectrogram_extractor", "logmel", "tscam_conv", "audio_branch.head", "_transform.")
    trained = [
        fill for name, fill in tensors.items() if not any(part in name for part in (*state, *untrained))
    ]
    size = sum(map(_bytes, tensors.values())) + 2 * sum(map(_bytes, trained))
    assert checkpoint.size is not None
    assert 0 < checkpoint.size - size < 1_000_000


def test_fusion_and_plain_files_are_not_taken_for_each_other():
    with pytest.raises(WeightsError, match=r"does not fit clap-630k.*fusion_model"):
        with torch.device("meta"):
            state = ClapAudio(TINY, fusion=True).state_dict()
        MODELS["clap-630k"].build(state)


def test_all_ids_of_the_family():
    sizes = {name: model.variant["size"] for name, model in MODELS.items()}
    assert sizes == {
        "clap-630k-audioset": "tiny",
        "clap-630k-audioset-fusion": "tiny",
        "clap-630k": "tiny",
        "clap-630k-fusion": "tiny",
        "clap-music-audioset": "base",
        "clap-music-speech": "base",
        "clap-music-speech-audioset": "base",
    }
    assert [name for name, model in MODELS.items() if model.variant["fusion"]] == [
        "clap-630k-audioset-fusion",
        "clap-630k-fusion",
    ]
    assert len({model.checkpoints[0].filename for model in MODELS.values()}) == 7
