"""A person at the page: switch a coin on, watch it trade, trade by hand, stop, change the ladder, on any screen."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from autotrader_v2.application.events import Priority
from tests.browser.conftest import PHONE, WIDE, watch
from tests.browser.served import Served
from tests.web_double import DeskDouble
from web.config import WebConfig
from web.server import WebServer

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def row(page: Page, currency: str) -> Locator:
    """A coin's row."""
    return page.locator(f'tr[data-coin="{currency}"]')


def go(page: Page, place: str) -> None:
    """Follow a link of the page."""
    page.evaluate("(place) => { location.hash = place; }", place)


def turn_on(page: Page, currency: str) -> None:
    """Switch a coin on, through its card."""
    row(page, currency).get_by_role("switch").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile(currency)).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_coin_from_off_to_a_completed_cycle(served: Served, open_page: Open) -> None:
    """The card before the switch, the start buy, the table with its active step, a rebuy, the sale, the history."""
    page = open_page()
    expect(row(page, "ETH")).to_have_class("off")
    row(page, "ETH").get_by_role("switch").click()
    card = page.get_by_role("dialog")
    expect(card).to_contain_text("Whole ladder")
    expect(card).to_contain_text(re.compile(r"10\.00 USDT.*9 orders", re.S))
    expect(card.get_by_role("button", name="Cancel")).to_be_focused()
    expect(page.get_by_role("banner")).to_contain_text("TESTNET")  # the mode stays above the card
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    assert served.engine.state("ETH") == "IDLE"
    turn_on(page, "ETH")
    expect(row(page, "ETH")).to_contain_text("Buy 1 needs")
    expect(row(page, "ETH").get_by_role("switch")).to_have_attribute("aria-checked", "true")
    row(page, "ETH").get_by_role("link", name="ETH").click()
    table = page.get_by_test_id("breakeven")
    expect(table.locator("tbody tr")).to_have_count(10)  # nine steps and the price
    expect(table.locator("tr.active")).to_contain_text("start")
    expect(table.locator("tr.nowrow")).to_contain_text("Now 3,000.00")
    served.price("ETH", "2954")
    expect(table.locator("tr.active td").first).to_contain_text("1")
    expect(page.locator("#decisions")).to_contain_text("buy 1")
    served.price("ETH", "3040")
    history = page.get_by_test_id("history")
    expect(history.locator("tbody tr").first).to_contain_text("take-profit")
    expect(history.locator("tbody tr").first).to_contain_text("▲ +")
    go(page, "#/trades")
    expect(page.get_by_test_id("trades")).to_contain_text("take-profit")


def test_a_price_that_moves_flashes_without_an_animation(served: Served, open_page: Open) -> None:
    """Lit once and dark once; who wants less motion sees the figure alone."""
    page = open_page()
    page.evaluate("""() => {
        window.lit = [];
        window.dark = new Promise((done) => new MutationObserver((all) => {
            for (const { target } of all)
                lit.push([target.closest("tr").dataset.coin, target.style.background, document.getAnimations().length]);
            if (lit.length > 1) done(lit);
        }).observe(document.querySelector(".coins"), { subtree: true, attributeFilter: ["style"] }));
    }""")
    served.price("BTC", "60100")
    (up, dark) = page.evaluate("dark")
    assert (up[0], "--gain" in up[1], up[2]) == ("BTC", True, 0)
    assert dark == ["BTC", "", 0]
    page.emulate_media(reduced_motion="reduce")
    served.price("BTC", "60050")
    expect(row(page, "BTC")).to_contain_text("60,050.0")
    assert page.evaluate("lit.length") == 2


def test_quick_trade_buys_and_sells(served: Served, open_page: Open) -> None:
    """With a dialog each; the amount is echoed as it was read; selling pauses the coin, resuming ends that."""
    page = open_page()
    go(page, "#/coin/SOL")
    trade = page.locator("#trade")
    trade.get_by_label(re.compile("Amount")).fill("37,5")
    expect(trade).to_contain_text("reads as 37.50 USDT")
    trade.get_by_role("button", name="Buy 37.50 USDT of SOL…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    expect(dialog).to_contain_text("Starts a cycle")
    dialog.get_by_role("button", name="Buy 37.50 USDT of SOL", exact=True).dblclick()
    expect(dialog).to_contain_text("Filled")
    expect(dialog).to_contain_text(re.compile(r"0\.\d+ SOL for 37\.\d\d USDT"))
    compared = dialog.get_by_test_id("compared")
    expect(compared).to_contain_text("Expected average")
    expect(compared.get_by_role("row", name=re.compile("Breakeven"))).not_to_contain_text("–")
    dialog.get_by_role("button", name="Close").click()
    assert served.engine.state("SOL") == "ACTIVE"
    assert len(served.paper.own_trades(served.engine.slot("SOL").market, 0)) == 1
    trade.get_by_role("button", name="Sell all", exact=True).click()
    trade.get_by_role("button", name=re.compile("Sell all 0.*SOL…")).click()
    expect(dialog).to_contain_text("nothing is bought back unasked")
    dialog.get_by_role("button", name=re.compile("Sell all 0")).click()
    expect(dialog).to_contain_text("Filled")
    dialog.get_by_role("button", name="Close").click()
    head = page.locator(".chead")
    expect(head).to_contain_text("Paused by you")
    expect(head.get_by_role("switch")).to_have_attribute("aria-checked", "mixed")
    expect(page.get_by_test_id("history")).to_contain_text("sold by you")
    head.get_by_role("button", name="Resume").click()
    expect(head).not_to_contain_text("Paused")


def test_an_old_price_takes_the_decision_away(served: Served, open_page: Open) -> None:
    """Open dialogs and buttons that spend are disabled, with the reason; the row says so."""
    page = open_page()
    turn_on(page, "BTC")
    go(page, "#/coin/BTC")
    page.get_by_role("button", name=re.compile("Buy .* of BTC…")).click()
    dialog = page.get_by_role("dialog")
    sends = dialog.get_by_role("button", name=re.compile("Buy .* of BTC"))
    expect(sends).to_be_enabled()
    served.silence()
    expect(sends).to_be_disabled()
    expect(dialog).to_contain_text("too old")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=re.compile("Buy .* of BTC…"))).to_be_disabled()
    expect(page.locator(".truth .bad")).to_contain_text("Prices")


def test_buys_stop_with_one_click_and_the_click_can_be_undone(served: Served, open_page: Open) -> None:
    """Above every dialog; the global switch tells the same."""
    page = open_page()
    row(page, "BTC").get_by_role("switch").click()
    expect(page.get_by_role("dialog")).to_contain_text("Turn on BTC?")
    page.get_by_role("button", name="Stop buys").click()
    expect(page.get_by_role("dialog")).to_contain_text("it waits until you resume")
    page.keyboard.press("Escape")
    assert served.engine.floor.global_switch.value == "sell_only"
    expect(page.locator(".global")).to_contain_text("sell only")
    expect(page.get_by_role("button", name="Stop buys")).to_be_disabled()
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.get_by_role("button", name="Stop buys")).to_be_enabled()
    assert served.engine.floor.global_switch.value == "on"
    page.get_by_role("button", name="Stop buys").click()
    page.get_by_role("contentinfo").get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Stop buys")).to_be_enabled()


def test_switching_off_an_open_cycle_asks_what_is_meant(served: Served, open_page: Open) -> None:
    """And says what nobody will sell then."""
    page = open_page()
    turn_on(page, "BTC")
    expect(row(page, "BTC")).to_contain_text("Buy 1 needs")
    row(page, "BTC").get_by_role("switch").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"Nobody sells these 0\.\d+ BTC"))
    dialog.locator("[data-mode-choice=off]").click()
    expect(dialog).to_have_count(0)
    expect(row(page, "BTC")).to_contain_text("Off, coins held")
    expect(row(page, "BTC")).to_have_class("hot")
    expect(row(page, "BTC").get_by_role("switch")).to_have_attribute("aria-checked", "false")
    assert served.engine.slot("BTC").state.switch.value == "off"


def test_the_ladder_is_previewed_before_it_is_applied(served: Served, open_page: Open) -> None:
    """Money first; own values are marked and can be given back; nonsense is refused at the field."""
    page = open_page()
    turn_on(page, "BTC")
    go(page, "#/coin/BTC")
    ladder = page.locator("#ladder")
    ladder.get_by_label(re.compile("^Steps")).fill("4")
    ladder.get_by_label(re.compile("First fall")).fill("2,5")
    expect(ladder).to_contain_text("was 1.5")
    expect(ladder).to_contain_text("Full ladder")
    expect(page.get_by_test_id("breakeven").locator("tbody tr")).to_have_count(10)
    ladder.get_by_role("button", name="Apply to steps 1 to 4").click()
    expect(page.get_by_test_id("breakeven").locator("tbody tr")).to_have_count(6)
    expect(ladder.get_by_role("button", name="common 8")).to_be_visible()
    assert served.engine.slot("BTC").state.params.steps == 4
    ladder.get_by_role("button", name="common 8").click()
    ladder.get_by_role("button", name=re.compile("Apply")).click()
    expect(page.get_by_test_id("breakeven").locator("tbody tr")).to_have_count(10)
    ladder.get_by_label(re.compile("First fall")).fill("1.2.3")
    expect(ladder).to_contain_text("not a number")
    ladder.get_by_label(re.compile("First fall")).fill("101")
    expect(ladder.get_by_role("status")).to_contain_text("First fall")
    expect(ladder.get_by_role("button", name=re.compile("Apply"))).to_be_disabled()


def test_a_reset_leaves_coins_that_can_be_adopted(served: Served, open_page: Open) -> None:
    """Forgotten without a sale, paused; resumed, the coin asks what to do with them."""
    page = open_page()
    turn_on(page, "ETH")
    go(page, "#/coin/ETH")
    page.get_by_role("button", name="Reset cycle…").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nobody will sell")
    dialog.get_by_role("button", name="Reset cycle…").click()
    head = page.locator(".chead")
    expect(head).to_contain_text("You reset the cycle")
    head.get_by_role("button", name="Resume").click()
    expect(head).to_contain_text("Holds coins")
    cycle = page.locator("#cycle")
    cycle.get_by_label(re.compile("What they cost")).fill("3000")
    cycle.get_by_role("button", name="Adopt at this price").click()
    dialog.get_by_role("button", name="Adopt at this price").click()
    expect(head).to_contain_text("Buy 1 needs")
    assert served.engine.state("ETH") == "ACTIVE"


def test_both_languages_say_everything(served: Served, open_page: Open) -> None:
    """The browser's language at first, the chosen one from then on; numbers follow; no key shows through."""
    page = open_page(language="ru")
    turn_on(page, "ETH")
    expect(page.get_by_role("banner")).to_contain_text("ТЕСТОВЫЙ")
    expect(row(page, "ETH")).to_contain_text("До докупки 1 нужно")
    expect(row(page, "BTC")).to_contain_text("60\u202f000,0")
    assert page.title() == "ТЕСТОВЫЙ · Монеты · mTrade"
    for place in ("#/coins", "#/coin/ETH", "#/trades", "#/orders", "#/settings", "#/system"):
        go(page, place)
        page.wait_for_timeout(500)
        no_key_shows(page)
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.get_by_role("navigation").first).to_contain_text("Settings")
    page.reload()
    expect(page.get_by_role("navigation").first).to_contain_text("Settings")
    for place in ("#/coins", "#/coin/ETH", "#/trades", "#/orders", "#/settings", "#/system"):
        go(page, place)
        page.wait_for_timeout(500)
        no_key_shows(page)
    assert page.evaluate("document.documentElement.lang") == "en"


def no_key_shows(page: Page) -> None:
    """A missing sentence would stand there as its key."""
    text = page.locator("body").inner_text()
    assert not re.search(r"\b(reason|col|table|truth|param|head|quick|cycle|mode|strip)\.[a-z_]+\b", text), text
    for wrong in ("undefined", "NaN", "[object", "null"):
        assert wrong not in text


@pytest.mark.parametrize("viewport", [PHONE, {"width": 320, "height": 640}, {"width": 900, "height": 800}, WIDE])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_screen_scrolls_sideways(served: Served, open_page: Open, viewport: Any, language: str) -> None:
    """The mode and the emergency bar stay in sight on each; on a phone what is touched is large enough."""
    page = open_page(viewport=viewport, language=language)
    turn_on(page, "ETH")
    for place in ("#/coins", "#/coin/ETH", "#/trades", "#/orders", "#/settings", "#/system"):
        go(page, place)
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
        page.evaluate("scrollTo(0, 1e6)")
        for bar in (".mode", ".emer"):
            box = page.locator(bar).bounding_box()
            assert box is not None
            assert box["y"] >= 0 and box["y"] + box["height"] <= viewport["height"] + 1, (place, bar)
    if viewport["width"] <= 720:
        for button in page.locator(".emer .btn").all():
            box = button.bounding_box()
            assert box is not None and box["height"] >= 44
            assert button.evaluate("one => one.scrollWidth <= one.clientWidth"), button.inner_text()


def test_a_lost_connection_is_told_and_mended(served: Served, open_page: Open) -> None:
    """Figures stay with their time; back again, the page catches up by itself."""
    page = open_page()
    context = page.context
    page.route("**/socket.io/**", lambda route: route.fulfill(status=503))
    served.web._web.push._drop(next(iter(served.web._web.push._clients)))
    expect(page.locator("main")).to_contain_text("Connection lost")
    expect(row(page, "BTC")).to_contain_text("60,000.0")
    page.unroute("**/socket.io/**")
    served.price("BTC", "60100")
    expect(page.locator("main")).not_to_contain_text("Connection lost")
    expect(row(page, "BTC")).to_contain_text("60,100.0")
    assert len(context.cookies()) == 1


def test_one_hand_can_do_it_all_from_the_keyboard(served: Served, open_page: Open) -> None:
    """Find a coin, switch it on, without a mouse."""
    page = open_page()
    page.keyboard.press("/")
    page.keyboard.type("sol")
    expect(page.locator("tbody tr")).to_have_count(1)
    switch = row(page, "SOL").get_by_role("switch")
    switch.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Turn on SOL")).to_be_enabled()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(row(page, "SOL")).to_contain_text("Buy 1 needs")


def test_numbers_are_spelled_and_read_exactly(served: Served, open_page: Open) -> None:
    """Rounded on their digits; both decimal marks are read; what is unknown is a dash."""
    page = open_page()

    def spelled(function: str, *values: Any) -> list[Any]:
        """What a function of the page makes of each value (or list of arguments)."""
        code = """async ([name, values]) => {
            const module = await import("/static/js/numbers.js");
            return values.map((value) => module[name](...[value].flat()));
        }"""
        return list(page.evaluate(code, [function, list(values)]))

    assert spelled("number", ["1234567.005", 2], ["-0.004", 2], ["0.1", 8]) == ["1,234,567.01", "0.00", "0.10000000"]
    assert spelled("number", [None], ["", 2], ["99.995", 2]) == ["–", "–", "100.00"]
    assert spelled("number", "123456789012345678901.125") == ["123,456,789,012,345,678,901.13"]
    assert spelled("signed", "0", "0.001", "-3.955", ["2.5", 1]) == ["0.00", "0.00", "\u22123.96", "+2.5"]
    assert spelled("signedPercent", "-2.4", [None]) == ["\u22122.40\u202f%", "–"]
    assert spelled("exact", "0.000000467", "1000.50") == ["0.000000467", "1,000.50"]
    assert spelled("parsed", "1,5", "1.5", "1 234,5", "1,234.56", "1.234,56") == [
        "1.5",
        "1.5",
        "1234.5",
        "1234.56",
        "1234.56",
    ]
    assert spelled("parsed", "1,234,567", "-1", ".5", "007", "5.") == ["1234567", "-1", "0.5", "7", "5"]
    assert spelled("parsed", "1.234.5", "", "abc", "1e5", "--1", "1,2,3") == [None] * 6


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_pictures_for_whoever_looks(served: Served, open_page: Open, tmp_path: Path, viewport: Any, theme: str) -> None:
    """Every screen drawn once; the folder of the test keeps them."""
    page = open_page(viewport=viewport, theme=theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    turn_on(page, "ETH")
    expect(row(page, "ETH")).to_contain_text("Buy 1 needs")
    for name in ("coins", "coin/ETH", "trades", "orders", "settings"):
        go(page, f"#/{name}")
        page.wait_for_timeout(500)
        picture = tmp_path / f"{name.replace('/', '-')}.png"
        page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 10_000


def test_an_engine_that_still_starts_is_told(browser: Browser, chromium: str) -> None:
    """The page is there first, says what it waits for, and names the mode; nothing on it pretends to work."""
    desk = DeskDouble()
    desk.mode = "live"
    starting = desk.overview() | {"phase": "starting", "running": False, "coins": []}
    desk.overview = lambda: dict(starting)  # type: ignore[method-assign]
    server = WebServer(desk, WebConfig())  # type: ignore[arg-type]
    server.start()
    complaints: list[str] = []
    try:
        page = browser.new_page(locale="en-US")
        watch(page, complaints)
        page.goto(server.one_time_link())
        expect(page.get_by_role("banner")).to_contain_text("LIVE")
        expect(page.locator("main")).to_contain_text("The engine is starting")
        expect(page.get_by_role("button", name="Stop buys")).to_have_count(0)
        for place in ("#/coin/BTC", "#/trades", "#/orders", "#/settings", "#/coins"):
            go(page, place)
            expect(page.locator("main")).to_contain_text("The engine is starting")
        page.close()
    finally:
        server.shutdown()
    assert complaints == []


def test_the_system_page_shows_how_the_engine_is_and_what_was_told(served: Served, open_page: Open) -> None:
    """Every part with a word; an alert with how often it came."""
    for _ in range(3):
        served.engine.floor.alert("exchange_slow", Priority.LOW, None, {"ms": "1500"})
    page = open_page()
    go(page, "#/system")
    expect(page.locator("#health")).to_contain_text("Deciding")
    expect(page.locator("#health")).to_contain_text("Journal")
    expect(page.locator("#health dd").first).not_to_be_empty()
    expect(page.locator("#alerts")).to_contain_text("The exchange answers slowly (1,500 ms)")
    expect(page.locator("#alerts")).to_contain_text("×3")


def test_the_first_run_is_led_through_three_steps_until_dismissed(served: Served, open_page: Open) -> None:
    """What is traded, what a ladder costs, what has bought; gone for good with one press."""
    page = open_page()
    steps = page.get_by_role("region", name="First steps")
    expect(steps).to_contain_text("3 coins are traded here")
    expect(steps).to_contain_text(re.compile(r"BTC buys up to 8 more times .* costs \d"))
    steps.get_by_role("link", name="Look at the ladder").click()
    expect(page.locator("main")).to_contain_text("Ladder of BTC")
    go(page, "#/coins")
    steps.get_by_role("button", name="Got it").click()
    expect(steps).to_have_count(0)
    page.reload()
    expect(row(page, "BTC")).to_contain_text("60,000.0")
    expect(steps).to_have_count(0)
