"""What a user chooses about the files of data sets, and how that is written as text.

Standard library only, so that a Snakefile and the command line can read it without loading anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from fad_core.util.choices import changed_fields, choice, parse_fields, require_choices, require_positive

OnBadFile = Literal["fail", "skip"]
OnShortFile = Literal["fail", "skip", "pad"]
OnDuplicate = Literal["note", "fail", "drop"]
Leftovers = Literal["ignore", "use"]


@dataclass(frozen=True)
class FilePolicy:
    """How files are handled that cannot, or should not, be embedded unchanged.

    Raises:
        SettingError: a value is not one of its choices, or `max_peak` is not a positive, finite number.

    >>> FilePolicy.of({"on_bad_file": "skip", "crop": "first"}).on_bad_file
    'skip'
    """

    on_bad_file: OnBadFile = choice(
        "fail",
        "Files that cannot be used (damaged, cut short, too loud, too long for the allowed memory): fail "
        "before anything is embedded, or skip them.",
    )
    on_short_file: OnShortFile = choice(
        "fail",
        "Files shorter than the model's minimum: fail before anything is embedded, skip them, or pad them "
        "with zeros at the end, after resampling.",
    )
    on_duplicate: OnDuplicate = choice(
        "note",
        "Files with the same sound in one data set: note them beside the score and use all, fail before "
        "anything is embedded, or drop all but the first by name.",
    )
    max_peak: float = choice(
        100.0,
        "Largest absolute sample value that a file may have; values within ±1 are expected. A file that "
        "exceeds it is a bad file; peaks above 4 are noted beside the score.",
    )
    leftovers: Leftovers = choice(
        "ignore",
        "Files that other tools have written into the folder of a data set (fadtk's and kadtk's "
        "convert/<rate>/*.wav, macOS's __MACOSX): ignore and list them, or use them as data.",
    )

    def __post_init__(self) -> None:
        require_choices(self)
        require_positive("max_peak", self.max_peak)
        object.__setattr__(self, "max_peak", float(self.max_peak))

    def __str__(self) -> str:
        """Return what differs from the defaults, as text; `parse_policy` reads it."""
        return changed_fields(self)

    @property
    def excludes(self) -> bool:
        """Whether files may be left out."""
        return "skip" in (self.on_bad_file, self.on_short_file) or self.on_duplicate == "drop"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the policy among the values of a configuration.

        Args:
            values: values by the names of settings; other keys than those of a policy are left alone.

        Returns:
            The policy; settings without a value have their defaults.
        """
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})


DEFAULTS = FilePolicy()


def parse_policy(text: str) -> FilePolicy:
    """Read a policy written as `key=value`, divided by spaces.

    Raises:
        ConfigError: a key is not known, or a value is not one of its values.

    >>> parse_policy("on_bad_file=skip").on_bad_file
    'skip'
    """
    (policy,) = parse_fields([FilePolicy], text)
    return policy  # type: ignore[no-any-return]
