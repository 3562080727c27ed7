"""What the methods paragraph says of metrics: how values, intervals and letters were made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from fad_core.metrics import Metric, choose_metric
from fad_core.models.use import ModelUse
from fad_study.papers.cells import listed, merged, titled
from fad_study.papers.citations import cite
from fad_study.papers.legend import level_of
from fad_study.ranking import ALPHA

Row = Mapping[str, Any]

_LOGITS = "logits"


def metric_sentences(
    models: Mapping[str, ModelUse], distances: Sequence[Row], ranking: Sequence[Row]
) -> Iterator[str]:
    """Yield sentences on how values, intervals and letters were made.

    Args:
        models: by their names in the study.
        distances: rows of a DISTANCES table, at least one.
        ranking: rows of a RANKING table.
    """
    chosen = {key: choose_metric(key) for key in map(_key, distances)}

    def names(keys: Collection[str], name: Callable[[Metric], str]) -> dict[str, str]:
        """Return names of metrics, with the models where others have other settings, by the metrics' ids."""
        found = {}
        for key in keys:
            metric = chosen[key].metric
            rows = [row for row in distances if row["metric"] == metric.name]
            own = dict.fromkeys(row["model"] for row in rows if _key(row) in keys)
            apart = any(_key(row) not in keys for row in rows)
            found[metric.name] = name(metric) + (f" by {listed(list(own))}" if apart else "")
        return found

    def labels(keys: Collection[str]) -> str:
        return listed(list(names(keys, lambda metric: metric.label).values()))

    for keys, how in merged(list(chosen), lambda key: chosen[key].computed):
        named = names(keys, titled)
        cited = merged(list(named), lambda metric: cite(metric))
        titles = listed([listed([named[each] for each in some]) + citation for some, citation in cited])
        were = "were" if len(named) > 1 else "was"
        yield f"{titles} {were} computed by fad-core{cite('fad_core')} {how}."
    yield from _class_sentences(models, distances)
    settings = [f"{labels([key])} with {each.settings}" for key, each in chosen.items() if each.settings]
    if settings:
        yield f"Settings that differ from the defaults: {listed(settings)}."
    bounded = dict.fromkeys(_key(row) for row in distances if row["ci_low"] is not None)
    intervals = merged(list(bounded), lambda key: (level_of(chosen[key]), chosen[key].metric.interval))
    for keys, (level, interval) in intervals:
        text = f"{level}confidence intervals of {labels(keys)} are {interval}."
        yield f"{text[0].upper()}{text[1:]}"
    if any(row["letters"] for row in ranking):
        yield (
            "Systems were compared with each other by two-sided permutation tests that swap their labels on "
            f"files, with p adjusted by Holm's method{cite('holm')} over all pairs of systems of a model, "
            f"metric and reference; systems that share a letter{cite('letters')} have p > {ALPHA}."
        )


def _key(row: Row) -> str:
    return f"{row['metric']} {row['metric_settings']}".strip()


def _class_sentences(models: Mapping[str, ModelUse], distances: Sequence[Row]) -> Iterator[str]:
    """Yield the number of classes of the models whose logits are used."""
    used = dict.fromkeys(
        row["model"]
        for row in distances
        if any(need.output == _LOGITS for need in choose_metric(row["metric"]).metric.needs)
    )
    for some, count in merged(list(used), lambda name: models[name].model.outputs[_LOGITS]):
        yield f"The logits of {listed(some)} are those of {count} classes."
