"""Loudness is that of ITU-R BS.1770-4, and what cannot be measured says why."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from fad_core.audio.loudness import integrated_loudness
from fad_core.errors import FadError


def sine(rate: int, seconds: float = 5.0, hertz: float = 997.0) -> NDArray[np.float32]:
    times = np.arange(int(seconds * rate)) / rate
    return np.sin(2 * np.pi * hertz * times).astype(np.float32)[:, np.newaxis]


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000, 96000])
def test_a_sine_at_full_scale(rate: int) -> None:
    """The recommendation's own figure: 997 Hz in one channel is -3.01 LKFS."""
    assert integrated_loudness(sine(rate), rate) == pytest.approx(-3.01, abs=0.05)
    assert integrated_loudness(sine(48000), 48000) == pytest.approx(-3.01, abs=0.001)


@pytest.mark.parametrize(
    ("channel", "more"),
    [(0, 0.0), (1, 0.0), (2, 0.0), (3, 1.4922), (4, 1.4922)],
    ids=["L", "R", "C", "Ls", "Rs"],
)
def test_channels_are_weighted(channel: int, more: float) -> None:
    sound = np.zeros((240000, 5), np.float32)
    sound[:, channel] = sine(48000)[:, 0]
    assert integrated_loudness(sound, 48000) == pytest.approx(-3.01 + more, abs=0.001)


def test_channels_add_up_and_silence_is_gated() -> None:
    one = sine(48000)
    assert integrated_loudness(np.hstack([one, one]), 48000) == pytest.approx(0.0, abs=0.001)
    silence = np.zeros_like(one)
    # Of the blocks with silence, those that overlap the sine count.
    assert integrated_loudness(np.vstack([one, silence]), 48000) == pytest.approx(-3.01, abs=0.2)


@pytest.mark.parametrize(
    ("sound", "rate", "reason"),
    [
        (np.zeros((48000, 2), np.float32), 48000, "nothing in it is louder than -70 LUFS"),
        (sine(48000) * 1e-4, 48000, "nothing in it is louder than -70 LUFS"),
        (sine(48000)[:19199], 48000, "it is shorter than 0.4 s"),
        (sine(8000)[:1600], 8000, "it is shorter than 0.4 s"),
        (np.ones((48000, 6), np.float32), 48000, "it has 6 channels, more than 5"),
        (sine(3000), 3000, "its sample rate is 3000 Hz, less than 4000 Hz"),
    ],
)
def test_what_cannot_be_measured(sound: NDArray[np.float32], rate: int, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        integrated_loudness(sound, rate)


def test_the_shortest_sound() -> None:
    assert integrated_loudness(sine(48000)[:19200], 48000) == pytest.approx(-3.01, abs=0.1)


def test_the_package_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyloudnorm", None)
    with pytest.raises(FadError, match=r"^loudness needs the package pyloudnorm: pip install pyloudnorm$"):
        integrated_loudness(sine(48000), 48000)
