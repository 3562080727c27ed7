"""`fad study new` and `export-workflow`: what a study starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from fad_study.config import read_yaml
from fad_study.study import read_study
from fad_study.workflow_files import workflow_folder

from fad_core.cli import main

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
PRESETS = sorted(path.stem for path in (ROOT / "workflow/fad_study/presets").glob("*.yaml"))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["study", *arguments])


def test_a_new_configuration_needs_only_its_audio(place: Path) -> None:
    result = call("new", "trial")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "fad study run trial.yaml" in result.stderr
    text = Path("trial.yaml").read_text()
    # Each setting is explained where it stands.
    settings = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(settings) > 4 and all("   # " in line for line in settings)
    config = read_yaml(Path("trial.yaml"))
    for name in config["datasets"]:
        (place / f"audio/{name}").mkdir(parents=True)
        (place / f"audio/{name}/a.wav").touch()
    study = read_study(config, SCHEMA)
    assert study.name == "trial" and study.pairs == (("reference", "system_a"),)
    assert [(entry.id, entry.weights) for entry in study.models.values()] == [("vggish", "official")]


def test_its_models_and_weights_are_chosen() -> None:
    call("new", "trial", "--model", "vggish", "--model", "clap", "--weights", "my weights: 1.pth", "-q")
    models = yaml.safe_load(Path("trial.yaml").read_text())["models"]
    assert models == [{"id": name, "weights": "my weights: 1.pth"} for name in ("vggish", "clap")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["my study"], "must consist of letters, digits"),
        (["cache"], "study"),
        (["../trial"], "must consist of letters, digits"),
    ],
)
def test_what_cannot_be_run_is_not_written(place: Path, arguments: list[str], said: str) -> None:
    result = call("new", *arguments)
    assert result.exit_code == 1 and said in result.stderr
    assert not list(place.parent.glob("*.yaml")) and not list(place.iterdir())


def test_an_unknown_model_is_an_error_of_the_call(place: Path) -> None:
    result = call("new", "trial", "--model", "vgish")
    assert result.exit_code == 2 and "Did you mean 'vggish'?" in result.stderr and not list(place.iterdir())


def test_nothing_is_overwritten(place: Path) -> None:
    Path("trial.yaml").write_text("mine")
    assert "not overwritten" in call("new", "trial").stderr
    Path("workflow/rules").mkdir(parents=True)
    result = call("export-workflow", ".")
    assert result.exit_code == 1 and "workflow/rules: it exists" in result.stderr
    assert Path("trial.yaml").read_text() == "mine" and not Path("Snakefile").exists()


def test_the_workflow_is_exported_without_the_packages(place: Path) -> None:
    assert call("export-workflow", "mine").exit_code == 0
    mine = place / "mine"
    found = sorted(path.relative_to(mine) for path in mine.rglob("*") if path.is_file())
    assert {"Snakefile", "config.yaml", "envs", "scripts", "workflow"} == {path.parts[0] for path in found}
    assert not [path for path in found if "fad_study" in path.parts or "__pycache__" in path.parts]
    assert all((mine / path).read_bytes() == (workflow_folder() / path).read_bytes() for path in found)
    (place / "other.txt").touch()
    assert call("export-workflow", ".").exit_code == 0, "beside other files"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_study_that_says_where_its_numbers_come_from(preset: str, place: Path) -> None:
    result = call("new", "paper", "--like", preset, "--weights", "seeded")
    assert result.exit_code == 0 and "fad study run paper.yaml" in result.stderr
    text = Path("paper.yaml").read_text()
    assert "arXiv" in text.splitlines()[0] and "docs/presets.md" in text
    assert f"\n## {preset}\n" in (ROOT / "docs/presets.md").read_text(encoding="utf-8")
    config = read_yaml(Path("paper.yaml"))
    rows = ["file,caption"]
    for entry in config["datasets"].values():
        (place / entry["path"]).mkdir(parents=True)
        (place / entry["path"] / "a.wav").touch()
    Path("captions.csv").write_text("\n".join([*rows, "a.wav,a dog barks", ""]))
    study = read_study(config, SCHEMA)
    assert study.settings["weights"] == "seeded" and "fad" in study.metrics


def test_a_preset_has_its_own_models() -> None:
    assert "give it, or --model" in call("new", "paper", "--like", "kad", "--model", "vggish").stderr
    assert "official or seeded" in call("new", "paper", "--like", "kad", "--weights", "mine.pth").stderr
    assert not Path("paper.yaml").exists()
