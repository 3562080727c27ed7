"""Data sets that are given as lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from fad_core.datasets import Dataset, list_files
from fad_core.errors import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "sub/b c.wav", "#1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/d.wav").touch()
    return tmp_path


def found(folder: Path, name: str, text: str, column: str = "") -> dict[str, str]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    listing = list_files(Dataset("set", f"@{path}{column}"))
    assert not listing.ignored
    return {file.name: str(file.path.relative_to(folder)) for file in listing.files}


def fault(folder: Path, name: str, text: str | bytes, column: str = "") -> str:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DatasetError) as caught:
        list_files(Dataset("set", f"@{folder / name}{column}"))
    return str(caught.value).replace(str(folder), "HERE")


BOTH = {"a.wav": "a.wav", "sub/b c.wav": "sub/b c.wav"}


@pytest.mark.parametrize(
    ("name", "text", "column"),
    [
        ("x.txt", "# two clips\n./a.wav\r\n\n  sub/b c.wav \n", ""),
        ("x.txt", "\ufeffsub//b c.wav\na.wav", ""),
        ("x.csv", 'seconds,File\n1,a.wav\n2,"sub/b c.wav"\n\n', ""),
        ("x.CSV", "path,text of it\n-,a.wav\n-,sub/b c.wav\n", ":text of it"),
        ("x.tsv", "audio\tn\na.wav\t1\nsub/b c.wav\t2\n", ""),
        ("x.jsonl", '{"audio_filepath": "a.wav"}\n\n{"n": 1, "audio_filepath": "sub/b c.wav"}\n', ""),
        ("x.jsonl", '{"path": 1, "x:y": "a.wav"}\n{"x:y": "sub/b c.wav"}\n', ":x:y"),
    ],
)
def test_formats(folder: Path, name: str, text: str, column: str) -> None:
    assert found(folder, name, text, column) == BOTH


def test_names_are_the_paths_as_written_or_the_keys(folder: Path) -> None:
    absolute = str(folder / "a.wav")
    listed = f"{absolute}\n../a.wav\n./#1.wav\n"
    (folder / "elsewhere/x.txt").write_text(listed.replace("./#", "../#"), encoding="utf-8")
    files = list_files(Dataset("set", f"@{folder}/elsewhere/x.txt")).files
    assert [file.name for file in files] == ["../#1.wav", "../a.wav", absolute]
    assert found(folder, "x.txt", listed.replace("../", "elsewhere/../")) == {
        absolute: "a.wav",
        "elsewhere/../a.wav": "elsewhere/../a.wav",
        "#1.wav": "#1.wav",
    }
    kaldi = "second sub/b c.wav\nfirst\t" + absolute + "\n"
    assert found(folder, "wav.scp", kaldi) == {"first": "a.wav", "second": "sub/b c.wav"}


def test_all_lines_that_cannot_be_used_are_listed(folder: Path) -> None:
    assert fault(folder, "x.txt", "lost.wav\na.wav\nsub\nsub/lost.wav\n") == (
        "data set set: HERE/x.txt: 3 of 4 lines are unusable; paths start from HERE/\n"
        "  line 1: lost.wav does not exist\n  line 3: sub is a folder\n  line 4: sub/lost.wav does not exist"
    )
    assert fault(folder, "wav.scp", "one sox a.wav -t wav - |\ntwo\nthree a.wav\n").endswith(
        "\n  line 1: one is a command, which is not run: write its output to a file, and list that"
        "\n  line 2: no path"
    )
    assert "line 2: no path" in fault(folder, "x.jsonl", '{"file": "a.wav"}\n{"file": null}\n')


@pytest.mark.parametrize(
    ("name", "text", "column", "said"),
    [
        ("x.txt", "a.wav\n./a.wav\n", "", "a.wav is listed twice"),
        ("x.txt", "# none\n", "", "no audio file in @HERE/x.txt"),
        ("x.txt", b"\xff\n", "", "HERE/x.txt is not a list in UTF-8"),
        (
            "x.m3u",
            "a.wav\n",
            "",
            "ends in .txt, .csv, .tsv, .jsonl, .scp; a folder or file whose name",
        ),
        ("x.txt", "a.wav\n", ":file", "a list is expected"),
        ("x.csv", "clip,n\na.wav,1\n", "", "no column of paths (columns: clip, n): name it after a colon"),
        ("x.csv", "file,path\na.wav,b\n", "", "several columns may hold the paths: file, path"),
        ("x.csv", "file,path\na.wav,b\n", ":wav", "no column 'wav'; columns: file, path"),
        ("x.csv", "file,file\na.wav,b\n", ":file", "two columns 'file'"),
        ("x.csv", "file,n\na.wav\n", "", "line 2: 1 fields, but the heading has 2"),
        ("x.csv", 'file\n"a.wav\n', "", "HERE/x.csv: "),
        ("x.jsonl", '{"file": "a.wav"}\n[1]\n', "", "line 2: JSON of a list; expected an object"),
        ("lost/x.txt", "", "", ""),
    ],
)
def test_a_list_that_cannot_be_read(folder: Path, name: str, text: str, column: str, said: str) -> None:
    if not said:
        with pytest.raises(DatasetError, match="No such file"):
            list_files(Dataset("set", f"@{folder / name}"))
        return
    assert said in fault(folder, name, text, column)


def test_the_mark_belongs_to_lists(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "@home").mkdir()
    (folder / "@home/e.wav").touch()
    assert [file.name for file in list_files(Dataset("set", "./@home")).files] == ["e.wav"]
    with pytest.raises(DatasetError, match=r"given as \./@home"):
        list_files(Dataset("set", "@home"))
