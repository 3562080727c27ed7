"""SEANet's encoder: the layers that compute EnCodec's frames from a waveform.

Défossez et al., "High Fidelity Neural Audio Compression", 2022 (arXiv 2210.13438), section 3.1, after
Tagliasacchi et al., "SEANet", 2020 (arXiv 2009.02095); https://github.com/facebookresearch/encodec.

A convolution of 7 samples, four stages (a residual unit, then a strided convolution that divides the rate by
its stride and doubles the channels), two LSTM layers, and a convolution of 7 frames. An ELU precedes every
convolution except the first and the shortcuts. Every convolution pads by reflection and turns T columns into
⌈T / stride⌉.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional

from fad_core.models.encodec.constants import DIMENSION, LSTM_LAYERS, STRIDES, WIDTH


class BlockState:
    """State of a causal encoder between two blocks of a clip, as one flat tensor.

    Each layer reads its part of the old state and appends its part of the new one, in the same order.

    Attributes:
        continues: bool `[B, 1, 1]`, whether a block continues a clip or starts one.
    """

    def __init__(self, state: torch.Tensor) -> None:
        """Read a state `[B, S]`; all zeros mark the start of a clip."""
        self.continues = state[:, :1, None] > 0
        self._state = state
        self._position = 1
        self._next_parts = [torch.ones_like(state[:, :1])]

    def read(self, size: int) -> torch.Tensor:
        """Return the next part `[B, size]` of the old state."""
        start, self._position = self._position, self._position + size
        return self._state[:, start : self._position]

    def append(self, part: torch.Tensor) -> None:
        """Append a part `[B, size]` to the new state."""
        self._next_parts.append(part)

    def next_state(self) -> torch.Tensor:
        """Return the new state `[B, S]`."""
        return torch.cat(self._next_parts, dim=1)


class Convolution(nn.Module):
    """A convolution over time that pads by reflection, optionally with an ELU before it and a norm after it.

    A causal one pads only on the left, so its output does not depend on later samples. On the right, both
    kinds also fill an incomplete last stride.

    Attributes:
        left: columns padded on the left.
        right: columns padded on the right, in addition to those that fill the last stride.
        carried_size: number of values carried from one block to the next in a `BlockState`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        causal: bool,
        normed: bool,
        activated: bool = True,
    ) -> None:
        super().__init__()
        self.activated = activated
        self.right = 0 if causal else (kernel - stride) // 2
        self.left = kernel - stride - self.right
        self.carried_size = inputs * self.left
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride)
        # One group: mean and variance over all channels and the whole clip.
        self.norm = nn.GroupNorm(1, outputs) if normed else nn.Identity()

    def forward(self, x: torch.Tensor, state: BlockState | None = None) -> torch.Tensor:
        """Convolve `[B, inputs, T]`; returns `[B, outputs, ⌈T / stride⌉]`."""
        if self.left:
            x = self._pad(x, state)
        if self.activated:
            x = functional.elu(x, inplace=True)
        result: torch.Tensor = self.norm(self.conv(x))
        return result

    def _pad(self, x: torch.Tensor, state: BlockState | None) -> torch.Tensor:
        """Pad x with `left` columns before it, and after it with `right` and stride - 1 columns.

        Surplus columns at the end do not fill a stride, so the convolution does not read them. This way, one
        graph is valid for every length.
        """
        length, stride = x.shape[-1], self.conv.stride[0]
        before = torch.arange(-self.left, 0, device=x.device)
        after = torch.arange(self.right + stride - 1, device=x.device) + length
        reach = _larger(self.left, self.right + -length % stride)
        edges = reflected_columns(x, torch.cat([before, after]), reach)
        left, right = edges[..., : self.left], edges[..., self.left :]
        if state is None:
            return torch.cat([left, x, right], dim=-1)
        carried = state.read(self.carried_size)
        # Not reshape(-1, …), which after export would refuse a batch of one.
        context: torch.Tensor = carried.unflatten(1, (x.shape[1], self.left))  # type: ignore[no-untyped-call]
        padded = torch.cat([torch.where(state.continues, context, left), x, right], dim=-1)
        # The left columns of the next block; index_select makes a contiguous copy.
        next_context = padded.index_select(-1, torch.arange(self.left, device=x.device) + length)
        state.append(next_context.flatten(1))
        return padded


def reflected_columns(x: torch.Tensor, positions: torch.Tensor, reach: int) -> torch.Tensor:
    """Return columns of a clip that is reflected at its first and its last column, which are not repeated.

    A reflection has at most one column less than the clip. So a clip of `reach` columns or fewer is first
    extended with zeros to `reach + 1` columns, and reflected with these.

    Args:
        x: the clip `[B, C, T]`.
        positions: int64 `[P]`, from -reach to T + reach - 1; other positions give arbitrary columns.
        reach: largest distance of a position before the first column or after the last one.

    Returns:
        The columns `[B, C, P]`.
    """
    length = x.shape[-1]
    last = _larger(length, reach + 1) - 1
    positions = torch.where(positions > last, 2 * last - positions, positions).abs()
    columns = x.index_select(-1, positions.clamp(max=length - 1))
    return torch.where(positions < length, columns, 0.0)


def _larger(first: int, second: int) -> int:
    """Return the larger of two sizes, which may be symbols of `torch.export`."""
    larger: int = torch.sym_max(first, second)  # type: ignore[no-untyped-call]
    return larger


class ResidualUnit(nn.Module):
    """A convolution of 3 columns to half the channels and one of 1 column back, plus a shortcut."""

    def __init__(self, width: int, *, causal: bool, normed: bool) -> None:
        super().__init__()
        convolution = partial(Convolution, causal=causal, normed=normed)
        self.block = nn.ModuleDict(
            {"1": convolution(width, width // 2, 3), "3": convolution(width // 2, width, 1)}
        )
        self.shortcut = convolution(width, width, 1, activated=False)

    def forward(self, x: torch.Tensor, state: BlockState | None = None) -> torch.Tensor:
        """Apply the unit to `[B, width, T]`; returns the same shape."""
        hidden: torch.Tensor = self.block["3"](self.block["1"](x, state))
        return hidden.add_(self.shortcut(x))


class ResidualLSTM(nn.Module):
    """LSTM layers of one width, with a shortcut from the input to the output."""

    def __init__(self, width: int, layers: int = LSTM_LAYERS) -> None:
        super().__init__()
        self.width, self.layers = width, layers
        self.carried_size = 2 * layers * width
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("weight_ih", "weight_hh"), (4 * width, width))
        shapes |= {"bias_ih": (4 * width,), "bias_hh": (4 * width,)}
        # Named as in `torch.nn.LSTM`, whose list of weights torch.export does not support.
        self.names = [f"{name}_l{layer}" for layer in range(layers) for name in shapes]
        empty = [nn.Parameter(torch.empty(shape)) for _ in range(layers) for shape in shapes.values()]
        self.lstm = nn.ParameterDict(dict(zip(self.names, empty, strict=True)))

    def forward(self, x: torch.Tensor, state: BlockState | None = None) -> torch.Tensor:
        """Apply the layers to `[B, width, T]`; returns the same shape."""
        sequence = x.permute(2, 0, 1)
        if state is None:
            hidden = cell = x.new_zeros(self.layers, x.shape[0], self.width)
        else:
            hidden, cell = (
                torch.stack([state.read(self.width) for _ in range(self.layers)]) for _ in range(2)
            )
        weights = [self.lstm[name] for name in self.names]
        output, hidden, cell = torch.lstm(
            sequence,
            (hidden, cell),
            weights,
            has_biases=True,
            num_layers=self.layers,
            dropout=0.0,
            train=False,
            bidirectional=False,
            batch_first=False,
        )
        if state is not None:
            for part in (*hidden, *cell):
                state.append(part)
        return (output + sequence).permute(1, 2, 0)


class Encoder(nn.Module):
    """Encoder of whole clips: waveforms `[B, channels, T]` to frames `[B, 128, ⌈T / 320⌉]`.

    Modules are numbered as in the checkpoint, in which the ELUs also have numbers.
    """

    def __init__(self, channels: int, *, causal: bool, normed: bool) -> None:
        super().__init__()
        convolution = partial(Convolution, causal=causal, normed=normed)
        width = WIDTH
        layers: list[nn.Module | None] = [convolution(channels, width, 7, activated=False)]
        for stride in STRIDES:
            layers += [ResidualUnit(width, causal=causal, normed=normed), None]
            layers.append(convolution(width, 2 * width, 2 * stride, stride))
            width *= 2
        layers += [ResidualLSTM(width), None, convolution(width, DIMENSION, 7)]
        self.model = nn.ModuleDict(
            {str(number): layer for number, layer in enumerate(layers) if layer is not None}
        )

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Encode clips `[B, channels, T]`; returns `[B, 128, ⌈T / 320⌉]`."""
        return self._encode(waveform, None)

    def _encode(self, x: torch.Tensor, state: BlockState | None) -> torch.Tensor:
        for layer in self.model.values():
            x = layer(x, state)
        return x


class StreamingEncoder(Encoder):
    """A causal encoder that encodes a clip in blocks, with the same frames as for the whole clip.

    Every block except the last must have a multiple of 320 samples; the first and the last one must have more
    than 8 · 320 samples, or be the whole clip.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, causal=True, normed=False)

    @property
    def state_size(self) -> int:
        """S: a flag, every convolution's left context, and the LSTM layers' hidden and cell states."""
        return 1 + sum(getattr(module, "carried_size", 0) for module in self.modules())

    def forward(  # type: ignore[override]
        self, waveform: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode one block of each clip.

        Args:
            waveform: `[B, channels, T]`.
            state: `[B, S]`, the state returned for the previous block; zeros at the start of a clip.

        Returns:
            Frames `[B, 128, ⌈T / 320⌉]`, and the state for the next block.
        """
        between_blocks = BlockState(state)
        frames = self._encode(waveform, between_blocks)
        return frames, between_blocks.next_state()
