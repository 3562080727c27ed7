"""The `fad` command: results on stdout, progress and messages on stderr.

Exit status: 0 done, 1 the input is at fault (the message says how), 2 the call is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from fad_core import __version__
from fad_core.command import limit_threads
from fad_core.errors import FadError

_CKPT_DIR = click.option(
    "--ckpt-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the checkpoints. Default: torch.hub's, where the original packages keep them.",
)


class _Group(click.Group):
    """Prints what is the input's fault without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FadError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """Fréchet Audio Distance, reproducibly."""


@main.command()
@click.argument("reference")
@click.argument("evaluation")
@click.option(
    "--model", default="vggish", show_default=True, help="Embedding model; `fad models` lists them."
)
@click.option(
    "--weights",
    default="official",
    show_default=True,
    metavar="official|seeded|FILE",
    help="official: downloaded once, hash checked. seeded: a deterministic fill for trials, not a "
    "published model. FILE: your checkpoint in the official layout.",
)
@click.option("--metric", default="fad", show_default=True, help="What to compute.")
@click.option(
    "--on-bad-file",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="Files that cannot be read whole: fail before anything is embedded, or leave them out.",
)
@click.option(
    "--on-short-file",
    type=click.Choice(["fail", "skip", "pad"]),
    default="fail",
    show_default=True,
    help="Files below the model's minimum: fail, leave them out, or pad them with zeros at the end.",
)
@click.option(
    "--crop",
    type=click.Choice(["random", "first", "center", "windows"]),
    default="random",
    show_default=True,
    help="What of a file longer than the model's window is embedded (CLAP).",
)
@click.option("--hop-seconds", default=10.0, show_default=True, help="From one of the windows to the next.")
@click.option("--seed", default=0, show_default=True, help="Of random crops.")
@click.option(
    "--compatibility",
    type=click.Choice(["none", "frechet-audio-distance"]),
    default="none",
    show_default=True,
    help="Imitate the original package also where it is wrong.",
)
@click.option(
    "--memory-gb",
    default=16.0,
    show_default=True,
    help="What embedding one file may take; longer ones are bad.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, the distance table's row.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Numeric threads.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no messages but errors.")
@_CKPT_DIR
def score(
    reference: str,
    evaluation: str,
    model: str,
    weights: str,
    metric: str,
    on_bad_file: Any,
    on_short_file: Any,
    crop: Any,
    hop_seconds: float,
    seed: int,
    compatibility: Any,
    memory_gb: float,
    as_json: bool,
    threads: int,
    quiet: bool,
    ckpt_dir: Path | None,
) -> None:
    r"""Score the EVALUATION set against the REFERENCE set.

    Each is a folder (with all below it), a glob in quotes, or one file. The first call with a model
    exports and verifies it.

    \b
    Examples:
      fad score audio/reference audio/system_a
      fad score reference "generated/**/*.wav" --on-short-file pad --json
    """
    limit_threads(threads)
    import torch

    from fad_core.datasets import Dataset, list_files
    from fad_core.metrics import get_metric
    from fad_core.progress import file_progress
    from fad_core.scoring import score as score_sets
    from fad_core.settings import Settings
    from fad_core.store import verified_model

    torch.set_num_threads(threads)
    # What is quickly seen to be wrong is said before a model is downloaded or exported.
    get_metric(metric)
    for path in (reference, evaluation):
        list_files(Dataset(path, path))
    say = _speaker(quiet)
    settings = Settings(crop, hop_seconds, seed, compatibility, memory_gb)
    exported = verified_model(model, weights, ckpt_dir, say, settings)
    with file_progress("scan and embed", quiet=quiet) as progress:
        result = score_sets(
            reference,
            evaluation,
            exported,
            metric=metric,
            on_bad_file=on_bad_file,
            on_short_file=on_short_file,
            progress=progress,
        )
    for name, uses in result.uses.items():
        for use in uses:
            if use.status != "used":
                say(f"{use.status}: {name}: {use.record.file}: {use.reason}")
    if as_json:
        click.echo(json.dumps(result.row))
    else:
        _print_score(result.row)


def _print_score(row: Mapping[str, Any]) -> None:
    click.echo(f"{row['metric']}: {row['value']!r}")
    click.echo(f"model: {row['model']}, {row['weights']} weights {row['weights_sha256'][:8]}")
    if row["settings"]:
        click.echo(f"settings: {row['settings']}")
    click.echo(f"reference: {row['reference']}, {row['n_reference']} vectors")
    click.echo(f"evaluation: {row['evaluation']}, {row['n_evaluation']} vectors")
    click.echo(f"files: {row['files']} embedded ({row['padded']} of them padded), {row['excluded']} excluded")
    if row["note"]:
        click.echo(f"note: {row['note']}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def models(as_json: bool) -> None:
    """List the embedding models."""
    from fad_core.models import get_model, model_ids

    found = [get_model(name) for name in model_ids()]
    rows = [
        {
            "id": model.name,
            "family": model.family,
            "sample_rate": model.sample_rate,
            "channels": model.channels,
            "dimensions": model.embedding_dim,
            "minimum_seconds": round(model.minimum_samples / model.sample_rate, 6),
            "checkpoints": ", ".join(checkpoint.filename for checkpoint in model.checkpoints),
        }
        for model in found
    ]
    _print_rows(rows, as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@_CKPT_DIR
def weights(as_json: bool, ckpt_dir: Path | None) -> None:
    """List the official checkpoints, and where each lies or is looked for."""
    from fad_core.models import get_model, model_ids
    from fad_core.weights import checkpoint_path

    checkpoints = {item.filename: item for name in model_ids() for item in get_model(name).checkpoints}
    rows = []
    for filename, item in checkpoints.items():
        path = checkpoint_path(item, ckpt_dir)
        users = [name for name in model_ids() if item in get_model(name).checkpoints]
        rows.append(
            {
                "checkpoint": filename,
                "there": "yes" if path.is_file() else "no",
                "path": str(path),
                "bytes": item.size,
                "sha256": item.sha256,
                "licence": item.licence,
                "url": item.url,
                "models": ", ".join(users),
            }
        )
    _print_rows(rows, as_json)


def _speaker(quiet: bool) -> Callable[[str], None]:
    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    return say


def _print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    names = list(rows[0])
    cells = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(names))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
