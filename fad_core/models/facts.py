"""What else is known of a model: facts that its verification needs, and quirks of the original package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], ...]
"""What a network takes or gives: one array or several, of one file."""
Vectors = dict[str, NDArray[np.float32]]
"""Of one file, or of several, by the name of an output: float32 `[N, D]`."""
EMBEDDING = "embedding"
"""Name of the output of models that have one."""
LOGITS = "logits"
"""Name of the output of a classifier: unnormalised log-probabilities of its classes."""


def _as_they_are(features: Arrays) -> Arrays:
    return features


def _no_edges(unrounded: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.full(unrounded.shape, np.inf)


@dataclass(frozen=True)
class VerificationFacts:
    """Properties of a model that its verification needs.

    Attributes:
        eager_cases: (batch, samples) of the `example_input`s on which an export is compared with the eager
            network: even and odd, on both sides of the sizes at which kernels change, the shortest, the long.
        export_case: (batch, samples) of the `example_input` that `torch.export` traces.
        golden: the file of embeddings that the original package gave, which lies beside the family's module
            (`fad_core.verification.golden`); None if there is none, and results then say so.
        frontend_tolerance: largest allowed difference of features from the original package's, on the scale
            of `linear`, as a share of the root mean square. Log-mel spectra from float64, rounded to float32
            once, differ by a last bit, if at all.
        linear: puts features, or excerpts of them, on a scale on which rounding is as large everywhere.
        quantization_step: step of a quantised embedding, by which a value may differ from the original's if
            it falls on the other side of a rounding edge; 0 if not quantised.
        rounding_distance: how far unrounded values lie from the nearest rounding edge, in their own unit.
        empty_bands_are_noise: the network makes a spectrogram in decibels in float32. The bands that a pure
            tone leaves empty hold the rounding errors of a convolution, which differ between the kernels of
            processors; with equal kernels they are equal.
        bandwidth: bandwidth in Hz of a frontend that makes decibels by a float32 transform; else 0. Bands
            that a clip leaves empty hold rounding errors there, too, which differ between libraries.
        longest_clip: length in seconds of the longest clip that is compared with the original package's; less
            for a network that takes long.
    """

    eager_cases: tuple[tuple[int, int], ...]
    export_case: tuple[int, int]
    golden: Path | None = None
    frontend_tolerance: float = 1e-6
    linear: Callable[[Arrays], Arrays] = _as_they_are
    quantization_step: float = 0.0
    rounding_distance: Callable[[NDArray[np.float32]], NDArray[np.float64]] = _no_edges
    empty_bands_are_noise: bool = False
    bandwidth: float = 0.0
    longest_clip: float = float("inf")


@dataclass(frozen=True)
class OriginalQuirks:
    """Behaviour of the original package for a model's embeddings that is reproduced only on request.

    Attributes:
        scalar_statistics: it treats each file's vector as D samples of one dimension (gudgud96#37).
        float64_waveforms: its frontend computes in float64 if a sound was read so (`Options.dtype`). Other
            models are given float32.
        transposed_files: its older releases write each file's embeddings as `[D, N]`
            (`fad_core.embedding.npy`).
        resamples_channels: it resamples files of several channels along the wrong axis
            (`fad_core.models.original_quirks.fault`).
    """

    scalar_statistics: bool = False
    float64_waveforms: bool = False
    transposed_files: bool = False
    resamples_channels: bool = False
