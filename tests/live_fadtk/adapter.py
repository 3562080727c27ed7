"""Adapter of fadtk: its own loading and embedding, unmodified but for downloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from originals import offline

PACKAGES = (
    *("fadtk", "laion-clap", "msclap", "encodec", "torchvggish"),
    *("torch", "torchaudio", "numpy", "soundfile"),
)

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "vggish": ("VGGishModel", {}),
    "clap-630k-audioset": ("CLAPLaionModel", {"type": "audio"}),
    "clap-music-audioset": ("CLAPLaionModel", {"type": "music"}),
    "msclap-2023": ("CLAPModel", {"type": "2023"}),
    "encodec-24k": ("EncodecEmbModel", {"variant": "24k"}),
    "encodec-48k": ("EncodecEmbModel", {"variant": "48k"}),
    "cdpam-acoustic": ("CdpamModel", {"mode": "acoustic"}),
    "cdpam-content": ("CdpamModel", {"mode": "content"}),
}


class Original:
    """A model of fadtk, from a file to its embeddings in float16. Features are not recorded."""

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        offline.write_tokenizers(Path.cwd())
        offline.write_text_network(Path.cwd())
        offline.write_gpt2(Path.cwd())
        offline.write_pca(Path("hub"), ckpt_dir)
        offline.write_hub(Path("hub"), ckpt_dir)
        import torch
        from fadtk import model_loader  # type: ignore[import-not-found]
        from fadtk.fad import FrechetAudioDistance  # type: ignore[import-not-found]

        torch.hub.set_dir("hub")
        model_loader.download_file = lambda *_: None
        name, self.arguments = MODELS[model_id]
        self.features: list[np.ndarray] = []
        model = getattr(model_loader, name)(**self.arguments)
        if name in ("CLAPLaionModel", "CLAPModel"):
            (model.model_file,) = (path for path in ckpt_dir.rglob(model.model_file.name))
        if name == "CdpamModel":
            from cdpam import CDPAM  # type: ignore[import-not-found]

            (checkpoint,) = ckpt_dir.rglob("scratchJNDdefault_best_model.pth")
            model.load_model = lambda: setattr(model, "model", CDPAM(str(checkpoint), "cpu"))
            # Its loader uses a name that NumPy has removed: `np.float` was Python's `float`.
            setattr(np, "float", float)  # noqa: B010
        self.scorer: Any = FrechetAudioDistance(model)

    def load(self, path: Path, loading: str) -> Any:
        """Load a clip, by way of the 16-bit file that fadtk writes beside it."""
        return self.scorer.load_audio(path)

    def embed(self, audio: Any) -> np.ndarray:
        """Return fadtk's embeddings of one clip, float16 `[N, D]`."""
        embeddings: np.ndarray = self.scorer.ml.get_embedding(audio)
        return embeddings

    def unrounded(self, audio: Any, embeddings: np.ndarray) -> np.ndarray | None:
        """Return None: there are none."""
        return None

    def distance(self, groups: list[list[np.ndarray]]) -> tuple[float | None, str]:
        """Return None: the distances are not compared."""
        return None, ""
