from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fad_core.datasets import (
    AudioFile,
    Dataset,
    list_files,
)
from fad_core.errors import DatasetError


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))


def names(path: str | tuple[str, ...]) -> list[str]:
    return [file.name for file in list_files(Dataset("set", path)).files]


def error(path: str | tuple[str, ...]) -> str:
    with pytest.raises(DatasetError) as caught:
        list_files(Dataset("my set", path))
    assert "data set my set: " in str(caught.value)
    return str(caught.value)


def test_a_file_of_statistics_is_no_sound(tmp_path):
    make(tmp_path, "a.npz")
    assert error(str(tmp_path / "a.npz")).endswith(
        "a.npz is a file of statistics or embeddings, not of sound"
    )


class TestFolder:
    def test_everything_below_with_the_rest_ignored(self, tmp_path):
        make(tmp_path, "b.wav", "A.FLAC", "sub/c.Ogg", "sub/deep/d.mp3", "e.m4a", "notes.txt", "README")
        make(tmp_path, ".hidden.wav", "._b.wav", ".git/x.wav", "x.wav/in a folder.aiff")
        listing = list_files(Dataset("set", str(tmp_path)))
        expected = ["A.FLAC", "b.wav", "e.m4a", "sub/c.Ogg", "sub/deep/d.mp3", "x.wav/in a folder.aiff"]
        assert [file.name for file in listing.files] == expected
        assert [file.path for file in listing.files] == [tmp_path / name for name in expected]
        assert listing.ignored == (
            ("._b.wav", "hidden"),
            (".git/", "hidden"),
            (".hidden.wav", "hidden"),
            ("README", "no suffix"),
            ("notes.txt", ".txt is not the suffix of an audio format"),
        )

    def test_names_of_all_kinds(self, tmp_path):
        odd = [
            "uni ö 音 {b}.wav",
            "new\nline.wav",
            "[1].wav",
            "*.wav",
            "%.wav",
            "-x.wav",
            "a{sample}/b c.wav",
        ]
        make(tmp_path, *odd)
        assert names(str(tmp_path)) == sorted(odd)
        assert all(file.path.read_bytes() for file in list_files(Dataset("set", str(tmp_path))).files)

    def test_links_are_followed_and_loops_are_not(self, tmp_path):
        make(tmp_path / "elsewhere", "far.wav", "single.wav")
        make(tmp_path / "set", "near.wav", "sub/x.wav")
        (tmp_path / "set" / "linked").symlink_to("../elsewhere")
        (tmp_path / "set" / "sub" / "up").symlink_to("..")
        (tmp_path / "set" / "self.wav").symlink_to("self.wav")
        (tmp_path / "set" / "broken.wav").symlink_to("nowhere.wav")
        listing = list_files(Dataset("set", str(tmp_path / "set")))
        assert [file.name for file in listing.files] == [
            "broken.wav", "linked/far.wav", "linked/single.wav", "near.wav", "self.wav", "sub/x.wav",
        ]  # fmt: skip
        assert listing.ignored == (("sub/up/", "a link to a folder that contains it"),)
        assert names(str(tmp_path / "set" / "**" / "*.wav")) == [file.name for file in listing.files]

    def test_links_to_one_file_are_files_of_their_own(self, tmp_path):
        make(tmp_path, "v1/a.wav")
        (tmp_path / "latest").symlink_to("v1")
        (tmp_path / "draw0.wav").symlink_to("v1/a.wav")
        assert names(str(tmp_path)) == ["draw0.wav", "latest/a.wav", "v1/a.wav"]

    def test_what_fadtk_leaves_is_no_data_and_listed(self, tmp_path):
        originals = ["a.flac", "sub/b.mp3", "sub/c.WAV"]
        left = ["convert/16000/a.wav", "sub/convert/48000/b.wav", "sub/convert/48000/c.wav"]
        # Named alike, and yet data: no clip beside, no rate, another suffix, another folder.
        data = [
            "mine/convert/16000/x.wav", "mine/y.wav", "convert/loud/a.wav", "convert/8000/a.flac",
            "convert/16000/z.wav", "16000/a.wav", "stats/drums.wav", "embeddings/vggish/e.wav",
        ]  # fmt: skip
        hidden = [
            "embeddings/vggish/a.npy",
            "stats/vggish/mu.npy",
            "__MACOSX/._a.wav",
            ".ipynb_checkpoints/a.wav",
        ]
        make(tmp_path, *originals, *left, *data, *hidden, "__MACOSX/a.wav")
        for where in (str(tmp_path), str(tmp_path / "**" / "*.[wfmW]*")):
            listing = list_files(Dataset("set", where))
            assert [file.name for file in listing.files] == sorted(originals + data)
            assert {name for name, reason in listing.ignored if "fadtk" in reason} == set(left)
            assert "__MACOSX/a.wav" in dict(listing.ignored)
        used = list_files(Dataset("set", str(tmp_path), leftovers="use"))
        assert {file.name for file in used.files} == {*originals, *data, *left, "__MACOSX/a.wav"}
        # What is asked for is what is wanted: the folder itself, and what a pattern finds no clip of.
        assert names(str(tmp_path / "sub" / "convert" / "48000")) == ["b.wav", "c.wav"]
        assert "sub/convert/48000/b.wav" in names(str(tmp_path / "**" / "*.wav"))

    def test_missing_and_empty(self, tmp_path):
        assert f"{tmp_path}/none does not exist" in error(f"{tmp_path}/none")
        make(tmp_path / "texts", "a.txt")
        assert "no audio file in" in (message := error(str(tmp_path / "texts")))
        assert "a.txt: .txt is not the suffix" in message

    def test_bytes_that_are_no_utf8(self, tmp_path):
        make(tmp_path, "a.wav", "notes\udcff.txt")
        assert list_files(Dataset("set", str(tmp_path))).ignored[0][0] == "notes\\udcff.txt"
        make(tmp_path, "b\udcff.wav")
        assert "b\\udcff.wav is not valid UTF-8: rename" in error(str(tmp_path))

    def test_a_folder_that_cannot_be_read(self, tmp_path):
        tmp_path.chmod(0o755)
        make(tmp_path, "set/a.wav", "set/secret/b.wav")
        (tmp_path / "set").chmod(0o755)
        (tmp_path / "set" / "secret").chmod(0)
        code = (
            "import os; from fad_core.datasets import *; from fad_core.errors import DatasetError\n"
            "if os.getuid() == 0: os.setuid(65534)\n"
            "for path in ('set', 'set/*/*.wav', 'set/secret/b.wav', ('set/secret/b.wav',)):\n"
            "    try: list_files(Dataset('mine', path)); print('nothing')\n"
            "    except DatasetError as error: print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        (tmp_path / "set" / "secret").chmod(0o755)
        lines = done.stdout.splitlines()
        assert lines[:2] == ["data set mine: cannot read the folder set/secret: Permission denied"] * 2
        assert len(lines) == 4
        assert all("data set mine: " in line for line in lines)

    def test_home(self, tmp_path, monkeypatch):
        make(tmp_path, "sounds/a.wav")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert names("~/sounds") == ["a.wav"]
        assert names("~/sounds/*.wav") == ["a.wav"]
        assert names(("~/sounds/a.wav",)) == ["~/sounds/a.wav"]
        assert "home folder" in error("~nobody-of-this-name/x")


class TestPattern:
    @pytest.fixture
    def root(self, tmp_path):
        make(
            tmp_path,
            "a.wav",
            "b.flac",
            "sub/c.wav",
            "sub/deep/d.wav",
            ".hidden/e.wav",
            ".f.wav",
            "sub/notes.txt",
        )
        return tmp_path

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("*.wav", ["a.wav"]),
            ("**/*.wav", ["a.wav", "sub/c.wav", "sub/deep/d.wav"]),
            ("**", ["a.wav", "b.flac", "sub/c.wav", "sub/deep/d.wav", "sub/notes.txt"]),
            ("*/*", ["sub/c.wav", "sub/notes.txt"]),
            ("s?b/**/[cd].wav", ["sub/c.wav", "sub/deep/d.wav"]),
            ("sub/**/*.wav", ["c.wav", "deep/d.wav"]),
            ("**/deep/*", ["sub/deep/d.wav"]),
            ("**/sub/**/*.wav", ["sub/c.wav", "sub/deep/d.wav"]),
            ("[!a].flac", ["b.flac"]),
            (".*/*.wav", [".hidden/e.wav"]),
            ("**/.*.wav", [".f.wav"]),
            ("./sub//*.wav", ["c.wav"]),
        ],
    )
    def test_what_matches(self, root, pattern, expected):
        assert names(f"{root}/{pattern}") == expected

    def test_relative(self, root, monkeypatch):
        monkeypatch.chdir(root)
        assert names("**/*.wav") == ["a.wav", "sub/c.wav", "sub/deep/d.wav"]
        assert list_files(Dataset("set", "sub/*.wav")).files == (AudioFile("c.wav", Path("sub/c.wav")),)

    def test_a_path_that_exists_is_no_pattern(self, tmp_path):
        make(tmp_path, "set [1]/a.wav", "set 1/b.wav", "x*.wav", "xy.wav")
        assert names(f"{tmp_path}/set [1]") == ["a.wav"]
        assert names(f"{tmp_path}/set [1]/*.wav") == ["a.wav"]
        assert names(f"{tmp_path}/x*.wav") == [f"{tmp_path}/x*.wav"]

    def test_no_match(self, root):
        assert "no audio file in" in error(f"{root}/*.ogg")
        assert f"there is no folder {root}/none" in error(f"{root}/none/*.wav")

    def test_folders_that_cannot_match_are_not_read(self, root):
        (root / "sub" / "up").symlink_to("..")
        assert list_files(Dataset("set", f"{root}/*.wav")).ignored == ()


class TestList:
    def test_names_as_given_in_the_order_of_names(self, tmp_path, monkeypatch):
        make(tmp_path, "b.wav", "sub/a.dat")
        monkeypatch.chdir(tmp_path)
        absolute = str(tmp_path / "b.wav")
        assert names(("sub/a.dat", absolute)) == sorted(["sub/a.dat", absolute])
        assert names("b.wav") == ["b.wav"]

    def test_problems_are_told_together(self, tmp_path):
        make(tmp_path, "a.wav")
        message = error((f"{tmp_path}/x.wav", f"{tmp_path}/a.wav", str(tmp_path)))
        assert "x.wav does not exist; " in message
        assert f"{tmp_path} is a folder, not a file" in message
        assert "no audio file in its list of files" in error(())

    def test_twice(self, tmp_path, monkeypatch):
        make(tmp_path, "a.wav")
        monkeypatch.chdir(tmp_path)
        assert "a.wav is listed twice" in error(("a.wav", "a.wav"))
        # Two names are two files; that their sound is the same, their scan says.
        assert len(list_files(Dataset("set", ("a.wav", "./a.wav"))).files) == 2


def test_needs_only_the_standard_library():
    code = (
        "import sys, fad_core.datasets\n"
        'print(sorted({"numpy", "torch", "soundfile", "resampy", "pandas"} & set(sys.modules)))'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
