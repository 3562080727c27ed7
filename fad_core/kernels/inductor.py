"""A network compiled for this processor by PyTorch's AOTInductor, which needs a C++ compiler."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from fad_core.atomic import atomic_path
from fad_core.errors import ModelError
from fad_core.pt2 import Identity


def compiled_folder() -> Path:
    """Where compiled networks are kept: `$XDG_CACHE_HOME/fad-core`, else `~/.cache/fad-core`."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "fad-core" / "compiled"


def compiled_network(
    program: torch.export.ExportedProgram, identity: Identity, runners: int
) -> Callable[..., Any]:
    """Compile a program for a CPU, unless it was compiled before, and load it.

    Args:
        program: of the `.pt2`.
        identity: likewise; what was compiled is kept under its digest.
        runners: how many threads may run it beside each other, each with one numeric thread.

    Raises:
        ModelError: it cannot be compiled here.
    """
    from torch._inductor.package.package import load_package

    path = compiled_folder() / f"{identity.model}-{_digest(identity)}.pt2"
    if not path.is_file():
        sys.stderr.write(
            f"fad_core: compiling {identity.model} to {path}, which takes a minute or two, once\n"
        )
        with atomic_path(path) as temporary:
            _compile(program, temporary)
    loaded: Callable[..., Any] = load_package(str(path), num_runners=runners)
    return loaded


def _compile(program: torch.export.ExportedProgram, path: Path) -> None:
    package = path.with_name(f"{path.name}.pt2")
    try:
        torch._inductor.aoti_compile_and_package(
            program,
            package_path=str(package),
            inductor_configs={"freezing": True, "cpp.threads": 1, "max_autotune": False},
        )
        package.replace(path)
    except Exception as error:  # torch raises whatever its compiler does
        reason = str(error).strip().splitlines()
        raise ModelError(
            f"runner: compiled needs a C++ compiler that PyTorch can use (g++); runner: fast does not "
            f"({reason[0] if reason else type(error).__name__})"
        ) from error
    finally:
        package.unlink(missing_ok=True)


def _digest(identity: Identity) -> str:
    """Of what decides what is compiled: the network, PyTorch and the processor."""
    facts = {
        "identity": asdict(identity),
        "torch": str(torch.__version__),
        "processor": torch.backends.cpu.get_cpu_capability(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
