"""Verification sees a slight change of any weight and of any constant of the frontend.

Measured on the golden clips, tolerance 1e-5 of the RMS: the smallest power of ten that is still seen.

====================================  ============  ================
change                                unquantised   quantised (PCA)
====================================  ============  ================
any weight matrix or kernel × (1+e)   1e-5          1e-4
any bias × (1+e)                      1e-4 … 1e-3   1e-3
PCA vectors, PCA means × (1+e)        —             1e-4
lowest edge, 125 Hz                   + 0.001 Hz    + 0.1 Hz
highest edge, 7500 Hz                 + 0.01 Hz     + 1 Hz
offset of the logarithm, 0.01         + 1e-7        + 1e-5
break of the mel scale, 700 Hz        + 0.01 Hz     + 0.01 Hz
window × (1+e)                        1e-5          (not 1e-5)
====================================  ============  ================

The factor 1127 of the mel scale cancels (`test_log_mel.py`). A mutation may also end in an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import resampy
import scipy.fft
import torch

from fad_core.embedding import embed as embedding
from fad_core.frontends import filterbanks, log_mel
from fad_core.frontends.settings import LogMelSettings
from fad_core.models import get_model, vggish
from fad_core.runner.backend import Backend
from fad_core.runner.exported import ExportedModel
from fad_core.verification.check import Check
from fad_core.verification.eager import EagerLevel
from fad_core.verification.golden import GoldenLevel
from fad_core.weights import load_state, locate_weights

SLIGHTLY = 1 + 1e-3
TENSORS = sorted(vggish.NETWORK_CHECKPOINT.layout())
PCA_TENSORS = sorted(vggish.PCA_CHECKPOINT.layout())


@pytest.fixture(scope="module")
def loaded(seeded_export: Callable[[str], Path]) -> Callable[[str], ExportedModel]:
    """A `.pt2` in memory by its id, and the weights it should have as an eager network."""
    models: dict[str, ExportedModel] = {}

    def load(model_id: str) -> ExportedModel:
        if model_id not in models:
            # Four windows at once: what fails does so in the first clip.
            backend = Backend("plain")
            models[model_id] = ExportedModel(seeded_export(model_id), backend=backend, batch_size=4)
        return models[model_id]

    return load


@pytest.fixture(scope="module")
def eager() -> Callable[[str], EagerLevel]:
    """The networks that the weights are of."""

    @cache
    def level(model_id: str) -> EagerLevel:
        model = get_model(model_id)
        return EagerLevel(model, locate_weights(model, "seeded"))

    return level


@contextmanager
def changed(exported: ExportedModel, name: str, factor: float) -> Iterator[None]:
    """Another weight in the loaded program."""
    tensor = exported._load()._network.state_dict()[name]
    before = tensor.clone()
    tensor.mul_(factor)
    assert not torch.equal(tensor, before)
    try:
        yield
    finally:
        tensor.copy_(before)


def golden_checks(exported: ExportedModel) -> Iterator[Check]:
    return GoldenLevel(exported.model).compare(exported)


def fails(rows: Iterator) -> bool:
    """Whether one comparison fails; none is made after it."""
    try:
        return any(row.verdict == "failed" for row in rows)
    except (AssertionError, RuntimeError, ValueError):  # features of another shape
        return True


def test_what_is_not_changed_passes(loaded, eager):
    """So that a failure below is the mutation's."""
    for model_id in ("vggish", "vggish-pca"):
        with changed(loaded(model_id), "embeddings.4.weight", SLIGHTLY):
            pass
        assert not fails(islice(golden_checks(loaded(model_id)), 3))
        assert not fails(islice(eager(model_id).compare(loaded(model_id)), 3))


def test_all_tensors_are_tried(loaded):
    assert set(loaded("vggish")._load()._network.state_dict()) == set(TENSORS)
    assert set(loaded("vggish-pca")._load()._network.state_dict()) == {*TENSORS, *PCA_TENSORS}


MUTANTS = [("vggish", name) for name in TENSORS]
MUTANTS += [("vggish-pca", name) for name in (*PCA_TENSORS, "features.0.bias", "embeddings.4.bias")]


@pytest.mark.parametrize(("model_id", "name"), MUTANTS)
def test_a_changed_weight_fails_both_levels(model_id: str, name: str, loaded, eager):
    with changed(loaded(model_id), name, SLIGHTLY):
        assert fails(golden_checks(loaded(model_id)))
        assert fails(eager(model_id).compare(loaded(model_id)))


# Sizes near the limits that the table above gives for the unquantised model.
CONSTANTS = [
    {"window_length": 399},
    {"window_length": 401},
    {"hop_length": 159},
    {"hop_length": 161},
    {"fft_length": 514},
    {"fft_length": 1024},
    {"bands": 63},
    {"bands": 65},
    {"lower_hz": 125.01},
    {"upper_hz": 7500.05},
    {"log_offset": 0.010001},
    {"sample_rate": 16001},
    {"centred": True},
]


def test_every_constant_is_tried():
    assert {name for change in CONSTANTS for name in change} == set(vars(vggish.MEL))


@pytest.mark.parametrize("model_id", ["vggish", "vggish-pca"])
@pytest.mark.parametrize("change", CONSTANTS, ids=str)
def test_another_constant_of_the_frontend_fails(change, model_id: str, loaded, monkeypatch):
    if model_id == "vggish-pca" and set(change) & {"lower_hz", "upper_hz", "log_offset"}:
        ((name, value),) = change.items()
        right = getattr(vggish.MEL, name)
        change = {name: right + 20 * (value - right)}  # quantised to 8 bits
    monkeypatch.setattr(vggish, "MEL", replace(vggish.MEL, **change))
    assert fails(golden_checks(loaded(model_id)))


@pytest.mark.parametrize("frames", [95, 97])
def test_another_length_of_the_patches_fails(frames: int, loaded, monkeypatch):
    monkeypatch.setattr(vggish, "PATCH_FRAMES", frames)
    assert fails(golden_checks(loaded("vggish")))


def log_mel_in_float32(samples: np.ndarray, settings: LogMelSettings) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(samples, settings.window_length)
    frames = frames[:: settings.hop_length] * log_mel.hann_window(settings.window_length).astype(np.float32)
    magnitudes = np.abs(scipy.fft.rfft(frames, settings.fft_length))
    assert magnitudes.dtype == np.float32
    sums = magnitudes @ log_mel.htk_mel_matrix(settings).astype(np.float32)
    return np.log(sums + np.float32(settings.log_offset))


def with_zero_hertz(settings: LogMelSettings, right=log_mel.htk_mel_matrix) -> np.ndarray:
    weights = right(settings).copy()
    weights[0, 0] = 1e-3
    return weights


FRONTENDS = {
    "mel scale": (filterbanks, "_HTK_BREAK_HZ", 700.05),
    "mel scale of another kind": (filterbanks, "hertz_to_htk_mel", lambda f: np.asarray(f) / 200 * 3),
    "symmetric window": (log_mel, "hann_window", np.hanning),
    "bin at 0 Hz": (log_mel, "htk_mel_matrix", with_zero_hertz),
    "float32": (vggish, "log_mel_spectrogram", log_mel_in_float32),
    "louder by 5e-5": (
        vggish,
        "log_mel_spectrogram",
        lambda x, s: log_mel.log_mel_spectrogram(x * (1 + 5e-5), s),
    ),
}


@pytest.mark.parametrize("place", FRONTENDS.values(), ids=FRONTENDS)
def test_another_computation_in_the_frontend_fails(place, loaded, monkeypatch):
    log_mel.htk_mel_matrix.cache_clear()
    cleared = log_mel.htk_mel_matrix.cache_clear
    monkeypatch.setattr(*place)
    try:
        assert fails(golden_checks(loaded("vggish")))
    finally:
        cleared()


def resampled_by(filter_name: str, waveform: np.ndarray, rate_from: int, rate_to: int) -> np.ndarray:
    if rate_from == rate_to:
        return waveform
    return resampy.resample(waveform, rate_from, rate_to, filter=filter_name)


def one_hertz_off(waveform: np.ndarray, rate_from: int, rate_to: int) -> np.ndarray:
    return resampled_by("kaiser_best", waveform, rate_from, rate_to + (rate_from != rate_to))


LOADING = {
    "another filter": ("resample", partial(resampled_by, "kaiser_fast")),
    "another rate": ("resample", one_hertz_off),
    "first channel": ("to_mono", lambda x: x[:1]),
    "sum of channels": ("to_mono", lambda x: x.sum(axis=0, keepdims=True)),
    "full scale 32767": ("to_mono", lambda x: x.mean(axis=0, keepdims=True) * np.float32(32768 / 32767)),
}


@pytest.mark.parametrize("change", LOADING.values(), ids=LOADING)
def test_another_way_of_loading_fails(change, loaded, monkeypatch):
    monkeypatch.setattr(embedding, *change)
    assert fails(golden_checks(loaded("vggish")))


@pytest.mark.parametrize(
    ("constant", "value"), [("QUANTIZE_STEPS", 254.0), ("QUANTIZE_MIN", -2.01), ("QUANTIZE_MAX", 2.01)]
)
def test_another_quantisation_fails(constant: str, value: float, loaded, monkeypatch):
    """These are in the network: in an eager one, which reads them when it runs, they can be changed."""
    exported = loaded("vggish-pca")
    network = exported.model.build(load_state(locate_weights(exported.model, "seeded")))
    monkeypatch.setattr(exported._load(), "_network", network)
    assert not fails(islice(golden_checks(exported), 1))
    monkeypatch.setattr(vggish, constant, value)
    assert fails(golden_checks(exported))


def test_a_weight_off_by_3e_5_is_seen(loaded):
    """The proof of the unquantised model is nearly as sharp as float32 allows."""
    with changed(loaded("vggish"), "features.0.weight", 1 + 3e-5):
        assert fails(golden_checks(loaded("vggish")))


def test_another_state_fails(loaded, eager, monkeypatch):
    """No clip need be longer than one block, so that golden embeddings may not show it."""
    exported = loaded("encodec-24k")
    network = exported._load()._network

    def with_another_state(*given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        output, state = network(*given)
        return output, state * SLIGHTLY

    monkeypatch.setattr(exported._load(), "_network", with_another_state)
    found = [(row.quantity, row.verdict) for row in islice(eager("encodec-24k").compare(exported), 4)]
    assert found == [("embedding", "passed"), ("state", "failed")] * 2
