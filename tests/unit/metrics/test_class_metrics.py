"""KL and the inception score: beside the packages that papers use, pairs of files, windows, intervals."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fad_core.embedding.distances import distance_row
from fad_core.embedding.embedded_set import EmbeddedSet, FileEmbeddings
from fad_core.errors import ArgumentError, FadError
from fad_core.metrics import MetricValue, SetVectors, choose_metric
from fad_core.metrics.classes import FileLogits, file_logits, kl_divergences
from fad_core.metrics.comparison import compare_systems
from fad_core.metrics.inception import inception_score
from fad_core.metrics.pairing import paired_files
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.append(str(GOLDEN))
from make_class_metrics import logits_of_files  # noqa: E402

THEIRS: dict[str, dict[str, Any]] = json.loads((GOLDEN / "class_metrics.json").read_text(encoding="utf-8"))


class Set:
    """The logits of a set's files, a row or more of each."""

    def __init__(self, logits: np.ndarray, names: list[str] | None = None):
        windows = logits.reshape(len(logits), -1, logits.shape[-1])
        names = names or [f"{number:03}.wav" for number in range(len(logits))]
        counts = (windows.shape[1],) * len(logits)
        self.vectors = SetVectors(tuple(names), counts, windows.reshape(-1, logits.shape[-1]))

    def vectors_of(self, output: str = "") -> SetVectors:
        assert output == "logits"
        return self.vectors


def value(
    metric: str,
    reference: np.ndarray,
    evaluation: np.ndarray,
    names: tuple[str, str] | None = None,
) -> MetricValue:
    """Of sets of logits, whose files have these letters as names, or else numbers."""
    first, second = (None, None) if names is None else ([f"{name}.wav" for name in each] for each in names)
    return choose_metric(metric).compute(Set(reference, first), Set(evaluation, second))


@pytest.fixture(scope="module")
def logits() -> tuple[np.ndarray, np.ndarray]:
    return logits_of_files("reference"), logits_of_files("evaluation")


@pytest.mark.parametrize(
    ("metric", "package", "name", "windows"),
    [
        ("kl", "av-benchmark", "kl_softmax", 1),
        ("kl form=sigmoid", "av-benchmark", "kl_sigmoid", 1),
        (
            "kl convention=audioldm_eval",
            "audioldm_eval",
            "kullback_leibler_divergence_softmax",
            1,
        ),
        (
            "kl convention=audioldm_eval form=sigmoid",
            "audioldm_eval",
            "kullback_leibler_divergence_sigmoid",
            1,
        ),
        ("kl convention=stable-audio-metrics", "stable-audio-metrics", "kl_mean", 3),
        ("kl convention=stable-audio-metrics windows=max", "stable-audio-metrics", "kl_max", 3),
        ("is", "audioldm_eval", "inception_score_mean", 1),
        ("is", "av-benchmark", "inception_score_mean", 1),
    ],
)
def test_the_value_is_that_of_the_package(metric: str, package: str, name: str, windows: int, logits: Any):
    found = value(metric, *(each[:, :windows] for each in logits)).value
    # The packages compute KL in float32, the inception score in float64.
    assert found == pytest.approx(THEIRS[package][name], rel=1e-12 if metric == "is" else 3e-7)


def test_kl_is_the_mean_of_the_pairs_with_the_interval_of_a_mean(logits: Any):
    found = value("kl", *(each[:, 0] for each in logits))
    values = np.array([own for _, own in found.by_file])
    assert len(values) == 57 and found.value == pytest.approx(values.mean(), rel=1e-15)
    half = 2.003240718847 * values.std(ddof=1) / math.sqrt(57)  # Student's t of 56 degrees of freedom
    assert (found.ci_low, found.ci_high) == pytest.approx((found.value - half, found.value + half), rel=1e-9)
    assert value("kl", logits[0], logits[0]).value == 0


def test_kl_of_large_logits_stays_finite():
    large = np.array([[2000.0, -2000.0, 0.0]])
    assert kl_divergences(large, -large).tolist() == [4000.0]
    assert kl_divergences(large, -large, added=1e-6) == pytest.approx(-math.log(1e-6), rel=1e-9)
    assert np.isfinite(kl_divergences(large, -large, independent=True)).all()


@pytest.mark.parametrize("convention", ["exact", "audioldm_eval", "stable-audio-metrics"])
def test_an_interval_of_kl_has_no_values_that_no_files_can_have(convention: str, logits: Any):
    near = logits[0][:, 0].copy()
    near[0] = logits[1][0, 0]
    found = value(f"kl convention={convention}", logits[0][:, 0], near)
    # Where all but one pair are equal, Student's t alone would reach below.
    assert found.ci_low == pytest.approx(0 if convention == "exact" else -math.log1p(527e-6), abs=1e-15)
    assert found.ci_low < found.value < found.ci_high
    assert str(value("kl", logits[0], logits[0]).ci_low) == "0.0"


def test_pairs_are_found_by_name_whatever_the_order_and_the_extension(logits: Any):
    reference, evaluation = (each[:4, 0] for each in logits)
    straight = value("kl", reference, evaluation, ("abcd", "abcd"))
    turned = value("kl", reference, evaluation[::-1], ("abcd", "dcba"))
    assert turned.value == pytest.approx(straight.value, rel=1e-15)
    assert dict(turned.by_file) == dict(straight.by_file)
    assert paired_files(["x/a.wav"], ["x/a.flac"]) == (["x/a.wav"], ["x/a.flac"], "")
    assert "no interval: it needs 5 files" in straight.note


def test_files_without_a_partner_are_refused_or_counted(logits: Any):
    reference, evaluation = (each[:6, 0] for each in logits)
    names = ("abcdef", "abcdez")
    with pytest.raises(ArgumentError, match=r"1 file of the reference and 1 file .* \(f.wav, z.wav\): give"):
        value("kl", reference, evaluation, names)
    common = value("kl partners=common", reference, evaluation, names)
    assert common.note == "1 file of the reference and 1 file of the evaluation set have no partner"
    assert common.value == pytest.approx(value("kl", reference[:5], evaluation[:5]).value, rel=1e-15)
    with pytest.raises(ArgumentError, match="have no partner"):
        paired_files(["a.wav"], ["b.wav"], common=True)
    with pytest.raises(ArgumentError, match=r"a.wav and a.flac of the reference have the same name"):
        paired_files(["a.wav", "a.flac"], ["a.wav"])


def test_files_without_vectors_are_left_out():
    vectors = SetVectors(("a", "b", "c"), (2, 0, 1), np.array([[1.0, 0.0], [3.0, 2.0], [5.0, 6.0]]))
    found = file_logits(vectors)
    assert found.files == ("a", "c") and found.logits.tolist() == [[2.0, 1.0], [5.0, 6.0]]


def test_the_inception_score_of_equal_and_of_certain_files():
    equal, certain = np.zeros((8, 4)), np.repeat(np.eye(4) * 1000, 2, axis=0)
    assert value("is splits=1", equal, equal).value == 1
    assert value("is splits=1", equal, certain).value == pytest.approx(4)
    with pytest.raises(ArgumentError, match="8 files cannot be divided into 10 parts"):
        value("is", equal, certain)
    with pytest.raises(FadError, match="splits must be at least 1"):
        choose_metric("is splits=0")


@pytest.mark.parametrize(
    ("metric", "files", "wanted"),
    [
        ("is", 10, "value is the mean of 10 parts of 1 file each, so few that it is low whatever the files"),
        ("is", 57, "value is the mean of 10 parts of 5 or 6 files each, so few"),
        ("is splits=1", 49, "value is of 49 files, so few"),
        ("is splits=1", 50, ""),
    ],
)
def test_a_note_says_that_parts_have_few_files(metric: str, files: int, wanted: str, logits: Any):
    found = value(metric, logits[1][:files, 0], logits[1][:files, 0])
    assert wanted in found.note if wanted else "parts" not in found.note and "low" not in found.note
    assert files > 10 or (found.value == 1 and found.note.endswith("the bias"))
    assert files > 10 or "whatever the files: use fewer splits; no interval" in found.note


def test_a_note_names_the_value_without_bias_where_there_is_one_and_no_interval_begins_below_1(logits: Any):
    alike = np.repeat(logits[1][:1, 0], 57, axis=0)
    alike[7:9] += logits[1][7:9, 0]
    found = value("is splits=2", alike, alike)
    assert found.note.startswith("value is the mean of 2 parts of 28 or 29 files each")
    assert found.note.endswith(": use corrected or fewer splits")
    assert found.corrected is not None and found.ci_low == 1 < found.ci_high


def test_the_interval_of_the_inception_score_covers_that_of_many_files():
    """Of 500 files of 527 classes, the score of 10 parts is far below that of all files of the kind."""
    random = np.random.default_rng(1)
    centres = random.normal(-6, 2, (40, 527))
    for centre in centres:
        centre[random.integers(0, 527, 6)] += random.uniform(3, 8, 6)

    def draw(count: int) -> FileLogits:
        logits = centres[random.integers(0, 40, count)] + random.normal(0, 1.5, (count, 527))
        return FileLogits(tuple(map(str, range(count))), logits)

    truth = inception_score(draw(20_000), 1, 0)[0]
    covered = []
    for _ in range(40):
        part, whole = inception_score(draw(500), 10, 2020)
        effects = whole.effects_on_logarithm
        assert effects is not None and part < 0.9 * truth
        low, high = map(math.exp, effects.interval(0.95))
        if effects.unbiased:
            covered.append(low <= truth <= high)
    assert len(covered) > 20 and np.mean(covered) >= 0.85
    few = inception_score(draw(20), 2, 0)[1].effects_on_logarithm
    assert few is not None and not few.unbiased


def test_the_reference_of_an_inception_score_needs_no_logits(logits: Any):
    rows = logits[1][:, 0].astype(np.float64)
    key, statistics = ModelKey("m", "", "", ""), Statistics.from_embeddings(rows[:, :4])
    files = [
        FileEmbeddings(f"{n}.wav", np.zeros(1), {"embedding": row[None, :4], "logits": row[None]})
        for n, row in enumerate(rows.astype(np.float32))
    ]
    both = {"embedding": statistics, "logits": Statistics.from_embeddings(rows)}
    reference = EmbeddedSet("real", key, {"embedding": statistics})
    evaluation = EmbeddedSet("a", key, both, embeddings=files)
    assert distance_row(reference, evaluation, "is splits=1")["value"] > 1
    with pytest.raises(FadError, match="kl needs the output 'logits'"):
        distance_row(reference, evaluation, "kl")


@pytest.mark.parametrize("metric", ["kl", "is splits=2"])
def test_systems_are_compared_by_their_files(metric: str, logits: Any):
    reference, near = (each[:, 0] for each in logits)
    far = near + np.random.default_rng(3).normal(0, 3, near.shape)
    systems = [value(metric, reference, each).system for each in (far, near, near[::-1])]
    assert all(systems)
    found = compare_systems(systems[0], systems[1])
    assert found.p is not None and found.p < 0.05 and found.paired
    assert found.ci_low is None or found.ci_low < found.difference < found.ci_high
    same = compare_systems(systems[1], systems[1])
    assert same.difference == 0 and same.p == 1


def test_metrics_say_how_they_are_computed_with_their_options():
    texts = {
        "kl": ("of KL(reference ‖ evaluation), where the", "are the softmax of the mean logits"),
        "kl form=sigmoid windows=max": ("the sigmoid of the largest logits of each class", "by itself"),
        "kl convention=audioldm_eval": (
            "of KL(reference ‖ evaluation), with 1e-6 added",
            "of the evaluation",
        ),
        "kl convention=stable-audio-metrics": ("of KL(evaluation ‖ reference), with", "of the reference,"),
        "is": ("the mean, over 10 parts of the files, shuffled with the seed 2020, of", "is the softmax of"),
        "is splits=1": ("as exp(mean of KL(p ‖ mean of p)) over all files", "is the softmax"),
        "fad": ("from all embedding vectors of each set of clips",),
    }
    for metric, parts in texts.items():
        assert all(part in choose_metric(metric).computed for part in parts), metric
