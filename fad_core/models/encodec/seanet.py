"""SEANet's encoder: the layers that turn a waveform into EnCodec's frames.

Défossez et al., "High Fidelity Neural Audio Compression", 2022 (arXiv 2210.13438), section 3.1, after
Tagliasacchi et al., "SEANet", 2020 (arXiv 2009.02095); https://github.com/facebookresearch/encodec.

A convolution of 7 samples, four stages (a residual unit, then a strided convolution that halves, quarters,
… the rate and doubles the channels), two LSTM layers, and a convolution of 7 frames. An ELU stands before
every convolution but the first and the shortcuts. Every convolution pads by reflection, so that T columns
give ⌈T / stride⌉.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional

from fad_core.models.encodec.constants import DIMENSION, LSTM_LAYERS, STRIDES, WIDTH


class Memory:
    """What a causal encoder keeps from one block of a clip to the next, in one flat tensor.

    Layers ask for their piece and leave its successor, all in the same order.

    Attributes:
        continues: bool `[B, 1, 1]`, whether a block goes on with a clip, or starts one.
    """

    def __init__(self, state: torch.Tensor) -> None:
        """Read a state `[B, S]`; all zeros stand for the start of a clip."""
        self.continues = state[:, :1, None] > 0
        self._state = state
        self._position = 1
        self._kept = [torch.ones_like(state[:, :1])]

    def recall(self, size: int) -> torch.Tensor:
        """The next piece `[B, size]`."""
        start, self._position = self._position, self._position + size
        return self._state[:, start : self._position]

    def keep(self, piece: torch.Tensor) -> None:
        """Leave a piece `[B, size]` for the next block."""
        self._kept.append(piece)

    def next_state(self) -> torch.Tensor:
        """What was kept, `[B, S]`."""
        return torch.cat(self._kept, dim=1)


class Convolution(nn.Module):
    """A convolution over time that pads by reflection, with an ELU before it and a norm behind it if asked.

    A causal one pads only on the left, so its output does not depend on later samples. On the right, both
    pad what is missing to a last whole stride.

    Attributes:
        left: columns padded on the left.
        right: columns padded on the right, beside those that fill the last stride.
        memory_size: how many values it keeps in a `Memory`.
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
        self.memory_size = inputs * self.left
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride)
        # One group: mean and variance over all channels and the whole clip.
        self.norm = nn.GroupNorm(1, outputs) if normed else nn.Identity()

    def forward(self, x: torch.Tensor, memory: Memory | None = None) -> torch.Tensor:
        """Turn `[B, inputs, T]` into `[B, outputs, ⌈T / stride⌉]`."""
        if self.left:
            x = self._padded(x, memory)
        if self.activated:
            x = functional.elu(x, inplace=True)
        result: torch.Tensor = self.norm(self.conv(x))
        return result

    def _padded(self, x: torch.Tensor, memory: Memory | None) -> torch.Tensor:
        """Put `left` columns before x, and behind it `right` and as many as any last stride can lack.

        What is too much at the very end fills no stride, so the convolution does not read it: one
        graph serves every length.
        """
        length, stride = x.shape[-1], self.conv.stride[0]
        before = torch.arange(-self.left, 0, device=x.device)
        behind = torch.arange(self.right + stride - 1, device=x.device) + length
        reach = _larger(self.left, self.right + -length % stride)
        edges = mirrored(x, torch.cat([before, behind]), reach)
        left, right = edges[..., : self.left], edges[..., self.left :]
        if memory is None:
            return torch.cat([left, x, right], dim=-1)
        recalled = memory.recall(self.memory_size)
        # Not reshape(-1, …): exported, that would refuse a batch of one.
        context: torch.Tensor = recalled.unflatten(1, (x.shape[1], self.left))  # type: ignore[no-untyped-call]
        padded = torch.cat([torch.where(memory.continues, context, left), x, right], dim=-1)
        # Where the next block's left columns are; a copy, which has its values in order.
        kept = padded.index_select(-1, torch.arange(self.left, device=x.device) + length)
        memory.keep(kept.flatten(1))
        return padded


def mirrored(x: torch.Tensor, positions: torch.Tensor, reach: int) -> torch.Tensor:
    """Columns of a clip that is reflected at its first and its last column, which are not doubled.

    A mirror shows at most one column less than it stands before: a clip of `reach` columns or fewer first
    gets zeros at its end, `reach + 1` columns in all, and is reflected with these.

    Args:
        x: the clip `[B, C, T]`.
        positions: int64 `[P]`, from -reach to T + reach - 1; what lies beyond gives any column.
        reach: how far before the first column or behind the last one the positions go.

    Returns:
        `[B, C, P]`.
    """
    length = x.shape[-1]
    last = _larger(length, reach + 1) - 1
    positions = torch.where(positions > last, 2 * last - positions, positions).abs()
    columns = x.index_select(-1, positions.clamp(max=length - 1))
    return torch.where(positions < length, columns, 0.0)


def _larger(first: int, second: int) -> int:
    """The larger one, which `torch.export` may only know by a symbol."""
    larger: int = torch.sym_max(first, second)  # type: ignore[no-untyped-call]
    return larger


class ResidualUnit(nn.Module):
    """A convolution of 3 columns to half the channels and one of 1 column back, beside a shortcut of 1."""

    def __init__(self, width: int, *, causal: bool, normed: bool) -> None:
        super().__init__()
        convolution = partial(Convolution, causal=causal, normed=normed)
        self.block = nn.ModuleDict(
            {"1": convolution(width, width // 2, 3), "3": convolution(width // 2, width, 1)}
        )
        self.shortcut = convolution(width, width, 1, activated=False)

    def forward(self, x: torch.Tensor, memory: Memory | None = None) -> torch.Tensor:
        """Turn `[B, width, T]` into the same shape."""
        hidden: torch.Tensor = self.block["3"](self.block["1"](x, memory))
        return hidden.add_(self.shortcut(x))


class Recurrence(nn.Module):
    """LSTM layers of one width, with a shortcut round them all."""

    def __init__(self, width: int, layers: int = LSTM_LAYERS) -> None:
        super().__init__()
        self.width, self.layers = width, layers
        self.memory_size = 2 * layers * width
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("weight_ih", "weight_hh"), (4 * width, width))
        shapes |= {"bias_ih": (4 * width,), "bias_hh": (4 * width,)}
        # Named as in `torch.nn.LSTM`, whose list of all its weights torch.export cannot follow.
        self.names = [f"{name}_l{layer}" for layer in range(layers) for name in shapes]
        empty = [nn.Parameter(torch.empty(shape)) for _ in range(layers) for shape in shapes.values()]
        self.lstm = nn.ParameterDict(dict(zip(self.names, empty, strict=True)))

    def forward(self, x: torch.Tensor, memory: Memory | None = None) -> torch.Tensor:
        """Turn `[B, width, T]` into the same shape."""
        sequence = x.permute(2, 0, 1)
        if memory is None:
            hidden = cell = x.new_zeros(self.layers, x.shape[0], self.width)
        else:
            hidden, cell = (
                torch.stack([memory.recall(self.width) for _ in range(self.layers)]) for _ in range(2)
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
        if memory is not None:
            for kept in (*hidden, *cell):
                memory.keep(kept)
        return (output + sequence).permute(1, 2, 0)


class Encoder(nn.Module):
    """Waveforms of whole clips to frames: `[B, channels, T]` to `[B, 128, ⌈T / 320⌉]`.

    Modules are numbered as in the checkpoint, where the ELUs have numbers too.
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
        layers += [Recurrence(width), None, convolution(width, DIMENSION, 7)]
        self.model = nn.ModuleDict(
            {str(number): layer for number, layer in enumerate(layers) if layer is not None}
        )

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Encode clips `[B, channels, T]`; returns `[B, 128, ⌈T / 320⌉]`."""
        return self._encode(waveform, None)

    def _encode(self, x: torch.Tensor, memory: Memory | None) -> torch.Tensor:
        for layer in self.model.values():
            x = layer(x, memory)
        return x


class StreamingEncoder(Encoder):
    """A causal encoder that takes a clip in blocks, for which it gives what it would for the whole.

    Every block but the last has a multiple of 320 samples; the first and the last one have more than
    8 · 320, or are the whole clip.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, causal=True, normed=False)

    @property
    def state_size(self) -> int:
        """S: a flag, every convolution's left context, and the LSTM layers' hidden and cell states."""
        return 1 + sum(getattr(module, "memory_size", 0) for module in self.modules())

    def forward(  # type: ignore[override]
        self, waveform: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode one block of each clip.

        Args:
            waveform: `[B, channels, T]`.
            state: `[B, S]`, what the block before returned; zeros where a clip starts.

        Returns:
            Frames `[B, 128, ⌈T / 320⌉]`, and the state for the next block.
        """
        memory = Memory(state)
        frames = self._encode(waveform, memory)
        return frames, memory.next_state()
