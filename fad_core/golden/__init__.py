"""What the original packages say: embeddings of fixed clips, stored to be compared with.

`<family>.npz` beside this file was written by `tests/golden/make_golden.py`, which ran the original
package with seeded weights of the same architecture on the clips of `fad_core.golden.clips`. It
shows that a model is the original's computation, whatever weights it then gets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import VerificationError

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Golden:
    """The original package's results for one family of models.

    Attributes:
        family: e.g. "vggish".
        cases: by model id, then by clip: embeddings `[N, D]`.
        before_quantisation: the same for the ids with a quantised embedding, before it is clipped and
            rounded: tells a wrong value from one that fell on the other side of a rounding edge.
        features: by clip, for a few: the network's input of the first window `[1, …]`.
        distances: by model id: the original's FAD of the clips of `clips.REFERENCE_GROUP` and
            `clips.EVALUATION_GROUP`.
        distance_of_matrices: its FAD of `clips.distance_matrices()`.
        flat: "id/clip" of the embeddings that the original gave as `[D]`; they are `[1, D]` here.
        clip_sha256: by clip, `Clip.sha256` of what was embedded.
        weights_sha256: by checkpoint file, `seeded.state_sha256` of the weights.
        versions: of Python and the packages that ran.
    """

    family: str
    cases: Mapping[str, Mapping[str, Vectors]]
    before_quantisation: Mapping[str, Mapping[str, Vectors]]
    features: Mapping[str, Vectors]
    distances: Mapping[str, float]
    distance_of_matrices: float
    flat: tuple[str, ...]
    clip_sha256: Mapping[str, str]
    weights_sha256: Mapping[str, str]
    versions: Mapping[str, str]


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
    cases: dict[str, dict[str, Vectors]] = {}
    before: dict[str, dict[str, Vectors]] = {}
    features: dict[str, Vectors] = {}
    with np.load(path, allow_pickle=False) as entries:
        meta = json.loads(str(entries["meta"]))
        for name in entries.files:
            kind, _, rest = name.partition("/")
            if kind == "features":
                features[rest] = entries[name]
            elif kind in ("embeddings", "before_quantisation"):
                model, _, clip = rest.partition("/")
                (cases if kind == "embeddings" else before).setdefault(model, {})[clip] = entries[name]
    return Golden(
        family=family,
        cases=cases,
        before_quantisation=before,
        features=features,
        distances=meta["distances"],
        distance_of_matrices=meta["distance_of_matrices"],
        flat=tuple(meta["flat"]),
        clip_sha256=meta["clip_sha256"],
        weights_sha256=meta["weights_sha256"],
        versions=meta["versions"],
    )
