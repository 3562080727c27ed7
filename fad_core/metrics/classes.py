"""Metrics of the class probabilities that a classifier gives for each file.

The classifier's logits of a file's windows become those of the file, by their mean or their maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import log_expit, log_softmax

from fad_core.metrics.base import SetVectors
from fad_core.metrics.effects import Float64Array

__all__ = ["FileLogits", "file_logits", "kl_divergences"]

Windows = Literal["mean", "max"]


@dataclass(frozen=True, eq=False)
class FileLogits:
    """The logits of each file of a set.

    Attributes:
        files: names of the files.
        logits: float64 `[F, C]`.
    """

    files: tuple[str, ...]
    logits: Float64Array

    def of(self, files: Sequence[str]) -> FileLogits:
        """Return those of some of the files, in the order given."""
        places = {file: place for place, file in enumerate(self.files)}
        return FileLogits(tuple(files), self.logits[[places[file] for file in files]])


def file_logits(vectors: SetVectors, windows: Windows = "mean") -> FileLogits:
    """Return the logits of each file that has vectors.

    Args:
        vectors: the logits of windows `[N, C]`, with their files.
        windows: what becomes of the windows of a file: the mean of their logits, or the largest of each
            class, as stable-audio-metrics has it.

    >>> import numpy as np
    >>> from fad_core.metrics.base import SetVectors
    >>> of_windows = SetVectors(("a.wav",), (2,), np.array([[0.0, 1.0], [2.0, 3.0]]))
    >>> file_logits(of_windows).logits.tolist(), file_logits(of_windows, "max").logits.tolist()
    ([[1.0, 2.0]], [[2.0, 3.0]])
    """
    reduce = np.add if windows == "mean" else np.maximum
    counts = np.array(vectors.counts)
    used = counts > 0
    starts = (np.cumsum(counts) - counts)[used]
    logits = reduce.reduceat(vectors.vectors.astype(np.float64), starts, axis=0)
    if windows == "mean":
        logits /= counts[used, np.newaxis]
    return FileLogits(tuple(np.array(vectors.files, dtype=object)[used]), logits)


def kl_divergences(
    first: Float64Array, second: Float64Array, *, independent: bool = False, added: float = 0.0
) -> Float64Array:
    """Return the Kullback-Leibler divergence Σ p (log p − log q) of each row.

    Args:
        first: logits of p, `[F, C]`.
        second: logits of q, `[F, C]`.
        independent: whether p and q are the probabilities of each class by itself (the logistic function of
            the logits), which do not add up to 1, instead of their softmax.
        added: added to q before the logarithm.

    Returns:
        float64 `[F]`.

    >>> import numpy as np
    >>> p, q = np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]])
    >>> kl_divergences(p, q).round(6).tolist()
    [0.143841]
    """
    log_p, log_q = (log_expit(each) if independent else log_softmax(each, axis=1) for each in (first, second))
    if added:
        log_q = np.log(np.exp(log_q) + added)
    return np.asarray(np.sum(np.exp(log_p) * (log_p - log_q), axis=1))
