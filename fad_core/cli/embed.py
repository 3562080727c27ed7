"""`fad embed` and `fad stats`: write the vectors, or the statistics, of a set to a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fad_core.cli.embedding import Embedding
from fad_core.cli.group import Command
from fad_core.cli.options import SET, embedding_options, model_option
from fad_core.cli.output import Form, output_options, print_row
from fad_core.errors import FadError
from fad_core.util.atomic import require_writable

if TYPE_CHECKING:
    from fad_core.embedding.embedded_set import EmbeddedSet


def _output_option(suffixes: tuple[str, ...], what: str) -> Callable[[Any], Any]:
    """Return the option `--output FILE`, whose suffix chooses the format."""

    def checked(_context: click.Context, _option: click.Parameter, path: Path) -> Path:
        if path.suffix not in suffixes:
            raise click.BadParameter(f"{path} does not end in {' or '.join(suffixes)}")
        return path

    return click.option(
        "--output",
        "-o",
        type=click.Path(path_type=Path, dir_okay=False),
        required=True,
        callback=checked,
        help=what,
    )


@click.command(
    cls=Command,
    examples=(
        "fad embed audio/reference -o reference.npy",
        'fad embed "audio/**/*.flac" -o embeddings.parquet --model encodec-24k',
    ),
)
@click.argument("audio", metavar="SET", type=SET)
@_output_option(
    (".npy", ".parquet"),
    "File to write: .npy (vectors, as the original package writes them) or .parquet (with file and time).",
)
@model_option
@embedding_options
@output_options
def embed(audio: str, output: Path, model: str, embedding: Embedding, form: Form) -> None:
    """Embed a SET and write the vectors to a file.

    SET is a folder (searched recursively), a glob in quotes, one file, or a list (@clips.txt,
    @clips.csv:column).
    """
    statistics = f"{audio} holds statistics, not vectors: give the sound that they were computed from"
    if Path(audio).suffix == ".npz" and Path(audio).is_file():
        raise FadError(statistics)
    require_writable(output)
    exported, done = embedding.embed_sets([audio], model, keep=True, to_compare=False)
    embedded = done[audio]
    if embedded.embeddings is None:
        raise FadError(statistics)
    if output.suffix == ".npy":
        from fad_core.embedding.npy import save_embeddings

        save_embeddings(embedded.vectors_of().vectors, exported.use, output)
    elif not embedded.decisions:
        raise FadError(f"{audio} holds vectors already: a table of them is written from sound")
    else:
        from fad_core.embedding.embeddings_writer import write_embeddings

        write_embeddings({audio: (embedded.embeddings or (), embedded.decisions)}, exported, output)
    _say_what_was_written(output, embedded, form)


@click.command(
    cls=Command,
    examples=(
        "fad stats audio/reference -o reference.npz",
        "fad stats audio/reference -o reference.parquet --model clap-music-audioset --crop center",
    ),
)
@click.argument("audio", metavar="SET", type=SET)
@_output_option((".npz", ".parquet"), "File to write: .npz (NumPy arrays) or .parquet.")
@model_option
@embedding_options
@output_options
def stats(audio: str, output: Path, model: str, embedding: Embedding, form: Form) -> None:
    """Write the statistics of a SET to a file.

    The file holds the number of vectors, their mean and the factor of their scatter matrix, and the model,
    its weights with their sha256, its settings and the counts of files. `fad score` and `fad compare`
    accept it in place of the audio.
    """
    require_writable(output)
    from fad_core.embedding.statistics_files import require_file_for, write_statistics
    from fad_core.models import get_model

    require_file_for(output, get_model(model).outputs)
    _, done = embedding.embed_sets([audio], model)
    embedded = done[audio]
    write_statistics(embedded, output)
    _say_what_was_written(output, embedded, form)


def _say_what_was_written(output: Path, embedded: EmbeddedSet, form: Form) -> None:
    from fad_core.datasets.remarks import set_notes

    counts, statistics = embedded.counts, embedded.statistics_of()
    notes = set_notes(counts, embedded.key.settings) if counts else []
    row: dict[str, Any] = {
        "file": str(output),
        **asdict(embedded.key),
        "n": statistics.n,
        "dimension": statistics.dimension,
        "files": None if counts is None else counts.files,
        "padded": None if counts is None else counts.padded,
        "excluded": None if counts is None else counts.excluded,
        "note": "; ".join(filter(None, [embedded.note, *notes])),
    }
    settings = f", {row['settings']}" if row["settings"] else ""
    note = f"\nnote: {row['note']}" if row["note"] else ""
    print_row(
        row,
        form,
        lambda: (
            f"{output}: {row['n']} vectors of {row['dimension']} numbers, {row['files']} files "
            f"({row['padded']} padded, {row['excluded']} excluded)\n"
            f"model: {row['model']}, {row['weights']} weights {row['weights_sha256'][:8]}{settings}{note}"
        ),
    )
