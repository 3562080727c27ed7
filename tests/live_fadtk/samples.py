#!/usr/bin/env python3
"""Compute the distances of fadtk's 23 sample clips from FMA-Pop, and compare them with its published scores.

    python tests/live_fadtk/samples.py REFERENCE_PYTHON [--ckpt-dir FOLDER] [--csv FILE]

REFERENCE_PYTHON is the interpreter of `make reference-env`, whose packages have the clips, the statistics of
FMA-Pop, the scores, and CDPAM's official weights. Models whose official weights are in the folder are run
too.
The exit status is 1 if a relative difference is larger than 1e-3, or if none could be computed.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fad_core import FrechetAudioDistance
from fad_core.api.scoring import embed_sets
from fad_core.embedding.cached import cache_of
from fad_core.embedding.distances import distance_row
from fad_core.embedding.statistics_files import read_statistics
from fad_core.models import get_model
from fad_core.models.fadtk_conventions import FADTK_NAMES
from fad_core.weights import checkpoint_path, default_ckpt_dir

TOLERANCE = 1e-3
"""Relative. 2.5e-4 was seen; another rounding to 16 bits moves a score by up to 5e-4."""
COLUMNS = ("model", "clip", "value", "published", "relative_difference", "verdict")


def main() -> int:
    """Print a line for each model, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", help="interpreter of the environment that has fadtk and cdpam")
    parser.add_argument("--ckpt-dir", type=Path, help="folder of official checkpoints")
    parser.add_argument("--csv", type=Path, help="table to write")
    given = parser.parse_args()
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([given.python, "-I", "-c", code], text=True).strip())
    with (site / "fadtk/test/samples_FAD_scores.csv").open(encoding="utf-8") as stream:
        published = {Path(row["song_id"]).name: row for row in csv.DictReader(stream)}
    rows: list[tuple[str, str, float, float, float, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        ckpt_dir = checkpoints(Path(folder), given.ckpt_dir or default_ckpt_dir(), site)
        for name in FADTK_NAMES:
            files = get_model(name).checkpoints
            if not all(checkpoint_path(file, ckpt_dir).is_file() for file in files):
                print(f"{name}: not run, its official weights are not there")
                continue
            column = f"FAD_{FADTK_NAMES[name].replace('-', '_')}_fma_pop"
            found = []
            for clip, value in scores(name, site / "fadtk", ckpt_dir, Path(folder)):
                expected = float(published[clip][column])
                apart = value / expected - 1
                verdict = "agrees" if abs(apart) <= TOLERANCE else "differs"
                found.append((name, clip, value, expected, apart, verdict))
            agreeing = sum(row[-1] == "agrees" for row in found)
            worst = max(abs(row[4]) for row in found)
            print(
                f"{name}: {agreeing} of {len(found)} published scores agree, largest difference {worst:.1e}"
            )
            rows += found
    if given.csv:
        with given.csv.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])
    return int(not rows or any(row[-1] == "differs" for row in rows))


def checkpoints(folder: Path, others: Path, site: Path) -> Path:
    """Return a folder with links to official checkpoints, those of cdpam from its package."""
    for path in others.rglob("*.*") if others.is_dir() else ():
        link = folder / "ckpt" / path.relative_to(others)
        if path.is_file():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    (checkpoint,) = get_model("cdpam-acoustic").checkpoints
    link = checkpoint_path(checkpoint, folder / "ckpt")
    if not link.exists():
        assert checkpoint.wheel is not None
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(site / checkpoint.wheel.member)
    return folder / "ckpt"


def scores(name: str, fadtk: Path, ckpt_dir: Path, folder: Path) -> Iterator[tuple[str, float]]:
    """Yield the name and the distance of each clip, and of all together, which fadtk calls "all"."""
    frechet = FrechetAudioDistance(
        ckpt_dir=ckpt_dir, model_name=name, weights="official", compatibility="fadtk"
    )
    (reference,) = read_statistics(fadtk / "stats/fma_pop.npz", [name])
    clips = sorted((fadtk / "test/samples").glob("*.opus"))
    sources = {path.stem: str(path) for path in clips} | {"all": [str(path) for path in clips]}
    cache = cache_of(frechet.model, folder / "cache")
    sets = embed_sets(sources, frechet.model, workers=frechet.model.workers, cache=cache)
    for clip, embedded in sets.items():
        yield clip, float(distance_row(reference, embedded, "fad")["value"])


if __name__ == "__main__":
    sys.exit(main())
