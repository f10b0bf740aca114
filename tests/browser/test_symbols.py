"""The market list on the page: coins join and leave while it trades; a jump to any coin from the keyboard."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, WIDE
from tests.browser.served import Served
from tests.browser.test_page import go, no_key_shows, turn_on

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def test_a_coin_leaves_joins_again_and_another_becomes_primary(served: Served, open_page: Open) -> None:
    """What cannot be done now says why; a coin that joins is off."""
    page = open_page()
    turn_on(page, "ETH")
    go(page, "#/symbols")
    table = page.get_by_test_id("symbols")
    row = {name: table.locator(f'tr[data-symbol="{name}"]') for name in ("BTC", "ETH", "SOL")}
    expect(row["BTC"]).to_contain_text("primary")
    expect(row["BTC"].get_by_role("button", name="Remove")).to_be_disabled()
    expect(row["ETH"]).to_contain_text("Finish its cycle first")
    expect(row["ETH"]).to_contain_text("tradable")
    row["SOL"].get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("no longer followed or traded")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Remove SOL").click()
    expect(dialog).to_have_count(0)
    expect(row["SOL"]).to_have_count(0)
    assert served.engine.floor.slot_of("SOL") is None
    page.get_by_label("Coin to add").fill("sol/usdt")
    page.get_by_role("button", name="Add coin").click()
    expect(row["SOL"]).to_contain_text("off")
    expect(page.locator(".addcoin")).to_contain_text("switched off")
    row["SOL"].get_by_role("button", name="Make primary").click()
    expect(row["SOL"]).to_contain_text("primary")
    page.get_by_role("button", name=re.compile("^Active")).click()
    expect(table.locator("tbody tr")).to_have_count(1)


def test_a_slash_jumps_to_a_coin_from_anywhere(served: Served, open_page: Open) -> None:
    """The coin's page, or its rows in a table; arrows, Enter, Escape; no key reaches what lies behind."""
    page = open_page()
    go(page, "#/dashboard")
    expect(page.get_by_test_id("dash-strip")).to_be_visible()
    page.keyboard.press("/")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("e")
    expect(dialog.get_by_role("option").first).to_contain_text("ETH")
    page.keyboard.press("Enter")
    expect(page.locator(".chead")).to_contain_text("ETH")
    page.keyboard.press("/")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".chead")).to_contain_text("SOL")
    go(page, "#/trades")
    page.get_by_role("button", name=re.compile("Find a coin")).click()
    expect(dialog.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("btc")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Coin", exact=True)).to_have_value("BTC")
    page.keyboard.press("/")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_list_fits_and_says_everything(served: Served, open_page: Open, viewport: Any, language: str) -> None:
    """In both languages, at both widths."""
    page = open_page(viewport=viewport, language=language)
    go(page, "#/symbols")
    expect(page.get_by_test_id("symbols").locator("tbody tr")).to_have_count(3)
    no_key_shows(page)
    assert not re.search(r"\b(symbols|jump|error)\.[a-z_]+\b", page.locator("body").inner_text())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
