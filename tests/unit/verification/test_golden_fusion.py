"""What is stored of CLAP's fusion models: a transform that rounds otherwise passes, another frontend not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fad_study.reference.cases import golden_set

from fad_core.embedding.embed import prepare_waveform
from fad_core.frontends import network
from fad_core.models import clap
from fad_core.models.clap import fusion as clap_fusion
from fad_core.runner.exported import ExportedModel
from fad_core.verification.clips import clips
from fad_core.verification.golden import GoldenLevel

ID = "clap-630k-audioset-fusion"
transform = torch.stft


@pytest.fixture(scope="module")
def exported(seeded_export: Callable[[str], Path]) -> ExportedModel:
    # Clip by clip: a failure is seen in the first one.
    return ExportedModel(seeded_export(ID), batch_size=1)


@pytest.fixture(autouse=True)
def made_anew():
    clap._fusion_mel.cache_clear()
    yield
    clap._fusion_mel.cache_clear()


def exactly(
    samples: torch.Tensor, length: int, hop: int, window: torch.Tensor, **options: Any
) -> torch.Tensor:
    """The transform in float64: half as far from a library's float32 as another library's may be."""
    return transform(samples.double(), length, hop, window=window.double(), **options).to(torch.complex64)


def test_a_transform_that_rounds_otherwise_passes(exported: ExportedModel, monkeypatch):
    monkeypatch.setattr(torch, "stft", exactly)
    rows = list(GoldenLevel(exported.model).compare(exported))
    assert [row for row in rows if row.verdict != "passed"] == []
    features = [row for row in rows if row.quantity == "frontend"]
    assert max(row.max_relative_difference for row in features) > 1e-7, "nothing was rounded otherwise"
    assert [row.quantity for row in rows].count("fad") == 1


def test_rounding_affects_embeddings_where_bands_are_empty(exported: ExportedModel, monkeypatch):
    """Why those clips are not among the stored ones."""
    model, clip = exported.model, clips()["square"]
    assert "square" not in {name for name, _ in golden_set(model)}
    waveform = prepare_waveform(clip.waveform, clip.sample_rate, exported.use)
    found = model.frontend(waveform)[0]
    monkeypatch.setattr(torch, "stft", exactly)
    assert np.abs(found - model.frontend(waveform)[0]).max() > 0.5  # decibels


def test_whole_files_and_long_ones_are_stored(exported: ExportedModel):
    seconds = {
        name: case.clip.samples.shape[1] / case.clip.sample_rate for name, case in golden_set(exported.model)
    }
    assert len([name for name in seconds if seconds[name] > 10]) == 3
    assert len([name for name in seconds if seconds[name] < 10]) == 6


def louder(
    mel: clap_fusion.FusionMel, samples: np.ndarray, right=clap_fusion.FusionMel.__call__
) -> torch.Tensor:
    return right(mel, samples * np.float32(1 + 1e-5))


def without_antialiasing(mel: torch.Tensor, frames: int) -> torch.Tensor:
    size = (frames, mel.shape[1])
    return torch.nn.functional.interpolate(mel[None, None], size, mode="bilinear")[0, 0]


MUTATIONS = {
    "louder by 1e-5": (clap_fusion.FusionMel, "__call__", louder),
    "no antialiasing": (clap_fusion, "shrink", without_antialiasing),
    "symmetric window": (torch, "hann_window", partial(torch.hann_window, periodic=False)),
    "mel scale": (clap_fusion, "_HTK_BREAK_HZ", 700.05),
    "highest edge": (clap, "MEL", replace(clap.MEL, upper_hz=14000.5)),
    "floor": (network, "_LEAST_POWER", 1.5e-10),
    "lowest edge": (clap, "MEL", replace(clap.MEL, lower_hz=50.01)),
}


@pytest.mark.parametrize("change", MUTATIONS.values(), ids=MUTATIONS)
def test_another_frontend_fails(change: tuple[Any, str, Any], exported: ExportedModel, monkeypatch):
    assert all(row.verdict == "passed" for row in islice(GoldenLevel(exported.model).compare(exported), 3))
    clap._fusion_mel.cache_clear()
    monkeypatch.setattr(*change)
    assert any(row.verdict == "failed" for row in GoldenLevel(exported.model).compare(exported))
