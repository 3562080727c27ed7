"""A small study's results, to make reports of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fad_study.report import Sources, write_report
from fad_study.report.figures import plot_heatmap
from fad_study.report.matrix import compact, distance_matrix, write_matrix
from fad_study.schemas.files import DATASETS, FILES

from fad_core.datasets.counts import SetCounts
from fad_core.embedding.facts import counts_to_row
from fad_core.tables import DISTANCES, STATISTICS, VERIFICATION, write_table

SHA = {"seeded": "5eed" + "0" * 60, "official": "10086976" + "1" * 56}
NOTE = "evaluation: 60 vectors in 128 dimensions: the covariance is rank-deficient, FAD is biased upwards"
UNKNOWN = dict.fromkeys(("note", "sha256", "format", "subtype", "sound_sha256"), "") | {"vectors": 0}
UNKNOWN |= dict.fromkeys(("sample_rate", "channels", "frames", "seconds", "peak", "loudness"))
UNREMARKABLE = {"doubtful": 0, "doubt_seconds": 0.0, "loud": 0, "silent": 0, "constant": 0, "duplicates": 0}


def distance(reference: str, evaluation: str, value: float, weights: str, **others: Any) -> dict[str, Any]:
    return {
        "model": "vggish", "weights": weights, "weights_sha256": SHA[weights], "settings": "",
        "reference": reference, "evaluation": evaluation, "metric": "fad", "value": value,
        "metric_settings": "", "bias": None, "corrected": None, "ci_low": None, "ci_high": None,
        "n_reference": 600, "n_evaluation": 60, "files": 12, "excluded": 1, "padded": 2, "note": "",
    } | others  # fmt: skip


def clap_score(dataset: str, value: float, weights: str = "official", **others: Any) -> dict[str, Any]:
    return {
        "model": "clap", "weights": weights, "weights_sha256": SHA[weights], "settings": "crop=first",
        "dataset": dataset, "value": value, "std": 0.1, "ci_low": value - 0.02, "ci_high": value + 0.02,
        "files": 12, "excluded": 0, "note": "",
    } | others  # fmt: skip


def check(level: str, weights: str, verdict: str = "passed", quantity: str = "embedding") -> dict[str, Any]:
    return {
        "model": "vggish", "weights": weights, "weights_sha256": SHA[weights], "level": level,
        "case": "noise", "quantity": quantity, "vectors": 3, "max_absolute_difference": 2e-7,
        "max_relative_difference": 3.25e-7,
        "min_cosine": None, "tolerance": 1e-5, "off_by_quantum": 0, "verdict": verdict,
        "check": 1, "checks": 1, "numerics": "", "exported_sha256": "",
    }  # fmt: skip


def numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of one verification with their numbers."""
    return [row | {"check": number, "checks": len(rows)} for number, row in enumerate(rows, start=1)]


class Study:
    """A study's results in a folder: sets a, b and c by vggish, every pair unless told otherwise."""

    def __init__(self, root: Path, weights: str = "official") -> None:
        self.root = root
        self.weights = weights
        self.sets = ["a", "b", "c"]
        self.labels: dict[str, str] = {}
        self.two_outputs = False
        self.distances = [
            distance("a", "b", 12.4375, weights, note=NOTE),
            distance("a", "c", 4.768, weights),
            distance("b", "c", 0.0123456789, weights),
        ]
        self.files = [self.file("a", "fine.wav", "used", "")]
        self.verification = [check("eager", weights), check("golden", "seeded"), check("golden", "seeded")]
        self.config: dict[str, Any] = {
            "study": "trial",
            "datasets": {name: {"path": f"audio/{name}"} for name in self.sets},
            "models": [{"id": "vggish", "weights": weights}],
        }

    @staticmethod
    def file(dataset: str, name: str, status: str, reason: str) -> dict[str, Any]:
        return {
            "model": "vggish",
            "dataset": dataset,
            "file": name,
            "status": status,
            "reason": reason,
        } | UNKNOWN

    def write(self) -> Sources:
        tables = self.root / "tables"
        for suffix in ("csv", "parquet"):
            write_table(DISTANCES, self.distances, tables / f"distances.{suffix}")
        write_table(FILES, self.files, tables / "files.parquet")
        write_table(VERIFICATION, self.verification, self.root / "verification.csv")
        counts = {
            "found": 9,
            "used": 4,
            "padded": 2,
            "excluded": 1,
            "ignored": 2,
            "vectors": 60,
            "seconds": 75.0,
        } | UNREMARKABLE
        write_table(
            DATASETS,
            [
                {"model": "vggish", "dataset": name, "label": self.labels.get(name, name)} | counts
                for name in self.sets
            ],
            tables / "datasets.parquet",
        )
        metric = self.distances[0]["metric"]
        matrix = distance_matrix(self.distances, "vggish", metric, self.sets)
        matrix_path = tables / f"vggish.{metric}.matrix.csv"
        write_matrix(matrix, matrix_path)
        figure = self.root / "figures" / f"vggish.{metric}.heatmap.svg"
        plot_heatmap(
            compact(matrix, self.distances), metric, "vggish", self.weights, SHA[self.weights], figure
        )
        statistics = [self.statistics(name) for name in self.sets]
        return Sources(
            tables / "distances.parquet", tables / "files.parquet", tables / "datasets.parquet",
            [self.root / "verification.csv"], [matrix_path], [figure], statistics,
        )  # fmt: skip

    def statistics(self, name: str, model: str = "vggish") -> Path:
        path = self.root / "statistics" / model / f"{name}.parquet"
        row = {
            "model": model, "weights": self.weights, "weights_sha256": SHA[self.weights], "settings": "",
            "dataset": name, "output": "embedding", "n": 60, "dimension": 2, "mean": np.zeros(2),
            "factor": np.zeros(4), "group_n": np.empty(0, np.int64), "group_files": np.empty(0, np.int64),
            "group_means": np.empty(0),
            "group_rows": np.empty(0),
        } | counts_to_row(SetCounts(files=6, padded=2, excluded=1, seconds=75.0))  # fmt: skip
        further = {"output": "wide", "dimension": 3, "mean": np.zeros(3), "factor": np.zeros(9)}
        write_table(STATISTICS, [row, *([row | further] if self.two_outputs else [])], path)
        return path

    def page(self) -> str:
        write_report(self.config, self.write(), self.root / "report.html")
        return (self.root / "report.html").read_text(encoding="utf-8")
