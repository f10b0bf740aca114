"""The report of a backtest opened from the disk: it fetches nothing, follows the reader's light, fits and prints."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import PHONE, WIDE
from tests.journalled import candles, command

pytestmark = pytest.mark.browser
_AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two coins, whose names on the disk try to be markup."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "data").mkdir()
    candles(folder / "data" / "LTC_USDT_&lt;b&gt;.csv")
    candles(folder / "data" / "ETH_USDT.csv", begin="2500")
    out = folder / "out.html"
    assert command("backtest", "--data", str(folder / "data"), "--engine", "exact", "--report", str(out)) == 0
    return out


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_it_stands_alone_in_any_light_and_width(browser: Browser, report: Path, theme: Any, viewport: Any) -> None:
    context = browser.new_context(viewport=viewport, color_scheme=theme)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: said.append(line.text))
    page.goto(report.as_uri())
    assert asked == [report.as_uri()] and said == []
    assert page.locator("svg").count() == 7
    assert page.get_by_text("LTC_USDT_&lt;b&gt;.csv").count() == 1
    # The page itself is never wider than the window: wide tables and charts scroll by themselves.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
    assert dark == (theme == "dark")
    context.close()


def test_on_paper_it_is_light(browser: Browser, report: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    context.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(browser: Browser, report: Path, theme: Any) -> None:
    # What is examined is the page; its own policy forbids every script, so it is lifted for axe alone.
    context = browser.new_context(color_scheme=theme, bypass_csp=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.add_script_tag(path=_AXE)
    found = page.evaluate("axe.run().then((all) => all.violations.map((one) => [one.id, one.nodes[0].html]))")
    assert found == []
    context.close()
