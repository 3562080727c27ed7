# ruff: noqa: N999
"""IS: the inception score of the evaluation set by a classifier of sound.

    IS = exp(mean of KL(p_i ‖ mean of p))

(Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016.) Files are shuffled and divided into
10 parts, and the value is the mean of the parts' scores, as audioldm_eval and av-benchmark have it from
torch-fidelity, with the same shuffle of the files in the order of their names. A score grows with the number
of files in a part, which it cannot exceed: `corrected` is the score of all files, without the bias of their
number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fad_core.errors import SettingError
from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need
from fad_core.metrics.interval_options import IntervalOptions, class_probabilities
from fad_core.util.choices import choice, require_choices
from fad_core.util.formatting import counted

_FEW_FILES = 50
"""Files below which the score of a part is low whatever they are: in simulations, 50 have 0.67 to 0.87 of the
score of all files of their kind."""


@dataclass(frozen=True)
class IsOptions(IntervalOptions):
    """Options of the inception score.

    Raises:
        ArgumentError: an option has no valid value.
    """

    splits: int = choice(10, "Number of parts that the files are divided into; the score is their mean.")
    seed: int = choice(2020, "Seed of the shuffle before files are divided into parts.")
    windows: Literal["mean", "max"] = choice(
        "mean", "Logits of a file with several windows: their mean, or the largest of each class (max)."
    )

    def __post_init__(self) -> None:
        require_choices(self)
        super().__post_init__()
        if self.splits < 1:
            raise SettingError("splits", f"must be at least 1, not {self.splits!r}")


def _compute(_reference: MetricInput, evaluation: MetricInput, options: IsOptions) -> MetricValue:
    from fad_core.metrics.classes import file_logits
    from fad_core.metrics.inception import inception_score
    from fad_core.metrics.mean_system import TOO_FEW_FILES

    of = file_logits(evaluation.vectors_of("logits"), options.windows)
    value, score = inception_score(of, options.splits, options.seed)
    by_file = tuple(zip(of.files, score.divergences.tolist(), strict=True))
    effects = score.effects_on_logarithm
    if effects is None or not effects.unbiased:
        reason = TOO_FEW_FILES if effects is None else "no interval: too few files to estimate the bias"
        note = "; ".join(filter(None, (_size_note(len(of.files), options.splits), reason)))
        return MetricValue(value, note=note, system=score, by_file=by_file)
    note = _size_note(len(of.files), options.splits, "corrected")
    # No score is below 1.
    low, high = (max(1.0, math.exp(end)) for end in effects.interval(options.level))
    corrected = math.exp(score.logarithm)
    return MetricValue(value, low, high, note, value - corrected, corrected, score, by_file=by_file)


def _size_note(files: int, splits: int, *better: str) -> str:
    """Return a note if the parts have few files, or ""."""
    fewest, most = files // splits, -(-files // splits)
    if fewest >= _FEW_FILES:
        return ""
    better = (*better, "fewer splits") if splits > 1 else better
    advice = f": use {' or '.join(better)}" if better else ""
    size = counted(most, "file") if fewest == most else f"{fewest} or {most} files"
    parts = f"value is the mean of {splits} parts of {size} each" if splits > 1 else f"value is of {size}"
    return f"{parts}, so few that it is low whatever the files{advice}"


def _computed(options: IsOptions) -> str:
    score = "exp(mean of KL(p ‖ mean of p))"
    if options.splits > 1:
        shuffled = f"{options.splits} parts of the files, shuffled with the seed {options.seed}"
        text = f"as the mean, over {shuffled}, of {score}"
    else:
        text = f"as {score} over all files"
    return f"{text}, where p of each file is {class_probabilities(options.windows)}"


METRIC = Metric(
    "is",
    "Inception Score",
    symmetric=False,
    needs=(Need("vectors", "logits", role="evaluation"),),
    compute=_compute,
    of_files=True,
    options=IsOptions,
    higher_is_better=True,
    computed=_computed,
    interval=(
        "of the value in the populations, on a logarithmic scale by Student's t over files, with the bias of "
        "small sets removed by a jackknife"
    ),
    bias="below which IS of parts with few files lies by its bias",
)
