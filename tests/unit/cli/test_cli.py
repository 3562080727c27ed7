"""The `fad` command, as a shell starts it and in this process."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from small_model import DIMENSION, MODELS

from fad_core.api.statistics_files import write_statistics
from fad_core.cli import main
from fad_core.cli.embedding import Embedding
from fad_core.cli.threads import default_threads
from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import FileDecision
from fad_core.datasets.policy import FilePolicy
from fad_core.datasets.scan import FileRecord
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.metrics.grouping import grouped_statistics
from fad_core.metrics.statistics import Statistics
from fad_core.models import get_model, model_ids
from fad_core.models.base import EmbeddingModel
from fad_core.models.options import Options
from fad_core.models.use import ModelKey
from fad_core.runner.backend import Backend
from fad_core.runner.identity import Identity
from fad_core.tables import DISTANCES, EMBEDDINGS, NEAR_COPIES, PER_FILE, VERIFICATION, read_table
from fad_core.tables.csvtext import plain_text
from fad_core.util.formatting import significant
from fad_core.weights import checksums, locate_weights

Fad = Callable[..., subprocess.CompletedProcess[str]]
SMALL = MODELS[0]
SEEDED = ("--model", "small", "--weights", "seeded")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where torch.hub, and so the command, keeps its files."""
    return tmp_path_factory.mktemp("torch home")


def start(home: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TORCH_HOME": str(home), "FAD_CACHE_DIR": str(home / "cache")}
    if path is not None:
        environment["PYTHONPATH"] = path
    command = [sys.executable, "-c", "from fad_core.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def fad(home: Path) -> Fad:
    return partial(start, home)


@pytest.fixture(scope="module")
def fad_small(home: Path, small_site: Path) -> Fad:
    """The command where the small model is installed beside the others."""
    paths = [str(small_site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return partial(start, home, path=os.pathsep.join(paths))


@pytest.fixture
def own_threads() -> Iterator[None]:
    """For commands in this process: they set numbers of threads, which end with them elsewhere."""
    import torch

    variables, threads = dict(os.environ), torch.get_num_threads()
    yield
    os.environ.clear()
    os.environ.update(variables)
    torch.set_num_threads(threads)


@pytest.fixture
def fad_here(
    home: Path, small_model: EmbeddingModel, own_threads: None, monkeypatch: pytest.MonkeyPatch
) -> Fad:
    """The same command in this process, where nothing depends on its being started by a shell."""
    monkeypatch.setenv("TORCH_HOME", str(home))
    monkeypatch.setenv("FAD_CACHE_DIR", str(home / "cache of this process"))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(main, arguments, catch_exceptions=False)
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(6)
    for name, level in (("reference", 0.05), ("evaluation", 0.4)):
        (root / name).mkdir()
        for index in range(3):
            soundfile.write(root / name / f"{index}.wav", rng.standard_normal(16000) * level, 16000)
    return str(root / "reference"), str(root / "evaluation")


def own_checkpoint(home: Path) -> Path:
    """A checkpoint of one's own; its values are the seeded ones."""
    from fad_core.weights import save_seeded_checkpoint

    mine = home / "mine.pth"
    if not mine.is_file():
        save_seeded_checkpoint(SMALL.checkpoints[0], mine)
    return mine


@pytest.mark.slow
def test_score_prints_the_tables_row_as_one_object(
    fad_small: Fad, folders: tuple[str, str], home: Path
) -> None:
    first = fad_small("score", *folders, *SEEDED, "--json")
    assert first.returncode == 0, first.stderr
    row = json.loads(first.stdout)
    assert tuple(row) == DISTANCES.names
    assert row["value"] > 0
    assert row["weights"] == "seeded"
    # The first call says what takes long; the second finds it done and says the same number.
    assert "exporting small" in first.stderr
    assert "original package" in first.stderr
    second = fad_small("score", *folders, *SEEDED, "--json", "--threads", "3")
    assert second.stdout == first.stdout
    assert second.stderr == ""
    plain = fad_small("score", *folders, *SEEDED, "--quiet")
    assert plain.stdout.startswith(f"fad: {significant(row['value'], 4)}\n")
    assert plain.stdout.count("\nnote: ") == row["note"].count("; ") + 1

    # A checkpoint of one's own, in the official layout, is another choice that the row names.
    mine = own_checkpoint(home)
    own = json.loads(
        fad_small("score", *folders, "--model", "small", "--weights", str(mine), "--json").stdout
    )
    assert own["value"] == row["value"]
    assert own["weights"] == "mine.pth"
    assert own["weights_sha256"] != row["weights_sha256"]


def test_a_command_has_the_threads_that_it_is_told_or_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3)), raising=False)
    for said, expected in (("5", 5), ("2,4", 2), ("", 3), ("0", 3), ("all", 3)):
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        assert default_threads() == expected
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert default_threads() == 8


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("command", [("score",), ("compare",), ("embed", "-o", "x.npy")])
def test_a_bad_file_is_named_before_a_model_is_made(
    command: tuple[str, ...], folders: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/words.wav").write_text("no sound")
    name, *options = command
    sets = [str(tmp_path / "set"), *(() if options else folders)][:2]
    made = tmp_path / "cache"
    done = CliRunner().invoke(main, [name, *sets, *options, "--weights", "seeded", "--cache-dir", str(made)])
    assert done.exit_code == 1 and "words.wav" in done.stderr, done.output
    assert done.stderr.endswith("To go on without correcting them, choose:\n  --on-bad-file skip\n")
    assert not made.exists()


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--weights", "seeded", "--model", "pann-16k"), "holds no statistics of pann-16k, only of vggish"),
        (("--weights", "seeded", "--model", "vgish"), "Did you mean 'vggish'?"),
        (("--weights", "seeded"), "lost does not exist"),
        ((), "with vggish (seeded weights 00b8a942), but official weights were requested"),
    ],
)
def test_so_are_statistics_of_another_model_and_a_missing_folder(
    options: list[str], said: str, tmp_path: Path
) -> None:
    statistics = Statistics.from_embeddings(np.eye(128))
    model = get_model("vggish")
    identity = Identity.of(model, locate_weights(model, "seeded"))
    counts = SetCounts(128, 0, 0, 1.0)
    key = ModelKey("vggish", "seeded", identity.weights_sha256, "")
    embedded = EmbeddedSet("a", key, {"embedding": statistics}, counts, identity=asdict(identity))
    write_statistics(embedded, tmp_path / "a.npz")
    made = tmp_path / "cache"
    call = ["score", str(tmp_path / "a.npz"), str(tmp_path / "lost"), "--cache-dir", str(made)]
    done = CliRunner().invoke(main, [*call, *options])
    status = 2 if "vgish" in options else 1
    assert done.exit_code == status and said in done.stderr, done.output
    assert not made.exists()


@pytest.mark.usefixtures("own_threads")
def test_a_folder_that_cannot_be_written_to_is_said_at_once(folders: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    made = str(tmp_path / "cache")
    for name, suffix in (("embed", "npy"), ("stats", "npz")):
        output = str(tmp_path / f"file/x.{suffix}")
        call = [name, folders[0], "-o", output, "--weights", "seeded", "--cache-dir", made]
        done = CliRunner().invoke(main, call)
        assert done.exit_code == 1 and f"cannot write {output}" in done.stderr, done.output
    assert not Path(made).exists()


@pytest.mark.usefixtures("own_threads")
def test_so_is_a_place_for_models(folders: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    call = ["score", *folders, "--weights", "seeded", "--cache-dir", str(tmp_path / "file/cache")]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == 1 and "cannot write" in done.stderr and "exporting" not in done.stderr


def test_of_many_files_that_are_left_out_some_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    record = FileRecord("x.wav", "", 0, "", "", 0, 0, 0, 0.0, "bad", "is no sound")
    decisions = [FileDecision(record, "excluded", "is no sound")] * 25
    embedding = Embedding(FilePolicy("skip"), Options(), Backend())
    embedding._report_decisions("a", decisions)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert (lines[0], lines[-1]) == ("excluded: a: x.wav: is no sound", "excluded: a: and 5 more")


def test_what_is_ignored_is_told_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    embedding = Embedding(FilePolicy(), Options(), Backend())
    embedding._report_ignored("a", [("x.txt", "is no sound"), ("y.txt", "is no sound"), ("z", "no suffix")])
    assert capsys.readouterr().err.splitlines() == [
        "ignored: a: 2 items, such as x.txt: is no sound",
        "ignored: a: 1 item, z: no suffix",
    ]


def test_a_file_that_is_no_model_is_no_unknown_model(folders: tuple[str, str]) -> None:
    done = CliRunner().invoke(main, ["verify", f"{folders[0]}/0.wav"])
    assert done.exit_code == 1 and "is a file, but neither an exported model" in done.stderr


@pytest.mark.slow
def test_statistics_take_the_place_of_the_sound(
    fad_here: Fad, folders: tuple[str, str], tmp_path: Path
) -> None:
    reference, evaluation = folders
    seeded = (*SEEDED, "--quiet")
    expected = json.loads(fad_here("score", *folders, *seeded, "--json").stdout)
    npz, parquet = str(tmp_path / "reference.npz"), str(tmp_path / "evaluation.parquet")
    written = json.loads(fad_here("stats", reference, "-o", npz, *seeded, "--json").stdout)
    assert (written["file"], written["n"], written["dimension"]) == (npz, 3, DIMENSION)
    assert (
        f"3 vectors of {DIMENSION} numbers, 3 files"
        in fad_here("stats", evaluation, "-o", parquet, *seeded).stdout
    )

    # Files alone need no model, and give the same to the last bit.
    alone = json.loads(fad_here("score", npz, parquet, "--json").stdout)
    assert alone == {**expected, "reference": npz, "evaluation": parquet}
    compared = fad_here("compare", npz, parquet, evaluation, *seeded, "--csv")
    rows = list(csv.DictReader(compared.stdout.splitlines()))
    assert tuple(rows[0]) == DISTANCES.names
    assert [(row["reference"], row["evaluation"]) for row in rows] == [
        (npz, parquet),
        (npz, evaluation),
        (parquet, evaluation),
    ]
    assert [float(row["value"]) for row in rows[:2]] == [expected["value"]] * 2
    assert float(rows[2]["value"]) < 1e-6

    # Another package's are refused until it is said that they are of this model.
    vectors = str(tmp_path / "reference.npy")
    assert fad_here("embed", reference, "-o", vectors, *seeded).returncode == 0
    embeddings = np.load(vectors)
    assert (embeddings.dtype, embeddings.shape) == (np.float32, (3, DIMENSION))
    assert (
        json.loads(fad_here("score", vectors, parquet, *seeded, "--json").stdout)["value"]
        == expected["value"]
    )
    others = str(tmp_path / "fid.npz")
    np.savez(others, mu=embeddings.mean(axis=0), sigma=np.cov(embeddings, rowvar=False))
    assert "--assume-same-model" in fad_here("compare", others, parquet).stderr
    assumed = fad_here("compare", others, parquet, "--assume-same-model")
    assert "? : 3" in assumed.stdout
    assert "assumed to be the same model" in assumed.stdout
    plain = fad_here("score", others, parquet, "--assume-same-model").stdout
    assert "reference: " + others + ", an unknown number of vectors" in plain


def test_several_sets_are_scored_against_one_reference(
    fad_here: Fad, folders: tuple[str, str], tmp_path: Path
) -> None:
    reference, other = folders
    folder = tmp_path / "near"
    shutil.copytree(reference, folder)
    soundfile.write(folder / "3.wav", np.zeros(16000), 16000)
    # A set as a list.
    (tmp_path / "near.csv").write_text("".join(f"{text}\n" for text in ("file", *map(str, folder.iterdir()))))
    near = f"@{tmp_path / 'near.csv'}"
    call = ("score", reference, other, near, *SEEDED, "--quiet")
    rows = json.loads(fad_here(*call, "--json").stdout)
    assert [tuple(row) for row in rows] == [DISTANCES.names] * 2
    for name, row in zip((other, near), rows, strict=True):
        assert row == json.loads(fad_here("score", reference, name, *SEEDED, "--quiet", "--json").stdout)
    assert rows[0]["value"] > rows[1]["value"]
    listed = list(csv.DictReader(fad_here(*call, "--csv", "--sort").stdout.splitlines()))
    # A spreadsheet would take a text with @ for a formula.
    assert [(plain_text(row["evaluation"]), float(row["value"])) for row in listed] == [
        (row["evaluation"], row["value"]) for row in rows[::-1]
    ]
    lines = fad_here(*call, "--sort").stdout.splitlines()
    assert lines[0].startswith("model: small, seeded weights ")
    assert lines[1] == f"reference: {reference}, 3 vectors of 3 files"
    assert lines[3].split() == ["evaluation", "fad", "n", "files", "notes"]
    assert [line.split()[0] for line in lines[5:7]] == [near, other]
    assert lines[5].split()[2:4] == ["4", "4"] and lines[6].split()[2:4] == ["3", "3"]
    assert lines[6].split()[1] == significant(rows[0]["value"], 4)
    notes = "\n".join(lines[7:])
    assert notes.count("seeded weights: not a published model") == 1 and "1 file silent throughout" in notes


def test_the_files_of_a_set_are_ranked_by_their_distance(
    fad_here: Fad, folders: tuple[str, str], tmp_path: Path
) -> None:
    call = ("score", *folders, *SEEDED, "--quiet")
    for suffix in (".csv", ".parquet"):
        table = tmp_path / f"files{suffix}"
        done = fad_here(*call, "--per-file", str(table))
        assert done.returncode == 0 and done.stdout == fad_here(*call).stdout
        rows = read_table(PER_FILE, table)
        assert {row["file"] for row in rows} == {path.name for path in Path(folders[1]).iterdir()}
        distances = [row["nearest"] for row in rows]
        assert distances == sorted(distances, reverse=True) and distances[-1] > 0
    stored = tmp_path / "a.npz"
    fad_here("stats", folders[0], "-o", str(stored), *SEEDED, "--quiet")
    done = fad_here("score", str(stored), folders[1], *SEEDED, "--quiet", "--per-file", str(table))
    assert {(row["nearest"], row["kad"]) for row in read_table(PER_FILE, table)} == {(None, None)}
    done = fad_here("score", folders[1], str(stored), *SEEDED, "--per-file", str(tmp_path / "x.csv"))
    assert done.stderr == (
        f"error: the distance of single files needs vectors, but {stored} holds only statistics\n"
    )
    done = fad_here(*call, "--per-file", str(tmp_path / "x.txt"))
    assert done.returncode == 2 and "must end in .csv or .parquet" in done.stderr


def test_near_copies_are_written_and_noted(fad_here: Fad, folders: tuple[str, str], tmp_path: Path) -> None:
    table, copied = tmp_path / "copies.csv", tmp_path / "copied"
    shutil.copytree(folders[1], copied)
    source = min(Path(folders[0]).iterdir())
    shutil.copy(source, copied / f"copy{source.suffix}")
    call = ("score", folders[0], str(copied), *SEEDED, "--quiet")
    done = fad_here(*call, "--near-copies", str(table))
    rows = {row["file"]: row for row in read_table(NEAR_COPIES, table)}
    assert rows[f"copy{source.suffix}"]["distance"] == 0
    assert rows[f"copy{source.suffix}"]["reference_file"] == source.name
    note = "nearer to a reference file than reference files are to each other"
    assert note in done.stdout and note not in fad_here(*call).stdout
    stored = tmp_path / "a.npz"
    fad_here("stats", folders[0], "-o", str(stored), *SEEDED, "--quiet")
    done = fad_here("score", str(stored), folders[1], *SEEDED, "--near-copies", str(table))
    assert done.returncode == 1 and f"needs vectors, but {stored} holds only statistics" in done.stderr


def test_several_metrics_are_rows_of_one_table(fad_here: Fad, folders: tuple[str, str]) -> None:
    call = ("score", *folders, *SEEDED, "--quiet", "--metric", "fad", "--metric", "kad bandwidth=2")
    rows = json.loads(fad_here(*call, "--json").stdout)
    assert [(row["metric"], row["metric_settings"]) for row in rows] == [("fad", ""), ("kad", "bandwidth=2")]
    lines = fad_here(*call).stdout.splitlines()
    assert lines[3].split()[:3] == ["evaluation", "metric", "value"]
    assert [line.split()[1] for line in lines[5:7]] == ["fad", "kad"]
    # A metric that has no value for these sets does not cost the others theirs; alone, it is an error.
    rows = json.loads(fad_here(*call, "--metric", "fad-inf", "--json").stdout)
    assert rows[2]["value"] is None and rows[2]["note"].startswith("no value: evaluation: 3 vectors")
    listed = fad_here(*call, "--metric", "fad-inf", "--sort").stdout
    assert "no value: evaluation: 3 vectors" in listed
    done = fad_here("score", *folders, *SEEDED, "--metric", "fad-inf")
    assert done.returncode == 1 and "fad-inf needs at least" in done.stderr
    done = fad_here("score", *folders, *SEEDED, "--metric", "kad bandwidth=near")
    assert done.returncode == 1 and "bandwidth must be one of reference, evaluation, kadtk" in done.stderr


def test_embed_writes_where_each_vector_is_from(
    fad_here: Fad, folders: tuple[str, str], tmp_path: Path
) -> None:
    table = tmp_path / "embeddings.parquet"
    # A set of one vector: no distance is asked for.
    one = str(Path(folders[0]) / "0.wav")
    done = fad_here("embed", one, "-o", str(table), *SEEDED, "--quiet", "--csv")
    assert done.returncode == 0, done.stderr
    (row,) = read_table(EMBEDDINGS, table)
    assert (row["file"], row["segment"], len(row["embedding"])) == (one, 0, DIMENSION)
    refused = fad_here("embed", str(table), "-o", str(tmp_path / "again.parquet"), *SEEDED)
    assert "holds vectors already" in refused.stderr

    # The table takes the place of the sound.
    assert fad_here("embed", folders[0], "-o", str(table), *SEEDED, "--quiet").returncode == 0
    expected = json.loads(fad_here("score", *folders, *SEEDED, "--quiet", "--json").stdout)
    found = json.loads(fad_here("score", str(table), folders[1], *SEEDED, "--quiet", "--json").stdout)
    assert found == {**expected, "reference": str(table)}
    npz = str(tmp_path / "reference.npz")
    assert fad_here("stats", str(table), "-o", npz, *SEEDED, "--quiet").returncode == 0
    alone = json.loads(fad_here("score", npz, folders[1], *SEEDED, "--quiet", "--json").stdout)
    assert alone == {**expected, "reference": npz}
    refused = fad_here("embed", npz, "-o", str(tmp_path / "again.npy"), *SEEDED)
    assert "holds statistics, not vectors" in refused.stderr


@pytest.mark.slow
def test_verify_says_what_it_compared(fad_small: Fad, home: Path, tmp_path: Path) -> None:
    passed = fad_small("verify", "small", "--weights", "seeded", "--quiet")
    assert passed.returncode == 0, passed.stderr
    assert "small  eager  embedding: passed, 10 comparisons" in passed.stdout
    assert "small  golden  fad: passed" in passed.stdout

    # An export of other weights than it says, of which the network itself tells.
    path = tmp_path / "small.pt2"
    exported = fad_small("export", "small", "--weights", "seeded", "-o", str(path), "--json")
    sha256 = locate_weights(SMALL, "seeded").files[0].sha256
    assert json.loads(exported.stdout)["checkpoints"] == {"small.pth": sha256}
    import torch

    from fad_core.runner.identity import IDENTITY_FILE

    extra = {IDENTITY_FILE: ""}
    program = torch.export.load(path, extra_files=extra)
    with torch.no_grad():
        program.state_dict["conv.bias"].add_(0.5)
    torch.export.save(program, path, extra_files=extra)
    failed = fad_small("verify", str(path), "--csv")
    assert failed.returncode == 3, failed.stderr
    rows = list(csv.DictReader(failed.stdout.splitlines()))
    assert tuple(rows[0]) == VERIFICATION.names
    assert {row["verdict"] for row in rows} == {"failed", "passed"}
    assert "failed" in {row["verdict"] for row in rows if row["level"] == "eager"}

    mine = own_checkpoint(home)
    other = fad_small("verify", str(path), "--weights", str(mine), "--quiet")
    assert other.returncode == 1
    assert f"was exported with small.pth (sha256 {sha256[:8]}" in other.stderr


@pytest.mark.export
def test_the_default_model_is_exported_verified_and_scored(
    fad: Fad, folders: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "vggish.pt2"
    exported = fad("export", "vggish", "--weights", "seeded", "-o", str(path), "--json")
    assert json.loads(exported.stdout)["checkpoints"] == {
        "vggish-10086976.pth": "00b8a942ebbbfb38903d23d26d9211d19aaa040016d5cf320c439dc6f2bc9725"
    }
    passed = fad("verify", str(path), "--quiet")
    assert passed.returncode == 0, passed.stderr
    assert "vggish  eager  embedding: passed, 20 comparisons" in passed.stdout
    assert "vggish  golden  fad: passed" in passed.stdout
    scored = fad("score", *folders, "--weights", str(path), "--json")
    row = json.loads(scored.stdout)
    assert (row["model"], row["weights"], row["n_reference"]) == ("vggish", "seeded", 3)
    assert row["value"] > 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere", "FOLDER"], 1, "nowhere does not exist"),
        (["nowhere", "lost"], 1, "nowhere does not exist; lost does not exist"),
        (["@no.csv:file", "lost"], 1, "@no.csv:file does not exist; lost does not exist"),
        (["FOLDER", "FOLDER", "--model", "clapp"], 2, "Did you mean 'clap'"),
        (
            ["lost*", "gone*"],
            1,
            "no audio file in lost*\nno audio file in gone*",
        ),
        (["FOLDER", "FOLDER", "--model", "VGGish"], 2, "Did you mean 'vggish'"),
        (["FOLDER", "FOLDER", "--metric", "FAD"], 2, "Did you mean 'fad'"),
        (["FOLDER", "FOLDER", "--model", "vgish"], 2, "Did you mean 'vggish'"),
        (["FOLDER", "FOLDER", "--weights", "sedeed"], 1, "Did you mean 'seeded'?"),
        (["FOLDER", "FOLDER", "--metric", "fed"], 2, "Metrics: coverage"),
        (["FOLDER"], 2, "Missing argument"),
        (["FOLDER", "FOLDER", "--on-short-file", "stretch"], 2, "'fail', 'skip', 'pad'"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_nothing_else(
    fad_here: Fad,
    folders: tuple[str, str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    result = fad_here("score", *(folders[0] if item == "FOLDER" else item for item in arguments))
    assert result.returncode == status
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_models_and_weights_tell_what_there_is_and_where(fad: Fad, home: Path) -> None:
    models = json.loads(fad("models", "--json").stdout)
    assert [model["id"] for model in models] == model_ids()
    weights = json.loads(fad("weights", "list", "--json").stdout)
    named = [item["checkpoint"] for item in weights]
    assert [name for name in named if name.startswith(("Cnn14", "Wavegram", "vggish"))] == [
        "Cnn14_8k_mAP%3D0.416.pth",
        "Cnn14_16k_mAP%3D0.438.pth",
        "Cnn14_mAP%3D0.431.pth",
        "Wavegram_Logmel_Cnn14_mAP%3D0.439.pth",
        "vggish-10086976.pth",
        "vggish_pca_params-970ea276.pth",
    ]
    assert sum(len(item["models"].split(", ")) for item in weights) == len(model_ids()) + 2, "two with a PCA"
    assert all(item["path"].startswith(str(home / "hub")) for item in weights)
    assert "clap" in {model["aliases"] for model in models}
    tables = [fad("models").stdout, fad("weights", "list").stdout]
    assert "clap-630k-audioset clap" in " ".join(tables[0].split())
    assert all(licence in tables[1] for licence in ("Apache-2.0", "CC-BY-4.0", "CC0-1.0", "code MIT"))
    folder = f"Folder: {home / 'hub'}"
    assert all(len(line) <= 80 or line == folder for table in tables for line in table.splitlines())


def commands(group: click.Group = main, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of the group, and the group itself, as a shell names it."""
    yield names
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))
        else:
            yield (*names, name)


@pytest.mark.parametrize("names", list(commands()), ids=" ".join)
def test_every_help_shows_examples_that_are_calls_of_it(names: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*names, "--help"])
    assert result.exit_code == 0
    _, examples = result.stdout.split("Examples:\n")
    lines = [line for line in examples.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert " ".join(("fad", *names)) in line


@pytest.mark.parametrize(
    ("calls", "needed"),
    [
        ([["--help"], ["score", "--help"], ["completion", "zsh"]], set()),
        # The models are described by their families, whose frontends compute with NumPy.
        ([["models"]], {"numpy"}),
    ],
)
def test_what_is_only_told_needs_no_library_of_numbers(calls: list[list[str]], needed: set[str]) -> None:
    code = (
        "import sys\nfrom fad_core.cli import main\n"
        f"for arguments in {calls}:\n"
        "    try: main(arguments)\n    except SystemExit as end: assert end.code == 0, end.code\n"
        "slow = {'torch', 'numpy', 'scipy', 'pandas', 'pyarrow', 'snakemake', 'tqdm'} & set(sys.modules)\n"
        "print(*slow, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stderr.split()) == needed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_fad(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_FAD_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("fad we", ["plain,weights"]),
        ("fad score --model pann-1", ["plain,pann-16k"]),
        ("fad score --weights se", ["plain,seeded"]),
        ("fad export clap-music-s", ["plain,clap-music-speech", "plain,clap-music-speech-audioset"]),
        ("fad score --weights my", ["file,my"]),
        ("fad score audio/", ["file,audio/"]),
    ],
)
def test_the_shell_is_offered_what_fits(words: str, offered: list[str]) -> None:
    count = str(len(words.split()) - 1)
    environment = {"_FAD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count}
    result = CliRunner().invoke(main, [], prog_name="fad", env=environment)
    assert result.stdout.split() == offered


def shell(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script of bash in which `fad` is this command."""
    fad = f"fad() {{ {shlex.quote(sys.executable)} -c 'from fad_core.cli import main; main()' \"$@\"; }}\n"
    environment = {**os.environ, **variables}
    command = ["bash", "-c", fad + script]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("fad models > /dev/full", 1, "error: cannot write the results: No space left on device\n"),
        ("fad models >&-", 1, "error: the results cannot be written: stdout is closed\n"),
        # The reader is gone before anything is written.
        ("(sleep 0.5; fad models) | true; exit ${PIPESTATUS[0]}", 141, ""),
    ],
)
def test_results_that_cannot_be_written(script: str, status: int, said: str) -> None:
    result = shell(script)
    assert (result.returncode, result.stderr) == (status, said)


def test_an_interrupt_is_quiet(tmp_path: Path) -> None:
    names = [str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]
    for name in names:
        Path(name).touch()
    code = (
        "import os, signal, threading\nfrom fad_core.cli import main\n"
        "from fad_core.embedding import statistics_files as exchange\n"
        # What runs in a shell's background would ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def wait(path, models, keep): os.kill(os.getpid(), signal.SIGINT); threading.Event().wait()\n"
        f"exchange.read_statistics = wait\nmain(['compare', *{names}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "")


@pytest.mark.usefixtures("own_threads")
def test_colour_is_for_terminals_and_not_for_all_of_them() -> None:
    runner = CliRunner()
    coloured = runner.invoke(main, ["score", "nowhere", "nowhere"], color=True)
    assert coloured.stderr.startswith("\x1b[")
    plain = runner.invoke(main, ["score", "nowhere", "nowhere"], color=True, env={"NO_COLOR": "1"})
    assert plain.stderr.startswith("error: ")
    assert "\x1b" not in runner.invoke(main, ["score", "nowhere", "nowhere"]).stderr


def test_a_name_that_is_no_text_is_spelled_out() -> None:
    result = shell("fad score $'caf\\xff' x")
    assert result.returncode == 1
    assert r"caf\udcff does not exist" in result.stderr


def test_tables_in_three_forms() -> None:
    runner = CliRunner()
    rows = json.loads(runner.invoke(main, ["models", "--json"]).stdout)
    text = runner.invoke(main, ["models", "--csv"]).stdout
    assert [row["id"] for row in csv.DictReader(text.splitlines())] == [row["id"] for row in rows]
    assert "─" in runner.invoke(main, ["models"]).stdout


class TestWeights:
    """`fad weights`, on small files that stand in for the official ones."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "checkpoints").mkdir()
        return tmp_path

    def verify(self, folder: Path, *models: str) -> tuple[int, dict[str, str]]:
        result = CliRunner().invoke(main, ["weights", "verify", *models, "--ckpt-dir", str(folder), "--json"])
        return result.exit_code, {row["checkpoint"]: row["verdict"] for row in json.loads(result.stdout)}

    def test_nothing_is_there(self, folder: Path) -> None:
        status, verdicts = self.verify(folder)
        assert (status, set(verdicts.values())) == (1, {"missing"})
        assert self.verify(folder, "vggish-pca") == (
            1,
            {"vggish-10086976.pth": "missing", "vggish_pca_params-970ea276.pth": "missing"},
        )
        arguments = ["weights", "verify", "vggish-pca", "--ckpt-dir", str(folder)]
        said = CliRunner().invoke(main, arguments).stderr
        assert said == "missing: vggish-10086976.pth, vggish_pca_params-970ea276.pth\n"

    def test_a_file_is_not_what_it_should_be(self, folder: Path) -> None:
        (folder / "checkpoints/vggish-10086976.pth").write_bytes(b"something else")
        assert self.verify(folder, "vggish") == (3, {"vggish-10086976.pth": "failed"})

    def test_a_recorded_hash_counts_where_none_is_published(self, folder: Path) -> None:
        path = folder / "630k-fusion-best.pt"
        path.write_bytes(b"weights")
        assert self.verify(folder, "clap-630k-fusion") == (0, {path.name: "no hash published or recorded"})
        digest = hashlib.sha256(b"weights").hexdigest()
        stat = path.stat()
        record = f"# size={stat.st_size} mtime_ns={stat.st_mtime_ns}\n{digest}  {path.name}\n"
        path.with_name(path.name + ".sha256").write_text(record)
        assert self.verify(folder, "clap-630k-fusion") == (0, {path.name: "passed"})
        # A flipped bit that leaves size and time as they were.
        path.write_bytes(b"weightz")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        checksums._hash.cache_clear()  # as in another process
        assert self.verify(folder, "clap-630k-fusion") == (3, {path.name: "failed"})

    def test_fetch_says_what_it_has(self, folder: Path) -> None:
        (folder / "630k-fusion-best.pt").write_bytes(b"weights")
        result = CliRunner().invoke(
            main, ["weights", "fetch", "clap-630k-fusion", "--ckpt-dir", str(folder), "--json"]
        )
        (row,) = json.loads(result.stdout)
        assert row["sha256"] == hashlib.sha256(b"weights").hexdigest()

    @pytest.mark.parametrize("arguments", [[], ["vggish", "--all"]])
    def test_fetch_wants_models_or_all(self, arguments: list[str]) -> None:
        result = CliRunner().invoke(main, ["weights", "fetch", *arguments])
        assert result.exit_code == 2
        assert "give either the models to fetch or --all" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "a.npz"], "at least two"),
        (["compare", "a.npz", "a.npz"], "a.npz is given twice"),
        (["score", "a.npz", "b", "b", "c", "c"], "b, c are given twice"),
        (["stats", "audio", "-o", "x.csv"], "does not end in .npz or .parquet"),
        (["embed", "audio", "-o", "x.npz"], "does not end in .npy or .parquet"),
        (["completion", "tcsh"], "'bash', 'zsh', 'fish'"),
        (["wieghts"], "No such command"),
        *((["score", "a", "b", f"--memory-gb={value}"], "Invalid value for --memory-gb: must be a positive, "
          f"finite number, not {float(value)}") for value in ("nan", "inf", "0", "-1")),
        (["stats", "a", "-o", "a.npz", "--max-peak=-1"], "Invalid value for --max-peak: must be a positive,"),
        (["score", "a", "b", "--memory-gb", "true"], "'true' is not a valid float"),
    ],
)  # fmt: skip
def test_a_call_that_is_at_fault(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_intervals_do_not_depend_on_the_threads_of_the_linear_algebra(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [str(number) for number in range(40)]
    for name in "ab":
        vectors = [(each, rng.standard_normal((1, 512)) / np.arange(1, 513)) for each in names]
        statistics = {"embedding": grouped_statistics(vectors, names)}
        counts = SetCounts(files=40, padded=0, excluded=0, seconds=40.0)
        key = ModelKey("cdpam-acoustic", "seeded", "5eed" * 16, "")
        write_statistics(EmbeddedSet(name, key, statistics, counts), tmp_path / f"{name}.npz")
    code = "from fad_core.cli import main; main()"
    command = [sys.executable, "-c", code, "score", "a.npz", "b.npz", "--json"]
    said = []
    for threads in "12":
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        done = subprocess.run(command, cwd=tmp_path, env=os.environ | limits, capture_output=True, check=True)
        said.append(done.stdout)
    assert said[0] == said[1] and b'"ci_low": null' not in said[0]
