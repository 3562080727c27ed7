"""Wavegram-Logmel-Cnn14 of PANN: Cnn14 on a log-mel spectrogram and on an image that is learned from sound.

Kong et al. 2020 (see `fad_core.models.pann.cnn14`), section III.D. Convolutions over the waveform, of which
the first one has a stride of 5 and the others are followed by max poolings of 4, give 128 numbers for each
frame of 320 samples. They are taken for 4 images of 32 bands, which one more block makes into 64. These are
put beside the 64 images of the spectrogram's first block.

A frame of the wavegram depends on one frame more to either side than that of a spectrogram, so that a column
reaches `REACH` + 1 frames.
"""

from __future__ import annotations

import torch
from torch import nn

from fad_core.frontends.settings import LogMelSettings
from fad_core.models.pann.cnn14 import Cnn14, ConvBlock
from fad_core.models.pann.constants import WAVEGRAM_POOLINGS, WAVEGRAM_STRIDE, WIDTHS

_BANDS = 32


class WavegramLogmelCnn14(Cnn14):
    """The network, over one block of a file after the other.

    Module names are the checkpoint's (`pre_conv0.weight`, `pre_block1.conv1.weight` …).
    """

    def __init__(self, mel: LogMelSettings) -> None:
        super().__init__(mel)
        self.pre_conv0 = nn.Conv1d(1, 64, kernel_size=11, stride=WAVEGRAM_STRIDE, padding=5, bias=False)
        self.pre_bn0 = nn.BatchNorm1d(64)
        self.pre_block1 = WaveBlock(64, 64)
        self.pre_block2 = WaveBlock(64, 128)
        self.pre_block3 = WaveBlock(128, 128)
        self.pre_block4 = ConvBlock(4, WIDTHS[0])
        self.conv_block2 = ConvBlock(2 * WIDTHS[0], WIDTHS[1])

    def forward(  # type: ignore[override]
        self, samples: torch.Tensor, sound: torch.Tensor, keep: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Embed everything up to the current block.

        Args:
            samples: the block's samples `[B, L]`, the padding at a file's ends included.
            sound: those without the padding, `[B, S]`, from the first sample of the block's first frame.
            keep: int64 `[2]`: the first of the block's columns to count, and the one after the last.
            state: of the columns counted before, `[B, STATE_SIZE]`; zeros at a file's start.

        Returns:
            The embedding `[B, 2048]`, the logits `[B, 527]` and the new state.
        """
        spectral, learned = self.first_image(samples), self.wavegram(sound)
        # At the end of a file, the spectrogram may have one more row.
        rows = torch.sym_min(spectral.shape[2], learned.shape[2])  # type: ignore[no-untyped-call]
        image = torch.cat([spectral[:, :, :rows], learned[:, :, :rows]], dim=1)
        return self.carry_on(self.columns(image), keep, state)

    def wavegram(self, sound: torch.Tensor) -> torch.Tensor:
        """The learned images: `[B, S]` to `[B, 64, frames / 2, 32]`."""
        rows = torch.relu(self.pre_bn0(self.pre_conv0(sound.unsqueeze(1))))
        for block in (self.pre_block1, self.pre_block2, self.pre_block3):
            rows = nn.functional.max_pool1d(block(rows), WAVEGRAM_POOLINGS[0])
        image = rows.reshape(rows.shape[0], -1, _BANDS, rows.shape[-1]).transpose(2, 3)
        return nn.functional.avg_pool2d(self.pre_block4(image), kernel_size=(2, 1))


class WaveBlock(nn.Module):
    """Two convolutions of three samples with batch norm and ReLU: `[B, C, S]` to `[B, C', S]`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        self.conv2 = nn.Conv1d(outputs, outputs, kernel_size=3, padding=2, dilation=2, bias=False)
        self.bn1 = nn.BatchNorm1d(outputs)
        self.bn2 = nn.BatchNorm1d(outputs)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Apply them."""
        rows = torch.relu(self.bn1(self.conv1(rows)))
        return torch.relu(self.bn2(self.conv2(rows)))
