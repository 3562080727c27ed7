"""The table of decisions: what becomes of each file under each model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fad_core.datasets.decisions import FileDecision
from fad_core.datasets.remarks import Remark
from fad_core.datasets.scan import FileRecord
from fad_core.errors import FadError
from fad_core.tables import read_table, write_table
from fad_study.schemas.files import DECISIONS

Records = Mapping[str, Sequence[FileRecord]]
"""The records of files by data set."""


def write_decisions(decisions: Iterable[tuple[str, str, Sequence[FileDecision]]], path: Path) -> None:
    """Write decisions as a table.

    Args:
        decisions: (name of the model, data set, decisions on its files).
        path: of the table.
    """
    rows = [
        {
            "model": model,
            "dataset": dataset,
            "file": decision.record.file,
            "status": decision.status,
            "reason": decision.reason,
            "setting": decision.setting,
            "remarks": json.dumps([list(remark) for remark in decision.remarks]),
            "gain": decision.gain,
        }
        for model, dataset, selected in decisions
        for decision in selected
    ]
    write_table(DECISIONS, rows, path)


def read_decisions(path: Path, model: str, records: Records) -> dict[str, list[FileDecision]]:
    """Read the decisions on files under a model.

    Args:
        path: of the table.
        model: name of the model in the study.
        records: the files.

    Returns:
        The decisions by data set, as the records are sorted.

    Raises:
        FadError: the table is missing or damaged, or has no decision on a file.
    """
    rows = read_table(DECISIONS, path, {"model": [model], "dataset": list(records)})
    by_file = {(row["dataset"], row["file"]): row for row in rows}
    try:
        return {
            dataset: [
                FileDecision(
                    record,
                    row["status"],
                    row["reason"],
                    row["setting"],
                    tuple(Remark(*remark) for remark in json.loads(row["remarks"])),
                    row["gain"],
                )
                for record in found
                for row in [by_file[dataset, record.file]]
            ]
            for dataset, found in records.items()
        }
    except (KeyError, ValueError, TypeError) as error:
        raise FadError(f"{path} has no decision on a file ({error}): delete it and run again") from error
