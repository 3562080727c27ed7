"""`.npy` files of embeddings: those of the original packages are read, ours are as theirs."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from fad_core.embedding.npy import TURNED_NOTE, embeddings_path, load_embeddings, save_embeddings
from fad_core.errors import ArgumentError, DatasetError, OutputError
from fad_core.models import get_model
from fad_core.models.options import Options
from fad_core.models.use import ModelUse

VGGISH, PANN, ENCODEC = (ModelUse(get_model(name)) for name in ("vggish", "pann-16k", "encodec-24k"))
IMITATING = ModelUse(PANN.model, Options(compatibility="frechet-audio-distance"))


def vectors(count: int, dimension: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((count, dimension)).astype(np.float32)


def frames(clips: int, count: int) -> np.ndarray:
    """Like EnCodec's: channels with means of their own, `[clips, 128, frames]`."""
    rng = np.random.default_rng(8)
    means = rng.standard_normal((1, 128, 1))
    return (means + rng.standard_normal((clips, 128, count))).astype(np.float32)


def test_written_and_read(tmp_path: Path) -> None:
    given = vectors(5, 128)
    save_embeddings(given, VGGISH, tmp_path / "deep" / "er.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "deep" / "er.npy"), given)
    read, note = load_embeddings(tmp_path / "deep" / "er.npy", VGGISH)
    np.testing.assert_array_equal(read, given)
    assert note == "" and read.dtype == np.float32


def test_the_bytes_are_those_of_numpy_and_a_full_disk_is_said_to_be_one(tmp_path: Path) -> None:
    given = vectors(5000, 128)
    save_embeddings(given, VGGISH, tmp_path / "x.npy")
    np.save(tmp_path / "y.npy", given)
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "y.npy").read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal_before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*z\.npy"):
            save_embeddings(given, VGGISH, tmp_path / "z.npy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signal_before)
    assert not list(tmp_path.glob("*z*"))


def test_pann_as_the_original_keeps_it(tmp_path: Path) -> None:
    given = vectors(3, 2048)
    np.save(tmp_path / "flat.npy", given.reshape(-1))
    np.testing.assert_array_equal(load_embeddings(tmp_path / "flat.npy", PANN)[0], given)
    save_embeddings(given, PANN, tmp_path / "ours.npy")
    assert np.load(tmp_path / "ours.npy").shape == (3, 2048)
    save_embeddings(given, IMITATING, tmp_path / "as_theirs.npy")
    assert (tmp_path / "as_theirs.npy").read_bytes() == (tmp_path / "flat.npy").read_bytes()


@pytest.mark.parametrize("count", [1, 75, 127, 129, 150])
def test_encodec_of_old_releases_is_turned_round(tmp_path: Path, count: int) -> None:
    clips = frames(3, count)
    np.save(tmp_path / "old.npy", np.concatenate(list(clips)))  # [3 · 128, frames]
    read, note = load_embeddings(tmp_path / "old.npy", ENCODEC)
    np.testing.assert_array_equal(read, np.concatenate([clip.T for clip in clips]))
    assert note == TURNED_NOTE


@pytest.mark.parametrize(("clips", "count"), [(1, 128), (4, 128), (128, 75), (5, 75)])
def test_encodec_as_it_should_be_stays(tmp_path: Path, clips: int, count: int) -> None:
    right = np.concatenate([clip.T for clip in frames(clips, count)])
    np.save(tmp_path / "new.npy", right)
    read, note = load_embeddings(tmp_path / "new.npy", ENCODEC)
    np.testing.assert_array_equal(read, right)
    assert note == ""


def test_encodec_of_old_releases_with_as_many_frames_as_channels(tmp_path: Path) -> None:
    clips = frames(3, 128)
    np.save(tmp_path / "old.npy", np.concatenate(list(clips)))
    read, note = load_embeddings(tmp_path / "old.npy", ENCODEC)
    np.testing.assert_array_equal(read, np.concatenate([clip.T for clip in clips]))
    assert note == TURNED_NOTE


def test_what_neither_shape_nor_values_tell_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "either.npy", vectors(256, 128))
    with pytest.raises(DatasetError, match=r"0\.3\.3.*show which: embed the audio again"):
        load_embeddings(tmp_path / "either.npy", ENCODEC)
    assert load_embeddings(tmp_path / "either.npy", VGGISH)[1] == ""


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (vectors(4, 100), r"\[4, 100\], but embeddings of vggish are \[N, 128\]"),
        (np.zeros((2, 128), np.int16), "holds int16"),
        (np.zeros(0, np.float32), "holds no embedding"),
        (np.zeros((2, 2, 128), np.float32), "another model"),
        (np.array(["a"], dtype=object), "cannot be read"),
    ],
)
def test_what_is_no_set_of_embeddings(tmp_path: Path, array: np.ndarray, reason: str) -> None:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(DatasetError, match=reason) as caught:
        load_embeddings(tmp_path / "x.npy", VGGISH)
    assert "x.npy" in str(caught.value)


def test_a_file_that_is_no_npy(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_text("words")
    for name in ("x.npy", "lost.npy"):
        with pytest.raises(DatasetError, match=r"cannot be read as a \.npy"):
            load_embeddings(tmp_path / name, VGGISH)


def test_the_suffix_is_appended_as_numpy_does(tmp_path: Path) -> None:
    assert embeddings_path(tmp_path / "a.npy").name == "a.npy"
    assert embeddings_path(str(tmp_path / "a")).name == "a.npy"
    assert embeddings_path(tmp_path / "a.v2").name == "a.v2.npy"
    (tmp_path / "bare").write_bytes(b"")
    with pytest.raises(ArgumentError, match=r"bare\.npy"):
        embeddings_path(tmp_path / "bare")
