"""The report in a real browser: nothing is refused, its tables sort and are searched, and it fits a phone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from large_study import MadeOnce, hundred_sets, write_large_report
from playwright import sync_api as playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt-get install chromium brings one"),
]
Open = Callable[..., "Page"]
BROKEN_LINKS = (
    "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.querySelector(a.hash)).length"
)
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as started:
        # The sandbox does not start in containers; the pages are our own.
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranked")
    return write_large_report(folder, 12, 2, ("fad", "kad"), pairs=False)


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Open]:
    """Open the report in a page of its own; at the end of the test, it must have logged nothing."""
    contexts, said = [], []

    def open_page(path: Path = report, width: int = 1200, *, script: bool = True) -> Page:
        viewport = {"width": width, "height": 800}
        context = browser.new_context(viewport=viewport, java_script_enabled=script)  # type: ignore[arg-type]
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not said


def column(page: Page, table: str, index: int) -> list[str]:
    cells = page.locator(f"{table} tbody tr:visible > :nth-child({index})")
    return [text.strip() for text in cells.all_inner_texts()]


VALUES = "#ranking details:nth-of-type(1) table"


def test_a_click_on_a_heading_sorts_and_the_third_one_restores(opened: Open) -> None:
    page = opened()
    heading = page.locator(f"{VALUES} thead th", has_text="FAD")
    before = column(page, VALUES, 4)
    orders = []
    for _ in range(3):
        heading.click()
        orders.append([float(text) for text in column(page, VALUES, 4)])
    assert orders[0] == sorted(orders[0]) and orders[1] == sorted(orders[0], reverse=True)
    assert [f"{float(text):g}" for text in before] == [f"{value:g}" for value in orders[2]]
    heading.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"


def test_a_long_table_is_searched_and_copied(opened: Open) -> None:
    page = opened()
    tools = page.locator("#ranking details:nth-of-type(1) .tools")
    tools.locator("input").fill("pann system_003")
    assert column(page, VALUES, 3) == ["system_003"]
    assert tools.locator("output").inner_text() == "1 of 22 rows"
    copied = []
    for button in tools.locator("button").all():
        button.click()
        button.filter(has_text="Copied").wait_for()
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    head, row, *others = copied[0].splitlines()
    assert head == "model,rank,system,FAD,corrected,from,to,n" and not others
    assert row.startswith("pann-16k,") and "12.345678901234567,2.345678901234568," in row
    assert r"\begin{tabular}{lrlrrrrr}" in copied[1] and r"& system\_003 & " in copied[1]
    assert r"\midrule" in copied[1] and copied[1].endswith("\\end{tabular}\n")


def test_links_within_the_page_lead_somewhere_and_unfold_it(opened: Open) -> None:
    page = opened()
    assert page.evaluate(BROKEN_LINKS) == 0
    page.locator("nav a", has_text="Reproduction").click()
    page.locator("#reproduction pre").wait_for()
    links = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    written = {link for link in links if link.startswith("tables/") and link.endswith(".matrix.csv")}
    folder = Path(page.url.removeprefix("file://")).parent
    assert len(written) == 4 and all((folder / link).is_file() for link in written)


def test_recordings_play(opened: Open) -> None:
    page = opened()
    players = page.locator("#ends audio")
    assert players.count() == 9, "those of one set, once for both models"
    first = players.first
    # Until it has played: the policy of the page refuses to have a condition evaluated again and again.
    first.evaluate("player => new Promise((ended) => { player.onended = ended; player.play(); })")
    assert first.evaluate("player => player.duration") == pytest.approx(0.5, abs=0.01)
    assert first.evaluate("player => player.error") is None


@pytest.mark.parametrize("unfolded", [False, True])
def test_nothing_overflows_a_phone(opened: Open, unfolded: bool) -> None:
    page = opened(width=375)
    if unfolded:
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    needed, there = page.evaluate(WIDTHS)
    assert needed <= there == 375


def test_a_hundred_sets_can_be_read_on_a_phone(opened: Open, made_once: MadeOnce) -> None:
    page = opened(hundred_sets(made_once), width=375)
    assert page.evaluate(WIDTHS) == [375, 375]
    first = page.locator("#distances details").first
    first.locator("input").last.fill("system_007 system_099")
    assert first.locator("tbody").last.locator("tr:visible").count() <= 1
    assert page.evaluate("[...document.querySelectorAll('svg image')].length") == 4


def test_the_page_is_complete_without_its_script_and_on_paper(opened: Open) -> None:
    page = opened(script=False)
    assert len(column(page, VALUES, 3)) == 22 and page.locator("button").count() == 0
    assert not page.locator("#verification table").is_visible()
    page.emulate_media(media="print")
    assert page.locator("#verification table").is_visible()


RESULTS = Path(__file__).resolve().parents[3] / "results"
REAL = [path for name in ("demo", "fadtk_samples") if (path := RESULTS / name / "report.html").is_file()]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.parent.name)
def test_reports_of_studies_that_were_run_here(opened: Open, path: Path) -> None:
    page = opened(path)
    assert page.evaluate(BROKEN_LINKS) == 0
    files = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))")
    beside = [file for file in files if not file.startswith(("#", "http"))]
    assert beside and all((path.parent / file).exists() for file in beside)
    page.locator("nav a", has_text="Distances").click()
    table = page.locator("#distances table:visible").last
    table.locator("thead th").first.click()
    assert table.locator("thead th").first.get_attribute("aria-sort") == "ascending"
    width, screen = opened(path, 390).evaluate(WIDTHS)
    assert width <= screen
