"""Adapter of the original package for PaSST."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("hear21passt", "timm", "torch", "torchaudio", "numpy", "resampy", "soundfile")

MODELS: dict[str, dict[str, Any]] = {
    "passt": {"mode": "embed_only"},
    "passt-10s": {"mode": "embed_only", "pad_to": 10},
    "passt-10s-all": {"mode": "all", "pad_to": 10},
}

SAMPLE_RATE = 32000
WINDOW = 10 * SAMPLE_RATE
WIDTH = 768


class Original:
    """`get_scene_embeddings` of `hear21passt.base` for at most ten seconds.

    Its features are `[1, 1, 128, frames]`. One pass of the mode "all" gives the logits and, after them, what
    the mode "embed_only" gives.
    """

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        import torch

        self.arguments = MODELS[model_id]
        self.features: list[np.ndarray] = []
        self.others: dict[str, np.ndarray] = {}
        # The package looks for its checkpoint where `torch.hub` keeps what it has downloaded.
        torch.hub.set_dir(str(ckpt_dir))
        with contextlib.redirect_stdout(io.StringIO()):
            from hear21passt import base  # type: ignore[import-not-found]

            self.package: Any = base
            self.model: Any = base.load_model(mode="all")
        self.model.net.register_forward_pre_hook(self._record)

    def _record(self, _module: Any, given: tuple[Any, ...]) -> None:
        self.features = [given[0].numpy().copy()]

    def load(self, path: Path, loading: str) -> np.ndarray:  # noqa: ARG002
        """Load a clip as this package does, for the original takes sound at its own rate."""
        import resampy
        import soundfile

        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono: np.ndarray = samples.mean(axis=1)
        return mono if rate == SAMPLE_RATE else resampy.resample(mono, rate, SAMPLE_RATE)

    def embed(self, audio: np.ndarray) -> np.ndarray:
        """Return the embedding of one clip, `[1, D]`; of ten seconds at a random place if it is longer."""
        import torch

        if len(audio) > WINDOW:
            start = np.random.randint(0, len(audio) - WINDOW + 1)  # noqa: NPY002
            audio = audio[start : start + WINDOW]
        elif "pad_to" in self.arguments:
            audio = np.pad(audio, (0, WINDOW - len(audio)))
        with contextlib.redirect_stdout(io.StringIO()):
            given = torch.from_numpy(audio)[None]
            both: np.ndarray = self.package.get_scene_embeddings(given, self.model).numpy()
        if self.arguments["mode"] == "all":
            return both
        self.others = {"logits": both[:, :-WIDTH]}
        return both[:, -WIDTH:]

    def unrounded(self, audio: np.ndarray, embeddings: np.ndarray) -> np.ndarray | None:  # noqa: ARG002
        """Return None: the embeddings are not rounded."""
        return None

    def distance(self, groups: list[list[np.ndarray]]) -> tuple[float | None, str]:  # noqa: ARG002
        """Return None: the original computes no distance."""
        return None, ""
