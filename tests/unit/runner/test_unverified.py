"""Models that `frechet-audio-distance-exported` has exported: its VGGish is taken, the others are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fad_core.api.model_cache import verified_model
from fad_core.errors import ModelError
from fad_core.models import get_model
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend
from fad_core.runner.exported import ExportedModel
from fad_core.runner.unverified import FOREIGN_NOTE, NOTE, REFUSED, load_unverified
from fad_core.weights import locate_weights, seeded_state

VGGISH = ModelUse(get_model("vggish"))


def export_as_they_do(network: torch.nn.Module, example: torch.Tensor, path: Path) -> Path:
    """A dynamic batch, and nothing beside the program."""
    batch = torch.export.Dim("batch", min=1, max=1024)
    program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
    torch.export.save(program, path)
    return path


@pytest.fixture(scope="module")
def their_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What their script writes, of the seeded weights: 290 MB."""
    model = get_model("vggish")
    network = model.build(seeded_state(model.checkpoints[0]))
    path = tmp_path_factory.mktemp("theirs") / "vggish_exported.pt2"
    export_as_they_do(network, torch.zeros(2, 1, 96, 64), path)
    return path


def test_their_vggish_embeds_as_ours(their_file: Path, seeded_export: Callable[[str], Path]) -> None:
    theirs, ours = load_unverified(their_file, VGGISH, Backend()), ExportedModel(seeded_export("vggish"))
    noise = np.random.default_rng(3).standard_normal((1, 50_000)).astype(np.float32) * 0.1
    np.testing.assert_array_equal(theirs.embed(noise)["embedding"], ours.embed(noise)["embedding"])


def test_it_is_named_and_marked_unverified(their_file: Path) -> None:
    exported = verified_model("vggish", str(their_file))
    assert exported.note == FOREIGN_NOTE and "unverified" in FOREIGN_NOTE
    assert exported.identity.weights == "vggish_exported.pt2"
    assert len(exported.identity.weights_sha256) == 64
    with pytest.raises(ModelError, match="contains the model vggish, not vggish-pca"):
        verified_model("vggish-pca", str(their_file))


@pytest.mark.parametrize("name", REFUSED)
def test_their_other_files_are_refused_by_name_with_the_reason(tmp_path: Path, name: str) -> None:
    model_id, reason = REFUSED[name]
    # Whether it is there or not.
    with pytest.raises(ModelError) as caught:
        verified_model("vggish", str(tmp_path / name))
    assert name in str(caught.value) and reason in str(caught.value)
    assert get_model(model_id).name in ("clap-630k-audioset", model_id)


def test_another_network_is_no_vggish(tmp_path: Path) -> None:
    path = export_as_they_do(torch.nn.Linear(4, 3), torch.zeros(2, 4), tmp_path / "mine.pt2")
    with pytest.raises(
        ModelError, match=r"mine\.pt2 is neither an exported model of fad_core nor the vggish"
    ):
        verified_model("vggish", str(path))


def test_the_same_weights_on_other_patches_are_no_vggish(tmp_path: Path) -> None:
    model = get_model("vggish")

    class Cropped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            network = model.build(seeded_state(model.checkpoints[0]))
            self.features, self.embeddings = network.features, network.embeddings

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.embeddings(self.features(x[:, :, :96]).flatten(1))

    path = export_as_they_do(Cropped(), torch.zeros(2, 1, 100, 64), tmp_path / "vggish_exported.pt2")
    with pytest.raises(ModelError, match="nor the vggish"):
        load_unverified(path, VGGISH, Backend())


def test_an_own_export_by_its_path_is_taken_unverified(seeded_export: Callable[[str], Path]) -> None:
    exported = verified_model("vggish", str(seeded_export("vggish")))
    assert exported.note == NOTE and exported.identity.weights == "seeded"
    assert exported.identity.weights_sha256 == locate_weights(get_model("vggish"), "seeded").sha256


def test_a_file_that_is_not_there_or_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no exported model"):
        verified_model("vggish", str(tmp_path / "lost.pt2"))
    (tmp_path / "words.pt2").write_text("words")
    with pytest.raises(ModelError, match=r"words\.pt2 is not an exported model"):
        verified_model("vggish", str(tmp_path / "words.pt2"))
