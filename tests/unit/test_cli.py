"""The `fad` command, as a shell starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fad_core.models import model_ids
from fad_core.tables.schemas import DISTANCES


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where torch.hub, and so the command, keeps its files."""
    return tmp_path_factory.mktemp("torch home")


@pytest.fixture(scope="module")
def fad(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TORCH_HOME": str(home)}
        command = [sys.executable, "-c", "from fad_core.cli import main; main()", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(6)
    for name, level in (("reference", 0.05), ("evaluation", 0.4)):
        (root / name).mkdir()
        for index in range(3):
            soundfile.write(root / name / f"{index}.wav", rng.standard_normal(16000) * level, 16000)
    return str(root / "reference"), str(root / "evaluation")


def test_score_prints_the_tables_row_as_one_object(
    fad: Callable[..., subprocess.CompletedProcess[str]], folders: tuple[str, str], home: Path
) -> None:
    first = fad("score", *folders, "--weights", "seeded", "--json")
    assert first.returncode == 0, first.stderr
    row = json.loads(first.stdout)
    assert tuple(row) == DISTANCES.names
    assert row["value"] > 0
    assert row["weights"] == "seeded"
    # The first call says what takes long; the second finds it done and says the same number.
    assert "exporting vggish" in first.stderr
    assert "original package" in first.stderr
    second = fad("score", *folders, "--weights", "seeded", "--json")
    assert second.stdout == first.stdout
    assert second.stderr == ""
    plain = fad("score", *folders, "--weights", "seeded", "--quiet")
    assert repr(row["value"]) in plain.stdout

    # A checkpoint of one's own, in the official layout, is another choice that the row names.
    from fad_core.models import get_model
    from fad_core.weights import save_seeded_checkpoint

    mine = home / "mine.pth"
    save_seeded_checkpoint(get_model("vggish").checkpoints[0], mine)
    own = json.loads(fad("score", *folders, "--weights", str(mine), "--json").stdout)
    assert own["value"] == row["value"]
    assert own["weights"] == "mine.pth"
    assert own["weights_sha256"] != row["weights_sha256"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere", "FOLDER"], 1, "nowhere does not exist"),
        (["FOLDER", "FOLDER", "--model", "vgish"], 1, "Did you mean 'vggish'"),
        (["FOLDER", "FOLDER", "--weights", "sedeed"], 1, "neither official nor seeded"),
        (["FOLDER", "FOLDER", "--metric", "kad"], 1, "there is: fad"),
        (["FOLDER"], 2, "Missing argument"),
        (["FOLDER", "FOLDER", "--on-short-file", "stretch"], 2, "'fail', 'skip', 'pad'"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_nothing_else(
    fad: Callable[..., subprocess.CompletedProcess[str]],
    folders: tuple[str, str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    result = fad("score", *(folders[0] if item == "FOLDER" else item for item in arguments))
    assert result.returncode == status
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_models_and_weights_tell_what_there_is_and_where(
    fad: Callable[..., subprocess.CompletedProcess[str]], home: Path
) -> None:
    models = json.loads(fad("models", "--json").stdout)
    assert [model["id"] for model in models] == model_ids()
    weights = json.loads(fad("weights", "--json").stdout)
    assert [item["checkpoint"] for item in weights][:3] == [
        "vggish-10086976.pth",
        "vggish_pca_params-970ea276.pth",
        "Cnn14_8k_mAP%3D0.416.pth",
    ]
    assert sum(len(item["models"].split(", ")) for item in weights) == len(model_ids()) + 2, "two with a PCA"
    assert all(item["path"].startswith(str(home / "hub")) for item in weights)
    assert "vggish-pca" in fad("models").stdout
    assert all(licence in fad("weights").stdout for licence in ("Apache-2.0", "CC-BY-4.0", "CC0-1.0"))


def test_help_shows_examples(fad: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    shown = fad("score", "--help").stdout
    assert "Examples:" in shown
    assert "--on-short-file" in shown
