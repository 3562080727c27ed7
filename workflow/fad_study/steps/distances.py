"""Compute distances from statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fad_core.embedding.distances import EmbeddedSet, distance_row
from fad_core.embedding.facts import counts_from_row
from fad_core.embedding.statistics_table import statistics_from_row
from fad_core.errors import FadError
from fad_core.tables import DISTANCES, STATISTICS, read_table, write_table
from fad_core.tables.parquet import read_metadata
from fad_core.verification.verdicts import Verified, require_verified


def _embedded_set(path: Path) -> EmbeddedSet:
    (row,) = read_table(STATISTICS, path)
    facts = {name: row[name] for name in ("dataset", "model", "weights", "weights_sha256", "settings")}
    note = read_metadata(STATISTICS, path).get("note", "")
    try:
        counts = counts_from_row(row)
    except ValueError as error:
        raise FadError(f"{path}: its counts are not valid ({error}): delete it and run again") from error
    return EmbeddedSet(**facts, statistics=statistics_from_row(row), counts=counts, note=note)


def compute_distances(
    statistics: Sequence[Path], pairs: Sequence[tuple[str, str]], metrics: Sequence[str], distances: Path
) -> None:
    """Compute every metric for every pair of data sets; write one row for each, in their order.

    Args:
        statistics: tables of statistics, one for each data set.
        pairs: (reference, evaluation), names of data sets.
        metrics: names of metrics.
        distances: the table to write.
    """
    sets = {embedded.dataset: embedded for embedded in map(_embedded_set, statistics)}
    rows = [
        distance_row(sets[reference], sets[evaluation], metric)
        for metric in metrics
        for reference, evaluation in pairs
    ]
    write_table(DISTANCES, rows, distances)


def collect_distances(
    parts: Sequence[Path], ids: Mapping[str, str], verdicts: Sequence[Path], outputs: Sequence[Path]
) -> None:
    """Concatenate the distances of all models into one table.

    Args:
        parts: tables of distances, one for each model.
        ids: ids of the models, by their names in the study.
        verdicts: tables of verification of these models.
        outputs: the tables to write, all with the same rows.

    Raises:
        VerificationError: the verdicts do not show that all models, with these weights, have passed.
    """
    rows = [row for part in parts for row in read_table(DISTANCES, part)]
    used = dict.fromkeys(Verified(ids[row["model"]], row["weights"], row["weights_sha256"]) for row in rows)
    require_verified(verdicts, used)
    for output in outputs:
        write_table(DISTANCES, rows, output)
