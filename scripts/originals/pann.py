"""Adapters of the original packages for PANN: frechet-audio-distance, and kadtk for the wavegram."""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
from originals import offline

PACKAGES = (*offline.PACKAGES, "kadtk")

WAVEGRAM = "pann-wavegram-logmel"
MODELS: dict[str, dict[str, Any]] = {
    "pann-8k": {"sample_rate": 8000},
    "pann-16k": {"sample_rate": 16000},
    "pann-32k": {"sample_rate": 32000},
    WAVEGRAM: {"sample_rate": 32000},
}


def Original(model_id: str, ckpt_dir: Path) -> Any:  # noqa: N802 - what the script calls
    """Return the original of a model."""
    return Wavegram(ckpt_dir) if model_id == WAVEGRAM else Cnn14(model_id, ckpt_dir)


class Logits:
    """Records the logits, which both networks give to a sigmoid."""

    others: dict[str, np.ndarray]

    def record_logits(self, network: Any) -> None:
        """Record the output of the network's last layer in each call."""

        def record(_module: Any, _given: Any, logits: Any) -> None:
            self.others["logits"] = logits.detach().numpy().copy()

        network.fc_audioset.register_forward_hook(record)


class Cnn14(offline.Original, Logits):
    """PANN as frechet-audio-distance uses it. Its features are the waveform `[1, samples]`."""

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        arguments = {"model_name": "pann", **MODELS[model_id]}
        super().__init__(arguments, ckpt_dir, lambda scorer: scorer.model, lambda given: [given])
        self.record_logits(self.scorer.model)


class Wavegram(Logits):
    """Wavegram-Logmel-Cnn14 of kadtk, called as its `PANNsModel` does. Its features are `[1, samples]`."""

    def __init__(self, ckpt_dir: Path) -> None:
        import torch

        # Importing kadtk itself would need TensorFlow.
        sys.path.append(str(distribution("kadtk").locate_file("kadtk/models")))
        from panns.models import Wavegram_Logmel_Cnn14  # type: ignore[import-not-found]

        self.arguments = {"window_size": 1024, "hop_size": 320, "mel_bins": 64, "fmin": 50, "fmax": 14000}
        self.arguments |= {"classes_num": 527, **MODELS[WAVEGRAM]}
        self.features: list[np.ndarray] = []
        self.others = {}
        self.network: Any = Wavegram_Logmel_Cnn14(**self.arguments).eval()
        (checkpoint,) = ckpt_dir.rglob("Wavegram_Logmel_Cnn14_mAP*.pth")
        self.network.load_state_dict(torch.load(checkpoint, weights_only=False)["model"])
        self.record_logits(self.network)

    def load(self, path: Path, loading: str) -> np.ndarray:  # noqa: ARG002
        """Load a clip as this package does: mixed, then resampled by resampy."""
        import resampy
        import soundfile

        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono: np.ndarray = samples.mean(axis=1)
        own = self.arguments["sample_rate"]
        return mono if rate == own else resampy.resample(mono, rate, own)

    def embed(self, audio: np.ndarray) -> np.ndarray:
        """Return the embedding of one clip, `[1, 2048]`."""
        import torch

        self.features = [audio[np.newaxis].copy()]
        with torch.no_grad():
            found: np.ndarray = self.network(torch.from_numpy(audio).float().unsqueeze(0))[
                "embedding"
            ].numpy()
        return found

    def unrounded(self, audio: np.ndarray, embeddings: np.ndarray) -> np.ndarray | None:  # noqa: ARG002
        """Return None: the embeddings are not rounded."""
        return None

    def distance(self, groups: list[list[np.ndarray]]) -> tuple[float | None, str]:  # noqa: ARG002
        """Return None: kadtk's distance is of files."""
        return None, ""
