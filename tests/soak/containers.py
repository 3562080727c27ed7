"""Random structural damage to sound files, and the one rule for what may come of it.

A file whose container was damaged is refused (`AudioError`), or used with a doubt that counts the seconds
or says that they are unknown, or decodes to as many samples as before. Anything else is *silent*: a wrong
number could follow from it. Sound itself and the fields for sample rate, channels and bit depth are left
alone, for no container but FLAC and Ogg has a checksum. Of the containers whose length is not checked, which
are always doubtful, three are tried.

    for name, content, truth in itertools.islice(mutations(np.random.default_rng(0)), 5000):
        outcome = check(path, content, truth)  # "bad", "doubtful", "same", "unseen" or "silent"
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from fad_core.audio import SMALL_LOSS, inspect_audio
from fad_core.audio.losses import known_size
from fad_core.audio.mpeg import parse_frame
from fad_core.errors import AudioError

Outcome = Literal["bad", "doubtful", "same", "unseen", "silent"]
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class Truth:
    """What is known of a damaged file.

    Attributes:
        frames: samples a channel of the file before it was damaged.
        added: something that is neither zeros nor a tag was added, so that it has to be counted.
        unseen: nothing in the file tells that it was damaged, for it does not say how much sound it holds:
            MPEG frames without a count of them, a size of 0 or all ones.
    """

    frames: int
    added: bool = False
    unseen: bool = False


@dataclass(frozen=True)
class _Source:
    name: str
    content: bytes
    frames: int
    fields: tuple[tuple[int, str], ...]  # offset and struct format of each size


# Container, coding, rate; where sizes stand: a marker to look for, bytes behind its beginning, format.
_SOURCES = (
    ("WAV", "PCM_16", 16000, (("data", 4, "<I"), ("RIFF", 4, "<I"), ("fmt ", 4, "<I"))),
    ("WAV", "FLOAT", 16000, (("data", 4, "<I"), ("fact", 4, "<I"), ("fact", 8, "<I"), ("PEAK", 4, "<I"))),
    ("WAV", "IMA_ADPCM", 16000, (("data", 4, "<I"), ("fact", 8, "<I"))),
    ("WAV", "MS_ADPCM", 16000, (("data", 4, "<I"),)),
    ("WAV", "GSM610", 8000, (("data", 4, "<I"),)),
    ("WAVEX", "PCM_24", 44100, (("data", 4, "<I"), ("fmt ", 4, "<I"))),
    ("RF64", "PCM_16", 16000, (("data", 4, "<I"), ("ds64", 8, "<Q"), ("ds64", 16, "<Q"), ("ds64", 4, "<I"))),
    ("W64", "PCM_16", 16000, (("data", 16, "<Q"), ("fmt ", 16, "<Q"))),
    ("W64", "IMA_ADPCM", 16000, (("data", 16, "<Q"),)),
    ("AIFF", "PCM_16", 16000, (("SSND", 4, ">I"), ("SSND", 8, ">I"), ("COMM", 10, ">I"), ("FORM", 4, ">I"))),
    ("AIFF", "FLOAT", 16000, (("SSND", 4, ">I"), ("COMM", 10, ">I"), ("COMM", 4, ">I"))),
    ("CAF", "PCM_16", 16000, (("data", 4, ">Q"), ("free", 4, ">Q"))),
    ("CAF", "ALAC_16", 16000, (("data", 4, ">Q"), ("pakt", 4, ">Q"), ("pakt", 12, ">Q"), ("pakt", 20, ">Q"))),
    ("SVX", "PCM_16", 16000, (("BODY", 4, ">I"),)),
    ("AU", "PCM_16", 16000, ((".snd", 8, ">I"),)),
    ("AU", "G721_32", 16000, ((".snd", 8, ">I"),)),
    ("NIST", "PCM_16", 16000, ()),
    ("VOC", "PCM_16", 16000, ()),
    ("MAT5", "FLOAT", 16000, ()),
    ("IRCAM", "PCM_16", 16000, ()),
    ("FLAC", "PCM_16", 16000, (("fLaC", 22, ">I"),)),
    ("OGG", "VORBIS", 16000, ()),
    ("OGG", "OPUS", 48000, ()),
    ("MP3", "MPEG_LAYER_III", 44100, (("Info", 8, ">I"), ("Info", 12, ">I"))),
    ("MP3", "MPEG_LAYER_III", 8000, (("Info", 8, ">I"),)),
)


_HIDING = (
    ("resize", ("append", "insert", "untag", "cut", "remove")),
    ("insert", ("remove",)),
    ("drop", ("repeat",)),
)


def mutations(rng: np.random.Generator) -> Iterator[tuple[str, bytes, Truth]]:
    """Yield damaged files without end: a name that says what was done, the bytes, and the truth."""
    sources = [_source(rng, *given) for given in _SOURCES]
    while True:
        source = sources[rng.integers(len(sources))]
        done, content, truth = source.name, source.content, Truth(source.frames)
        for _ in range(1 + (rng.random() < 0.2)):
            ways = [
                _cut,
                _cut_a_little,
                _append,
                _append_file,
                _resize,
                _remove,
                _insert,
                _untag,
                *_ways(content),
            ]
            way = ways[rng.integers(len(ways))]
            content, truth = way(rng, replace(source, content=content), truth, sources)
            done += f" {way.__name__.strip('_')}"
        # The second damage may hide the first: a wrong size asks for what was added, or for what is left.
        if any(first in done and any(word in done for word in then) for first, then in _HIDING):
            truth = replace(truth, unseen=True)
        if source.name.startswith("MP3") and not _is_tagged(content):
            truth = replace(truth, unseen=True)
        if source.content.startswith(content):
            truth = replace(truth, added=False)  # what was added is cut off again
        if content:
            yield done, content, truth


def check(path: Path, content: bytes, truth: Truth) -> Outcome:
    """Write a damaged file to `path`, inspect it, and say what came of it."""
    path.write_bytes(content)
    try:
        info = inspect_audio(path)
    except AudioError:
        return "bad"
    counted = abs(info.frames - truth.frames) / info.sample_rate <= info.doubt_seconds + SMALL_LOSS
    if info.doubt and (counted or "unknown" in info.doubt):
        return "doubtful"
    if info.frames == truth.frames and not truth.added:
        return "same"
    return "unseen" if truth.unseen else "silent"


def _source(rng: np.random.Generator, kind: str, coding: str, rate: int, fields: tuple) -> _Source:
    frames = int(rng.integers(2 * rate, 3 * rate))
    sound = 0.3 * np.sin(np.arange(frames) / 20) + 0.05 * rng.standard_normal(frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound"
        soundfile.write(path, sound, rate, format=kind, subtype=coding)
        content, decoded = path.read_bytes(), len(soundfile.read(path)[0])
    places = ((content.find(marker.encode()), behind, size) for marker, behind, size in fields)
    return _Source(
        f"{kind}/{coding}", content, decoded, tuple((at + by, size) for at, by, size in places if at >= 0)
    )


def _ways(content: bytes) -> list[Callable]:
    return (
        []
        if content[:4] == b"fLaC" or not _pieces(content)
        else [_drop, _repeat, _swap, _between, *_ogg_ways(content)]
    )


def _ogg_ways(content: bytes) -> list[Callable]:
    return [_no_end_flag, _flip] if content[:4] == b"OggS" else []


def _cut(rng, source, truth, _sources):
    return source.content[: rng.integers(len(source.content))], truth


def _cut_a_little(rng, source, truth, _sources):
    return source.content[: -rng.integers(1, 64)], truth


def _append(rng, source, truth, _sources):
    return source.content + rng.bytes(rng.integers(1, 20000)), replace(truth, added=True)


def _append_file(rng, source, truth, sources):
    other = source if rng.random() < 0.3 else sources[rng.integers(len(sources))]
    return source.content + other.content, replace(truth, added=True)


def _resize(rng, source, truth, _sources):
    """Change a size."""
    if not source.fields:
        return source.content, truth
    at, kind = source.fields[rng.integers(len(source.fields))]
    content = bytearray(source.content)
    if at + struct.calcsize(kind) > len(content):
        return source.content, truth
    (value,) = struct.unpack_from(kind, content, at)
    most = 256 ** struct.calcsize(kind)
    near, other = value + int(rng.integers(-80, 80)), int(rng.integers(1 << 31))
    new = [near, value + 36, value // 2, value * 2, 0, most - 1, most // 2, other]
    size = new[rng.integers(len(new))] % most
    struct.pack_into(kind, content, at, size)
    return bytes(content), replace(truth, unseen=truth.unseen or known_size(size) is None)


def _remove(rng, source, truth, _sources):
    """Remove a part from the middle."""
    begin = rng.integers(len(source.content))
    return source.content[:begin] + source.content[begin + rng.integers(1, 9000) :], truth


def _insert(rng, source, truth, _sources):
    """Insert bytes in the second half; as many leave the promised size, of which zeros count as padding."""
    at = rng.integers(len(source.content) // 2, len(source.content) + 1)
    more = rng.bytes(rng.integers(1, 9000))
    padding = not source.content[-len(more) :].strip(b"\0")
    return source.content[:at] + more + source.content[at:], replace(truth, added=truth.added or not padding)


def _untag(_rng, source, truth, _sources):
    """Append a tag, which harms nothing."""
    return source.content + b"TAG" + bytes(125), truth


def _drop(rng, source, truth, _sources):
    """Drop some pages or frames in a row."""
    pieces = _pieces(source.content)
    at = rng.integers(len(pieces))
    del pieces[at : at + rng.integers(1, 4)]
    return b"".join(pieces), truth


def _repeat(rng, source, truth, _sources):
    pieces = _pieces(source.content)
    at = rng.integers(len(pieces))
    return b"".join([*pieces[: at + 1], pieces[at], *pieces[at + 1 :]]), truth


def _swap(rng, source, truth, _sources):
    pieces = _pieces(source.content)
    one, two = rng.integers(len(pieces), size=2)
    pieces[one], pieces[two] = pieces[two], pieces[one]
    return b"".join(pieces), truth


def _between(rng, source, truth, _sources):
    """Insert bytes between two pages or frames."""
    pieces = _pieces(source.content)
    pieces.insert(rng.integers(1, len(pieces) + 1), rng.bytes(rng.integers(1, 3000)))
    return b"".join(pieces), replace(truth, added=True)


def _no_end_flag(_rng, source, truth, _sources):
    """Clear the flag of the last Ogg page that says so, with a right checksum."""
    *pages, last = _pieces(source.content)
    if last[:4] != b"OggS":
        return source.content, truth
    page = bytearray(last)
    page[5] &= ~4
    page[22:26] = bytes(4)
    value = zlib.crc32(bytes(page).translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    page[22:26] = value.to_bytes(4, "big").translate(_REVERSED)
    return b"".join([*pages, bytes(page)]), truth


def _flip(rng, source, truth, _sources):
    """Change a byte anywhere in an Ogg file."""
    content = bytearray(source.content)
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    return bytes(content), truth


def _is_tagged(content: bytes) -> bool:
    """Whether the first MPEG frame says how many follow."""
    at = max(content[:48].find(name) for name in (b"Info", b"Xing"))
    return at >= 0 and bool(content[at + 7] & 1)


def _pieces(content: bytes) -> list[bytes]:
    """Split into Ogg pages or MPEG frames; what comes after them is the last piece."""
    lengths = _page_length if content[:4] == b"OggS" else _frame_length if content[:1] == b"\xff" else None
    pieces, at = [], 0
    while lengths and (length := lengths(content[at : at + 282])):
        pieces.append(content[at : at + length])
        at += length
    return pieces + ([content[at:]] if pieces and at < len(content) else [])


def _page_length(head: bytes) -> int:
    if head[:4] != b"OggS" or len(head) < 27:
        return 0
    return 27 + head[26] + sum(head[27 : 27 + head[26]])


def _frame_length(head: bytes) -> int:
    frame = parse_frame(head[:4])
    return frame.length if frame else 0
