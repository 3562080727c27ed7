"""A model outside the package, as somebody else would write it: see docs/development/new-model.md."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fad_study.reference.cases import golden_set
from tiny_pt2 import TinyModel, tiny_model

from fad_core.embedding.embed import prepare_waveform
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models.base import EmbeddingModel
from fad_core.models.use import ModelUse
from fad_core.runner.blocks import run_files
from fad_core.verification.clips import EVALUATION_GROUP, REFERENCE_GROUP
from fad_core.verification.golden import embedding_excerpt, feature_excerpt
from fad_core.weights import load_state, locate_weights


def outside_model(golden: Path | None = None) -> TinyModel:
    """The tiny model under another name."""
    tiny = tiny_model()
    return replace(tiny, name="outside", verification=replace(tiny.verification, golden=golden))


def write_golden(path: Path, model: EmbeddingModel | None = None) -> Path:
    """Write what an original package would give, if it did just what the model does."""
    model = model or outside_model()
    id_ = model.name
    weights = locate_weights(model, "seeded")
    network = model.build(load_state(weights))
    entries: dict[str, Any] = {}
    counts, shapes, found = {}, {}, {}
    for name, case in golden_set(model):
        waveform = prepare_waveform(case.clip.waveform, case.clip.sample_rate, ModelUse(model))
        features = model.frontend(waveform)
        found[name] = model.pool(run_files(network, model, [features])[0])["embedding"]
        counts[name], shapes[name] = len(found[name]), [array.shape for array in features]
        entries[f"embeddings/{id_}/{name}"] = embedding_excerpt(found[name])
        entries[f"features/{id_}/{name}/0"] = feature_excerpt(features[0])
    groups = (REFERENCE_GROUP, EVALUATION_GROUP)
    sets = [np.concatenate([found[name] for name in group if name in found]) for group in groups]
    facts = {
        "counts": {id_: counts},
        "feature_shapes": {id_: shapes},
        "exact_distances": {id_: frechet_distance(*map(Statistics.from_embeddings, sets)).value},
        "weights_sha256": {file.checkpoint.filename: file.sha256 for file in weights.files},
        "features_of": {id_: id_},
        "distances": {},
        "distance_of_matrices": 0.0,
        "flat": [],
        "clip_sha256": {},
        "versions": {},
    }
    np.savez(path, meta=np.array(json.dumps(facts)), **entries)
    return path
