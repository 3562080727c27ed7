"""A model outside the package: registered in a process, or installed beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from outside_model import outside_model, write_golden
from third_party import example_of, install, install_models
from tiny_pt2 import TinyModel, two_outputs_model

import fad_core
from fad_core import FrechetAudioDistance, Waveforms
from fad_core.api import model_cache
from fad_core.api.model_cache import verified_model
from fad_core.api.scoring import embed_sets
from fad_core.audio import read_audio
from fad_core.cli import main
from fad_core.embedding.embed import prepare_waveform
from fad_core.errors import ModelError, UnknownModelError, VerificationError
from fad_core.models import _registered, definition_of, get_model, model_ids, register_model
from fad_core.models.base import EmbeddingModel
from fad_core.models.use import ModelUse
from fad_core.runner import exported as exported_module
from fad_core.runner.exported import ExportedModel
from fad_core.runner.pt2 import export_model
from fad_core.util.code_digest import code_digest
from fad_core.verification.verdicts import NOT_COMPARED
from fad_core.weights import locate_weights

ROOT = Path(__file__).parents[3]
NOTE = "unverified against the original package: outside has no golden embeddings"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    _registered.clear()


def noise(seed: int, samples: int = 4000) -> Waveforms:
    generator = np.random.default_rng(seed)
    return Waveforms([generator.uniform(-0.5, 0.5, samples).astype("f4") for _ in range(3)], 16000)


def write_set(folder: Path, seed: int, samples: int = 4000) -> Path:
    """Write `noise` as WAV files."""
    folder.mkdir()
    for place, waveform in enumerate(noise(seed, samples).waveforms):
        soundfile.write(folder / f"{place}.wav", waveform, 16000)
    return folder


def test_a_registered_model_is_known_as_the_others_are():
    assert fad_core.register_model is register_model
    with pytest.raises(UnknownModelError):
        get_model("outside")
    model = outside_model()
    register_model(model)
    assert get_model("outside") is model
    assert model_ids()[-1] == "outside"
    assert definition_of(model)[0] == ("tiny_pt2", "fad_core.models.base", "fad_core.models.network_model")
    listed = json.loads(CliRunner().invoke(main, ["models", "--json"]).stdout)
    assert listed[-1] | {"id": "outside", "sample_rate": 16000, "checkpoints": "tiny.pth"} == listed[-1]
    # A cell of a notebook that is run again.
    again = outside_model()
    register_model(again)
    assert get_model("outside") is again
    assert model_ids().count("outside") == 1


def test_it_is_exported_verified_and_scored_and_the_result_says_what_was_not_verified(tmp_path: Path):
    register_model(outside_model())
    frechet = FrechetAudioDistance(
        model_name="outside", weights="seeded", cache_dir=tmp_path, device="cpu", progress=False
    )
    with pytest.warns(UserWarning, match=NOTE):
        value = frechet.score(noise(1), noise(2))
    assert value > 0
    assert NOTE in value.row["note"]
    assert value.row["model"] == "outside" and value.row["weights"] == "seeded"
    levels = {path.name.split(".")[1] for path in (tmp_path / "verification").iterdir()}
    assert levels == {"eager"}, "what was not run is not called passed"
    assert verified_model("outside", "seeded", cache_dir=tmp_path, report=pytest.fail).note == NOTE


@pytest.mark.slow
def test_one_that_has_golden_embeddings_is_verified_at_both_levels(tmp_path: Path):
    register_model(outside_model(write_golden(tmp_path / "golden.npz")))
    exported = verified_model("outside", "seeded", cache_dir=tmp_path / "cache")
    assert exported.note == ""
    levels = {path.name.split(".")[1] for path in (tmp_path / "cache/verification").iterdir()}
    assert levels == {"eager", "golden"}


@pytest.mark.slow
def test_one_that_differs_from_its_golden_embeddings_is_not_used(tmp_path: Path):
    golden = write_golden(tmp_path / "golden.npz")
    register_model(outside_model(golden))
    verified_model("outside", "seeded", cache_dir=tmp_path / "cache")
    with np.load(golden) as entries:
        spoiled = dict(entries)
    spoiled["embeddings/outside/noise"] = spoiled["embeddings/outside/noise"] * np.float32(1.001)
    np.savez(golden, **spoiled)
    with pytest.raises(VerificationError, match="noise, embedding: relative difference"):
        verified_model("outside", "seeded", cache_dir=tmp_path / "cache")


@dataclass(frozen=True)
class Scaled(TinyModel):
    """A model with an attribute of its own."""

    scale: float = 1.0

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        network = super().build(state)
        network.out.weight.data *= self.scale
        network.out.bias.data *= self.scale
        return network


def test_a_model_that_is_registered_again_with_other_attributes_is_exported_again(tmp_path: Path):
    attributes = {field.name: getattr(outside_model(), field.name) for field in fields(TinyModel)}
    waveform = noise(1).waveforms[0][None]
    found = []
    for scale in (1.0, 2.0):
        register_model(Scaled(**attributes, scale=scale))
        exported = verified_model("outside", "seeded", cache_dir=tmp_path)
        found.append(exported.embed(waveform)["embedding"])
    np.testing.assert_array_equal(2 * found[0], found[1])


def test_attributes_of_plain_python_do_not_export_it_again(tmp_path: Path):
    register_model(replace(outside_model(), variant={"sizes": (1, 2)}, tolerance=1))
    verified_model("outside", "seeded", cache_dir=tmp_path)
    verified_model("outside", "seeded", cache_dir=tmp_path, report=pytest.fail)


def test_an_attribute_whose_changes_could_not_be_noticed_is_refused():
    with pytest.raises(ModelError, match="an attribute of the type object"):
        register_model(replace(outside_model(), variant={"network": object()}))


def no_file() -> EmbeddingModel:
    model = outside_model()
    return type("Model", (type(model),), {"__module__": "nowhere"})(**vars(model))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "vggish"}, "already a model 'vggish'"),
        ({"aliases": ("clap",)}, "already a model 'clap'"),
        ({"name": "My Model"}, "unlike 'My Model'"),
        ({"checkpoints": ()}, "outside has no checkpoint"),
    ],
)
def test_what_cannot_be_a_model_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(ModelError, match=message):
        register_model(replace(outside_model(), **change))
    with pytest.raises(ModelError, match=r"not defined in a file \(nowhere\)"):
        register_model(no_file())
    assert "outside" not in model_ids()


class Installed:
    """A folder of installed packages, and programs that find them."""

    def __init__(self, folder: Path) -> None:
        self.packages = folder / "site-packages"
        self.cache = folder / "cache"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        paths = [str(self.packages), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "FAD_CACHE_DIR": str(self.cache)}
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def fad(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-c", "from fad_core.cli import main; main()", *arguments)


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


@pytest.mark.slow
def test_an_installed_packages_models_are_known_to_the_command(installed: Installed, tmp_path: Path):
    package = install_models(installed.packages) / "my_models"
    models = json.loads(installed.fad("models", "--json").stdout)
    assert "outside" in [model["id"] for model in models]
    sets = [str(write_set(tmp_path / name, seed)) for seed, name in enumerate("ab")]
    call = ["score", *sets, "--model", "outside", "--weights", "seeded"]
    done = installed.fad(*call, "--json")
    assert done.returncode == 0, done.stderr
    assert NOTE in json.loads(done.stdout)["note"]
    assert "exporting outside" in done.stderr
    verified = installed.fad("verify", "outside", "--weights", "seeded", "--json")
    assert verified.returncode == 0, verified.stderr
    assert {row["level"] for row in json.loads(verified.stdout)} == {"eager"}
    assert "exporting" not in installed.fad(*call).stderr
    with (package / "network.py").open("a") as stream:
        stream.write("\nEDITED = True\n")
    assert "exporting outside" in installed.fad(*call).stderr, "its code is another one"


def test_statistics_of_two_outputs_are_refused_as_npz_before_anything_is_embedded(tmp_path: Path):
    register_model(two_outputs_model())
    options = ["--model", "two-outputs", "--weights", "seeded", "--cache-dir", str(tmp_path / "cache")]
    sounds = str(write_set(tmp_path / "a", 0))
    done = CliRunner().invoke(main, ["stats", sounds, "-o", str(tmp_path / "a.npz"), *options])
    assert done.exit_code == 1 and "a .npz holds one output, not vectors, wide" in done.stderr
    assert not (tmp_path / "cache").exists()
    done = CliRunner().invoke(main, ["stats", sounds, "-o", str(tmp_path / "a.parquet"), *options])
    assert done.exit_code == 0, done.stderr


def test_the_bar_of_a_verification_counts_the_main_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    counts: list[list[int]] = []

    def progress_bar(title: str, total: int, **_: object) -> AbstractContextManager[Callable[[int], None]]:
        counts.append([-total])
        return nullcontext(counts[-1].append)

    monkeypatch.setattr(model_cache, "progress_bar", progress_bar)
    register_model(two_outputs_model())
    model_cache.verified_model("two-outputs", "seeded", cache_dir=tmp_path)
    assert counts and not any(map(sum, counts))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vector_count": lambda *_: 61}, r"'wide': \(62, 16\).* and 62 start times .* 'wide': \(61, 16\)"),
        ({"start_seconds": lambda *_: np.zeros(3)}, "and 3 start times"),
        ({"pool": lambda _, blocks: {"vectors": blocks[0][0]}}, "two-outputs gives {'vectors'"),
    ],
)
def test_a_model_that_gives_other_vectors_than_it_states_is_named(
    change: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    register_model(model := two_outputs_model())
    export_model(model, locate_weights(model, "seeded"), tmp_path / "two.pt2")
    wrong = type("Wrong", (type(model),), change)(**vars(model))
    monkeypatch.setattr(exported_module, "get_model", lambda _: wrong)
    exported = ExportedModel(tmp_path / "two.pt2")
    with pytest.raises(ModelError, match=message):
        embed_sets({"noise": noise(1)}, exported)


def test_the_example_of_the_documentation_works_as_it_stands(installed: Installed, tmp_path: Path):
    entry_points = ["[fad_core.models]", "patches = patches:MODELS"]
    install(installed.packages, "patches", {"patches.py": example_of("new-model.md")}, entry_points)
    sets = [str(write_set(tmp_path / name, seed, samples=40_000)) for seed, name in enumerate("ab")]
    done = installed.fad("score", *sets, "--model", "patches-16k", "--weights", "seeded", "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["value"] > 0 and row["n_reference"] == 9
    assert NOT_COMPARED in row["note"]


def test_the_adapter_of_the_documentation_loads_files_as_they_are_loaded_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model, other = outside_model(), types.ModuleType("patchnet")
    network = torch.nn.Identity()
    vars(other).update(
        load=lambda _: network, embed=lambda network, audio: network(torch.tensor(audio)).numpy()
    )
    monkeypatch.setitem(sys.modules, "patchnet", other)
    adapter: dict[str, Any] = {}
    exec(example_of("new-model.md", 1), adapter)
    original = adapter["Original"](*adapter["MODELS"], tmp_path)
    for rate in (16000, 44100):
        samples = np.random.default_rng(0).uniform(-0.5, 0.5, (rate, 2))
        soundfile.write(tmp_path / "clip.wav", samples, rate, subtype="FLOAT")
        loaded = original.load(tmp_path / "clip.wav", "file")
        waveform, _ = read_audio(tmp_path / "clip.wav")
        np.testing.assert_array_equal(loaded, prepare_waveform(waveform, rate, ModelUse(model))[0])
        np.testing.assert_array_equal(original.embed(loaded), original.features[0])
    assert original.unrounded(loaded, loaded) is None and original.distance([]) == (None, "")
    assert adapter["PACKAGES"][0] == "patchnet" and json.dumps(original.arguments)


def test_a_digest_follows_the_imports_of_another_package(installed: Installed):
    package = install_models(installed.packages) / "my_models"
    edits = {
        "": "",
        "README.md": "words",
        "unused.py": "A = 1",
        "__init__.py": "# A comment.",
        "network.py": "A = 1",
        "__init__.py ": "A = 1",
    }
    code = f"""
from pathlib import Path
from fad_core.models import definition_of, get_model
from fad_core.util.code_digest import code_digest
modules, _ = definition_of(get_model("outside"))
print(*modules)
for path, line in {edits!r}.items():
    if path:
        with (Path({str(package)!r}) / path.strip()).open("a") as stream:
            stream.write("\\n" + line + "\\n")
    print(code_digest(Path({str(installed.packages / "script.py")!r}), modules))
"""
    (installed.packages / "script.py").write_text("import fad_core.errors\n")
    done = installed.run(sys.executable, "-c", code)
    modules, *digests = done.stdout.splitlines()
    assert modules == "my_models.network fad_core.models.base fad_core.models.network_model my_models", (
        done.stderr
    )
    changed = [path for path, one, two in zip([*edits][1:], digests, digests[1:], strict=False) if one != two]
    assert changed == ["network.py", "__init__.py "]


def test_a_digest_covers_a_module_that_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    module = tmp_path / "lonely_model.py"
    module.write_text("A = 1\n")
    script = tmp_path / "script.py"
    script.write_text("import fad_core.errors\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("lonely_model")
    before = code_digest(script, ["lonely_model"])
    assert before != code_digest(script)
    module.write_text("A = 2\n")
    assert code_digest(script, ["lonely_model"]) != before


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("broken = my_models.missing:MODELS", "ModuleNotFoundError"),
        ("broken = my_models:two_outputs_model", "TypeError"),
        ("twice = my_models:MODELS", "there is already a model 'outside'"),
    ],
)
def test_a_broken_package_is_named_and_the_built_in_models_work(line: str, reason: str, installed: Installed):
    install_models(installed.packages, ["outside = my_models:MODELS", line])
    done = installed.fad("models")
    assert done.returncode == 1
    assert reason in done.stderr and line.partition(" = ")[2] in done.stderr and "uninstall it" in done.stderr
    assert installed.fad("export", "vggish", "--help").returncode == 0
    code = "from fad_core.models import get_model; print(get_model('vggish').name)"
    assert installed.run(sys.executable, "-c", code).stdout == "vggish\n"


def test_a_broken_command_of_another_package_is_named_and_the_others_work(installed: Installed):
    install(installed.packages, "theirs", {}, ["[fad_core.commands]", "theirs = theirs.missing:command"])
    done = installed.fad("models", "--csv")
    assert done.returncode == 0 and done.stdout.startswith("id,")
    note = "theirs.missing:command: the command is not available: No module named 'theirs'"
    assert note in done.stderr
