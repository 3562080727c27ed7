#!/usr/bin/env python3
"""Compare `CLAPScore` with that of the original package, live, on captioned clips.

    python tests/live_clap_score/compare.py REFERENCE_PYTHON [MODEL...]

The original runs in its own environment with the same seeded checkpoint and vocabulary. It pairs captions
with files in the order of `os.listdir`, so the table is written in that order; ours pairs by the column of
files.
The exit status is 1 if a cosine, the mean or the standard deviation differs by more than 1e-5.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from captions import CAPTIONS
from original import Original

from fad_core import CLAPScore
from fad_core.metrics.clap_score import cosines

CLIPS = 54
TOLERANCE = 1e-5


def write_clips(folder: Path) -> None:
    """Tones in noise, of several lengths up to ten seconds, rates, channels and types."""
    folder.mkdir()
    random = np.random.Generator(np.random.PCG64(5))
    for number in range(CLIPS):
        rate, channels = (48000, 44100, 16000)[number % 3], 1 + number % 2
        seconds = (0.3, 1.0, 2.7, 10.0)[number % 4]
        time = np.arange(int(seconds * rate)) / rate
        tone = 0.3 * np.sin(2 * np.pi * 55 * 2 ** (number / 9) * time)
        sound = tone[:, None] + 0.02 * (1 + number % 5) * random.standard_normal((len(time), channels))
        soundfile.write(
            folder / f"{number * 37 % CLIPS:02}.wav", sound, rate, ("PCM_16", "FLOAT")[number % 2]
        )


def captions_of(count: int) -> list[str]:
    """The special captions that a table can hold, and ordinary ones."""
    special = [caption for caption in CAPTIONS if caption.strip()]
    ordinary = [f"{number} dogs bark in the rain near the piano" for number in range(count - len(special))]
    return special + ordinary


def write_table(path: Path, audio: Path) -> list[str]:
    """Write captions in the order in which the original lists the files."""
    captions = captions_of(CLIPS)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "caption"])
        writer.writerows(zip(os.listdir(audio), captions, strict=True))  # noqa: PTH208 - as the original
    return captions


def compare(python: Path, model_id: str, work: Path) -> bool:
    """Print the differences for one model, and return whether all are small enough."""
    audio, table = work / "audio", work / "captions.csv"
    write_clips(audio)
    captions = write_table(table, audio)
    original = Original(python, model_id, work)
    arrays, facts = original.run(captions, table=str(table), audio=str(audio))
    from originals.clap import MODELS

    settings: dict[str, Any] = MODELS[model_id]
    clap = CLAPScore(
        weights=original.checkpoint, vocabulary=original.vocabulary, cache_dir=work / "cache", **settings
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = clap.score(
            table, audio, text_embds_path=work / "ours/text.npy", audio_embds_path=work / "ours/audio.npy"
        )
    expected = cosines(arrays["stored_text"], arrays["stored_audio"])
    ours = np.array([row["value"] for row in found.per_file])
    assert [row["file"] for row in found.per_file] == facts["order"]
    differences = {
        "text vectors": np.abs(np.load(work / "ours/text.npy") - arrays["stored_text"]).max(),
        "audio vectors": np.abs(np.load(work / "ours/audio.npy") - arrays["stored_audio"]).max(),
        "cosines": np.abs(ours - expected).max(),
        "mean": abs(found[0] - facts["score"][0]),
        "standard deviation": abs(found[1] - facts["score"][1]),
        "mean from the original's files": abs(
            clap.calculate_clap_score(arrays["stored_text"], arrays["stored_audio"])[0] - facts["score"][0]
        ),
    }
    spread = f"cosines {expected.min():.4f} to {expected.max():.4f}"
    print(f"{model_id}: {CLIPS} clips, {spread}; {tuple(found)} here, {facts['score']} there")
    for name, difference in differences.items():
        print(f"  {name}: {difference:.2g}")
    return all(difference <= TOLERANCE for difference in differences.values())


def main(python: str, *models: str) -> int:
    """Compare the models."""
    passed = True
    for model_id in models or ("clap-630k-audioset",):
        with tempfile.TemporaryDirectory() as temporary:
            passed &= compare(Path(python), model_id, Path(temporary))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
