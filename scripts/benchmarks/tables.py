"""The benchmark's tables."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import parts
from benchmarks.programs import Timing


def program_row(
    model: str, files: int, seconds: float, floor: float, timings: Mapping[str, Timing]
) -> dict[str, Any]:
    """What two programs needed for the same work; the original's columns are empty where it was not run."""
    here, before = timings["fad_core"], timings.get("original")
    return {
        "model": model,
        "files": files,
        "audio_seconds": seconds,
        "original_seconds": before and before.median,
        "here_seconds": here.median,
        "ratio": before and before.median / here.median,
        "times_real_time": seconds / here.median,
        "floor_seconds": floor,
        "share_of_floor": floor / here.median,
        "original_peak_gb": before and before.peak_bytes / 1e9,
        "here_peak_gb": here.peak_bytes / 1e9,
        "original_value": before and before.value,
        "here_value": here.value,
    }


def parts_rows(repeats: int) -> list[dict[str, Any]]:
    """All parts."""
    return [*parts.resampling(repeats), *parts.distances(repeats), parts.pairs()]


def write(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def document(
    programs: Sequence[Mapping[str, Any]], measured: Sequence[Mapping[str, Any]], threads: int, rate: float
) -> str:
    """Both tables in Markdown, and the machine."""
    machine = (
        f"{_processor()}, {threads} threads, PyTorch {torch.__version__}, "
        f"Python {platform.python_version()}; matrix product {rate / 1e9:.0f} GFLOP/s"
    )
    return "\n\n".join([machine, _markdown(programs), _markdown(measured)]) + "\n"


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([_cell(value) for value in row.values()] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
