"""Start a script's typed `main(...)` from Snakemake, or from a shell with options of the same names.

A script of the workflow ends with `run(main, globals())`. Under Snakemake, wildcards and the named inputs,
outputs and params of the rule become the arguments; in a shell, command-line options do, which are made from
the signature and the docstring. Nothing here imports a numeric library: `threads` and `isa` must be in the
environment before NumPy or PyTorch read it. Scripts therefore import what they need inside `main`.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import traceback
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.errors import FadError
from fad_core.util.choices import without_none
from fad_core.util.instructions import limit_instructions
from fad_core.util.process import limit_threads, set_up_process
from fad_study.messages import message_of
from fad_study.stale_locks import hold_running


def prefer_packages(folders: Sequence[Path]) -> None:
    """Make Python programs that this process starts import from the given folders first."""
    first = [str(folder) for folder in folders]
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [entry for entry in inherited if entry not in ("", *first)]
    os.environ["PYTHONPATH"] = os.pathsep.join([*first, *others])


def run(main: Callable[..., None], script_globals: Mapping[str, Any]) -> None:
    """Call a script's `main` if the script was started; do nothing if it was imported.

    An error of the user's input is printed without a traceback, and the exit status is then 1.

    Args:
        main: the function to call; its annotations and docstring define the arguments.
        script_globals: `globals()` of the script.
    """
    if script_globals.get("__name__") != "__main__":
        return
    job = script_globals.get("snakemake")
    arguments = _from_snakemake(main, job) if job is not None else _from_command_line(main)
    # The terminal shows only the reason of a failure; everything else goes to the log.
    terminal = _redirect_to(job.log[0]) if job is not None and job.log else sys.stderr
    # A job of a notebook inherits the notebook's backend, which this environment may lack.
    os.environ["MPLBACKEND"] = "agg"
    limit_threads(int(arguments.get("threads", 1)))
    set_up_process()
    # A job may outlive a killed run: the next run must not remove its locks.
    held = hold_running(Path(".snakemake")) if job is not None else None
    try:
        limit_instructions(arguments.get("isa", "native"))
        main(**arguments)
    except FadError as error:
        for stream in {id(terminal): terminal, id(sys.stderr): sys.stderr}.values():
            print(f"\n{message_of(error)}\n", file=stream, flush=True)
        sys.exit(1)
    except Exception:
        if terminal is not sys.stderr:
            traceback.print_exc(file=terminal)
        raise
    finally:
        if held is not None:
            held.close()


def _redirect_to(log: str) -> typing.TextIO:
    """Redirect stdout and stderr, also of C libraries, to a job's log; return the old stderr."""
    terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    with Path(log).open("w", encoding="utf-8") as stream:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    return terminal


def _from_snakemake(main: Callable[..., None], job: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for source in (job.wildcards, job.input, job.output, job.params):
        values.update(source.items())
    hints = typing.get_type_hints(main)
    return {
        name: _convert(values[name], hints[name])
        for name in inspect.signature(main).parameters
        if name in values
    }


def _convert(value: Any, hint: Any) -> Any:
    """Convert a value of Snakemake's (a text, a list of texts, a param) to the annotated type."""
    # An input that a study does not have is an empty list.
    if value is None or (_is_optional(hint) and value == []):
        return None
    hint = without_none(hint)
    if typing.get_origin(hint) is list:
        (item,) = typing.get_args(hint)
        return [item(entry) for entry in ([value] if isinstance(value, str) else value)]
    return hint(value) if hint in (Path, int, float) else value


def _from_command_line(main: Callable[..., None]) -> dict[str, Any]:
    summary, descriptions = _docstring_parts(inspect.getdoc(main) or "")
    parser = argparse.ArgumentParser(
        description=summary, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    hints = typing.get_type_hints(main)
    for name, parameter in inspect.signature(main).parameters.items():
        _add_option(parser, name, parameter, hints[name], descriptions.get(name, " "))
    return vars(parser.parse_args())


def _add_option(
    parser: argparse.ArgumentParser, name: str, parameter: inspect.Parameter, hint: Any, help_text: str
) -> None:
    required = parameter.default is inspect.Parameter.empty
    options: dict[str, Any] = {"help": help_text, "required": required}
    if not required:
        # "(default: None)" would not be helpful.
        options["default"] = argparse.SUPPRESS if parameter.default is None else parameter.default
    hint = without_none(hint)
    if hint is bool:
        options["action"] = argparse.BooleanOptionalAction
    elif typing.get_origin(hint) is list:
        options.update(nargs="*", type=typing.get_args(hint)[0])
    elif typing.get_origin(hint) is typing.Literal:
        options["choices"] = typing.get_args(hint)
    else:
        options["type"] = hint
    parser.add_argument("--" + name.replace("_", "-"), dest=name, **options)


def _is_optional(hint: Any) -> bool:
    return isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)


def _docstring_parts(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into the text before `Args:` and the description of each argument."""
    summary, _, rest = text.partition("\nArgs:\n")
    descriptions: dict[str, str] = {}
    for line in rest.splitlines():
        name, colon, words = line.strip().partition(": ")
        if line and not line.startswith("    "):
            break
        if colon and line.startswith("    ") and not line.startswith("     "):
            descriptions[name] = words
        elif descriptions and line.strip():
            descriptions[list(descriptions)[-1]] += " " + line.strip()
    return summary.strip(), {key: value.replace("%", "%%") for key, value in descriptions.items()}
