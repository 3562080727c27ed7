"""The level *golden* of a model of captions: compare it, with seeded weights, with the original package.

The file (`VerificationFacts.golden`) is written by `tests/golden/make_golden_text.py`. It holds captions,
their ids by the original's tokenizer, and the original's vectors. The originals fill each caption up to 77
tokens; here it has its own length.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fad_core.errors import VerificationError
from fad_core.models.base import NetworkModel
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.verification.check import Check, Embeddings, case_by, compare
from fad_core.verification.golden import WithOriginal


@dataclass(frozen=True)
class GoldenText:
    """The original package's results for captions.

    Attributes:
        captions: the captions.
        ids: of each caption, its tokens by the original's tokenizer and the minimal vocabulary.
        embeddings: by model id, the vectors `[captions, D]`.
        weights_sha256: by model id, `state_sha256` of the weights.
        versions: of Python and the packages that ran.
    """

    captions: Sequence[str]
    ids: Sequence[Sequence[int]]
    embeddings: Mapping[str, Embeddings]
    weights_sha256: Mapping[str, str]
    versions: Mapping[str, str]


def load_golden_text(model: NetworkModel) -> GoldenText:
    """Read the golden file of a model of captions.

    Raises:
        VerificationError: the model has none, or is not in it.
    """
    path = model.verification.golden
    if path is None or not path.is_file():
        raise VerificationError(f"{model.name} has no golden embeddings")
    with np.load(path) as arrays:
        meta = json.loads(str(arrays["meta"]))
        embeddings = {name: arrays[name] for name in arrays.files if name != "meta"}
    if model.name not in embeddings:
        raise VerificationError(f"{path} has no embeddings of {model.name}")
    return GoldenText(embeddings=embeddings, **meta)


class GoldenTextLevel(WithOriginal):
    """Comparison of loaded models of captions, with seeded weights, with the golden embeddings.

    Attributes:
        golden: the stored embeddings.
        count: number of checks of embeddings for each backend.
    """

    def __init__(self, model: NetworkModel) -> None:
        """Read the golden embeddings of a model.

        Raises:
            VerificationError: the model has none.
        """
        self.golden = load_golden_text(model)
        self.count = len(self.golden.captions)

    def compare(self, exported: ExportedNetwork) -> Iterator[Check]:
        """Yield a check for each caption.

        Raises:
            VerificationError: the stored embeddings are of other weights.
        """
        identity, golden, model = exported.identity, self.golden, exported.model
        if identity.weights_sha256 != golden.weights_sha256[model.name]:
            raise VerificationError(
                f"the golden embeddings of {model.name} are of seeded weights "
                f"{golden.weights_sha256[model.name]}, the .pt2 is of {identity.weights_sha256}: export it "
                "with seeded weights, or regenerate the embeddings with tests/golden/make_golden_text.py"
            )
        tokens = [np.array([ids], np.int64) for ids in golden.ids]
        found = exported.embed_many(((ids,) for ids in tokens), exported.lanes)
        stored = golden.embeddings[model.name]
        for number, (vectors, expected) in enumerate(zip(found, stored, strict=True), start=1):
            case = case_by(f"caption {number}, {len(golden.ids[number - 1])} tokens", exported.backend)
            name = model.main_output
            yield compare(
                identity, "golden", case, vectors[name], expected[None], model.tolerance, quantity=name
            )
