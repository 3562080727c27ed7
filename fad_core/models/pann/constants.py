"""The sizes of Cnn14 (`cnn14`)."""

from __future__ import annotations

WIDTHS = (64, 128, 256, 512, 1024, 2048)
EMBEDDING_DIM = WIDTHS[-1]
CLASSES = 527
"""Of AudioSet, in the order of its `class_labels_indices.csv`."""
COLUMN_FRAMES: int = 2 ** (len(WIDTHS) - 1)
"""Frames that become one column: five poolings halve their number."""
REACH = sum(2 * 2**block for block in range(len(WIDTHS)))
"""Receptive field of a column beyond its own frames, to either side: 126.

Two convolutions in each block reach one step each, and the blocks' steps are 1, 2, 4 … 32 frames long.
"""
STATE_SIZE = 2 * EMBEDDING_DIM + 1
"""Of what is carried on: the columns' maximum, their sum, their number."""
WAVEGRAM_STRIDE = 5
WAVEGRAM_POOLINGS = (4, 4, 4)
"""Together, so many samples become a frame of the wavegram as are between frames of the spectrogram: 320."""
