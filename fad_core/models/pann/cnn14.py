"""Cnn14 of PANN: a convolutional network from sound to 2048 numbers, and to logits of 527 classes.

Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern Recognition",
IEEE/ACM TASLP 28, 2020 (arXiv 1912.10211); https://github.com/qiuqiangkong/audioset_tagging_cnn.

A log-mel spectrogram of 100 frames a second goes through six blocks of two 3×3 convolutions. Each but the
last is closed by a 2×2 average pooling, so that 32 frames become one column. The columns' maximum and mean
over time are added, one fully connected layer makes the embedding of them, and another one logits of the
classes of AudioSet.

The maximum and the mean can be carried on from one stretch of a file to the next, and a column hears no more
than `REACH` frames to either side of its own. So a long file can go through the network in overlapping
blocks, and its embedding is that of the whole.
"""

from __future__ import annotations

import torch
from torch import nn

from fad_core.frontends.network import LogmelFilterBank, Spectrogram
from fad_core.frontends.settings import LogMelSettings
from fad_core.models.pann.constants import CLASSES, EMBEDDING_DIM, WIDTHS


class Cnn14(nn.Module):
    """The network, over one block of a file after the other.

    Module names are the checkpoint's (`bn0.weight`, `conv_block1.conv1.weight` … `fc_audioset.bias`).
    """

    def __init__(self, mel: LogMelSettings) -> None:
        super().__init__()
        self.spectrogram_extractor = Spectrogram(mel.fft_length, mel.hop_length, centred=False)
        self.logmel_extractor = LogmelFilterBank(mel.fft_length, mel.bands)
        self.bn0 = nn.BatchNorm2d(mel.bands)
        self.conv_block1 = ConvBlock(1, WIDTHS[0])
        self.conv_block2 = ConvBlock(WIDTHS[0], WIDTHS[1])
        self.conv_block3 = ConvBlock(WIDTHS[1], WIDTHS[2])
        self.conv_block4 = ConvBlock(WIDTHS[2], WIDTHS[3])
        self.conv_block5 = ConvBlock(WIDTHS[3], WIDTHS[4])
        self.conv_block6 = ConvBlock(WIDTHS[4], WIDTHS[5])
        self.fc1 = nn.Linear(EMBEDDING_DIM, EMBEDDING_DIM)
        self.fc_audioset = nn.Linear(EMBEDDING_DIM, CLASSES)

    def forward(
        self, samples: torch.Tensor, keep: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Embed everything up to the current block.

        Args:
            samples: the block's samples `[B, L]`, the padding at a file's ends included.
            keep: int64 `[2]`: the first of the block's columns to count, and the one after the last.
            state: of the columns counted before, `[B, STATE_SIZE]`; zeros at a file's start.

        Returns:
            The embedding `[B, 2048]`, the logits `[B, 527]` and the new state.
        """
        return self.carry_on(self.columns(self.first_image(samples)), keep, state)

    def carry_on(
        self, columns: torch.Tensor, keep: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Add the columns of a block, `[B, 2048, T]`, to the state; see `forward`."""
        place = torch.arange(columns.shape[2], device=columns.device)
        # No value is negative, so a zero changes neither the maximum nor the sum.
        columns = columns * ((place >= keep[0]) & (place < keep[1]))
        highest, total, count = state[:, :EMBEDDING_DIM], state[:, EMBEDDING_DIM:-1], state[:, -1:]
        highest = torch.maximum(highest, columns.amax(dim=2))
        total = total + columns.sum(dim=2)
        count = count + (keep[1] - keep[0])
        embedding = torch.relu(self.fc1(highest + total / count))
        return embedding, self.fc_audioset(embedding), torch.cat([highest, total, count], dim=1)

    def first_image(self, samples: torch.Tensor) -> torch.Tensor:
        """The first block's features of the log-mel spectrogram: `[B, L]` to `[B, 64, frames / 2, 32]`."""
        mel = self.logmel_extractor(self.spectrogram_extractor(samples))
        # Batch norm takes the second axis for channels: the bands.
        image = self.bn0(mel.transpose(1, 3)).transpose(1, 3)
        return nn.functional.avg_pool2d(self.conv_block1(image), kernel_size=2)

    def columns(self, image: torch.Tensor) -> torch.Tensor:
        """The last block's features, averaged over frequency: `[B, C, frames / 2, 32]` to `[B, 2048, T]`."""
        for block in (self.conv_block2, self.conv_block3, self.conv_block4, self.conv_block5):
            image = nn.functional.avg_pool2d(block(image), kernel_size=2)
        return self.conv_block6(image).mean(dim=3)  # type: ignore[no-any-return]


class ConvBlock(nn.Module):
    """Two 3×3 convolutions with batch norm and ReLU: `[B, C, T, F]` to `[B, C', T, F]`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Apply them."""
        image = torch.relu(self.bn1(self.conv1(image)))
        return torch.relu(self.bn2(self.conv2(image)))
