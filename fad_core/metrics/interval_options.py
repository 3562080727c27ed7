"""What metrics with a confidence interval from files have in common."""

from __future__ import annotations

from dataclasses import dataclass

from fad_core.errors import SettingError
from fad_core.util.choices import choice, require_positive

FEWEST_FILES = 5
"""Files of each set that an interval needs: of fewer, a standard error says little."""


JACKKNIFE = (
    "of the value in the populations, from a jackknife that deletes whole files, with the bias of small sets "
    "removed"
)
"""What the interval of a metric is of, and how it is made, where files are deleted."""


def class_probabilities(windows: str, form: str = "softmax") -> str:
    """Return what a file's class probabilities are, as the end of a sentence.

    Args:
        windows: what becomes of the logits of several windows, "mean" or "max".
        form: "softmax" or "sigmoid".
    """
    logits = "the mean logits" if windows == "mean" else "the largest logits of each class"
    return f"the {form} of {logits} of its windows"


def student_quantile(freedom: float, level: float) -> float:
    """Return the quantile of Student's t that bounds a two-sided interval of this level."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


@dataclass(frozen=True)
class IntervalOptions:
    """Level of a confidence interval.

    Raises:
        ArgumentError: it is not between 0 and 1.
    """

    level: float = choice(0.95, "Level of the confidence interval, between 0 and 1.")

    def __post_init__(self) -> None:
        require_positive("level", self.level)
        if self.level >= 1:
            raise SettingError("level", f"must be less than 1, not {self.level!r}")
