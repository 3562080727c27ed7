"""The option that metrics with a confidence interval have in common."""

from __future__ import annotations

from dataclasses import dataclass

from fad_core.errors import SettingError
from fad_core.util.choices import choice, require_positive


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
