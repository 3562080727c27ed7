"""The clips are the same everywhere, and the golden file is what was made from them."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fad_study.reference.cases import golden_set

from fad_core.errors import VerificationError
from fad_core.models import get_model, model_ids
from fad_core.verification.clips import (
    EVALUATION_GROUP,
    MONO_RATES,
    REFERENCE_GROUP,
    clips,
    distance_matrices,
)
from fad_core.verification.golden import Golden, embedding_excerpt, feature_excerpt, load_golden
from fad_core.verification.signals import sine

# If one of these changes on some machine, the golden comparison means nothing there; if a clip is
# changed on purpose, the golden file must be made anew.
SHA256 = {
    "sine": "716a39cb8c33c8d183dbaa81e501db46c646faab34ee4ff2d88c694d0bc03061",
    "noise": "09a31f469719f47bb28a57409f3daa36d1c35bd865adba5749f249ff2096fbe7",
    "speech_like": "c5270e87e3e5b0dcdbafcb9bc8ee30d1aaf874409aa2b74447a642c008e77a85",
    "shortest": "5615a17c28affc3eeb2c56a202a3a955cb0ae3ec4b71c220ba1732afb81db368",
    "almost_two": "c7b2bfb6bca19244c949125e40597b2d639342e1c9cc091a9a93a9b4541031fe",
    "silence_impulse": "14f15dab993867fa4ef262ec3945edac19365d745ee5a021f41d4ce5b82866a4",
    "square": "a7a6588a8d5202e43d908bcdf4f05b9d0bd0ace5fc11e3fc555a08c59995f18b",
    "long": "4d0b4197ac6c239c3e3fc4af14fc161a4e86b17617c439d4d4af326a7f262e93",
    "stereo_44100": "4734fa1604bb6c1fcdc41b225f1a909d105c7142373777ce5ea678d0a5a9eb6b",
    "stereo_16000": "370656a688268fe1958eea2d140550dda684bcdda5bee4881a9d41b327d8f0e3",
    "surround_48000": "feadb5cafae3763aa95391a9bda22ce100b0d2cdf10a5b71bbf892552a2315fa",
    "mono_8000": "97c55c716c6a573b32e2485c74685eeefba9b6ccca212113f8240b7a7d53963f",
    "mono_11025": "7e6a2fc6a9ebd2e2528540dcc708c10177c0b2cbfb07f763db639dc9351f4e83",
    "mono_22050": "87d65fce69c217efd726f1ddfcd7c26140571812e18a20d6b02dbac7840852bb",
    "mono_24000": "d8762013df86f0973881e113f81166d06c81aaa4410e70b4559008c04beffc74",
    "mono_32000": "9901a24afa1063cd5d6465ceb186805895c8f12d5c9fccddad4dd87bae1dd87d",
    "mono_44100": "8c1d9830746aa2ac950c8bad73a3e08279d59abed0dff700f3de9af612141828",
    "mono_48000": "1f8db290a5e7dd2aff8b267d84727f4f68aac741da0606350aa770ebe2ce62b5",
    "mono_96000": "78b7da2fd5b0afd8a3e2937bda409c843f028c8a385f75ff875d7ef2cd8542a2",
    "wide_32000": "7e45ddfb01220f064ac49d9aa86cfbd99edfeebb6712ced4544c63743e025fc5",
    "wide_44100": "e909fa06975f5b4c8085f65754ab160909c3da5583e92959f21e4e0e3cf9b3a9",
    "wide_48000": "098b8f06d8c8c8d08b8cbb2e0aa93d8f78414c8ab479487439c7ea7c410fb8d0",
}
GROUPS = (REFERENCE_GROUP, EVALUATION_GROUP)
MATRICES_SHA256 = "73a52899774964c79bf1a8f1e858715775b3e57e007f06242ae69f6c41f84c82"


@pytest.fixture(scope="module")
def golden() -> Golden:
    return load_golden(get_model("vggish"))


FAMILIES = {
    model.family: model for model in map(get_model, reversed(model_ids())) if model.verification.golden
}
"""By family: its first model."""


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> Golden:
    return load_golden(FAMILIES[request.param])


def is_of_frechet_audio_distance(family: Golden) -> bool:
    """Return whether the family's adapter runs that package, which also computes a distance."""
    adapter = Path(__file__).parents[3] / f"scripts/originals/{family.family}.py"
    return "(offline.Original" in adapter.read_text(encoding="utf-8")


def test_the_families_of_frechet_audio_distance_are_found():
    found = [name for name, model in FAMILIES.items() if is_of_frechet_audio_distance(load_golden(model))]
    assert {"clap", "encodec", "pann", "vggish"} <= set(found)


def test_every_clip_is_bit_for_bit_the_pinned_one():
    assert {name: clip.sha256 for name, clip in clips().items()} == SHA256


def test_the_matrices_are_bit_for_bit_the_pinned_ones():
    digest = hashlib.sha256()
    for matrix in distance_matrices():
        digest.update(matrix.astype("<f8").tobytes())
    assert digest.hexdigest() == MATRICES_SHA256


def test_the_sine_is_a_sine():
    turns = np.linspace(-3, 3, 10001)
    np.testing.assert_allclose(sine(turns), np.sin(2 * np.pi * turns), atol=2e-9)


@pytest.mark.parametrize("name", ["sine", "stereo_44100", "surround_48000"])
def test_a_written_clip_reads_back_as_its_waveform(name: str, tmp_path: Path):
    clip = clips()[name]
    clip.write(tmp_path / "clip.wav")
    samples, rate = soundfile.read(tmp_path / "clip.wav", dtype="float32", always_2d=True)
    assert rate == clip.sample_rate
    np.testing.assert_array_equal(samples.T, clip.waveform)


def test_the_clips_cover_what_can_go_wrong():
    made = clips()
    assert made["shortest"].samples.shape == (1, 15600)
    assert made["almost_two"].samples.shape == (1, 2 * 15360 + 240 - 1)
    assert np.count_nonzero(made["silence_impulse"].samples) == 1
    assert set(np.unique(made["square"].samples)) == {-32768, 32767}
    assert made["long"].samples.shape[1] / 16000 > 32 * 0.96
    assert made["surround_48000"].samples.shape[0] == 6
    assert {made[f"mono_{rate}"].sample_rate for rate in MONO_RATES} == set(MONO_RATES)
    for rate in (32000, 44100, 48000):
        assert made[f"wide_{rate}"].samples.shape[1] > 10 * rate
    for name in ("stereo_16000", "stereo_44100"):
        left, right = made[name].samples
        assert not np.array_equal(left, right)
    assert np.any(np.all(made["speech_like"].samples[0].reshape(-1, 800) == 0, axis=1)), "no pause"


def test_the_golden_file_was_made_from_these_clips(family: Golden):
    assert family.clip_sha256 == {name: SHA256[name] for name in family.clip_sha256}
    for model, cases in family.cases.items():
        assert set(cases) == {name for name, _ in golden_set(get_model(model))}


def test_the_golden_file_holds_what_the_original_gave(family: Golden):
    ids = {name for name in model_ids() if get_model(name).family == family.family}
    assert set(family.cases) == set(family.exact_distances) == ids
    assert set(family.distances) <= ids
    assert set(family.features) == set(family.feature_shapes) == set(family.counts) == ids
    quantised = {name for name in ids if get_model(name).verification.quantization_step}
    assert set(family.before_quantisation) == quantised
    for name, cases in family.cases.items():
        model = get_model(name)
        for clip, embeddings in cases.items():
            count = family.counts[name][clip]
            assert embeddings.dtype == np.float32
            assert embeddings.shape == (count if count <= 70 else 5, model.dimension)
            assert np.isfinite(embeddings).all()
            stored = family.others.get(name, {}).get(clip, {})
            shapes = {output: array.shape for output, array in stored.items()}
            # The outputs that are no other id's main one.
            others = set(model.outputs) - {get_model(id_).main_output for id_ in ids}
            assert shapes == {output: (len(embeddings), model.outputs[output]) for output in others}
            assert len(family.features[name][clip]) == len(family.feature_shapes[name][clip]) > 0
    if is_of_frechet_audio_distance(family):
        assert family.versions["frechet-audio-distance"] == "0.3.4"
        assert set(family.distances) == ids - {"pann-wavegram-logmel"}  # of another package


def test_the_windows_of_vggish(golden: Golden):
    windows = {"sine": 3, "shortest": 1, "almost_two": 1, "speech_like": 4, "long": 67}
    for counts in golden.counts.values():
        assert {name: counts[name] for name in windows} == windows


def test_the_weights_are_the_seeded_ones(family: Golden):
    pinned = {
        checkpoint.filename: checkpoint.seeded_sha256
        for name in family.cases
        for checkpoint in get_model(name).checkpoints
    }
    assert family.weights_sha256 == pinned


def test_seeded_embeddings_tell_the_clips_apart(family: Golden):
    for name, cases in family.cases.items():
        means = np.stack([cases[clip].mean(axis=0) for clip in sorted(cases)]).astype(np.float64)
        spread = np.sqrt(np.mean((means - means.mean(axis=0)) ** 2))
        assert spread >= 0.1 * np.sqrt(np.mean(means**2)), name


def test_quantised_embeddings_are_the_rounded_projections(golden: Golden):
    for model, cases in golden.before_quantisation.items():
        for clip, projected in cases.items():
            rounded = np.rint((np.clip(projected, -2, 2) + np.float32(2)) * np.float32(63.75))
            np.testing.assert_array_equal(rounded, golden.cases[model][clip])
        # A proof on values that are all clipped would be hollow.
        inside = np.concatenate([np.abs(projected).ravel() < 2 for projected in cases.values()])
        assert inside.mean() > 0.5


def test_the_stored_distances_follow_from_the_stored_embeddings(family: Golden):
    for name, cases in family.cases.items():
        if max(family.counts[name].values()) > 70:
            continue  # not all are stored
        groups = ([cases[clip] for clip in group if clip in cases] for group in GROUPS)
        sets = [np.concatenate(group) for group in groups]
        assert frechet(*sets) == pytest.approx(family.exact_distances[name], rel=1e-9)
        if name not in family.distances:
            continue  # the original computes none
        expected = scalar_frechet(*sets) if get_model(name).quirks.scalar_statistics else frechet(*sets)
        # Its means are in float32, and its matrix root of a singular product is good to 1e-7.
        assert family.distances[name] == pytest.approx(expected, rel=2e-6)


def test_the_originals_formula_is_the_exact_one(golden: Golden):
    assert frechet(*distance_matrices()) == pytest.approx(golden.distance_of_matrices, rel=1e-10)


def test_the_golden_file_is_small_and_free_of_pickles(family: Golden):
    path = next(get_model(name).verification.golden for name in family.cases)
    assert path is not None and path.stat().st_size < 1_000_000
    with np.load(path, allow_pickle=False) as entries:
        assert all(entries[name].dtype != object for name in entries.files)


def test_of_many_vectors_a_few_and_the_mean_are_stored(family: Golden):
    many = np.arange(71 * 3, dtype=np.float32).reshape(71, 3)
    stored = embedding_excerpt(many)
    np.testing.assert_array_equal(stored[:4], many[[0, 23, 46, 70]])
    np.testing.assert_array_equal(stored[4], many.mean(axis=0))
    assert embedding_excerpt(many[:70]) is not stored and len(embedding_excerpt(many[:70])) == 70


@pytest.mark.parametrize("shape", [(1, 480000), (31, 1, 96, 64), (1, 4, 1001, 64), (2, 1), (1,)])
def test_features_are_sampled_all_over(shape: tuple[int, ...]):
    size = math.prod(shape)
    places = feature_excerpt(np.arange(size).reshape(shape))
    assert places.shape == (1, min(size, 256))
    assert len(set(places[0].tolist())) == places.size
    if size > 1000:
        assert np.diff(np.sort(places[0])).max() < size / 100
        assert len(set((places[0] % 64).tolist())) == 64


def test_other_counts_and_shapes_are_not_taken_for_the_originals(golden: Golden):
    embeddings = golden.cases["vggish"]["sine"]
    assert golden.comparable("vggish", "sine", embeddings) is embeddings
    fewer = golden.comparable("vggish", "sine", embeddings[:2])
    assert fewer.shape != embeddings.shape
    patches = (np.zeros((2, 1, 96, 64), np.float32),)
    assert golden.comparable_features("vggish", "sine", patches)[0].shape == (2, 1, 96, 64)
    patches = (np.zeros((3, 1, 96, 64), np.float32),)
    assert golden.comparable_features("vggish", "sine", patches)[0].shape == (1, 256)


@pytest.mark.parametrize("golden", [None, Path("missing.npz")])
def test_a_model_without_golden_embeddings_is_told(golden: Path | None):
    model = get_model("vggish")
    model = replace(model, verification=replace(model.verification, golden=golden))
    with pytest.raises(VerificationError, match=r"vggish has no golden embeddings: .*make_golden"):
        load_golden(model)


def test_the_two_reference_environments_hold_the_same_pins():
    envs = Path(__file__).parents[3] / "envs"
    pin = re.compile(r"^ *(?:- )?([a-z0-9-]+==\S+)$", re.MULTILINE)
    pins = [pin.findall((envs / name).read_text()) for name in ("reference.txt", "reference.yaml")]
    assert pins[0] == pins[1]
    assert {"frechet-audio-distance==0.3.4", "torchvggish==0.2"} <= set(pins[0])


def frechet(reference: np.ndarray, evaluation: np.ndarray) -> float:
    """The distance from centred data, independent of both packages' code."""
    factors, means = [], []
    for x in (reference.astype(np.float64), evaluation.astype(np.float64)):
        means.append(x.mean(axis=0))
        factors.append((x - means[-1]) / np.sqrt(len(x) - 1))
    cross = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    return float(np.sum((means[0] - means[1]) ** 2) + sum(np.sum(f**2) for f in factors) - 2 * cross)


def scalar_frechet(reference: np.ndarray, evaluation: np.ndarray) -> float:
    """The distance of all values as scalars."""
    a, b = reference.astype(np.float64), evaluation.astype(np.float64)
    return float((a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2)
