"""The registry and what every model promises, whatever its family."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from fake_models import MAIN, fake_model

from fad_core.errors import ModelError, WeightsError
from fad_core.models import canonical_id, definition_of, get_model, model_ids
from fad_core.models.base import load_tensors


@pytest.mark.parametrize("model_id", model_ids())
def test_every_id_is_a_model_that_knows_itself(model_id: str):
    model = get_model(model_id)
    assert model.name == model_id
    *own, base, network = definition_of(model)[0]
    assert own[0].startswith(f"fad_core.models.{model.family}")
    assert (base, network) == ("fad_core.models.base", "fad_core.models.network_model")
    assert [canonical_id(name) for name in model.aliases] == [model_id] * len(model.aliases)
    assert re.fullmatch("[a-z0-9-]+", model_id), "the workflow's paths are made of ids"
    assert model.checkpoints
    assert 0 < model.tolerance < 1e-3
    for checkpoint in model.checkpoints:
        assert re.fullmatch("[0-9a-f]{64}", checkpoint.seeded_sha256)
        fills = checkpoint.layout().values()
        sizes = [math.prod(fill.shape) * np.dtype(fill.dtype).itemsize for fill in fills]
        assert checkpoint.tensor_bytes == sum(sizes)


def test_weights_whose_size_is_not_stated_are_measured_by_their_layout():
    assert fake_model(MAIN).weights_bytes == 4 * (4 * 3 * 3 + 4 + 4) + 8


@pytest.mark.parametrize("model_id", model_ids())
def test_the_shortest_waveform_gives_embeddings_and_a_shorter_one_none(model_id: str):
    model = get_model(model_id)
    shortest = np.zeros((model.channels, model.minimum_samples), dtype=np.float32)
    features = model.frontend(shortest)
    assert features[0].dtype == np.float32
    block = next(model.blocks(features))
    start = model.initial_state()
    given = model.example_input(1, model.minimum_samples)
    assert len(block) + (start is not None) == len(given)
    assert model.vector_count(model.minimum_samples) == len(model.start_seconds(model.minimum_samples)) >= 1
    if model.minimum_samples == 1:
        return
    with pytest.raises(ValueError, match=rf"{model_id} needs {model.minimum_samples}"):
        model.frontend(shortest[:, 1:])


@pytest.mark.parametrize("model_id", model_ids())
@pytest.mark.parametrize("batch", [1, 5])
def test_example_inputs_repeat_and_vary(model_id: str, batch: int):
    model = get_model(model_id)
    samples = max(16000, model.minimum_samples)
    example, *_ = given = model.example_input(batch, samples)
    again = model.example_input(batch, samples)
    assert all(torch.equal(first, second) for first, second in zip(given, again, strict=True))
    assert len(example) == batch == len({row.numpy().tobytes() for row in example})
    assert example.dtype == torch.float32
    assert torch.isfinite(example).all()


def test_an_unknown_id_is_answered_with_the_known_ones():
    with pytest.raises(
        ModelError, match=r"no model 'vgish'\. Did you mean 'vggish'\? Models: .*, vggish, .*"
    ):
        get_model("vgish")
    with pytest.raises(ModelError, match=r"no model 'xyz'\. Models: "):
        get_model("xyz")
    assert canonical_id("xyz") == "xyz"


def test_a_model_is_found_without_the_other_families():
    code = (
        "import sys; from fad_core.models import get_model; print(get_model('pann-16k').name, *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("fad_core.models.")}
    assert "fad_core.models.pann" in loaded
    assert not loaded & {f"fad_core.models.{family}" for family in ("vggish", "encodec", "clap")}


def test_what_a_study_asks_of_the_models_needs_no_torch():
    code = """
import sys
import fad_core
from fad_core.models import get_model, model_ids
from fad_core.models.options import Options
from fad_core.models.use import ModelUse
from fad_study.study import interpret_config
from fad_core.weights import locate_weights

entries = [
    {"id": id, "crop": Options().crop, "hop_seconds": Options().hop_seconds} for id in model_ids()
]
study = interpret_config(
    {
        "study": "all",
        "datasets": {name: {"path": name, "shards": 1} for name in "ab"},
        "pairs": "all",
        "ranking": False,
        "models": entries,
        "weights": "seeded",
        "metrics": ["fad"],
        "compatibility": "none",
        "memory_gb": 4,
        "device": "cpu",
        "runner": "fast",
        "seed": 0,
    }
)
for entry in study.models.values():
    use = ModelUse(get_model(entry.id), entry.options)
    second = max(use.model.sample_rate, use.model.minimum_samples)
    use.vector_count(second), use.start_seconds(second), use.memory_bytes(second), use.text
    locate_weights(use.model, entry.weights).key
print(len(study.models), {"torch", "scipy"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(model_ids())} set()\n"


def test_loaded_tensors_are_for_use_and_not_for_training():
    state = {"weight": torch.ones(2, 3, dtype=torch.float64), "bias": torch.zeros(2)}
    module = load_tensors(torch.nn.Linear(3, 2), state, "tiny")
    assert not module.training
    assert module(torch.ones(1, 3)).tolist() == [[3.0, 3.0]]
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert module.get_parameter("weight").dtype == torch.float32


@pytest.mark.parametrize(
    ("state", "named"),
    [
        ({"weight": torch.ones(2, 3)}, r"bias \[2\]"),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(2), "more": torch.ones(1)}, r"more \[1\]"),
        ({"weight": torch.ones(3, 2), "bias": torch.ones(2)}, r"weight \[2, 3\], weight \[3, 2\]"),
    ],
)
def test_tensors_that_do_not_fit_are_named(state: dict[str, torch.Tensor], named: str):
    with pytest.raises(WeightsError, match=f"does not fit tiny; tensors that differ: {named}$"):
        load_tensors(torch.nn.Linear(3, 2), state, "tiny")


def test_a_model_without_quantisation_has_no_edges():
    values = np.zeros((2, 3), dtype=np.float32)
    assert np.all(fake_model(MAIN).verification.rounding_distance(values) == np.inf)
