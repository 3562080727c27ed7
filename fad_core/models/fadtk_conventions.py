"""`compatibility: fadtk`: what that package does between a file and its vectors.

fadtk 1.1.0 (https://github.com/microsoft/fadtk) mixes a file to mono, resamples it with torchaudio, and
writes it with 16 bits; its models read that file, and their embeddings are rounded to float16:

* VGGish: nothing else. (Files shorter than 1 s are padded: that is `on_short_file` here.)
* CLAP: 16 bits once more, on another scale and without rounding; ten seconds at each whole second, zeros for
  what is missing, and no repetition.
* MS-CLAP: seven seconds at each whole second, zeros for what is missing, and no repetition.
* EnCodec: at most the first three minutes; at 48 kHz one second after the other, mono on both channels.
* CDPAM: nothing else.

Its means of a set are rounded to float16 too, in some of its functions: here they are not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fad_core.audio.kaiser_sinc import kaiser_sinc
from fad_core.audio.mixing import mix, to_mono

FADTK_NAMES: Mapping[str, str] = {
    "vggish": "vggish",
    "clap-630k-audioset": "clap-laion-audio",
    "clap-music-audioset": "clap-laion-music",
    "msclap-2023": "clap-2023",
    "encodec-24k": "encodec-emb",
    "encodec-48k": "encodec-emb-48k",
    "cdpam-acoustic": "cdpam-acoustic",
    "cdpam-content": "cdpam-content",
}
"""Names in fadtk of the models that it has, by their ids: of the same networks with the same checkpoints
(torchvggish without PCA and last activation; the output of EnCodec's encoder; 630k-audioset-best.pt of
HTSAT-tiny and music_audioset_epoch_15_esc_90.14.pt of HTSAT-base; CLAP_weights_2023.pth)."""

_FULL_SCALE = 32768
_LONGEST_SECONDS = 180
_CLAP_SCALE = np.float64(32767)


def prepare_waveform(
    waveform: NDArray[np.float32], sample_rate: int, model_rate: int, channels: int
) -> NDArray[np.float32]:
    """Return a waveform as fadtk's models read it from its 16-bit file.

    torchaudio rounds to the nearest of 65536 values and clips, where it writes by FFmpeg, its first choice.

    Args:
        waveform: float32 `[C, samples]`.
        sample_rate: of the waveform, Hz.
        model_rate: sample rate of the model, Hz.
        channels: channels of the model; the sound is mono on all of them.
    """
    mono = kaiser_sinc(to_mono(waveform), sample_rate, model_rate)
    rounded = np.round(mono * np.float32(_FULL_SCALE)).clip(-_FULL_SCALE, _FULL_SCALE - 1)
    return mix((rounded / np.float32(_FULL_SCALE)).astype(np.float32, copy=False), channels)


def round_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round embeddings to the values that float16 holds."""
    return vectors.astype(np.float16).astype(np.float32)


def longest(samples: int, rate: int) -> int:
    """Return how many samples of a file EnCodec embeds: of the first three minutes at most."""
    return min(samples, _LONGEST_SECONDS * rate)


def clap_sound(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return sound as LAION's CLAP is given it, truncated to 16 bits."""
    truncated = (samples.astype(np.float64).clip(-1, 1) * _CLAP_SCALE).astype(np.int16)
    return (truncated / _CLAP_SCALE).astype(np.float32)


def clap_windows(samples: NDArray[np.float32], window: int, rate: int) -> NDArray[np.float32]:
    """Return the windows of CLAP, `[N, window]`: one at each whole second, zeros for what is missing."""
    values = np.pad(samples, (0, window))
    starts = clap_starts(len(samples), rate)
    return np.stack([values[start : start + window] for start in starts])


def clap_starts(samples: int, rate: int) -> NDArray[np.int64]:
    """Return where these windows start, in samples."""
    return np.arange(0, samples, rate, dtype=np.int64)
