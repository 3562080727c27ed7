"""Models beside their original packages, from a file to its embeddings, on the same recordings in turns.

For models whose original computes no score that could be timed as a whole (`benchmarks.programs`).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from fad_study.reference.live import OriginalRun
from fad_study.steps.reference import write_checkpoints

from fad_core.api.model_cache import verified_model
from fad_core.audio import read_audio
from fad_core.datasets import file_sha256
from fad_core.embedding.embed import prepare_waveform
from fad_core.models.base import Arrays
from fad_core.models.crops import crop_number
from fad_core.models.options import Options
from fad_core.runner.exported import ExportedModel
from fad_core.weights import locate_weights

SCRIPTS = Path(__file__).parents[1]


def network_rows(
    models: Sequence[str], files: Sequence[Path], reference_python: str, threads: int, repeats: int
) -> Iterator[dict[str, Any]]:
    """Time models with seeded weights, and compare their embeddings with the original's.

    Args:
        models: ids of the models.
        files: recordings; the first one is not counted, for both packages are slower at first.
        reference_python: interpreter of the original packages; "": only this package is timed.
        threads: number of numeric threads.
        repeats: number of runs, of which the median counts.

    Yields:
        A row for each model: seconds for all files by each package, and the largest difference of an
        embedding, as a share of the root mean square.
    """
    for model_id in models:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            names = _write_clips(files, folder / "clips")
            exported = verified_model(model_id, "seeded")
            write_checkpoints(locate_weights(exported.model, "seeded"), folder / "checkpoints")
            here: list[float] = []
            original: list[float] = []
            difference = None
            for _ in range(repeats):
                if reference_python:
                    run = _original(exported, folder, reference_python, threads)
                    original.append(sum(run.meta["seconds"][name] for name in names[1:]))
                paths = [folder / f"clips/{name}.wav" for name in names]
                _embedded(exported, paths[:1])
                start = time.perf_counter()
                found = _embedded(exported, paths[1:])
                here.append(time.perf_counter() - start)
                if reference_python:
                    pairs = zip(names[1:], found, strict=True)
                    difference = max(_apart(own, run.embeddings(name)) for name, own in pairs)
            yield {
                "model": model_id,
                "files": len(files) - 1,
                "audio_seconds": round(sum(soundfile.info(path).duration for path in files[1:]), 1),
                "original": statistics.median(original) if original else None,
                "here": statistics.median(here),
                "largest_difference": difference,
            }


def _write_clips(files: Sequence[Path], folder: Path) -> list[str]:
    """Write the recordings as `scripts/original_embeddings.py` takes them, and return their names."""
    folder.mkdir()
    facts = {}
    for path in files:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        soundfile.write(folder / f"{path.stem}.wav", samples, rate, subtype="FLOAT")
        key = file_sha256(folder / f"{path.stem}.wav")
        seed = crop_number(Options().seed, key)
        facts[path.stem] = {"key": key, "seed": seed, "group": "", "loading": "file"}
    (folder / "clips.json").write_text(json.dumps(facts), encoding="utf-8")
    return list(facts)


def _original(exported: ExportedModel, folder: Path, python: str, threads: int) -> OriginalRun:
    model, output = exported.model, folder / "original.npz"
    command = [python, "-I", SCRIPTS / "original_embeddings.py", "--model", model.name]
    command += ["--adapter", SCRIPTS / f"originals/{model.family}.py", "--clips", folder / "clips"]
    command += ["--ckpt-dir", folder / "checkpoints", "--output", output]
    environment = os.environ | {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")}
    subprocess.run(list(map(str, command)), env=environment, check=True, capture_output=True)
    return OriginalRun.load(output)


def _embedded(exported: ExportedModel, paths: Sequence[Path]) -> list[np.ndarray]:
    """Return the embeddings of files, which are computed in one stream, as those of a set are."""

    def features() -> Iterator[Arrays]:
        for path in paths:
            prepared = prepare_waveform(*read_audio(path), exported.use)
            yield exported.features(prepared, file_sha256(path))

    embedded = exported.embed_many(features(), exported.lanes)
    return [vectors[exported.model.main_output] for vectors in embedded]


def _apart(found: np.ndarray, expected: np.ndarray) -> float:
    rms = np.sqrt(np.mean(np.square(expected, dtype=np.float64)))
    return float(np.abs(found - expected).max() / rms) if found.shape == expected.shape else float("inf")
