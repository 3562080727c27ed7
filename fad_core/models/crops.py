"""The part of a long file that a model with a fixed window embeds, and how a short one fills the window.

What is drawn at random comes from a stream of the file's own: it follows from the study's seed and the
file's content, whatever else is embedded, in whichever order. The draws are those that
`laion_clap` (https://github.com/LAION-AI/CLAP) makes from NumPy's global stream: after
`numpy.random.seed(crop_number(seed, key))` it takes the very same part.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from fad_core.models.options import Options

# Part of every number: another recipe gets another label, and so other numbers.
_LABEL = "fad-core crop 1"
# The front, the middle and the back of a file.
_PARTS = 3


def crop_number(seed: int, key: str) -> int:
    r"""The 32-bit number that a file's stream starts from.

    The first four bytes, little-endian, of the SHA-256 of ``fad-core crop 1\n{seed}\n{key}`` (UTF-8).

    Args:
        seed: the study's.
        key: the file's sha256.
    """
    digest = hashlib.sha256(f"{_LABEL}\n{seed}\n{key}".encode()).digest()
    return int.from_bytes(digest[:4], "little")


def crop_stream(seed: int, key: str) -> np.random.RandomState:
    """A file's stream: what `numpy.random` is after `numpy.random.seed(crop_number(seed, key))`."""
    return np.random.RandomState(crop_number(seed, key))


def repeat_to_fill(samples: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Repeat a signal `[n]`, 1 ≤ n ≤ window, as often as it fits whole; zeros fill the rest: `[window]`."""
    whole = np.tile(samples, window // len(samples))
    return np.pad(whole, (0, window - len(whole)))


def window_starts(
    samples: int, window: int, sample_rate: int, options: Options, key: str
) -> NDArray[np.int64]:
    """The first sample of each window of a file that is embedded.

    Args:
        samples: of the file; one that fits into a window has just the window that starts at 0.
        window: length of a window, in samples.
        sample_rate: in Hz, for `Options.hop_seconds`.
        options: `crop` "random", "first" and "center" give one window; "windows" one each hop, and a
            last one that ends where the file ends, so that nothing is left unheard.
        key: the file's sha256.
    """
    overflow = max(samples - window, 0)
    if options.crop == "windows":
        hop = round(options.hop_seconds * sample_rate)
        return np.append(np.arange(0, overflow, hop, dtype=np.int64), overflow)
    if options.crop == "random" and overflow:
        return np.array([crop_stream(options.seed, key).randint(0, overflow + 1)], dtype=np.int64)
    return np.array([overflow // 2 if options.crop == "center" else 0], dtype=np.int64)


def part_starts(places: int, options: Options, key: str) -> tuple[int, ...]:
    """Where a stretch of the front, of the middle and of the back of a file starts.

    Args:
        places: how many places there are at which a stretch can start, 0, 1, …; at least two. They are
            divided into three parts, of which the first are the larger; an empty one stands for place 0.
        options: `crop` "random" draws a place of each part, "first" takes its first one and "center" its
            middle one, the earlier of two.
        key: the file's sha256.
    """
    parts = [
        part if len(part) else np.zeros(1, np.int64) for part in np.array_split(np.arange(places), _PARTS)
    ]
    if options.crop == "random":
        # The original goes on to draw the crop of a model without fusion, and does not use it.
        stream = crop_stream(options.seed, key)
        return tuple(int(stream.choice(part)) for part in parts)
    middle = options.crop == "center"
    return tuple(int(part[(len(part) - 1) // 2 if middle else 0]) for part in parts)
