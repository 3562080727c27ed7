"""Compute many of resampy's output samples at once, bit for bit.

resampy (https://github.com/bmcfee/resampy, after Smith's algorithm for resampling by a windowed sinc,
https://ccrma.stanford.edu/~jos/resample) computes one output sample after the other: each is a sum over the
filter's left wing and then its right wing, in float32. This module does the same additions in the same
order for many output samples, which a processor adds in one instruction.

For rates in the ratio p : q (in lowest terms), outputs p apart have inputs q apart and, except for the
rounding of their times, the same filter. So the outputs of each of the p phases are a vector over m, sample
`phase + m p`, and so are their inputs, if these are arranged as q rows of every q-th sample. The rounding
is reproduced: each output has its own interpolation between the filter's entries, and an output for which
rounding leads to another entry, or another input, is summed separately.
"""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray
from resampy.filters import get_filter

from fad_core.util.jit import compiled

FILTER = "kaiser_best"

_BLOCK = 128
"""Outputs of one phase at a time: their inputs stay in a core's cache from one phase to the next."""


def resample_rows(
    waveform: NDArray[np.float32], rate_from: int, rate_to: int, length: int
) -> NDArray[np.float32]:
    """Resample channels, bit for bit as `resampy.resample`.

    Args:
        waveform: `[channels, samples]`, float32, finite.
        rate_from: its sample rate in Hz, at most 512 times `rate_to`.
        rate_to: the sample rate of the result in Hz.
        length: number of output samples, as resampy computes it.

    Returns:
        `[channels, length]`, float32.
    """
    ratio = float(rate_to) / rate_from
    window, entries, _ = get_filter(FILTER)
    if ratio < 1:
        window = ratio * window
    delta = np.diff(window, append=window[-1])
    scale = min(1.0, ratio)
    phases, stride = rate_to // gcd(rate_from, rate_to), rate_from // gcd(rate_from, rate_to)
    # Zeros before the first sample and after the last one, as many as a wing reaches: no sum depends on them.
    margin = len(window) // int(scale * entries) + 2
    before = -(-margin // stride) * stride
    columns = -(-(before + waveform.shape[1] + margin) // stride) + 1
    result = np.empty((len(waveform), length), np.float32)
    for channel, target in zip(waveform, result, strict=True):
        padded = np.zeros(columns * stride, np.float32)
        padded[before : before + len(channel)] = channel
        rows = np.ascontiguousarray(padded.reshape(columns, stride).T)  # every stride-th sample
        _resample(rows, before, window, delta, int(entries), scale, 1.0 / ratio, phases, target)
    return result


@compiled
def _resample(rows, before, window, delta, entries, scale, increment, phases, result):  # type: ignore[no-untyped-def]
    stride, step, length = rows.shape[0], int(scale * entries), len(result)
    sums = np.empty(_BLOCK, np.float32)
    # By wing: the filter's entry, and the fraction of the way to the next one. Then the input at or before
    # each output, relative to its position for exact times.
    offsets, etas = np.empty((2, _BLOCK), np.int64), np.empty((2, _BLOCK))
    places = np.empty(_BLOCK, np.int64)
    for start in range(0, (length + phases - 1) // phases, _BLOCK):
        for phase in range(phases):
            count = min(_BLOCK, (length - phase + phases - 1) // phases - start)
            for m in range(count):
                # The arithmetic of resampy, including its rounding.
                time = (phase + (start + m) * phases) * increment
                place = int(time)
                fraction = scale * (time - place)
                index = fraction * entries
                offsets[0, m], etas[0, m] = int(index), index - int(index)
                index = (scale - fraction) * entries
                offsets[1, m], etas[1, m] = int(index), index - int(index)
                places[m] = before + place - (start + m) * stride
            if count <= 0:
                continue
            sums[:count] = 0.0
            for wing in range(2):
                at = places[0] + start * stride + wing
                _add_wing(sums[:count], etas[wing], window, delta, offsets[wing, 0], step, rows, at, wing)
            for m in range(count):
                same = places[m] == places[0]
                if not same or offsets[0, m] != offsets[0, 0] or offsets[1, m] != offsets[1, 0]:
                    sums[m] = 0.0
                    for wing in range(2):
                        at = places[m] + (start + m) * stride + wing
                        one, eta = sums[m : m + 1], etas[wing, m : m + 1]
                        _add_wing(one, eta, window, delta, offsets[wing, m], step, rows, at, wing)
                result[phase + (start + m) * phases] = sums[m]


@compiled
def _add_wing(sums, etas, window, delta, offset, step, rows, at, wing):  # type: ignore[no-untyped-def]
    """Add one wing's taps to each sum: from input `at` on, backwards (left) or forwards (right)."""
    count, stride = len(sums), rows.shape[0]
    direction = 1 if wing else -1
    taps = (len(window) - offset) // step
    for tap in range(taps):
        place = at + tap * direction
        samples = rows[place % stride, place // stride : place // stride + count]
        entry, slope = window[offset + tap * step], delta[offset + tap * step]
        for m in range(count):
            sums[m] = np.float32(np.float64(sums[m]) + (entry + etas[m] * slope) * np.float64(samples[m]))
