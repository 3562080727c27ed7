"""The caption of the table of distances and CLAP scores, and the notes on the whole table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fad_core.metrics import ChosenMetric
from fad_core.metrics.base import CLAP_SCORE_NAME
from fad_core.util.formatting import weights_text
from fad_study.papers.caption_scores import metric_of
from fad_study.papers.cells import Compared, Key, Row, key_of, listed, merged, titled
from fad_study.ranking import ALPHA, UNRANKED

Cells = Mapping[Key, Compared]
SameCounts = Mapping[tuple[str, bool], str]
"""Numbers of vectors that are the same in all rows, by model and whether they are of its CLAP score."""


def caption_of(rows: Sequence[Row], cells: Cells, place: str) -> Iterator[str]:
    """Yield the sentences of the caption.

    Args:
        rows: of a DISTANCES table, and of CLAP scores in its form.
        cells: the numbers that are made of them.
        place: what the values that are compared with each other stand in, such as a column.
    """
    metrics = list(dict.fromkeys(metric for _, metric, _, _ in cells))
    references = list(dict.fromkeys(key[2] for key in cells if metric_of(key[1]).needs_reference))
    models = {model for model, _, _, _ in cells}
    parts = [
        [name for name in metrics if metric_of(name).needs_reference == wanted] for wanted in (True, False)
    ]
    compared, alone = (listed([titled(metric_of(name)) for name in part]) for part in parts)
    by = f" by {models.pop()}" if len(models) == 1 and metrics[1:] else ""
    if compared:
        compared += f"{by} from {'each reference' if len(references) > 1 else references[0]}"
    else:
        alone += by
    yield f"{', with '.join(filter(None, (compared, alone)))}; {_better(metrics)}."
    numbers = [cell.number for cell in cells.values()]
    if any(number.best for number in numbers):
        alike = ", with all that cannot be told from it" if any(n.best and n.letters for n in numbers) else ""
        yield f"The best of each {place} is in bold{alike}."
    yield from weights_sentences(rows)


def notes_on(cells: Cells, ranking: Sequence[Row], place: str, same: SameCounts) -> Iterator[str]:
    """Yield sentences on what is in the whole table.

    Args:
        cells: the numbers of the table.
        ranking: rows of a RANKING table.
        place: what the values that are compared with each other stand in, such as a column.
        same: the numbers of vectors that stand in no column (`same_counts`).
    """
    metrics = list(dict.fromkeys(metric for _, metric, _, _ in cells))
    if metrics != [CLAP_SCORE_NAME]:
        what = "embedding vectors" + ("" if place == "row" else ", reference : evaluated set")
        yield f"n: number of {what}{_counts(same, cells, captions=False)}."
    if CLAP_SCORE_NAME in metrics:
        of = " of the CLAP score" if metrics[1:] else ""
        yield f"n{of}: number of files with captions{_counts(same, cells, captions=True)}."
    tested = {metric for (_, metric, _, _), cell in cells.items() if cell.number.letters}
    marked = {metric for (_, metric, _, _), cell in cells.items() if cell.number.best}
    if tested:
        yield (
            f"Values of a {place} that share a letter cannot be told apart (permutation test, "
            f"p > {ALPHA} after Holm's adjustment)."
        )
    by = dict.fromkeys(row["metric"] for row in ranking if row["ranked_by"] == "corrected")
    if by:
        yield f"The best by {_labels(by)} are so by values without bias, since sets have different n."
    unranked = dict.fromkeys(key_of(row)[:2] for row in ranking if row["rank"] is None)
    if unranked:
        names = [f"{metric_of(metric).label} of {model}" for model, metric in unranked]
        yield f"Systems are not ranked by {listed(names)}: {UNRANKED}."
    if untested := [metric for metric in metrics if metric in marked - tested]:
        yield f"Differences{f' in {_labels(untested)}' if tested else ''} were not tested."
    yield from _bracket_notes(cells)


def _bracket_notes(cells: Cells) -> Iterator[str]:
    """Yield a sentence on intervals, if there are any."""
    chosen = {
        (metric, cell.rows[0]["metric_settings"])
        for (_, metric, _, _), cell in cells.items()
        if cell.number.ends is not None
    }
    if not chosen:
        return
    levels = {level_of(ChosenMetric.of(metric_of(name), settings)) for name, settings in chosen}
    bounded = {name for name, _ in chosen}
    biased = [text for text in (metric_of(name).bias for name in sorted(bounded)) if text]
    of_files = "of the mean over files"
    aside = f", {listed(biased)}" if biased else ""
    of = f"of the value in the populations{aside}" if bounded - {CLAP_SCORE_NAME} else of_files
    apart = f"; of the CLAP score, {of_files}" if CLAP_SCORE_NAME in bounded and of != of_files else ""
    yield f"Brackets: {levels.pop() if len(levels) == 1 else ''}confidence interval {of}{apart}."


def _labels(metrics: Iterable[str]) -> str:
    return listed([metric_of(name).label for name in metrics])


def same_counts(cells: Cells) -> SameCounts:
    """Return the numbers of vectors that are the same in all rows, which need no column.

    Args:
        cells: the numbers of the table.
    """
    found: dict[tuple[str, bool], set[str]] = {}
    for (model, metric, _, _), cell in cells.items():
        found.setdefault((model, metric == CLAP_SCORE_NAME), set()).add(cell.vectors)
    return {key: counts.pop() for key, counts in found.items() if len(counts) == 1}


def _counts(same: SameCounts, cells: Cells, *, captions: bool) -> str:
    """Return the numbers of vectors of models, in brackets; "" if they are in columns."""
    models = dict.fromkeys(model for model, metric, _, _ in cells if (metric == CLAP_SCORE_NAME) == captions)
    by = merged([model for model in models if (model, captions) in same], lambda model: same[model, captions])
    texts = [count if len(some) == len(models) else f"{count} by {listed(some)}" for some, count in by]
    return f" ({'; '.join(texts)})" if texts else ""


def draw_notes(repeats: Sequence[Row], groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a sentence on spreads, if there are groups of draws."""
    if repeats:
        count = sorted({row["draws"] for row in repeats})
        draws = f"{count[0]}" if len(count) == 1 else f"{count[0]} to {count[-1]}"
        yield f"± is the standard deviation over {draws} draws ({', '.join(groups)})."


def level_of(chosen: ChosenMetric) -> str:
    """Return the confidence level of a metric's intervals, as in "95 % "; "" if it has no such option."""
    level = getattr(chosen.options, "level", None)
    return "" if level is None else f"{100 * level:g} % "


def _better(metrics: Sequence[str]) -> str:
    higher = [metric for metric in metrics if metric_of(metric).higher_is_better]
    if not higher:
        return "smaller is better"
    return (
        f"larger is better for {_labels(higher)}, smaller for the others"
        if higher != metrics
        else "larger is better"
    )


def weights_sentences(rows: Sequence[Row]) -> list[str]:
    """Return sentences that name the weights of the rows, each once."""
    models: dict[str, list[str]] = {}
    for row in rows:
        names = models.setdefault(row["weights"], [])
        if row["model"] not in names:
            names.append(row["model"])
    if len(models) == 1:
        text = weights_text(next(iter(models)))
        return [f"{text[0].upper()}{text[1:]}."]
    return [f"{', '.join(names)}: {weights_text(weights)}." for weights, names in models.items()]
