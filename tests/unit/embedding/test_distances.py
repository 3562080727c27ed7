"""Rows of the distance table, and what they refuse to compare."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import FileDecision
from fad_core.datasets.scan import FileRecord
from fad_core.embedding.distances import SCALAR_NOTE, SEEDED_NOTE, distance_row
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.errors import ConfigError, DatasetError, FadError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey
from fad_core.tables import DISTANCES

FEW_NOTE = "fewer than 50 files in a set: a small sample"


def embedded(name: str, vectors: int = 20, seed: int = 0, **changes) -> EmbeddedSet:
    statistics = Statistics.from_embeddings(np.random.default_rng(seed).normal(size=(vectors, 3)))
    facts = {"model": "m", "weights": "official", "weights_sha256": "ab" * 32, "settings": ""}
    key = ModelKey(**{part: changes.pop(part, value) for part, value in facts.items()})
    made = EmbeddedSet(name, key, {"embedding": statistics}, SetCounts(5, 1, 2, 9.5))
    return replace(made, **changes)


def decision(status: str, seconds: float) -> FileDecision:
    record = FileRecord("a.wav", "", 0, "", "", 16000, 1, int(16000 * seconds), seconds, "ok", "")
    return FileDecision(record, status, "")


def test_a_row_has_the_tables_columns_and_the_metrics_value():
    reference, evaluation = embedded("a", 20, 1), embedded("b", 30, 2, counts=SetCounts(7, 0, 3, 1.0))
    row = distance_row(reference, evaluation, "fad ci=none")
    assert list(row) == list(DISTANCES.names)
    assert row["value"] == frechet_distance(reference.statistics_of(), evaluation.statistics_of()).value > 0
    assert (row["reference"], row["evaluation"]) == ("a", "b")
    assert (row["n_reference"], row["n_evaluation"]) == (20, 30)
    assert (row["files"], row["padded"], row["excluded"]) == (12, 1, 5)
    assert row["note"] == FEW_NOTE


def test_vectors_of_one_dimension_are_scalars_only_as_the_original_makes_them():
    single = {"embedding": Statistics.from_embeddings(np.random.default_rng(0).normal(size=(20, 1)))}
    for settings, noted in (("", False), ("crop=first compatibility=frechet-audio-distance", True)):
        sets = [embedded(name, settings=settings, statistics=single) for name in "ab"]
        assert (SCALAR_NOTE in distance_row(*sets, "fad")["note"]) == noted


def test_seeded_weights_and_few_vectors_are_noted():
    sets = [embedded(name, 3, seed, weights="seeded") for seed, name in enumerate("ab")]
    note = distance_row(*sets, "fad")["note"]
    assert SEEDED_NOTE in note
    assert frechet_distance(*(item.statistics_of() for item in sets)).note in note != SEEDED_NOTE


@pytest.mark.parametrize(
    "changes", [{"model": "other"}, {"weights": "seeded"}, {"weights_sha256": "cd" * 32}], ids=str
)
def test_sets_of_different_models_or_weights_are_not_compared(changes):
    with pytest.raises(
        FadError, match=r"a was embedded by m \(official weights abab.*, b by .* cannot be compared"
    ):
        distance_row(embedded("a"), embedded("b", seed=1, **changes), "fad")


def test_one_vector_is_too_few():
    with pytest.raises(DatasetError, match="data set b: m computes 1 embedding vector from it"):
        distance_row(embedded("a"), embedded("b", 1), "fad")


def test_an_unknown_metric_is_told():
    with pytest.raises(
        ConfigError, match=r"there is no metric 'fed'\. Did you mean 'fad'\? Metrics: coverage"
    ):
        distance_row(embedded("a"), embedded("b"), "fed")


def test_counts_are_of_what_was_embedded():
    decisions = [decision("used", 1.5), decision("padded", 0.25), decision("excluded", 100.0)]
    assert SetCounts.of(decisions, 16000) == SetCounts(
        files=2, padded=1, excluded=1, seconds=1.75, rates=((16000, 2),)
    )
    assert SetCounts.of([], 16000) == SetCounts.total([]) == SetCounts(0, 0, 0, 0.0)


@given(
    seconds=st.lists(st.floats(0, 4000).map(lambda value: round(value * 44100) / 44100), max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=3),
)
def test_a_sum_does_not_show_how_it_was_divided(seconds: list[float], cuts: list[int]):
    decisions = [decision("used", value) for value in seconds]
    places = [0, *sorted(min(cut, len(decisions)) for cut in cuts), len(decisions)]
    parts = [SetCounts.of(decisions[a:b], 16000) for a, b in pairwise(places)]
    whole, total = SetCounts.of(decisions, 16000), SetCounts.total(parts)
    assert total == replace(whole, seconds=total.seconds)
    assert total.seconds == whole.seconds


def test_what_a_set_sounds_like_stands_beside_the_score():
    counts = SetCounts(
        5, 0, 0, 9.5, doubtful=1, doubt_seconds=0.0125, loud=2, peak=32767.0, silent=1, constant=3
    )
    note = distance_row(embedded("a", counts=counts), embedded("b", seed=1), "fad ci=none")["note"]
    assert note.split("; ") == [
        "a: 1 file of doubtful length (0.0125 s missing or ignored)",
        "a: 2 files with peaks above 4, up to 3.277e+04, where values within ±1 are expected",
        "a: 1 file silent throughout",
        "a: 3 files with one constant value throughout (DC)",
        FEW_NOTE,
    ]


def test_the_same_sound_in_both_sets_or_twice_in_one_stands_beside_the_score():
    sets = [
        embedded(name, seed=seed, counts=SetCounts(3, 0, 0, 1.0, sounds=sounds))
        for seed, (name, sounds) in enumerate({"a": (1, 2, 2), "b": (2, 3, 4)}.items())
    ]
    assert distance_row(*sets, "fad ci=none")["note"].split("; ") == [
        "a: 1 file with the same sound as another file of the set",
        "1 sound in both sets: the sets are not independent samples",
        FEW_NOTE,
    ]
    assert distance_row(sets[1], sets[1], "fad ci=none")["note"].startswith("3 sounds in both sets")


@pytest.mark.parametrize(
    ("files", "vectors", "said"),
    [
        ((49, 60), (60, 60), [FEW_NOTE]),
        ((50, 499), (60, 599), []),
        ((500, 50), (60, 60), ["sets of very different size: at least 10 times as many files"]),
        ((50, 50), (600, 60), ["sets of very different size: at least 10 times as many vectors"]),
        ((50, 500), (60, 600), ["sets of very different size: at least 10 times as many files"]),
        ((None, 49), (60, 60), [FEW_NOTE]),
        ((None, 50), (600, 60), ["sets of very different size: at least 10 times as many vectors"]),
    ],
)
def test_small_sets_and_sets_of_very_different_size_stand_beside_the_score(files, vectors, said):
    sets = [
        embedded(name, count, seed, counts=SetCounts(number, 0, 0, 1.0) if number else None)
        for seed, (name, number, count) in enumerate(zip("ab", files, vectors, strict=True))
    ]
    for pair in (sets, sets[::-1]):
        note = distance_row(*pair, "fad ci=none")["note"]
        assert note.split("; ") == (said or [""])


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (
            {8000: 5},
            {16000: 5},
            "0% of one set's files and 100% of the other's have 16000 Hz or more, and a file holds no",
        ),
        (
            {16000: 1, 44100: 99},
            {16000: 99, 44100: 1},
            "1% of one set's files and 99% of the other's have 44100 Hz",
        ),
        ({16000: 5, 44100: 99}, {44100: 100}, ""),  # some odd files are no matter
        ({8000: 3, 16000: 3}, {8000: 4, 16000: 4}, ""),
        ({}, {16000: 5}, ""),
    ],
)
def test_unlike_sample_rates_stand_beside_the_score(ours, theirs, said):
    sets = [
        embedded(name, counts=SetCounts(200, 0, 0, 1.0, rates=tuple(rates.items())))
        for name, rates in {"a": ours, "b": theirs}.items()
    ]
    note = distance_row(*sets, "fad")["note"]
    assert note.startswith(f"sample rates differ: {said}") if said else note == ""


def test_many_pairs_have_few_notes_of_sample_rates():
    sets = [
        embedded(str(place), counts=SetCounts(9, 0, 0, 1.0, rates=((16000 if place % 2 else 44100, 9),)))
        for place in range(10)
    ]
    notes = {distance_row(a, b, "fad")["note"] for a in sets for b in sets}
    assert len(notes) == 2  # none, and one for both orders


def test_notes_of_several_parts_name_their_set_in_each():
    sets = [embedded("a; b", note="first; second"), embedded("c")]
    assert distance_row(*sets, "fad")["note"].split("; ")[:2] == ["a, b: first", "a, b: second"]


def test_rates_above_the_models_do_not_count():
    record = replace(decision("used", 1.0).record, sample_rate=44100)
    counts = SetCounts.of([FileDecision(record, "used", ""), decision("used", 1.0)], 16000)
    assert counts.rates == ((16000, 2),)
    assert SetCounts.total([counts, counts]).rates == ((16000, 4),)
