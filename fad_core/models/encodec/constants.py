"""The sizes of SEANet's encoder (`seanet`), as EnCodec has it."""

from __future__ import annotations

import math

WIDTH = 32
STRIDES = (2, 4, 5, 8)
HOP = math.prod(STRIDES)
"""Samples from one frame to the next."""
DIMENSION = 128
"""Values of one frame."""
LSTM_LAYERS = 2
