"""`fad clap-score`: files against their captions."""

from __future__ import annotations

from pathlib import Path

import click

from fad_core.cli.embedding import Embedding
from fad_core.cli.group import Command
from fad_core.cli.options import MODEL, SET, embedding_options
from fad_core.cli.output import DIGITS, Form, Row, output_options, print_row, speaker


@click.command(
    "clap-score",
    cls=Command,
    examples=(
        "fad clap-score captions.csv audio/system_a",
        "fad clap-score prompts.csv audio/system_a --model clap-music-audioset --caption-column prompt",
        "fad clap-score captions.csv audio/system_a --model msclap --crop first",
        "fad clap-score captions.csv audio/system_a --per-file cosines.csv --json",
    ),
)
@click.argument("captions", metavar="CAPTIONS", type=click.Path(path_type=Path))
@click.argument("audio", metavar="SET", type=SET)
@click.option(
    "--model",
    type=MODEL,
    default="clap",
    show_default=True,
    help="Model of sounds and captions: one of CLAP's, or msclap-2023.",
)
@click.option(
    "--caption-column", default="caption", show_default=True, help="Column of CAPTIONS with the captions."
)
@click.option(
    "--file-column",
    help="Column of CAPTIONS with the files.  [default: the one of a usual name, such as file or path]",
)
@click.option(
    "--vocabulary",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of vocab.json and merges.txt.  [default: the model's, which is downloaded; with "
    "seeded weights a minimal one]",
)
@click.option(
    "--per-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a table (.csv, .parquet) of the cosine of each file and its caption.",
)
@embedding_options
@output_options
def clap_score(
    captions: Path,
    audio: str,
    model: str,
    caption_column: str,
    file_column: str | None,
    vocabulary: Path | None,
    per_file: Path | None,
    embedding: Embedding,
    form: Form,
) -> None:
    """Score how well the files of a SET fit their CAPTIONS.

    CAPTIONS is a table (.csv, .tsv) with a column of captions and one of files, whose paths start from the
    folder of the set. Without a column of files, its rows belong to the files in the order of their names; a
    note says so. The score is the mean cosine of the vectors of each file and its caption, or captions,
    neither clipped at 0 nor multiplied by 100. It can be compared between scores of the same checkpoint only.
    """
    if per_file is not None and per_file.suffix not in (".csv", ".parquet"):
        raise click.BadParameter("the file must end in .csv or .parquet", param_hint="--per-file")
    from fad_core.api.text_model import require_both_halves, tokenizer_of, verified_text_model
    from fad_core.datasets.captions import BY_NAME_NOTE, read_captions, require_one_vector, require_readable
    from fad_core.models import get_model

    require_one_vector(embedding.options)
    described = get_model(model)
    text_model = require_both_halves(described, embedding.weights)
    table = read_captions(captions, caption_column, file_column)
    from fad_core.embedding.clap_score import clap_score_rows, embed_captions, file_names, pair_files

    show = not embedding.quiet
    if table.files is None:
        speaker(embedding.quiet)(f"note: {BY_NAME_NOTE}")
    tokenizer = tokenizer_of(text_model, embedding.weights, embedding.ckpt_dir, vocabulary, progress=show)
    require_readable(table, tokenizer)
    _, sets = embedding.embed_sets(
        [audio],
        described.name,
        keep=True,
        to_compare=False,
        accept_files=lambda scanned: table.of_files(file_names(scanned.decisions[audio])),
    )
    paired = pair_files(sets[audio], table, file_names(sets[audio].decisions))
    exported = verified_text_model(
        described,
        embedding.weights,
        embedding.ckpt_dir,
        speaker(embedding.quiet),
        embedding.backend,
        cache_dir=embedding.cache_dir,
        progress=show,
    )
    text = embed_captions(exported, tokenizer.features, table.texts)
    row, rows = clap_score_rows(audio, paired.noted(exported.note), table.texts, text)
    if per_file is not None:
        from fad_core.tables import FILE_VALUES, write_table

        write_table(FILE_VALUES, rows, per_file)
    print_row(row, form, lambda: _text(row))


def _text(row: Row) -> str:
    from fad_core.util.formatting import counted, remarks_of, significant

    lines = [f"clap-score: {significant(row['value'], DIGITS)}"]
    if row["ci_low"] is not None:
        ends = (significant(row[end], DIGITS) for end in ("ci_low", "ci_high"))
        lines.append(f"interval: {' to '.join(ends)} (of the mean over files)")
    lines.append(f"standard deviation: {significant(row['std'], DIGITS)}")
    lines.append(f"model: {row['model']}, {row['weights']} weights {row['weights_sha256'][:8]}")
    lines += [f"settings: {row['settings']}"] if row["settings"] else []
    excluded = f" ({row['excluded']} excluded)" if row["excluded"] else ""
    lines.append(f"set: {row['dataset']}, {counted(row['files'], 'file')} with captions{excluded}")
    return "\n".join([*lines, *(f"note: {remark}" for remark in remarks_of(row["note"]))])
