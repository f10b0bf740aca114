"""Everything is sold from the emergency bar: typed, armed after a moment, and coin by coin what became of it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.browser.served import Served
from tests.browser.test_page import row, turn_on

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def test_all_is_sold_after_the_words_are_typed_and_nothing_comes_back(served: Served, open_page: Open) -> None:
    """Cancel has the focus, the button waits for the words, the bar tells what it would bring."""
    page = open_page()
    bar = page.locator(".emer")
    expect(bar.get_by_role("button", name="Sell all…")).to_be_disabled()
    for coin in ("ETH", "SOL"):
        turn_on(page, coin)
        expect(row(page, coin)).to_contain_text("Buy 1 needs")
    expect(bar).to_contain_text(re.compile(r"Sells 2 positions at market for ≈ 19\.\d\d USDT"))
    bar.get_by_role("button", name="Sell all…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    expect(dialog).to_contain_text("Sells 2 positions")
    word = dialog.get_by_label("Type SELL ALL")
    word.fill("sell al")
    expect(dialog).to_contain_text("7 of 8 letters")
    sell = dialog.get_by_role("button", name="Sell all now")
    expect(sell).to_be_disabled()
    word.fill("SELL ALL")
    expect(sell).to_be_enabled()
    word.press("Enter")
    expect(dialog).to_contain_text("Sold 2 of 2")
    dialog.get_by_role("button", name="Close").click()
    expect(bar).to_contain_text("Buys are stopped")
    expect(row(page, "ETH")).to_contain_text("Paused by you")
    assert {served.engine.state(coin) for coin in ("ETH", "SOL")} == {"IDLE"}
    expect(bar.get_by_role("button", name="Sell all…")).to_be_disabled()


def test_nothing_is_sold_without_the_words(served: Served, open_page: Open) -> None:
    """On a phone in Russian: Escape means no."""
    page = open_page(language="ru", viewport=PHONE)
    served.engine.desk.switch("ETH", "on", "test")
    expect(page.locator(".emer")).to_contain_text("1 позиция")
    page.get_by_role("button", name="Продать всё…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Введите SELL ALL").fill("продать всё")
    expect(dialog).to_contain_text("0 из 8 знаков")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert served.engine.state("ETH") == "ACTIVE"
