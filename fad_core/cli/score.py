"""`fad score`: sets against one reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fad_core.cli.embedding import Embedding
from fad_core.cli.group import Command
from fad_core.cli.options import SET, assume_option, embedding_options, metrics_option, model_option
from fad_core.cli.output import (
    DIGITS,
    Form,
    Row,
    count_text,
    noted_table,
    output_options,
    print_row,
    print_rows,
    several_metrics,
    value_columns,
)
from fad_core.cli.sets import comparable_sets, require_different

if TYPE_CHECKING:
    from fad_core.embedding.embedded_set import EmbeddedSet


@click.command(
    cls=Command,
    examples=(
        "fad score audio/reference audio/system_a",
        "fad score audio/reference audio/system_a audio/system_b audio/system_c --sort",
        'fad score reference "generated/**/*.wav" --on-short-file pad --json',
        "fad score reference.npz audio/system_a --model clap-630k",
        "fad score audio/reference audio/system_a --metric kad --per-file files.csv",
    ),
)
@click.argument("reference", type=SET)
@click.argument("evaluations", metavar="EVALUATION...", nargs=-1, required=True, type=SET)
@click.option("--sort", is_flag=True, help="Sort the sets by the first metric, the best first.")
@click.option(
    "--per-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a table (.csv, .parquet) of how far each file of the evaluation sets is from the reference.",
)
@click.option(
    "--near-copies",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a table (.csv, .parquet) of files nearer to a reference file than these are to each other.",
)
@model_option
@metrics_option
@embedding_options
@assume_option
@output_options
@click.pass_context
def score(
    context: click.Context,
    reference: str,
    evaluations: tuple[str, ...],
    sort: bool,
    per_file: Path | None,
    near_copies: Path | None,
    model: str,
    metrics: tuple[str, ...],
    embedding: Embedding,
    assume_same_model: bool,
    form: Form,
) -> None:
    """Score one or several EVALUATION sets against the REFERENCE set.

    Each is a folder (searched recursively), a glob in quotes, one file, a list (@clips.txt,
    @clips.csv:column), embeddings (.npy, .parquet) as `fad embed` writes them, or a file of statistics
    (.npz, .parquet) as `fad stats` does. The first call with a model exports and verifies the model.

    For one set, all that is known is printed; for several, a table with a row for each (with --json, a
    list). The reference is embedded once.

    --per-file writes a row for each file of the evaluation sets, the farthest first: the distance of its
    vectors from the nearest ones of the reference, its influence on KAD, and its own FAD. Of a reference
    that is a file of statistics, only the last is known.

    --near-copies writes a row for each file of the evaluation sets that is nearer to a file of the reference
    than its files are to each other: it may be a copy. The scores note how many there are.
    """
    from fad_core.embedding.distances import distance_row
    from fad_core.errors import FadError
    from fad_core.metrics import choose_metric

    require_different(evaluations)
    for option, table in {"--per-file": per_file, "--near-copies": near_copies}.items():
        if table is not None and table.suffix not in (".csv", ".parquet"):
            raise click.BadParameter("the file must end in .csv or .parquet", param_hint=option)
    metrics = tuple(dict.fromkeys(metrics))
    computed = [choose_metric(metric) for metric in metrics]
    chosen = context.get_parameter_source("model") is not click.core.ParameterSource.DEFAULT
    names = list(dict.fromkeys((reference, *evaluations)))
    found = comparable_sets(
        names,
        [model] if chosen else [],
        embedding,
        computed,
        assume=assume_same_model,
        vectors_of=names if near_copies else evaluations if per_file else (),
    )
    if len(found) > 1:
        held = ", ".join(each[0].key.model for each in found)
        raise FadError(f"the files hold statistics of {held}: choose one with --model, or use fad compare")
    sets = dict(zip(names, found[0], strict=True))
    rows = [
        distance_row(sets[reference], sets[name], metric, partial=len(metrics) > 1)
        for metric in metrics
        for name in evaluations
    ]
    if per_file is not None:
        from fad_core.embedding.per_file import per_file_rows
        from fad_core.tables import PER_FILE, write_table

        of_files = [row for name in evaluations for row in per_file_rows(sets[reference], sets[name])]
        write_table(PER_FILE, of_files, per_file)
    if near_copies is not None:
        from fad_core.embedding.per_file import near_copy_rows
        from fad_core.tables import NEAR_COPIES, write_table

        near = {name: near_copy_rows(sets[reference], sets[name]) for name in evaluations}
        write_table(NEAR_COPIES, [row for each, _ in near.values() for row in each], near_copies)
        for row in rows:
            row["note"] = "; ".join(filter(None, (row["note"], near[row["evaluation"]][1])))
    if len(rows) == 1:
        print_row(rows[0], form, lambda: _text(rows[0], sets))
        return
    if sort:
        # By the first metric; the others keep the order of the sets.
        measures = [each.metric for each in computed]
        sign = -1 if measures[0].higher_is_better else 1
        best = sorted(
            rows[: len(evaluations)],
            key=lambda row: math.inf if row["value"] is None else sign * float(row["value"]),
        )
        order = [row["evaluation"] for row in best]
        by_metric = [measure.name for measure in measures]
        rows.sort(key=lambda row: (by_metric.index(row["metric"]), order.index(row["evaluation"])))
    print_rows(rows, form, lambda: _table(rows, sets))


def _table(rows: Sequence[Row], sets: Mapping[str, EmbeddedSet]) -> str:
    """Return the model and the reference, and a table with a row for each other set."""
    from fad_core.util.formatting import one_line

    names = [row["evaluation"] for row in rows]
    counts = [sets[name].counts for name in names]
    columns = {
        "evaluation": [one_line(name) for name in names],
        **value_columns(rows),
        "n": [count_text(row["n_evaluation"]) for row in rows],
        "files": [count_text(each and each.files) for each in counts],
    }
    for what in ("padded", "excluded"):
        if any(each and getattr(each, what) for each in counts):
            columns[what] = [count_text(each and getattr(each, what)) for each in counts]
    head = [*_model_lines(rows[0]), _set_line("reference", rows[0], sets), ""]
    return "\n".join(
        [*head, noted_table(columns, [row["note"] for row in rows], names=2 if several_metrics(rows) else 1)]
    )


def _text(row: Row, sets: Mapping[str, EmbeddedSet]) -> str:
    from fad_core.util.formatting import remarks_of, significant

    lines = [f"{row['metric']}: {significant(row['value'], DIGITS)}"]
    if row["corrected"] is not None:
        lines.append(f"corrected: {significant(row['corrected'], DIGITS)} (without its bias)")
    if row["ci_low"] is not None:
        ends = (significant(row[end], DIGITS) for end in ("ci_low", "ci_high"))
        lines.append(f"interval: {' to '.join(ends)} (of the populations' {row['metric']})")
    if row["metric_settings"]:
        lines.append(f"options: {row['metric_settings']}")
    lines += _model_lines(row)
    lines += [_set_line(side, row, sets) for side in ("reference", "evaluation")]
    lines += [f"note: {remark}" for remark in remarks_of(row["note"])]
    return "\n".join(lines)


def _model_lines(row: Row) -> list[str]:
    weights = (
        f"{row['weights']} weights {row['weights_sha256'][:8]}" if row["weights"] else "weights not named"
    )
    lines = [f"model: {row['model'] or 'not named'}, {weights}"]
    return [*lines, f"settings: {row['settings']}"] if row["settings"] else lines


def _set_line(side: str, row: Row, sets: Mapping[str, EmbeddedSet]) -> str:
    from fad_core.util.formatting import counted

    count, counts = row[f"n_{side}"], sets[row[side]].counts
    line = f"{side}: {row[side]}, {'an unknown number of' if count is None else count} vectors"
    if counts is None:
        return line
    others = [f"{counts.padded} padded"] * bool(counts.padded) + [f"{counts.excluded} excluded"] * bool(
        counts.excluded
    )
    return f"{line} of {counted(counts.files, 'file')}" + (f" ({', '.join(others)})" if others else "")
