"""The `fad` command: results on stdout, progress and messages on stderr.

Each module here is a command or a group of commands. They import what they need beyond click when they are
called, so that help and completion are fast. Exit statuses: `fad_core.cli.group`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

import click

from fad_core.cli.cache import cache
from fad_core.cli.clap_score import clap_score
from fad_core.cli.compare import compare
from fad_core.cli.completion import completion
from fad_core.cli.embed import embed, stats
from fad_core.cli.export import export, verify
from fad_core.cli.group import CONTEXT, Group
from fad_core.cli.metrics import metrics
from fad_core.cli.models import models
from fad_core.cli.score import score
from fad_core.cli.weights import weights
from fad_core.util.process import set_up_process
from fad_core.util.version import __version__

__all__ = ["main"]


@click.group(
    cls=Group,
    context_settings=CONTEXT,
    examples=(
        "fad score audio/reference audio/system_a",
        "fad stats audio/reference -o reference.npz",
        "fad compare reference.npz audio/system_a audio/system_b --csv > distances.csv",
        "fad study run config.yaml --cores 8",
    ),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Compute the Fréchet Audio Distance reproducibly.

    Results go to stdout, everything else to stderr. Exit status: 0 success, 1 error in the input, 2 usage
    error, 3 failed verification, 130 interrupted.
    """
    set_up_process()


_SCORING = (score, clap_score, embed, stats, compare)
for _command in (*_SCORING, models, metrics, weights, export, verify, cache, completion):
    main.add_command(_command)
# Commands of packages that build on this one, such as `fad study`.
for _entry in sorted(entry_points(group="fad_core.commands"), key=lambda entry: entry.name):
    try:
        main.add_command(_entry.load())
    except Exception as _error:  # whatever another package's code raises  # noqa: BLE001
        click.echo(f"fad: {_entry.value}: the command is not available: {_error}", err=True)
