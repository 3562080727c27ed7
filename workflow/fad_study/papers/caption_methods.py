"""Sentences on the CLAP score for the methods section of a paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fad_core.metrics.interval_options import IntervalOptions
from fad_core.models.clap.constants import LONGEST_CAPTION
from fad_core.models.use import ModelUse
from fad_core.tables.caption_schemas import CLAP_SCORE_NAME
from fad_study.papers.cells import by_set, listed, merged
from fad_study.papers.citations import cite
from fad_study.versions import versions

Row = Mapping[str, Any]


def caption_sentences(models: Mapping[str, ModelUse], scores: Sequence[Row]) -> Iterator[str]:
    """Yield sentences on how the CLAP score was computed: formula, files, text encoder, tokens, intervals.

    Args:
        models: by their names in the study.
        scores: rows of a CLAP_SCORE table, at least one.
    """
    yield (
        f"The CLAP score{cite(CLAP_SCORE_NAME)} was computed by fad-core{cite('fad_core')} as the mean "
        "cosine of the vectors of each file and of its caption, neither clipped at 0 nor scaled."
    )
    by_model = {name: [row for row in scores if row["model"] == name] for name in models}
    names = [name for name, rows in by_model.items() if rows]
    counts = merged(names, lambda name: by_set(by_model[name], [row["files"] for row in by_model[name]]))
    texts = [f"{text} by {listed(some)}" if counts[1:] else text for some, text in counts]
    yield f"Its n is the number of files with captions: {'; '.join(texts)}."
    encoders = merged(names, lambda name: _encoder(models[name].model.family, by_model[name][0]["weights"]))
    for some, (before, after) in encoders:
        of = f" for {listed(some)}" if encoders[1:] else ""
        yield f"Captions{of} were {before}embedded by the text half of the same checkpoint{after}."
    if any(row["ci_low"] is not None for row in scores):
        yield (
            f"{100 * IntervalOptions().level:g} % confidence intervals of the CLAP score are of the mean "
            "over files, by Student's t."
        )


def _encoder(family: str, weights: str) -> tuple[str, str]:
    """Return what is known of the text half of a family of models: how it reads captions, and its network."""
    if family != "clap":
        return "", ""
    vocabulary = "a minimal vocabulary" if weights == "seeded" else "RoBERTa's vocabulary"
    return (
        f"divided into tokens of {vocabulary} by tokenizers {dict(versions())['tokenizers']}, cut after "
        f"{LONGEST_CAPTION} tokens, start and end included, and ",
        f": RoBERTa{cite('roberta')} with a projection",
    )
