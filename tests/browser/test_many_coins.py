"""Hundreds of coins: only the rows near the sight are drawn, every coin is found, counted and kept up to date."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from benchmarks.markets import markets, rules_of
from tests.browser.conftest import PHONE, WIDE
from tests.browser.served import Served
from tests.browser.test_page import row

pytestmark = pytest.mark.browser

COUNT = 150


@pytest.fixture
def served(tmp_path: Path) -> Any:
    """Many alike, all off."""
    some = markets(COUNT)
    with Served(tmp_path / "data", rules=rules_of(some), prices={one.base: "100" for one in some}) as one:
        yield one


@pytest.mark.parametrize("viewport", [WIDE, PHONE, {"width": 900, "height": 800}], ids=["wide", "phone", "tablet"])
def test_of_many_coins_those_in_sight_are_drawn(served: Served, open_page: Callable[..., Page], viewport: Any) -> None:
    """The end is reached by scrolling, the middle by searching; a price told meanwhile stands there."""
    page = open_page(viewport=viewport)
    rows = page.locator("tr[data-coin]")
    assert rows.count() < 70
    expect(page.locator(".coins")).to_have_attribute("aria-rowcount", str(COUNT + 1))
    expect(row(page, "C0149")).to_have_count(0)
    served.price("C0149", "101.5")
    # Heights are learnt on the way, so the end may move once or twice.
    for _ in range(6):
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_timeout(150)
    expect(row(page, "C0149")).to_be_in_viewport()
    expect(row(page, "C0149")).to_contain_text("101.50")
    expect(row(page, "C0149")).to_have_attribute("aria-rowindex", str(COUNT + 1))
    expect(row(page, "C0000")).to_have_count(0)
    assert rows.count() < 70
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("scrollTo(0, 0)")
    expect(row(page, "C0000")).to_be_visible()
    page.get_by_role("searchbox").fill("c0077")
    expect(rows).to_have_count(1)
    expect(row(page, "C0077")).to_be_visible()


def test_rows_share_their_clocks(served: Served, open_page: Callable[..., Page]) -> None:
    """With a clock for each row the page would be laid out anew for each of them, twice a second."""
    page = open_page()
    page.add_init_script("""{
        const start = setInterval;
        window.clocks = [];
        window.setInterval = (act, everyMs) => { clocks.push(everyMs); return start(act, everyMs); };
    }""")
    page.reload()
    age = row(page, "C0000").locator(".c-price small")
    first = age.inner_text()
    served.silence()
    expect(age).not_to_have_text(first)
    assert page.locator("tr[data-coin]").count() > 20
    assert sorted(page.evaluate("clocks.filter((everyMs) => everyMs < 2000)")) == [500, 1000]
