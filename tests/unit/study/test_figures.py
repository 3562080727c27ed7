from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from fad_study.report.figures import plot_heatmap
from fad_study.report.matrix import Matrix
from fad_study.report.svg import INK, PAPER, inline_svg

SHA = "5eed" + "0" * 60


def matrix(size: int, spread: float = 1.0) -> Matrix:
    rng = np.random.default_rng(0)
    points = np.exp(spread * rng.normal(size=size))
    names = tuple(f"set_{index:02}" for index in range(size))
    return Matrix(names, names, tuple(tuple(float((a - b) ** 2) for b in points) for a in points))


def draw(path: Path, data: Matrix, weights: str = "official") -> str:
    """The figure's text, with the texts in it, which are outlines, as Matplotlib's comments tell them."""
    plot_heatmap(data, "fad", "vggish", weights, SHA, path)
    text = path.read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    return text


def words(svg: str) -> list[str]:
    return [comment.strip() for comment in re.findall(r"<!--(.*?)-->", svg, re.DOTALL)]


def test_the_same_matrix_gives_the_same_bytes_whatever_the_style(tmp_path: Path) -> None:
    first = draw(tmp_path / "a.svg", matrix(5))
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.fonttype": "none"}):
        assert draw(tmp_path / "b.svg", matrix(5)) == first
    assert "<metadata>" not in first and "<text" not in first and "image/png" not in first
    assert str(tmp_path) not in first


def test_cells_hold_the_values_and_the_title_says_model_and_weights(tmp_path: Path) -> None:
    data = Matrix(("a", "b"), ("a", "b"), ((0.0, 12.4375), (4.768, None)))
    told = words(draw(tmp_path / "a.svg", data))
    assert {"0", "12.4", "4.77", "Fréchet Audio Distance: vggish", "FAD (squared embedding units)"} <= set(
        told
    )
    assert "official weights, sha256 5eed0000…" in told
    assert "nan" not in told


def test_seeded_weights_are_marked(tmp_path: Path) -> None:
    assert any(
        "not a published model" in text for text in words(draw(tmp_path / "a.svg", matrix(2), "seeded"))
    )


def test_a_wide_range_gets_a_logarithmic_scale(tmp_path: Path) -> None:
    told = words(draw(tmp_path / "a.svg", matrix(6, spread=4)))
    assert "FAD (squared embedding units), log scale" in told
    assert "0" in told, "zeros have no place on the scale but are told"


def test_the_numbers_of_a_scale_of_few_decades_can_be_read(tmp_path: Path) -> None:
    told = words(draw(tmp_path / "a.svg", Matrix(("a",), ("b", "c"), ((1.0, 45.0),))))
    assert {"1", "2", "5", "10", "20"} <= set(told)
    assert not any("$" in text for text in told)


def test_the_cells_of_a_large_matrix_are_an_image(tmp_path: Path) -> None:
    first = draw(tmp_path / "a.svg", matrix(50))
    assert first.count("data:image/png") == 1 and len(first) < 300_000
    assert draw(tmp_path / "b.svg", matrix(50)) == first


@pytest.mark.parametrize("size", [1, 2, 14, 40])
def test_any_number_of_sets_can_be_drawn(tmp_path: Path, size: int) -> None:
    told = words(draw(tmp_path / "a.svg", matrix(size)))
    assert told.count("set_00") == 2
    # Numbers that could not be read are left out.
    assert ("0.00" in told or "0" in told) == (size < 40)


def test_equal_sets_and_one_row_can_be_drawn(tmp_path: Path) -> None:
    draw(tmp_path / "a.svg", Matrix(("a", "b"), ("a", "b"), ((0.0, 0.0), (0.0, 0.0))))
    draw(tmp_path / "b.svg", Matrix(("reference",), tuple("abcdefgh"), (tuple(map(float, range(8))),)))


@pytest.mark.parametrize("weights", ["$x$ <script>--> & .pth", "重み.pth"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_of_files_are_text_and_nothing_else(tmp_path: Path, weights: str) -> None:
    assert "<script>" not in draw(tmp_path / "a.svg", matrix(2), weights)


def test_figures_in_a_page_share_no_ids_and_take_its_colours(tmp_path: Path) -> None:
    svg = draw(tmp_path / "a.svg", matrix(3))
    first, second = (inline_svg(svg, prefix, "heat map") for prefix in ("f0", "f1"))
    ids = [set(re.findall(r'id="([^"]+)"', text)) for text in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', first)) <= ids[0]
    assert first.startswith('<svg role="img" aria-label="heat map"')
    assert INK not in first and PAPER not in first and "<!--" not in first and "<?xml" not in first
    ElementTree.fromstring(first.replace("xlink:href", "href"))
