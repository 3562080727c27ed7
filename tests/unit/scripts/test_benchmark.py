from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

from benchmarks import growth, material, metrics, plots, scaling_sweep, tables
from benchmarks.packages import Package
from benchmarks.programs import Timing, time_in_turns
from benchmarks.roofline import flops_of_call
from benchmarks.scaling_sweep import Measured, Sweep, run_sweep

from fad_core.audio import inspect_audio
from fad_core.errors import FadError

# A package that scores by the number of files, and has one model only.
COUNTING = """
import argparse, json, sys
from pathlib import Path
parser = argparse.ArgumentParser()
for name in ("package", "model", "ckpt-dir", "threads"):
    parser.add_argument("--" + name)
parser.add_argument("--sets", nargs=2)
given = parser.parse_args()
print(json.dumps({"ready": given.model == "vggish"}), flush=True)
sets = given.sets
for line in sys.stdin if given.model == "vggish" else []:
    sets = json.loads(line) if line.strip() else sets
    files = sum(len(list(Path(each).iterdir())) for each in sets)
    print(json.dumps({"seconds": files / 100, "value": files, "peak_bytes": files * 1e9}), flush=True)
"""


@pytest.fixture
def counting(tmp_path: Path) -> Package:
    script = tmp_path / "counting.py"
    script.write_text(COUNTING)
    return Package.parse(f"counting={sys.executable}:{script}")


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    folder = tmp_path / "audio"
    folder.mkdir()
    for name, seconds in (("a", 1.5), ("b", 2), ("c", 0.2)):
        soundfile.write(folder / f"{name}.wav", np.zeros((int(8000 * seconds), 2)), 8000)
    return folder


def test_another_package_is_timed_by_its_interpreter_and_script(
    counting: Package, audio: Path, tmp_path: Path
) -> None:
    sets = material.write_copies(audio, tmp_path / "copies", 5)
    found = time_in_turns([counting], "vggish", tmp_path, sets, 1, 2)
    assert found == {"counting": Timing((0.05, 0.05), 5, 5_000_000_000)}
    assert time_in_turns([counting], "pann-8k", tmp_path, sets, 1, 2) == {}
    for wrong in ("counting", "counting=python", "=python:script.py", f"a={sys.executable}:missing.py"):
        with pytest.raises(FadError, match="not NAME=PYTHON:SCRIPT"):
            Package.parse(wrong)


def test_the_table_has_ratios_and_differences_of_whatever_scored() -> None:
    timings = {"fad_core": Timing((1.0, 3.0), 4.0, 10**9), "original": Timing((4.0,), -1.0, 10**9)}
    row = tables.program_row("vggish", 2, 10.0, 1.0, timings | {"other": Timing((1.0,), 4.4, 10**9)})
    assert (row["here_seconds"], row["times_real_time"], row["share_of_floor"]) == (2.0, 5.0, 0.5)
    assert (row["original_ratio"], row["original_difference"]) == (2.0, None)
    assert (row["other_ratio"], row["other_difference"]) == (0.5, pytest.approx(0.1))
    alone = tables.program_row("clap", 2, 10.0, 1.0, {"fad_core": timings["fad_core"]})
    lines = tables.document([alone, row], [], 1, 1e9).splitlines()[2:]
    assert len({line.count("|") for line in lines}) == 1


def test_one_file_is_as_long_as_wanted(audio: Path, tmp_path: Path) -> None:
    first, second = material.write_length(audio, tmp_path / "sets", 7)
    durations = [
        inspect_audio(folder / f"{name}.wav") for folder in (first, second) for name in ("one", "two")
    ]
    assert [(info.duration, info.channels) for info in durations] == [(1, 1), (1, 1), (1, 1), (7, 1)]


def test_a_curve_ends_where_the_next_size_costs_too_much() -> None:
    sweep = Sweep("sets", "sets", 2, (1, 2, 4, 8))
    rows = list(run_sweep(sweep, "here", "", lambda size: Measured(3.0 * size**2)))
    assert [row["size"] for row in rows] == [1, 2, 4]
    rows = list(run_sweep(sweep, "here", "", lambda size: Measured(0.1, scaling_sweep._MOST_GB * size / 5)))
    assert [row["size"] for row in rows] == [1, 2, 4]


def test_growth_is_written_as_a_table_and_a_plot(
    counting: Package, audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "write_checkpoints", lambda *_: None)
    for name in ("FILES", "LENGTH", "SETS", "DIMENSION"):
        monkeypatch.setattr(growth, name, replace(getattr(growth, name), sizes=(2, 4)))
    growth.write_all([counting], ["vggish", "pann-8k"], audio, 1, tmp_path / "out", count=8, dimension=5)
    for name, programs in (("files", 1), ("length", 1), ("sets", 2), ("dimension", 2)):
        table = pd.read_csv(tmp_path / f"out/growth-{name}.csv")
        assert table["size"].tolist() == [2, 4] * programs
        assert table["peak_gb"].notna().all() == (programs == 1)
        ElementTree.parse(tmp_path / f"out/growth-{name}.svg")
    files = pd.read_csv(tmp_path / "out/growth-files.csv")
    assert files["seconds"].tolist() == [0.02, 0.04]


def test_metrics_are_measured_in_processes_of_their_own() -> None:
    cases = metrics.Case("fad", 3, 60, 20), metrics.Case("files", 3, 60, 20), metrics.Case("kad", 3, 60, 20)
    rows = list(metrics.rows(False, cases))
    assert all(row["here_seconds"] > 0 and row["here_peak_gb"] > 0 for row in rows)
    assert rows[0]["part"] == "FAD with bias and interval, D = 3: two sets of 60 vectors in 20 files"
    assert "seconds" in tables.document([], [], 1, 1e9, rows)


def test_the_same_figures_give_the_same_plots(tmp_path: Path) -> None:
    timing = {"fad_core": Timing((1.0,), 1.0, 10**9), "original": Timing((2.0,), 1.0, 10**9)}
    rows = [tables.program_row(model, 1, 1.0, 0.5, timing) for model in ("vggish", "pann-8k")]
    for name in ("a.svg", "b.svg"):
        plots.plot_programs(rows, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_floor_counts_convolutions_products_and_recurrences():
    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Conv1d(2, 8, 4, stride=2), torch.nn.LSTM(8, 8, 2)
            self.third = torch.nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.third(self.second(self.first(x).permute(2, 0, 1))[0])

    frames = 30
    by_hand = 2 * frames * (2 * 4 * 8 + 2 * 2 * 8 * 4 * 8 + 8 * 3)
    assert flops_of_call(Network().to("meta"), torch.empty(1, 2, 62, device="meta")) == by_hand
