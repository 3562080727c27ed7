#!/usr/bin/env python3
"""Time the embedding of 50 captions here and by the original package, in turns: processor time.

    OMP_NUM_THREADS=1 python tests/live_clap_score/time_captions.py REFERENCE_PYTHON REPEATS [MODEL...]

Seeded weights and the minimal vocabulary. CLAP's original embeds all captions at once, MS-CLAP's each by
itself. A first caption is not counted; medians over the turns.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from original import Original

from fad_core.api.text_model import tokenizer_of, verified_text_model
from fad_core.embedding.clap_score import embed_captions
from fad_core.models import get_model, text_model_of
from fad_core.runner.backend import Backend

CAPTIONS = [f"{number} dogs bark in the rain near the piano, and the wind blows" for number in range(50)]


def main(python: str, repeats: str, *models: str) -> None:
    """Print the medians for each model."""
    for model_id in models or ("clap-630k-audioset", "msclap-2023"):
        audio = get_model(model_id)
        exported = verified_text_model(audio, "seeded", None, print, Backend())
        features = tokenizer_of(text_model_of(audio), "seeded").features
        here, there = [], []
        with tempfile.TemporaryDirectory() as work:
            original = Original(Path(python), model_id, Path(work))
            for _ in range(int(repeats)):
                there.append(original.run(CAPTIONS)[1]["seconds"])
                embed_captions(exported, features, CAPTIONS[:1])
                start = time.process_time()
                embed_captions(exported, features, CAPTIONS)
                here.append(time.process_time() - start)
        medians = {"original": statistics.median(there), "here": statistics.median(here)}
        print(model_id, {name: round(value, 3) for name, value in medians.items()}, there, here)


if __name__ == "__main__":
    main(*sys.argv[1:])
