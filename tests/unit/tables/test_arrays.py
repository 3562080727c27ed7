"""Arrays in files that are damaged or hostile: one error, before memory is taken."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fad_core.api.statistics_files import read_statistics
from fad_core.errors import DatasetError, FadError
from fad_core.tables.arrays import Archive, read_npy
from fad_core.util.json_text import parse_object


def npy(header: str, data: bytes = bytes(64), version: int = 1, claimed: int | None = None) -> bytes:
    text = header.encode() + b"\n"
    length = (claimed if claimed is not None else len(text)).to_bytes(2 * version, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def described(descr: str = "'<f8'", shape: str = "(8,)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as target:
        for name, content in members.items():
            target.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "within its header"),
        (b"PK\x03\x04 and more", "does not begin"),
        (npy(described(), bytes(63)), "requires 64 bytes of data, but it has 63"),
        (npy(described(), bytes(65)), "but it has 65"),
        (npy(described(shape="(10**30,)")), "header"),
        (npy(described(shape="(4611686018427387904, 8)")), "requires"),
        (npy(described(shape="(-8,)")), "negative"),
        (npy(described("'|O'")), "holds object"),
        (npy(described("[('a', '<f8')]")), "plain numbers or text"),
        (npy(described("('<f4', (2,))")), "plain numbers or text"),
        (npy(described(), claimed=60_000), "60000 bytes"),
        (npy(described(), version=2, claimed=2**32 - 1), "4294967295 bytes"),
        (npy("'''open"), "not a valid array header"),
        (npy("{'descr': '<f8', 'shape': (8,"), "not a valid array header"),
        (npy(described(shape="(" * 3000 + "8" + ")" * 3000)), "not a valid array header"),
        (npy("-" * 8000 + "1"), "not a valid array header"),
        (b"\x93NUMPY\x03\x00" + bytes(200), "format 3.0"),
    ],
)
def test_a_header_that_lies_or_is_damaged_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_npy(tmp_path / "x.npy", bool)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(12, dtype=">f4").reshape(3, 4),
        np.arange(3, dtype=np.int16),
        np.array("a text"),
        np.empty((0, 4)),
        np.array(2.5),
    ],
)
def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path, array: np.ndarray[Any, Any]) -> None:
    np.save(tmp_path / "x.npy", array)
    np.savez(tmp_path / "x.npz", x=array)
    for read in (
        read_npy(tmp_path / "x.npy", bool),
        Archive(tmp_path / "x.npz").read("x"),
    ):
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype.newbyteorder("=") and read.dtype.isnative


def test_a_bomb_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    side = 2000
    bomb = npy(described(shape=f"({side}, {side})"), bytes(8 * side * side))
    vector = io.BytesIO()
    np.save(vector, np.zeros(4))
    paths = [
        archive(tmp_path / "large.npz", {"mu": vector.getvalue(), "sigma": bomb}),
        archive(tmp_path / "nothing.npz", {"mu": vector.getvalue(), "unused": bomb}),
        archive(tmp_path / "wide.npz", {"mu": npy(described(shape="(10**6,)"), b""), "sigma": bomb}),
    ]
    matrix = io.BytesIO()
    np.save(matrix, np.eye(4))
    good = archive(
        tmp_path / "unused.npz", {"mu": vector.getvalue(), "sigma": matrix.getvalue(), "unused": bomb}
    )
    read_statistics(good)  # imports
    tracemalloc.start()
    for path in paths:
        with pytest.raises(FadError, match=path.name):
            read_statistics(path)
    assert len(read_statistics(good)) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


def test_an_archive_of_another_compression_or_with_odd_names_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", {"mu": npy(described())}, zipfile.ZIP_BZIP2)
    with pytest.raises(ValueError, match="mu: it is compressed in a way that NumPy does not write"):
        Archive(path).read("mu")
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("mu.npy", npy(described()))
        target.writestr("mu.npy", npy(described()))
    with pytest.raises(ValueError, match="share a name with another one"):
        Archive(tmp_path / "y.npz")
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as target:
        target.writestr("mu.npyPK", npy(described()))
    with pytest.raises(ValueError, match=r"it holds 'mu\.npyPK', which is not an array"):
        Archive(tmp_path / "z.npz")


@pytest.mark.parametrize(
    ("mean", "covariance", "said"),
    [
        (np.zeros(3, complex), np.eye(3), "complex128"),
        (np.zeros(3), np.eye(3) + 1j, "complex128"),
        (np.zeros(9000), np.eye(3), "9000 dimensions"),
        (np.zeros(0), np.eye(3), "0 dimensions"),
        (np.array(["a", "b"]), np.eye(2), "real numbers"),
    ],
)
def test_statistics_of_no_real_numbers_are_refused(
    tmp_path: Path, mean: Any, covariance: Any, said: str
) -> None:
    np.savez(tmp_path / "x.npz", mu=mean, sigma=covariance)
    with pytest.raises(FadError, match=rf"x\.npz: these statistics cannot be used: .*{said}"):
        read_statistics(tmp_path / "x.npz")


def test_a_mean_without_its_covariance_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{"a.mu": np.zeros(2), "a.cov": np.eye(2), "b.mu": np.zeros(2)})
    with pytest.raises(FadError, match="only a mean or only a covariance of b"):
        read_statistics(tmp_path / "x.npz")


@pytest.mark.parametrize("text", ["{" * 9 + '"a":' * 2, '{"a":' * 100_000, "[1]", '"a"', "", "1" * 10_000])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_object(text)


def test_embeddings_of_other_kinds_are_refused(tmp_path: Path) -> None:
    from fad_core.embedding.npy import load_embeddings
    from fad_core.models import get_model
    from fad_core.models.use import ModelUse

    for array, said in (
        (np.zeros((2, 128), complex), "complex128"),
        (np.zeros((2, 128), int), "int64"),
        (np.zeros((2, 4, 128), np.float32), r"\[2, 4, 128\]"),
    ):
        np.save(tmp_path / "x.npy", array)
        with pytest.raises(DatasetError, match=said):
            load_embeddings(tmp_path / "x.npy", ModelUse(get_model("vggish")))


def test_an_archive_whose_list_ends_early_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "z.npz"
    np.savez(path, **{"a.mu": np.zeros(2), "a.cov": np.eye(2), "b.mu": np.zeros(2), "b.cov": np.eye(2)})
    content = bytearray(path.read_bytes())
    # The second entry of the list says that a comment follows, as long as all that is left.
    entry = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    rest = len(content) - entry
    content[entry + 32 : entry + 34] = rest.to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"it holds 4 arrays, of which \d are listed"):
        Archive(path)
