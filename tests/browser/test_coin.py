"""A person at a coin's page: the chart and its levels, the book, the ladder, the history, ways out and in."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.served import Served
from tests.browser.test_page import go, turn_on

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def coin_page(page: Page, served: Served, currency: str = "ETH") -> None:
    """A coin with an open cycle, and its page."""
    turn_on(page, currency)
    expect(page.locator(f'tr[data-coin="{currency}"]')).to_contain_text("1")
    go(page, f"#/coin/{currency}")
    served.engine.until("a cycle", lambda: served.engine.state(currency) == "ACTIVE")
    expect(page.get_by_test_id("breakeven").locator("tr.active")).to_be_visible()


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
    expect(chart).to_have_attribute("data-fills", "start buy")
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
