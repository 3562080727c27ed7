"""Audio files: decode them, check that they are whole, measure and mix them.

This is the only package that reads audio from a path; all others work on float32 waveforms
`[channels, samples]`. The arithmetic is that of frechet-audio-distance: libsndfile's float32, and the
mean over the channels.

Which files are used (docs/audio.md describes it for users):

* *whole*: exactly what the container declares is decoded. Used.
* *doubtful*: audio is missing, ignored or surplus, but at most `SMALL_LOSS` seconds of it as far as the
  container shows. Used; `AudioInfo.doubt` gives the reason.
* *bad*: more than that, or no audio, or values that are not finite. Refused with `AudioError`.

Everything that is left out of a file is counted in seconds.
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
