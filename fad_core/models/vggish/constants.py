"""The sizes of VGGish, and the constants of its spectrogram and its quantisation."""

from __future__ import annotations

from fad_core.frontends.settings import LogMelSettings

MEL = LogMelSettings(
    sample_rate=16000,
    fft_length=512,
    hop_length=160,
    bands=64,
    lower_hz=125.0,
    upper_hz=7500.0,
    window_length=400,
    centred=False,
    log_offset=0.01,
)
PATCH_FRAMES = 96
EMBEDDING_DIM = 128
# PCA output is clipped to this range and cut into 255 steps.
QUANTIZE_MIN, QUANTIZE_MAX, QUANTIZE_STEPS = -2.0, 2.0, 255.0
