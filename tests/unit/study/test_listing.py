"""The tables of files: what was decided, what was embedded, and that the two are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from fad_study.schemas.files import DATASETS, FILES
from fad_study.steps.files import scan_shard
from fad_study.steps.listing import collect_files

from fad_core.datasets import Dataset
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
    path = tmp_path / "manifests" / "set" / "0.parquet"
    scan_shard(Dataset("set", str(tmp_path / "audio")), 1, 0, path)
    return path


def collect(manifest: Path, policy: FilePolicy, *embedded: str) -> tuple[list[dict], list[dict]]:
    root = manifest.parents[2]
    embeddings = root / "embeddings" / "vggish" / "set" / "0.parquet"
    count = len(embedded)
    columns = {
        "file": list(embedded),
        "output": ["embedding"] * count,
        "window": [0] * count,
        "start_second": [0.0] * count,
        "embedding": np.zeros((count, 128), np.float32),
    }
    write_table(EMBEDDINGS, columns, embeddings)
    files, datasets = root / "files.csv", root / "datasets.csv"
    models = {"vggish": ModelUse(get_model("vggish"))}
    collect_files([manifest], [embeddings], models, policy, {}, files, datasets)
    return read_table(FILES, files), read_table(DATASETS, datasets)


def test_duplicates_are_noted_or_dropped_and_counted(manifest: Path) -> None:
    files, (counts,) = collect(manifest, NOTE, "a.wav", "b.wav", "c.wav")
    assert [row["note"] for row in files] == ["", "has the same sound as a.wav", ""]
    assert (counts["used"], counts["excluded"], counts["duplicates"]) == (3, 0, 1)
    files, (counts,) = collect(manifest, DROP, "a.wav", "c.wav")
    assert [row["status"] for row in files] == ["used", "excluded", "used"]
    assert (counts["used"], counts["excluded"], counts["duplicates"]) == (2, 1, 0)


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
