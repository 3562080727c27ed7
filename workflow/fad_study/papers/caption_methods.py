"""Sentences on the CLAP score for the methods section of a paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fad_core.embedding.clap_score import SEVERAL_NOTE
from fad_core.metrics.base import CLAP_SCORE_NAME
from fad_core.metrics.interval_options import IntervalOptions
from fad_core.models import text_model_of
from fad_core.models.base import EmbeddingModel
from fad_core.models.use import ModelUse
from fad_study.papers.caption_scores import metric_of
from fad_study.papers.cells import by_set, listed, merged
from fad_study.papers.citations import cite
from fad_study.versions import versions

Row = Mapping[str, Any]

_ENCODERS = {"roberta-base": ("RoBERTa", "roberta"), "gpt2": ("GPT-2", "gpt2")}
"""Names and citations of text encoders, by the names of their vocabularies."""


def caption_sentences(models: Mapping[str, ModelUse], scores: Sequence[Row]) -> Iterator[str]:
    """Yield sentences on how the CLAP score was computed: formula, files, text encoder, tokens, intervals.

    Args:
        models: by their names in the study.
        scores: rows of a CLAP_SCORE table, at least one.
    """
    several = any(SEVERAL_NOTE in row["note"] for row in scores)
    what = "its captions, averaged by file" if several else "its caption"
    yield (
        f"The CLAP score{cite(CLAP_SCORE_NAME)} was computed by fad-core{cite('fad_core')} as the mean "
        f"cosine of the vectors of each file and of {what}, neither clipped at 0 nor scaled."
    )
    by_model = {name: [row for row in scores if row["model"] == name] for name in models}
    names = [name for name, rows in by_model.items() if rows]
    counts = merged(names, lambda name: by_set(by_model[name], [row["files"] for row in by_model[name]]))
    texts = [f"{text} by {listed(some)}" if counts[1:] else text for some, text in counts]
    yield f"Its n is the number of files with captions: {'; '.join(texts)}."
    encoders = merged(names, lambda name: _encoder(models[name].model, by_model[name][0]["weights"]))
    for some, (before, after) in encoders:
        of = f" for {listed(some)}" if encoders[1:] else ""
        yield f"Captions{of} were {before}embedded by the text half of the same checkpoint{after}."
    if any(row["ci_low"] is not None for row in scores):
        yield (
            f"{100 * IntervalOptions().level:g} % confidence intervals of the CLAP score are "
            f"{metric_of(CLAP_SCORE_NAME).interval}."
        )


def _encoder(model: EmbeddingModel, weights: str) -> tuple[str, str]:
    """Return what is known of the text half of a model: how it reads captions, and its network."""
    config = text_model_of(model).tokenizer
    if (encoder := _ENCODERS.get(config.files[0].folder)) is None:
        return "", ""
    name, key = encoder
    vocabulary = "a minimal vocabulary" if weights == "seeded" else f"{name}'s vocabulary"
    cut = f"cut after {config.longest} tokens, start and end included, and " if config.ends else "and "
    comma = "," if config.ends else ""
    return (
        f"divided into tokens of {vocabulary} by tokenizers {dict(versions())['tokenizers']}{comma} {cut}",
        f": {name}{cite(key)} with a projection",
    )
