"""The level *eager*: compare a `.pt2` with the eager network, built from the checkpoint again.

The inputs are of several batch sizes and lengths (`VerificationFacts.eager_cases`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch

from fad_core.models.base import Arrays, NetworkModel
from fad_core.runner.backend import Backend
from fad_core.runner.blocks import split_result
from fad_core.runner.device import full_float32
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.runner.pt2 import build_network
from fad_core.verification.check import Check, case_by, compare
from fad_core.verification.verdicts import Level
from fad_core.weights import Weights

# The plain runner calls the same kernels as the eager network and gives the same bits. A tenth of the
# tolerance allows for BLAS libraries whose results depend on the alignment of a buffer.
PLAIN_SHARE = 0.1


class EagerLevel:
    """Comparison of loaded models, run by any backend, with the network that they were exported from.

    Attributes:
        name: name of the level.
        against: what models are compared with, in words.
        count: number of checks of embeddings for each backend.
    """

    name: Level = "eager"
    against = "the network it was exported from"

    def __init__(self, model: NetworkModel, weights: Weights) -> None:
        """Prepare the level; the network is built when it is first needed.

        Args:
            model: the model.
            weights: the fetched weights that it was exported with.
        """
        self._model, self._weights = model, weights
        self._outputs: dict[tuple[int, int], Arrays] = {}
        self.count = len(model.verification.eager_cases)

    def backends(self, backends: Sequence[Backend]) -> list[Backend]:
        """Return those of the backends that this level can compare.

        For quantised embeddings that is the plain runner alone: a value on a rounding edge may fall on either
        side with other kernels, which only the golden level can tell from an error.
        """
        plain = Backend("plain")
        return [each for each in backends if each == plain or not self._model.verification.quantization_step]

    def compare(self, exported: ExportedNetwork) -> Iterator[Check]:
        """Yield a check for each case and output of a loaded model, and for the state that it carries."""
        # The plain runner calls the kernels of the eager network.
        share = PLAIN_SHARE if exported.backend == Backend("plain") else 1
        names = [*self._model.outputs] + ["state"] * (self._model.initial_state() is not None)
        for batch, samples in self._model.verification.eager_cases:
            length = f", {samples} {self._model.length_unit}" if samples else ""
            case = case_by(f"batch {batch}{length}", exported.backend)
            found = exported.network(*self._model.example_input(batch, samples))
            expected, tolerance = self._output(batch, samples), share * self._model.tolerance
            for name, ours, theirs in zip(names, found, expected, strict=True):
                yield compare(exported.identity, "eager", case, ours, theirs, tolerance, quantity=name)

    @cached_property
    def _network(self) -> torch.nn.Module:
        return build_network(self._model, self._weights)

    def _output(self, batch: int, samples: int) -> Arrays:
        """Return what the eager network gives for an example input, computed once for all backends."""
        if (batch, samples) not in self._outputs:
            with torch.inference_mode(), full_float32():
                result = self._network(*self._model.example_input(batch, samples))
            outputs, state = split_result(result, self._model)
            self._outputs[batch, samples] = tuple(each.numpy() for each in (*outputs, *state))
        return self._outputs[batch, samples]
