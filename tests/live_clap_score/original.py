"""Make what the original package needs, and call `run_original.py` in its environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from originals import clap, msclap

from fad_core.models import get_model, text_model_of
from fad_core.models.text_model import both_halves
from fad_core.models.tokenizer import minimal_vocabulary, write_vocabulary
from fad_core.weights import save_seeded_checkpoint

ARGUMENTS = clap.MODELS | msclap.MODELS
"""Of the original's class, by model."""


class Original:
    """The original for one model, with seeded weights in both halves and the minimal vocabulary.

    Attributes:
        checkpoint: the seeded checkpoint.
        vocabulary: folder of the vocabulary.
    """

    def __init__(self, python: Path, model_id: str, work: Path) -> None:
        """Write the files to a folder.

        Args:
            python: interpreter of the original's environment.
            model_id: id of the model of audio.
            work: a folder.
        """
        audio = get_model(model_id)
        text = text_model_of(audio)
        self._python, self._work = python, work
        self.vocabulary, ckpt_dir = work / "vocabulary", work / "checkpoints"
        write_vocabulary(*minimal_vocabulary(text.tokenizer), self.vocabulary)
        self.checkpoint = ckpt_dir / audio.checkpoints[0].filename
        ckpt_dir.mkdir(exist_ok=True)
        save_seeded_checkpoint(both_halves(*audio.checkpoints, *text.checkpoints), self.checkpoint)
        self._job = {
            "family": audio.family,
            "arguments": ARGUMENTS[model_id],
            "ckpt_dir": str(ckpt_dir),
            "vocabulary": str(self.vocabulary),
        }

    def run(self, captions: Sequence[str], **more: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arrays and the facts that `run_original.py` writes; `more` is more of its job."""
        job = {**self._job, "captions": list(captions), **more}
        (self._work / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [str(self._python.absolute()), "-I", str(Path(__file__).with_name("run_original.py"))]
        command += [str(self._work / "job.json"), str(self._work / "out.npz")]
        # One thread on both sides, unless told otherwise: sums are then taken in one order.
        done = subprocess.run(
            command, env={"OMP_NUM_THREADS": "1"} | os.environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-4000:])
        with np.load(self._work / "out.npz") as arrays:
            held = {name: arrays[name] for name in arrays.files}
        return held, json.loads(str(held.pop("meta")))
