"""How and where a network runs. Standard library only: the command line and a Snakefile read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fad_core.models.options import Options
from fad_core.util.choices import choice, parse_fields, require_choices

__all__ = ["Backend"]

Runner = Literal["fast", "plain"]


@dataclass(frozen=True)
class Backend:
    """How and where a network runs; `fad_core.runner.device.resolve_device` replaces a device "auto".

    Raises:
        ArgumentError: there is no such runner.
    """

    runner: Runner = choice(
        "fast",
        "How the network runs on a CPU: fast (with kernels for the processor) or plain (as it was exported). "
        "Their results differ by rounding; results name a runner other than the default.",
    )
    device: str = choice(
        "cpu",
        "Where the network runs: cpu, cuda (an NVIDIA GPU; the second is cuda:1), or auto (cuda if there is "
        "one, else cpu). Results computed on a GPU differ by rounding; they name the device.",
    )

    def __post_init__(self) -> None:
        require_choices(self)

    @property
    def on_cpu(self) -> bool:
        """Whether the network runs on a CPU."""
        return self.device == "cpu"

    @property
    def name(self) -> str:
        """One of "fast", "plain" and "cuda"."""
        return self.runner if self.on_cpu else "cuda"

    def __str__(self) -> str:
        """Return what differs from the default, as text."""
        if not self.on_cpu:
            return "device=cuda"
        return "" if self.runner == "fast" else f"runner={self.runner}"


DEFAULT_BACKEND = Backend()


def parse_settings(text: str) -> tuple[Options, Backend]:
    """Read options and a backend from their texts, joined by `settings_text`.

    Raises:
        ConfigError: a key is not known, or a value is not one of its values.

    >>> parse_settings("crop=first runner=plain")[1]
    Backend(runner='plain', device='cpu')
    """
    options, backend = parse_fields([Options, Backend], text)
    return options, backend


def settings_text(*parts: object) -> str:
    """Join the texts of options and backends by spaces; empty ones are left out."""
    return " ".join(filter(None, map(str, parts)))
