"""The live verification as a part of the workflow; with the original packages where they are installed.

REFERENCE_PYTHON names their interpreter; without it, `.venv-reference` is looked for, and what needs them is
skipped if that is not there. Where it is set, nothing is skipped.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from snakemake_runs import MODEL, WorkingFolder, copy_code, reference_python

# Three clips instead of 300 s of audio.
SMALL_SET = """

_all_clips = verification_set


def verification_set(model):
    wanted = ("shortest", "music_10s", "sweep_10.01s", "stereo_44100")
    return ((name, case) for name, case in _all_clips(model) if name in wanted)
"""

# Answers as the original would, by our own model, times a factor.
STUB = """\
import argparse, json
from pathlib import Path
import numpy as np
from fad_core.audio import read_audio
from fad_core.embedding.embed import prepare_waveform
from fad_core.runner.exported import ExportedModel

parser = argparse.ArgumentParser()
for name in ("adapter", "model", "ckpt-dir", "clips", "output"):
    parser.add_argument("--" + name, required=True)
given = parser.parse_args()
assert (Path(given.ckpt_dir) / "checkpoints/vggish-10086976.pth").stat().st_size > 280_000_000
exported = ExportedModel(f"results/models/{MODEL}.pt2")
entries = {}
for name, fact in json.loads((Path(given.clips) / "clips.json").read_text()).items():
    waveform, rate = read_audio(Path(given.clips) / f"{name}.wav")
    features = exported.use.frontend(prepare_waveform(waveform, rate, exported.use), fact["key"])
    entries[f"features/{name}/0"] = features[0]
    entries[f"embeddings/{name}"] = exported.embed_features(features)["embedding"] * np.float32(FACTOR)
meta = {"model": given.model, "distance": 1.5, "failure": "", "versions": {}}
np.savez(given.output, meta=np.array(json.dumps(meta)), **entries)
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, verified_vggish: WorkingFolder) -> WorkingFolder:
    """The workplace with the verified model, and a checkout whose verification set is small."""
    code = copy_code(tmp_path_factory.mktemp("code") / "repository", verified_vggish.code)
    with (code / "workflow/fad_study/reference/cases.py").open("a") as stream:
        stream.write(SMALL_SET)
    return verified_vggish.copy_to(tmp_path_factory.mktemp("small") / "work", code)


@pytest.fixture
def place(tmp_path: Path, small: WorkingFolder) -> WorkingFolder:
    return small.copy_to(tmp_path / "work")


def write_stub(place: WorkingFolder, factor: float = 1.0) -> str:
    """An interpreter of "original packages"; it insists on being isolated."""
    (place.root / "stub.py").write_text(f"MODEL = {MODEL!r}\nFACTOR = {factor!r}\n{STUB}")
    stub = place.root / "python"
    # PYTHONPATH, which -I would keep out, is what lets the stub import fad_core.
    stub.write_text(f'#!/bin/sh\n[ "$1" = -I ] || exit 9\nshift 2\nexec {sys.executable} stub.py "$@"\n')
    stub.chmod(0o755)
    return str(stub)


def write_study(place: WorkingFolder, **keys: object) -> None:
    place.write_study(datasets={"a": {"path": "audio/a"}, "b": {"path": "audio/b"}}, **keys)


def originals(place: WorkingFolder) -> list[Path]:
    folder = place.root / "results/verification/original"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_study_that_names_no_interpreter_does_without(place: WorkingFolder) -> None:
    write_study(place)
    assert not {"run_original", "verify_reference"} & place.plan().rules
    write_study(place, reference_python=write_stub(place))
    assert {"run_original", "compare_with_original", "verify_reference"} <= place.plan().rules


def test_asked_for_without_an_interpreter_it_fails_and_says_so(place: WorkingFolder) -> None:
    write_study(place)
    run = place.run("verify_reference", "--show-failed-logs")
    assert run.status != 0
    assert "reference_python" in run.text and "make reference-env" in run.text
    assert not (place.root / "results/verification/summary.md").exists()


def test_verdicts_of_all_levels_and_a_summary_come_out(place: WorkingFolder) -> None:
    write_study(place, reference_python=write_stub(place))
    place.complete("verify_reference")
    folder = place.root / "results/verification"
    text = (folder / "vggish.csv").read_text()
    for level in ("eager", "golden", "reference"):
        assert f",{level}," in text
    assert ",music_10s,network," in text and ",fad," in text and "failed" not in text
    summary = (folder / "summary.md").read_text()
    assert "| `vggish` | seeded |" in summary and summary.rstrip().endswith("| passed |")
    assert (folder / "summary.csv").is_file()
    assert not originals(place), "the clips, the checkpoint and what was captured are not kept"
    assert not place.plan("verify_reference").rules


def test_a_difference_from_the_original_stops_the_run(place: WorkingFolder) -> None:
    write_study(place, reference_python=write_stub(place, 1 + 1e-4))
    run = place.run("verify_reference", "--show-failed-logs")
    assert run.status != 0
    assert "at the level 'reference' exceed" in run.text and "music_10s, embedding" in run.text
    assert not (place.root / "results/verification/summary.md").exists()


@pytest.mark.skipif(reference_python() is None, reason="no reference environment: make reference-env")
def test_the_original_packages_agree(place: WorkingFolder) -> None:
    write_study(place, reference_python=reference_python())
    place.complete("verify_reference", "--show-failed-logs")
    assert (place.root / "results/verification/summary.md").read_text().rstrip().endswith("| passed |")
