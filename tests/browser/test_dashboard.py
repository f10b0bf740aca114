"""The dashboard: figures lead to their fills, files hold the same sums, days are the person's; tables and filters."""

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.situation import SwitchMode
from tests.browser.conftest import PHONE, WIDE
from tests.browser.served import Served
from tests.browser.test_page import go, no_key_shows

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
DAY_MS = 86_400_000


def a_past(served: Served) -> None:
    """A cycle of ETH bought and sold, one of SOL still open; samples of equity over ten days."""
    engine = served.engine
    for coin in ("ETH", "SOL"):
        engine.trader.switch(coin, SwitchMode.ON, "test")
        engine.until(f"{coin} bought", lambda coin=coin: engine.state(coin) == "ACTIVE")  # type: ignore[misc]
    engine.trader.switch("ETH", SwitchMode.FINISH, "test")
    served.price("ETH", "3060")
    engine.until("ETH sold", lambda: engine.state("ETH") == "IDLE")
    now_ms = engine.floor.clock.now_ms()
    for day in range(10, 0, -1):
        worth = Decimal(10_000 - (30 if day == 5 else day))
        engine.journal.note_equity(
            EquitySample(
                time_ms=now_ms - day * DAY_MS,
                equity=worth,
                free=worth,
                invested=ZERO,
                unrealised=ZERO,
                realised=worth - 10_000,
            )
        )
    engine.journal._background.flush()


def test_figures_lead_to_fills_and_the_file_holds_the_same(served: Served, open_page: Open, tmp_path: Path) -> None:
    """The strip, the calendar, each coin; the CSV's sum is the page's figure."""
    a_past(served)
    page = open_page()
    page.get_by_role("navigation").get_by_role("link", name="Dashboard").click()
    strip = page.get_by_test_id("dash-strip")
    expect(strip).to_contain_text("1 cycle")
    expect(strip).to_contain_text(re.compile("Today.*▲ \\+", re.S))
    coins = page.get_by_test_id("per-coin")
    expect(coins.locator("tbody tr").first).to_contain_text("ETH")
    expect(coins.locator("tbody tr.tot")).to_contain_text("All 3")
    with page.expect_download() as downloading:
        page.locator("#per-coin").get_by_role("link", name="Export CSV").click()
    kept = tmp_path / "fifo.csv"
    downloading.value.save_as(kept)
    with kept.open(newline="") as file:
        earned = sum((Decimal(row["result"] or 0) for row in csv.DictReader(file)), ZERO)
    shown = strip.locator("dd[title]").nth(3).get_attribute("title")
    assert shown is not None and Decimal(shown.replace(",", "")) == earned > 0
    today = page.locator("#calendar .today")
    expect(today).to_contain_text("+0.")
    page.get_by_text("By week").click()
    expect(page.locator("#calendar dd").last).to_contain_text("▲ +0.")
    today.click()
    trades = page.get_by_test_id("trades")
    expect(trades.locator("tbody tr")).to_have_count(3)
    page.go_back()
    coins.get_by_role("row", name=re.compile("ETH")).get_by_role("link").nth(2).click()
    expect(trades.locator("tbody tr")).to_have_count(2)


def test_a_large_result_of_a_day_stays_in_its_cell(open_page: Open) -> None:
    """The title has it exact; the cell of a phone has room for a digit less."""
    page = open_page()
    shown = page.evaluate("""async () => {
        const { short } = await import("/static/js/pnl_calendar.js");
        return ["7.125", "-70.02", "407.3", "-1234.5"].map((value) => [short(value, 2), short(value, 1)]);
    }""")
    assert shown == [["+7.13", "+7.1"], ["−70.02", "−70.0"], ["+407.3", "+407"], ["−1,235", "−1,235"]]


def test_the_curve_is_read_with_arrow_keys(served: Served, open_page: Open) -> None:
    """Its words name first, last and deepest; another span asks for other points."""
    a_past(served)
    page = open_page()
    go(page, "#/dashboard")
    curve = page.locator(".curve")
    expect(curve).to_have_attribute("aria-label", re.compile("deepest fall \u22120"))
    curve.focus()
    page.keyboard.press("Home")
    expect(curve).to_contain_text("equity 9,990.00")
    page.keyboard.press("ArrowRight")
    expect(curve).to_contain_text("equity 9,991.00")
    page.get_by_role("button", name="Week").click()
    expect(page.get_by_role("button", name="Week")).to_have_attribute("aria-pressed", "true")
    curve.focus()
    page.keyboard.press("Home")
    expect(curve).not_to_contain_text("9,990.00")


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_place_fits_and_says_everything(served: Served, open_page: Open, viewport: Any, language: str) -> None:
    """No key shows, nothing scrolls sideways, in both languages."""
    a_past(served)
    page = open_page(viewport=viewport, language=language, theme="light" if language == "ru" else "dark")
    for place in ("#/dashboard", "#/trades", "#/orders", "#/decisions", "#/record"):
        go(page, place)
        page.wait_for_timeout(600)
        no_key_shows(page)
        assert not re.search(r"\b(dash|table|filter|life|record)\.[a-z_]+\b", page.locator("body").inner_text()), place
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place


def test_an_empty_dashboard_says_what_comes(served: Served, open_page: Open) -> None:
    """Nothing was traded yet: dashes and words, no zero that means nothing."""
    page = open_page()
    go(page, "#/dashboard")
    expect(page.get_by_test_id("dash-strip")).to_contain_text("0 cycles")
    expect(page.locator("#calendar .today")).to_be_visible()
    expect(page.get_by_test_id("per-coin").locator("tbody tr").first).to_contain_text("–")
    expect(page.get_by_role("button", name="Month before")).to_be_disabled()


def test_tables_are_filtered_and_an_order_tells_its_life(served: Served, open_page: Open) -> None:
    """Filters stand in the address and survive a reload; the life has every id; decisions and the record are there."""
    a_past(served)
    page = open_page()
    go(page, "#/trades")
    rows = page.get_by_test_id("trades").locator("tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_label("Side").select_option("sell")
    expect(rows).to_have_count(1)
    assert "side=sell" in page.url
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_label("Coin", exact=True).select_option("SOL")
    expect(page.locator("main")).to_contain_text("Nothing matches")
    page.get_by_role("button", name="Clear filters").click()
    expect(rows).to_have_count(3)
    label = rows.first.locator("button").inner_text()
    rows.first.locator("button").click()
    life = page.get_by_role("dialog")
    expect(life.locator(".life li")).to_have_count(5)
    expect(life).to_contain_text("Booked into the cycle")
    expect(life.locator(".kv")).to_contain_text(label)
    page.keyboard.press("Escape")
    expect(life).to_have_count(0)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Journal").click()
    expect(page.get_by_test_id("orders").locator("tbody tr")).to_have_count(3)
    page.get_by_role("link", name="Decisions").click()
    page.get_by_label("Decision", exact=True).select_option("buy")
    expect(page.get_by_test_id("decisions").locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Record").click()
    page.get_by_label("Kind").select_option("switch")
    # ETH on, SOL on, ETH finish, and off by itself once its cycle was sold.
    expect(page.get_by_test_id("record").locator("tbody tr")).to_have_count(4)
    expect(page.get_by_test_id("record")).to_contain_text("Switched to finish")


def test_older_rows_follow_and_nothing_is_missing_between_the_pages(served: Served, open_page: Open) -> None:
    """Each row once, however many came meanwhile."""
    a_past(served)
    page = open_page()
    page.route(
        re.compile("/api/trades[?].*limit=100"),
        lambda route: route.continue_(url=route.request.url.replace("limit=100", "limit=2")),
    )
    go(page, "#/trades")
    rows = page.get_by_test_id("trades").locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Older").click()
    expect(rows).to_have_count(3)
    expect(page.locator("main")).to_contain_text("3 rows, that is all")
    page.wait_for_timeout(3500)
    expect(rows).to_have_count(3)


def test_an_order_of_unknown_outcome_is_never_told_as_answered_or_settled(served: Served, open_page: Open) -> None:
    """Nor one that never left as sent."""
    page = open_page()
    code = """async (orders) => {
        const { stepsOf } = await import("/static/js/order_life.js");
        const whole = (order) => ({ fills: [], order_id: "", closed_ms: null, ...order });
        return orders.map((order) => stepsOf(whole(order)).map((step) => step.done));
    }"""
    orders = [
        {"state": "unknown", "outcome": None},
        {"state": "intended", "outcome": None},
        {"state": "not_sent", "outcome": "not_sent", "closed_ms": 5},
        {"state": "refused", "outcome": "refused", "closed_ms": 5},
        {"state": "filled", "outcome": "filled", "closed_ms": 5, "fills": [{"time_ms": 4}], "order_id": "7"},
    ]
    assert page.evaluate(code, orders) == [
        [True, True, False, False, False],
        [True, True, False, False, False],
        [True, None, None, None, True],
        [True, True, True, None, True],
        [True, True, True, True, True],
    ]
