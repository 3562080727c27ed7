"""How and where a network runs. Standard library only: the command line and a Snakefile read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fad_core.models.options import Options
from fad_core.util.choices import parse_fields, require_choices

Runner = Literal["fast", "plain"]


@dataclass(frozen=True)
class Backend:
    """How and where a network runs.

    Attributes:
        runner: on a CPU: with kernels for the processor ("fast", `fad_core.runner.fast`), or as it was
            exported ("plain"). Nothing is chosen by it elsewhere.
        device: "cpu", "cuda", "cuda:1" …; or "auto", until `fad_core.runner.device.resolve_device` has said
            which that is. Another processor rounds otherwise, so results name it.

    Raises:
        ArgumentError: there is no such runner.
    """

    runner: Runner = "fast"
    device: str = "cpu"

    def __post_init__(self) -> None:
        require_choices(self)

    @property
    def on_cpu(self) -> bool:
        """Whether it is a CPU's."""
        return self.device == "cpu"

    @property
    def name(self) -> str:
        """One of "fast", "plain" and "cuda"."""
        return self.runner if self.on_cpu else "cuda"

    def __str__(self) -> str:
        """What differs from the default, as text; "" if nothing."""
        if not self.on_cpu:
            return "device=cuda"
        return "" if self.runner == "fast" else f"runner={self.runner}"


DEFAULT_BACKEND = Backend()


def parse_settings(text: str) -> tuple[Options, Backend]:
    """Read what the texts of an `Options` and of a `Backend` say, put together.

    Raises:
        ConfigError: a key is not known, or a value is not one of its values.

    >>> parse_settings("crop=first runner=plain")[1]
    Backend(runner='plain', device='cpu')
    """
    options, backend = parse_fields([Options, Backend], text)
    return options, backend


def settings_text(*parts: object) -> str:
    """Texts of options and backends as one; empty ones are left out."""
    return " ".join(filter(None, map(str, parts)))
