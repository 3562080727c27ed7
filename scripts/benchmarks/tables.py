"""Tables of the benchmark."""

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
    """Return a row of the table of programs, with the columns of this package first.

    The ratio of another package is its time divided by that of this package; its difference is that of the
    scores, relative to the score of this package, and missing if it gave no score (the original returns −1).

    Args:
        model: id of the model.
        files: number of files.
        seconds: duration of all files.
        floor: lower bound of the run time in seconds (`benchmarks.roofline`).
        timings: by the name of the package.
    """
    here = timings["fad_core"]
    row = {
        "model": model,
        "files": files,
        "audio_seconds": seconds,
        "here_seconds": here.median,
        "times_real_time": seconds / here.median,
        "floor_seconds": floor,
        "share_of_floor": floor / here.median,
        "here_peak_gb": here.peak_bytes / 1e9,
        "here_value": here.value,
    }
    for name, timing in timings.items():
        if name != "fad_core":
            scored = timing.value >= 0 and here.value > 0
            row |= {
                f"{name}_seconds": timing.median,
                f"{name}_ratio": timing.median / here.median,
                f"{name}_peak_gb": timing.peak_bytes / 1e9,
                f"{name}_value": timing.value,
                f"{name}_difference": abs(timing.value - here.value) / here.value if scored else None,
            }
    return row


def parts_rows(repeats: int) -> list[dict[str, Any]]:
    """Time all single operations; return rows of their table."""
    return [*parts.resampling(repeats), *parts.distances(repeats), parts.pairs()]


def write(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as CSV; without rows, the file is left unchanged."""
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def document(
    programs: Sequence[Mapping[str, Any]],
    measured: Sequence[Mapping[str, Any]],
    threads: int,
    rate: float,
    metrics: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the tables in Markdown, preceded by a description of the machine."""
    machine = (
        f"{_processor()}, {threads} threads, PyTorch {torch.__version__}, "
        f"Python {platform.python_version()}; matrix product {rate / 1e9:.0f} GFLOP/s"
    )
    sections = [machine, *map(_markdown, (programs, measured, metrics))]
    return "\n\n".join(filter(None, sections)) + "\n"


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    # Rows of models that a package lacks do not have its columns.
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    lines = [columns, ["---"] * len(columns), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
