"""A paragraph for the methods section of a paper: how the numbers of a study were computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from fad_core.metrics import Metric, get_metric
from fad_core.models.use import ModelUse
from fad_core.util.formatting import counted, duration, weights_text
from fad_study.correlations import GLOBAL, SYSTEM_MEANS
from fad_study.paper_options import CorrelationChoice
from fad_study.papers.cells import remarks
from fad_study.versions import versions

Row = Mapping[str, Any]

_HASH_DIGITS = 16
_SETS_LISTED = 12
_PRINTED = ("fad_core", "Python", "torch", "numpy", "scipy", "libsndfile", "resampy")


def distance_sentences(
    models: Mapping[str, ModelUse], distances: Sequence[Row], datasets: Sequence[Row]
) -> Iterator[str]:
    """Yield sentences on how distances were computed: models, weights, rates, resampler, clips.

    Args:
        models: by their names in the study.
        distances: rows of a DISTANCES table.
        datasets: rows of a DATASETS table.
    """
    metrics = dict.fromkeys(row["metric"] for row in distances)
    titles = [_title(get_metric(metric)) for metric in metrics]
    title = " and ".join([", ".join(titles[:-1]), titles[-1]] if titles[1:] else titles)
    verb = "were" if titles[1:] else "was"
    yield f"{title} {verb} computed with fad_core, from all embedding vectors of each set of clips."
    first = {row["model"]: row for row in reversed(distances)}
    for name in first:
        yield from _model_sentences(name, models[name], first[name])
        yield _clips_sentence([row for row in datasets if row["model"] == name])
        yield from _warnings(name, [row for row in distances if row["model"] == name])
    yield "Audio was resampled to each model's rate by resampy (kaiser_best)."
    seeded = [name for name, row in first.items() if row["weights"] == "seeded"]
    if seeded:
        yield (
            f"Warning: the weights of {', '.join(seeded)} are seeded, a deterministic fill and not a "
            "published model: these numbers show that the computation runs, and must not be reported as "
            "results."
        )


def correlation_sentences(choice: CorrelationChoice, seed: int, correlations: Sequence[Row]) -> Iterator[str]:
    """Yield sentences on how correlations were computed.

    Args:
        choice: what was correlated.
        seed: seed of the resamples.
        correlations: rows of a CORRELATIONS table.
    """
    embeddings = counted(len({row["embedding"] for row in correlations}), "embedding")
    criteria = dict.fromkeys(row["criterion"] for row in correlations)
    pools = (GLOBAL, SYSTEM_MEANS)
    categories = dict.fromkeys(row["category"] for row in correlations if row["category"] not in pools)
    yield (
        f"Distances computed with {embeddings} were correlated with listeners' ratings "
        f"({', '.join(criteria)}) of the same systems (Pearson, Spearman, Kendall's tau-b): pooled over all "
        f"pairs of a system and a category of sound ({', '.join(categories)}), of the systems' means over "
        "these, and within each of them."
    )
    yield (
        f"Intervals are the central {100 * choice.confidence:g} % of {choice.resamples:,} bootstrap "
        f"resamples of the systems (seed {seed}), each drawn with all its categories."
    )


def version_sentence() -> str:
    """Return a sentence with the versions of this package and of those that it runs on."""
    known = dict(versions())
    return f"Versions: {', '.join(f'{name} {known[name]}' for name in _PRINTED)}."


def _title(metric: Metric) -> str:
    """Return the title of a metric, with its abbreviation if it has one."""
    return f"{metric.title} ({metric.label})" if metric.label.isupper() else metric.title


def _model_sentences(name: str, use: ModelUse, row: Row) -> Iterator[str]:
    model = use.model
    named = {1: "mono, the mean of all channels", 2: "stereo"}
    channels = named.get(model.channels, f"with {model.channels} channels")
    called = name if name == model.name else f"{name} ({model.name})"
    used = f", used with {row['settings']}" if row["settings"] else ""
    yield (
        f"{called}: {weights_text(row['weights'])}, sha256 {row['weights_sha256'][:_HASH_DIGITS]}…; "
        f"{model.sample_rate} Hz {channels}; vectors of {model.dimension} dimensions{used}."
    )
    if use.takes_scalars:
        yield (
            f"All components of {name}'s vectors were treated as one sample of scalars, as "
            "frechet-audio-distance does: these are distances between one-dimensional Gaussians."
        )


def _warnings(name: str, rows: Sequence[Row]) -> Iterator[str]:
    """Yield the remarks on a model's distances, each with the number of distances that have it."""
    found = [remarks([row]) for row in rows]
    for remark in dict.fromkeys(chain.from_iterable(found)):
        count = sum(remark in each for each in found)
        yield f"Warning for {count} of {counted(len(rows), 'distance')} with {name}: {remark}."


def _clips_sentence(rows: Sequence[Row]) -> str:
    used = [row["used"] + row["padded"] for row in rows]
    vectors = [row["vectors"] for row in rows]
    if len(rows) <= _SETS_LISTED:
        sets = zip(rows, used, vectors, strict=True)
        listed = ", ".join(f"{row['dataset']} {count} (n = {n})" for row, count, n in sets)
    else:
        listed = f"{min(used)} to {max(used)} a set (n = {min(vectors)} to {max(vectors)})"
    seconds = duration(sum(row["seconds"] for row in rows))
    padded, excluded = (sum(row[key] for row in rows) for key in ("padded", "excluded"))
    return (
        f"It embedded {counted(sum(used), 'clip')} ({seconds}) of {counted(len(rows), 'set')} as n vectors: "
        f"{listed}; "
        f"{padded} were padded with zeros to the shortest length it accepts, {excluded} excluded."
    )
