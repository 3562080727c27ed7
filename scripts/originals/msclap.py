"""Adapter of the original package for MS-CLAP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from originals import offline

PACKAGES = (
    *("msclap", "torchlibrosa", "transformers", "torch", "torchaudio"),
    *("numpy", "resampy", "soundfile"),
)

MODELS = {"msclap-2023": {"version": "2023"}}

SAMPLE_RATE = 44100


class Draws:
    """Stands for Python's `random`, of which a crop's place would be drawn: draws it as LAION's CLAP does."""

    def randrange(self, stop: int) -> int:
        """Draw from NumPy's global generator, `stop` included, where the file's last seven seconds are."""
        return int(np.random.randint(0, stop + 1))  # noqa: NPY002


class Original:
    """`CLAP.get_audio_embeddings`. Its features are `[1, 308700]`."""

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        offline.write_gpt2(Path.cwd())
        from msclap import CLAP  # type: ignore[import-not-found]

        self.arguments = MODELS[model_id]
        self.features: list[np.ndarray] = []
        (checkpoint,) = ckpt_dir.rglob("CLAP_weights_2023.pth")
        self.clap: Any = CLAP(checkpoint, use_cuda=False, **self.arguments)
        sys.modules[CLAP.__module__].random = Draws()  # type: ignore[attr-defined]
        self.clap.clap.audio_encoder.register_forward_pre_hook(self._record)

    def _record(self, _module: Any, given: tuple[Any, ...]) -> None:
        self.features = [given[0].numpy().copy()]

    def load(self, path: Path, loading: str) -> np.ndarray:  # noqa: ARG002
        """Load a clip as this package does, for the original puts channels behind each other.

        Its resampler is torchaudio's.
        """
        import resampy
        import soundfile

        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono: np.ndarray = samples.mean(axis=1)
        return mono if rate == SAMPLE_RATE else resampy.resample(mono, rate, SAMPLE_RATE)

    def embed(self, audio: np.ndarray) -> np.ndarray:
        """Return the original's embedding of one clip, `[1, 1024]`, from a file of its rate."""
        import soundfile

        path = Path("clip.wav")
        soundfile.write(path, audio, SAMPLE_RATE, subtype="FLOAT")
        embeddings: np.ndarray = self.clap.get_audio_embeddings([str(path)]).numpy()
        return embeddings

    def unrounded(self, audio: np.ndarray, embeddings: np.ndarray) -> np.ndarray | None:  # noqa: ARG002
        """Return None: the embeddings are not rounded."""
        return None

    def distance(self, groups: list[list[np.ndarray]]) -> tuple[float | None, str]:  # noqa: ARG002
        """Return None: the original computes no distance."""
        return None, ""
