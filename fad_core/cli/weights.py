"""`fad weights`: list, fetch and verify the official checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fad_core.cli.group import INPUT_FAULT, VERIFICATION_FAILED, Group
from fad_core.cli.options import MODEL, ckpt_dir_option
from fad_core.cli.output import Form, Row, noted_table, output_options, print_rows, quiet_option, speaker

_LICENCE = 10
"""Letters of a licence that the table for people has room for."""

if TYPE_CHECKING:
    from fad_core.models.checkpoint import Checkpoint


@click.group(
    cls=Group,
    examples=(
        "fad weights list",
        "fad weights fetch vggish clap-630k",
        "fad weights verify --json",
    ),
)
def weights() -> None:
    """List, fetch and verify the official checkpoints."""


@weights.command(
    "list",
    examples=(
        "fad weights list",
        "fad weights list --json | jq -r '.[] | select(.present == \"no\") | .url'",
    ),
)
@ckpt_dir_option
@output_options
def list_(ckpt_dir: Path | None, form: Form) -> None:
    """List the official checkpoints; with --json or --csv, also their paths, hashes, URLs and models."""
    from fad_core.weights import checkpoint_path, default_ckpt_dir

    rows = []
    for item, users in _checkpoints(()):
        path = checkpoint_path(item, ckpt_dir)
        rows.append(
            {
                "checkpoint": item.filename,
                "present": "yes" if path.is_file() else "no",
                "path": str(path),
                "bytes": item.size,
                "sha256": item.sha256,
                "licence": item.licence,
                "url": item.source,
                "models": ", ".join(users),
            }
        )
    print_rows(rows, form, lambda: _text(rows, ckpt_dir or default_ckpt_dir()))


def _text(rows: Sequence[Row], ckpt_dir: Path) -> str:
    """Return the table for people: in 80 columns, with long licences below it."""
    from fad_core.util.formatting import significant

    fits = [len(row["licence"]) <= _LICENCE for row in rows]
    columns = {
        "checkpoint": [row["checkpoint"] for row in rows],
        "MB": ["?" if row["bytes"] is None else significant(row["bytes"] / 1e6, 2) for row in rows],
        "present": [row["present"] for row in rows],
        "licence": [row["licence"] if fit else "" for row, fit in zip(rows, fits, strict=True)],
    }
    notes = ["" if fit else f"licence: {row['licence']}" for row, fit in zip(rows, fits, strict=True)]
    return (
        f"{noted_table(columns, notes, names=1)}\nFolder: {ckpt_dir}\n"
        "Paths, hashes, URLs and models: --json or --csv."
    )


@weights.command(
    examples=(
        "fad weights fetch vggish",
        "fad weights fetch --all --ckpt-dir /data/checkpoints",
        "fad weights fetch cdpam --reference fma_pop",
    ),
)
@click.argument("models", nargs=-1, type=MODEL)
@click.option("--all", "every", is_flag=True, help="Fetch the checkpoints of all models.")
@click.option(
    "--reference",
    "references",
    metavar="NAME",
    multiple=True,
    help="Fetch reference statistics too: fma_pop (82 MB); repeatable.",
)
@ckpt_dir_option
@quiet_option
@output_options
def fetch(
    models: tuple[str, ...],
    every: bool,
    references: tuple[str, ...],
    ckpt_dir: Path | None,
    quiet: bool,
    form: Form,
) -> None:
    """Download the missing checkpoints of MODELS, and check all of them.

    An interrupted download is resumed.
    """
    from fad_core.embedding.named_references import NAMED_REFERENCES, fetch_reference
    from fad_core.models import get_model, model_ids
    from fad_core.weights import fetch_weights, locate_weights

    if bool(models) == every and not (references and not every):
        raise click.UsageError("give either the models to fetch or --all")
    if unknown := [name for name in references if name not in NAMED_REFERENCES]:
        known = ", ".join(NAMED_REFERENCES)
        raise click.UsageError(f"there are no reference statistics {', '.join(unknown)}; there are: {known}")
    say = speaker(quiet)
    rows: dict[str, Row] = {}
    # Unknown models are reported before the first download.
    for model in [get_model(name) for name in (model_ids() if every else models)]:
        located = locate_weights(model, "official", ckpt_dir)
        for file in located.files:
            if file.path is None:
                say(f"fetching {file.checkpoint.filename} from {file.checkpoint.source}")
        for file in fetch_weights(located, ckpt_dir, progress=not quiet).files:
            rows[file.checkpoint.filename] = {
                "checkpoint": file.checkpoint.filename,
                "path": str(file.path),
                "sha256": file.sha256,
            }
    for name in references:
        reference = NAMED_REFERENCES[name]
        path = fetch_reference(reference)
        rows[name] = {"checkpoint": name, "path": str(path), "sha256": reference.sha256}
    print_rows(list(rows.values()), form)


@weights.command(
    examples=(
        "fad weights verify",
        "fad weights verify vggish-pca --json",
    ),
)
@click.argument("models", nargs=-1, type=MODEL)
@ckpt_dir_option
@output_options
def verify(models: tuple[str, ...], ckpt_dir: Path | None, form: Form) -> int:
    """Check the sha256 of the checkpoints of MODELS (default: of all models).

    Each is compared with the published hash or, if none is published, with the one recorded at first use. The
    exit status is 3 if a hash differs, and 1 if a checkpoint is missing.
    """
    rows = [_verified(item, ckpt_dir) for item, _ in _checkpoints(models)]
    print_rows(rows, form)
    if missing := [row["checkpoint"] for row in rows if row["verdict"] == "missing"]:
        hint = "" if models else " (name models to check theirs only)"
        click.echo(f"missing: {', '.join(missing)}{hint}", err=True)
    if any(row["verdict"] == "failed" for row in rows):
        return VERIFICATION_FAILED
    return INPUT_FAULT if missing else 0


def _verified(item: Checkpoint, ckpt_dir: Path | None) -> Row:
    from fad_core.weights import checkpoint_path
    from fad_core.weights.checksums import file_sha256, recorded_sha256

    path = checkpoint_path(item, ckpt_dir)
    expected = item.sha256 or recorded_sha256(path)
    present = path.is_file()
    # The whole file is hashed; other commands use the recorded hash while size and time are unchanged.
    found = file_sha256(path) if present else ""
    if not present:
        verdict = "missing"
    elif not expected:
        verdict = "no hash published or recorded"
    else:
        verdict = "passed" if found.startswith(expected) else "failed"
    return {
        "checkpoint": item.filename,
        "verdict": verdict,
        "sha256": found,
        "expected": expected,
        "path": str(path),
    }


def _checkpoints(models: Sequence[str]) -> Iterator[tuple[Checkpoint, list[str]]]:
    """Yield the checkpoints of models, or of all models, each once and with the names of its models."""
    from fad_core.models import get_model, model_ids

    chosen = [get_model(name) for name in models or model_ids()]
    every = [get_model(name) for name in model_ids()]
    for item in dict.fromkeys(item for model in chosen for item in model.checkpoints):
        yield item, [model.name for model in every if item in model.checkpoints]
