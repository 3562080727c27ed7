"""`fad study`: a thin front of Snakemake. It says which command it runs, and ends as that ends."""

from __future__ import annotations

import csv
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fad_core.cli.group import INPUT_FAULT, Command, Group
from fad_core.cli.output import Form, Row, output_options, print_row, quiet_option, speaker
from fad_study.cli.process_group import run_group

_CORES = ("-c", "--cores", "-j", "--jobs", "-e", "--executor", "--profile", "--workflow-profile")
_config = click.argument(
    "config", default=Path("config.yaml"), type=click.Path(path_type=Path, dir_okay=False)
)
_snakefile_option = click.option(
    "--snakefile",
    "-s",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The workflow.  [default: ./Snakefile, else that of the checkout that fad was installed from]",
)


class _PassingOn(Command):
    """Gives what stands after `--` as the argument `arguments`, as it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        end = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:end])
        ctx.params["arguments"] = tuple(args[end + 1 :])
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """See `click.Command.collect_usage_pieces`."""
        return [*super().collect_usage_pieces(ctx), "[-- ARGUMENTS]"]


@click.group(
    cls=Group,
    examples=(
        "fad study run config.yaml --cores 8",
        "fad study status config.yaml",
    ),
)
def study() -> None:
    """Run a study, or see how far it is."""


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
    help="How many at once.  [default: all, unless a profile or an executor is passed on]",
)
@_snakefile_option
@quiet_option
def run(
    config: Path, cores: str | None, snakefile: Path | None, quiet: bool, arguments: tuple[str, ...]
) -> int:
    """Run the study of CONFIG (config.yaml by default) in the current folder.

    Everything after -- is for Snakemake. The exit status is Snakemake's. Ctrl-C, or a signal to this process,
    ends the running jobs and waits for them. What was stopped or killed goes on with the same command.
    """
    given = any(argument.partition("=")[0] in _CORES for argument in arguments)
    if cores is None and not given:
        cores = "all"
    options = ["--cores", cores] if cores else []
    command = _snakemake(config, snakefile, [*options, "--show-failed-logs", *arguments])
    speaker(quiet)(shlex.join(command))
    return run_group(command)


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
    """Say what of the study of CONFIG is done, what remains, and where results lie.

    Nothing is run. The exit status is 0 whether it is done or not.
    """
    command = _snakemake(config, snakefile, ["--cores", "1", "--summary"])
    speaker(quiet)(shlex.join(command))
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        click.echo(done.stderr + done.stdout, err=True, nl=False)
        return INPUT_FAULT
    row = _progress(config, list(csv.DictReader(done.stdout.splitlines(), delimiter="\t")))
    print_row(row, form, lambda: _text(row))
    return 0


def _snakemake(config: Path, snakefile: Path | None, arguments: Sequence[str]) -> list[str]:
    """The command, as short as it can be said.

    Raises:
        ConfigError: there is no workflow, or no configuration that can be read.
    """
    from fad_core.errors import ConfigError
    from fad_study.config import read_yaml

    if not config.is_file():
        raise ConfigError(f"{config}: there is no such file, where a study's configuration is wanted")
    read_yaml(config)  # before Snakemake, which would tell its faults by a traceback
    places = [snakefile] if snakefile else [Path("Snakefile"), *own_snakefiles()]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise ConfigError(
            f"{snakefile or 'Snakefile'}: there is no such workflow; go to a checkout of fad-core, or name "
            "its Snakefile with --snakefile"
        )
    own = Path(sys.executable).with_name("snakemake")
    on_path = shutil.which("snakemake")
    is_own = on_path is not None and own.is_file() and own.samefile(on_path)
    program = ["snakemake"] if is_own else [sys.executable, "-m", "snakemake"]
    where = [] if found == Path("Snakefile") else ["--snakefile", str(found)]
    # An option follows the file: Snakemake would take a target there for a further one.
    return [*program, *where, "--configfile", str(config), *arguments]


def own_snakefiles() -> list[Path]:
    """Where the workflow that belongs to this package may lie: in its checkout, or installed beside it."""
    package = Path(__file__).resolve().parents[1]
    return [package.parents[1] / "Snakefile", package / "bundle/Snakefile"]


def _progress(config: Path, outputs: Sequence[Row]) -> dict[str, Any]:
    from fad_study.config import read_yaml

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
        "results": str(results),
        "report": str(results / "report.html") if (results / "report.html").is_file() else None,
    }


def _text(row: Row) -> str:
    lines = [f"study: {row['study']}", f"done: {row['done']} of {row['outputs']} files"]
    if row["remaining"]:
        rules = ", ".join(f"{rule} {count}" for rule, count in row["remaining_by_rule"].items())
        lines.append(f"remaining: {rules}")
    lines.append(f"results: {row['results']}")
    if row["report"]:
        lines.append(f"report: {row['report']}{' (not up to date)' if row['remaining'] else ''}")
    return "\n".join(lines)
