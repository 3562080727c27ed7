"""Files that are in the cache are not embedded again, and no bit of a result depends on the cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tiny_pt2 import export_tiny, tiny_is_known

from fad_core.datasets.policy import FilePolicy
from fad_core.embedding import cached
from fad_core.embedding.cached import cache_of
from fad_core.embedding.embedding_cache import cache_info, prune
from fad_core.embedding.inputs import Waveforms
from fad_core.embedding.scan_and_embed import embed_sets
from fad_core.errors import ModelError
from fad_core.runner.exported import ExportedModel

PAD = FilePolicy(on_short_file="pad")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExportedModel]:
    with tiny_is_known():
        yield ExportedModel(export_tiny(tmp_path_factory.mktemp("tiny") / "tiny.pt2"))


@pytest.fixture
def embedded_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are embedded, not taken from the cache."""
    names: list[str] = []
    original = cached.embed_sounds

    def embed_sounds(exported: ExportedModel, sounds: Any, workers: int = 0) -> Any:
        sounds = list(sounds)
        names.extend(decision.record.file for decision, _ in sounds)
        return original(exported, sounds, workers)

    monkeypatch.setattr(cached, "embed_sounds", embed_sounds)
    return names


def write_clips(folder: Path, seeds: Mapping[str, int], samples: int = 1600) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        waveform = np.random.default_rng(seed).uniform(-0.5, 0.5, samples + 100 * seed)
        soundfile.write(folder / name, waveform, 16000)
    return folder


def vectors(exported: ExportedModel, root: Path | None, *sets: Any, **more: Any) -> list[bytes]:
    """The bytes of all vectors and start seconds of each set, embedded with a cache or without one."""
    cache = None if root is None else cache_of(exported, root)
    done = embed_sets(
        {str(number): given for number, given in enumerate(sets)}, exported, keep=True, cache=cache, **more
    )
    return [
        b"".join(
            each.file.encode() + each.start_seconds.tobytes() + each.vectors["embedding"].tobytes()
            for each in item.embeddings or ()
        )
        for item in done.values()
    ]


def test_a_set_is_embedded_once(tiny: ExportedModel, tmp_path: Path, embedded_files: list[str]) -> None:
    root, clips = tmp_path / "cache", write_clips(tmp_path / "a", {"1.wav": 1, "2.wav": 2, "3.wav": 3})
    without = vectors(tiny, None, clips)
    del embedded_files[:]
    assert vectors(tiny, root, clips) == without == vectors(tiny, root, clips)
    assert embedded_files == ["1.wav", "2.wav", "3.wav"]
    # One more file, and one of other content under an old name.
    write_clips(clips, {"2.wav": 7, "4.wav": 4})
    assert vectors(tiny, root, clips) == vectors(tiny, None, clips)
    assert embedded_files[3:5] == ["2.wav", "4.wav"]


def test_a_file_or_folder_of_another_name_is_not_embedded_again(
    tiny: ExportedModel, tmp_path: Path, embedded_files: list[str]
) -> None:
    root, clips = tmp_path / "cache", write_clips(tmp_path / "a", {"1.wav": 1, "2.wav": 2})
    vectors(tiny, root, clips)
    shutil.move(clips, tmp_path / "b")
    shutil.move(tmp_path / "b/1.wav", tmp_path / "b/9.wav")
    del embedded_files[:]
    assert vectors(tiny, root, tmp_path / "b") == vectors(tiny, None, tmp_path / "b")
    assert embedded_files == ["2.wav", "9.wav"]  # only those of the run without a cache


def test_files_with_the_same_content_are_embedded_once(
    tiny: ExportedModel, tmp_path: Path, embedded_files: list[str]
) -> None:
    clips = write_clips(tmp_path / "a", {"1.wav": 1, "2.wav": 1, "3.wav": 3})
    others = write_clips(tmp_path / "b", {"4.wav": 3, "5.wav": 5})
    assert vectors(tiny, tmp_path / "cache", clips, others) == vectors(tiny, None, clips, others)
    assert len(embedded_files) == 3 + 5


def test_only_the_files_that_a_setting_changes_are_embedded_again(
    tiny: ExportedModel, tmp_path: Path, embedded_files: list[str]
) -> None:
    root, clips = tmp_path / "cache", write_clips(tmp_path / "a", {"1.wav": 1, "2.wav": 2})
    soundfile.write(clips / "short.wav", np.full(40, 0.1), 16000)
    vectors(tiny, root, clips, policy=FilePolicy(on_short_file="skip"))
    assert embedded_files == ["1.wav", "2.wav"]
    padded = vectors(tiny, root, clips, policy=PAD)
    assert embedded_files[2:] == ["short.wav"]
    assert padded == vectors(tiny, root, clips, policy=PAD) == vectors(tiny, None, clips, policy=PAD)


def test_another_model_setting_or_batch_size_has_embeddings_of_its_own(
    tiny: ExportedModel, tmp_path: Path, embedded_files: list[str]
) -> None:
    root, clips = tmp_path / "cache", write_clips(tmp_path / "a", {"1.wav": 1, "2.wav": 2})
    vectors(tiny, root, clips)
    float64 = tiny.with_options(replace(tiny.use.options, dtype="float64"))
    assert vectors(float64, root, clips) == vectors(float64, None, clips)
    assert embedded_files == ["1.wav", "2.wav"] * 3
    assert {info.context["settings"] for info in cache_info(root)} == {"", "dtype=float64"}


def test_sound_in_memory_is_not_cached(tiny: ExportedModel, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (3, 1600))
    for dtype in (np.float32, np.float64):
        sound = Waveforms(list(noise.astype(dtype)), 16000)
        assert vectors(tiny, tmp_path / "cache", sound) == vectors(tiny, None, sound)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_the_cache_may_be_pruned_or_damaged_at_any_moment(
    tiny: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    root, clips = tmp_path / "cache", write_clips(tmp_path / "a", {f"{n}.wav": n for n in range(9)})
    monkeypatch.setattr(cached, "_PART_SAMPLES", 5000)
    without = vectors(tiny, None, clips)
    vectors(tiny, root, clips)
    cache = cache_of(tiny, root)
    original, calls = cache.get, []

    def get(key: str) -> Any:
        calls.append(key)
        if len(calls) == 4:
            prune(root, 0)
        return original(key)

    cache.get = get  # type: ignore[method-assign]
    done = embed_sets({"0": clips}, tiny, keep=True, cache=cache, workers=workers)
    assert vectors(tiny, None, done["0"])[0] == without[0]
    (pack,) = root.rglob("*.pack")
    content = bytearray(pack.read_bytes())
    content[-40] ^= 1
    pack.write_bytes(content)
    assert vectors(tiny, root, clips) == without


def test_what_was_embedded_before_an_error_is_kept(
    tiny: ExportedModel, tmp_path: Path, embedded_files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = write_clips(tmp_path / "a", {"1.wav": 1, "2.wav": 2, "3.wav": 3})
    cache, done = cache_of(tiny, tmp_path / "cache"), []
    with pytest.raises(KeyboardInterrupt):
        embed_sets({"a": clips}, tiny, cache=cache, progress=lambda _: interrupt_at(done, 5))
    del embedded_files[:]
    assert vectors(tiny, tmp_path / "cache", clips) == vectors(tiny, None, clips)
    assert embedded_files[0] == "3.wav"


def interrupt_at(done: list[int], count: int) -> None:
    """Three files are scanned, then embedded: the fifth call follows the second embedding."""
    done.append(1)
    if len(done) == count:
        raise KeyboardInterrupt


def test_the_network_is_loaded_only_for_files_that_are_not_in_the_cache(tmp_path: Path) -> None:
    root, clips = tmp_path / "cache", write_clips(tmp_path / "a", {"1.wav": 1, "2.wav": 2})
    with tiny_is_known():
        path = export_tiny(tmp_path / "tiny.pt2")
        expected = vectors(ExportedModel(path), root, clips)
        own = ExportedModel(path, origin="own")
        path.write_bytes(path.read_bytes()[:-1000])
        assert vectors(own, root, clips) == expected
        with pytest.raises(ModelError, match=r"tiny\.pt2 is not a"):
            vectors(own, root, clips, write_clips(tmp_path / "b", {"3.wav": 3}))


def test_embeddings_of_a_fallback_are_not_cached(
    tiny: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = write_clips(tmp_path / "a", {"1.wav": 1})
    monkeypatch.setattr(ExportedModel, "fell_back", True)
    vectors(tiny, tmp_path / "cache", clips)
    assert not (tmp_path / "cache").exists()


def test_what_finds_all_embeddings_in_the_cache_does_not_import_pytorch() -> None:
    code = """
import sys
import fad_study.steps.embeddings, fad_core.embedding.cached, fad_core.runner.exported
from fad_core.models import get_model, model_ids
from fad_core.runner.numerics import numerics_key
print(*{numerics_key(get_model(name)).torch for name in model_ids()}, "torch" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told.split() == [torch.__version__, "False"]
