"""The tables of files: what was decided, what was embedded, and that the two are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from embedding_tables import embeddings
from fad_study.schemas.files import DATASETS, FILES
from fad_study.steps.check import check_files
from fad_study.steps.files import read_manifests, scan_batch
from fad_study.steps.listing import collect_files

from fad_core.datasets.policy import FilePolicy
from fad_core.errors import FadError
from fad_core.models import get_model
from fad_core.models.use import ModelUse
from fad_core.tables import EMBEDDINGS, read_table, write_table

NOTE = FilePolicy()
DROP = FilePolicy(on_duplicate="drop")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Of two files with the same sound, and one with another."""
    sound = np.sin(np.arange(16000))
    for name, samples in {"a.wav": sound, "b.wav": sound, "c.wav": sound / 2}.items():
        (tmp_path / "audio").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "audio" / name, samples, 16000)
    path = tmp_path / "manifests" / "0123456789abcdef.parquet"
    shard = {"dataset": "set", "path": [str(tmp_path / "audio")], "shards": 1, "shard": 0}
    scan_batch([shard], "ignore", path)
    return path


def collect(manifest: Path, policy: FilePolicy, *embedded: str) -> tuple[list[dict], list[dict]]:
    root = manifest.parents[1]
    table = root / "embeddings" / "vggish" / manifest.name
    write_table(EMBEDDINGS, embeddings(dict.fromkeys(embedded, 1), 128), table)
    files, datasets, decisions = root / "files.csv", root / "datasets.csv", root / "decisions.parquet"
    models = {"vggish": ModelUse(get_model("vggish"))}
    check_files([manifest], ["set"], models, policy, decisions)
    labels = {"set": "A set"}
    collect_files([manifest], [table], [], ["set"], models, decisions, {}, labels, [files], [datasets])
    return read_table(FILES, files), read_table(DATASETS, datasets)


def test_duplicates_are_noted_or_dropped_and_counted(manifest: Path) -> None:
    files, (counts,) = collect(manifest, NOTE, "a.wav", "b.wav", "c.wav")
    assert [row["note"] for row in files] == ["", "has the same sound as a.wav", ""]
    assert (counts["used"], counts["excluded"], counts["duplicates"]) == (3, 0, 1)
    assert (counts["dataset"], counts["label"]) == ("set", "A set")
    files, (counts,) = collect(manifest, DROP, "a.wav", "c.wav")
    assert [row["status"] for row in files] == ["used", "excluded", "used"]
    assert (counts["used"], counts["excluded"], counts["duplicates"]) == (2, 1, 0)


def test_the_manifest_of_another_batch_is_refused(manifest: Path) -> None:
    other = manifest.rename(manifest.with_stem("fedcba9876543210"))
    with pytest.raises(FadError, match="this is the manifest of the batch 0123456789abcdef"):
        read_manifests([other])


@pytest.mark.parametrize(
    ("policy", "embedded", "said"),
    [
        (DROP, ["a.wav", "b.wav", "c.wav"], "b.wav was embedded and should not be"),
        (NOTE, ["a.wav", "c.wav"], "b.wav should be embedded and was not"),
        (NOTE, ["a.wav", "b.wav", "c.wav", "d.wav"], "d.wav was embedded and should not be"),
    ],
)
def test_embeddings_by_other_decisions_are_refused(
    manifest: Path, policy: FilePolicy, embedded: list[str], said: str
) -> None:
    with pytest.raises(FadError, match=f"set by vggish: {said}: delete the embeddings"):
        collect(manifest, policy, *embedded)
