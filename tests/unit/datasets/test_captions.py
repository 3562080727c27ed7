"""Tables of captions, and which caption belongs to which file."""

from __future__ import annotations

from pathlib import Path

import pytest

from fad_core.datasets.captions import Captions, read_captions
from fad_core.errors import DatasetError


def table(folder: Path, text: str, name: str = "captions.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_caption_is_what_is_written(tmp_path: Path) -> None:
    """pandas, by which the original reads tables, makes numbers and gaps of such texts."""
    path = table(tmp_path, '\ufefffile,caption\na.wav,"NA, or\nnone"\nb.wav,42\nc.wav,nan\n')
    assert read_captions(path) == Captions(path, ("NA, or\nnone", "42", "nan"), ("a.wav", "b.wav", "c.wav"))


def test_columns_are_found_or_named(tmp_path: Path) -> None:
    path = table(tmp_path, "prompt\tplace\tcaption\nx\ta\ty\n", "captions.TSV")
    assert read_captions(path).files is None
    found = read_captions(path, "prompt", "place")
    assert (found.texts, found.files) == (("x",), ("a",))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("file,text\na,b\n", "no column 'caption'; columns: file, text"),
        ("caption,caption\na,b\n", "two columns 'caption'"),
        ("file,path,caption\na,b,c\n", "several columns may name the files: file, path"),
        ("file,caption\n", "no captions"),
        ("file,caption\na,\nb, \nc,d\n", "no caption in rows 1, 2 below the heading"),
        ("file,caption\na,b\n,c\n", "names no file in row 2 below the heading"),
        ("file,caption\na,b,c\n", "does not have the 2 columns of its heading in row 1 below the heading"),
        ("", "no captions"),
        ('file,caption\na,"b\n', "is a quote not closed"),
    ],
)
def test_a_table_that_cannot_be_used(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=fault):
        read_captions(table(tmp_path, text))


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"ends in \.csv or \.tsv"):
        read_captions(table(tmp_path, "", "captions.txt"))
    with pytest.raises(DatasetError, match="No such file"):
        read_captions(tmp_path / "none.csv")


def captions(*files: str) -> Captions:
    return Captions(Path("captions.csv"), tuple(f"caption of {file}" for file in files), files)


def test_files_are_paired_by_their_paths_with_any_suffix() -> None:
    found = captions("b/1.wav", "./a/1.mp3", "v1.2", "a/2.flac").of_files(
        ["a/1.wav", "a/2.wav", "b/1.wav", "v1.2.wav"]
    )
    assert found == ["b/1.wav", "a/1.wav", "v1.2.wav", "a/2.wav"]


def test_a_whole_name_counts_before_one_without_its_suffix() -> None:
    assert captions("a.flac", "a.wav").of_files(["a.wav", "a.flac"]) == ["a.flac", "a.wav"]


def test_a_name_with_a_dot_is_not_taken_for_one_with_a_suffix() -> None:
    captions = Captions(Path("c.csv"), ("soft", "loud"), ("gain_0", "gain_0.5"))
    assert captions.of_files(["gain_0.5.wav", "gain_0.wav"]) == ["gain_0.wav", "gain_0.5.wav"]


def test_a_file_may_have_several_captions() -> None:
    several = Captions(Path("captions.csv"), ("x", "y", "z"), ("b", "a.wav", "./b"))
    assert several.of_files(["a.wav", "b.wav"]) == ["b.wav", "a.wav", "b.wav"]


@pytest.mark.parametrize(
    ("texts", "files", "fault"),
    [
        (("soft", "loud"), ("gain_0", "gain_0.5"), "files that captions name differently: gain_0.wav"),
        (("a", "b"), ("gain_0.flac", "gain_0.wav"), "files that captions name differently: gain_0.wav"),
        (("a", "a"), ("gain_0", "gain_0"), "files with the same caption twice: gain_0.wav"),
    ],
)
def test_captions_of_others_are_not_taken_for_further_ones(
    texts: tuple[str, ...], files: tuple[str, ...], fault: str
) -> None:
    with pytest.raises(DatasetError, match=fault):
        Captions(Path("captions.csv"), texts, files).of_files(["gain_0.wav"])


def test_what_does_not_fit_is_listed() -> None:
    files = [f"{number}.wav" for number in range(10)]
    with pytest.raises(DatasetError) as error:
        captions("0.wav", "0", "1.wav", "x.wav").of_files(files)
    assert str(error.value).splitlines() == [
        "captions.csv does not fit the files, which are named by their paths in the set:",
        "    captions of no file, or of several: x.wav",
        "    files without a caption: 2.wav, 3.wav, 4.wav, 5.wav, 6.wav and 3 more",
        "    files that captions name differently: 0.wav",
    ]
    with pytest.raises(DatasetError, match="captions of no file, or of several: a"):
        captions("a").of_files(["a.wav", "a.flac"])


def test_without_files_rows_belong_to_names_in_order() -> None:
    unnamed = Captions(Path("captions.csv"), ("first", "second"), None)
    assert unnamed.of_files(["b.wav", "a.wav"]) == ["a.wav", "b.wav"]
    with pytest.raises(DatasetError, match=r"2 captions, but there are 3 files: add a column file"):
        unnamed.of_files(["a", "b", "c"])
