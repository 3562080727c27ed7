"""`fad study archive` and `fad study verify`: hand a finished study on, and check one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from fad_core.cli.group import VERIFICATION_FAILED, Command
from fad_core.cli.output import quiet_option, speaker
from fad_core.util.formatting import counted
from fad_core.util.process import limit_threads

_SHOWN = 20
"""Number of faults, or of lines that differ, that are listed."""


@click.command(
    cls=Command,
    examples=(
        "fad study archive my_study.yaml",
        "fad study archive my_study.yaml -o supplement.zip",
    ),
)
@click.argument("config", default=Path("config.yaml"), type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The archive.  [default: STUDY.zip]",
)
@quiet_option
def archive(config: Path, output: Path | None, quiet: bool) -> None:
    """Pack the finished study of CONFIG as one file, without its audio and embeddings.

    It has the configuration, tables, figures, the report, statistics, verdicts, versions, and a hash of each.
    """
    from fad_study.archive import write_archive
    from fad_study.config import read_yaml

    study = read_yaml(config)
    target = output or Path(f"{study['study']}.zip")
    count = write_archive(study, Path("results", study["study"]), Path("results/verification"), target)
    speaker(quiet)(f"{target}: {counted(count, 'file')}, {target.stat().st_size / 1e6:.1f} MB")


@click.command(
    cls=Command,
    examples=(
        "fad study verify my_study.zip",
        "fad study verify my_study.zip --audio-root audio",
    ),
)
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--audio-root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the audio: run the study again, and compare its tables.",
)
@quiet_option
def verify(archive: Path, audio_root: Path | None, quiet: bool) -> int:
    """Check an ARCHIVE of a study: every file by its hash, every distance by the statistics.

    Distances that need vectors, such as KAD, are checked with the audio alone. The exit status is 3 if
    something differs.
    """
    limit_threads(1)  # as most studies compute
    from fad_study.archive import check_archive

    say = speaker(quiet)
    with tempfile.TemporaryDirectory() as folder:
        found = check_archive(archive, Path(folder, "archive"))
        say(
            f"{counted(found.files, 'file')}; {counted(found.distances, 'distance')} computed again from the "
            f"statistics, largest relative difference {found.largest:.1e}"
        )
        faults = list(found.faults)
        if audio_root is not None:
            (study,) = Path(folder, "archive").glob("*/study.yaml")
            faults += _run_again(study, audio_root.resolve(), Path(folder, "again"))
    for fault in faults[:_SHOWN]:
        click.echo(fault)
    if len(faults) > _SHOWN:
        click.echo(f"… and {len(faults) - _SHOWN} more")
    say(f"{archive}: {counted(len(faults), 'difference')}" if faults else f"{archive}: as it should be")
    return VERIFICATION_FAILED if faults else 0


def _run_again(study: Path, audio_root: Path, folder: Path) -> list[str]:
    """Run a study again; return the lines of its tables that differ."""
    from fad_study.config import read_yaml

    folder.mkdir()
    name = read_yaml(study)["study"]
    program = "from fad_core.cli import main; main()"
    command = [sys.executable, "-c", program, "study", "run", str(study), "--", "--config"]
    done = subprocess.run([*command, f"audio_root={audio_root}"], cwd=folder, check=False)
    if done.returncode:
        return [f"the study cannot be run again: exit status {done.returncode}"]
    differing = []
    for table in sorted((study.parent / "results/tables").glob("*.csv")):
        again = folder / "results" / name / "tables" / table.name
        theirs, ours = (
            path.read_text(encoding="utf-8").splitlines() if path.is_file() else [] for path in (table, again)
        )
        differing += [
            f"{table.name}, line {number}: {line}, here {other}"
            for number, (line, other) in enumerate(zip(theirs, ours, strict=False), start=1)
            if line != other
        ]
        if len(theirs) != len(ours):
            differing.append(f"{table.name}: {len(theirs)} lines, here {len(ours)}")
    return differing
