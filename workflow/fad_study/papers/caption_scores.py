"""The CLAP score beside metrics of two data sets: what a paper says of it, and its rows in their form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fad_core.errors import FadError
from fad_core.metrics import Metric, MetricValue, Need, get_metric
from fad_core.metrics.base import CLAP_SCORE_NAME
from fad_core.metrics.interval_options import IntervalOptions
from fad_core.util.formatting import remarks_of

Row = Mapping[str, Any]


def _compute(*_: object) -> MetricValue:
    raise FadError(f"{CLAP_SCORE_NAME} is not computed from two data sets")


_CLAP_SCORE = Metric(
    "CLAP score",
    "CLAP score",
    symmetric=False,
    needs=(Need("vectors", role="evaluation"),),
    compute=_compute,
    options=IntervalOptions,
    higher_is_better=True,
    interval="of the mean over files, by Student's t",
)


def metric_of(name: str) -> Metric:
    """Return what is known of a metric of two data sets, or of the CLAP score."""
    return _CLAP_SCORE if name == CLAP_SCORE_NAME else get_metric(name)


def caption_rows(
    scores: Iterable[Row], pairs: Iterable[tuple[str, str]], distances: Iterable[Row] = ()
) -> Iterator[dict[str, Any]]:
    """Yield CLAP scores in the form of a DISTANCES table.

    Args:
        scores: rows of a CLAP_SCORE table, with their numbers of files that were `padded`.
        pairs: (reference, evaluation), the pairs that are rows of the table: the score of a set is in each of
            its rows. A set that is never evaluated has a row as its own reference, or without one ("") if it
            is in no pair.
        distances: rows of the DISTANCES table that they stand beside, where remarks on a set begin with its
            name: the same remark is then worded alike.
    """
    references: dict[str, list[str]] = {}
    compared_with = set()
    for reference, evaluation in pairs:
        references.setdefault(evaluation, []).append(reference)
        compared_with.add(reference)
    known = {remark for row in distances for remark in remarks_of(row["note"])}
    for row in scores:
        name = row["dataset"]
        # A label may hold what divides remarks.
        named = {remark: f"{name.replace(';', ',')}: {remark}" for remark in remarks_of(row["note"])}
        note = "; ".join(text if text in known else remark for remark, text in named.items())
        for reference in references.get(name, [name if name in compared_with else ""]):
            yield {
                **row,
                "reference": reference,
                "evaluation": name,
                "metric": CLAP_SCORE_NAME,
                "metric_settings": "",
                "note": note,
                "corrected": None,
                "n_reference": row["files"],
                "n_evaluation": row["files"],
            }
