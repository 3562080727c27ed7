"""Adapter of the original packages for CDPAM: the network is that of `cdpam`, its use that of `fadtk`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("cdpam", "fadtk", "torch", "torchaudio", "numpy", "scipy", "resampy", "soundfile", "librosa")

MODELS = {f"cdpam-{mode}": {"mode": mode} for mode in ("acoustic", "content")}

SAMPLE_RATE = 22050


class Original:
    """CDPAM as fadtk uses it, before its embeddings become float16. Its features are `[1, samples]`."""

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        from cdpam import CDPAM  # type: ignore[import-not-found]
        from fadtk.model_loader import CdpamModel  # type: ignore[import-not-found]

        self.arguments = MODELS[model_id]
        self.features: list[np.ndarray] = []
        self.user: Any = CdpamModel(**self.arguments)
        (checkpoint,) = ckpt_dir.rglob("scratchJNDdefault_best_model.pth")
        self.user.model = CDPAM(str(checkpoint), "cpu")

    def load(self, path: Path, loading: str) -> np.ndarray:  # noqa: ARG002
        """Load a clip as this package does, for fadtk's `load_wav` fails with NumPy's newer versions."""
        import resampy
        import soundfile

        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = samples.mean(axis=1)
        resampled = mono if rate == SAMPLE_RATE else resampy.resample(mono, rate, SAMPLE_RATE)
        # What its conversion to 16-bit files and `load_wav` give.
        values = np.clip(np.round(resampled * np.float32(32768)), -32768, 32767)
        loaded: np.ndarray = values.astype(np.float32)[np.newaxis]
        return loaded

    def embed(self, audio: np.ndarray) -> np.ndarray:
        """Return fadtk's embeddings of one clip, `[N, 512]`."""
        import torch

        self.features = [audio.copy()]
        with torch.no_grad():
            embeddings: np.ndarray = self.user._get_embedding(audio).numpy()
        return embeddings

    def unrounded(self, audio: np.ndarray, embeddings: np.ndarray) -> np.ndarray | None:  # noqa: ARG002
        """Return None: the embeddings are not rounded."""
        return None

    def distance(self, groups: list[list[np.ndarray]]) -> tuple[float | None, str]:  # noqa: ARG002
        """Return None: fadtk's distance of so few vectors fails."""
        return None, ""
