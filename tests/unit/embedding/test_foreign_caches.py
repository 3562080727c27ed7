"""Folders in which fadtk and kadtk keep embeddings and statistics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fad_core.api.comparability import same_model
from fad_core.datasets import Dataset, list_files
from fad_core.embedding.distances import distance_row
from fad_core.embedding.statistics_files import is_statistics_file, read_statistics
from fad_core.errors import FadError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import statistics_of


def cached(folder: Path, seed: int) -> np.ndarray:
    """Write what fadtk keeps in a folder of audio; return all vectors."""
    rng = np.random.default_rng(seed)
    vectors = [rng.standard_normal((9, 4)).astype(np.float16) for _ in range(8)]
    embeddings, statistics = folder / "embeddings/vggish", folder / "stats/vggish"
    for place in (embeddings, statistics):
        place.mkdir(parents=True)
    for number, each in enumerate(vectors):
        np.save(embeddings / f"{number}.npy", each)
    together = np.concatenate(vectors).astype(np.float64)
    np.save(statistics / "mu.npy", together.mean(axis=0))
    np.save(statistics / "cov.npy", np.cov(together, rowvar=False))
    return together


def test_both_forms_give_the_distance_of_the_vectors(tmp_path: Path) -> None:
    both = [cached(tmp_path / name, seed) for seed, name in enumerate("ab")]
    exact = frechet_distance(*(statistics_of([vectors]) for vectors in both)).value
    for form in ("embeddings", "stats"):
        sets = [read_statistics(tmp_path / name / form / "vggish", keep=True) for name in "ab"]
        ((one, other),) = same_model(sets)
        row = distance_row(one, other, "fad")
        assert row["value"] == pytest.approx(exact, rel=1e-12)
        assert (row["model"], row["weights"]) == ("vggish", "")
        assert "does not name the weights" in row["note"]
        assert (row["ci_low"] is not None) == (form == "embeddings") == (row["n_reference"] == 72)
        if form == "embeddings":
            assert distance_row(one, other, "kad")["value"] is not None


def test_they_are_never_audio_and_audio_is_never_one_of_them(tmp_path: Path) -> None:
    cached(tmp_path, 0)
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "stats/songs").mkdir()
    (tmp_path / "stats/songs/b.wav").write_bytes(b"")
    names = [file.name for file in list_files(Dataset("x", str(tmp_path))).files]
    assert names == ["a.wav", "stats/songs/b.wav"]
    assert not is_statistics_file(tmp_path) and not is_statistics_file(tmp_path / "stats/songs")
    assert is_statistics_file(tmp_path / "stats/vggish")


def short(folder: Path) -> None:
    np.save(folder / "embeddings/vggish/3.npy", np.zeros(4))


def text(folder: Path) -> None:
    (folder / "embeddings/vggish/3.npy").write_text("no array")


def alone(folder: Path) -> None:
    (folder / "stats/vggish/mu.npy").unlink()


@pytest.mark.parametrize(
    ("damage", "form", "fault"),
    [
        (short, "embeddings", r"3\.npy holds an array \[4\]; expected \[N, D\]"),
        (text, "embeddings", r"3\.npy: "),
        (alone, "stats", r"there is no mu\.npy"),
    ],
)
def test_what_is_damaged_is_named(
    tmp_path: Path, damage: Callable[[Path], None], form: str, fault: str
) -> None:
    cached(tmp_path, 0)
    damage(tmp_path)
    with pytest.raises(FadError, match=fault):
        read_statistics(tmp_path / form / "vggish")
