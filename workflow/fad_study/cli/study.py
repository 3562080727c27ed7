"""`fad study`: run Snakemake, whose exit status is passed on."""

from __future__ import annotations

import csv
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import click

from fad_core.cli.group import INPUT_FAULT, Command, Group
from fad_core.cli.output import Form, Row, output_options, print_row, print_rows, quiet_option, speaker
from fad_core.util.formatting import counted
from fad_study.cli.archive import archive, verify
from fad_study.cli.new import export_workflow, new
from fad_study.cli.process_group import run_group
from fad_study.cli.run_shortly import run_shortly

_CORES = ("-c", "--cores", "-j", "--jobs", "-e", "--executor", "--profile", "--workflow-profile")
_LISTED = 5
"""Stale files that the status names."""
_config = click.argument(
    "config", default=Path("config.yaml"), type=click.Path(path_type=Path, dir_okay=False)
)
_snakefile_option = click.option(
    "--snakefile",
    "-s",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The workflow.  [default: ./Snakefile if there is one, else the one installed with this command]",
)


class _PassingOn(Command):
    """A command that passes all that follows `--` unchanged as the argument `arguments`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        end = args.index("--") if "--" in args else len(args)
        try:
            rest = super().parse_args(ctx, args[:end])
        except click.NoSuchOption as error:
            name = error.option_name
            message = f"There is no option {name}. Options of Snakemake follow --, as in: -- {name}"
            raise click.NoSuchOption(name, message, error.possibilities, ctx) from error
        ctx.params["arguments"] = tuple(args[end + 1 :])
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """See `click.Command.collect_usage_pieces`."""
        return [*super().collect_usage_pieces(ctx), "[-- ARGUMENTS]"]


@click.group(
    cls=Group,
    examples=(
        "fad study new my_study",
        "fad study run my_study.yaml --cores 8",
        "fad study status my_study.yaml",
    ),
)
def study() -> None:
    """Start a study, run it, or show its progress."""


study.add_command(archive)
study.add_command(verify)
study.add_command(new)
study.add_command(export_workflow)


@study.command(
    cls=_PassingOn,
    examples=(
        "fad study run",
        "fad study run workflow/studies/demo.yaml --cores 4",
        "fad study run config.yaml -- --dry-run",
        "fad study run config.yaml -- --workflow-profile workflow/profiles/slurm",
    ),
)
@_config
@click.option(
    "--cores",
    metavar="N|all",
    help="Number of cores to use.  [default: all, unless a profile or an executor is passed on]",
)
@_snakefile_option
@click.option("--verbose", is_flag=True, help="Show Snakemake's own lines instead of one line for each job.")
@quiet_option
def run(
    config: Path,
    cores: str | None,
    snakefile: Path | None,
    verbose: bool,
    quiet: bool,
    arguments: tuple[str, ...],
) -> int:
    """Run the study of CONFIG (config.yaml by default) in the current folder.

    A line is shown for each job, and at the end the distances from the reference and the paths of the
    results. Snakemake's own lines are written to a file in .snakemake/log.

    Everything after -- is passed to Snakemake, whose exit status is returned. Ctrl-C, or a signal to this
    process, ends the running jobs and waits for them. The same command resumes a study that was stopped or
    killed.
    """
    chosen = any(argument.partition("=")[0] in _CORES for argument in arguments)
    if cores is None and not chosen:
        cores = "all"
    options = ["--cores", cores] if cores else []
    program, rest = _snakemake(config, snakefile, [*options, "--show-failed-logs", *arguments])
    if verbose:
        speaker(quiet)(shlex.join([*program, *rest]))
        return run_group([*program, *rest])
    return run_shortly(config, rest, quiet=quiet, whole=not arguments)


@study.command("list", examples=("fad study list", "fad study list --json"))
@output_options
def list_(form: Form) -> None:
    """List the example studies that come with the workflow, and the paths of their configurations."""
    from fad_study.workflow_files import example_studies

    here = Path.cwd()
    print_rows(
        [
            {
                "study": path.stem,
                "title": title,
                "config": str(path.relative_to(here) if path.is_relative_to(here) else path),
            }
            for path, title in example_studies().items()
        ],
        form,
    )


@study.command(
    examples=(
        "fad study status",
        "fad study status workflow/studies/demo.yaml --json",
    ),
)
@_config
@_snakefile_option
@quiet_option
@output_options
def status(config: Path, snakefile: Path | None, quiet: bool, form: Form) -> int:
    """Show how much of the study of CONFIG is done, what remains, and where its results are.

    Results that the configuration no longer names are listed too: the next run moves them to the folder stale
    of the study.

    Nothing is run. The exit status is 0 whether the study is complete or not.
    """
    command = list(chain(*_snakemake(config, snakefile, ["--cores", "1", "--summary"])))
    speaker(quiet)(f"reading {config} and its data sets")
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        click.echo(done.stderr + done.stdout, err=True, nl=False)
        return INPUT_FAULT
    row = _progress(config, list(csv.DictReader(done.stdout.splitlines(), delimiter="\t")))
    print_row(row, form, lambda: _text(row))
    return 0


def _snakemake(config: Path, snakefile: Path | None, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the shortest command line that runs the workflow: the program, and its arguments.

    Raises:
        ConfigError: there is no workflow, or the configuration cannot be read.
    """
    from fad_core.errors import ConfigError
    from fad_study.config import read_yaml
    from fad_study.workflow_files import workflow_folder

    if not config.is_file():
        raise ConfigError(f"{config}: there is no such file; name the configuration of a study")
    read_yaml(config)  # before Snakemake, which would report errors by a traceback
    places = [snakefile] if snakefile else [Path("Snakefile"), workflow_folder() / "Snakefile"]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise ConfigError(
            f"{snakefile or 'Snakefile'}: there is no such workflow; name a Snakefile with --snakefile, or "
            "run this command in a checkout of fad-core"
        )
    own = Path(sys.executable).with_name("snakemake")
    on_path = shutil.which("snakemake")
    is_own = on_path is not None and own.is_file() and own.samefile(on_path)
    program = ["snakemake"] if is_own else [sys.executable, "-m", "snakemake"]
    where = [] if found == Path("Snakefile") else ["--snakefile", str(found)]
    # An option must follow the file: Snakemake would take a target there for a further file.
    return program, [*where, "--configfile", str(config), *arguments]


def _progress(config: Path, outputs: Sequence[Row]) -> dict[str, Any]:
    from fad_study.config import read_yaml
    from fad_study.stale_results import stale_results

    name = read_yaml(config)["study"]
    results = Path("results") / name
    pending = [row for row in outputs if row["plan"] != "no update"]
    remaining = dict(sorted(Counter(row["rule"] for row in pending).items()))
    return {
        "study": name,
        "outputs": len(outputs),
        "done": len(outputs) - len(pending),
        "remaining": len(pending),
        "remaining_by_rule": remaining,
        "stale": stale_results(results, (row["output_file"] for row in outputs)),
        "results": str(results),
        "report": str(results / "report.html") if (results / "report.html").is_file() else None,
    }


def _text(row: Row) -> str:
    lines = [f"study: {row['study']}", f"done: {row['done']} of {row['outputs']} files"]
    if row["remaining"]:
        rules = ", ".join(f"{rule} {count}" for rule, count in row["remaining_by_rule"].items())
        lines.append(f"remaining: {rules}")
    if stale := row["stale"]:
        first = ", ".join([*stale[:_LISTED], *(["…"] if len(stale) > _LISTED else [])])
        lines.append(
            f"no longer named: {counted(len(stale), 'file')}, besides logs, which the next run moves to "
            f"{row['results']}/stale: {first}"
        )
    lines.append(f"results: {row['results']}")
    if row["report"]:
        lines.append(f"report: {row['report']}{' (not up to date)' if row['remaining'] else ''}")
    return "\n".join(lines)
