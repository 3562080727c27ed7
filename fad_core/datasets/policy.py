"""What a user may choose about the files of data sets, and how that is written down.

Standard library only, so that a Snakefile and the command line can read it without loading anything else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, Literal, Self

from fad_core.errors import ArgumentError
from fad_core.util.choices import changed_fields, parse_fields, require_choices

OnBadFile = Literal["fail", "skip"]
OnShortFile = Literal["fail", "skip", "pad"]
OnDuplicate = Literal["note", "fail", "drop"]
Leftovers = Literal["ignore", "use"]


@dataclass(frozen=True)
class FilePolicy:
    """What becomes of files that cannot, or should not, be embedded as they are.

    Attributes:
        on_bad_file: files that cannot be used: "fail" before anything is embedded, or "skip" them.
        on_short_file: files below a model's minimum length: "fail", "skip" or "pad" with zeros at the end.
        on_duplicate: files of a data set with the same sound: "note" it beside the score and use all, "fail",
            or "drop" all but the first by name.
        max_peak: the largest absolute sample value that a file may hold, where values within ±1 are expected;
            a file beyond it is bad.
        leftovers: what other tools have written into a data set's folder, told by its structure: "ignore" it,
            or "use" it as data.

    Raises:
        ArgumentError: a value is not one of its choices, or `max_peak` is not positive.
    """

    on_bad_file: OnBadFile = "fail"
    on_short_file: OnShortFile = "fail"
    on_duplicate: OnDuplicate = "note"
    max_peak: float = 100.0
    leftovers: Leftovers = "ignore"

    def __post_init__(self) -> None:
        require_choices(self)
        peak: Any = self.max_peak
        if isinstance(peak, bool) or not isinstance(peak, Real) or not 0 < float(peak) < math.inf:
            raise ArgumentError(f"max_peak must be a positive, finite number, not {peak!r}")
        object.__setattr__(self, "max_peak", float(peak))

    def __str__(self) -> str:
        """All that differs from the defaults, as text; `parse_policy` reads it."""
        return changed_fields(self)

    @property
    def selecting(self) -> Self:
        """The part of it that decides which of the files that were scanned are embedded, if nothing stops."""
        drops: OnDuplicate = "drop" if self.on_duplicate == "drop" else "note"
        return replace(self, on_bad_file="fail", on_duplicate=drops, leftovers="ignore")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The policy among the values of a configuration; other keys are passed over."""
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})


DEFAULTS = FilePolicy()


def parse_policy(text: str) -> FilePolicy:
    """Read a policy written as `key=value`, divided by spaces.

    Raises:
        ConfigError: a key is not known, or a value is not one of its values.
    """
    (policy,) = parse_fields([FilePolicy], text)
    return policy  # type: ignore[no-any-return]
