"""Layers over sequences `[N, C, T]` that are kept channels last in memory: convolutions and LSTMs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fad_core.runner.fast import packed_gemm, sequence_kernels

LstmCall = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""What an LSTM takes and returns: a sequence `[T, N, H]`, hidden and cell states `[layers, N, H]`."""
_STEPS = 32
"""Steps of an LSTM's layer before the next layer makes them: what is between the layers stays in cache."""


class SequenceConvolution(nn.Module):
    """A convolution of a sequence that may come in pieces, with the ELU before it and the norm behind it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, stride: int, *, elu: bool) -> None:
        """Pack the weights.

        Args:
            weight: float32 `[outputs, inputs, kernel]`; the outputs must fill panels
                (`packed_gemm.panel_registers`).
            bias: float32 `[outputs]`, or None.
            stride: columns from one output to the next.
            elu: whether the ELU of the sequence is convolved.
        """
        super().__init__()
        self._outputs, _, self._kernel = weight.shape
        self._panels = packed_gemm.pack(weight.transpose(1, 2).reshape(self._outputs, -1).numpy())
        self.bias = (
            torch.zeros(self._outputs, dtype=torch.float32)
            if bias is None
            else bias.clone(memory_format=torch.contiguous_format)
        )
        self._stride, self._elu = stride, elu
        self._norm: tuple[NDArray[np.float32], NDArray[np.float32], float] | None = None

    @property
    def has_norm(self) -> bool:
        """Whether a norm follows."""
        return self._norm is not None

    def append_norm(self, gain: torch.Tensor, offset: torch.Tensor, epsilon: float) -> None:
        """Let a group norm of one group follow: over all channels and the whole sequence.

        Args:
            gain: float32 `[outputs]`.
            offset: float32 `[outputs]`.
            epsilon: added to the variance.
        """
        self._norm = gain.numpy(), offset.numpy(), epsilon

    def forward(self, pieces: Sequence[torch.Tensor], total: torch.Tensor | None = None) -> torch.Tensor:
        """Convolve a sequence.

        Args:
            pieces: one to three `[N, inputs, T]`, in their order in time.
            total: `[N, outputs, T]`, to which the products are added, without the bias; None: they are
                added to the bias.

        Returns:
            `[N, outputs, T]`.
        """
        given = [piece.transpose(1, 2).contiguous() for piece in pieces]
        empty = given[0][:, :0]
        early, middle, late = (*([empty] if len(given) == 1 else []), *given, empty, empty)[:3]
        length = (sum(piece.shape[1] for piece in given) - self._kernel) // self._stride + 1
        if total is None:
            result = torch.empty((len(middle), length, self._outputs), dtype=torch.float32)
        else:
            result = total.transpose(1, 2).contiguous()
        moments = np.zeros(0 if self._norm is None else 2)
        for before, rows, behind, out in zip(
            early.numpy(), middle.numpy(), late.numpy(), result.numpy(), strict=True
        ):
            moments[:] = 0.0
            sequence_kernels.conv1d(
                *(before, rows, behind, self._elu, self._panels, self.bias.numpy()),
                *(self._kernel, self._stride, total is not None, moments, out),
            )
            if self._norm is not None:
                sequence_kernels.group_norm(out, moments, *self._norm)
        return result.transpose(1, 2)


class SelectColumns(nn.Module):
    """Columns of a sequence that comes in pieces."""

    def forward(self, pieces: Sequence[torch.Tensor], places: torch.Tensor) -> torch.Tensor:
        """Return the columns `places` (int64) of the pieces `[N, C, T]` put end to end."""
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


class LstmLayers(nn.Module):
    """LSTM layers of one direction."""

    takes_many = True

    def __init__(self, weights: Sequence[torch.Tensor]) -> None:
        """Pack the weights: of each layer the input's and the state's, both `[4 H, H]`, and their biases."""
        super().__init__()
        layers = [weights[first : first + 4] for first in range(0, len(weights), 4)]
        self._layers = [
            (packed_gemm.pack(inputs.numpy()), (bias + other).numpy(), packed_gemm.pack(state.numpy()))
            for inputs, state, bias, other in layers
        ]

    def forward(self, sequence: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> LstmCall:
        """Run the layers over one call's sequences; see `LstmCall`."""
        (result,) = self.forward_many([(sequence, hidden, cell)])
        return result

    def forward_many(self, calls: Sequence[LstmCall]) -> list[LstmCall]:
        """Run the layers over several calls' sequences in step: each step reads the weights once for all.

        A sequence's bits depend on no other sequence.
        """
        # Longest first, so that at every step the sequences that go on are the first ones.
        order = sorted(range(len(calls)), key=lambda place: -len(calls[place][0]))
        lengths = [len(calls[place][0]) for place in order for _ in range(calls[place][0].shape[1])]
        rows = torch.cat(
            [calls[place][0].transpose(0, 1).reshape(-1, calls[place][0].shape[2]) for place in order]
        )
        hidden, cell = (
            torch.cat([calls[place][part] for place in order], 1).numpy().copy() for part in (1, 2)
        )
        starts = np.concatenate([[0], np.cumsum(lengths)])
        outputs = torch.empty_like(rows)
        for first in range(0, lengths[0], _STEPS):
            steps = np.arange(first, min(first + _STEPS, lengths[0]))
            counts = np.array([sum(length > step for length in lengths) for step in steps])
            places = torch.from_numpy(
                np.concatenate([starts[:count] + step for step, count in zip(steps, counts, strict=True)])
            )
            values = rows[places]
            for layer, weights in enumerate(self._layers):
                made = torch.empty_like(values)
                sequence_kernels.lstm_layer(
                    values.numpy(), counts, *weights, hidden[layer], cell[layer], made.numpy()
                )
                values = made
            outputs[places] = values
        return _divide(calls, order, outputs, torch.from_numpy(hidden), torch.from_numpy(cell))


def _divide(
    calls: Sequence[LstmCall],
    order: Sequence[int],
    outputs: torch.Tensor,
    hidden: torch.Tensor,
    cell: torch.Tensor,
) -> list[LstmCall]:
    """Divide the results of sequences, which stand in `order`, among the calls."""
    results = list(calls)
    row = start = 0
    for place in order:
        length, number, size = calls[place][0].shape
        output = outputs[start : start + length * number].view(number, length, size).transpose(0, 1)
        results[place] = output, hidden[:, row : row + number], cell[:, row : row + number]
        row, start = row + number, start + length * number
    return results
