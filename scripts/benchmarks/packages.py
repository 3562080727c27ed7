"""The packages that are timed: this one, the original, and others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fad_core.errors import FadError

_SCRIPT = Path(__file__).parents[1] / "score_repeatedly.py"


@dataclass(frozen=True)
class Package:
    """A package that is timed.

    Attributes:
        name: "fad_core", "original", or the name of another package in the tables.
        python: its interpreter.
        script: script that scores with it, by the protocol of `scripts/score_repeatedly.py`.
    """

    name: str
    python: str
    script: Path = _SCRIPT

    @property
    def title(self) -> str:
        """Its name in tables and plots."""
        return "here" if self.name == "fad_core" else self.name

    @classmethod
    def parse(cls, text: str) -> Package:
        """Parse NAME=PYTHON:SCRIPT.

        Raises:
            FadError: the text is not of that form, or there is no such script.
        """
        name, equals, rest = text.partition("=")
        python, colon, script = rest.rpartition(":")
        if not (name and equals and python and colon and Path(script).is_file()):
            raise FadError(f"--other {text}: not NAME=PYTHON:SCRIPT, or there is no such script")
        return cls(name, python, Path(script))
