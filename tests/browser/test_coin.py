"""A person at a coin's page: the chart and its levels, the book, the ladder, the history, ways out and in."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from autotrader_v2.application.archive import Which
from autotrader_v2.application.shipped_ladders import SHIPPED
from tests.browser.served import Served
from tests.browser.test_page import go, no_key_shows, turn_on

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def coin_page(page: Page, served: Served, currency: str = "ETH") -> None:
    """A coin with an open cycle, and its page."""
    turn_on(page, currency)
    expect(page.locator(f'tr[data-coin="{currency}"]')).to_contain_text("1")
    go(page, f"#/coin/{currency}")
    served.engine.until("a cycle", lambda: served.engine.state(currency) == "ACTIVE")
    expect(page.get_by_test_id("breakeven").locator("tr.active")).to_be_visible()


def decided(served: Served) -> Sequence[Mapping[str, Any]]:
    """What is written of ETH's decisions."""
    return served.engine.desk.reports.decisions(Which(market=served.engine.slot("ETH").market), 200)


def drawn(chart: Locator) -> dict[str, float]:
    """The levels that the chart draws, by kind and step."""
    told = chart.get_attribute("data-levels") or ""
    return {name: float(price) for name, _, price in (one.partition("=") for one in told.split())}


def test_the_chart_draws_candles_fills_and_the_engines_levels(served: Served, open_page: Open) -> None:
    """Loaded only here; markers are real fills; the lines are the table's own prices; a clicked row shows its line."""
    asked: list[str] = []
    page = open_page()
    page.on("request", lambda request: asked.append(request.url))
    assert not any("lightweight-charts" in url for url in asked)
    coin_page(page, served)
    chart = page.get_by_test_id("chart")
    expect(chart.locator("canvas").first).to_be_visible()
    assert any("lightweight-charts" in url for url in asked)
    expect(chart).to_have_attribute("data-fills", "start")
    expect(chart).to_have_attribute("data-candles", re.compile(r"^[1-9]"))
    expect(chart).to_have_attribute("data-levels", re.compile("take_profit=.*breakeven=.*average=.*step1="))
    view = served.engine.desk.coin("ETH")
    levels = drawn(chart)
    assert levels["take_profit"] == float(view["take_profit"])
    assert levels["step1"] == float(view["next_buy"]["price"])
    expect(chart).to_have_attribute("aria-label", re.compile("ETH.*take-profit"))
    assert "step6" not in levels
    last = page.get_by_test_id("breakeven").locator("tbody tr").nth(7)
    last.get_by_role("button").click()
    expect(chart).to_have_attribute("data-levels", re.compile("step6="))
    page.locator("#chart").get_by_role("button", name="1h").click()
    expect(page.locator("#chart").get_by_role("button", name="1h")).to_have_attribute("aria-pressed", "true")
    page.get_by_text("The chart as tables").click()
    expect(page.locator("#chart")).to_contain_text("Newest candles")
    page.reload()
    expect(page.locator("#chart").get_by_role("button", name="1h")).to_have_attribute("aria-pressed", "true")


def test_levels_move_while_parameters_are_typed_or_dragged_and_nothing_is_applied(
    served: Served, open_page: Open
) -> None:
    """The preview is the engine's; discarding brings the applied lines back."""
    page = open_page()
    coin_page(page, served)
    chart = page.get_by_test_id("chart")
    expect(chart).to_have_attribute("data-levels", re.compile("step1="))
    applied = drawn(chart)
    ladder = page.locator("#ladder")
    ladder.get_by_label(re.compile("First fall")).fill("2,5")
    expect(page.locator("#chart")).to_contain_text("not applied yet")
    expect(chart).not_to_have_attribute("data-levels", re.compile(rf"step1={applied['step1']:g}\b"))
    assert drawn(chart)["step1"] < applied["step1"]
    assert float(served.engine.desk.coin("ETH")["next_buy"]["price"]) == applied["step1"]
    ladder.get_by_role("button", name="Discard").click()
    expect(page.locator("#chart")).not_to_contain_text("not applied yet")
    assert drawn(chart) == applied
    # The take-profit is grabbed where the page itself draws it.
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    grabbed = None
    for y in range(4, int(box["height"]), 3):
        page.mouse.move(box["x"] + box["width"] / 3, box["y"] + y)
        if "grab" in (chart.get_attribute("class") or ""):
            grabbed = y
            break
    assert grabbed is not None, "no line can be grabbed"
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + grabbed - 12, steps=4)
    page.mouse.up()
    expect(ladder.get_by_text("was 0.8")).to_be_visible()
    expect(page.locator("#chart")).to_contain_text("not applied yet")
    expect(ladder).to_contain_text("Before you apply")
    assert drawn(chart)["take_profit"] > applied["take_profit"]
    assert float(served.engine.desk.coin("ETH")["take_profit"]) == applied["take_profit"]


def test_the_book_sums_up_and_tints_what_the_position_would_eat(served: Served, open_page: Open) -> None:
    """Best prices meet in the middle; the tint is also a word for who does not see it."""
    page = open_page()
    coin_page(page, served)
    book = page.get_by_test_id("book")
    expect(book.locator("tr.own").first).to_contain_text("would be eaten by your position")
    expect(book.locator("tr.spread")).to_contain_text("Spread")
    asks, bids = book.locator("tr.ask"), book.locator("tr.bid")
    assert asks.count() >= 3
    assert bids.count() >= 3
    lowest_ask, best_bid = asks.last.locator("td").first, bids.first.locator("td").first
    assert float(lowest_ask.inner_text().replace(",", "")) > float(best_bid.inner_text().split()[0].replace(",", ""))
    expect(page.locator("#book")).to_contain_text("on average")


def test_a_closed_cycle_shows_its_fills_and_older_decisions_can_be_read(served: Served, open_page: Open) -> None:
    """Promised against actual, fee and id of each; the result below them."""
    page = open_page()
    coin_page(page, served)
    engine = served.engine
    # So many decisions that there is a second page of them.
    for turn in range(1, 4):
        served.price("ETH", "3060")
        engine.until("a sale", lambda turn=turn: engine.desk.coin("ETH")["completed_cycles"] >= turn)
        served.price("ETH", "3000")
        engine.until("a buy", lambda: engine.state("ETH") == "ACTIVE")
        engine.until("it is written", lambda turn=turn: len(decided(served)) > 5 * turn)
    history = page.get_by_test_id("history")
    history.get_by_role("button", name="#1", exact=True).click()
    fills = history.locator("tr.inner")
    expect(fills).to_contain_text("Promised")
    expect(fills).to_contain_text("start buy")
    expect(fills).to_contain_text("take-profit")
    expect(fills.locator("tr.tot")).to_contain_text("▲ +")
    expect(fills.locator(".mono").first).to_contain_text("t-")
    rows = page.locator("#decisions li")
    expect(rows).to_have_count(12)
    page.get_by_role("button", name="Older decisions").click()
    expect(rows).not_to_have_count(12)
    assert rows.count() > 12


def test_a_position_is_sold_at_breakeven_on_wish(served: Served, open_page: Open) -> None:
    """The dialog says where and what instead; it can be taken back; then it sells there."""
    page = open_page()
    coin_page(page, served)
    cycle, dialog = page.locator("#cycle"), page.get_by_role("dialog")
    cycle.get_by_role("button", name="Sell at breakeven…").click()
    expect(dialog).to_contain_text("Nothing is sold below breakeven")
    expect(dialog).to_contain_text("As soon as the bids pay")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Sell at breakeven", exact=True).click()
    expect(cycle).to_contain_text("Sells at breakeven.")
    expect(page.get_by_test_id("chart")).not_to_have_attribute("data-levels", re.compile("take_profit"))
    cycle.get_by_role("button", name="Back to take-profit…").click()
    dialog.get_by_role("button", name="Back to take-profit", exact=True).click()
    expect(cycle).not_to_contain_text("Sells at breakeven.")
    cycle.get_by_role("button", name="Sell at breakeven…").click()
    dialog.get_by_role("button", name="Sell at breakeven", exact=True).click()
    expect(cycle).to_contain_text("Sells at breakeven.")
    served.engine.desk.switch("ETH", "finish", "test")
    served.price("ETH", served.engine.desk.coin("ETH")["breakeven"])
    expect(page.get_by_test_id("history").locator("tbody tr").first).to_contain_text("#1")
    assert served.engine.state("ETH") == "IDLE"


def test_adopting_says_what_it_makes_first(served: Served, open_page: Open) -> None:
    """At a price, or by the account's own trades: cost, breakeven, next buy; cancelling adopts nothing."""
    page = open_page()
    coin_page(page, served)
    served.engine.desk.reset_cycle("ETH", "test")
    served.engine.desk.resume_cycle("ETH", "test")
    cycle, dialog = page.locator("#cycle"), page.get_by_role("dialog")
    cycle.get_by_label(re.compile("What they cost")).fill("3100,50")
    expect(cycle).to_contain_text("reads as 3,100.5")
    cycle.get_by_role("button", name="Adopt at this price").click()
    expect(dialog).to_contain_text("Cost, 3,100.50 each")
    expect(dialog).to_contain_text("Breakeven")
    dialog.get_by_role("button", name="Cancel").click()
    assert served.engine.state("ETH") == "IDLE"
    cycle.get_by_role("button", name="Adopt by my trades").click()
    expect(dialog).to_contain_text(re.compile(r"Cost, 3,00\d\.\d\d each"))
    dialog.get_by_role("button", name=re.compile("Adopt")).click()
    expect(page.get_by_test_id("breakeven").locator("tr.active")).to_be_visible()
    assert served.engine.state("ETH") == "ACTIVE"


def test_a_ladder_is_kept_loaded_and_copied_to_other_coins(served: Served, open_page: Open) -> None:
    """Loading fills the form only; copying shows each coin's changes, then tells each coin's result."""
    page = open_page()
    go(page, "#/coin/ETH")
    ladder = page.locator("#ladder")
    ladder.get_by_label(re.compile("^Steps")).fill("4")
    ladder.get_by_text("Kept ladders, copy to other coins").click()
    ladder.get_by_label(re.compile("Keep this form as")).fill("<img src=x onerror=alert(1)>")
    ladder.get_by_role("button", name="Keep", exact=True).click()
    expect(ladder.get_by_label(re.compile("^Kept ladders"))).to_have_value("<img src=x onerror=alert(1)>")
    ladder.get_by_role("button", name="Discard").click()
    expect(ladder.get_by_label(re.compile("^Steps"))).to_have_value("8")
    ladder.get_by_role("button", name="Load into the form").click()
    expect(ladder.get_by_label(re.compile("^Steps"))).to_have_value("4")
    assert served.engine.slot("ETH").state.params.steps == 8
    ladder.get_by_role("button", name="Apply").click()
    expect(ladder.get_by_role("button", name="common 8")).to_be_visible()
    served.engine.desk.set_params("SOL", {"profit_pct": "2"}, "test")
    ladder.get_by_role("button", name="Copy to coins…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Steps 4")
    dialog.get_by_role("button", name=re.compile("Choose all")).click()
    sol = dialog.get_by_role("row", name=re.compile("SOL"))
    expect(sol).to_contain_text("common 0.8")
    expect(sol).to_contain_text(re.compile(r"Steps 8 → 4"))
    dialog.get_by_role("button", name="Copy to 2 coins").click()
    expect(dialog.get_by_text("Applied")).to_have_count(2)
    for name in ("BTC", "SOL"):
        assert served.engine.desk.params(name)["own"] == {"steps": 4}
    dialog.get_by_role("button", name="Close").click()
    ladder.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").get_by_text("is deleted")).to_be_visible()
    assert served.engine.desk.presets()["presets"].keys() == SHIPPED.keys()


def test_the_card_before_the_switch_names_the_sum_that_is_missing(served: Served, open_page: Open) -> None:
    """Four figures, the need of all coins against the balance; Cancel has the focus; an old price takes the button."""
    served.engine.desk.set_params("ETH", {"start_quote": "500"}, "test")
    page = open_page()
    page.locator('tr[data-coin="ETH"]').get_by_role("switch").click()
    card = page.get_by_role("dialog")
    told = served.engine.desk.before_switch("ETH")
    assert float(told["missing"]) > 0
    for words in ("First order", "Whole ladder", "Deepest fall", "Loss if it stays"):
        expect(card).to_contain_text(words)
    expect(card).to_contain_text(re.compile(r"Not covered: [\d,]+\.\d\d USDT are missing"))
    expect(card).to_contain_text("Slippage of the first order")
    expect(card.get_by_role("button", name="Cancel")).to_be_focused()
    sends = card.get_by_role("button", name="Turn on ETH")
    expect(sends).to_be_enabled()
    served.silence()
    expect(sends).to_be_disabled()
    expect(card).to_contain_text("too old")
    assert served.engine.slot("ETH").state.switch.value == "off"


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    "viewport", [{"width": 1440, "height": 900}, {"width": 390, "height": 844}], ids=["wide", "phone"]
)
def test_every_part_of_the_coin_page_in_both_languages_and_widths(
    served: Served, open_page: Open, language: str, viewport: Any
) -> None:
    """Nothing scrolls sideways, no key shows through, with every drawer open and a change typed."""
    page = open_page(language=language, viewport=viewport)
    coin_page(page, served)
    page.locator("#field-drop_step_pct").fill("2,1")
    for drawer in page.locator("main details").all():
        drawer.locator("summary").click()
    if viewport["width"] < 720:
        page.locator("#table .phone").click()
    expect(page.locator("#ladder .outlook")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    no_key_shows(page)
    text = page.locator("main").inner_text()
    assert not re.search(
        r"\b(chart|book|exit|preset|copy|adopt|level|candle|interval|outlook|history)\.[a-z_]+\b", text
    )
