"""Sound in memory: what shapes and values are taken, and what is said of the others."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fad_core.datasets import AudioFile
from fad_core.datasets.scan import scan_file
from fad_core.embedding.inputs import SoundArrays, Waveforms
from fad_core.embedding.precomputed import precomputed_set
from fad_core.errors import DatasetError, FadError
from fad_core.models import get_model
from fad_core.models.use import ModelUse

MODEL = ModelUse(get_model("vggish"))
NOISE = np.random.default_rng(0).normal(0, 0.1, (16000, 2)).astype(np.float32)


def records(*waveforms, rate=16000):
    return SoundArrays("x", Waveforms(waveforms, rate)).records(None)


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (NOISE.T, "looks like [channels, samples]"),
        (NOISE[None, :, 0], "looks like [channels, samples]"),
        (np.zeros((16, 64000)), "looks like [channels, samples]"),
        (np.zeros((4, 1, 64000)), "expected [samples] or [samples, channels]"),
        (np.zeros((0, 2)), "expected [samples] or [samples, channels]"),
        (np.float64(0.5), "expected [samples] or [samples, channels]"),
        (NOISE.astype(np.int16), "holds int16"),
        (NOISE.astype(np.complex64), "holds complex64"),
        (np.where(NOISE > 0.2, np.inf, NOISE), "NaN or infinite"),
    ],
    ids=lambda value: str(getattr(value, "shape", value)),
)
def test_arrays_that_are_refused(waveform, reason):
    (record,) = records(waveform)
    assert record.status == "bad" and reason in record.reason


def test_one_array_in_the_place_of_a_list():
    with pytest.raises(DatasetError, match=r"data set x: one array; expected a list of arrays"):
        SoundArrays("x", Waveforms(NOISE[:, 0], 16000))


def test_an_array_and_a_file_of_it_are_the_same_sound(tmp_path):
    integers = np.round(NOISE * 2**15).astype(np.int16)
    rounded = integers / 2**15
    for suffix in ("wav", "flac"):
        soundfile.write(tmp_path / f"a.{suffix}", integers, 16000, subtype="PCM_16")
    files = [scan_file(AudioFile(path.name, path)) for path in sorted(tmp_path.iterdir())]
    (array,) = records(rounded)
    assert len({record.sound_sha256 for record in (*files, array)}) == 1
    assert {record.peak for record in (*files, array)} == {float(np.abs(rounded).max())}
    other_rate, mono = records(rounded, rate=8000)[0], records(rounded[:, 0])[0]
    assert len({record.sound_sha256 for record in (array, other_rate, mono)}) == 3


@pytest.mark.parametrize(
    ("values", "signal", "peak"), [(0.0, "silent", 0.0), (-0.25, "constant", 0.25), (None, "varying", None)]
)
def test_levels_of_files_and_arrays(tmp_path, values, signal, peak):
    sound = NOISE if values is None else np.full((16000, 2), values, np.float32)
    soundfile.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    for record in (*records(sound), scan_file(AudioFile("a.wav", tmp_path / "a.wav"))):
        assert record.signal == signal
        assert record.peak == (float(np.abs(NOISE).max()) if peak is None else peak)


def test_embeddings_of_other_dimensions_are_refused_before_anything_is_computed():
    # Their statistics would take 64000 · 64000 numbers, 33 GB.
    with pytest.raises(
        FadError,
        match=r"has 64000 dimensions, but embeddings of vggish have 128: .* give sound as .*Waveforms",
    ):
        precomputed_set("x", np.zeros((16, 64000)), MODEL)
    with pytest.raises(DatasetError, match=r"\[N, D\]"):
        precomputed_set("x", np.zeros((2, 3, 128)), MODEL)
