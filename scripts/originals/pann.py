"""Adapter of the original package for PANN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from originals import offline

PACKAGES = offline.PACKAGES

MODELS: dict[str, dict[str, Any]] = {
    "pann-8k": {"sample_rate": 8000},
    "pann-16k": {"sample_rate": 16000},
    "pann-32k": {"sample_rate": 32000},
}


class Original(offline.Original):
    """PANN. Its features are the waveform `[1, samples]`."""

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        arguments = {"model_name": "pann", **MODELS[model_id]}
        super().__init__(arguments, ckpt_dir, lambda scorer: scorer.model, lambda given: [given])
