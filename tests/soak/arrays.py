"""Sound and embeddings in memory, of all shapes, types and levels: refused, noted, or taken as they are.

    for outcome in trials(np.random.default_rng(0)):  # "refused", "noted", "used" or "silent: …"

What an array is, is known here, for it was made so; what is taken for something else without a word is
silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.datasets.decisions import select_files
from fad_core.embedding.inputs import SoundArrays, Waveforms
from fad_core.embedding.precomputed import precomputed_set
from fad_core.errors import FadError
from fad_core.models import get_model
from fad_core.models.use import ModelUse

MODELS = [ModelUse(get_model(name)) for name in ("vggish", "pann-16k", "encodec-48k", "clap")]
RATES = (8000, 16000, 44100, 48000)
Generator = np.random.Generator


def trials(rng: Generator) -> Iterator[str]:
    """One outcome after the other, without an end."""
    makers = (_sound, _channels_first, _batch, _level, _not_finite, _integers, _flat, _embeddings)
    while True:
        yield makers[rng.integers(len(makers))](rng)


def _outcome(waveforms: Any, rng: Generator, expected: str) -> str:
    model = MODELS[rng.integers(len(MODELS))]
    try:
        records = SoundArrays("x", Waveforms(waveforms, int(rng.choice(RATES)))).records(None)
    except FadError:
        found = "refused"
    else:
        (use,) = select_files(records, model)
        if use.status == "excluded":
            # Too short is no fault of the array's shape or values.
            found = "refused" if use.setting == "on_bad_file" else "used"
        else:
            found = "noted" if use.remarks else "used"
    return found if found == expected else f"silent: {found}, where {expected} is right"


def _noise(rng: Generator, channels: int = 1, peak: float = 0.9, shortest: int = 2) -> NDArray[Any]:
    length = int(rng.integers(max(channels, shortest), 60_000))
    sound = rng.uniform(-1, 1, (length, channels))
    sound[0] = 1
    sound *= peak
    kind = rng.choice([np.float32, np.float64])
    return (sound[:, 0] if channels == 1 and rng.random() < 0.5 else sound).astype(kind)


def _sound(rng: Generator) -> str:
    return _outcome([_noise(rng, int(rng.integers(1, 9)))], rng, "used")


def _channels_first(rng: Generator) -> str:
    sound = _noise(rng, int(rng.integers(2, 9)))
    if sound.shape[0] == sound.shape[1]:
        return "used"
    return _outcome([sound.T], rng, "refused")


def _batch(rng: Generator) -> str:
    shape = [int(size) for size in rng.integers(1, 5, rng.integers(2, 4))] + [int(rng.integers(10, 2000))]
    return _outcome([np.zeros(shape, np.float32)], rng, "refused")


def _level(rng: Generator) -> str:
    peak = float(10 ** rng.uniform(-3, 30))
    expected = "refused" if peak > 101 else "noted" if peak > 4.01 else "used"
    if not (3.99 < peak < 4.01 or 99 < peak < 101):
        return _outcome([_noise(rng, peak=peak, shortest=50_000)], rng, expected)
    return "used"


def _not_finite(rng: Generator) -> str:
    sound = _noise(rng)
    sound.reshape(-1)[rng.integers(sound.size)] = rng.choice([np.nan, np.inf, -np.inf])
    return _outcome([sound], rng, "refused")


def _integers(rng: Generator) -> str:
    kind = rng.choice([np.int8, np.uint8, np.int16, np.int32, np.int64, np.bool_, np.complex64])
    return _outcome([(_noise(rng) * 100).astype(kind)], rng, "refused")


def _flat(rng: Generator) -> str:
    sound = np.full(int(rng.integers(2, 60_000)), rng.choice([0.0, -0.0, 0.5, -1.0, 1e-30]), np.float32)
    return _outcome([sound], rng, "noted") if len(sound) > 50_000 else "used"


def _embeddings(rng: Generator) -> str:
    """An array that is said to be embeddings; with other dimensions it must be refused at once."""
    model = MODELS[rng.integers(len(MODELS))]
    shape = tuple(int(size) for size in rng.choice([2, 3, 16, 128, 512, 2048, 60_000], rng.integers(1, 4)))
    right = len(shape) == 2 and shape[1] == model.model.dimension
    # Nothing of this size is written to, so it takes no memory.
    array = np.broadcast_to(np.float32(0.5), shape)
    if right and shape[0] > 100:
        return "used"
    try:
        precomputed_set("x", np.array(array) if right else array, model)
    except FadError:
        return "silent: embeddings refused" if right else "refused"
    return "used" if right else f"silent: {shape} taken for embeddings by {model.model.name}"
