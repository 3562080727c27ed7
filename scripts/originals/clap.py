"""Adapter of the original package for CLAP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from originals import offline

PACKAGES = offline.PACKAGES

MODELS: dict[str, dict[str, Any]] = {
    "clap-630k-audioset": {"submodel_name": "630k-audioset"},
    "clap-630k-audioset-fusion": {"submodel_name": "630k-audioset", "enable_fusion": True},
    "clap-630k": {"submodel_name": "630k"},
    "clap-630k-fusion": {"submodel_name": "630k", "enable_fusion": True},
    "clap-music-audioset": {"submodel_name": "music_audioset"},
    "clap-music-speech": {"submodel_name": "music_speech"},
    "clap-music-speech-audioset": {"submodel_name": "music_speech_audioset"},
}


class Original(offline.Original):
    """CLAP. Its features are `[1, 480000]` samples; with fusion `[1, 4, 1001, 64]` and a bool `[1]`."""

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        arguments = {"model_name": "clap", "sample_rate": 48000, **MODELS[model_id]}
        offline.write_text_network(Path.cwd())

        def features(given: dict[str, Any]) -> list[Any]:
            if "enable_fusion" in arguments:
                return [given["mel_fusion"], given["longer"][:, 0]]
            return [given["waveform"]]

        super().__init__(arguments, ckpt_dir, lambda scorer: scorer.model.model.audio_branch, features)
