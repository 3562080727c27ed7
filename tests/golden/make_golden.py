"""Make `fad_core/models/{family}/golden.npz` anew, with the original package.

    make reference-env
    python tests/golden/make_golden.py --reference-python .venv-reference/bin/python --family pann

Writes the clips and the seeded checkpoints to a temporary folder, has `scripts/original_embeddings.py` embed
them in the reference environment by the adapter of the family, and stores the result. Run twice, it writes
the same bytes. About a minute a model; up to 1 GB of temporary files.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fad_study.reference.cases import golden_set
from fad_study.reference.live import GROUPS, OriginalRun
from fad_study.script_main import run
from fad_study.steps.reference import write_checkpoints, write_clips
from numpy.typing import NDArray

from fad_core.errors import ArgumentError, VerificationError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models import get_model, model_ids
from fad_core.models.base import EmbeddingModel
from fad_core.util.atomic import atomic_path
from fad_core.verification.clips import clips, distance_matrices
from fad_core.verification.golden import embedding_excerpt, feature_excerpt
from fad_core.weights import locate_weights

SCRIPT = Path(__file__).parents[2] / "scripts" / "original_embeddings.py"
MAPPINGS = ("counts", "feature_shapes", "exact_distances", "distances", "weights_sha256")


def main(
    reference_python: Path, family: str, adapter: Path | None = None, output: Path | None = None
) -> None:
    """Embed the clips with the original package and store the result.

    Args:
        reference_python: interpreter of the original's environment, such as that of envs/reference.txt
        family: name of the family, such as pann
        adapter: adapter of the original package; by default scripts/originals/{family}.py
        output: where to write; the file that the models name (VerificationFacts.golden) if not given

    Raises:
        ArgumentError: the family is not known or names no file, or the interpreter or adapter is missing.
        VerificationError: the original or its adapter fails.
    """
    entries: dict[str, NDArray[Any]] = {}
    meta: dict[str, Any] = {name: {} for name in MAPPINGS}
    meta |= {"features_of": {}, "flat": []}
    used: set[str] = set()
    models = models_of(family)
    adapter = adapter or SCRIPT.parent / f"originals/{family}.py"
    if not reference_python.is_file():
        raise ArgumentError(f"there is no interpreter {reference_python}: give that of the original")
    if not adapter.is_file():
        raise ArgumentError(f"there is no adapter {adapter}: write it, or give --adapter")
    path = output or models[0].verification.golden
    if path is None:
        raise ArgumentError(
            f"the models of {family} name no golden file: set VerificationFacts.golden, or give --output"
        )
    for model in models:
        weights = locate_weights(model, "seeded")
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary)
            write_clips(golden_set(model), work / "clips")
            reference, evaluation = distance_matrices()
            np.savez(work / "clips/matrices.npz", reference=reference, evaluation=evaluation)
            write_checkpoints(weights, work / "checkpoints")
            run_original(reference_python, adapter, model.name, work)
            facts = json.loads((work / "clips" / "clips.json").read_text(encoding="utf-8"))
            add_model(entries, meta, model, OriginalRun.load(work / "original.npz"), facts)
        meta["weights_sha256"] |= {file.checkpoint.filename: file.sha256 for file in weights.files}
        used |= facts.keys()
    meta["clip_sha256"] = {name: clip.sha256 for name, clip in clips().items() if name in used}
    entries["meta"] = np.array(json.dumps(meta, sort_keys=True))
    write_npz(entries, path)
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")


def models_of(family: str) -> list[EmbeddingModel]:
    """Return the models of a family.

    Raises:
        ArgumentError: there is no such family; the message lists all.
    """
    models = [get_model(name) for name in model_ids()]
    found = [model for model in models if model.family == family]
    if not found:
        families = dict.fromkeys(model.family for model in models)
        raise ArgumentError(f"there is no family {family!r}; families: {', '.join(families)}")
    return found


def run_original(reference_python: Path, adapter: Path, model_id: str, work: Path) -> None:
    """Run the original on what lies in `work`; it writes `original.npz` there, and its errors to stderr.

    Raises:
        ArgumentError: the interpreter cannot be started.
        VerificationError: the original fails.
    """
    # Not resolved: an environment's python is a link, and finds its packages by the link's place.
    command = [reference_python.absolute(), "-I", SCRIPT, "--clips", work / "clips"]
    command += ["--adapter", adapter, "--model", model_id]
    command += ["--ckpt-dir", work / "checkpoints", "--output", work / "original.npz"]
    try:
        done = subprocess.run([*map(str, command)], check=False)
    except OSError as error:
        raise ArgumentError(f"{reference_python} cannot be started: {error.strerror}") from error
    if done.returncode:
        raise VerificationError(
            f"{adapter} fails for {model_id} (exit status {done.returncode}): its error is above"
        )


def add_model(
    entries: dict[str, NDArray[Any]],
    meta: dict[str, Any],
    model: EmbeddingModel,
    original: OriginalRun,
    facts: Mapping[str, Mapping[str, Any]],
) -> None:
    """Add to the arrays and to what is said of them what is kept of one model's run."""
    name = model.name
    features = {
        f"{clip}/{index}": feature_excerpt(array)
        for clip in facts
        for index, array in enumerate(original.features(clip))
    }
    meta["features_of"][name] = first_with(features, entries, meta["features_of"]) or name
    if meta["features_of"][name] == name:
        entries |= {f"features/{name}/{case}": values for case, values in features.items()}
    meta["feature_shapes"][name] = {
        clip: [array.shape for array in original.features(clip)] for clip in facts
    }
    for clip in facts:
        entries[f"embeddings/{name}/{clip}"] = embedding_excerpt(original.embeddings(clip))
        for output, values in original.others(clip).items():
            entries[f"others/{name}/{clip}/{output}"] = embedding_excerpt(values)
        if model.verification.quantization_step:
            entries[f"before_quantisation/{name}/{clip}"] = original.unrounded(clip)
    meta["counts"][name] = {clip: len(original.embeddings(clip)) for clip in facts}
    meta["flat"] += [f"{name}/{clip}" for clip in original.meta["flat"]]
    sets = [
        [original.embeddings(clip) for clip in facts if facts[clip]["group"] == group] for group in GROUPS
    ]
    statistics = [Statistics.from_embeddings(np.concatenate(vectors)) for vectors in sets]
    meta["exact_distances"][name] = frechet_distance(*statistics).value
    if original.meta["distance"] is not None:
        meta["distances"][name] = original.meta["distance"]
    meta |= {key: original.meta[key] for key in ("distance_of_matrices", "versions")}


def first_with(
    features: Mapping[str, NDArray[Any]], entries: Mapping[str, NDArray[Any]], known: Mapping[str, str]
) -> str | None:
    """The model whose stored features are just these; None if there is none."""
    for other in dict.fromkeys(known.values()):
        stored = {f"features/{other}/{case}" for case in features}
        if stored == {name for name in entries if name.startswith(f"features/{other}/")} and all(
            np.array_equal(entries[f"features/{other}/{case}"], values) for case, values in features.items()
        ):
            return other
    return None


def write_npz(entries: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write arrays as `numpy.savez` does, but sorted, undated and stored: the same bytes each time."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as stream:
                np.lib.format.write_array(stream, entries[name], allow_pickle=False)


run(main, globals())
