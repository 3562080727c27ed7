"""Make `class_metrics.json` anew: KL and inception scores of the same logits by the packages of papers.

    python tests/golden/make_class_metrics.py --audioldm-eval A --av-benchmark B --stable-audio-metrics S

A, B and S are checkouts of https://github.com/haoheliu/audioldm_eval, .../hkchengrex/av-benchmark and
.../Stability-AI/stable-audio-metrics, none of which is in the package index. Their functions run as they
are, on logits that are drawn here (`logits_of_files`). Only that of stable-audio-metrics takes audio: its
model is replaced by one that gives these logits, window by window, and what it calls of a GPU does nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

FILES, WINDOWS, CLASSES = 57, 3, 527
OUTPUT = Path(__file__).with_name("class_metrics.json")


def logits_of_files(role: str) -> NDArray[np.float32]:
    """Return logits like a tagger's: few classes are likely. float32 `[FILES, WINDOWS, CLASSES]`."""
    sounds = np.random.default_rng(0).normal(-4, 3, (FILES, 1, CLASSES))
    noise = np.random.default_rng(1 if role == "reference" else 2).normal(0, 2, (FILES, WINDOWS, CLASSES))
    return (sounds + noise).astype(np.float32)


def module_of(path: Path, name: str) -> Any:
    """Import a file of a checkout."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of_functions(folder: Path, metrics: str) -> dict[str, Any]:
    """Return what the functions of audioldm_eval or av-benchmark give for the first window of each file."""
    reference, evaluation = (
        torch.from_numpy(logits_of_files(role)[:, 0]) for role in ("reference", "evaluation")
    )
    kl = module_of(folder / metrics / "kl.py", "kl")
    score = module_of(folder / metrics / "isc.py", "isc")
    if hasattr(kl, "compute_kl"):
        divergences = kl.compute_kl([evaluation], reference)
        scores = score.compute_isc({"logits": evaluation}, "logits", 2020, True, 10)
    else:
        names = [f"{number:03}.wav" for number in range(FILES)]
        sets = ({"logits": each, "file_path_": names} for each in (evaluation, reference))
        divergences, _, _ = kl.calculate_kl(*sets, "logits")
        scores = score.calculate_isc({"logits": evaluation}, "logits", 2020, True, 10)
    return {**divergences, **scores}


def of_stable_audio(folder: Path) -> dict[str, float]:
    """Return the KL of stable-audio-metrics for files of 20 s, which have three windows."""
    calls: list[NDArray[np.float32]] = []

    class Model:
        def eval(self) -> Model:
            return self

        def cuda(self) -> Model:
            return self

        def __call__(self, _audio: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(calls.pop(0))[None]

    base = ModuleType("hear21passt.base")
    base.get_basic_model = lambda mode: Model()  # type: ignore[attr-defined]  # noqa: ARG005
    sys.modules |= {"hear21passt": ModuleType("hear21passt"), "hear21passt.base": base}
    torch.Tensor.cuda = lambda self: self  # type: ignore[method-assign,assignment,misc]
    package = module_of(folder.resolve() / "src/passt_kld.py", "passt_kld")
    found = {}
    ids = [f"{number:03}" for number in range(FILES)]
    # In a folder of its own, for it writes a cache into the current one.
    with tempfile.TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        for role in ("reference", "evaluation"):
            (Path(temporary) / role).mkdir()
            for name in ids:
                soundfile.write(f"{temporary}/{role}/{name}.wav", np.full(20 * 32000, 0.1), 32000)
        for collect in ("mean", "max"):
            calls[:] = [*logits_of_files("reference").reshape(-1, CLASSES)]
            calls += [*logits_of_files("evaluation").reshape(-1, CLASSES)]
            sets = {"eval_path": f"{temporary}/evaluation", "ref_path": f"{temporary}/reference"}
            found[f"kl_{collect}"] = float(package.passt_kld(ids, **sets, collect=collect))
            assert not calls
    return found


def main() -> None:
    """Run the functions of the three packages, and write their values."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for package in ("audioldm-eval", "av-benchmark", "stable-audio-metrics"):
        parser.add_argument(f"--{package}", type=Path, required=True, help=f"checkout of {package}")
    options = parser.parse_args()
    values = {
        "audioldm_eval": of_functions(options.audioldm_eval, "audioldm_eval/metrics"),
        "av-benchmark": of_functions(options.av_benchmark, "av_bench/metrics"),
        "stable-audio-metrics": of_stable_audio(options.stable_audio_metrics),
    }
    folders = (options.audioldm_eval, options.av_benchmark, options.stable_audio_metrics)
    for package, folder in zip(values, folders, strict=True):
        commit = subprocess.run(
            ["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        )
        values[package]["commit"] = commit.stdout.strip()
    OUTPUT.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
