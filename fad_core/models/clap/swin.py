"""The Swin transformer: attention within small windows that shift from block to block.

Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", ICCV 2021
(arXiv 2103.14030). An image of tokens is cut into windows of 8 × 8. Attention stays within a window, so its
cost grows with the image and not with its square; every other block moves the windows by half their
size, so that neighbours meet. Between two stages, squares of 2 × 2 tokens become one of twice the width.

Module names are those of the checkpoints (`blocks.0.attn.qkv.weight`). What follows from the architecture
alone, which token pairs see each other and how far apart they are, is computed here and not loaded.
"""

from __future__ import annotations

import torch
from torch import nn

WINDOW = 8
"""Side of a window, in tokens."""

_TOKENS = WINDOW * WINDOW
_MLP_RATIO = 4
# Far below any logit: exp(-100) adds nothing to a float32 sum. As in the published code, not -inf.
_HIDDEN = -100.0


class SwinStage(nn.Module):
    """Blocks at one resolution, and the merging that ends a stage: `[B, S·S, C]` to `[B, S·S/4, 2C]`."""

    def __init__(self, width: int, side: int, depth: int, heads: int, *, merge: bool) -> None:
        """Make a stage.

        Args:
            width: C, the length of a token.
            side: S, the image's height and width in tokens; a multiple of `WINDOW`.
            depth: number of blocks.
            heads: of each attention.
            merge: whether the stage ends with a `PatchMerging`; the last one does not.
        """
        super().__init__()
        # An image of one window has no neighbours to meet.
        shift = WINDOW // 2 if side > WINDOW else 0
        blocks = [SwinBlock(width, side, heads, shift=shift * (index % 2)) for index in range(depth)]
        self.blocks = nn.ModuleList(blocks)
        self.downsample = PatchMerging(width, side) if merge else nn.Identity()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Run the blocks over tokens `[B, S·S, C]`."""
        for block in self.blocks:
            tokens = block(tokens)
        merged: torch.Tensor = self.downsample(tokens)
        return merged


class SwinBlock(nn.Module):
    """Attention within windows, then two dense layers, each added to what it was given (pre-norm)."""

    attn_mask: torch.Tensor | None

    def __init__(self, width: int, side: int, heads: int, *, shift: int) -> None:
        """Make a block; `shift` is how far the windows are moved, in tokens, to the lower right."""
        super().__init__()
        self.side = side
        self.shift = shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, _MLP_RATIO * width)
        mask = shifted_window_mask(side, shift) if shift else None
        self.register_buffer("attn_mask", mask, persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Transform tokens `[B, S·S, C]`."""
        tokens = tokens + self._attend(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))  # type: ignore[no-any-return]

    def _attend(self, tokens: torch.Tensor) -> torch.Tensor:
        width = tokens.shape[-1]
        image = tokens.view(-1, self.side, self.side, width)
        if self.shift:
            # What leaves on one side comes in on the other; the mask keeps the two apart.
            image = torch.roll(image, shifts=(-self.shift, -self.shift), dims=(1, 2))
        windows = self.attn(split_windows(image), self.attn_mask)
        image = join_windows(windows, self.side)
        if self.shift:
            image = torch.roll(image, shifts=(self.shift, self.shift), dims=(1, 2))
        return image.reshape(-1, self.side * self.side, width)


class WindowAttention(nn.Module):
    """Attention among a window's 64 tokens, with a learned bias for each distance between two of them."""

    relative_position_index: torch.Tensor

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        distances = (2 * WINDOW - 1) ** 2
        self.relative_position_bias_table = nn.Parameter(torch.zeros(distances, heads))
        self.register_buffer("relative_position_index", relative_positions(), persistent=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Let the tokens of each window attend to each other.

        Args:
            windows: `[B·W, 64, C]`, the W windows of each of B images.
            mask: `[W, 64, 64]`, added to the logits; None: all see all.

        Returns:
            `[B·W, 64, C]`.
        """
        width = windows.shape[-1]
        # [3, B·W, heads, 64, C / heads]
        split = self.qkv(windows).view(-1, _TOKENS, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)
        logits = (query * self.scale) @ key.transpose(-2, -1) + self._bias()
        if mask is not None:
            images = logits.view(-1, len(mask), self.heads, _TOKENS, _TOKENS)
            logits = (images + mask[:, None]).view(-1, self.heads, _TOKENS, _TOKENS)
        mixed = torch.softmax(logits, dim=-1) @ value
        joined: torch.Tensor = self.proj(mixed.transpose(1, 2).reshape(-1, _TOKENS, width))
        return joined

    def _bias(self) -> torch.Tensor:
        """The bias of each pair of tokens, `[heads, 64, 64]`."""
        pairs = self.relative_position_bias_table[self.relative_position_index.view(-1)]
        return pairs.view(_TOKENS, _TOKENS, self.heads).permute(2, 0, 1).contiguous()


class Mlp(nn.Module):
    """Two dense layers with a GELU between them: `[…, C]` to `[…, C]`."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Transform each token by itself."""
        return self.fc2(nn.functional.gelu(self.fc1(tokens)))  # type: ignore[no-any-return]


class PatchMerging(nn.Module):
    """Make one token of each square of 2 × 2: `[B, S·S, C]` to `[B, S·S/4, 2C]`."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Put the four tokens end to end, column by column, and halve the length of the result."""
        width, half = tokens.shape[-1], self.side // 2
        squares = tokens.view(-1, half, 2, half, 2, width)
        joined = squares.permute(0, 1, 3, 4, 2, 5).reshape(-1, half * half, 4 * width)
        return self.reduction(self.norm(joined))  # type: ignore[no-any-return]


def split_windows(image: torch.Tensor) -> torch.Tensor:
    """Cut images `[B, S, S, C]` into windows `[B·W, 64, C]`, row by row."""
    count, width = image.shape[1] // WINDOW, image.shape[-1]
    squares = image.reshape(-1, count, WINDOW, count, WINDOW, width)
    return squares.transpose(2, 3).reshape(-1, _TOKENS, width)


def join_windows(windows: torch.Tensor, side: int) -> torch.Tensor:
    """Undo `split_windows` for images of `side` × `side` tokens."""
    count, width = side // WINDOW, windows.shape[-1]
    squares = windows.view(-1, count, count, WINDOW, WINDOW, width)
    return squares.transpose(2, 3).reshape(-1, side, side, width)


def relative_positions() -> torch.Tensor:
    """Which entry of the bias table each pair of a window's tokens has, int64 `[64, 64]`.

    The table's 15 × 15 entries are the differences from -7 to 7, first of the rows, then of the columns.
    """
    place = torch.arange(WINDOW)
    difference = place[:, None] - place[None, :] + WINDOW - 1
    rows, columns = difference[:, None, :, None], difference[None, :, None, :]
    return (rows * (2 * WINDOW - 1) + columns).reshape(_TOKENS, _TOKENS)


def shifted_window_mask(side: int, shift: int) -> torch.Tensor:
    """What keeps tokens apart that only rolling has put into one window: 0 or -100, `[W, 64, 64]`."""
    place = torch.arange(side)
    # After rolling, an axis holds three stretches: untouched windows, and the two halves of the last one.
    stretch = (place >= side - WINDOW).long() + (place >= side - shift).long()
    region = 3 * stretch[:, None] + stretch[None, :]
    windows = split_windows(region[None, :, :, None]).squeeze(-1)
    apart = windows[:, :, None] != windows[:, None, :]
    return torch.zeros(apart.shape, dtype=torch.float32).masked_fill(apart, _HIDDEN)
