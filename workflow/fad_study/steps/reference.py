"""The steps of live verification: clips and checkpoints for the original package, verdicts, summary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fad_core.errors import VerificationError
from fad_core.models import get_model
from fad_core.models.crops import crop_number
from fad_core.models.options import Options
from fad_core.tables import VERIFICATION, read_table, write_table
from fad_core.util.atomic import write_text
from fad_core.weights import Weights, save_seeded_checkpoint
from fad_study.reference.cases import Case
from fad_study.reference.live import Distances
from fad_study.schemas.reference import SUMMARY

_DIGITS = ".3g"
_DISTANCE_DIGITS = ".9g"


def write_clips(cases: Iterable[tuple[str, Case]], folder: Path) -> None:
    """Write cases for the original package: WAV files, and `clips.json` with how to process each.

    Args:
        cases: names and cases (`golden_set` or `verification_set` of `fad_study.reference.cases`).
        folder: the folder to write, created if missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, dict[str, Any]] = {}
    for name, case in cases:
        case.clip.write(folder / f"{name}.wav")
        key = case.clip.sha256
        seed = crop_number(Options().seed, key)
        facts[name] = {"key": key, "seed": seed, "group": case.group, "loading": case.loading}
    write_text(folder / "clips.json", json.dumps(facts, indent=1) + "\n")


def write_checkpoints(weights: Weights, folder: Path) -> None:
    """Lay out checkpoints as the original package expects them.

    Args:
        weights: fetched weights. Seeded ones are written, others are linked under their official names.
        folder: the folder to write.
    """
    for item in weights.files:
        path = folder / item.checkpoint.folder / item.checkpoint.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        if item.path is None:
            save_seeded_checkpoint(item.checkpoint, path)
        else:
            path.symlink_to(item.path.resolve())


def summarise_verification(
    tables: Sequence[Path], distances: Sequence[Path], outputs: Sequence[Path]
) -> None:
    """Write the summary of live verification, one row for each model.

    Args:
        tables: tables of verification, one for each model.
        distances: files that `write_distances` wrote, in the same order.
        outputs: the files to write: .csv, .parquet or .md.
    """
    rows = [_summary_row(*paths) for paths in zip(tables, distances, strict=True)]
    for output in outputs:
        if output.suffix == ".md":
            write_text(output, _markdown(rows))
        else:
            write_table(SUMMARY, rows, output)


def write_distances(distances: Distances, versions: dict[str, str], path: Path) -> None:
    """Write distances as JSON.

    Args:
        distances: the distances of the original and of this package.
        versions: versions of the packages in the original's environment, by name.
        path: the file to write.
    """
    text = json.dumps({"distances": asdict(distances), "versions": versions}, indent=1, sort_keys=True)
    write_text(path, text + "\n")


def collect_verifications(tables: Sequence[Path], output: Path) -> None:
    """Concatenate the verdicts of all levels of a model into one table.

    Args:
        tables: tables of verification.
        output: the table to write.
    """
    write_table(VERIFICATION, [row for table in tables for row in read_table(VERIFICATION, table)], output)


def _summary_row(table: Path, distances: Path) -> dict[str, Any]:
    rows = read_table(VERIFICATION, table)
    outputs = {model: get_model(model).main_output for model in {row["model"] for row in rows}}
    embedded = [row for row in rows if row["quantity"] == outputs[row["model"]]]
    if not embedded:
        raise VerificationError(f"{table}: nothing was verified")
    values = Distances(**json.loads(distances.read_text(encoding="utf-8"))["distances"])
    first = embedded[0]
    return {
        **{name: first[name] for name in ("model", "weights", "weights_sha256")},
        "clips": len(embedded),
        "vectors": sum(row["vectors"] for row in embedded),
        **{
            name: max(row[name] for row in embedded)
            for name in ("max_absolute_difference", "max_relative_difference", "tolerance")
        },
        "off_by_quantum": sum(row["off_by_quantum"] for row in embedded),
        "min_cosine": min(row["min_cosine"] for row in embedded),
        "fad_original": values.original,
        "fad_here": values.here,
        "fad_relative_difference": abs(values.here - values.original) / values.original,
        "fad_printed": values.printed,
        "fad_printed_here": values.printed_here,
        "note": values.failure,
        "verdict": "passed" if all(row["verdict"] == "passed" for row in rows) else "failed",
    }


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    head = [
        "model",
        "weights",
        "vectors",
        "largest difference",
        "relative to RMS",
        "1 - cosine",
        "FAD, original",
        "FAD, here",
        "relative difference",
        "printed by the original",
        "ours for that",
        "verdict",
    ]
    lines = [head, ["---"] * len(head), *map(_cells, rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of a row of the summary."""
    return [
        f"`{row['model']}`",
        row["weights"],
        str(row["vectors"]),
        *(format(row[f"max_{kind}_difference"], _DIGITS) for kind in ("absolute", "relative")),
        format(1 - row["min_cosine"], _DIGITS),
        *(format(row[f"fad_{whose}"], _DISTANCE_DIGITS) for whose in ("original", "here")),
        format(row["fad_relative_difference"], _DIGITS),
        _printed(row),
        format(row["fad_printed_here"], _DISTANCE_DIGITS),
        row["verdict"],
    ]


def _printed(row: dict[str, Any]) -> str:
    """Return the number that the original prints, or the error that it prints, or both."""
    number = "" if row["fad_printed"] is None else format(row["fad_printed"], _DISTANCE_DIGITS)
    return f"{number} ({row['note']})".strip() if row["note"] else number
