"""How and where a network runs. It is read without PyTorch, which only a GPU needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fad_core.errors import ModelError
from fad_core.models.options import DEFAULT_OPTIONS, Options, require_batch_size
from fad_core.util.choices import choice, parse_fields, require_choices

if TYPE_CHECKING:
    from fad_core.models.base import NetworkModel

__all__ = ["Backend"]

Runner = Literal["fast", "plain"]

Origin = Literal["given", "trusted", "own"]
"""Origin of a `.pt2`: given by a user, from any source; given, and declared to come from a trusted source; or
exported by this program, into the cache or a study's results. Files of the latter two that the safe reader
cannot read, since their networks have operators that it does not know, are read by `torch.export.load`, which
may run code that a file contains."""


@dataclass(frozen=True)
class Backend:
    """How and where a network runs; `resolve_device` replaces a device "auto".

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


def resolve_device(device: str) -> str:
    """Return the device for a choice.

    Args:
        device: "cpu", "cuda" (or "cuda:0", …), or "auto": cuda if there is one, else cpu.

    Raises:
        ModelError: the choice is not one of these, or there is no such device.
    """
    if device == "cpu":
        return device
    import torch

    chosen = device
    if device == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
    if re.fullmatch(r"cpu|cuda(:\d+)?", chosen) is None:
        raise ModelError(f"device must be cpu, cuda, cuda:0 (and so on) or auto, not {device!r}")
    if chosen != "cpu":
        if not torch.cuda.is_available():
            raise ModelError(f"device {device!r}: torch finds no CUDA device; use cpu or auto")
        count = torch.cuda.device_count()
        if int(chosen.partition(":")[2] or 0) >= count:
            known = "is only cuda:0" if count == 1 else f"are {count}, cuda:0 to cuda:{count - 1}"
            raise ModelError(f"device {device!r} does not exist: there {known}")
    return chosen


def resolve_backend(backend: Backend, options: Options = DEFAULT_OPTIONS) -> Backend:
    """Return how and where a network runs for a choice.

    Args:
        backend: the choice; its device may be "auto".
        options: how the model is used. If they reproduce the original package, the network runs as it was
            exported, since only PyTorch's kernels regenerate an old number to its last digits.

    Raises:
        ModelError: there is no such device.
    """
    device = resolve_device(backend.device)
    return Backend("plain" if options.imitate_original else backend.runner, device)


def chosen_batch_size(model: NetworkModel, backend: Backend, batch_size: int | None) -> int:
    """Return the number of windows, or on a CUDA device of files, that are embedded at once.

    Args:
        model: the model.
        backend: how and where it runs.
        batch_size: the user's choice; None: the model's own. It has no effect on a CUDA device for models
            whose blocks are embedded one by one there.

    Raises:
        ArgumentError: `batch_size` is not a whole number of at least 1.
    """
    require_batch_size(batch_size)
    own = model.batch_size if backend.on_cpu else model.cuda_batch_size
    return own if batch_size is None or (own == 1 and not backend.on_cpu) else batch_size


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
