"""A `.pt2` is what it says it is, and runs where nothing of this package is installed."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from fad_core.errors import ModelError, OutputError
from fad_core.models import get_model
from fad_core.runner.backend import resolve_device
from fad_core.runner.exported import ExportedModel
from fad_core.runner.identity import IDENTITY_FILE, Identity, read_identity
from fad_core.runner.pt2 import export_model
from fad_core.weights import Weights, locate_weights

SeededExport = Callable[[str], Path]

# What anybody with torch alone would write.
PLAIN = """
import json, sys, torch
extra = {"identity.json": ""}
program = torch.export.load(sys.argv[1], extra_files=extra).module()
torch.manual_seed(0)
features = torch.randn(64, 1, 96, 64)
whole = program(features)
for batch in (1, 2, 33, 64):
    part = program(features[:batch])
    assert part.shape == (batch, 128) and part.dtype == torch.float32
    assert (part - whole[:batch]).abs().max() < 1e-4 * whole.abs().max(), batch
assert "fad_core" not in sys.modules
print(json.loads(extra["identity.json"])["model"])
"""


@pytest.fixture(scope="module")
def path(seeded_export: SeededExport) -> Path:
    return seeded_export("vggish")


@pytest.fixture(scope="module")
def weights() -> Weights:
    return locate_weights(get_model("vggish"), "seeded")


def write_archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_a_plain_torch_runs_any_batch(path: Path, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error::DeprecationWarning:__main__", "-c", PLAIN, str(path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "vggish\n"), done.stderr


def test_it_knows_what_it_is(path: Path, weights: Weights):
    identity = read_identity(path)
    assert identity == Identity.of(get_model("vggish"), weights)
    assert identity.weights == "seeded"
    assert identity.weights_sha256 == get_model("vggish").checkpoints[0].seeded_sha256
    assert identity.checkpoints == {"vggish-10086976.pth": identity.weights_sha256}
    assert identity.licence == "not stated", "the official weights' licence is not that of made-up ones"
    assert identity.torch_version == torch.__version__
    assert ExportedModel(path).identity == identity


def test_the_identity_is_read_without_the_weights(path: Path):
    start = time.process_time()
    read_identity(path)
    read = time.process_time()
    path.read_bytes()
    hashlib.sha256(path.read_bytes())
    assert read - start < time.process_time() - read


def test_the_same_model_is_the_same_bytes_under_any_name(path: Path, weights: Weights, tmp_path: Path):
    other = tmp_path / "new folder" / "another name.pt2"
    export_model(get_model("vggish"), weights, other)
    digests = []
    for file in (path, other):
        with file.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    assert digests[0] == digests[1]
    other.unlink()


def test_a_loaded_model_embeds_whole_waveforms(path: Path):
    model = ExportedModel(path)
    waveform = np.random.default_rng(1).uniform(-0.5, 0.5, (1, 16000 * 34)).astype(np.float32)
    embeddings = model.embed(waveform)["embedding"]
    assert embeddings.shape == (35, 128), "more windows than one batch holds"
    assert embeddings.dtype == np.float32
    patches = torch.from_numpy(model.model.frontend(waveform)[0])
    for window in (0, 31, 32, 34):  # the ends of both batches
        alone = model.network(patches[window : window + 1])[0][0]
        np.testing.assert_allclose(embeddings[window], alone, atol=2e-5 * np.abs(embeddings).max())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"there is no exported model at .*broken\.pt2"),
        (b"", "not an exported model, or is incomplete"),
        (b"certainly no archive", "not an exported model, or is incomplete"),
        ({"archive/models/model.json": "{}"}, "does not name its model"),
        ({"archive/extra/identity.json": "{"}, "another version of fad_core: export it again"),
        ({"archive/extra/identity.json": '{"model": "vggish"}'}, "another version.*missing.*'family'"),
        ({"archive/extra/identity.json": "[1]"}, "another version"),
    ],
)
def test_what_is_no_exported_model_is_refused(
    content: bytes | dict[str, str] | None, message: str, tmp_path: Path
):
    broken = tmp_path / "broken.pt2"
    if isinstance(content, bytes):
        broken.write_bytes(content)
    elif content is not None:
        write_archive(broken, content)
    for load in (read_identity, ExportedModel):
        with pytest.raises(ModelError, match=message) as raised:
            load(broken)
        assert "broken.pt2" in str(raised.value)


def test_a_folder_is_no_model(tmp_path: Path):
    with pytest.raises(ModelError, match="there is no exported model"):
        ExportedModel(tmp_path)


def test_an_identity_without_a_program_is_refused(path: Path, tmp_path: Path):
    identity = (("archive/extra/" + IDENTITY_FILE), json.dumps(vars(read_identity(path)), default=dict))
    hollow = write_archive(tmp_path / "hollow.pt2", dict([identity]))
    with pytest.raises(ModelError, match=r"hollow\.pt2 cannot be read without .*model\.json"):
        ExportedModel(hollow)
    with pytest.raises(ModelError, match=r"hollow\.pt2 is not a model that torch\.export\.load can read"):
        ExportedModel(hollow, origin="trusted")


def test_another_program_of_torch_is_refused(tmp_path: Path):
    program = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
    torch.export.save(program, tmp_path / "foreign.pt2")
    with pytest.raises(ModelError, match=r"foreign\.pt2 does not name its model"):
        ExportedModel(tmp_path / "foreign.pt2")


def test_a_file_cut_short_is_refused(path: Path, tmp_path: Path):
    with path.open("rb") as stream:
        (tmp_path / "short.pt2").write_bytes(stream.read(1_000_000))
    with pytest.raises(ModelError, match=r"short\.pt2 is not an exported model, or is incomplete"):
        ExportedModel(tmp_path / "short.pt2")


def test_one_flipped_bit_in_the_weights_is_refused(path: Path, tmp_path: Path):
    """torch itself loads it without a word."""
    # Other tests read the export meanwhile.
    path = Path(shutil.copy(path, tmp_path))
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("archive/data/weights/weight_12").header_offset + 1_000_000
    with flipped(path, place), pytest.raises(ModelError, match=r"is damaged at .*weight_12: delete it"):
        ExportedModel(path)
    ExportedModel(path)


@contextmanager
def flipped(path: Path, place: int) -> Iterator[None]:
    def flip() -> None:
        with path.open("r+b") as stream:
            stream.seek(place)
            byte = stream.read(1)[0]
            stream.seek(place)
            stream.write(bytes([byte ^ 64]))

    flip()
    try:
        yield
    finally:
        flip()


def test_an_export_that_cannot_be_written_is_told_and_leaves_nothing(weights: Weights, tmp_path: Path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000_000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*vggish\.pt2: File too large"):
            export_model(get_model("vggish"), weights, tmp_path / "vggish.pt2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_what_it_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == "cpu"
    for name in ("cuda", "cuda:1"):
        with pytest.raises(ModelError, match="no CUDA device"):
            resolve_device(name)
    for name in ("gpu", "mps", "cuda:", ""):
        with pytest.raises(ModelError, match="device must be cpu, cuda"):
            resolve_device(name)


def test_the_device_that_is_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto") == "cuda" and resolve_device("cuda:1") == "cuda:1"
    with pytest.raises(ModelError, match="does not exist: there are 2, cuda:0 to cuda:1"):
        resolve_device("cuda:2")
