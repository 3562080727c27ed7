"""Audio files: decode them, check that they are whole, measure and mix them.

The only package that reads sound from a path; everything after it works on float32 waveforms
`[channels, samples]`. The arithmetic is that of frechet-audio-distance: libsndfile's float32, and the
mean over the channels.

Which files are used (docs/audio.md says it for users):

* *whole*: what the container promises is what is decoded. Used.
* *doubtful*: sound is missing, ignored or beyond what the container promises, but at most
  `SMALL_LOSS` seconds of it as far as the container tells. Used; `AudioInfo.doubt` says why.
* *bad*: more than that, or no sound, or values that are not finite. Refused with `AudioError`.

Nothing that stands in a file is left out without being counted in seconds.
"""

from __future__ import annotations

from fad_core.audio.decoding import read_audio, waveform_of
from fad_core.audio.inspection import AudioInfo, SoundDigest, inspect_audio
from fad_core.audio.losses import SMALL_LOSS
from fad_core.audio.mixing import mix, to_mono

__all__ = [
    "SMALL_LOSS",
    "AudioInfo",
    "SoundDigest",
    "inspect_audio",
    "mix",
    "read_audio",
    "to_mono",
    "waveform_of",
]
