"""Every screen and dialog of the page, by name, with how a person gets there: whoever looks at all of them begins here.

They are those of a `Served` after `a_life`: a closed cycle, two open ones, one coin off, a limit that holds a coin.
"""

import re
import time
from collections.abc import Callable, Mapping
from decimal import Decimal

from playwright.sync_api import Page, expect

from autotrader_v2.application.events import Priority
from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.situation import SwitchMode
from tests.browser.served import Served
from tests.lab_files import WISH, a_file, a_study, waves

Open = Callable[[Page], None]
_DAY_MS = 86_400_000
# It compiles the rules, at low priority.
_FIRST_RUN_MS = 240_000


def a_life(served: Served) -> None:
    """ETH bought and sold, then bought again; SOL open and a step down; BTC off; an alert; ten days of equity."""
    engine = served.engine
    for coin in ("ETH", "SOL"):
        engine.trader.switch(coin, SwitchMode.ON, "test")
        engine.until(f"{coin} bought", lambda coin=coin: engine.state(coin) == "ACTIVE")  # type: ignore[misc]
    served.price("ETH", "3060")
    engine.until("ETH sold", lambda: engine.desk.coin("ETH")["completed_cycles"] == 1)
    served.price("ETH", "3050")
    served.price("SOL", "147.2")
    engine.until("ETH bought again", lambda: engine.state("ETH") == "ACTIVE")
    engine.until("SOL's step", lambda: engine.desk.coin("SOL")["steps_used"] >= 1)
    engine.floor.alert("exchange_slow", Priority.LOW, None, {"ms": "1500"})
    now_ms = engine.floor.clock.now_ms()
    for day in range(10, 0, -1):
        worth = Decimal(10_000 - (30 if day == 5 else day))
        sample = EquitySample(
            time_ms=now_ms - day * _DAY_MS,
            equity=worth,
            free=worth,
            invested=ZERO,
            unrealised=ZERO,
            realised=worth - 10_000,
        )
        engine.journal.note_equity(sample)
    engine.journal._background.flush()
    a_file(engine.folder / "candles", "BTC_USDT_5m.csv", waves())
    a_study(engine.folder / "studies.db")
    while served.lab.data()["reading"]:
        time.sleep(0.05)
    served.lab.begin(WISH)


def go(page: Page, place: str) -> None:
    """Follow a link of the page, with no dialog open."""
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.evaluate("(place) => { location.hash = place; scrollTo(0, 0); }", place)


def _place(place: str, seen: str) -> Open:
    def opened(page: Page) -> None:
        go(page, place)
        page.locator(seen).first.wait_for()

    return opened


def _dialog(place: str, button: str) -> Open:
    """A dialog of a place: the button is pressed that the selector finds there."""

    def opened(page: Page) -> None:
        go(page, place)
        page.locator(button).first.click()
        page.get_by_role("dialog").wait_for()

    return opened


def _coin(page: Page) -> None:
    go(page, "#/coin/SOL")
    page.get_by_test_id("breakeven").locator("tr.active").wait_for()
    page.get_by_test_id("book").locator("tr.bid").first.wait_for()
    expect(page.get_by_test_id("chart")).to_have_attribute("data-candles", re.compile("^[1-9]"))


def _changed_ladder(page: Page) -> None:
    _coin(page)
    page.locator("#field-drop_step_pct").fill("2,1")
    while (drawer := page.locator("main details:not([open])")).count():
        drawer.first.locator("summary").click()
    page.locator("#ladder .outlook").wait_for()


def _copy(page: Page) -> None:
    _coin(page)
    drawer = page.locator("#ladder .presets")
    if drawer.get_attribute("open") is None:
        drawer.locator("summary").click()
    drawer.locator("button").last.click()
    page.get_by_role("dialog").wait_for()


def _life(page: Page) -> None:
    go(page, "#/trades")
    page.get_by_test_id("trades").locator("tbody button").first.click()
    page.get_by_role("dialog").locator(".life li").first.wait_for()


def _jump(page: Page) -> None:
    go(page, "#/dashboard")
    page.get_by_test_id("dash-strip").wait_for()
    page.keyboard.press("/")
    page.get_by_role("combobox").wait_for()


def _lab(page: Page) -> None:
    go(page, "#/lab")
    page.get_by_test_id("heat").wait_for(timeout=_FIRST_RUN_MS)
    page.get_by_test_id("lab-strip").wait_for(timeout=_FIRST_RUN_MS)
    page.get_by_test_id("lab-chart").locator("canvas").first.wait_for()


def _lab_search(page: Page) -> None:
    _lab(page)
    page.get_by_test_id("search").locator("summary").click()
    page.locator("#search-trials").scroll_into_view_if_needed()


def _nothing_matches(page: Page) -> None:
    go(page, "#/trades?symbol=BTC")
    page.locator(".empty").wait_for()


SCREENS: Mapping[str, Open] = {
    "coins": _place("#/coins", ".coins tbody tr"),
    "coin": _coin,
    "coin-off": _place("#/coin/BTC", '[data-testid="breakeven"] tbody tr'),
    "coin-changed-ladder": _changed_ladder,
    "dashboard": _place("#/dashboard", '[data-testid="per-coin"] tbody tr'),
    "trades": _place("#/trades", '[data-testid="trades"] tbody tr'),
    "trades-empty": _nothing_matches,
    "orders": _place("#/orders", '[data-testid="orders"] tbody tr'),
    "decisions": _place("#/decisions", '[data-testid="decisions"] tbody tr'),
    "record": _place("#/record", '[data-testid="record"] tbody tr'),
    "lab": _lab,
    "lab-search": _lab_search,
    "symbols": _place("#/symbols", '[data-testid="symbols"] tbody tr'),
    "settings": _place("#/settings", "#limits"),
    "system": _place("#/system", "#health dd"),
    "dialog-turn-on": _dialog("#/coins", 'tr[data-coin="BTC"] [role=switch]'),
    "dialog-modes": _dialog("#/coins", 'tr[data-coin="SOL"] [role=switch]'),
    "dialog-all-coins": _dialog("#/coins", ".global [role=switch]"),
    "dialog-buy": _dialog("#/coin/SOL", "#trade .btn.wide:enabled"),
    "dialog-copy-ladder": _copy,
    "dialog-sell-all": _dialog("#/coins", ".emer .risk"),
    "dialog-order-life": _life,
    "dialog-jump": _jump,
}
