"""`CLAPScore`, with seeded weights and the minimal vocabulary; the original is compared live elsewhere."""

from __future__ import annotations

import copy
import csv
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fad_core import CaptionScore, CLAPScore
from fad_core.api.clap_score import BY_ROW_NOTE
from fad_core.cli import main
from fad_core.datasets.captions import BY_NAME_NOTE
from fad_core.embedding.distances import SEEDED_NOTE
from fad_core.errors import ArgumentError, DatasetError
from fad_core.metrics.clap_score import cosines
from fad_core.models import get_model
from fad_core.tables import FILE_VALUES, read_table
from fad_core.weights import locate_weights

pytestmark = pytest.mark.export

CAPTIONS = {f"{number}.wav": f"a dog barks {number} times" for number in range(6)}
MadeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(autouse=True)
def warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


@pytest.fixture(scope="module")
def cache(made_once: MadeOnce, seeded_export: Callable[[str], Path]) -> Path:
    """A cache with both networks, exported and verified; that of audio was exported for other tests too."""
    audio = seeded_export("clap-630k-audioset")

    def make(folder: Path) -> None:
        key = locate_weights(get_model(audio.stem), "seeded").key
        (folder / f"{audio.stem}-{key}.pt2").hardlink_to(audio)
        clap = CLAPScore(weights="seeded", cache_dir=folder, progress=False)
        clap.get_text_embeddings(["a"])
        clap.get_audio_embeddings([np.ones(48000)], 48000)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on the constant sound
        return made_once("clap score", make)


@pytest.fixture(scope="module")
def clap(cache: Path) -> CLAPScore:
    return CLAPScore(weights="seeded", cache_dir=cache, progress=False)


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captioned")
    random = np.random.default_rng(0)
    for number, name in enumerate(CAPTIONS):
        soundfile.write(folder / name, 0.2 * random.standard_normal(16000 * (1 + number % 3)), 16000)
    return folder


def table(path: Path, names: list[str], *, with_files: bool = True) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "caption"][not with_files :])
        writer.writerows([name, CAPTIONS[name]][not with_files :] for name in names)
    return path


def test_files_are_compared_with_their_captions(clap: CLAPScore, audio: Path, tmp_path: Path) -> None:
    names = ["3.wav", "1.wav", "2.wav", "0.wav", "5.wav", "4.wav"]
    found = clap.score(table(tmp_path / "captions.csv", names), audio)
    waveforms = [soundfile.read(audio / name)[0] for name in names]
    captions = [CAPTIONS[name] for name in names]
    text, sounds = clap.get_text_embeddings(captions), clap.get_audio_embeddings(waveforms, 16000)
    values = np.array([row["value"] for row in found.per_file])
    np.testing.assert_allclose(values, cosines(text, sounds), atol=1e-6)
    assert [row["file"] for row in found.per_file] == names
    assert [row["caption"] for row in found.per_file] == captions
    mean, std = found
    assert (mean, std) == (np.mean(values), np.std(values))
    assert found.row["ci_low"] < mean < found.row["ci_high"]
    assert (found.row["files"], found.row["excluded"], found.row["note"]) == (6, 0, SEEDED_NOTE)
    copied = copy.copy(found)
    assert isinstance(copied, CaptionScore) and copied.row == found.row


def test_the_order_of_the_table_does_not_matter(clap: CLAPScore, audio: Path, tmp_path: Path) -> None:
    first, second = (
        clap.score(table(tmp_path / f"{order}.csv", sorted(CAPTIONS, reverse=bool(order))), audio)
        for order in (0, 1)
    )
    values = [{row["file"]: row["value"] for row in found.per_file} for found in (first, second)]
    assert values[0] == values[1]


def test_without_a_column_of_files_a_warning_says_how_they_were_paired(
    clap: CLAPScore, audio: Path, tmp_path: Path
) -> None:
    path = table(tmp_path / "captions.csv", list(CAPTIONS), with_files=False)
    with pytest.warns(UserWarning, match="paired with the files in the order of their names"):
        found = clap.score(path, audio)
    assert found.row["note"] == f"{SEEDED_NOTE}; {BY_NAME_NOTE}"
    assert {row["file"]: row["caption"] for row in found.per_file} == CAPTIONS
    with pytest.raises(DatasetError, match="5 captions, but there are 6 files"):
        clap.score(table(path, list(CAPTIONS)[:5], with_files=False), audio)


def test_stored_embeddings_have_the_order_of_the_table(clap: CLAPScore, audio: Path, tmp_path: Path) -> None:
    stored = {f"{name}_embds_path": tmp_path / "new" / name for name in ("text", "audio")}
    path = table(tmp_path / "captions.csv", sorted(CAPTIONS, reverse=True))
    found = clap.score(path, audio, **stored)
    text, sounds = (np.load(tmp_path / f"new/{name}.npy") for name in ("text", "audio"))
    assert text.shape == sounds.shape == (6, 512) and text.dtype == sounds.dtype == np.float32
    np.testing.assert_array_equal(cosines(text, sounds), [row["value"] for row in found.per_file])
    assert clap.calculate_clap_score(text, sounds) == tuple(found)
    with pytest.warns(UserWarning, match="name no files"):
        again = clap.score(None, None, **stored)
    assert tuple(again) == tuple(found) and again.row["note"] == f"{SEEDED_NOTE}; {BY_ROW_NOTE}"
    # One of the two is stored. That of the captions has the rows of the table, which pairs them again.
    assert tuple(clap.score(path, audio, text_embds_path=stored["text_embds_path"])) == tuple(found)
    with pytest.warns(UserWarning, match="name no files"):
        assert tuple(clap.score(path, None, audio_embds_path=stored["audio_embds_path"])) == tuple(found)
    np.save(tmp_path / "short.npy", text[:4])
    with pytest.raises(DatasetError, match="4 and 6 captions do not belong to 6 sounds"):
        clap.score(path, audio, text_embds_path=tmp_path / "short.npy")


def test_a_file_with_several_captions_has_the_mean_of_their_cosines(
    clap: CLAPScore, audio: Path, tmp_path: Path
) -> None:
    path = table(tmp_path / "captions.csv", list(CAPTIONS))
    single = clap.score(path, audio)
    with path.open("a", newline="") as stream:
        csv.writer(stream).writerows([["1.wav", CAPTIONS["0.wav"]], ["1.wav", CAPTIONS["4.wav"]]])
    found = clap.score(path, audio)
    of_files: dict[str, list[float]] = {}
    for row in found.per_file:
        of_files.setdefault(row["file"], []).append(row["value"])
    assert {name: len(own) for name, own in of_files.items()} == dict.fromkeys(CAPTIONS, 1) | {"1.wav": 3}
    means = [np.mean(own) for own in of_files.values()]
    assert tuple(found) == (np.mean(means), np.std(means)) != tuple(single)
    assert found.row["files"] == 6 and "8 captions of 6 files: a file has their mean" in found.row["note"]
    with pytest.raises(DatasetError, match="would not say which captions are of one file"):
        clap.score(path, audio, audio_embds_path=tmp_path / "audio.npy")


def test_files_that_are_left_out_are_counted(cache: Path, audio: Path, tmp_path: Path) -> None:
    folder = tmp_path / "audio"
    folder.mkdir()
    for name in CAPTIONS:
        (folder / name).write_bytes((audio / name).read_bytes() if name != "2.wav" else b"no sound")
    clap = CLAPScore(weights="seeded", cache_dir=cache, progress=False, on_bad_file="skip")
    path = table(tmp_path / "captions.csv", list(CAPTIONS))
    found = clap.score(path, folder)
    assert (found.row["files"], found.row["excluded"]) == (5, 1)
    assert "2.wav" not in [row["file"] for row in found.per_file]
    with pytest.raises(DatasetError, match="would lack the rows"):
        clap.score(path, folder, audio_embds_path=tmp_path / "audio.npy")


def test_what_cannot_be_scored_is_said_before_anything_is_exported(audio: Path, tmp_path: Path) -> None:
    clap = CLAPScore(weights="seeded", cache_dir=tmp_path / "none", progress=False)
    with pytest.raises(DatasetError, match=r"files without a caption: 5\.wav"):
        clap.score(table(tmp_path / "captions.csv", list(CAPTIONS)[:5]), audio)
    for given in ((None, audio), (tmp_path / "captions.csv", None)):
        with pytest.raises(ArgumentError, match="is None"):
            clap.score(*given)
    with pytest.raises(ArgumentError, match="two files"):
        clap.score(None, None, text_embds_path="a.npy", audio_embds_path="a.npy")
    with pytest.raises(ArgumentError, match="at least one text"):
        clap.get_text_embeddings(["a", float("nan")])  # type: ignore[list-item]
    assert not (tmp_path / "none").exists()


def test_arguments_that_contradict_each_other() -> None:
    with pytest.raises(ArgumentError, match="choose another crop"):
        CLAPScore(crop="windows")
    with pytest.raises(ArgumentError, match="submodel_name must be one of"):
        CLAPScore(submodel_name="other")
    with pytest.raises(ArgumentError, match="trained without fusion"):
        CLAPScore(submodel_name="music_speech", enable_fusion=True)


def test_the_command_gives_the_same(clap: CLAPScore, cache: Path, audio: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "captions.csv", list(CAPTIONS))
    per_file = tmp_path / "cosines.csv"
    call = ["clap-score", str(path), str(audio), "--weights", "seeded", "--cache-dir", str(cache), "--quiet"]
    done = CliRunner().invoke(main, [*call, "--json", "--per-file", str(per_file)])
    found = clap.score(path, audio)
    assert json.loads(done.stdout) == found.row
    assert read_table(FILE_VALUES, per_file) == list(found.per_file)
    assert CliRunner().invoke(main, call).stdout.startswith(f"clap-score: {found[0]:.4g}"[:16])
    refused = CliRunner().invoke(main, [*call, "--model", "vggish"])
    assert refused.exit_code == 2 and "does not embed captions" in refused.stderr
    assert CliRunner().invoke(main, [*call, "--crop", "windows"]).exit_code == 1
