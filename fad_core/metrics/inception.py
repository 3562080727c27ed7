"""The inception score of the class probabilities of files, with its bias and what comparisons need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp, xlogy

from fad_core.errors import ArgumentError
from fad_core.metrics.classes import FileLogits
from fad_core.metrics.comparison import System, Units
from fad_core.metrics.effects import Effects, Float64Array
from fad_core.metrics.interval_options import FEWEST_FILES
from fad_core.metrics.pairing import pair_name
from fad_core.util.formatting import counted

__all__ = ["InceptionScore", "inception_score"]

_ROWS = 4096


@dataclass(frozen=True, eq=False)
class InceptionScore:
    """An inception score and what its interval and comparisons need.

    Attributes:
        files: names of the files.
        logits: of the files, `[F, C]`.
        divergences: KL(p_i ‖ mean of p) of each file, `[F]`.
        logarithm: logarithm of the score of all files, without the bias of their number (jackknife).
        correction: how much was subtracted as bias.
        rest: how much the logarithm changes if it is computed of either half of the files, on average: a
            cautious estimate of the bias that is left.
    """

    files: tuple[str, ...]
    logits: Float64Array
    divergences: Float64Array
    logarithm: float
    correction: float
    rest: float

    @property
    def effects(self) -> Effects | None:
        """The score with the effects of the files; None if there are too few."""
        effects = self.effects_on_logarithm
        if effects is None:
            return None
        score = math.exp(self.logarithm)
        own = tuple(score * each for each in effects.own)
        return Effects(score, effects.shared, own, score * self.correction, score * self.rest)

    @property
    def effects_on_logarithm(self) -> Effects | None:
        """The logarithm with the effects of the files; None if there are too few."""
        count = len(self.divergences)
        if count < FEWEST_FILES:
            return None
        own = (self.divergences - self.divergences.mean()) / math.sqrt(count * (count - 1))
        return Effects(self.logarithm, np.empty(0), (own,), self.correction, self.rest)

    def influences(self, other: System) -> tuple[Units, Units]:
        """Return the divergence of both systems' files from the mean of all of them.

        Args:
            other: another system.
        """
        assert isinstance(other, InceptionScore)
        log_p = log_softmax(np.concatenate([self.logits, other.logits]), axis=1)
        divergences = _from_mean(log_p)
        first = len(self.files)
        return self._units(divergences[:first]), other._units(divergences[first:])

    def _units(self, divergences: Float64Array) -> Units:
        names = tuple(map(pair_name, self.files))
        return Units(names, np.ones(len(names), dtype=np.int64), divergences)


def _from_mean(log_p: Float64Array) -> Float64Array:
    """Return KL(p_i ‖ mean of p) of each row `[F, C]` of log p."""
    log_mean = logsumexp(log_p, axis=0) - math.log(len(log_p))
    return np.asarray(np.sum(np.exp(log_p) * (log_p - log_mean), axis=1))


def inception_score(of: FileLogits, splits: int, seed: int) -> tuple[float, InceptionScore]:
    """Compute the inception score exp(mean of KL(p_i ‖ mean of p)) (Salimans et al., NeurIPS 2016).

    Args:
        of: logits of the files.
        splits: number of parts that the files are divided into, after a shuffle if there are more than one.
        seed: seed of the shuffle, by the generator of torch-fidelity and audioldm_eval.

    Returns:
        The mean of the scores of the parts, and the score of all files.

    Raises:
        ArgumentError: there are fewer files than parts.

    >>> import numpy as np
    >>> from fad_core.metrics.classes import FileLogits
    >>> same = FileLogits(("a.wav", "b.wav"), np.zeros((2, 4)))
    >>> inception_score(same, 1, 0)[0]
    1.0
    """
    count = len(of.files)
    if count < splits:
        raise ArgumentError(
            f"{counted(count, 'file')} cannot be divided into {splits} parts: choose a smaller splits"
        )
    shuffled = np.random.RandomState(seed).permutation(count)
    log_p = log_softmax(of.logits, axis=1)
    scores = [math.exp(_from_mean(log_p[part]).mean()) for part in _parts(shuffled, splits)]
    divergences, corrected = _from_mean(log_p), _jackknife(log_p)
    halves = [_jackknife(log_p[half]) for half in _parts(shuffled, 2) if len(half)]
    correction, rest = float(divergences.mean()) - corrected, float(np.mean(halves)) - corrected
    whole = InceptionScore(of.files, of.logits, divergences, corrected, correction, rest)
    return float(np.mean(scores)), whole


def _parts(order: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    bounds = [part * len(order) // count for part in range(count + 1)]
    return [order[start:stop] for start, stop in pairwise(bounds)]


def _jackknife(log_p: Float64Array) -> float:
    """Return the logarithm of the score of `[F, C]`, without the part of its bias that falls with 1 / F."""
    count, whole = len(log_p), float(_from_mean(log_p).mean())
    return whole if count < 2 else count * whole - (count - 1) * _mean_without_one(log_p)


def _mean_without_one(log_p: Float64Array) -> float:
    """Return the mean, over the files, of the logarithm of the score of all others."""
    count = len(log_p)
    p = np.exp(log_p)
    entropies = np.sum(p * log_p, axis=1)  # with a negative sign
    mean = p.mean(axis=0)
    logarithms: list[NDArray[np.float64]] = []
    for start in range(0, count, _ROWS):
        rows = slice(start, start + _ROWS)
        others = np.maximum(count * mean - p[rows], 0) / (count - 1)
        own = (entropies.sum() - entropies[rows]) / (count - 1)
        logarithms.append(own - np.sum(xlogy(others, others), axis=1))
    return float(np.concatenate(logarithms).mean())
