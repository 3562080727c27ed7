"""Adapter of the original package for VGGish."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from originals import offline

PACKAGES = offline.PACKAGES

MODELS: dict[str, dict[str, Any]] = {
    "vggish": {},
    "vggish-activation": {"use_activation": True},
    "vggish-pca": {"use_pca": True},
    "vggish-pca-activation": {"use_pca": True, "use_activation": True},
}


class Original(offline.Original):
    """VGGish. Its features are log-mel patches `[N, 1, 96, 64]`."""

    def __init__(self, model_id: str, ckpt_dir: Path) -> None:
        arguments = {"model_name": "vggish", **MODELS[model_id]}
        offline.write_pca(Path("hub"), ckpt_dir)
        super().__init__(arguments, ckpt_dir, lambda scorer: scorer.model.features, lambda given: [given])

    def unrounded(self, audio: np.ndarray, embeddings: np.ndarray) -> np.ndarray | None:
        """Return the output of the PCA `[N, 128]`, by the matrices and formula of the postprocessor.

        Raises:
            RuntimeError: clipping and rounding it does not give the original's embeddings.
        """
        import torch

        model = self.scorer.model
        if not model.postprocess:
            return None
        model.postprocess = False
        raw = model.forward(audio, self.scorer.sample_rate).detach()
        model.postprocess = True
        step = model.pproc
        projected = torch.mm(step._pca_matrix, (raw.t() - step._pca_means)).t()
        if not np.array_equal(torch.round((projected.clamp(-2.0, 2.0) + 2.0) * (255.0 / 4.0)), embeddings):
            raise RuntimeError("the PCA's output does not round to the embeddings: has torchvggish changed?")
        return np.ascontiguousarray(projected.numpy())
