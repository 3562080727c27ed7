from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fad_core.audio import SoundDigest, inspect_audio, read_audio, to_mono
from fad_core.errors import AudioError

RATE = 22050

# (file name, libsndfile's container, coding)
WHOLE = [
    ("u8.wav", "WAV", "PCM_U8"),
    ("i16.wav", "WAV", "PCM_16"),
    ("i24.wav", "WAVEX", "PCM_24"),
    ("i32.wav", "WAV", "PCM_32"),
    ("f32.wav", "WAV", "FLOAT"),
    ("f64.wav", "WAV", "DOUBLE"),
    ("alaw.wav", "WAV", "ALAW"),
    ("ima.wav", "WAV", "IMA_ADPCM"),
    ("i16.rf64", "RF64", "PCM_16"),
    ("f32.w64", "W64", "FLOAT"),
    ("i16.aiff", "AIFF", "PCM_16"),
    ("s8.aiff", "AIFF", "PCM_S8"),
    ("f64.aifc", "AIFF", "DOUBLE"),
    ("i16.svx", "SVX", "PCM_16"),
    ("i16.caf", "CAF", "PCM_16"),
    ("alac.caf", "CAF", "ALAC_16"),
    ("i16.au", "AU", "PCM_16"),
    ("i16.sph", "NIST", "PCM_16"),
    ("i16.flac", "FLAC", "PCM_16"),
    ("i24.flac", "FLAC", "PCM_24"),
    ("vorbis.ogg", "OGG", "VORBIS"),
    ("opus.opus", "OGG", "OPUS"),
    ("layer3.mp3", "MP3", "MPEG_LAYER_III"),
]
NAMES = [name for name, _, _ in WHOLE]


def noise(frames: int, channels: int = 1) -> np.ndarray:
    """A tone in noise, `[frames, channels]`."""
    generator = np.random.default_rng(frames * 10 + channels)
    tone = 0.3 * np.sin(np.arange(frames) / 20)[:, None]
    return (tone + 0.05 * generator.standard_normal((frames, channels))).astype(np.float32)


def write(folder: Path, name: str, frames: int = 60000, channels: int = 1, rate: int = RATE) -> Path:
    container, coding = next((c, k) for n, c, k in WHOLE if n == name)
    rate = 48000 if coding == "OPUS" else rate
    soundfile.write(folder / name, noise(frames, channels), rate, format=container, subtype=coding)
    return folder / name


def reason(path: Path) -> str:
    with pytest.raises(AudioError) as caught:
        inspect_audio(path)
    assert caught.value.path == path
    assert "\n" not in caught.value.reason
    return caught.value.reason


def doubt(path: Path) -> tuple[str, float]:
    """Why a file is doubtful, and how many seconds are."""
    info = inspect_audio(path)
    assert "\n" not in info.doubt
    assert info.doubt
    assert 0 <= info.doubt_seconds <= 0.1
    return info.doubt, info.doubt_seconds


def wav(chunks: list[tuple[bytes, bytes]], data_size: int | None = None, kind: bytes = b"RIFF") -> bytes:
    """A WAV file of 16-bit mono at 8 kHz from chunks; `data_size` overrides what the header says."""
    body = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    for name, content in chunks:
        size = data_size if name == b"data" and data_size is not None else len(content)
        body += name + struct.pack("<I", size) + content + b"\0" * (len(content) % 2)
    return kind + struct.pack("<I", min(4 + len(body), 0xFFFFFFFF)) + b"WAVE" + body


SOUND = noise(1000).astype("<f4").__mul__(20000).astype("<i2").tobytes()


class TestReadAudio:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("channels", [1, 2])
    def test_values_are_those_the_original_package_reads(self, tmp_path, name, channels):
        if name.endswith(".svx"):
            channels = 1  # all that IFF/8SVX has
        path = write(tmp_path, name, channels=channels)
        waveform, rate = read_audio(path)
        expected, expected_rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert rate == expected_rate
        assert waveform.dtype == np.float32
        assert waveform.shape == (channels, len(expected))
        np.testing.assert_array_equal(waveform.T, expected)

    def test_long_files_are_the_same_in_blocks(self, tmp_path):
        for name in ("i16.flac", "vorbis.ogg", "layer3.mp3", "opus.opus"):
            path = write(tmp_path, name, frames=400_000, channels=2)
            np.testing.assert_array_equal(
                read_audio(path)[0].T, soundfile.read(path, dtype="float32", always_2d=True)[0]
            )

    @pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000, 192000])
    def test_rates_and_a_hundredth_of_a_second(self, tmp_path, rate):
        path = write(tmp_path, "i16.wav", frames=rate // 100, rate=rate)
        waveform, read_rate = read_audio(path)
        assert (waveform.shape, read_rate) == ((1, rate // 100), rate)
        assert inspect_audio(path).duration == pytest.approx(0.01, rel=0.01)

    def test_no_samples_is_an_error(self, tmp_path):
        soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 16000)
        with pytest.raises(AudioError, match="holds no samples"):
            read_audio(tmp_path / "none.wav")

    @pytest.mark.parametrize(
        "name", ["uni ö 音 {b}.wav", "a{x}b [c].wav", "new\nline.wav", "-dash.wav", " .wav"]
    )
    def test_names_of_all_kinds(self, tmp_path, name):
        path = tmp_path / name
        path.write_bytes(wav([(b"data", SOUND)]))
        assert read_audio(path)[0].shape == (1, 1000)
        assert inspect_audio(path).frames == 1000


class TestToMono:
    @pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 11])
    def test_rounds_as_the_original_package_does(self, tmp_path, channels):
        path = tmp_path / "many.wav"
        soundfile.write(path, noise(5000, channels), 16000, subtype="PCM_24")
        original = soundfile.read(path, dtype="float32")[0]
        original = np.mean(original, axis=1) if original.ndim > 1 else original
        waveform = read_audio(path)[0]
        for layout in (waveform, np.ascontiguousarray(waveform)):
            mono = to_mono(layout)
            assert mono.shape == (1, 5000)
            assert mono.dtype == np.float32
            assert mono[0].tobytes() == original.tobytes()


class TestInspectWholeFiles:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_format(self, tmp_path, name):
        path = write(tmp_path, name)
        info = inspect_audio(path)
        container, coding = next((c, k) for n, c, k in WHOLE if n == name)
        assert (info.format, info.subtype, info.channels) == (container, coding, 1)
        assert 60000 <= info.frames <= 60500  # ADPCM comes in blocks
        assert info.frames == read_audio(path)[0].shape[1]

    def test_one_sample_and_silence(self, tmp_path):
        soundfile.write(tmp_path / "one.wav", np.zeros(1), 16000)
        assert inspect_audio(tmp_path / "one.wav").frames == 1
        soundfile.write(tmp_path / "silence.flac", np.zeros((3000, 6)), 192000)
        info = inspect_audio(tmp_path / "silence.flac")
        assert (info.channels, info.sample_rate, info.frames) == (6, 192000, 3000)

    @pytest.mark.parametrize(
        "content",
        [
            wav([(b"data", SOUND)]) + b"trailing junk that is no chunk",
            wav([(b"data", SOUND)]) + b"\0" * 1001,
            wav([(b"LIST", b"INFOISFT\x05\0\0\0me 1\0"), (b"data", SOUND)]),
            wav([(b"odd ", b"abc"), (b"data", SOUND), (b"LIST", b"INFO")]),
            wav([(b"data", SOUND), (b"LIST", b"INFO" + b"x" * 200)])[:-150],  # the sound itself is whole
            wav([(b"data", SOUND)])[:4] + b"\x10\0\0\0" + wav([(b"data", SOUND)])[8:],  # wrong RIFF size
            wav([(b"data", SOUND[:-1])])[:-1],  # an odd size without its padding byte
        ],
        ids=["junk", "zeros", "list-before", "odd-chunk", "cut-list-after", "riff-size", "no-padding"],
    )
    def test_odd_wav_files_are_not_taken_for_cut_ones(self, tmp_path, content):
        path = tmp_path / "odd.wav"
        path.write_bytes(content)
        assert inspect_audio(path).frames in (999, 1000)

    @pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0x7FFFEFFC])
    def test_wav_written_to_a_pipe(self, tmp_path, size):
        path = tmp_path / "pipe.wav"
        path.write_bytes(wav([(b"data", SOUND)], data_size=size))
        assert inspect_audio(path).frames == 1000
        assert read_audio(path)[0].shape == (1, 1000)

    def test_wav_whose_recorder_never_wrote_the_size(self, tmp_path):
        path = tmp_path / "zero.wav"
        path.write_bytes(wav([(b"data", SOUND)], data_size=0))
        assert reason(path) == (
            "its header states no size of the audio: the 2000 bytes after it are not decoded "
            "(0.125 s ignored); 0.000 s are decoded: re-encode it with its true length "
            "(ffmpeg -ignore_length 1 -i FILE NEW.flac)"
        )

    def test_flac_written_to_a_pipe(self, tmp_path):
        content = bytearray(write(tmp_path, "i16.flac").read_bytes())
        content[21] &= 0xF0  # the 36 bits of the total count of samples in STREAMINFO
        content[22:26] = b"\0\0\0\0"
        (tmp_path / "pipe.flac").write_bytes(content)
        assert inspect_audio(tmp_path / "pipe.flac").frames == 60000
        assert read_audio(tmp_path / "pipe.flac")[0].shape == (1, 60000)
        (tmp_path / "cut.flac").write_bytes(content[: len(content) // 2])
        assert reason(tmp_path / "cut.flac").startswith("cut short or damaged")

    def test_text_after_an_ogg_stream(self, tmp_path):
        path = write(tmp_path, "vorbis.ogg")
        path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))
        assert inspect_audio(path).frames == 60000


class TestInspectCutFiles:
    @pytest.mark.parametrize("name", NAMES)
    def test_cut_anywhere(self, tmp_path, name):
        content = write(tmp_path, name).read_bytes()
        cut = tmp_path / f"cut-{name}"
        for share in (0.001, 0.01, 0.1, 0.3, 0.5, 0.8, 0.95):
            cut.write_bytes(content[: int(len(content) * share)])
            reason(cut)
        for less in (len(content) // 1000 + 1, 30):
            cut.write_bytes(content[:-less])
            try:
                assert doubt(cut)[0].startswith("cut short")
            except AudioError as error:
                assert "cut short" in error.reason or "malformed" in error.reason

    @pytest.mark.parametrize(
        "name", ["i16.wav", "i16.rf64", "f32.w64", "i16.aiff", "i16.svx", "i16.au", "i16.sph"]
    )
    def test_two_bytes_less(self, tmp_path, name):
        path = write(tmp_path, name)
        os.truncate(path, path.stat().st_size - (20 if name == "f32.w64" else 2))
        why, seconds = doubt(path)
        assert why.startswith("cut short: its header declares")
        assert seconds == pytest.approx((5 if name == "f32.w64" else 1) / RATE)

    def test_ogg_between_two_pages(self, tmp_path):
        content = write(tmp_path, "vorbis.ogg").read_bytes()
        (tmp_path / "cut.ogg").write_bytes(content[: content.rindex(b"OggS")])
        assert doubt(tmp_path / "cut.ogg") == (
            "no Ogg page ends the stream: whether audio is missing is unknown",
            0.0,
        )

    def test_ogg_with_a_hole(self, tmp_path):
        content = write(tmp_path, "vorbis.ogg", frames=400_000).read_bytes()
        (tmp_path / "hole.ogg").write_bytes(content[:9000] + content[12000:])
        assert reason(tmp_path / "hole.ogg").startswith("damaged: ")


def mp3(path: Path, mode: str = "VARIABLE", frames: int = 200_000) -> bytes:
    soundfile.write(path, noise(frames), 44100, format="MP3", bitrate_mode=mode, compression_level=0.5)
    return path.read_bytes()


def without_tag(content: bytes) -> bytes:
    """An MP3 file without its first frame, which tells the length."""
    assert b"Xing" in content[:200] or b"Info" in content[:200]
    return content[content.index(content[:2], 4) :]


class TestInspectMp3:
    @pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
    def test_tags_around_it_do_no_harm(self, tmp_path, mode):
        path = tmp_path / "a.mp3"
        content = mp3(path, mode)
        id3v2 = b"ID3\x03\0\0" + bytes([0, 0, 2, 0]) + bytes(256)
        for variant in (
            content,
            id3v2 + content,
            content + b"TAG" + bytes(125),
            id3v2 + content + b"APETAGEX" * 9,
        ):
            path.write_bytes(variant)
            assert inspect_audio(path).frames == 200_000

    def test_constant_rate_without_a_length(self, tmp_path):
        path = tmp_path / "a.mp3"
        content = without_tag(mp3(path, "CONSTANT"))
        path.write_bytes(content)
        assert inspect_audio(path).frames >= 200_000
        path.write_bytes(content[: len(content) // 2])
        assert reason(path).startswith(
            "cut short: its last MPEG frame is incomplete (how much is missing is unkn"
        )

    def test_variable_rate_without_a_length_is_not_scored_on_its_first_half(self, tmp_path):
        path = tmp_path / "a.mp3"
        quiet_first = np.concatenate([noise(200_000), np.zeros((200_000, 1), np.float32)])
        soundfile.write(
            path, quiet_first, 44100, format="MP3", bitrate_mode="VARIABLE", compression_level=0.1
        )
        path.write_bytes(without_tag(path.read_bytes()))
        lost = read_audio(path)[0].shape[1] < 390_000
        if lost:
            assert "libsndfile decodes only" in reason(path)
        else:
            assert inspect_audio(path).frames >= 399_000

    def test_two_files_in_one(self, tmp_path):
        path = tmp_path / "a.mp3"
        content = mp3(path)
        path.write_bytes(content + content)
        assert reason(path).startswith("its header declares 4.571 s, but it has 9.169 s (4.598 s ignored)")


class TestInspectBadFiles:
    def test_missing_broken_link_loop_folder_empty(self, tmp_path):
        assert reason(tmp_path / "nothing.wav") == "does not exist"
        (tmp_path / "broken.wav").symlink_to("nowhere.wav")
        assert reason(tmp_path / "broken.wav") == "is a link to a file that does not exist"
        (tmp_path / "self.wav").symlink_to("self.wav")
        assert reason(tmp_path / "self.wav") == "cannot be read: Too many levels of symbolic links"
        (tmp_path / "folder.wav").mkdir()
        assert reason(tmp_path / "folder.wav") == "is a folder, not a file"
        (tmp_path / "empty.wav").touch()
        assert reason(tmp_path / "empty.wav") == "is empty (0 bytes)"
        os.mkfifo(tmp_path / "pipe.wav")
        assert reason(tmp_path / "pipe.wav") == "is not a regular file"
        assert "cannot be read" in reason(tmp_path / ("x" * 300 + ".wav"))

    # libsndfile takes any content for headerless sound if the name ends in .au, .snd, .gsm or .vox.
    @pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".au", ".snd", ".gsm", ".vox", ".raw", ""])
    def test_text(self, tmp_path, suffix):
        path = tmp_path / f"readme{suffix}"
        path.write_text("Größe der Datei,\nnot a sound\n" * 100, encoding="utf-8")
        assert reason(path).startswith("is a text file, not audio: it begins with 'Größe der Datei, not")

    @pytest.mark.parametrize("suffix", [".wav", ".m4a", ".mp3", ".ogg"])
    def test_other_bytes(self, tmp_path, suffix):
        path = tmp_path / f"random{suffix}"
        for content in (
            np.random.default_rng(1).bytes(50_000),
            bytes(50_000),
            b"\0\0\0 ftypM4A " + bytes(99),
        ):
            path.write_bytes(content)
            found = reason(path)
            assert found.startswith(f"libsndfile cannot read this {suffix} file (")
            assert "exist" not in found

    def test_not_finite(self, tmp_path):
        path = tmp_path / "nan.wav"
        values = np.zeros((700_000, 2), np.float32)
        values[400_000, 1] = np.nan
        soundfile.write(path, values, 16000, subtype="FLOAT")
        assert reason(path) == "has values that are NaN or infinite, the first at 25.000 s"
        values[500_000:500_003] = np.inf
        soundfile.write(path, values, 16000, subtype="DOUBLE")
        assert reason(path) == "has values that are NaN or infinite, the first at 25.000 s"

    def test_absurd_rate(self, tmp_path):
        content = bytearray(wav([(b"data", SOUND)]))
        content[24:28] = struct.pack("<I", 2_000_000_000)
        (tmp_path / "rate.wav").write_bytes(content)
        assert "sample rate of 2000000000 Hz" in reason(tmp_path / "rate.wav")

    def test_permission_denied(self, tmp_path):
        tmp_path.chmod(0o755)
        path = tmp_path / "secret.wav"
        path.write_bytes(wav([(b"data", SOUND)]))
        path.chmod(0)
        code = (
            "import os; from fad_core.audio import inspect_audio; from fad_core.errors import AudioError\n"
            "if os.getuid() == 0: os.setuid(65534)\n"
            "try: inspect_audio('secret.wav')\n"
            "except AudioError as error: print(error.reason)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "cannot be read: Permission denied"

    def test_memory_is_bounded(self, tmp_path):
        import tracemalloc

        path = tmp_path / "long.flac"
        soundfile.write(path, np.zeros((5_000_000, 2), np.int16), 48000)
        inspect_audio(path)
        tracemalloc.start()
        inspect_audio(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8_000_000  # decoded, the file is 40 MB of float32


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int16"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_as_a_type_with_the_values_of_soundfile(tmp_path: Path, name: str, dtype: str) -> None:
    path = write(tmp_path, name)
    samples, rate = read_audio(path, dtype)
    expected, expected_rate = soundfile.read(path, dtype=dtype, always_2d=True)
    scale = {"int16": 2**15, "int32": 2**31}.get(dtype, 1)
    assert rate == expected_rate
    assert samples.dtype == (np.float32 if dtype == "float32" else np.float64)
    np.testing.assert_array_equal(samples.T, expected / scale)


class TestMeasures:
    def test_peak(self, tmp_path):
        values = np.zeros((300_000, 2), np.float32)
        soundfile.write(tmp_path / "a.wav", values, RATE, subtype="FLOAT")
        assert inspect_audio(tmp_path / "a.wav").peak == 0.0
        values[299_999, 1] = -32768
        values[5, 0] = 100
        soundfile.write(tmp_path / "a.wav", values, RATE, subtype="FLOAT")
        assert inspect_audio(tmp_path / "a.wav").peak == 32768.0

    @pytest.mark.parametrize(
        ("channels", "changed", "expected"),
        [
            ((0, 0), None, False),
            ((0.25, -0.5), None, True),
            ((0, 0.5), None, True),
            ((0.25, -0.5), 299_999, False),
        ],
    )
    def test_constant(self, tmp_path, channels, changed, expected):
        values = np.tile(np.float32(channels), (300_000, 1))
        if changed is not None:
            values[changed, 1] = 0.5
        soundfile.write(tmp_path / "a.wav", values, RATE, subtype="FLOAT")
        assert inspect_audio(tmp_path / "a.wav").constant is expected

    @pytest.mark.parametrize("channels", [1, 2])
    def test_the_hash_is_that_of_the_samples_whatever_the_container(self, tmp_path, channels):
        paths = [tmp_path / name for name in ("a.wav", "a.flac", "a.aiff", "a.w64")]
        for path in paths:
            soundfile.write(path, (noise(400_000, channels) * 20000).astype(np.int16), RATE, subtype="PCM_16")
        (found,) = {inspect_audio(path).sound_sha256 for path in paths}
        samples = read_audio(paths[0])[0].T
        plain = hashlib.sha256(f"{RATE} {channels}\n".encode() + samples.astype("<f4").tobytes()).hexdigest()
        assert found == plain
        for size in (1, 1000, 400_000):
            digest = SoundDigest(RATE, channels)
            for start in range(0, 3000 if size == 1 else 400_000, size):
                digest.update(samples[start : start + size])
            if size == 1:
                digest.update(samples[3000:])
            assert digest.hexdigest() == found
        if channels == 1:
            digest = SoundDigest(RATE, 1)
            digest.update(samples[:, 0])
            assert digest.hexdigest() == found

    def test_another_rate_or_sample_is_another_hash(self, tmp_path):
        values = noise(1000)
        soundfile.write(tmp_path / "a.wav", values, RATE)
        soundfile.write(tmp_path / "b.wav", values, RATE + 1)
        values[500] += 1e-3
        soundfile.write(tmp_path / "c.wav", values, RATE)
        assert len({inspect_audio(tmp_path / name).sound_sha256 for name in ("a.wav", "b.wav", "c.wav")}) == 3

    @pytest.mark.parametrize(
        "block", [np.zeros((4, 3), np.float32), np.zeros(4, np.float32), np.zeros((4, 2))]
    )
    def test_a_block_of_another_kind_is_refused(self, block):
        with pytest.raises(ValueError, match="not a float32 block of 2 channels"):
            SoundDigest(RATE, 2).update(block)
