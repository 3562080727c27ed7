# ruff: noqa: N999
"""IS: the inception score of the evaluation set by a classifier of sound.

    IS = exp(mean of KL(p_i ‖ mean of p))

(Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016.) Files are shuffled and divided into
10 parts, and the value is the mean of the parts' scores, as audioldm_eval and av-benchmark have it from
torch-fidelity, with the same shuffle of the files in the order of their names. A score grows with the number
of files in a part: `corrected` is the score of all files, without the bias of their number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fad_core.errors import SettingError
from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need
from fad_core.metrics.interval_options import IntervalOptions
from fad_core.util.choices import choice, require_choices


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
        note = TOO_FEW_FILES if effects is None else "no interval: too few files to estimate the bias"
        return MetricValue(value, note=note, system=score, by_file=by_file)
    # The interval of the logarithm, so that its lower end is a possible score.
    low, high = (math.exp(end) for end in effects.interval(options.level))
    corrected = math.exp(score.logarithm)
    return MetricValue(value, low, high, "", value - corrected, corrected, score, by_file=by_file)


METRIC = Metric(
    "is",
    "Inception Score",
    symmetric=False,
    needs=(Need("vectors", "logits", role="evaluation"),),
    compute=_compute,
    of_files=True,
    options=IsOptions,
    higher_is_better=True,
    interval=(
        "of the value in the populations, on a logarithmic scale by Student's t over files, with the bias of "
        "small sets removed by a jackknife"
    ),
)
