"""From statistics to the table of distances."""

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
        raise FadError(f"{path}: these counts are not usable ({error}): delete it and run again") from error
    return EmbeddedSet(**facts, statistics=statistics_from_row(row), counts=counts, note=note)


def compute_distances(
    statistics: Sequence[Path], pairs: Sequence[tuple[str, str]], metrics: Sequence[str], distances: Path
) -> None:
    """Compare pairs of (reference, evaluation) by every metric; write rows in the order of the pairs."""
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
    """Put the models' distance tables under each other.

    Args:
        parts: of one model each.
        ids: of the models, by the names that the tables have for them.
        verdicts: the tables of verification of all these models.
        outputs: the tables to write.

    Raises:
        VerificationError: the verdicts do not say that all these models, with these weights, have passed.
    """
    rows = [row for part in parts for row in read_table(DISTANCES, part)]
    used = dict.fromkeys(Verified(ids[row["model"]], row["weights"], row["weights_sha256"]) for row in rows)
    require_verified(verdicts, used)
    for output in outputs:
        write_table(DISTANCES, rows, output)
