"""Reference statistics by name."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fad_core import FrechetAudioDistance
from fad_core.api.comparability import same_model
from fad_core.cli import main
from fad_core.embedding.distances import distance_row
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.named_references import NAMED_REFERENCES, fetch_reference, find_reference
from fad_core.embedding.statistics_files import is_statistics_file, read_statistics
from fad_core.errors import FadError
from fad_core.metrics.statistics import Statistics
from fad_core.models import get_model
from fad_core.models.use import ModelKey

SHA256 = get_model("cdpam-content").checkpoints[0].sha256
PARTLY = get_model("encodec-48k").checkpoints[0].sha256


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of fadtk's kind that is known as "popular", where it would be downloaded to."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    names = {"encodec-48k": (128, "encodec"), "cdpam-content": (512, "cdpam-content")}
    arrays = {}
    for dimension, name in names.values():
        arrays |= {f"{name}.mu": np.ones(dimension), f"{name}.cov": np.eye(dimension)}
    path = tmp_path / "hub/references/popular.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **arrays)
    known = replace(
        NAMED_REFERENCES["fma_pop"],
        name="popular",
        title="popular music",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        names={model: name for model, (_, name) in names.items()},
    )
    monkeypatch.setitem(NAMED_REFERENCES, "popular", known)  # type: ignore[arg-type]
    monkeypatch.setattr("fad_core.embedding.named_references.installed_file", lambda _: None)
    return path


def evaluation(model: str = "cdpam-content", **others: str) -> EmbeddedSet:
    facts = {"weights": "official", "weights_sha256": SHA256, "settings": "compatibility=fadtk"} | others
    vectors = np.random.default_rng(0).standard_normal((600, get_model(model).dimension))
    return EmbeddedSet("ours", ModelKey(model, **facts), {"embedding": Statistics.from_embeddings(vectors)})


def test_it_is_compared_with_sets_that_were_embedded_alike(file: Path, tmp_path: Path) -> None:
    ours = evaluation()
    copy = tmp_path / "any name.npz"
    copy.write_bytes(file.read_bytes())
    for source in ("popular", str(copy)):
        assert is_statistics_file(source)
        held = read_statistics(source, ["cdpam-content"])
        assert [each.key for each in held] == [ours.key]
        ((reference, other),) = same_model([held, [ours]])
        row = distance_row(reference, other, "fad")
        assert row["reference"] == source and row["n_reference"] is None and "popular music" in row["note"]
    assert [each.key.model for each in read_statistics("popular")] == ["encodec-48k", "cdpam-content"]


def test_the_option_that_would_help_is_named(file: Path) -> None:
    with pytest.raises(FadError, match="To embed both by the same conventions, choose:") as raised:
        same_model([read_statistics("popular", ["cdpam-content"]), [evaluation(settings="")]])
    assert ("compatibility", "fadtk") in raised.value.settings


@pytest.mark.parametrize(
    "other",
    [{"weights": "seeded", "weights_sha256": "5eed" * 16}, {"settings": ""}, {"weights_sha256": "0" * 64}],
)
def test_other_weights_or_conventions_are_refused(file: Path, other: dict[str, str]) -> None:
    with pytest.raises(FadError, match=r"cdpam-content \(official weights .*, compatibility=fadtk\)"):
        same_model([read_statistics("popular", ["cdpam-content"]), [evaluation(**other)]])


def test_the_published_digits_of_a_hash_suffice(file: Path) -> None:
    full = (PARTLY + "0" * 64)[:64]
    ours = evaluation("encodec-48k", weights_sha256=full)
    ((reference, other),) = same_model([read_statistics("popular", ["encodec-48k"]), [ours]])
    assert distance_row(reference, other, "fad")["weights_sha256"] == full
    assert distance_row(other, reference, "fad")["weights_sha256"] == full
    with pytest.raises(FadError, match="they cannot be compared"):
        same_model(
            [
                read_statistics("popular", ["encodec-48k"]),
                [evaluation("encodec-48k", weights_sha256="1" * 64)],
            ]
        )


def test_models_that_it_lacks_are_named(file: Path) -> None:
    with pytest.raises(
        FadError, match="popular has statistics of encodec-48k, cdpam-content, but not of pann-16k"
    ):
        read_statistics("popular", ["pann-16k"])


def test_what_is_not_there_is_not_downloaded_by_itself(file: Path) -> None:
    known = NAMED_REFERENCES["popular"]
    assert fetch_reference(known) == file == find_reference("popular")
    file.write_bytes(b"other")
    with pytest.raises(FadError, match="has the sha256"):
        fetch_reference(known)
    file.unlink()
    with pytest.raises(FadError, match=r"popular are not here: fetch them .* or put its fma_pop.npz there"):
        read_statistics("popular")
    frechet = FrechetAudioDistance(model_name="cdpam-content", weights="official", compatibility="fadtk")
    with pytest.raises(FadError, match="popular are not here"):
        frechet.score("popular", "audio")


def test_the_command_names_those_that_there_are() -> None:
    done = CliRunner().invoke(main, ["weights", "fetch", "--reference", "pop"])
    assert done.exit_code == 2 and "there are: fma_pop" in done.stderr
