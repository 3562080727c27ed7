#!/usr/bin/env python3
"""Compare the CLAP score with that of the original package, live, on captioned clips.

    python tests/live_clap_score/compare.py REFERENCE_PYTHON [MODEL...]

The original runs in its own environment with the same seeded checkpoint and vocabulary. CLAP's pairs captions
with files in the order of `os.listdir`, so the table is written in that order; ours pairs by the column of
files. Of CLAP, the classes `CLAPScore` are compared; of MS-CLAP, `fad clap-score` and the mean cosine of the
package's vectors.
The exit status is 1 if a cosine, the mean or the standard deviation differs by more than 1e-5.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from captions import captions_for
from click.testing import CliRunner
from original import ARGUMENTS, Original

from fad_core import CLAPScore
from fad_core.cli import main as cli
from fad_core.metrics.clap_score import cosines
from fad_core.models import get_model
from fad_core.tables import FILE_VALUES, read_table

CLIPS = 54
TOLERANCE = 1e-5
FORMS = {"clap": ((48000, 44100, 16000), 2, 10.0), "msclap": ((44100,), 1, 7.0)}
"""Sample rates, most channels, and the length of the longest clips, in seconds, as far as both prepare sound
in the same way."""


def write_clips(folder: Path, rates: Sequence[int], channels: int, longest: float) -> None:
    """Tones in noise, of several lengths, rates, channels and types."""
    folder.mkdir()
    random = np.random.Generator(np.random.PCG64(5))
    for number in range(CLIPS):
        rate = rates[number % len(rates)]
        time = np.arange(int((0.3, 1.0, 2.7, longest)[number % 4] * rate)) / rate
        tone = 0.3 * np.sin(2 * np.pi * 55 * 2 ** (number / 9) * time)
        noise = random.standard_normal((len(time), 1 + number % channels))
        sound = tone[:, None] + 0.02 * (1 + number % 5) * noise
        soundfile.write(
            folder / f"{number * 37 % CLIPS:02}.wav", sound, rate, ("PCM_16", "FLOAT")[number % 2]
        )


def captions_of(family: str) -> list[str]:
    """The special captions that a table can hold, and ordinary ones."""
    special = [caption for caption in captions_for(family) if caption.strip()]
    ordinary = [f"{number} dogs bark in the rain near the piano" for number in range(CLIPS - len(special))]
    return special + ordinary


def write_table(path: Path, captions: Sequence[str], audio: Path) -> None:
    """Write captions in the order in which the original lists the files."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "caption"])
        writer.writerows(zip(os.listdir(audio), captions, strict=True))  # noqa: PTH208 - as the original


def compare(python: Path, model_id: str, work: Path) -> bool:
    """Print the differences for one model, and return whether all are small enough."""
    audio, table, family = work / "audio", work / "captions.csv", get_model(model_id).family
    write_clips(audio, *FORMS[family])
    captions = captions_of(family)
    write_table(table, captions, audio)
    original = Original(python, model_id, work)
    arrays, facts = original.run(captions, table=str(table), audio=str(audio))
    expected = cosines(arrays["stored_text"], arrays["stored_audio"])
    row, files, differences = {"clap": by_class, "msclap": by_command}[family](
        model_id, original, arrays, facts, work
    )
    assert [each["file"] for each in files] == facts["order"]
    differences |= {
        "cosines": np.abs([each["value"] for each in files] - expected).max(),
        "mean": abs(row["value"] - facts["score"][0]),
        "standard deviation": abs(row["std"] - facts["score"][1]),
    }
    spread = f"cosines {expected.min():.4f} to {expected.max():.4f}"
    print(f"{model_id}: {CLIPS} clips, {spread}; {row['value']}, {row['std']} here, {facts['score']} there")
    for name, difference in differences.items():
        print(f"  {name}: {difference:.2g}")
    return all(difference <= TOLERANCE for difference in differences.values())


Found = tuple[dict[str, Any], Sequence[dict[str, Any]], dict[str, Any]]


def by_class(
    model_id: str, original: Original, arrays: dict[str, Any], facts: dict[str, Any], work: Path
) -> Found:
    """Return the score by `CLAPScore`, that of each file, and differences that it alone shows."""
    settings: dict[str, Any] = ARGUMENTS[model_id]
    clap = CLAPScore(
        weights=original.checkpoint, vocabulary=original.vocabulary, cache_dir=work / "cache", **settings
    )
    stored = {f"{name}_embds_path": work / f"ours/{name}.npy" for name in ("text", "audio")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = clap.score(work / "captions.csv", work / "audio", **stored)
    again = clap.calculate_clap_score(arrays["stored_text"], arrays["stored_audio"])
    differences = {
        f"{name} vectors": np.abs(np.load(work / f"ours/{name}.npy") - arrays[f"stored_{name}"]).max()
        for name in ("text", "audio")
    }
    return (
        found.row,
        found.per_file,
        {**differences, "mean from the original's files": abs(again[0] - facts["score"][0])},
    )


def by_command(
    model_id: str, original: Original, _arrays: dict[str, Any], _facts: dict[str, Any], work: Path
) -> Found:
    """Return the score by the command, and that of each file."""
    command = ["clap-score", str(work / "captions.csv"), str(work / "audio"), "--model", model_id, "--json"]
    command += ["--weights", str(original.checkpoint), "--vocabulary", str(original.vocabulary)]
    command += ["--cache-dir", str(work / "cache"), "--per-file", str(work / "files.csv")]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), read_table(FILE_VALUES, work / "files.csv"), {}


def main(python: str, *models: str) -> int:
    """Compare the models."""
    passed = True
    for model_id in models or ("clap-630k-audioset", "msclap-2023"):
        with tempfile.TemporaryDirectory() as temporary:
            passed &= compare(Path(python), model_id, Path(temporary))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
