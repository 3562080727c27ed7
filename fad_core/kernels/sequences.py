"""Sequences `[N, C, T]` with their channels last in memory: what stands between their convolutions."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from fad_core.kernels.compiled import compiled

_BLOCK = 1024
"""Values at a time: what a pass over them leaves is in the cache for the next one."""
# Cody and Waite's two parts of ln 2, and the exponents that a float32 has.
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOG2_E = np.float32(1.442695041)
_LEAST = np.float32(-87.0)


def last(x: torch.Tensor) -> torch.Tensor:
    """The same `[N, C, T]`, its channels last in memory."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


class Joined(nn.Module):
    """Sequences one behind the other."""

    def forward(self, parts: list[torch.Tensor]) -> torch.Tensor:
        """Turn several `[N, C, T]` into one."""
        return torch.cat([part.transpose(1, 2) for part in parts], dim=1).transpose(1, 2)


class Elu(nn.Module):
    """ELU of every value, in place: x where x > 0, else exp(x) - 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        values = x.transpose(1, 2)
        if not values.is_contiguous():
            return nn.functional.elu(x, inplace=True)
        elu(values.numpy().reshape(-1))
        return x


class SequenceNorm(nn.Module):
    """Group norm with one group: mean and variance over all channels and the whole sequence."""

    def __init__(self, gain: torch.Tensor, offset: torch.Tensor, epsilon: float) -> None:
        super().__init__()
        self._gain, self._offset, self._epsilon = gain.numpy(), offset.numpy(), epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it to `[N, C, T]`, in place."""
        values = x.transpose(1, 2).contiguous()
        for row in values.numpy():
            norm(row, self._gain, self._offset, self._epsilon)
        return values.transpose(1, 2)


@compiled
def elu(values):  # type: ignore[no-untyped-def]
    """ELU of float32 values, in place.

    exp(x) - 1 = (exp(r) - 1) 2^n + (2^n - 1) for x = n ln 2 + r; the polynomial is the Taylor series, whose
    next term is below 2e-9 for r within ±ln 2 / 2.
    """
    half, one = np.float32(0.5), np.float32(1.0)
    bits = np.empty(_BLOCK, np.int32)
    powers = bits.view(np.float32)
    rests = np.empty(_BLOCK, np.float32)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        for i in range(len(block)):
            x = min(max(block[i], _LEAST), np.float32(0.0))
            n = np.floor(x * _LOG2_E + half)
            bits[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
            rests[i] = (x - n * _LN2_HIGH) - n * _LN2_LOW
        for i in range(len(block)):
            r = rests[i]
            p = np.float32(1 / 5040)
            p = p * r + np.float32(1 / 720)
            p = p * r + np.float32(1 / 120)
            p = p * r + np.float32(1 / 24)
            p = p * r + np.float32(1 / 6)
            p = p * r + half
            p = p * r * r + r
            made = p * powers[i] + (powers[i] - one)
            x = block[i]
            block[i] = made if x <= np.float32(0.0) else x


@compiled
def norm(values, gain, offset, epsilon):  # type: ignore[no-untyped-def]
    """Normalise `[T, C]` in place; sums are float32 over a few rows and float64 over all."""
    length, channels = values.shape
    part, squares = np.empty(channels, np.float32), np.empty(channels, np.float32)
    rows = max(_BLOCK // channels, 1)
    total, square = 0.0, 0.0
    for start in range(0, length, rows):
        part[:] = 0.0
        squares[:] = 0.0
        for t in range(start, min(start + rows, length)):
            for c in range(channels):
                x = values[t, c]
                part[c] += x
                squares[c] += x * x
        for c in range(channels):
            total += part[c]
            square += squares[c]
    count = length * channels
    mean = total / count
    scale = 1.0 / np.sqrt(max(square / count - mean * mean, 0.0) + epsilon)
    for c in range(channels):
        part[c] = gain[c] * scale
        squares[c] = offset[c] - mean * scale * gain[c]
    for t in range(length):
        for c in range(channels):
            values[t, c] = values[t, c] * part[c] + squares[c]
