#!/usr/bin/env python3
"""Compare embeddings with `compatibility: fadtk` with those of unmodified fadtk, on seeded checkpoints.

    python tests/live_fadtk/compare.py REFERENCE_PYTHON [MODEL ...]

REFERENCE_PYTHON is the interpreter of `make reference-env`. The exit status is 1 if a difference is larger
than it should be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from fad_study.steps.reference import write_checkpoints

from fad_core import FrechetAudioDistance
from fad_core.api.scoring import embed_sets
from fad_core.datasets.policy import FilePolicy
from fad_core.models import get_model
from fad_core.models.fadtk_conventions import FADTK_NAMES
from fad_core.weights import fetch_weights, locate_weights

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

LENGTHS = {
    (16000, 1): 1.3,
    (22050, 1): 2.0,
    (24000, 2): 0.7,
    (44100, 2): 2.35,
    (48000, 1): 3.0,
    (96000, 2): 1.1,
}
"""Seconds of the clips, by sample rate and channels."""

RESAMPLED = 2.5e-3
"""Largest difference of resampled sounds, as a share of the root mean square of fadtk's embeddings; 1.9e-3
was seen (EnCodec 48 kHz). One sample in 400 has another last bit: torchaudio adds up its filter in
float32."""


def main() -> int:
    """Compare all models, or those named; print a line for each."""
    interpreter, *names = sys.argv[1:]
    failed = False
    for name in names or FADTK_NAMES:
        with tempfile.TemporaryDirectory() as folder:
            same, resampled, equal = differences(name, Path(folder), interpreter)
        failed |= not (same <= get_model(name).tolerance and resampled <= RESAMPLED)
        print(
            f"{name}: from the same 16-bit sound, {same:.1e} of the RMS beyond one unit in the last place of "
            f"float16; of resampled sounds, up to {resampled:.1e} apart, {100 * equal:.1f} % of values equal"
        )
    return int(failed)


def differences(name: str, folder: Path, interpreter: str) -> tuple[float, float, float]:
    """Return the largest differences, as a share of the RMS, and the share of values that are equal.

    The first difference is of sounds that need neither resampling nor rounding, and is what exceeds one unit
    in the last place of float16; the second one is of the others.
    """
    clips, checkpoints, output = folder / "clips", folder / "ckpt", folder / "original.npz"
    clips.mkdir()
    facts = {"seed": 0, "loading": "file", "group": ""}
    rng = np.random.default_rng(0)
    for (rate, channels), seconds in LENGTHS.items():
        time = np.arange(round(seconds * rate)) / rate
        tones = sum(np.sin(2 * np.pi * f * time + f) for f in rng.uniform(80, 0.4 * rate, 20))
        sound = 0.02 * tones[:, None] + rng.normal(0, 0.03, (len(time), channels))
        soundfile.write(clips / f"{rate}.wav", sound, rate, subtype="FLOAT")
    model = get_model(name)
    own = rng.normal(0, 0.1, round(2.3 * model.sample_rate))
    soundfile.write(clips / "own.wav", own, model.sample_rate, subtype="PCM_16")
    (clips / "clips.json").write_text(json.dumps({path.stem: facts for path in clips.glob("*.wav")}))
    write_checkpoints(fetch_weights(locate_weights(model, "seeded", None), None), checkpoints)
    command = [interpreter, "-I", str(SCRIPTS / "original_embeddings.py"), "--model", name]
    paths = {
        "adapter": Path(__file__).with_name("adapter.py"),
        "ckpt-dir": checkpoints,
        "clips": clips,
        "output": output,
    }
    command += [text for key, path in paths.items() for text in (f"--{key}", str(path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: fadtk fails:\n{done.stderr[-3000:]}")
    theirs = np.load(output)
    frechet = FrechetAudioDistance(model_name=name, weights="seeded", compatibility="fadtk", progress=False)
    sources = {"clips": [str(path) for path in sorted(clips.glob("*.wav"))]}
    policy = FilePolicy(on_short_file="pad")
    found = embed_sets(sources, frechet.model, policy=policy, keep=True, to_compare=False)["clips"]
    same, resampled, equal = 0.0, 0.0, []
    for each in found.embeddings or ():
        expected = theirs[f"embeddings/{Path(each.file).stem}"].astype(np.float64)
        ours = each.vectors[model.main_output].astype(np.float64)
        if ours.shape != expected.shape:
            raise SystemExit(f"{name}: {each.file} has {ours.shape} here and {expected.shape} in fadtk")
        scale = np.sqrt(np.mean(expected**2))
        apart = np.abs(ours - expected)
        if Path(each.file).stem == "own":
            same = max(same, float((apart - np.spacing(np.abs(expected).astype(np.float16))).max() / scale))
        else:
            resampled = max(resampled, float(apart.max() / scale))
            equal.append(float(np.mean(ours == expected)))
    return same, resampled, float(np.mean(equal))


if __name__ == "__main__":
    sys.exit(main())
