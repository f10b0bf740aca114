"""What stands still is seen with its money and its way out; taking the way ends it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from autotrader_v2.application.ports import ExchangeUnavailable
from autotrader_v2.domain.situation import Pause
from tests.browser.conftest import PHONE
from tests.browser.served import Served
from tests.browser.test_page import go, row, turn_on

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def test_a_limit_halts_a_coin_and_the_button_leads_to_its_end(served: Served, open_page: Open) -> None:
    """Appears at home and on the coin's page; its button leads to the limits; changed there it is gone."""
    page = open_page()
    halts = page.get_by_role("region", name="Standing still")
    expect(halts).to_have_count(0)
    turn_on(page, "ETH")
    expect(row(page, "ETH")).to_contain_text("Buy 1 needs")
    served.engine.desk.set_order_limits({"coin_orders_5min": 1}, "test")
    served.price("ETH", "2954")
    halt = halts.locator('li[data-halt="limit_reached"]')
    expect(halt).to_contain_text("Limit of buys")
    expect(halt).to_contain_text(re.compile(r"1 buys of ETH in 5 minutes, allowed are 1\."))
    expect(halt).to_contain_text(
        re.compile(r"no buys; sales go on.*invested 9\.\d\d USDT.*ETH, worth 9\.\d\d USDT", re.S)
    )
    expect(halt).to_contain_text(re.compile(r"ends by itself at \d"))
    go(page, "#/coin/ETH")
    expect(halt).to_contain_text("Limit of buys")
    halt.get_by_role("link", name="Limits").click()
    field = page.get_by_label("Buys of one coin in 5 minutes")
    expect(field).to_have_value("1")
    field.fill("x")
    expect(page.locator("#limits").get_by_role("button", name="Apply")).to_be_disabled()
    field.fill("0")
    page.locator("#limits").get_by_role("button", name="Apply").click()
    expect(page.get_by_role("status")).to_contain_text("Limits of buys are set.")
    go(page, "#/coins")
    expect(row(page, "ETH")).to_contain_text("Buy 2 needs")
    expect(halts).to_have_count(0)


def test_a_pause_of_the_account_ends_with_its_button(served: Served, open_page: Open) -> None:
    """On a phone in Russian too."""
    page = open_page(language="ru", viewport=PHONE)
    floor = served.engine.floor
    pause = Pause(cause="account_refused", since_ms=floor.clock.now_ms(), values=(("label", "INVALID_KEY"),))
    floor.pause_account(pause, by="engine")
    halt = page.get_by_role("region", name="Стоит").locator('li[data-halt="account_refused"]')
    expect(halt).to_contain_text("INVALID_KEY")
    expect(halt).to_contain_text("проверьте ключ")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    halt.get_by_role("button", name="Продолжить").click()
    expect(halt).to_have_count(0)
    assert floor.account_pause is None


@pytest.mark.parametrize(
    ("language", "title", "said", "advice"),
    [
        ("en", "Standing still", "No order leaves; what is bought stays bought", "put the journal's file back"),
        ("ru", "Стоит", "Ордера не уходят; купленное остаётся купленным", "верните файл журнала на место"),
    ],
)
def test_a_journal_that_was_moved_away_stands_among_the_halts(
    served: Served, open_page: Open, language: str, title: str, said: str, advice: str
) -> None:
    """With what happened and what to do, until the file is back."""
    page = open_page(language=language)
    turn_on_by(served, "ETH")
    journal = served.engine.journal.file
    assert journal is not None
    aside = journal.with_name("aside.sqlite3")
    try:
        journal.rename(aside)
    except PermissionError:
        return  # Windows does not let it happen
    halt = page.get_by_role("region", name=title).locator('li[data-halt="journal_misplaced"]')
    expect(halt).to_contain_text(said)
    expect(halt).to_contain_text(advice)
    expect(halt).to_contain_text(re.compile(r"9[.,]\d\d USDT"))
    aside.rename(journal)
    expect(halt).to_have_count(0)


def turn_on_by(served: Served, coin: str) -> None:
    """Buys without the page's hand."""
    served.engine.desk.switch(coin, "on", "test")
    served.engine.until("bought", lambda: served.engine.state(coin) == "ACTIVE")


def test_what_soon_ends_by_itself_does_not_push_the_table_away(served: Served, open_page: Open) -> None:
    """It is in the coin's row, and on the coin's page; at home only after a minute."""
    halt = {
        "kind": "hold",
        "code": "price_out_of_band",
        "currency": "ETH",
        "values": {"price": "3160", "median": "3000", "band_pct": "5"},
        "stops": "buys",
        "stake": {"invested": "0", "coins": None, "worth": None, "reserved": "0"},
        "ways": [{"way": "change_limits"}, {"way": "wait"}],
        "until_ms": None,
    }
    since_ms = served.engine.floor.clock.now_ms() - 2_000
    page = open_page()
    page.route(
        "**/api/halts", lambda route: route.fulfill(json={"success": True, "halts": [{**halt, "since_ms": since_ms}]})
    )
    halts = page.get_by_role("region", name="Standing still")
    go(page, "#/coin/ETH")
    expect(halts.locator("li")).to_have_count(1)
    go(page, "#/coins")
    expect(row(page, "ETH")).to_be_visible()
    page.wait_for_timeout(2500)
    expect(halts).to_have_count(0)
    since_ms -= 120_000
    expect(halts.locator("li")).to_have_count(1)


@pytest.mark.parametrize(
    ("language", "title", "said"),
    [
        ("en", "What is known without the exchange", "The exchange does not answer as a start needs it"),
        ("ru", "Что известно без биржи", "Биржа не отвечает так, как нужно для запуска"),
    ],
)
def test_a_start_that_waits_shows_the_halt_and_what_is_held_at_once(
    served: Served, open_page: Open, language: str, title: str, said: str
) -> None:
    """Instead of an empty page: the coins of open cycles, and why nothing happens, without a minute's patience."""
    page = open_page(language=language)
    turn_on_by(served, "ETH")
    trader = served.engine.trader
    trader.start_waits = ExchangeUnavailable("Nobody answers.", do="Wait."), served.engine.floor.clock.now_ms()
    trader.phase = "starting"
    expect(page.get_by_role("region", name=title).locator('tr[data-coin="ETH"]')).to_contain_text(re.compile(r"9[.,]"))
    expect(page.locator('li[data-halt="start_waits"]')).to_contain_text(said)
    trader.phase, trader.start_waits = "running", None
    expect(page.get_by_role("region", name=title)).to_have_count(0)
    expect(row(page, "ETH")).to_be_visible()
