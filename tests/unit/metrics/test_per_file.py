"""Scores of single files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad_core.errors import ArgumentError
from fad_core.metrics.base import SetVectors
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.kernels import GaussianKernel, kernel_distance
from fad_core.metrics.pairwise import BLOCK, median_distance
from fad_core.metrics.per_file import FileScore, per_file_scores
from fad_core.metrics.statistics import Statistics


def vectors(seed: int, counts: list[int], dimension: int = 3, mean: float = 0.0) -> SetVectors:
    random = np.random.default_rng(seed)
    return SetVectors.of(
        (f"{place}.wav", random.normal(mean, 1, (count, dimension)).astype(np.float32))
        for place, count in enumerate(counts)
    )


def scores_of(reference: SetVectors, evaluation: SetVectors) -> dict[str, FileScore]:
    scores = per_file_scores(Statistics.from_embeddings(reference.vectors), reference, evaluation)
    assert [score.nearest for score in scores] == sorted((score.nearest for score in scores), reverse=True)
    return {score.file: score for score in scores}


@given(st.integers(0, 10**6), st.lists(st.integers(1, 4), min_size=3, max_size=6))
def test_they_are_what_their_definitions_say(seed: int, counts: list[int]):
    reference, evaluation = vectors(seed, [3, 1, 2]), vectors(seed + 1, counts, mean=1.0)
    scores = scores_of(reference, evaluation)
    kernel = GaussianKernel(1 / (2 * median_distance(reference.vectors) ** 2))
    whole = kernel_distance(reference, evaluation, kernel).corrected
    parts = np.split(evaluation.vectors, np.cumsum(counts)[:-1])
    for place, (file, part) in enumerate(zip(evaluation.files, parts, strict=True)):
        distances = np.linalg.norm(part[:, None].astype(float) - reference.vectors[None], axis=2)
        score = scores[file]
        assert (score.vectors, score.nearest) == (
            len(part),
            pytest.approx(distances.min(axis=1).mean(), rel=1e-7),
        )
        others = [
            pair for other, pair in enumerate(zip(evaluation.files, parts, strict=True)) if other != place
        ]
        without = kernel_distance(reference, SetVectors.of(others), kernel).corrected
        assert whole is not None and without is not None
        assert score.kad == pytest.approx(100 * (whole - without), abs=1e-9)
        if len(part) < 2:
            assert score.fad is None
        else:
            both = (Statistics.from_embeddings(each) for each in (reference.vectors, part))
            assert score.fad == frechet_distance(*both).value


def test_the_nearest_vector_is_found_across_blocks_and_is_zero_for_a_copy():
    reference = vectors(0, [BLOCK + 7, 5])
    copied = SetVectors.of(
        [("near.wav", reference.vectors[[BLOCK + 3, 2]]), ("far.wav", reference.vectors[:1] + 9)]
    )
    scores = scores_of(reference, copied)
    assert scores["near.wav"].nearest == 0 < scores["far.wav"].nearest
    assert scores["far.wav"].kad is None  # two files


def test_an_outlier_is_the_farthest():
    evaluation = vectors(1, [4] * 9)
    moved = evaluation.vectors.copy()
    moved[8:12] += 5
    evaluation = SetVectors(evaluation.files, evaluation.counts, moved)
    scores = scores_of(vectors(0, [4] * 9), evaluation)
    for name in ("nearest", "fad"):
        assert max(scores, key=lambda file: getattr(scores[file], name)) == "2.wav"


def test_sets_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="dimensions"):
        scores_of(vectors(0, [3, 3]), vectors(1, [3, 3], dimension=2))
