"""The distortions themselves: filters by SciPy, time and pitch by librosa.

All take what sets the level first, then a signal `[channels, samples]`, its sample rate in Hz and a random
generator. librosa is imported where it is used: the demo does without it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal as filters

Signal = NDArray[np.float64]
Rng = np.random.Generator

_FFT = 2048
_NARROW = (60.0, 6000.0)
"""Band of the narrow mel encoding, in Hz."""
_ECHOES, _DELAY = 5, 0.25
"""Number of echoes of a reverberation, and seconds from one to the next."""


def white_noise(amount: float, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Add Gaussian noise whose standard deviation is this share of the peak."""
    noise: Signal = rng.standard_normal(clean.shape)
    return clean + amount * float(np.abs(clean).max(initial=0.0)) * noise


def pops(amount: float, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Set this share of the samples to the positive or the negative peak."""
    peak = np.abs(clean).max(initial=0.0)
    hit = rng.random(clean.shape) < amount
    return np.where(hit, rng.choice([-peak, peak], clean.shape), clean)


def low_pass(cutoff: float, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Filter by a Butterworth low-pass of order 5, −3 dB at the cut-off."""
    return _butterworth(cutoff, "lowpass", clean, rate)


def high_pass(cutoff: float, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Filter by a Butterworth high-pass of order 5, −3 dB at the cut-off."""
    return _butterworth(cutoff, "highpass", clean, rate)


def quantise(bits: int, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Round to the nearest of the 2^bits levels that span full scale."""
    steps = 2 ** (bits - 1)
    return np.asarray(np.rint(clean * steps) / steps, np.float64)


def griffin_lim(iterations: int, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Replace the phases by those that Griffin and Lim's algorithm finds for the magnitudes."""
    import librosa

    magnitudes = np.abs(librosa.stft(clean, n_fft=_FFT))
    seed = int(rng.integers(2**31))
    made = librosa.griffinlim(magnitudes, n_iter=iterations, length=clean.shape[-1], random_state=seed)
    return np.asarray(made, np.float64)


def mel_encoding(bands: int, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Keep the magnitudes of mel bands alone, over all frequencies; phases are the clean ones."""
    return _mel_encoding(bands, 0.0, rate / 2, clean, rate)


def narrow_mel_encoding(bands: int, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Keep the magnitudes of mel bands alone, from 60 Hz to 6 kHz; phases are the clean ones."""
    return _mel_encoding(bands, _NARROW[0], min(_NARROW[1], rate / 2), clean, rate)


def speed(duration: float, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Play at another speed, so that the duration is multiplied and the pitch changes."""
    return np.asarray(filters.resample(clean, max(1, round(duration * clean.shape[-1])), axis=-1), np.float64)


def stretch(duration: float, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Multiply the duration and keep the pitch (phase vocoder)."""
    import librosa

    return np.asarray(librosa.effects.time_stretch(clean, rate=1 / duration), np.float64)


def pitch(semitones: float, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Shift the pitch and keep the duration."""
    import librosa

    return np.asarray(librosa.effects.pitch_shift(clean, sr=rate, n_steps=semitones), np.float64)


def echoes(damping: float, clean: Signal, rate: int, rng: Rng) -> Signal:
    """Add five echoes a quarter of a second apart, each this many times as loud as the one before."""
    delay = round(_DELAY * rate)
    made = np.zeros((clean.shape[0], clean.shape[-1] + _ECHOES * delay))
    for number in range(_ECHOES + 1):
        start = number * delay
        made[:, start : start + clean.shape[-1]] += damping**number * clean
    return made


def _butterworth(cutoff: float, kind: Literal["lowpass", "highpass"], clean: Signal, rate: int) -> Signal:
    sections = filters.butter(5, cutoff, kind, fs=rate, output="sos")
    return np.asarray(filters.sosfilt(sections, clean, axis=-1), np.float64)


def _mel_encoding(bands: int, lowest: float, highest: float, clean: Signal, rate: int) -> Signal:
    """Go to mel magnitudes and back by the pseudo-inverse of the filter bank."""
    import librosa

    spectrum = librosa.stft(clean, n_fft=_FFT)
    bank = librosa.filters.mel(sr=rate, n_fft=_FFT, n_mels=bands, fmin=lowest, fmax=highest).astype(
        np.float64
    )
    magnitudes = np.maximum(np.linalg.pinv(bank) @ (bank @ np.abs(spectrum)), 0.0)
    phases = np.exp(1j * np.angle(spectrum))
    return np.asarray(librosa.istft(magnitudes * phases, length=clean.shape[-1], n_fft=_FFT), np.float64)
