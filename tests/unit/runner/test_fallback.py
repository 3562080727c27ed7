"""Where the kernels cannot be used, networks run as they were exported, and every result says so."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from fad_study.steps.check import check_files
from fad_study.steps.distances import compute_distances
from fad_study.steps.embeddings import embed_batch
from fad_study.steps.files import scan_batch
from fad_study.steps.statistics import compute_statistics
from numba.core import caching
from numba.core.errors import TypingError

from fad_core.api.scoring import score
from fad_core.cli import main
from fad_core.datasets import Dataset
from fad_core.datasets.policy import DEFAULTS
from fad_core.errors import ArgumentError
from fad_core.runner.backend import Backend
from fad_core.runner.exported import ExportedModel
from fad_core.runner.fast import packed_gemm, self_test, sequence_kernels, winograd_transforms
from fad_core.runner.unverified import NOTE as GIVEN_NOTE
from fad_core.tables import DISTANCES, read_table
from fad_core.util import jit as compiled
from fad_core.verification.verify import run_by

SeededExport = Callable[[str], Path]
NOTE = "the network ran as exported (plain) because the kernels of the fast runner cannot be used"


@pytest.fixture(autouse=True)
def tested_anew() -> Iterator[None]:
    self_test._difference.cache_clear()
    yield
    self_test._difference.cache_clear()


def raising(error: Exception) -> Callable[..., Any]:
    def raises(*_given: object, **_named: object) -> Any:
        raise error

    return raises


def last_bit_off(kernel: Callable[..., None]) -> Callable[..., None]:
    """A kernel whose last argument, the result, has one value with another last bit."""

    def run(*given: Any) -> None:
        kernel(*given)
        result = given[-1].reshape(-1)
        result[0] = np.nextafter(result[0], np.float32(np.inf))

    return run


def off_by(difference: float, kernel: Callable[..., None]) -> Callable[..., None]:
    """A kernel whose last argument, the result, is off by a share of itself."""

    def run(*given: Any) -> None:
        kernel(*given)
        given[-1][:] *= np.float32(1 + difference)

    return run


FAULTS: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None], str]] = {
    "operator of mkldnn gone": (
        "vggish",
        lambda patch: patch.setattr(torch.ops, "mkldnn", object()),
        "AttributeError: 'object' object has no attribute '_reorder_convolution_weight'",
    ),
    "operator of mkldnn with other arguments": (
        "vggish",
        lambda patch: patch.setattr(
            torch.ops.mkldnn, "_convolution_pointwise", raising(RuntimeError("expected at most\n9 arguments"))
        ),
        "RuntimeError: expected at most",
    ),
    "another product": (
        "vggish",
        lambda patch: patch.setattr(packed_gemm, "linear", last_bit_off(packed_gemm.linear)),
        "KernelError: Linear differs from PyTorch by ",
    ),
    "another convolution of images": (
        "vggish",
        lambda patch: patch.setattr(
            winograd_transforms, "tiles_to_image", last_bit_off(winograd_transforms.tiles_to_image)
        ),
        "KernelError: WinogradConvolution differs from PyTorch by ",
    ),
    "another convolution of sequences": (
        "encodec-24k",
        lambda patch: patch.setattr(sequence_kernels, "conv1d", last_bit_off(sequence_kernels.conv1d)),
        "KernelError: SequenceConvolution differs from PyTorch by ",
    ),
    "another LSTM step": (
        "encodec-24k",
        lambda patch: patch.setattr(
            sequence_kernels, "lstm_layer", off_by(3 * self_test.ROUNDING, sequence_kernels.lstm_layer)
        ),
        "KernelError: LstmLayers differs from PyTorch by ",
    ),
    "Numba": (
        "encodec-24k",
        lambda patch: patch.setattr(sequence_kernels, "lstm_layer", raising(TypingError("no such type"))),
        "TypingError: no such type",
    ),
    "llvmlite": (
        "encodec-24k",
        lambda patch: patch.setitem(sys.modules, "fad_core.runner.fast.rewrite", None),
        "ModuleNotFoundError: import of fad_core.runner.fast.rewrite halted",
    ),
}


Loaded = Callable[[str, str], ExportedModel]


@pytest.fixture(scope="module")
def loaded(seeded_export: SeededExport) -> Loaded:
    """Give a model by id and runner."""

    def load(model_id: str, runner: Any) -> ExportedModel:
        return ExportedModel(seeded_export(model_id), backend=Backend(runner), origin="own")

    return load


@pytest.mark.parametrize("fault", FAULTS)
def test_without_kernels_the_network_runs_plain_and_says_so(
    fault: str, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
):
    model_id, inflict, reason = FAULTS[fault]
    plain = loaded(model_id, "plain")
    assert (plain.fast, plain.note, plain.fell_back) == (False, "", False)
    inflict(monkeypatch)
    fallen = loaded(model_id, "fast")
    assert not fallen.fast and fallen.fell_back
    assert fallen.note.startswith(f"{NOTE} ({reason}") and "\n" not in fallen.note
    waveform = np.random.default_rng(0).normal(0, 0.1, (1, 16000)).astype(np.float32)
    assert np.array_equal(*(each.embed(waveform)["embedding"] for each in (fallen, plain)))


@pytest.mark.parametrize(
    "model_id",
    ["vggish", "pann-16k", "encodec-24k", "clap-630k-audioset", "cdpam-content", "passt", "msclap-2023"],
)
def test_each_family_has_its_kernels_here(model_id: str, seeded_export: SeededExport):
    exported = ExportedModel(seeded_export(model_id))
    assert (exported.note, exported.fast) == ("", True)


def test_kernels_are_tested_once_a_process(seeded_export: SeededExport, monkeypatch: pytest.MonkeyPatch):
    ExportedModel(seeded_export("encodec-24k"))
    before = self_test._difference.cache_info()
    assert before.misses == 2, "convolutions of sequences, and the LSTM"
    ExportedModel(seeded_export("encodec-24k"))
    assert self_test._difference.cache_info().misses == 2


@pytest.fixture
def sets(tmp_path: Path) -> list[Path]:
    random = np.random.default_rng(0)
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        soundfile.write(folder / "clip.wav", random.uniform(-0.5, 0.5, 24_000), 24_000)
    return folders


@pytest.fixture
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence_kernels, "lstm_layer", raising(TypingError("no such type")))


@pytest.mark.usefixtures("without_kernels")
def test_the_note_stands_beside_a_score(seeded_export: SeededExport, sets: list[Path]):
    path = seeded_export("encodec-24k")
    assert run_by(path, Backend()) is None, "it is not verified as what it is not"
    assert NOTE in score(*sets, ExportedModel(path)).row["note"]
    told = CliRunner().invoke(
        main, ["score", *map(str, sets), "--model", "encodec-24k", "--weights", str(path), "--json"]
    )
    assert told.exit_code == 0, told.output
    note = json.loads(told.stdout)["note"]
    assert note.count(NOTE) == 1 and GIVEN_NOTE in note


def test_the_note_passes_from_shards_to_distances(
    seeded_export: SeededExport, sets: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """One set was embedded where the kernels are, the other one where they are not."""
    path = seeded_export("encodec-24k")
    statistics = []
    for folder in sets:
        manifest, table, decisions = (
            tmp_path / f"{folder.name}.{part}.parquet" for part in ("manifest", "embeddings", "decisions")
        )
        model = ExportedModel(path, origin="own")
        entry = {"dataset": folder.name, "path": [str(folder)], "shards": 1, "shard": 0}
        scan_batch([entry], "ignore", manifest)
        check_files([manifest], [folder.name], {"encodec-24k": model.use}, DEFAULTS, decisions)
        dataset = Dataset(folder.name, str(folder))
        embed_batch(model, "encodec-24k", {folder.name: dataset}, manifest, decisions, table)
        statistics.append(tmp_path / f"{folder.name}.statistics.parquet")
        compute_statistics([table], "encodec-24k", {folder.name: statistics[-1]})
        monkeypatch.setattr(sequence_kernels, "lstm_layer", raising(TypingError("no such type")))
        self_test._difference.cache_clear()
    compute_distances(
        statistics, "encodec-24k", [("a", "b"), ("b", "b")], ["fad"], tmp_path / "distances.parquet"
    )
    one, other = read_table(DISTANCES, tmp_path / "distances.parquet")
    assert one["note"].count(NOTE) == other["note"].count(NOTE) == 1
    assert f"b: {NOTE}" in one["note"] and "a: " not in one["note"]


def test_a_runner_that_there_is_not_is_refused():
    with pytest.raises(ArgumentError, match="runner must be one of fast, plain, not 'compiled'"):
        Backend("compiled")  # type: ignore[arg-type]


def test_a_full_disk_does_not_stop_a_compiled_function(monkeypatch: pytest.MonkeyPatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(caching.IndexDataCacheFile, "save", raising(full))
    compiled._warn.cache_clear()

    @compiled.compiled
    def inner(x):
        return x + 1

    @compiled.compiled
    def outer(x):
        return 2 * inner(x)

    with pytest.warns(UserWarning, match=r"cannot be saved in .* \(No space left on device\)") as told:
        assert outer(3) == 8
        assert outer(0.5) == 3.0
    assert len(told) == 1
