"""What the original packages say: embeddings of fixed clips, stored to be compared with.

`<family>.npz` beside this file was written by `tests/golden/make_golden.py`, which ran the original
package with seeded weights of the same architecture on the clips of `fad_core.verification.golden.clips`. It
shows that a model is the original's computation, whatever weights it then gets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import VerificationError
from fad_core.models.base import Arrays

Vectors = NDArray[np.float32]

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
    cases: Mapping[str, Mapping[str, Vectors]]
    counts: Mapping[str, Mapping[str, int]]
    before_quantisation: Mapping[str, Mapping[str, Vectors]]
    features: Mapping[str, Mapping[str, Arrays]]
    feature_shapes: Mapping[str, Mapping[str, Sequence[Sequence[int]]]]
    exact_distances: Mapping[str, float]
    distances: Mapping[str, float]
    distance_of_matrices: float
    flat: tuple[str, ...]
    clip_sha256: Mapping[str, str]
    weights_sha256: Mapping[str, str]
    versions: Mapping[str, str]

    def comparable(self, model: str, clip: str, embeddings: Vectors) -> Vectors:
        """Of embeddings `[N, D]`, what is stored of the original's; all of them if N is not its N."""
        if len(embeddings) != self.counts[model][clip]:
            return embeddings
        return embedding_excerpt(embeddings)

    def comparable_features(self, model: str, clip: str, features: Arrays) -> Arrays:
        """Of a file's features, what is stored of the original's; all if their shapes are not its."""
        shapes = [tuple(shape) for shape in self.feature_shapes[model][clip]]
        if [array.shape for array in features] != shapes:
            return features
        return tuple(feature_excerpt(array) for array in features)


def embedding_excerpt(embeddings: Vectors) -> Vectors:
    """What is stored of embeddings `[N, D]`: all; of many, four from first to last, and the mean of all."""
    if len(embeddings) <= _ALL_VECTORS:
        return embeddings
    rows = np.arange(_FEW_VECTORS) * (len(embeddings) - 1) // (_FEW_VECTORS - 1)
    mean = np.mean(embeddings, axis=0, keepdims=True, dtype=np.float64)
    return np.concatenate([embeddings[rows], mean.astype(np.float32)])


def feature_excerpt(features: NDArray[Any]) -> NDArray[Any]:
    """What is stored of an array `[N, …]` that a network takes: up to 256 of its values, `[1, values]`."""
    count = min(features.size, _FEATURE_VALUES)
    # An odd step goes through all bands of a spectrogram, whose number is even.
    places = np.arange(count) * (features.size // count | 1) % features.size
    return features.reshape(-1)[places][None]


def golden_path(family: str) -> Path:
    """Where a family's golden file lies; it need not exist."""
    return Path(__file__).with_name(f"{family}.npz")


def load_golden(family: str) -> Golden:
    """Read a family's golden file.

    Raises:
        VerificationError: there is none.
    """
    path = golden_path(family)
    if not path.is_file():
        raise VerificationError(
            f"no golden embeddings of the {family} family ({path}): "
            "tests/golden/make_golden.py makes them with the original package"
        )
    found: dict[str, dict[str, dict[str, Vectors]]] = {"before_quantisation": {}}
    features: dict[str, dict[str, list[NDArray[Any]]]] = {}
    with np.load(path, allow_pickle=False) as entries:
        meta = json.loads(str(entries["meta"]))
        for name in sorted(set(entries.files) - {"meta"}):
            kind, model, clip = name.split("/")[:3]
            if kind == "features":
                features.setdefault(model, {}).setdefault(clip, []).append(entries[name])
            else:
                found.setdefault(kind, {}).setdefault(model, {})[clip] = entries[name]
    # Models of one frontend have the same features: they are stored once.
    same = meta.pop("features_of")
    return Golden(
        family=family,
        cases=found["embeddings"],
        before_quantisation=found["before_quantisation"],
        features={
            model: {clip: tuple(arrays) for clip, arrays in features[first].items()}
            for model, first in same.items()
        },
        flat=tuple(meta.pop("flat")),
        **meta,
    )
