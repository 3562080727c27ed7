"""No container loses, ignores or adds sound without a word."""

from __future__ import annotations

import contextlib
import itertools
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fad_core.audio import SMALL_LOSS, inspect_audio
from fad_core.errors import AudioError

sys.path.append(str(Path(__file__).parents[2] / "soak"))
from containers import check, mutations

RATE = 16000
# Containers whose length is not checked.
UNCHECKED = {"AVR", "IRCAM", "MAT4", "MAT5", "MPC2K", "PAF", "PVF", "SDS", "VOC", "WVE", "XI"}
UNREADABLE = {"RAW", "SD2"}  # without a header, and with it in a second file
UNWRITABLE = {"DWVW_12", "MPEG_LAYER_I", "MPEG_LAYER_II"}
FORMATS = [
    (kind, coding)
    for kind in sorted(set(soundfile.available_formats()) - UNREADABLE)
    for coding in sorted(set(soundfile.available_subtypes(kind)) - UNWRITABLE)
    if (kind, coding) != ("WAV", "MPEG_LAYER_III")
]
PCM = (np.random.default_rng(0).standard_normal(2 * RATE) * 3000).astype("<i2").tobytes()


def sound(frames: int = 2 * RATE) -> np.ndarray:
    rng = np.random.default_rng(frames)
    return (0.3 * np.sin(np.arange(frames) / 20) + 0.05 * rng.standard_normal(frames)).astype(np.float32)


def encode(folder: Path, kind: str, coding: str, frames: int = 2 * RATE) -> bytes:
    path = folder / "encoded"
    rate = {"OPUS": 48000}.get(coding, 8000 if kind == "WVE" else RATE)
    soundfile.write(path, sound(frames), rate, format=kind, subtype=coding)
    return path.read_bytes()


def inspect(folder: Path, content: bytes):
    path = folder / "sound"
    path.write_bytes(content)
    return inspect_audio(path)


def reason(folder: Path, content: bytes) -> str:
    with pytest.raises(AudioError) as caught:
        inspect(folder, content)
    assert "\n" not in caught.value.reason
    return caught.value.reason


def is_noticed(folder: Path, content: bytes) -> bool:
    try:
        return bool(inspect(folder, content).doubt)
    except AudioError:
        return True


@pytest.mark.parametrize(("kind", "coding"), FORMATS)
def test_what_libsndfile_writes_is_whole(tmp_path, kind, coding):
    info = inspect(tmp_path, encode(tmp_path, kind, coding))
    unchecked = f"the length of {kind} files is not checked: whether audio is missing is unknown"
    assert (info.doubt, info.doubt_seconds) == (unchecked if kind in UNCHECKED else "", 0.0)


@pytest.mark.parametrize(("kind", "coding"), FORMATS)
def test_half_of_a_file_and_what_is_behind_it_is_noticed(tmp_path, kind, coding):
    content = encode(tmp_path, kind, coding)
    junk = np.random.default_rng(1).bytes(3000)
    damaged = {"half": content[: len(content) // 2], "junk": content + junk, "twice": content + content}
    noticed = {name: is_noticed(tmp_path, changed) for name, changed in damaged.items()}
    assert all(noticed.values()), noticed
    frames = inspect(tmp_path, content).frames
    tagged = content + b"TAG" + b"title".ljust(125, b"\0")
    assert is_noticed(tmp_path, tagged) or inspect(tmp_path, tagged).frames == frames


def riff(*chunks: tuple[bytes, bytes] | tuple[bytes, bytes, int], kind: bytes = b"RIFF") -> bytes:
    """A WAV file of 16-bit mono; a third item is a chunk's size as its header states it."""
    body = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    for name, content, *size in chunks:
        body += name + struct.pack("<I", *(size or [len(content)])) + content + b"\0" * (len(content) % 2)
    return kind + struct.pack("<I", min(4 + len(body), 0xFFFFFFFF)) + b"WAVE" + body


class TestWav:
    @pytest.mark.parametrize(
        ("size", "seconds"),
        [
            (len(PCM) + 36, 18 / RATE),
            (len(PCM) + 1, 0.5 / RATE),
            (len(PCM) - 2, 1 / RATE),
            (len(PCM) - 3000, 0.09375),
        ],
    )
    def test_a_size_that_is_wrong_by_a_little_is_counted(self, tmp_path, size, seconds):
        info = inspect(tmp_path, riff((b"data", PCM, size)))
        assert info.doubt_seconds == pytest.approx(seconds)
        assert info.doubt

    @pytest.mark.parametrize("size", [0, 1, 2, 16000, (len(PCM) + (5 << 32)) % (1 << 32) // 4])
    def test_a_size_that_is_far_too_small_is_refused(self, tmp_path, size):
        why = reason(tmp_path, riff((b"data", PCM, size)))
        there = size // 2 / RATE
        assert f"{there:.3f} s are decoded" in why
        assert f"({2 - there:.3f} s ignored)" in why
        assert "ffmpeg -ignore_length 1" in why

    @pytest.mark.parametrize("less", [2, 3000, 3400, 30000])
    def test_cut(self, tmp_path, less):
        content = riff((b"data", PCM))[:-less]
        if less / 2 / RATE <= SMALL_LOSS:
            assert inspect(tmp_path, content).doubt_seconds == pytest.approx(less / 2 / RATE)
        else:
            assert f"({less / 2 / RATE:.3f} s missing)" in reason(tmp_path, content)

    @pytest.mark.parametrize(
        "behind",
        [
            ((b"LIST", b"INFOISFT\x04\0\0\0abc\0"), (b"id3 ", b"x" * 33)),
            ((b"unkn", b"x" * 100),),
            ((b"JUNK", bytes(5000)), (b"bext", bytes(602))),
        ],
    )
    def test_chunks_behind_the_sound_are_no_sound(self, tmp_path, behind):
        for data in (PCM, PCM[:-2]):
            assert inspect(tmp_path, riff((b"data", data), *behind)).doubt == ""

    def test_odd_sound_with_and_without_padding_before_a_chunk(self, tmp_path):
        body = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
        head = b"RIFF\xff\0\0\0WAVE" + body + b"data" + struct.pack("<I", 7777) + PCM[:7777]
        for padding in (b"\0", b""):
            info = inspect(tmp_path, head + padding + b"LIST" + struct.pack("<I", 10) + b"INFO012345")
            assert (info.frames, info.doubt) == (7777, "")

    @pytest.mark.parametrize(
        "tags",
        [
            b"TAG" + bytes(125),
            b"ID3\x03\0\0\0\0\x01\x00" + bytes(128),
            b"x" * 40 + b"APETAGEX" + struct.pack("<IIII", 2000, 72, 1, 0) + bytes(8),
            b"LYRICSBEGIN" + b"la" * 20 + b"000051LYRICS200",
            bytes(4096),
        ],
    )
    def test_tags_and_padding_behind_the_sound_are_no_sound(self, tmp_path, tags):
        assert inspect(tmp_path, riff((b"data", PCM)) + tags).doubt == ""

    def test_many_zeros_behind_the_sound_may_have_been_silence(self, tmp_path):
        assert "(3.125 s ignored)" in reason(tmp_path, riff((b"data", PCM)) + bytes(100_000))

    def test_rf64_and_bw64(self, tmp_path):
        def content(kind: bytes, stated: int) -> bytes:
            ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, stated, 0, 0)
            plain = riff((b"data", PCM, 0xFFFFFFFF), kind=kind)
            return plain[:12] + ds64 + plain[12:]

        assert inspect(tmp_path, content(b"RF64", len(PCM))).doubt == ""
        assert "(1.000 s ignored)" in reason(tmp_path, content(b"RF64", len(PCM) // 2))
        assert "(2.000 s ignored)" in reason(tmp_path, content(b"RF64", 0))
        assert "is a BW64 file, which libsndfile cannot read: convert" in reason(
            tmp_path, content(b"BW64", len(PCM))
        )


class TestOtherChunks:
    def test_aiff_states_its_samples_twice(self, tmp_path):
        content = bytearray(encode(tmp_path, "AIFF", "PCM_16"))
        at = content.index(b"COMM") + 10
        struct.pack_into(">I", content, at, 2 * RATE + 160)
        assert inspect(tmp_path, bytes(content)).doubt_seconds == pytest.approx(0.01)
        struct.pack_into(">I", content, at, RATE)
        assert "its header declares 1.000 s, but it has 2.000 s" in reason(tmp_path, bytes(content))

    @pytest.mark.parametrize(
        ("kind", "marker", "at", "form"),
        [
            ("AIFF", b"SSND", 4, ">I"),
            ("W64", b"data", 16, "<Q"),
            ("CAF", b"data", 4, ">Q"),
            ("AU", b".snd", 8, ">I"),
        ],
    )
    def test_a_size_that_is_far_too_small(self, tmp_path, kind, marker, at, form):
        content = bytearray(encode(tmp_path, kind, "PCM_16"))
        struct.pack_into(form, content, content.index(marker) + at, 10000)
        assert any(word in reason(tmp_path, bytes(content)) for word in ("s ignored)", "s surplus)"))

    def test_a_packet_of_alac_that_is_cut_is_lost_whole(self, tmp_path):
        content = encode(tmp_path, "CAF", "ALAC_16")
        lost = 2 * RATE - len(soundfile.read(tmp_path / "encoded")[0][: 2 * RATE // 4096 * 4096])
        assert f"({lost / RATE:.3f} s missing)" in reason(tmp_path, content[:-5])

    def test_a_w64_file_of_a_pipe(self, tmp_path):
        content = bytearray(encode(tmp_path, "W64", "PCM_16"))
        struct.pack_into("<Q", content, content.index(b"data") + 16, 2**63 - 1)
        assert inspect(tmp_path, bytes(content)).doubt == ""


class TestFlac:
    def test_frames_behind_the_count_of_samples(self, tmp_path):
        content = bytearray(encode(tmp_path, "FLAC", "PCM_16"))
        struct.pack_into(">I", content, 22, RATE)
        assert "but it has 2.000 s (1.000 s ignored)" in reason(tmp_path, bytes(content))
        for frames in (4096, 5 * 4096, 6 * 4096, 7 * 4096):
            struct.pack_into(">I", content, 22, frames)
            assert f"({2 - frames / RATE:.3f} s ignored)" in reason(tmp_path, bytes(content))
        struct.pack_into(">I", content, 22, 2 * RATE - 16)
        assert inspect(tmp_path, bytes(content)).doubt_seconds == pytest.approx(0.001)

    def test_a_leading_tag(self, tmp_path):
        content = encode(tmp_path, "FLAC", "PCM_16")
        info = inspect(tmp_path, b"ID3\x03\0\0\0\0\0\x10" + bytes(16) + content)
        assert (info.frames, info.doubt) == (2 * RATE, "")


REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def pages(content: bytes) -> list[bytearray]:
    found, at = [], 0
    while at < len(content):
        segments = content[at + 26]
        length = 27 + segments + sum(content[at + 27 : at + 27 + segments])
        found.append(bytearray(content[at : at + length]))
        at += length
    return found


def signed(page: bytearray) -> bytearray:
    """A page with the checksum it should have."""
    page[22:26] = bytes(4)
    value = zlib.crc32(bytes(page).translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    page[22:26] = value.to_bytes(4, "big").translate(REVERSED)
    return page


def page(packet: bytes, number: int, granule: int, flags: int, serial: bytes = b"abcd") -> bytearray:
    laces = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    head = struct.pack("<4sBBq4sIIB", b"OggS", 0, flags, granule, serial, number, 0, len(laces))
    return signed(bytearray(head + laces + packet))


def flac_in_ogg(seconds: float) -> bytes:
    """A stream of FLAC as far as its pages tell."""
    info = bytes(10) + struct.pack(">I", 44100 << 12) + bytes(20)
    first = b"\x7fFLAC\1\0\0\1fLaC\0\0\0\x22" + info
    return bytes(page(first, 0, 0, 2) + page(b"sound", 1, int(seconds * 44100), 4))


@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
class TestOgg:
    def encoded(self, folder: Path, coding: str) -> bytes:
        return encode(folder, "OGG", coding, frames=6 * RATE if coding == "VORBIS" else 144_000)

    def length(self, coding: str) -> str:
        return "6.000" if coding == "VORBIS" else "3.000"

    @pytest.mark.parametrize("other", ["VORBIS", "OPUS"])
    def test_chained(self, tmp_path, coding, other):
        why = reason(tmp_path, self.encoded(tmp_path, coding) + self.encoded(tmp_path, other))
        assert why.startswith("holds 2 consecutive Ogg audio streams; libsndfile decodes only the first")
        assert f"({self.length(other)} s ignored); {self.length(coding)} s are decoded" in why

    def test_chained_with_one_serial_and_with_flac(self, tmp_path, coding):
        content = self.encoded(tmp_path, coding)
        assert f"({self.length(coding)} s ignored)" in reason(tmp_path, content + content)
        assert "(2.500 s ignored)" in reason(tmp_path, content + flac_in_ogg(2.5))
        assert inspect(tmp_path, content + flac_in_ogg(0.05)).doubt_seconds == pytest.approx(0.05)

    def test_another_stream_beside_it(self, tmp_path, coding):
        first, *rest = pages(self.encoded(tmp_path, coding))
        for begin, is_sound in ((b"fishead\0", False), (b"\x80theora\3\2\1", False), (b"Speex   ", True)):
            packet = begin.ljust(36, b"\0") + struct.pack("<I", 8000) + bytes(40)
            beside = [page(packet, 0, 0, 2), page(b"content", 1, 8000, 4)]
            content = b"".join([first, beside[0], *rest[:3], beside[1], *rest[3:]])
            if is_sound:
                why = reason(tmp_path, content)
                assert (
                    "parallel Ogg audio streams; libsndfile decodes only the first (1.000 s ignored)" in why
                )
            else:
                assert inspect(tmp_path, content).doubt == ""

    def test_pages_lost_repeated_swapped_or_damaged(self, tmp_path, coding):
        whole = pages(self.encoded(tmp_path, coding))
        assert len(whole) > 5
        for at in range(3, len(whole) - 1):
            damaged = bytearray(whole[at])
            damaged[-1] ^= 1
            for changed in (
                [*whole[:at], *whole[at + 1 :]],
                [*whole[: at + 1], *whole[at:]],
                [*whole[:at], whole[at + 1], whole[at], *whole[at + 2 :]],
                [*whole[:at], damaged, *whole[at + 1 :]],
            ):
                assert "damaged: " in reason(tmp_path, b"".join(changed))

    def test_the_end(self, tmp_path, coding):
        *whole, last = pages(self.encoded(tmp_path, coding))
        without = signed(bytearray(last[:5] + bytes([last[5] & ~4]) + last[6:]))
        if coding == "VORBIS":
            info = inspect(tmp_path, b"".join([*whole, without]))
            assert info.doubt == "no Ogg page ends the stream: whether audio is missing is unknown"
        else:  # libsndfile refuses one whose last page holds more samples than it says
            assert "decoding fails" in reason(tmp_path, b"".join([*whole, without]))
            info = inspect(tmp_path, b"".join(whole))
            assert info.doubt == "no Ogg page ends the stream: whether audio is missing is unknown"
        granules = [struct.unpack("<q", page[6:14])[0] for page in (whole[-1], last)]
        missing = (granules[1] - granules[0]) / {"VORBIS": RATE, "OPUS": 48000}[coding]
        cut = b"".join([*whole, last[:-3]])
        if missing > SMALL_LOSS:
            assert f"({missing:.3f} s missing)" in reason(tmp_path, cut)
        else:
            assert inspect(tmp_path, cut).doubt_seconds == pytest.approx(missing)
        assert "how much is missing is unknown" in reason(tmp_path, b"".join([*whole[:-1], whole[-1][:-3]]))

    def test_bytes_between_pages(self, tmp_path, coding):
        whole = pages(self.encoded(tmp_path, coding))
        for count, bad in ((20, False), (3000, True)):
            content = b"".join([*whole[:4], bytes(range(1, 21)) * (count // 20), *whole[4:]])
            if bad:
                assert f"{count} bytes of it are not Ogg pages" in reason(tmp_path, content)
            else:
                assert f"{count} bytes of it are not Ogg pages" in inspect(tmp_path, content).doubt


class TestMp3:
    def frames(self, folder: Path, mode: str = "CONSTANT") -> list[bytes]:
        """The frames of an MP3 file; the first one is the tag."""
        soundfile.write(
            folder / "a", sound(44100), 44100, format="MP3", bitrate_mode=mode, compression_level=0.5
        )
        content = (folder / "a").read_bytes()
        rates = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
        found, at = [], 0
        while at < len(content):
            assert content[at : at + 2] == content[:2]
            length = 144000 * rates[content[at + 2] >> 4] // 44100 + (content[at + 2] >> 1 & 1)
            found.append(content[at : at + length])
            at += length
        return found

    @pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
    def test_frames_lost_repeated_or_cut(self, tmp_path, mode):
        whole = self.frames(tmp_path, mode)
        frame = 1152 / 44100
        assert inspect(tmp_path, b"".join(whole)[:-10]).doubt_seconds == pytest.approx(frame)
        for lost in (1, 3, 5):
            for at in (3, 17, len(whole) - lost):
                content = b"".join(whole[:at] + whole[at + lost :])
                if lost * frame > SMALL_LOSS:
                    assert f"({lost * frame:.3f} s missing)" in reason(tmp_path, content)
                else:
                    assert inspect(tmp_path, content).doubt_seconds == pytest.approx(lost * frame)
        repeated = b"".join([*whole[:20], *whole[10:]])
        assert f"({10 * frame:.3f} s ignored)" in reason(tmp_path, repeated)

    def test_bytes_between_frames(self, tmp_path):
        whole = self.frames(tmp_path)
        info = inspect(tmp_path, b"".join([*whole[:9], b"x" * 100, *whole[9:]]))
        assert "100 bytes of it are not MPEG frames of its stream" in info.doubt
        assert info.doubt_seconds == pytest.approx(100 / len(whole[5]) * 1152 / 44100, rel=0.05)

    def test_an_encoder_that_counts_the_frame_of_its_tag(self, tmp_path):
        tag, *whole = self.frames(tmp_path)
        at = tag.index(b"Info") + 8
        counted = tag[:at] + struct.pack(">I", len(whole) + 1) + tag[at + 4 :]
        assert inspect(tmp_path, b"".join([counted, *whole])).doubt == ""

    def test_within_wav(self, tmp_path):
        whole = self.frames(tmp_path)[1:]
        form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 44100, 16000, 1, 0, 12, 1, 2, 417, 1, 0)

        def content(data: bytes) -> bytes:
            body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
            body += (
                b"fact"
                + struct.pack("<II", 4, 1152 * len(whole))
                + b"data"
                + struct.pack("<I", len(data))
                + data
            )
            return b"RIFF" + struct.pack("<I", len(body)) + body

        info = inspect(tmp_path, content(b"".join(whole)))
        assert (info.format, info.subtype, info.doubt) == ("WAV", "MPEG_LAYER_III", "")
        assert "s missing)" in reason(tmp_path, content(b"".join(whole))[: -sum(map(len, whole[-10:]))])


def test_random_damage_is_never_silent(tmp_path):
    """A few hundred of what `tests/soak` does for minutes."""
    outcomes = {
        f"{number} {name}": check(tmp_path / "sound", content, truth)
        for number, (name, content, truth) in enumerate(
            itertools.islice(mutations(np.random.default_rng(7)), 300)
        )
    }
    assert [name for name, outcome in outcomes.items() if outcome == "silent"] == []
    assert {"bad", "doubtful", "same"} <= set(outcomes.values())


def test_a_header_that_points_behind_the_end_of_the_file(tmp_path):
    content = bytearray(encode(tmp_path, "AU", "PCM_16"))
    content[4:12] = struct.pack(">II", len(content) + 1000, 0xFFFFFFFF)
    assert reason(tmp_path, bytes(content))
    content = bytearray(encode(tmp_path, "AIFF", "PCM_16"))
    struct.pack_into(">II", content, content.index(b"SSND") + 4, 0, 1 << 30)
    assert reason(tmp_path, bytes(content))


def test_what_is_left_of_the_first_frame_of_an_mp3_is_no_fault_of_ours(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", 0.1 * np.sin(np.arange(16000)), 8000, format="MP3")
    content = (tmp_path / "a.mp3").read_bytes()
    for cut in range(48, 700, 13):
        (tmp_path / "b.mp3").write_bytes(2 * content[:cut])
        with contextlib.suppress(AudioError):
            assert inspect_audio(tmp_path / "b.mp3").doubt
