#!/usr/bin/env python3
"""Fetch the official weights that can be had, and compare distances by them with published ones.

The studies are those of fadtk's sample clips and of the sine test. What was found is printed, and written to
a Markdown file that can be sent in, with the hashes of all files.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from fad_study.config import read_yaml
from fad_study.schemas.papers import PUBLISHED
from fad_study.study_models import name_and_id
from fad_study.versions import versions

from fad_core.errors import FadError
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.models.checkpoint import Checkpoint
from fad_core.models.fadtk_conventions import FADTK_NAMES
from fad_core.tables import read_table
from fad_core.util.atomic import write_text
from fad_core.weights import fetch_weights, locate_weights

STUDIES = Path("workflow/studies")
OUTPUT = Path("results/official_weights")
_WHOLE = 64


@dataclass(frozen=True)
class File:
    """A checkpoint file.

    Attributes:
        checkpoint: the official file.
        models: ids of the models that need it.
        sha256: its hash; "" if it is not there.
        size: its size in bytes; 0 if it is not there.
        fault: why it is not there; "" if it is.
    """

    checkpoint: Checkpoint
    models: tuple[str, ...]
    sha256: str = ""
    size: int = 0
    fault: str = ""

    @property
    def known(self) -> str:
        """What of its hash was known before."""
        digits = len(self.checkpoint.sha256)
        return "all digits" if digits == _WHOLE else f"the first {digits} digits" if digits else "nothing"


def fetch(models: Iterable[EmbeddingModel], ckpt_dir: Path | None, *, progress: bool = True) -> list[File]:
    """Fetch every official checkpoint of some models that can be had.

    Args:
        models: the models.
        ckpt_dir: where official checkpoints are kept; None: the default folder.
        progress: whether the progress of downloads is shown.

    Returns:
        All files, each once.
    """
    users: dict[str, list[EmbeddingModel]] = {}
    for model in models:
        for checkpoint in model.checkpoints:
            users.setdefault(checkpoint.filename, []).append(model)
    return [_fetched(name, needing, ckpt_dir, progress) for name, needing in users.items()]


def _fetched(name: str, models: Sequence[EmbeddingModel], ckpt_dir: Path | None, progress: bool) -> File:
    """Fetch one of the checkpoints of a model."""
    (checkpoint,) = (each for each in models[0].checkpoints if each.filename == name)
    file = File(checkpoint, tuple(model.name for model in models))
    located = locate_weights(models[0], "official", ckpt_dir)
    alone = replace(located, files=tuple(each for each in located.files if each.checkpoint == checkpoint))
    print(f"{name}: {checkpoint.source}", flush=True)
    try:
        (found,) = fetch_weights(alone, ckpt_dir, progress).files
    except FadError as error:
        # The further lines say how to go on without it.
        return replace(file, fault=error.message.splitlines()[0])
    assert found.path is not None
    return replace(file, sha256=found.sha256, size=found.path.stat().st_size)


def available(entries: Iterable[Mapping[str, Any]], files: Sequence[File]) -> list[Mapping[str, Any]]:
    """Return the entries under `models` whose checkpoints are all there."""
    there = {file.checkpoint.filename for file in files if not file.fault}
    return [
        entry
        for entry in entries
        if {checkpoint.filename for checkpoint in get_model(entry["id"]).checkpoints} <= there
    ]


def studies() -> Iterator[tuple[dict[str, Any], list[Mapping[str, Any]], str]]:
    """Yield each study, its entries under `models`, and the script that makes its audio."""
    samples, sine = (read_yaml(STUDIES / f"{name}.yaml") for name in ("fadtk_samples", "sine"))
    yield samples, [{"id": name} for name in FADTK_NAMES], "fetch_fadtk_samples.py"
    yield sine, sine["models"], "make_sine_audio.py"


def run(
    study: Mapping[str, Any], models: Sequence[Mapping[str, Any]], ckpt_dir: Path | None, cores: str
) -> Path:
    """Run a study with these models on official weights.

    Args:
        study: its configuration.
        models: its entries under `models`.
        ckpt_dir: where official checkpoints are kept; None: the default folder.
        cores: number of cores, or "all".

    Returns:
        Path of its table of published figures.
    """
    name = f"official_{study['study']}"
    chosen = {**study, "study": name, "models": [dict(entry) for entry in models], "weights": "official"}
    if ckpt_dir:
        chosen["ckpt_dir"] = str(ckpt_dir)
    path = OUTPUT / f"{name}.yaml"
    write_text(path, yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True))
    subprocess.run(["fad", "study", "run", str(path), "--cores", cores], check=True)
    return Path("results", name, "tables/published.parquet")


def report(files: Sequence[File], compared: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return what was found, as Markdown.

    Args:
        files: the checkpoints.
        compared: by the name of a study, rows of its PUBLISHED table.
    """
    lines = ["# Distances on official weights", "", f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}; "]
    lines[-1] += ", ".join(f"{name} {version}" for name, version in versions()) + "."
    lines += [
        "",
        "| checkpoint | bytes | sha256 | known of the hash before | models |",
        "|---|---:|---|---|---|",
    ]
    for file in files:
        found = f"{file.size} | {file.sha256}" if not file.fault else f" | not there: {file.fault}"
        lines.append(f"| {file.checkpoint.filename} | {found} | {file.known} | {', '.join(file.models)} |")
    lines += ["", "| study | model | figures | agree | largest relative difference | tolerance |"]
    lines += ["|---|---|---:|---:|---:|---:|"]
    for study, rows in compared.items():
        for model in dict.fromkeys(row["model"] for row in rows):
            own = [row for row in rows if row["model"] == model]
            agreeing = sum(row["verdict"] == "agrees" for row in own)
            worst = max(abs(row["relative_difference"] or 0.0) for row in own)
            numbers = f"{len(own)} | {agreeing} | {worst:.2g} | {own[0]['tolerance']:g}"
            lines.append(f"| {study} | {model} | {numbers} |")
    return "\n".join(lines) + "\n"


def main(ckpt_dir: Path | None = None, cores: str = "all") -> int:
    """Fetch, run both studies, and print and write what was found.

    Args:
        ckpt_dir: where official checkpoints are kept; None: the default folder.
        cores: number of cores, or "all".

    Returns:
        0 if there are figures, all agree and no study failed; otherwise 1.
    """
    planned = list(studies())
    ids = dict.fromkeys(name_and_id(entry)[1] for _, entries, _ in planned for entry in entries)
    files = fetch(map(get_model, ids), ckpt_dir)
    compared, failed = {}, False
    for study, entries, audio in planned:
        if chosen := available(entries, files):
            try:
                subprocess.run([sys.executable, str(Path("scripts", audio))], check=True)
                table = run(study, chosen, ckpt_dir, cores)
            except subprocess.CalledProcessError as error:
                print(f"{study['study']}: not compared: {error}", file=sys.stderr)
                failed = True
                continue
            compared[study["study"]] = read_table(PUBLISHED, table)
    text = report(files, compared)
    write_text(OUTPUT / "official_weights.md", text)
    print(f"\n{text}\nWritten to {OUTPUT / 'official_weights.md'}. Please send it in (CONTRIBUTING.md).")
    verdicts = [row["verdict"] for rows in compared.values() for row in rows]
    return int(failed or set(verdicts) != {"agrees"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ckpt-dir", type=Path, help="folder of official checkpoints")
    parser.add_argument("--cores", default="all", help="default: %(default)s")
    given = parser.parse_args()
    sys.exit(main(given.ckpt_dir, given.cores))
