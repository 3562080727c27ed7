"""The level *eager*: the `.pt2` against the eager network, rebuilt from the checkpoint.

Over batch sizes and lengths (`VerificationFacts.eager_cases`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch

from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.runner.backend import Backend
from fad_core.runner.blocks import split_result
from fad_core.runner.device import full_float32
from fad_core.runner.exported import ExportedModel
from fad_core.verification.check import Check, case_by, compare
from fad_core.verification.verdicts import Level
from fad_core.weights import Weights, load_state

# Run as it is, the exported program calls the same kernels as the eager network and gives the same bits; the
# tenth of the tolerance is left to BLAS libraries that answer by the alignment of a buffer.
PLAIN_SHARE = 0.1


class EagerLevel:
    """Compares loaded models with the network that they were made from, by whatever backend they run.

    Attributes:
        name: of the level.
        against: what it compares with, in words.
        count: how many of its checks are of embeddings, by each backend.
    """

    name: Level = "eager"
    against = "the network it was made from"

    def __init__(self, model: EmbeddingModel, weights: Weights) -> None:
        """Prepare for a model; its network is built when it is first compared with.

        Args:
            model: the model.
            weights: the fetched ones that it was made from.
        """
        self._model, self._weights = model, weights
        self._outputs: dict[tuple[int, int], Arrays] = {}
        self.count = len(model.verification.eager_cases)

    def backends(self, backends: Sequence[Backend]) -> list[Backend]:
        """Those of the backends that can be compared.

        Where a quantised value lies on an edge, other roundings decide; the golden level counts those.
        """
        plain = Backend("plain")
        return [each for each in backends if each == plain or not self._model.verification.quantization_step]

    def compare(self, exported: ExportedModel) -> Iterator[Check]:
        """Compare a loaded model; one check a case."""
        # The plain runner calls the kernels of the eager network.
        share = PLAIN_SHARE if exported.backend == Backend("plain") else 1
        for batch, samples in self._model.verification.eager_cases:
            case = case_by(f"batch {batch}" + (f", {samples} samples" if samples else ""), exported.backend)
            found = exported.network(*self._model.example_input(batch, samples))
            expected, tolerance = self._output(batch, samples), share * self._model.tolerance
            for name, ours, theirs in zip(self._model.outputs, found, expected, strict=True):
                yield compare(exported.identity, "eager", case, ours, theirs, tolerance, quantity=name)

    @cached_property
    def _network(self) -> torch.nn.Module:
        return self._model.build(load_state(self._weights))

    def _output(self, batch: int, samples: int) -> Arrays:
        """What the eager network gives for `example_input(batch, samples)`, once for all backends."""
        if (batch, samples) not in self._outputs:
            with torch.inference_mode(), full_float32():
                result = self._network(*self._model.example_input(batch, samples))
            outputs, _ = split_result(result, self._model)
            self._outputs[batch, samples] = tuple(each.numpy() for each in outputs)
        return self._outputs[batch, samples]
