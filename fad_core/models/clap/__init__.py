"""CLAP: 512 numbers for ten seconds of sound, in a space that sounds share with their descriptions.

Wu et al., "Large-scale Contrastive Language-Audio Pretraining with Feature Fusion and Keyword-to-Caption
Augmentation", ICASSP 2023 (arXiv 2211.06687); code and weights: https://github.com/LAION-AI/CLAP.

The audio half is HTS-AT (`htsat`) and a projection of two dense layers; embeddings are unit vectors.
A file of up to ten seconds is repeated as often as it fits whole, and zeros fill the rest. Of a longer one,
`Options.crop` chooses the part that is embedded:

* "random", as in the original: ten seconds at a random place. "first", "center": the first or the middle
  ten seconds. "windows": ten seconds every `Options.hop_seconds`, an embedding each; the last ones
  end where the file ends, so that nothing is left unheard.
* The fusion models (`clap_fusion`) embed the whole file, shrunk, and a stretch each of its front, middle and
  back: "random" ones, as in the original, the "first" or the "center" ones in each third of the places
  there are. With "windows", each window counts as a file of ten seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.models.base import EMBEDDING, Arrays, VerificationFacts, WindowedModel, load_tensors
from fad_core.models.clap.checkpoints import clap_checkpoint
from fad_core.models.clap.constants import BASE, EMBEDDING_DIM, FRAMES, MEL, TINY, WINDOW_SAMPLES
from fad_core.models.clap.text import clap_text
from fad_core.models.crops import part_starts, repeat_to_fill, window_starts
from fad_core.models.fadtk_conventions import clap_sound, clap_starts, clap_windows
from fad_core.models.options import DEFAULT_OPTIONS, Options

if TYPE_CHECKING:
    import torch

    from fad_core.models.clap.fusion import FusionMel
    from fad_core.models.clap.network import ClapAudio


@dataclass(frozen=True)
class ClapModel(WindowedModel):
    """CLAP's audio half without fusion: the spectrogram is part of the network."""

    window_samples: int = WINDOW_SAMPLES

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `EmbeddingModel.build`."""
        return load_tensors(_network(**self.variant), state, self.name)

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """The windows that are embedded, `[N, window_samples]`."""
        if options.imitate_fadtk:
            return (self._fadtk_windows(waveform[0]),)
        return (np.stack(self._windows(waveform, options, key)),)

    def _windows(
        self, waveform: NDArray[np.float32], options: Options, key: str
    ) -> list[NDArray[np.float32]]:
        samples = waveform[0].astype(np.float32, copy=False)
        self._require_length(samples)
        window = self.window_samples
        if len(samples) < window:
            return [self._filled(samples)]
        return [samples[start : start + window] for start in self._starts(len(samples), options, key)]

    def _filled(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The window of a file that is shorter than one."""
        return repeat_to_fill(samples, self.window_samples)

    def _fadtk_windows(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return clap_windows(clap_sound(samples), self.window_samples, self.sample_rate)

    def _require_length(self, samples: NDArray[np.float32]) -> None:
        if len(samples) < self.minimum_samples:
            raise ValueError(f"{len(samples)} samples; {self.name} needs {self.minimum_samples}")

    def _starts(self, samples: int, options: Options, key: str) -> NDArray[np.int64]:
        if options.imitate_fadtk:
            return clap_starts(samples, self.sample_rate)
        return window_starts(samples, self.window_samples, self.sample_rate, options, key)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Waveforms within ±1 whose spectra have no empty band."""
        return (_scrambled(batch, self.window_samples),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """The batch alone, of each argument."""
        import torch

        batch = torch.export.Dim("batch", min=1, max=4096)
        return tuple({0: batch} for _ in self.example_input(1, 0))

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """One, or one a window."""
        return len(self.start_seconds(samples, options))

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """Where the windows start."""
        return self._starts(samples, options, key) / self.sample_rate

    def memory_bytes(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """The windows: as much as the waveform, times by how much they overlap."""
        several = options.imitate_fadtk or options.crop == "windows"
        return 4 * self.window_samples * self.vector_count(samples, options) if several else 0


@dataclass(frozen=True)
class ClapFusionModel(ClapModel):
    """CLAP's audio half with feature fusion: four spectrograms of a file."""

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """What the network takes.

        Returns:
            Spectrograms in decibels, float32 `[N, 4, 1001, 64]`, and whether they are four different
            ones, bool `[N]`.
        """
        import torch

        from fad_core.models.clap.fusion import shrink

        samples = waveform[0].astype(np.float32, copy=False)
        # The places at which a stretch can start; a file with just one is embedded whole.
        places = MEL.frame_count(len(samples)) - FRAMES + 1
        if options.crop == "windows" or len(samples) <= WINDOW_SAMPLES:
            return _four_alike(_window_mels(self._windows(waveform, options, key)))
        whole = _fusion_mel()(samples)
        if places == 1:
            return _four_alike(whole.numpy()[np.newaxis])
        parts = [whole[start : start + FRAMES] for start in part_starts(places, options, key)]
        return torch.stack([shrink(whole, FRAMES), *parts]).numpy()[np.newaxis], np.ones(1, bool)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Spectrograms from -100 dB (silence) to 40 dB; every other one is fused."""
        import torch

        mel = 70.0 * _scrambled(batch, 4 * FRAMES * MEL.bands) - 30.0
        return mel.view(batch, 4, FRAMES, MEL.bands), torch.arange(batch) % 2 == 0

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """Return the starts of the windows; without windows, the whole file is embedded."""
        return super().start_seconds(samples, options, key) if options.crop == "windows" else np.zeros(1)

    def memory_bytes(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """The spectrogram of the whole file, or those of the windows."""
        windows = options.crop == "windows"
        frames = FRAMES * self.vector_count(samples, options) if windows else MEL.frame_count(samples)
        return 4 * MEL.bands * frames


def _as_amplitudes(features: Arrays) -> Arrays:
    """Decibels as amplitudes: a transform's rounding is a share of the loudest band."""
    mels, longer = features
    return 10.0 ** (mels.astype(np.float64) / 20.0), longer


def _network(size: str, fusion: bool) -> ClapAudio:
    from fad_core.models.clap.network import ClapAudio

    return ClapAudio({"tiny": TINY, "base": BASE}[size], fusion=fusion)


def _window_mels(windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The spectrograms of windows, `[N, 1001, 64]`."""
    # Made beforehand: small arrays kept between large ones that come and go would scatter the memory.
    mels = np.empty((len(windows), FRAMES, MEL.bands), np.float32)
    for row, window in zip(mels, windows, strict=True):
        row[...] = _fusion_mel()(window)
    return mels


def _four_alike(mel: NDArray[np.float32]) -> Arrays:
    """Spectrograms `[N, 1001, 64]` as four times the same; a view, so without four times the memory."""
    count, *shape = mel.shape
    return np.broadcast_to(mel[:, np.newaxis], (count, 4, *shape)), np.zeros(count, bool)


@lru_cache(maxsize=1)
def _fusion_mel() -> FusionMel:
    from fad_core.models.clap.fusion import FusionMel

    return FusionMel(MEL)


def _scrambled(batch: int, length: int) -> torch.Tensor:
    """Numbers within ±1 that look like noise, `[batch, length]`; the squares modulo a prime do."""
    import torch

    prime = 1_000_003
    place = torch.arange(length) % prime
    squares = place * place % prime * (1 + torch.arange(batch)[:, None]) % prime
    return squares.float() / (prime / 2) - 1.0


# Two: torch.export would take a batch of one for a constant.
_facts = partial(
    VerificationFacts,
    eager_cases=tuple((batch, 0) for batch in (1, 2, 3, 4)),
    export_case=(2, 0),
    golden=Path(__file__).with_name("golden.npz"),
)
_fusion_facts = partial(_facts, frontend_tolerance=5e-6, linear=_as_amplitudes, bandwidth=MEL.upper_hz)


_TENSOR_BYTES = {("tiny", False): 117_097_832, ("tiny", True): 112_824_520, ("base", False): 278_781_800}


def _variant(
    name: str, filename: str, size: str, *, fusion: bool = False, aliases: tuple[str, ...] = ()
) -> ClapModel:
    family = ClapFusionModel if fusion else ClapModel
    return family(
        name=name,
        family="clap",
        variant={"size": size, "fusion": fusion},
        sample_rate=MEL.sample_rate,
        channels=1,
        outputs={EMBEDDING: EMBEDDING_DIM},
        minimum_samples=1,
        checkpoints=(
            clap_checkpoint(filename, partial(_network, size, fusion), _TENSOR_BYTES[size, fusion]),
        ),
        # Shares of a unit vector's RMS, √(1/512). Seen against the original with the kernels that oneDNN has
        # for AVX-512 and AVX2: 2e-6. Those for SSE4.1 sum the spectrogram's convolution up in another order;
        # the bands that a sound leaves empty hold but its rounding errors, in decibels: up to 2.3e-5 on
        # the golden clips (and 2.4e-4, or 1.1e-5 of the vector's length, on a loud pure tone). The fusion
        # models' spectrogram is no convolution. Where no band is empty, an exact transform gives amplitudes
        # within 1.9e-6 of the float32 one's (4.1e-6 if all were stored), and embeddings within 2.3e-6. Two of
        # float32 may be twice as far apart. The network is 3.4e-6 off at most.
        tolerance=1e-5 if fusion else 5e-5,
        verification=_fusion_facts() if fusion else _facts(empty_bands_are_noise=True),
        # More are not faster on a CPU, and take memory: 40 MB a window.
        batch_size=1,
        cuda_batch_size=32,
        cropped=True,
        aliases=aliases,
    )


MODELS = (
    _variant("clap-630k-audioset", "630k-audioset-best.pt", "tiny", aliases=("clap",)),
    _variant("clap-630k-audioset-fusion", "630k-audioset-fusion-best.pt", "tiny", fusion=True),
    _variant("clap-630k", "630k-best.pt", "tiny"),
    _variant("clap-630k-fusion", "630k-fusion-best.pt", "tiny", fusion=True),
    _variant("clap-music-audioset", "music_audioset_epoch_15_esc_90.14.pt", "base"),
    _variant("clap-music-speech", "music_speech_epoch_15_esc_89.25.pt", "base"),
    _variant("clap-music-speech-audioset", "music_speech_audioset_epoch_15_esc_89.98.pt", "base"),
)
# The text halves of the same files, which captions are embedded by (`fad_core.models.find_network`).
TEXT_MODELS = tuple(map(clap_text, MODELS))
