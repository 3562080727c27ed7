"""The packages that are timed: ours, the original, and any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fad_core.errors import FadError

_SCRIPT = Path(__file__).parents[1] / "score_repeatedly.py"


@dataclass(frozen=True)
class Package:
    """What is timed.

    Attributes:
        name: "fad_core", "original", or what tables are to call another one.
        python: its interpreter.
        script: what scores with it, by the protocol of `scripts/score_repeatedly.py`.
    """

    name: str
    python: str
    script: Path = _SCRIPT

    @property
    def title(self) -> str:
        """What tables and plots call it."""
        return "here" if self.name == "fad_core" else self.name

    @classmethod
    def parse(cls, text: str) -> Package:
        """Of NAME=PYTHON:SCRIPT.

        Raises:
            FadError: it is not of that form, or there is no such file.
        """
        name, equals, rest = text.partition("=")
        python, colon, script = rest.rpartition(":")
        if not (name and equals and python and colon and Path(script).is_file()):
            raise FadError(f"--other {text}: not NAME=PYTHON:SCRIPT, or there is no such script")
        return cls(name, python, Path(script))
