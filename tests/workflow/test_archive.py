"""A study that is packed, handed on and checked."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from fad_study.archive import MANIFEST, check_archive, write_archive
from fad_study.config import read_yaml
from snakemake_runs import WorkingFolder

from fad_core.cli import main
from fad_core.errors import FadError
from fad_core.tables import DISTANCES, read_table, write_table


def packed(place: WorkingFolder, target: Path) -> Path:
    config = read_yaml(place.root / "study.yaml")
    write_archive(config, place.root / "results/study", place.root / "results/verification", target)
    return target


def test_an_archive_is_checked_without_the_audio(done: WorkingFolder, tmp_path: Path) -> None:
    archive = packed(done, tmp_path / "a.zip")
    shutil.rmtree(done.root / "audio")
    found = check_archive(archive, tmp_path / "unpacked")
    assert found.faults == () and found.distances == 1 and found.largest == 0
    names = zipfile.ZipFile(archive).namelist()
    assert not any("embeddings/" in name or "logs/" in name for name in names)
    assert {"study/study.yaml", "study/results/report.html", "study/environment/core.txt"} <= set(names)
    assert len([name for name in names if name.startswith("study/verification/")]) == 2
    assert packed(done, tmp_path / "b.zip").read_bytes() == archive.read_bytes()


def changed(archive: Path, folder: Path, *, hashes: bool) -> Path:
    """Change one distance by a thousandth, and its hash too if wanted; return the archive of that."""
    with zipfile.ZipFile(archive) as given:
        given.extractall(folder)
    root = folder / "study"
    table = root / "results/tables/distances.parquet"
    (row,) = read_table(DISTANCES, table)
    write_table(DISTANCES, [row | {"value": row["value"] * 1.001}], table)
    if hashes:
        from fad_core.datasets import file_sha256

        manifest = json.loads((root / MANIFEST).read_text())
        manifest["files"]["results/tables/distances.parquet"] = file_sha256(table)
        (root / MANIFEST).write_text(json.dumps(manifest))
    return Path(shutil.make_archive(str(folder / "changed"), "zip", folder, "study"))


@pytest.mark.parametrize("hashes", [False, True])
def test_a_changed_number_is_found(done: WorkingFolder, tmp_path: Path, hashes: bool) -> None:
    other = changed(packed(done, tmp_path / "a.zip"), tmp_path / "x", hashes=hashes)
    told = CliRunner().invoke(main, ["study", "verify", str(other)])
    assert told.exit_code == 3
    assert "fad of a and b by small: " in told.stdout and "but the statistics give" in told.stdout
    assert ("distances.parquet: its sha256" in told.stdout) == (not hashes)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no archive")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("x/y.txt", "")
    with zipfile.ZipFile(tmp_path / "outside.zip", "w") as outside:
        outside.writestr("../y.txt", "")
    for name, reason in (("text", "cannot be read"), ("other", "no manifest"), ("outside", "leads out of")):
        with pytest.raises(FadError, match=reason):
            check_archive(tmp_path / f"{name}.zip", tmp_path / name)
    with pytest.raises(FadError, match="run the study to its end"):
        write_archive({"study": "s"}, tmp_path, tmp_path, tmp_path / "s.zip")
