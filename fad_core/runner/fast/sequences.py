"""Networks over sequences `[N, C, T]`, whose channels are last in memory: convolutions and LSTMs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fad_core.runner.fast import panels

Given = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
_STEPS = 32
"""Steps of an LSTM's layer before the next layer follows: what lies between them stays in cache."""


class SequenceConvolution(nn.Module):
    """A convolution of a sequence that may come in pieces, with what stands before and behind it."""

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor | None, stride: int, *, activated: bool
    ) -> None:
        """Prepare the weights.

        Args:
            weight: `[outputs, inputs, kernel]`; the outputs fill panels (`panels.width`).
            bias: `[outputs]`, or None.
            stride: columns from one output to the next.
            activated: whether it hears the ELU of its input.
        """
        super().__init__()
        self.outputs, self.inputs, self._kernel = weight.shape
        self._panels = panels.in_panels(weight.transpose(1, 2).reshape(self.outputs, -1).numpy())
        self.bias = (
            torch.zeros(self.outputs) if bias is None else bias.clone(memory_format=torch.contiguous_format)
        )
        self._stride, self._activated = stride, activated
        self._norm: tuple[NDArray[np.float32], NDArray[np.float32], float] | None = None

    @property
    def normed(self) -> bool:
        """Whether a norm follows."""
        return self._norm is not None

    def normalise(self, gain: torch.Tensor, offset: torch.Tensor, epsilon: float) -> None:
        """Have a group norm with one group follow: over all channels and the whole sequence."""
        self._norm = gain.numpy(), offset.numpy(), epsilon

    def forward(self, pieces: Sequence[torch.Tensor], onto: torch.Tensor | None = None) -> torch.Tensor:
        """Convolve.

        Args:
            pieces: one to three `[N, inputs, T]`, one behind the other.
            onto: `[N, outputs, T]`, to which the products are added, in place and without the bias.

        Returns:
            `[N, outputs, T]`.
        """
        given = [piece.transpose(1, 2).contiguous() for piece in pieces]
        none = given[0][:, :0]
        early, middle, late = (*([none] if len(given) == 1 else []), *given, none, none)[:3]
        length = (sum(piece.shape[1] for piece in given) - self._kernel) // self._stride + 1
        sums = torch.empty((len(middle), length, self.outputs)) if onto is None else _in_order(onto)
        moments = np.zeros(0 if self._norm is None else 2)
        for before, rows, behind, result in zip(
            early.numpy(), middle.numpy(), late.numpy(), sums.numpy(), strict=True
        ):
            moments[:] = 0.0
            panels.convolve(
                *(before, rows, behind, self._activated, self._panels, self.bias.numpy()),
                *(self._kernel, self._stride, onto is not None, moments, result),
            )
            if self._norm is not None:
                panels.normalise(result, moments, *self._norm)
        return sums.transpose(1, 2)


def _in_order(sequence: torch.Tensor) -> torch.Tensor:
    """`[N, T, C]` in order."""
    return sequence.transpose(1, 2).contiguous()


class Columns(nn.Module):
    """Columns of a sequence that comes in pieces."""

    def forward(self, pieces: Sequence[torch.Tensor], places: torch.Tensor) -> torch.Tensor:
        """Take the columns at some places of `[N, C, T]`."""
        start, taken = 0, None
        for piece in pieces:
            length = piece.shape[-1]
            if length == 0:
                continue
            found = piece.index_select(-1, (places - start).clamp(0, length - 1))
            taken = found if taken is None else torch.where(places >= start, found, taken)
            start += length
        assert taken is not None
        return taken


class Recurrence(nn.Module):
    """LSTM layers of one direction."""

    shares = True

    def __init__(self, weights: Sequence[torch.Tensor]) -> None:
        """Prepare the weights: of each layer the input's, the state's, both `[4 H, H]`, and their biases."""
        super().__init__()
        layers = [weights[first : first + 4] for first in range(0, len(weights), 4)]
        self._layers = [
            (panels.in_panels(given.numpy()), (bias + other).numpy(), panels.in_panels(kept.numpy()))
            for given, kept, bias, other in layers
        ]

    def forward(self, sequence: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> Given:
        """Apply them to `[T, N, H]`, with states `[layers, N, H]`; returns the like of all three."""
        (result,) = self.together([(sequence, hidden, cell)])
        return result

    def together(self, given: Sequence[Given]) -> list[Given]:
        """Apply them to several sequences in step: the weights are read once a step for all of them.

        A sequence's result has the same bits in any company.
        """
        # Longest first, so that those who still go on are the first ones at every step.
        order = sorted(range(len(given)), key=lambda place: -len(given[place][0]))
        lengths = [len(given[place][0]) for place in order for _ in range(given[place][0].shape[1])]
        rows = torch.cat(
            [given[place][0].transpose(0, 1).reshape(-1, given[place][0].shape[2]) for place in order]
        )
        hidden, cell = (
            torch.cat([given[place][part] for place in order], 1).numpy().copy() for part in (1, 2)
        )
        starts = np.concatenate([[0], np.cumsum(lengths)])
        outputs = torch.empty_like(rows)
        size = rows.shape[1]
        for first in range(0, lengths[0], _STEPS):
            steps = np.arange(first, min(first + _STEPS, lengths[0]))
            counts = np.array([sum(length > step for length in lengths) for step in steps])
            places = torch.from_numpy(
                np.concatenate([starts[:count] + step for step, count in zip(steps, counts, strict=True)])
            )
            values = rows[places]
            for layer, (inward, bias, onward) in enumerate(self._layers):
                made = torch.empty((len(places), size))
                panels.remember(
                    values.numpy(), counts, inward, bias, onward, hidden[layer], cell[layer], made.numpy()
                )
                values = made
            outputs[places] = values
        return self._apart(given, order, outputs, torch.from_numpy(hidden), torch.from_numpy(cell))

    @staticmethod
    def _apart(
        given: Sequence[Given],
        order: list[int],
        outputs: torch.Tensor,
        hidden: torch.Tensor,
        cell: torch.Tensor,
    ) -> list[Given]:
        made: list[Given] = list(given)
        row = start = 0
        for place in order:
            length, number, size = given[place][0].shape
            output = outputs[start : start + length * number].view(number, length, size).transpose(0, 1)
            made[place] = output, hidden[:, row : row + number], cell[:, row : row + number]
            row, start = row + number, start + length * number
        return made
