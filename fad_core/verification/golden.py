"""The level *golden*: compare a model with seeded weights with stored embeddings of the original package.

The golden file of a family (`VerificationFacts.golden`) is written by `tests/golden/make_golden.py`, which
runs the original package with the same seeded weights on the clips of `fad_core.verification.clips`. Equality
shows, from waveform to embedding to distance, that a model computes what the original computes, whatever its
weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.embedding.embed import prepare_waveform
from fad_core.errors import VerificationError
from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.runner.backend import Backend
from fad_core.runner.device import full_float32
from fad_core.runner.exported import ExportedModel
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.verification.check import (
    Check,
    Embeddings,
    case_by,
    compare,
    compare_distance,
    distance_of_groups,
    settle,
)
from fad_core.verification.clips import EVALUATION_GROUP, REFERENCE_GROUP, clips
from fad_core.verification.verdicts import Level

# A clip that gives more vectors than this is stored as a few of them, and the mean of all.
_ALL_VECTORS = 70
_FEW_VECTORS = 4
# How many values of a clip's features are stored.
_FEATURE_VALUES = 256


@dataclass(frozen=True)
class Golden:
    """The original package's results for one family of models.

    Attributes:
        family: e.g. "vggish".
        cases: by model id, then by clip: `embedding_excerpt` of its embeddings.
        counts: by model id, then by clip: how many embeddings there are.
        others: by model id, then by clip: `embedding_excerpt` of what the model's other outputs gave.
        before_quantisation: for the ids with a quantised embedding, all of them before they are clipped and
            rounded: tells a wrong value from one that fell on the other side of a rounding edge.
        features: by model id, then by clip: `feature_excerpt` of what the original gave its network.
        feature_shapes: the shapes of those arrays.
        exact_distances: by model id: the Fréchet distance, by the exact formula, of all the original's
            embeddings of the clips of `clips.REFERENCE_GROUP` and of `clips.EVALUATION_GROUP`.
        distances: the original's own number for it, of a group of vectors, or of what it takes for vectors
            (`OriginalQuirks.scalar_statistics`); only where it gave one.
        distance_of_matrices: its distance of `clips.distance_matrices()`.
        flat: "id/clip" of the embeddings that the original gave as `[D]`; they are `[1, D]` here.
        clip_sha256: by clip, `Clip.sha256` of what was embedded.
        weights_sha256: by checkpoint file, `seeded.state_sha256` of the weights.
        versions: of Python and the packages that ran.
    """

    family: str
    cases: Mapping[str, Mapping[str, Embeddings]]
    others: Mapping[str, Mapping[str, Mapping[str, Embeddings]]]
    counts: Mapping[str, Mapping[str, int]]
    before_quantisation: Mapping[str, Mapping[str, Embeddings]]
    features: Mapping[str, Mapping[str, Arrays]]
    feature_shapes: Mapping[str, Mapping[str, Sequence[Sequence[int]]]]
    exact_distances: Mapping[str, float]
    distances: Mapping[str, float]
    distance_of_matrices: float
    flat: tuple[str, ...]
    clip_sha256: Mapping[str, str]
    weights_sha256: Mapping[str, str]
    versions: Mapping[str, str]

    def comparable(self, model: str, clip: str, embeddings: Embeddings) -> Embeddings:
        """Return the part of embeddings `[N, D]` that is stored of the original's; all if N differs."""
        if len(embeddings) != self.counts[model][clip]:
            return embeddings
        return embedding_excerpt(embeddings)

    def comparable_features(self, model: str, clip: str, features: Arrays) -> Arrays:
        """Return the part of a clip's features that is stored of the original's; all if shapes differ."""
        shapes = [tuple(shape) for shape in self.feature_shapes[model][clip]]
        if [array.shape for array in features] != shapes:
            return features
        return tuple(feature_excerpt(array) for array in features)


def embedding_excerpt(embeddings: Embeddings) -> Embeddings:
    """Return what is stored of embeddings `[N, D]`: all; or if many, four of them and the mean of all."""
    if len(embeddings) <= _ALL_VECTORS:
        return embeddings
    rows = np.arange(_FEW_VECTORS) * (len(embeddings) - 1) // (_FEW_VECTORS - 1)
    mean = np.mean(embeddings, axis=0, keepdims=True, dtype=np.float64)
    return np.concatenate([embeddings[rows], mean.astype(np.float32)])


def feature_excerpt(features: NDArray[Any]) -> NDArray[Any]:
    """Return what is stored of an input array of a network: up to 256 of its values, `[1, values]`."""
    count = min(features.size, _FEATURE_VALUES)
    # An odd step reaches all bands of a spectrogram, whose number is even.
    places = np.arange(count) * (features.size // count | 1) % features.size
    return features.reshape(-1)[places][None]


def load_golden(model: EmbeddingModel) -> Golden:
    """Read the golden file of a model.

    Raises:
        VerificationError: the model has none.
    """
    path = model.verification.golden
    if path is None or not path.is_file():
        raise VerificationError(
            f"{model.name} has no golden embeddings: tests/golden/make_golden.py makes them with the "
            "original package"
        )
    found: dict[str, dict[str, dict[str, Embeddings]]] = {"before_quantisation": {}}
    features: dict[str, dict[str, list[NDArray[Any]]]] = {}
    others: dict[str, dict[str, dict[str, Embeddings]]] = {}
    with np.load(path, allow_pickle=False) as entries:
        meta = json.loads(str(entries["meta"]))
        for name in sorted(set(entries.files) - {"meta"}):
            kind, model_id, clip, *last = name.split("/")
            if kind == "others":
                others.setdefault(model_id, {}).setdefault(clip, {})[last[0]] = entries[name]
            elif kind == "features":
                features.setdefault(model_id, {}).setdefault(clip, []).append(entries[name])
            else:
                found.setdefault(kind, {}).setdefault(model_id, {})[clip] = entries[name]
    # Models of one frontend have the same features: they are stored once.
    same = meta.pop("features_of")
    return Golden(
        family=model.family,
        cases=found["embeddings"],
        others=others,
        before_quantisation=found["before_quantisation"],
        features={
            model_id: {clip: tuple(arrays) for clip, arrays in features[first].items()}
            for model_id, first in same.items()
        },
        flat=tuple(meta.pop("flat")),
        **meta,
    )


class WithOriginal:
    """What the comparisons with stored embeddings of the original package have in common.

    Attributes:
        name: name of the level.
        against: what models are compared with, in words.
    """

    name: Level = "golden"
    against = "embeddings of the original package"

    def backends(self, backends: Sequence[Backend]) -> Sequence[Backend]:
        """Return all of the backends."""
        return backends


class GoldenLevel(WithOriginal):
    """Comparison of loaded models with seeded weights with the golden embeddings.

    Attributes:
        golden: the stored embeddings.
        count: number of checks of embeddings for each backend.
    """

    def __init__(self, model: EmbeddingModel) -> None:
        """Read the golden embeddings of a model.

        Raises:
            VerificationError: the model has none.
        """
        self.golden = load_golden(model)
        if model.name not in self.golden.cases:
            raise VerificationError(f"{model.verification.golden} has no embeddings of {model.name}")
        self.count = len(self.golden.cases[model.name])

    def compare(self, exported: ExportedNetwork) -> Iterator[Check]:
        """Compare a loaded model, clip by clip.

        Args:
            exported: the model, with seeded weights.

        Yields:
            For each clip, a check of every array of features and one of the embeddings; and if all embeddings
            have passed, a check of the distance of two groups of clips.

        Raises:
            VerificationError: the stored embeddings are of other weights.
        """
        assert isinstance(exported, ExportedModel), "the model embeds audio"
        identity, golden = exported.identity, self.golden
        weights = {name: golden.weights_sha256[name] for name in identity.checkpoints}
        if dict(identity.checkpoints) != weights:
            raise VerificationError(
                f"the golden embeddings of {identity.model} are of seeded weights {weights}, the .pt2 is of "
                f"{dict(identity.checkpoints)}: export it with seeded weights, or regenerate the embeddings "
                "with tests/golden/make_golden.py"
            )
        stored = golden.cases[identity.model]
        cases = [case for case in clips() if case in stored]
        of_frontend: dict[str, list[Check]] = {}

        def features() -> Iterator[Arrays]:
            for case in cases:
                clip = clips()[case]
                prepared = prepare_waveform(clip.waveform, clip.sample_rate, exported.use)
                with full_float32():
                    given = exported.use.frontend(prepared, clip.sha256)
                of_frontend[case] = list(_compare_features(exported, golden, case, given))
                yield given

        passed = True
        found: dict[str, Embeddings] = {}
        # All in one stream, as sets are embedded: windows share batches, and each thread has work.
        counts = [golden.counts[identity.model][case] for case in cases]
        in_turn = exported.embed_many(features(), exported.lanes, counts)
        for case, vectors in zip(cases, in_turn, strict=True):
            yield from of_frontend[case]
            embeddings = vectors[exported.model.main_output]
            yield from _compare_others(exported, golden, case, vectors)
            found[case], check = _compare_embeddings(exported, golden, case, embeddings)
            passed = passed and check.verdict == "passed"
            yield check
        if passed:
            groups = [
                [found[case] for case in group if case in found]
                for group in (REFERENCE_GROUP, EVALUATION_GROUP)
            ]
            case = case_by("distance of two groups of clips", exported.backend)
            count = sum(len(embeddings) for group in groups for embeddings in group)
            distance, expected = distance_of_groups(groups), golden.exact_distances[identity.model]
            yield compare_distance(identity, "golden", case, count, distance, expected)


def _compare_features(
    exported: ExportedModel, golden: Golden, case: str, features: Arrays
) -> Iterator[Check]:
    name, facts = exported.model.name, exported.model.verification
    # Decibels are compared as amplitudes.
    ours = facts.linear(golden.comparable_features(name, case, features))
    for found, expected in zip(ours, facts.linear(golden.features[name][case]), strict=True):
        tolerance = facts.frontend_tolerance
        yield compare(exported.identity, "golden", case, found, expected, tolerance, quantity="frontend")


def _compare_others(
    exported: ExportedModel, golden: Golden, case: str, vectors: Mapping[str, Embeddings]
) -> Iterator[Check]:
    """Compare the outputs of a clip other than the main one, as far as the original gives them."""
    model = exported.model
    for output, expected in golden.others.get(model.name, {}).get(case, {}).items():
        found = golden.comparable(model.name, case, vectors[output])
        by = case_by(case, exported.backend)
        yield compare(exported.identity, "golden", by, found, expected, model.tolerance, quantity=output)


def _compare_embeddings(
    exported: ExportedModel, golden: Golden, case: str, embeddings: Embeddings
) -> tuple[Embeddings, Check]:
    """Return the settled embeddings of a clip (see `settle`), and their check."""
    model, expected = exported.model, golden.cases[exported.model.name][case]
    unrounded = golden.before_quantisation.get(model.name, {}).get(case)
    settled, flips, tolerance = settle(model, embeddings, expected, unrounded)
    found, case = golden.comparable(model.name, case, settled), case_by(case, exported.backend)
    return settled, compare(
        exported.identity,
        "golden",
        case,
        found,
        expected,
        tolerance,
        quantity=model.main_output,
        off_by_quantum=flips,
    )
