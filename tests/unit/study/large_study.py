"""The results of a study with many data sets and models, from random numbers."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from fad_study.ranking import agreement_rows, ranking_rows
from fad_study.report import Sources, write_report
from fad_study.report.dots import plot_ranking
from fad_study.report.figures import plot_heatmap
from fad_study.report.matrix import compact, distance_matrix, write_matrix
from fad_study.schemas.files import DATASETS, FILES
from fad_study.schemas.ranking import AGREEMENT, RANKING
from small_study import SHA, Study, distance

from fad_core.tables import DISTANCES, PER_FILE, read_table, write_table

MadeOnce = Callable[[str, Callable[[Path], object]], Path]
MODELS = ("vggish", "pann-16k", "encodec-24k", "clap-630k-audioset")
INTERVAL = {"corrected": 12.3456789012345678, "ci_low": 2.34567890123456789, "ci_high": 54.321098765432109}


def tone(number: int) -> bytes:
    """Return a WAV file of half a second."""
    stream = io.BytesIO()
    soundfile.write(stream, np.sin(np.arange(4000) * (0.1 + number / 50)) / 4, 8000, format="WAV")
    return stream.getvalue()


def hundred_sets(made_once: MadeOnce) -> Path:
    """Return the report of all pairs of a hundred sets by four models, which is made once for all tests."""
    folder = made_once("hundred sets", lambda root: write_large_report(root, 100, 4, ("fad",), pairs=True))
    return folder / "report.html"


def write_large_report(root: Path, sets: int, models: int, metrics: tuple[str, ...], *, pairs: bool) -> Path:
    """Write the report of a study in a folder, with its tables.

    Args:
        root: the folder.
        sets: number of data sets.
        models: number of models.
        metrics: names of metrics.
        pairs: whether all pairs are compared; otherwise all sets are compared with one reference.
    """
    numbers = random.Random(0)
    names = [f"system_{k:03}" for k in range(sets)]
    chosen = MODELS[:models]
    tables, figures = root / "tables", root / "figures"
    compared = list(itertools.combinations(names, 2)) if pairs else [(names[0], name) for name in names[1:]]
    rows: list[dict[str, Any]] = [
        distance(*pair, numbers.uniform(1, 50), "seeded", model=model, metric=metric, **INTERVAL)
        | {"note": f"seeded weights: not a published model, {numbers.randrange(9)} points"}
        for model in chosen
        for metric in metrics
        for pair in compared
    ]
    small = Study(root, "seeded")
    small.sets = names
    small.distances = [row for row in rows if (row["model"], row["metric"]) == ("vggish", "fad")]
    counted = small.write()
    (dataset,) = read_table(DATASETS, tables / "datasets.parquet")[:1]
    (facts,) = read_table(FILES, tables / "files.parquet")
    write_table(DISTANCES, rows, tables / "distances.parquet")
    takes = {f"take {k:02}, a long name.wav": tone(k) for k in range(9)}
    described = [
        facts | {"dataset": names[1], "file": file, "sha256": hashlib.sha256(sound).hexdigest()}
        for file, sound in takes.items()
    ]
    write_table(FILES, [row | {"model": m} for m in chosen for row in described], tables / "files.parquet")
    (root / "audio").mkdir(exist_ok=True)
    for file, sound in takes.items():
        (root / "audio" / file).write_bytes(sound)
    write_table(
        DATASETS,
        [dataset | {"model": m, "dataset": name, "label": name} for m in chosen for name in names],
        tables / "datasets.parquet",
    )
    ranks = [] if pairs else list(ranking_rows(rows, []))
    write_table(RANKING, ranks, tables / "ranking.parquet")
    write_table(AGREEMENT, list(agreement_rows(ranks)), tables / "agreement.parquet")
    for metric in metrics:
        plot_ranking(ranks, metric, figures / f"{metric}.ranking.svg")
        for model in chosen:
            matrix = distance_matrix(rows, model, metric, names)
            write_matrix(matrix, tables / f"{model}.{metric}.matrix.csv")
            heatmap = figures / f"{model}.{metric}.heatmap.svg"
            plot_heatmap(compact(matrix, rows), metric, model, "seeded", SHA["seeded"], heatmap)
    head = {k: rows[0][k] for k in ("weights", "weights_sha256", "settings", "reference")}
    files = [
        {**head, "model": model, "evaluation": name, "file": file, "vectors": 9}
        | {"nearest": 9.0 - k, "kad": None, "fad": None}
        for model in chosen
        for name in names[1:]
        for k, file in enumerate(takes)
    ]
    write_table(PER_FILE, [] if pairs else files, tables / "per_file.parquet")
    html = root / "report.html"
    sources = Sources(
        tables / "distances.parquet",
        tables / "files.parquet",
        tables / "datasets.parquet",
        counted.verifications,
        sorted(tables.glob("*.matrix.csv")),
        sorted(figures.glob("*.heatmap.svg")),
        [small.statistics(name, model) for model in chosen for name in names],
        ranking=tables / "ranking.parquet",
        agreement=tables / "agreement.parquet",
        rankings=[] if pairs else sorted(figures.glob("*.ranking.svg")),
        per_file=tables / "per_file.parquet",
    )
    config = {"study": "large", "models": [{"id": model, "weights": "seeded"} for model in chosen]}
    write_report(config, sources, html, {names[1]: str(root / "audio")}, 5)
    return html
