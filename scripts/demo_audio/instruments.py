"""Synthesized instruments: plucked strings, FM bells and tones, drums.

Each returns one note or stroke as float64 [samples], peak about 1, at `RATE`.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from . import Signal

RATE = 22_050


def _time(seconds: float) -> Signal:
    return np.arange(round(seconds * RATE)) / RATE


def _swell(time: Signal, attack: float, decay: float) -> Signal:
    """Rise linearly within `attack` seconds, fall by 1/e every `decay` seconds."""
    return np.minimum(time / attack, 1.0) * np.exp(-time / decay)


def pluck(frequency: float, seconds: float, ring: float, rng: np.random.Generator) -> Signal:
    """Pluck a string: a burst of noise runs round a delay line that averages neighbours.

    Karplus and Strong, "Digital Synthesis of Plucked-String and Drum Timbres", Computer Music
    Journal 7(2), 1983, written as a recursive filter. The averaging delays by half a sample, a linear
    interpolation by the remaining fraction, so that high notes are in tune.

    Args:
        frequency: in Hz, well below RATE / 4.
        seconds: duration of the note.
        ring: seconds until it has decayed by 60 dB, without the effect of the averaging.
        rng: random generator of the burst.
    """
    delay = RATE / frequency - 0.5
    whole = int(delay)
    fraction = delay - whole
    loss = 10 ** (-3 / (frequency * ring))
    feedback = np.zeros(whole + 3)
    feedback[0] = 1.0
    feedback[whole:] -= loss * np.convolve([0.5, 0.5], [1 - fraction, fraction])
    burst = np.zeros(round(seconds * RATE))
    noise = rng.uniform(-1, 1, min(whole, burst.size))
    burst[: noise.size] = noise - noise.mean()  # the loop would keep a constant forever
    string: Signal = np.asarray(signal.lfilter([1.0], feedback, burst), dtype=np.float64)
    string /= np.abs(string).max()
    return string


def fm_tone(frequency: float, seconds: float, ratio: float, depth: float, decay: float) -> Signal:
    """Modulate a sine's frequency by another sine, whose depth decays faster than the tone.

    Chowning, "The Synthesis of Complex Audio Spectra by Means of Frequency Modulation", JAES 21(7),
    1973. Whole ratios give reeds and brass, others bells.

    Args:
        frequency: of the carrier, in Hz.
        seconds: duration of the note.
        ratio: the modulator's frequency over the carrier's.
        depth: the modulation index at the start.
        decay: seconds in which the tone decays to 1/e.
    """
    time = _time(seconds)
    index = depth * np.exp(-2 * time / decay)
    modulator = index * np.sin(2 * np.pi * ratio * frequency * time)
    return _swell(time, 0.005, decay) * np.sin(2 * np.pi * frequency * time + modulator)


def kick() -> Signal:
    """Strike a bass drum: a sine that falls from 150 to 45 Hz."""
    time = _time(0.3)
    phase = 45 * time + (150 - 45) * 0.03 * (1 - np.exp(-time / 0.03))
    return _swell(time, 0.001, 0.09) * np.sin(2 * np.pi * phase)


def snare(rng: np.random.Generator) -> Signal:
    """Strike a snare drum: a short 190 Hz tone under a longer rush of noise."""
    time = _time(0.22)
    rush = np.clip(0.35 * rng.standard_normal(time.size), -1, 1) * _swell(time, 0.001, 0.06)
    return 0.5 * np.sin(2 * np.pi * 190 * time) * _swell(time, 0.001, 0.03) + 0.7 * rush


def hat(rng: np.random.Generator) -> Signal:
    """Strike a closed hi-hat: noise whose low frequencies are removed by two differences."""
    time = _time(0.06)
    hiss = np.diff(0.15 * rng.standard_normal(time.size + 2), n=2)
    return np.clip(hiss, -1, 1) * _swell(time, 0.001, 0.015)
