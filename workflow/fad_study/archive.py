"""A finished study as one file that can be handed on and checked, without its audio.

The archive (.zip) has the configuration, tables, figures, the report, the statistics of all data sets, the
verdicts on the models, the pins of the environment, and `manifest.json`: the SHA-256 of each file and the
versions. The same results give the same bytes, but for the report's line of provenance.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from fad_core.datasets import file_sha256
from fad_core.embedding.distances import distance_row
from fad_core.errors import FadError
from fad_core.metrics import choose_metric
from fad_core.tables import CLAP_SCORE, DISTANCES, read_table
from fad_core.util.atomic import atomic_path
from fad_core.util.json_text import parse_object
from fad_study.steps.distances import read_set
from fad_study.versions import versions
from fad_study.workflow_files import workflow_folder

MANIFEST = "manifest.json"
_PARTS = ("decisions.parquet", "figures", "manifests", "report.html", "statistics", "tables")
"""Of the results: all but embeddings, logs and times."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: the earliest that the format has."""
_TOLERANCES = {"value": 1e-9, "corrected": 1e-6, "ci_low": 1e-6, "ci_high": 1e-6}
"""Largest differences, relative to the value, of what is computed again, maybe on another kind of machine.
What is extrapolated from parts of a set has its rounding errors many times over: 6e-9 was seen between one
thread and two."""
_SAME = ("weights_sha256", "n_reference", "n_evaluation")


@dataclass(frozen=True)
class Checked:
    """What came of a check of an archive.

    Attributes:
        files: number of files in the manifest.
        distances: number of distances that were computed again from statistics.
        largest: the largest relative difference of these.
        faults: a line for each thing that is wrong.
    """

    files: int
    distances: int
    largest: float
    faults: tuple[str, ...]


def write_archive(config: Mapping[str, Any], results: Path, verification: Path, archive: Path) -> int:
    """Pack a finished study.

    Args:
        config: its configuration.
        results: folder of its results.
        verification: folder of the verdicts on models.
        archive: the .zip file to write.

    Returns:
        The number of files in it.

    Raises:
        FadError: the study is not finished.
        OutputError: the archive cannot be written.
    """
    if not (results / "report.html").is_file():
        raise FadError(f"{results} has no report: run the study to its end before it is packed")
    files = {"study.yaml": yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True).encode()}
    for part in _PARTS:
        found = [results / part, *sorted((results / part).rglob("*"))]
        files |= {
            f"results/{path.relative_to(results).as_posix()}": path.read_bytes()
            for path in found
            if path.is_file()
        }
    scored = results / "tables/clap_score.parquet"
    rows = _distances(results) + (read_table(CLAP_SCORE, scored) if scored.is_file() else [])
    ids = {row["model"] for row in rows}
    verdicts = sorted(verification.glob("*.csv"))
    files |= {
        f"verification/{path.name}": path.read_bytes() for path in verdicts if _is_of(path.name, config)
    }
    files["environment/core.txt"] = (workflow_folder() / "envs/core.txt").read_bytes()
    facts = {
        "study": config["study"],
        "models": sorted(ids),
        "versions": dict(versions()),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    files[MANIFEST] = (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()
    with atomic_path(archive) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{config['study']}/{name}", _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    return len(files)


def check_archive(archive: Path, folder: Path) -> Checked:
    """Unpack an archive and check it: every file by its hash, every distance by the statistics.

    Args:
        archive: the .zip file.
        folder: an empty folder to unpack it to.

    Raises:
        FadError: it is not an archive of a study.
    """
    root = _unpacked(archive, folder)
    try:
        hashes = parse_object((root / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, KeyError, ValueError) as error:
        raise FadError(f"{archive}: no valid {MANIFEST}: not an archive of a study") from error
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} - {MANIFEST}
    faults = [f"{name}: missing" for name in sorted(hashes.keys() - there)]
    faults += [f"{name}: not in the manifest" for name in sorted(there - hashes.keys())]
    for name in sorted(there & hashes.keys()):
        if file_sha256(root / name) != hashes[name]:
            faults.append(f"{name}: its sha256 is not that of the manifest")
    compared = list(_compared(root / "results"))
    faults += [fault for _, fault in compared if fault]
    return Checked(
        len(hashes), len(compared), max((each for each, _ in compared), default=0.0), tuple(faults)
    )


def _compared(results: Path) -> Iterator[tuple[float, str]]:
    """Yield the relative difference of each distance that statistics give, and what is wrong with it."""
    sets: dict[tuple[str, str], Any] = {}
    for row in _distances(results):
        name = f"{row['metric']} {row['metric_settings']}".strip()
        if choose_metric(name).metric.needs_vectors or row["value"] is None:
            continue
        pair = []
        for role in ("reference", "evaluation"):
            key = (row["model"], row[role])
            if key not in sets:
                sets[key] = read_set(results / "statistics" / key[0] / f"{key[1]}.parquet")
            pair.append(sets[key])
        again = distance_row(pair[0], pair[1], name, partial=True)
        apart = {name: _apart(row[name], again[name], row["value"]) for name in _TOLERANCES}
        different = [name for name, each in apart.items() if each > _TOLERANCES[name]]
        different += [name for name in _SAME if row[name] != again[name]]
        what = f"{row['metric']} of {row['reference']} and {row['evaluation']} by {row['model']}"
        faults = (f"{name} {row[name]}, but the statistics give {again[name]}" for name in different)
        fault = f"{what}: {'; '.join(faults)}" if different else ""
        yield max(apart.values()), fault


def _apart(one: float | None, other: float | None, value: float) -> float:
    if one is None or other is None:
        return 0.0 if one is other else 1.0
    return 0.0 if one == other else abs(one - other) / max(abs(value), 1e-300)


def _distances(results: Path) -> list[dict[str, Any]]:
    path = results / "tables/distances.parquet"
    return read_table(DISTANCES, path) if path.is_file() else []


def _is_of(name: str, config: Mapping[str, Any]) -> bool:
    """Return whether a table of verdicts is of a model of the study."""
    ids = tuple(entry["id"] for entry in config.get("models", []))
    return name.startswith(tuple(f"{each}{end}" for each in ids for end in ("-", ".")))


def _unpacked(archive: Path, folder: Path) -> Path:
    """Unpack an archive; return the folder with its manifest.

    Raises:
        FadError: it cannot be unpacked, or a name in it leads elsewhere.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                parts = PurePosixPath(name).parts
                if not parts or parts[0] == "/" or ".." in parts:
                    raise FadError(f"{archive}: the name {name!r} leads out of the archive")
            packed.extractall(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise FadError(f"{archive} cannot be read as an archive of a study: {error}") from error
    found = sorted(folder.glob(f"*/{MANIFEST}"))
    if len(found) != 1:
        raise FadError(f"{archive}: no {MANIFEST}: not an archive of a study")
    return found[0].parent
