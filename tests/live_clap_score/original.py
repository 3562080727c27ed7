"""Make what the original package needs, and call `run_original.py` in its environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from originals.clap import MODELS

from fad_core.models import get_model
from fad_core.models.clap.checkpoints import both_halves
from fad_core.models.clap.tokenizer import minimal_vocabulary, write_vocabulary
from fad_core.weights import save_seeded_checkpoint


class Original:
    """The original's class for one model, with seeded weights in both halves and the minimal vocabulary.

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
        self._python, self._model_id, self._work = python, model_id, work
        self.vocabulary, ckpt_dir = work / "vocabulary", work / "checkpoints"
        write_vocabulary(*minimal_vocabulary(), self.vocabulary)
        (checkpoint,) = get_model(model_id).checkpoints
        self.checkpoint = ckpt_dir / checkpoint.filename
        ckpt_dir.mkdir(exist_ok=True)
        save_seeded_checkpoint(both_halves(checkpoint), self.checkpoint)

    def run(self, captions: Sequence[str], **more: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arrays and the facts that `run_original.py` writes; `more` is more of its job."""
        job = {
            "arguments": MODELS[self._model_id],
            "ckpt_dir": str(self.checkpoint.parent),
            "vocabulary": str(self.vocabulary),
            "captions": list(captions),
            **more,
        }
        (self._work / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [str(self._python.absolute()), "-I", str(Path(__file__).with_name("run_original.py"))]
        command += [str(self._work / "job.json"), str(self._work / "out.npz")]
        # One thread on both sides: sums are then taken in one order.
        done = subprocess.run(
            command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-4000:])
        with np.load(self._work / "out.npz") as arrays:
            held = {name: arrays[name] for name in arrays.files}
        return held, json.loads(str(held.pop("meta")))
