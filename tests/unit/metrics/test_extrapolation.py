from __future__ import annotations

import numpy as np
import pytest
from vector_sets import VectorSet, vector_set

from fad_core.embedding.distances import distance_row
from fad_core.embedding.embedded_set import EmbeddedSet, FileEmbeddings
from fad_core.errors import ArgumentError, ConfigError, FadError
from fad_core.metrics import choose_metric
from fad_core.metrics.extrapolation import FadFit, FadPoint, _fit, extrapolate_fad
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey

UNIT = MeanCovariance.from_covariance(np.zeros(4), np.eye(4))


def test_a_line_is_found() -> None:
    fit = _fit([FadPoint(n, 2 + 30 / n) for n in (10, 20, 40, 80)])
    assert (fit.intercept, fit.slope, fit.r_squared) == pytest.approx((2, 30, 1))
    assert fit.standard_error == pytest.approx(0, abs=1e-12)


def test_the_fit_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    points = [FadPoint(n, float(rng.uniform())) for n in range(10, 30)]
    fit = _fit(points)
    (slope, intercept), covariance = np.polyfit(
        [1 / p.n for p in points], [p.fad for p in points], 1, cov=True
    )
    assert (fit.slope, fit.intercept) == pytest.approx((slope, intercept))
    assert fit.standard_error == pytest.approx(covariance[1, 1] ** 0.5)


def test_parts_are_whole_files_up_to_all_of_them() -> None:
    counts = tuple(1 + i % 3 for i in range(90))
    rows = np.repeat(np.random.default_rng(1).standard_normal((90, 4)), counts, axis=0)
    evaluation = vector_set(rows, counts)
    fit = extrapolate_fad(UNIT, evaluation, points=5, repeats=2)
    sizes = [point.n for point in fit.points]
    assert len(sizes) == 9 and sizes == sorted(sizes)
    assert sizes[-1] == sum(counts) and sizes[0] == pytest.approx(sum(counts) / 4, abs=2)
    whole = frechet_distance(UNIT, Statistics.from_embeddings(rows))
    assert fit.points[-1].fad == whole.value
    apart = np.diff([1 / n for n in sizes[:-1:2]])
    assert apart == pytest.approx(apart.mean(), rel=0.2)


def mean_of(sets: int, files: int, vectors: int) -> tuple[float, float]:
    """Means of FAD and FAD∞ of sets at a distance of 0."""
    fits: list[FadFit] = []
    for seed in range(sets):
        rng = np.random.default_rng(seed)
        rows = rng.standard_normal((files, 1, 4)) + rng.standard_normal((files, vectors, 4))
        rows = (rows / 2**0.5).reshape(-1, 4)
        fits.append(extrapolate_fad(UNIT, vector_set(rows, (vectors,) * files), seed=seed))
    fad, extrapolated = ([f.points[-1].fad for f in fits], [f.intercept for f in fits])
    return float(np.mean(fad)), float(np.mean(extrapolated))


@pytest.mark.parametrize("vectors", [1, 8])
def test_the_bias_of_the_evaluation_set_goes(vectors: int) -> None:
    fad, extrapolated = mean_of(sets=20, files=100, vectors=vectors)
    assert abs(extrapolated) < 0.35 * fad


def test_fadtk_draws_vectors_with_replacement() -> None:
    rows = np.random.default_rng(2).standard_normal((600, 4))
    fit = extrapolate_fad(UNIT, vector_set(rows), sampling="fadtk", seed=7)
    state = np.random.RandomState(7)
    sizes = [int(n) for n in np.linspace(500, 600, 25)]
    expected = []
    for size in sizes:
        drawn = rows[state.choice(600, size=size, replace=True)]
        expected.append(frechet_distance(UNIT, Statistics.from_embeddings(drawn)).value)
    assert [(point.n, point.fad) for point in fit.points] == list(zip(sizes, expected, strict=True))


def test_the_metric() -> None:
    rng = np.random.default_rng(3)
    sets = [VectorSet(vector_set(rng.standard_normal((100, 4)))) for _ in range(2)]
    value = choose_metric("fad-inf seed=3 points=6").compute(*sets)
    fit = extrapolate_fad(sets[0].statistics_of(), sets[1].vectors, seed=3, points=6)
    assert value.value == fit.intercept
    assert (value.ci_low, value.ci_high) == (None, None)
    assert value.note.startswith(
        f"no interval: the points of the line share vectors; 6 points, R² {fit.r_squared:.3f}"
    )
    assert choose_metric("fad-inf seed=4 points=6").compute(*sets).value != value.value
    assert [(n, fad) for n, fad, _ in value.points] == [(point.n, point.fad) for point in fit.points]
    n, _, fitted = value.points[0]
    assert fitted == fit.intercept + fit.slope / n


def test_of_the_reference_a_mean_and_a_covariance_suffice() -> None:
    key, rng = ModelKey("vggish", "seeded", "00b8a942", ""), np.random.default_rng(3)
    reference = EmbeddedSet("popular", key, {"embedding": UNIT})
    files = [
        FileEmbeddings(f"{k}.wav", np.zeros(1), {"embedding": rng.standard_normal((1, 4))})
        for k in range(100)
    ]
    statistics = Statistics.from_embeddings(np.concatenate([each.vectors["embedding"] for each in files]))
    evaluation = EmbeddedSet("ours", key, {"embedding": statistics}, embeddings=files)
    assert (
        distance_row(reference, evaluation, "fad-inf")["value"]
        < distance_row(reference, evaluation, "fad")["value"]
    )
    with pytest.raises(FadError, match="fad-inf needs the vectors of popular"):
        distance_row(evaluation, reference, "fad-inf")


def test_sets_and_options_that_do_not_allow_a_line_are_refused() -> None:
    rows = np.random.default_rng(4).standard_normal((500, 4))
    for evaluation, sampling, message in [
        (
            vector_set(rows[:23]),
            "without-replacement",
            "23 vectors; fad-inf needs at least 24, 6 for each of the 4",
        ),
        (vector_set(rows, (50,) * 10), "without-replacement", "10 files; fad-inf needs at least 15"),
        (vector_set(rows), "fadtk", "500 vectors; fad-inf with sampling=fadtk needs more than 500"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            extrapolate_fad(UNIT, evaluation, sampling=sampling)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="points=2 must be at least 3"):
        extrapolate_fad(UNIT, vector_set(rows), points=2)
    for text in ("points=2", "repeats=0", "sampling=all"):
        with pytest.raises(ConfigError, match="must be"):
            choose_metric(f"fad-inf {text}")
