"""Short musical clips: a melody, mostly with a bass and drums, all of them different.

They have notes, rests, timbres and a rhythm; every clip is drawn from its own stream of random numbers. One
in three is stereo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from . import Samples, Signal, generator, to_samples
from .instruments import RATE, fm_tone, hat, kick, pluck, snare

COUNT = 28
SECONDS = 2
LEADS = ("pluck", "bell", "reed", "drums")
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10), "pentatonic": (0, 3, 5, 7, 10)}

Voice = Callable[[float, float], Signal]
"""An instrument: from frequency in Hz and seconds to [samples]."""


def _frequency(note: int) -> float:
    """Return the frequency of a MIDI note in equal temperament, A4 (69) at 440 Hz."""
    return float(440 * 2 ** ((note - 69) / 12))


def _voice(lead: str, rng: np.random.Generator) -> Voice:
    if lead == "bell":
        ratio, depth = rng.choice([1.4, 2.76, 3.5]), rng.uniform(1.5, 4)
        return lambda frequency, seconds: fm_tone(frequency, seconds + 1.0, ratio, depth, 0.7)
    if lead == "reed":
        ratio, depth = rng.choice([1.0, 2.0, 3.0]), rng.uniform(1, 3)
        return lambda frequency, seconds: fm_tone(frequency, seconds, ratio, depth, 1.2 * seconds)
    ring = rng.uniform(1, 4)
    return lambda frequency, seconds: pluck(frequency, seconds + 0.4, ring, rng)


def _add(track: Signal, sound: Signal, start: float) -> None:
    """Mix a sound into the track from `start` seconds on; it is cut at the end of the track.

    Its last 10 ms are faded out, so that a damped note does not end in a click.
    """
    first = round(start * RATE)
    fading = np.minimum(np.arange(sound.size, 0, -1) / (0.01 * RATE), 1.0)
    part = (sound * fading)[: max(track.size - first, 0)]
    track[first : first + part.size] += part


def _melody(
    voice: Voice, scale: tuple[int, ...], root: int, eighth: float, rng: np.random.Generator
) -> Signal:
    track = np.zeros(SECONDS * RATE)
    start, degree = 0.0, int(rng.integers(len(scale)))
    while start < SECONDS:
        seconds = eighth * int(rng.choice([1, 1, 2, 2, 3, 4]))
        octave, step = divmod(degree, len(scale))
        if start == 0 or rng.random() > 0.12:  # otherwise a rest
            note = voice(_frequency(root + 12 * octave + scale[step]), seconds)
            _add(track, rng.uniform(0.6, 1.0) * note, start)
        degree = int(np.clip(degree + rng.integers(-3, 4), -len(scale) // 2, 2 * len(scale)))
        start += seconds
    return track


def _bass(root: int, eighth: float, rng: np.random.Generator) -> Signal:
    track = np.zeros(SECONDS * RATE)
    for start in np.arange(0, SECONDS, 4 * eighth).tolist():
        note = root - 24 + int(rng.choice([0, 0, 5, 7]))
        _add(track, pluck(_frequency(note), 4 * eighth, 2.0, rng), start)
    return track


def _drums(eighth: float, rng: np.random.Generator) -> Signal:
    track = np.zeros(SECONDS * RATE)
    busy = rng.uniform(0.4, 0.95)
    for beat, start in enumerate(np.arange(0, SECONDS, eighth).tolist()):
        if beat % 4 == 0 or rng.random() < 0.08:
            _add(track, kick(), start)
        if beat % 4 == 2:
            _add(track, 0.8 * snare(rng), start)
        if rng.random() < busy:
            _add(track, 0.5 * hat(rng), start)
    return track


def compose(lead: str, channels: int, rng: np.random.Generator) -> Signal:
    """Draw a clip, float64 [samples, channels], with a peak between 0.35 and 0.6.

    The headroom prevents clipping of a copy with noise of a tenth of the peak.
    """
    eighth = 30 / rng.uniform(70, 150)  # seconds, for that many quarters a minute
    root = int(rng.integers(52, 65))
    scale = SCALES[str(rng.choice(list(SCALES)))]
    parts = []
    if lead == "drums":
        parts += [_drums(eighth, rng), 0.7 * _bass(root, eighth, rng)]
    else:
        parts.append(_melody(_voice(lead, rng), scale, root, eighth, rng))
        if rng.random() < 0.7:
            parts.append(0.6 * _bass(root, eighth, rng))
        if rng.random() < 0.5:
            parts.append(0.5 * _drums(eighth, rng))
    mix = np.zeros((SECONDS * RATE, channels))
    for part in parts:
        angle = rng.uniform(0.15, 0.85) * np.pi / 2
        mix += np.outer(part, [np.cos(angle), np.sin(angle)] if channels == 2 else [1.0])
    fade = round(0.02 * RATE)
    mix[-fade:] *= np.linspace(1, 0, fade)[:, np.newaxis]
    mix *= rng.uniform(0.35, 0.6) / np.abs(mix).max()
    return mix


def clips(seed: int) -> Iterator[tuple[str, Samples]]:
    """Yield file names and samples of the clean clips, with the four kinds of lead in turn."""
    for number in range(COUNT):
        lead = LEADS[number % len(LEADS)]
        name = f"{number + 1:02d}_{lead}.flac"
        channels = 2 if number % 3 == 2 else 1
        yield name, to_samples(compose(lead, channels, generator(seed, "music", name)))
