"""`fad cache` and `--no-cache`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from fad_core.cli import main
from fad_core.cli.cache import prune
from fad_core.embedding.embedding_cache import DEFAULT_LIMIT_GB, EmbeddingCache, Entry

ROOT = Path(__file__).parents[3]


def fad(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["cache", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of exported models with a cache of ten embeddings of one model, and one of another."""
    for weights, count in (("seeded", 10), ("official", 1)):
        identity = {"model": "vggish", "weights": weights, "weights_sha256": "0123456789"}
        root = tmp_path / "embeddings"
        cache = EmbeddingCache(root, {"identity": identity, "settings": "runner=plain"}, ["embedding"])
        for number in range(count):
            cache.put(f"{number:040}", Entry(np.zeros(1), {"embedding": np.zeros((1, 128), np.float32)}))
        cache.flush()
    return tmp_path


def test_the_contents_are_listed_by_model(folder: Path) -> None:
    rows = json.loads(fad("info", "--cache-dir", str(folder), "--json"))
    assert {(row["model"], row["weights"], row["settings"], row["files"]) for row in rows} == {
        ("vggish", "seeded 01234567", "runner=plain", 10),
        ("vggish", "official 01234567", "runner=plain", 1),
    }
    assert fad("info", "--folder", str(folder / "embeddings")).count("vggish") == 2


def test_an_empty_cache_is_listed_and_cleared(tmp_path: Path) -> None:
    for form, expected in (("--json", "[]"), ("--csv", "")):
        assert fad("info", "--cache-dir", str(tmp_path), form).strip() == expected
    assert "nothing is cached" in fad("info", "--cache-dir", str(tmp_path))
    assert "0 bytes removed" in fad("clear", "--cache-dir", str(tmp_path))


@pytest.mark.parametrize("command", ["info", "prune", "clear"])
def test_a_given_folder_that_does_not_exist_is_named(command: str, tmp_path: Path) -> None:
    missing = tmp_path / "results" / "cache"
    done = CliRunner().invoke(main, ["cache", command, "--folder", str(missing)])
    assert done.exit_code == 1 and done.stderr == f"error: there is no folder {missing}\n"


def test_a_cache_is_pruned_and_cleared(folder: Path) -> None:
    def removed(*arguments: str) -> int:
        return int(json.loads(fad(*arguments, "--cache-dir", str(folder), "--json"))["removed_bytes"])

    assert removed("prune") == 0
    assert removed("prune", "--limit-gb", "0.000007") > 0
    assert len(json.loads(fad("info", "--cache-dir", str(folder), "--json"))) == 1
    assert removed("clear") > 0 and not list((folder / "embeddings").iterdir())


def test_the_limit_is_the_same_everywhere() -> None:
    """It is written in three places: neither the command's help nor the schema imports the cache."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    (option,) = (each for each in prune.params if each.name == "limit_gb")
    assert option.default == schema["properties"]["embedding_cache_gb"]["default"] == DEFAULT_LIMIT_GB
