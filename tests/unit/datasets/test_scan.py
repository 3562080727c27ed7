from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import soundfile

from fad_core.datasets import AudioFile, Dataset, list_files
from fad_core.datasets.scan import FileRecord, scan_file, scan_files


def test_a_good_file(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros((4410, 2)), 44100)
    content = path.read_bytes()
    assert scan_file(AudioFile("sub/a.flac", path)) == FileRecord(
        file="sub/a.flac",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        format="FLAC",
        subtype="PCM_16",
        sample_rate=44100,
        channels=2,
        frames=4410,
        seconds=0.1,
        status="ok",
        reason="",
        signal="silent",
        sound_sha256=hashlib.sha256(b"44100 2\n" + bytes(4410 * 2 * 4)).hexdigest(),
    )


def test_bad_files_are_records_among_good_ones(tmp_path):
    soundfile.write(tmp_path / "good.wav", np.zeros(100), 8000)
    (tmp_path / "text.wav").write_text("not a sound")
    (tmp_path / "broken.wav").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.wav")  # reading it would never end
    (tmp_path / "empty.wav").touch()
    steps: list[int] = []
    listing = list_files(Dataset("set", str(tmp_path)))
    records = scan_files(listing.files[::-1], steps.append)
    assert steps == [1] * 5
    assert [(r.file, r.status, r.size, r.reason) for r in records] == [
        ("broken.wav", "bad", 0, "is a link to a file that does not exist"),
        ("empty.wav", "bad", 0, "is empty (0 bytes)"),
        ("good.wav", "ok", 244, ""),
        ("pipe.wav", "bad", 0, "is not a regular file"),
        ("text.wav", "bad", 11, "is a text file, not audio: it begins with 'not a sound'"),
    ]
    assert [bool(r.sha256) for r in records] == [False, True, True, False, True]
    assert records[-1].sample_rate == records[-1].frames == records[-1].seconds == 0


def test_a_file_that_may_not_be_read(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "secret.wav").write_bytes(b"x")
    (tmp_path / "secret.wav").chmod(0)
    code = (
        "import os; from pathlib import Path\n"
        "from fad_core.datasets.scan import *; from fad_core.datasets import AudioFile\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "record = scan_file(AudioFile('secret.wav', Path('secret.wav')))\n"
        "print(record.status, repr(record.sha256), record.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "bad '' cannot be read: Permission denied"


def test_no_files():
    assert scan_files([]) == []
