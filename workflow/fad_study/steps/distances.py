"""Compute distances from statistics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fad_core.embedding.distances import scored_row
from fad_core.embedding.embedded_set import EmbeddedSet, FileEmbeddings
from fad_core.embedding.embeddings_reader import iterate_embeddings, read_embedding_facts
from fad_core.embedding.per_file import near_copy_rows
from fad_core.embedding.statistics_table import set_from_rows
from fad_core.errors import FadError
from fad_core.metrics import MetricValue, choose_metric
from fad_core.metrics.base import ROLES
from fad_core.models.base import Vectors
from fad_core.tables import DISTANCES, FILE_VALUES, NEAR_COPIES, STATISTICS, read_table, write_table
from fad_core.tables.parquet import read_metadata
from fad_core.tables.schemas import Schema
from fad_core.verification.verdicts import Verified, require_verified
from fad_study.ranking import difference_rows
from fad_study.same_numerics import GIVEN, mixed_note, require_same_numerics
from fad_study.schemas.ranking import DIFFERENCES, EXTRAPOLATION


def read_set(path: Path) -> EmbeddedSet:
    """Read the statistics of a data set.

    Args:
        path: a STATISTICS table.

    Raises:
        FadError: the table is missing or damaged, or its rows are not of one set.
    """
    rows = read_table(STATISTICS, path)
    try:
        return replace(set_from_rows(rows), note=read_metadata(STATISTICS, path).get("note", ""))
    except (ValueError, IndexError) as error:
        raise FadError(f"{path}: its statistics are not valid ({error}): delete it and run again") from error


def compute_distances(
    statistics: Sequence[Path],
    model: str,
    pairs: Sequence[tuple[str, str]],
    metrics: Sequence[str],
    distances: Path,
    embeddings: Sequence[Path] = (),
    *,
    differences: Path | None = None,
    extrapolation: Path | None = None,
    file_values: Path | None = None,
    near_copies: Path | None = None,
    ranked: Collection[str] = (),
    mixed: bool = False,
) -> None:
    """Compute every metric for every pair of data sets; write one row for each, in their order.

    Every two systems that are compared with the same reference are compared with each other too.

    Args:
        statistics: tables of statistics by the model, one for each data set.
        model: name of the model in the study.
        pairs: (reference, evaluation), names of data sets.
        metrics: names of metrics, with their options (`fad_core.metrics.choose_metric`).
        distances: the table of distances to write.
        embeddings: tables of all batches by the model; empty if neither metrics nor near copies need vectors.
        differences: the table of differences of systems to write; None: it is not written.
        extrapolation: the table of distances of parts to write; None: it is not written.
        file_values: the table of values of single files to write; None: it is not written.
        near_copies: the table of near copies to write; None: they are not looked for.
        ranked: names of the references whose systems are compared with each other.
        mixed: whether machines that compute differently are allowed; the rows then note them.

    Raises:
        FadError: the sets cannot be compared, were embedded on machines that compute differently, or the
            tables are not those of these sets by this model.
    """
    numerics = {path: read_metadata(STATISTICS, path).get("numerics", GIVEN) for path in statistics}
    require_same_numerics(numerics, mixed=mixed)
    by_path = {path: read_set(path) for path in statistics}
    sets = {embedded.name: embedded for embedded in by_path.values()}
    kinds = {embedded.name: numerics[path] for path, embedded in by_path.items()}
    missing = {name for pair in pairs for name in pair} - set(sets)
    others = {embedded.key.model for embedded in sets.values()} - {model}
    if missing or others:
        found = f"no statistics of {min(missing)}" if missing else f"statistics by {min(others)}"
        raise FadError(
            f"{statistics[0].parent} has {found}, where those of all data sets by {model} are expected: "
            "delete it and run again"
        )

    @lru_cache(maxsize=2)  # the two sets of a pair: all sets may exceed the memory
    def with_all_vectors(name: str) -> EmbeddedSet:
        return with_vectors(sets[name], embeddings)

    def getter(metric: str, role: str) -> Callable[[str], EmbeddedSet]:
        needed = choose_metric(metric).metric.needs_vectors_of(role)
        return with_all_vectors if needed else sets.__getitem__

    getters = {metric: [getter(metric, role) for role in ROLES] for metric in metrics}
    rows: dict[str, list[dict[str, Any]]] = {metric: [] for metric in metrics}
    systems: dict[tuple[str, str], list[tuple[dict[str, Any], MetricValue | None]]] = {}
    points: list[dict[str, Any]] = []
    copies: list[dict[str, Any]] = []
    of_files: list[dict[str, Any]] = []
    # Pair by pair: metrics of the same vectors share what they compute of them.
    for reference, evaluation in pairs:
        copied = ""
        if near_copies is not None and reference != evaluation:
            near, copied = near_copy_rows(with_all_vectors(reference), with_all_vectors(evaluation))
            copies += near
        for metric, (first, second) in getters.items():
            row, value = scored_row(first(reference), second(evaluation), metric, partial=True)
            noted = (row["note"], copied, mixed_note([kinds[reference], kinds[evaluation]]))
            rows[metric].append({**row, "note": "; ".join(filter(None, noted))})
            if value:
                names = ("n", "value", "fitted")
                points += [{**row, **dict(zip(names, point, strict=True))} for point in value.points]
                of_files += [{**row, "file": f, "caption": "", "value": own} for f, own in value.by_file]
            if reference in ranked and evaluation != reference:
                systems.setdefault((metric, reference), []).append((row, value))
    write_table(DISTANCES, [row for metric in metrics for row in rows[metric]], distances)
    if differences is not None:
        of_systems = [row for each in systems.values() for row in difference_rows(each)]
        write_table(DIFFERENCES, of_systems, differences)
    if extrapolation is not None:
        write_table(EXTRAPOLATION, _columns(EXTRAPOLATION, points), extrapolation)
    if file_values is not None:
        write_table(FILE_VALUES, _columns(FILE_VALUES, of_files), file_values)
    if near_copies is not None:
        write_table(NEAR_COPIES, copies, near_copies)


def _columns(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in schema.names} for row in rows]


def with_vectors(embedded: EmbeddedSet, tables: Sequence[Path]) -> EmbeddedSet:
    """Return a set with its vectors, which are read from tables.

    Args:
        embedded: the set.
        tables: EMBEDDINGS tables of all batches by its model.

    Raises:
        FadError: a table is missing or damaged, or by another model or with other settings.
    """
    vectors: dict[str, Vectors] = {}
    key = embedded.key
    for path in tables:
        facts = read_embedding_facts(path)
        by = (facts.identity["weights"], facts.identity["weights_sha256"], facts.settings)
        if by != (key.weights, key.weights_sha256, key.settings):
            raise FadError(
                f"{path}: embeddings by another model, or with other settings, than the statistics of "
                f"{embedded.name} by {key.model}: delete it and run again"
            )
    for output in embedded.statistics:
        for file, found in iterate_embeddings(tables, embedded.name, output):
            vectors.setdefault(file, {})[output] = found
    starts = np.empty(0)  # no metric uses the start times
    files = [FileEmbeddings(file, starts, each) for file, each in vectors.items()]
    return replace(embedded, embeddings=files)


def collect_distances(
    parts: Sequence[Path],
    ids: Mapping[str, str],
    verdicts: Sequence[Path],
    outputs: Sequence[Path],
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


def collect_tables(schema: Schema, parts: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Concatenate tables of all models into one.

    Args:
        schema: of all these tables.
        parts: tables to read, in this order.
        outputs: the tables to write, all with the same rows.
    """
    rows = [row for part in parts for row in read_table(schema, part)]
    for output in outputs:
        write_table(schema, rows, output)
