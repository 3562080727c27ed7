"""Adapter of the original package for EnCodec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from originals import offline

PACKAGES = offline.PACKAGES

MODELS: dict[str, dict[str, Any]] = {
    "encodec-24k": {"sample_rate": 24000},
    "encodec-48k": {"sample_rate": 48000, "channels": 2},
}


class Original(offline.Original):
    """EnCodec. Its features are the waveform `[1, C, samples]`."""

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        arguments = {"model_name": "encodec", **MODELS[model_id]}
        super().__init__(arguments, ckpt_dir, lambda scorer: scorer.model.encoder, lambda given: [given])
