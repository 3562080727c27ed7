"""The two levels of verification, and what counts as different."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fad_study.reference.cases import golden_set

from fad_core.embedding.embed import prepare_waveform
from fad_core.errors import VerificationError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models import get_model, model_ids
from fad_core.models.base import EmbeddingModel, Vectors
from fad_core.models.options import Options
from fad_core.models.original_quirks import as_scalars
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend
from fad_core.runner.blocks import run_files
from fad_core.runner.exported import ExportedModel
from fad_core.runner.identity import Identity
from fad_core.verification.check import Check, compare, require_passed, settle
from fad_core.verification.clips import EVALUATION_GROUP, REFERENCE_GROUP, clips, distance_matrices
from fad_core.verification.eager import EagerLevel
from fad_core.verification.golden import GoldenLevel, load_golden
from fad_core.verification.verify import ON_CPU, verified_backends, verify
from fad_core.weights import load_state, locate_weights

SeededExport = Callable[[str], Path]
PCA = get_model("vggish-pca")


def eager(model: EmbeddingModel) -> EagerLevel:
    return EagerLevel(model, locate_weights(model, "seeded"))


class Recorder(ExportedModel):
    """Keeps what it embeds."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self.embedded: list[np.ndarray] = []

    def embed_many(self, *given: Any) -> Generator[Vectors]:
        for vectors in super().embed_many(*given):
            self.embedded.append(vectors[self.model.main_output])
            yield vectors


@pytest.fixture(scope="module")
def vggish(seeded_export: SeededExport) -> Recorder:
    return Recorder(seeded_export("vggish"))


# The network of another model, which takes long, on sound that is filled up with zeros.
PADDED = {"passt-10s": "passt", "passt-10s-all": "passt"}


def first_alike(model_id: str) -> str:
    """The first model that is the same but for its names and checkpoints, or for padding."""
    if model_id in PADDED:
        return PADDED[model_id]
    model = get_model(model_id)
    own = {name: getattr(model, name) for name in ("name", "aliases", "checkpoints")}
    return next(id_ for id_ in model_ids() if replace(get_model(id_), **own) == model)


@pytest.mark.parametrize("model_id", [id_ for id_ in model_ids() if id_ == first_alike(id_)])
def test_every_model_gives_the_original_packages_embeddings_and_distance(
    model_id: str, seeded_export: SeededExport
):
    model = Recorder(seeded_export(model_id))
    golden = load_golden(model.model)
    rows = list(GoldenLevel(model.model).compare(model))
    require_passed(rows)
    stored = [name for name in clips() if name in golden.cases[model_id]]
    assert [row.case for row in rows if row.quantity == model.model.main_output] == stored
    assert {row.case for row in rows if row.quantity == "frontend"} == set(stored)
    assert rows[-1].quantity == "fad"
    assert all(row.max_relative_difference <= model.model.tolerance for row in rows)
    assert all(row.min_cosine > 1 - 1e-9 for row in rows if row.min_cosine is not None)
    if model.model.quirks.scalar_statistics:
        # The original's own score is of scalars, and so near 0 that only equal kernels give it to 1e-6.
        model = Recorder(seeded_export(model_id), Options(compatibility="frechet-audio-distance"))
        rows = list(GoldenLevel(model.model).compare(model))
        require_passed(rows)
        assert all(row.case.endswith(", plain") == (row.quantity != "frontend") for row in rows)
        assert sum(row.quantity == "embedding" for row in rows) == len(stored)
        assert rows[-1].quantity == "fad"
    # From waveforms to the score, against the number that the original itself gave for it. Its matrix
    # square root of a rank-deficient product is good to 1e-7.
    found = dict(zip(stored, model.embedded, strict=True))
    if model.model.verification.quantization_step:
        # Which side of a rounding edge a value falls on is not decided by float32.
        unrounded, expected = golden.before_quantisation[model_id], golden.cases[model_id]
        found = {
            name: settle(model.model, vectors, expected[name], unrounded[name])[0]
            for name, vectors in found.items()
        }
    groups = (REFERENCE_GROUP, EVALUATION_GROUP)
    sets = [np.concatenate([found[name] for name in stored if name in group]) for group in groups]
    if model.model.quirks.scalar_statistics:
        sets = [as_scalars(vectors) for vectors in sets]
    value = frechet_distance(*map(Statistics.from_embeddings, sets)).value
    # fadtk's distance fails for so few vectors as CDPAM's clips give.
    expected = golden.distances.get(model_id, golden.exact_distances[model_id])
    assert value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("model_id", [id_ for id_ in model_ids() if id_ != first_alike(id_)])
def test_with_the_weights_of_another_checkpoint_a_network_gives_them_too(model_id: str):
    """The frontend, the network and the kernels have passed above; here are its own weights and output."""
    model = get_model(model_id)
    use, weights, golden = ModelUse(model), locate_weights(model, "seeded"), load_golden(model)
    identity = Identity.of(model, weights)
    assert all(golden.weights_sha256[name] == sha256 for name, sha256 in identity.checkpoints.items())
    network = model.build(load_state(weights))
    for name, case in islice(golden_set(model), 3):
        waveform = prepare_waveform(case.clip.waveform, case.clip.sample_rate, use)
        (blocks,) = run_files(network, model, [use.frontend(waveform, case.clip.sha256)])
        found = golden.comparable(model_id, name, model.pool(blocks)[model.main_output])
        require_passed(
            [compare(identity, "golden", name, found, golden.cases[model_id][name], model.tolerance)]
        )


def test_the_distance_is_the_originals_where_that_is_well_conditioned():
    sets = [Statistics.from_embeddings(matrix) for matrix in distance_matrices()]
    expected = load_golden(get_model("vggish")).distance_of_matrices
    assert frechet_distance(*sets).value == pytest.approx(expected, rel=1e-10)


def test_the_exported_network_is_the_eager_one(seeded_export: SeededExport):
    # VGGish, which takes four times as long, is verified at this level by the command and in the workflow.
    model = get_model("encodec-48k")
    rows = list(verify("eager", seeded_export(model.name), locate_weights(model, "seeded")))
    require_passed(rows)
    assert len(rows) == len(model.verification.eager_cases) * len(eager(model).backends(ON_CPU))
    cases = [
        (f"batch {batch}, {samples} samples{runner}", batch)
        for runner in ("", ", plain")
        for batch, samples in model.verification.eager_cases
    ]
    assert [(row.case, row.vectors) for row in rows] == cases
    assert {(row.level, row.weights, row.verdict) for row in rows} == {("eager", "seeded", "passed")}


# PANN is compared above, where the original is imitated; CLAP, where its captions are scored.
@pytest.mark.parametrize("model_id", ["vggish-activation", "encodec-48k"])
def test_networks_as_they_were_exported_give_them_too(model_id: str, seeded_export: SeededExport):
    """All that is embedded with `runner: plain`; the test above is of the default."""
    model = get_model(model_id)
    weights = locate_weights(model, "seeded")
    rows = list(verify("golden", seeded_export(model_id), weights, [Backend("plain")]))
    require_passed(rows)
    assert all(row.case.endswith(", plain") == (row.quantity != "frontend") for row in rows)
    assert sum(row.quantity == "embedding" for row in rows) == GoldenLevel(model).count
    assert rows[-1].quantity == "fad"


def test_golden_embeddings_are_for_seeded_weights_alone(vggish: Recorder, monkeypatch: pytest.MonkeyPatch):
    other = replace(vggish.identity, checkpoints={"vggish-10086976.pth": "10086976" + "0" * 56})
    monkeypatch.setattr(vggish, "identity", other)
    with pytest.raises(VerificationError, match="golden embeddings of vggish are of seeded weights"):
        list(GoldenLevel(vggish.model).compare(vggish))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: x * np.float32(np.nan),
        lambda x: np.where(np.arange(128) == 7, np.inf, x).astype(np.float32),
        lambda x: np.zeros_like(x),
        lambda x: x[1:],
        lambda x: np.concatenate([x, x[-1:]]),
        lambda x: x[:, :-1],
        lambda x: x[:, ::-1],
        lambda x: x + np.float32(2e-5) * np.sqrt(np.mean(x**2)),
    ],
    ids=["nan", "inf", "zeros", "a window less", "one more", "a dimension less", "reversed", "2e-5 off"],
)
def test_wrong_embeddings_fail(spoil, vggish: Recorder):
    embeddings = load_golden(get_model("vggish")).cases["vggish"]["sine"]
    row = compare(vggish.identity, "golden", "sine", spoil(embeddings), embeddings, 1e-5)
    assert row.verdict == "failed"
    with pytest.raises(VerificationError, match="sine, embedding: relative difference"):
        require_passed([row])


def test_without_right_embeddings_no_distance_is_compared(vggish: Recorder, monkeypatch):
    monkeypatch.setattr(
        vggish,
        "embed_many",
        lambda files, *_: ({"embedding": np.ones((len(windows), 128), "f4")} for (windows,) in files),
    )
    rows = list(GoldenLevel(vggish.model).compare(vggish))
    assert {row.quantity for row in rows} == {"embedding", "frontend"}
    assert {row.verdict for row in rows if row.quantity == "embedding"} == {"failed"}


def test_differences_are_shares_of_the_rms():
    expected = np.array([[3.0, -4.0], [0.0, 5.0]], dtype=np.float32)
    found = expected + np.array([[0.0, 0.25], [0.0, 0.0]], dtype=np.float32)
    row = compare(identity(), "golden", "x", found, expected, 0.1)
    rms = math.sqrt((9 + 16 + 25) / 4)
    assert (row.vectors, row.max_absolute_difference) == (2, 0.25)
    assert row.max_relative_difference == pytest.approx(0.25 / rms)
    assert row.min_cosine == pytest.approx((9 + 15) / (5 * math.hypot(3, 3.75)))
    assert row.verdict == "passed"


def test_zeros_equal_zeros_and_nothing_else():
    zeros = np.zeros((2, 3), dtype=np.float32)
    same = compare(identity(), "golden", "x", zeros, zeros, 0.0)
    assert (same.max_relative_difference, same.min_cosine, same.verdict) == (0.0, 1.0, "passed")
    other = compare(identity(), "golden", "x", zeros + np.float32(1e-30), zeros, 1e9)
    assert other.verdict == "failed"


# In units of the PCA's output: 0 is the edge between the steps 127 and 128, RMS 1 beside ±1.
EDGE, BELOW, ABOVE = 0.0, 127.0, 128.0


@pytest.mark.parametrize(
    ("unrounded", "expected", "found", "forgiven"),
    [
        (EDGE, BELOW, ABOVE, True),
        (EDGE, ABOVE, BELOW, True),
        (EDGE + 5e-6, ABOVE, BELOW, True),
        (EDGE + 5e-5, ABOVE, BELOW, False),
        (EDGE + 0.5 / 63.75, ABOVE, BELOW, False),
        (EDGE, BELOW, ABOVE + 1, False),
        (EDGE, ABOVE, BELOW - 1, False),
        (EDGE, ABOVE, ABOVE, False),
        (EDGE, ABOVE, np.nan, False),
        (2.0, 255.0, 254.0, False),
        (-2.0, 0.0, 1.0, False),
    ],
)
def test_only_a_fall_to_the_other_side_of_an_edge_is_forgiven(
    unrounded: float, expected: float, found: float, forgiven: bool
):
    """Forgiven: counted and set to the original's. What is equal is not counted, what is wrong stays."""
    around = [[-1.0, 1.0, -1.0, 1.0]]
    settled, flips, _ = settle(
        PCA,
        np.array([[64.0, 191.0, found, 5.0]], dtype=np.float32),
        np.array([[64.0, 191.0, expected, 5.0]], dtype=np.float32),
        np.array(around, dtype=np.float32) * [1, 1, 0, 1] + np.array([0, 0, unrounded, 0], dtype=np.float32),
    )
    assert flips == int(forgiven)
    assert settled.dtype == np.float32
    np.testing.assert_array_equal(settled, [[64.0, 191.0, expected if forgiven else found, 5.0]])


def test_flips_are_counted_in_the_row(seeded_export: SeededExport):
    """Every value of one clip that lies on an edge is put on the other side; one that does not, too."""
    golden = load_golden(get_model("vggish"))
    expected = golden.cases["vggish-pca"]["long"]
    unrounded = golden.before_quantisation["vggish-pca"]["long"]
    rms = np.sqrt(np.mean(unrounded.astype(np.float64) ** 2))
    on_edge = PCA.verification.rounding_distance(unrounded) <= PCA.tolerance * rms
    steps = (unrounded.astype(np.float64) + 2) * 63.75
    other_side = np.where(expected > steps, expected - 1, expected + 1).astype(np.float32)
    settled, flips, _ = settle(PCA, np.where(on_edge, other_side, expected), expected, unrounded)
    assert flips == on_edge.sum() > 0
    np.testing.assert_array_equal(settled, expected)
    spoiled = expected.copy()
    spoiled[0, np.argmax(~on_edge[0])] += 1
    settled, flips, _ = settle(PCA, spoiled, expected, unrounded)
    assert flips == 0
    assert compare(identity(), "golden", "long", settled, expected, 0.0).verdict == "failed"


def test_a_verification_without_comparisons_is_none():
    with pytest.raises(VerificationError, match="nothing was verified"):
        require_passed([])


def test_the_message_lists_what_failed_of_which_model():
    bad = comparison(verdict="failed", max_relative_difference=0.25)
    rows = [comparison(), bad, replace(bad, case="b"), replace(bad, level="golden"), replace(bad, model="m2")]
    with pytest.raises(VerificationError) as raised:
        require_passed(rows)
    assert str(raised.value).splitlines() == [
        "m (seeded) failed the verification: 2 comparisons at the level 'eager' exceed their tolerance:",
        "  a, embedding: relative difference 0.25, tolerance 1e-05",
        "  b, embedding: relative difference 0.25, tolerance 1e-05",
        "m (seeded) failed the verification: 1 comparisons at the level 'golden' exceed their tolerance:",
        "  a, embedding: relative difference 0.25, tolerance 1e-05",
        "m2 (seeded) failed the verification: 1 comparisons at the level 'eager' exceed their tolerance:",
        "  a, embedding: relative difference 0.25, tolerance 1e-05",
    ]


def comparison(**changes) -> Check:
    row = Check("m", "seeded", "0" * 64, "eager", "a", "embedding", 1, 0.0, 0.0, 1.0, 1e-5, 0, "passed")
    return replace(row, **changes)


def identity() -> Identity:
    return Identity.of(PCA, locate_weights(PCA, "seeded"))


def test_the_chosen_device_is_verified_beside_the_ways_that_always_are():
    assert verified_backends("cpu") == ON_CPU
    # The device is the very one.
    assert verified_backends("cuda:1") == (*ON_CPU, Backend(device="cuda:1"))
    assert [way.name for way in verified_backends("cuda")] == ["fast", "plain", "cuda"]


def test_a_quantised_model_is_compared_with_the_eager_network_by_equal_kernels_alone():
    assert eager(PCA).backends(verified_backends("cuda")) == [Backend("plain")]
    assert eager(get_model("vggish")).backends(ON_CPU) == list(ON_CPU)
