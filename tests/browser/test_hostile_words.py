"""Words that others chose are shown as text: markup in a coin's name, marks that turn the reading, long errors."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from playwright.sync_api import Locator, Page, expect

from autotrader_v2.application.events import Priority
from autotrader_v2.domain.situation import Pause
from autotrader_v2.matching.markets import rules_for
from tests.browser.conftest import PHONE, WIDE
from tests.browser.screens import SCREENS, a_life, go
from tests.browser.served import COINS, Served
from tests.browser.test_page import row

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
TURNED = "\u202eniocB\u2066<b>bold</b>\u202c \u200f\u202b9999.00+"
LONG = "no_space_in_it<b>" * 640
NAMES = {"BTC": MARKUP, "ETH": TURNED, "SOL": "S" * 300}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Coins whose names the exchange made up."""
    rules = [replace(rules_for(coin), name=name) for coin, name in NAMES.items()]
    with Served(tmp_path / "data", rules=rules, prices=COINS) as one:
        yield one


@pytest.mark.parametrize(("language", "viewport"), [("en", WIDE), ("ru", PHONE)], ids=["wide", "phone"])
def test_w2_words_of_others_are_text_on_every_screen(
    served: Served, open_page: Callable[..., Page], language: str, viewport: Any
) -> None:
    """Nothing runs, nothing is fetched, nothing leaves the screen; the words are there to be read."""
    page = open_page(language=language, viewport=viewport)
    a_life(served)
    floor = served.engine.floor
    floor.alert("exchange_refused", Priority.HIGH, served.engine.slot("ETH").market, {"label": MARKUP, "message": LONG})
    structlog.get_logger().error(LONG, what=MARKUP)
    pause = Pause(cause="account_refused", since_ms=floor.clock.now_ms(), values=(("label", LONG),))
    floor.pause_account(pause, by=MARKUP)
    expect(page.locator("main")).to_contain_text(LONG[:200])
    expect(page.locator("main")).to_contain_text(MARKUP)
    for name in (
        "coins",
        "coin",
        "coin-off",
        "dashboard",
        "trades",
        "orders",
        "decisions",
        "record",
        "symbols",
        "system",
    ):
        SCREENS[name](page)
        page.wait_for_timeout(250)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.locator("img, main b:text-is('bold'), [onerror]").count() == 0, name
        assert "hacked" not in page.title(), name
    expect(page.locator("#logs .lines")).to_contain_text(LONG[:200])
    go(page, "#/coin/BTC")
    expect(page.locator(".chead")).to_contain_text(MARKUP)


def test_w2_marks_that_turn_the_reading_do_not_reach_beyond_their_name(
    served: Served, open_page: Callable[..., Page]
) -> None:
    """A name that turns what follows it could make a price read backwards."""
    page = open_page()
    expect(page.locator("tr[data-coin='ETH'] .c-price")).to_contain_text("3,000.00")
    isolated(row(page, "ETH"))
    go(page, "#/symbols")
    isolated(page.get_by_test_id("symbols"))
    go(page, "#/coin/ETH")
    isolated(page.locator(".chead"))
    page.keyboard.press("/")
    page.keyboard.type("eth")
    isolated(page.get_by_role("listbox"))


def isolated(part: Locator) -> None:
    """The name ends its own marks."""
    named = part.get_by_text("niocB").last
    expect(named).to_be_visible()
    assert named.evaluate("(one) => getComputedStyle(one).unicodeBidi") == "isolate"
