"""What the report says of data sets, of files and of the verification of models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fad_core.verification.verdicts import Verified
from fad_study.report.matrix import Row
from fad_study.report.sources import Model, Results

_FILES_LISTED = 500
LEVELS = {
    "eager": "the exported file compared with the network that it was exported from, for several batch sizes",
    "golden": "the model with seeded weights, from waveform to distance, compared with stored results of the "
    "original package",
    "reference": "the exported model compared with the original package, on the same checkpoint and clips",
}


def totals_of(results: Results, model: Model) -> dict[str, Any]:
    """Return the sums of a model's counts over all data sets."""
    rows = [row for row in results.datasets if row["model"] == model.name and row["vectors"] is not None]
    return {
        name: sum(row[name] for row in rows)
        for name in ("found", "used", "padded", "excluded", "ignored", "vectors", "seconds")
    }


def datasets_shown(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the data sets, each with the dimension of its vectors."""
    statistics = {(row["model"], row["dataset"]): row for row in results.statistics}
    return [
        {**row, "dimension": statistics[row["model"], row["dataset"]]["dimension"]}
        for row in results.datasets
    ]


def files_apart(results: Results) -> dict[str, Any]:
    """Return the files not embedded as they are, or with a note; equal lines of several models are merged."""
    apart: dict[tuple[str, ...], list[str]] = {}
    for row in results.files:
        if row["status"] != "used" or row["note"]:
            remark = "; ".join(filter(None, (row["reason"], row["note"])))
            key = (row["dataset"], row["file"], row["status"], remark)
            apart.setdefault(key, []).append(row["model"])
    order = {"excluded": 0, "padded": 1, "used": 2, "ignored": 3}
    # Excluded files come first, in case not all are listed.
    lines = sorted(apart.items(), key=lambda item: (order[item[0][2]], item[0][0], item[0][1], item[0][3]))
    return {
        "apart": [
            {**dict(zip(("dataset", "file", "status", "reason"), key, strict=True)), "models": models}
            for key, models in lines[:_FILES_LISTED]
        ],
        "apart_count": len(lines),
        "apart_by_status": Counter(status for (_, _, status, _), _ in lines),
    }


def verification_lines(results: Results, model: Model) -> list[dict[str, Any]]:
    """Return a line for each level and quantity; a level without rows gets the line "not run"."""
    lines: list[dict[str, Any]] = []
    for level in LEVELS:
        used = Verified(model.id, model.weights, model.weights_sha256)
        rows = [row for row in results.verification if row["level"] == level and used.has(row)]
        groups = dict.fromkeys((row["quantity"], row["tolerance"]) for row in rows)
        for quantity, tolerance in groups:
            group = [row for row in rows if (row["quantity"], row["tolerance"]) == (quantity, tolerance)]
            lines.append(
                {
                    "model": model.name,
                    "level": level,
                    "quantity": quantity,
                    "weights": group[0]["weights"],
                    "comparisons": len(group),
                    "absolute": max(row["max_absolute_difference"] for row in group),
                    "relative": max(row["max_relative_difference"] for row in group),
                    "tolerance": tolerance,
                    "verdict": _verdict(group),
                }
            )
        if not rows:
            lines.append({"model": model.name, "level": level, "verdict": "not run"})
    return lines


def _verdict(rows: Sequence[Row]) -> str:
    return "passed" if all(row["verdict"] == "passed" for row in rows) else "failed"
