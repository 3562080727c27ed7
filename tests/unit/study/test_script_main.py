"""A script's `main`, started by hand and by Snakemake: arguments, logs, errors, exit status."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from fad_study.script_main import _docstring_parts
from snakemake.iocontainers import Namedlist

SCRIPT = '''
import os, sys
from pathlib import Path
from typing import Literal
from fad_study.script_main import run

def main(
    source: Path,
    names: list[str],
    level: Literal["fast", "exact"] = "exact",
    tables: list[Path] = [],
    factor: float = 0.5,
    flag: bool = False,
    folder: Path | None = None,
    limit: int | None = None,
    threads: int = 1,
) -> None:
    """Do something with things; 100% of them.

    More about it.

    Args:
        source: the file to read, which
            is described in two lines.
        names: what to call it: any words, 10% of them long.
        level: how well.
        factor: by how much.
        folder: where to look.
    """
    given = dict(locals())
    BODY

run(main, globals())
'''
SHOW = (
    "print({name: (type(value).__name__, str(value)) for name, value in given.items()}, "
    "{name: os.environ.get(name) for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS')})"
)
FAD_ERROR = (
    "from fad_core.errors import DatasetError\n"
    "    settings = [('on_bad_file', 'skip'), ('weights', 'PATH')]\n"
    "    raise DatasetError('data set a: is empty\\n  add files, or choose:', settings)"
)
BUG = "print('so far'); {}['missing key']"

# What Snakemake puts before a script, in short.
PREAMBLE = """
import json, sys
from types import SimpleNamespace
from snakemake.iocontainers import Namedlist
given = json.loads(sys.argv[1])
lists = {name: Namedlist(fromdict=values) for name, values in given["named"].items()}
snakemake = SimpleNamespace(log=Namedlist(given["log"]), **lists)
"""


class Runs:
    """Runs the script in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "logs" / "job.log"

    def by_hand(self, *options: str, body: str = SHOW) -> subprocess.CompletedProcess[str]:
        return self._run(SCRIPT.replace("BODY", body), *options)

    def by_snakemake(self, body: str = SHOW, log: bool = True, **params: object):
        named = {
            "input": {"source": "in.txt"},
            "output": {"unused": "x"},
            "params": {"names": ["n"], **params},
            "wildcards": {"limit": "3"},
        }
        job = json.dumps({"named": named, "log": [str(self.log)] if log else []})
        return self._run(PREAMBLE + SCRIPT.replace("BODY", body), job)

    def _run(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        script = self.folder / "script.py"
        script.write_text(code)
        environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "200"}
        environment |= {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        return subprocess.run(
            [sys.executable, script, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment,
        )


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


ALL_OPTIONS = (
    "--source a.txt --names x y --level fast --tables 1.csv 2.csv --factor 2 --flag --folder f --limit 3"
)


def shown(done: subprocess.CompletedProcess[str], text: str | None = None) -> tuple[dict, dict]:
    assert done.returncode == 0, done.stderr
    arguments, environment = eval(f"({(text or done.stdout).strip().replace('} {', '}, {')})")
    return arguments, environment


def test_options_become_arguments_of_the_annotated_types(runs: Runs):
    arguments, _ = shown(runs.by_hand(*ALL_OPTIONS.split(), "--threads", "2"))
    assert arguments == {
        "source": ("PosixPath", "a.txt"),
        "names": ("list", "['x', 'y']"),
        "level": ("str", "fast"),
        "tables": ("list", "[PosixPath('1.csv'), PosixPath('2.csv')]"),
        "factor": ("float", "2.0"),
        "flag": ("bool", "True"),
        "folder": ("PosixPath", "f"),
        "limit": ("int", "3"),
        "threads": ("int", "2"),
    }


def test_options_that_are_left_out_have_their_defaults(runs: Runs):
    arguments, _ = shown(runs.by_hand("--source", "a", "--names", "x", "--no-flag"))
    assert arguments["level"] == ("str", "exact")
    assert arguments["flag"] == ("bool", "False")
    assert arguments["folder"] == arguments["limit"] == ("NoneType", "None")


def test_wildcards_of_a_job_become_arguments(runs: Runs):
    arguments, _ = shown(runs.by_snakemake(), runs.log.read_text())
    assert arguments["limit"] == ("int", "3")


def test_params_of_a_job_become_arguments(runs: Runs):
    done = runs.by_snakemake(tables="1.csv", flag=True, folder="f", factor=2.0, level="fast", limit=None)
    arguments, _ = shown(done, runs.log.read_text())
    assert arguments["source"] == ("PosixPath", "in.txt")
    assert arguments["names"] == ("list", "['n']")
    assert arguments["tables"] == ("list", "[PosixPath('1.csv')]")
    assert arguments["folder"] == ("PosixPath", "f")
    assert arguments["factor"] == ("float", "2.0")
    assert arguments["limit"] == ("NoneType", "None")
    assert arguments["flag"] == ("bool", "True")


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_reach_the_environment_first(threads: int, runs: Runs):
    body = "assert 'numpy' not in sys.modules; " + SHOW
    options = ["--source", "a", "--names", "x", "--threads", str(threads)]
    for _, environment in (
        shown(runs.by_hand(*options, body=body)),
        shown(runs.by_snakemake(threads=threads), runs.log.read_text()),
    ):
        assert environment == {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def test_help_shows_what_the_docstring_says(runs: Runs):
    done = runs.by_hand("--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    for words in (
        "Do something with things; 100% of them. More about it.",
        "the file to read, which is described in two lines.",
        "what to call it: any words, 10% of them long.",
        "--level {fast,exact} how well. (default: exact)",
        "--flag, --no-flag",
        "--factor FACTOR by how much. (default: 0.5)",
        "--folder FOLDER where to look. --limit",
    ):
        assert words in text
    assert "Args:" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "the following arguments are required: --source, --names"),
        ("--source a --names b --level slow", "argument --level: invalid choice: 'slow'"),
        ("--source a --names b --factor x", "argument --factor: invalid float value: 'x'"),
        ("--source a --names b --sauce c", "unrecognized arguments: --sauce c"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_with_it(options: str, message: str, runs: Runs):
    done = runs.by_hand(*options.split())
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_user_can_mend_is_told_without_a_traceback(runs: Runs):
    by_hand = runs.by_hand("--source", "a", "--names", "x", body=FAD_ERROR)
    assert (by_hand.returncode, by_hand.stdout) == (1, "")
    said = (
        "\ndata set a: is empty\n  add files, or choose:\n"
        "  on_bad_file: skip  (in the configuration, or --config on_bad_file=skip)\n"
        "  weights: PATH  (in the configuration)\n\n"
    )
    assert by_hand.stderr == said
    by_snakemake = runs.by_snakemake(body=FAD_ERROR)
    assert by_snakemake.returncode == 1
    for text in (by_snakemake.stderr, runs.log.read_text()):
        assert text == said


def test_a_bug_shows_its_traceback_wherever_one_looks(runs: Runs):
    by_hand = runs.by_hand("--source", "a", "--names", "x", body=BUG)
    assert (by_hand.returncode, by_hand.stdout) == (1, "so far\n")
    by_snakemake = runs.by_snakemake(body=BUG)
    assert (by_snakemake.returncode, by_snakemake.stdout) == (1, "")
    assert "so far" in runs.log.read_text()
    for text in (by_hand.stderr, by_snakemake.stderr, runs.log.read_text()):
        assert text.count("KeyError: 'missing key'") == text.count("Traceback") == 1


@pytest.mark.parametrize(("body", "status"), [("sys.exit(3)", 3), ("raise KeyboardInterrupt", -2)])
def test_an_exit_is_left_as_it_is(body: str, status: int, runs: Runs):
    assert runs.by_hand("--source", "a", "--names", "x", body=body).returncode == status
    assert runs.by_snakemake(body=body).returncode == status


def test_a_jobs_log_takes_all_its_output(runs: Runs):
    body = "print('from Python'); os.system('echo from C; echo to stderr >&2'); print('é', file=sys.stderr)"
    done = runs.by_snakemake(body=body)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(runs.log.read_text("utf-8").split("\n")) == ["", "from C", "from Python", "to stderr", "é"]


def test_a_job_without_a_log_prints(runs: Runs):
    done = runs.by_snakemake(log=False)
    assert "in.txt" in done.stdout
    done = runs.by_snakemake(body=FAD_ERROR, log=False)
    assert done.stderr.count("data set a: is empty") == 1


def test_an_imported_script_does_not_run(runs: Runs):
    runs.by_hand("--source", "a", "--names", "x")
    code = "import script; print(script.main.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=runs.folder)
    assert (done.stdout, done.stderr) == ("main\n", "")


def test_snakemakes_lists_have_names():
    """The preamble above stands for Snakemake's own."""
    assert dict(Namedlist(fromdict={"a": 1}).items()) == {"a": 1}
    assert textwrap.dedent(PREAMBLE) == PREAMBLE


SCRIPTS = sorted(Path(__file__).parents[3].glob("scripts/*.py"))
STARTED_BY_RUN = [path for path in SCRIPTS if path.read_text("utf-8").endswith("\nrun(main, globals())\n")]


@pytest.mark.parametrize("script", STARTED_BY_RUN, ids=lambda path: path.stem)
def test_every_script_describes_all_its_options(script: Path):
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tree = ast.parse(script.read_text(encoding="utf-8"))
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    names = [argument.arg for argument in (*main.args.args, *main.args.kwonlyargs)]
    _, descriptions = _docstring_parts(ast.get_docstring(main) or "")
    assert list(descriptions) == names
    text = "".join(done.stdout.split())
    for name, words in descriptions.items():
        assert "--" + name.replace("_", "-") in text
        assert "".join(words.replace("%%", "%").split()) in text
