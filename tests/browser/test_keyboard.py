"""The ten main tasks with the keyboard alone: what is used is reached with Tab, and is seen to have the focus."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.screens import a_life
from tests.browser.served import Served
from tests.browser.test_page import row

pytestmark = pytest.mark.browser

_TABS_MAX = 160
# Of what has the focus: whether anything of its look says so.
_SEEN = """(one) => {
    const look = getComputedStyle(one);
    return (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0) || look.boxShadow !== "none";
}"""


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab until it is there; it must look like it."""
    expect(wanted).to_be_enabled()
    for _ in range(_TABS_MAX):
        if wanted.evaluate("(one) => one === document.activeElement"):
            assert wanted.evaluate(_SEEN), f"nobody sees that {wanted} has the focus"
            return
        page.keyboard.press(key)
    raise AssertionError(f"Tab never reaches {wanted}")


def press(page: Page, wanted: Locator) -> None:
    """Reach it and press it."""
    tab_to(page, wanted)
    page.keyboard.press("Enter")


# Some thousand round trips to the browser: a minute, and five beside three others on a crowded machine.
@pytest.mark.timeout(900)
def test_the_ten_main_tasks_with_the_keyboard_alone(served: Served, open_page: Callable[..., Page]) -> None:
    """From finding a coin to selling everything: no mouse, no focus set by the test."""
    page = open_page()
    dialog = page.get_by_role("dialog")
    # 1. Find a coin. 2. Read why nothing happens there.
    page.keyboard.press("/")
    page.keyboard.type("sol")
    expect(page.locator("tr[data-coin]")).to_have_count(1)
    expect(row(page, "SOL")).to_contain_text("Nothing is bought")
    # 3. Switch it on through the card; Cancel has the focus first.
    press(page, row(page, "SOL").get_by_role("switch"))
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    press(page, dialog.get_by_role("button", name="Turn on SOL"))
    expect(dialog).to_have_count(0)
    expect(row(page, "SOL")).to_contain_text("Buy 1 needs")
    press(page, row(page, "SOL").get_by_role("link", name="SOL"))
    expect(page.locator(".chead h1")).to_contain_text("SOL")
    # 4. Change a parameter, see what it means, apply.
    tab_to(page, page.get_by_label(re.compile("^Steps")))
    page.keyboard.press("Control+a")
    page.keyboard.type("4")
    expect(page.locator("#ladder")).to_contain_text("Before you apply")
    press(page, page.locator("#ladder").get_by_role("button", name=re.compile("^Apply")))
    served.engine.until("applied", lambda: served.engine.slot("SOL").state.params.steps == 4)
    # 5. Quick buy with its preview.
    tab_to(page, page.locator("#quick-amount"), "Shift+Tab")
    page.keyboard.type("12,5")
    press(page, page.get_by_role("button", name="Buy 12.50 USDT of SOL…"))
    expect(dialog).to_contain_text("Breakeven")
    press(page, dialog.get_by_role("button", name="Buy 12.50 USDT of SOL"))
    expect(dialog).to_contain_text("Filled")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    # 6. Sell at breakeven.
    press(page, page.get_by_role("button", name="Sell at breakeven…"))
    press(page, dialog.get_by_role("button", name="Sell at breakeven", exact=True))
    expect(page.locator("#cycle")).to_contain_text("Sells at breakeven.")
    # 7. Stop buys and let them go on.
    press(page, page.get_by_role("button", name="Stop buys"))
    expect(page.get_by_role("button", name="Stop buys")).to_be_disabled()
    press(page, page.get_by_role("contentinfo").get_by_role("button", name="Resume"))
    expect(page.get_by_role("button", name="Stop buys")).to_be_enabled()
    # 8. Adopt coins that lie outside.
    served.engine.desk.reset_cycle("SOL", "test")
    served.engine.desk.resume_cycle("SOL", "test")
    tab_to(page, page.get_by_label(re.compile("What they cost")))
    page.keyboard.type("150")
    press(page, page.get_by_role("button", name="Adopt at this price"))
    press(page, dialog.get_by_role("button", name="Adopt at this price"))
    served.engine.until("adopted", lambda: served.engine.state("SOL") == "ACTIVE")
    expect(dialog).to_have_count(0)
    # 9. Sell all, with the words typed.
    press(page, page.get_by_role("button", name="Sell all…"))
    tab_to(page, dialog.get_by_label("Type SELL ALL"))
    page.keyboard.type("SELL ALL")
    expect(dialog.get_by_role("button", name="Sell all now")).to_be_enabled()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("Sold 1 of 1")
    page.keyboard.press("Escape")
    # It gives the focus back as it goes: a key pressed before that would press something else.
    expect(dialog).to_have_count(0)
    # 10. Filter the trades and take them along.
    press(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Trades"))
    rows = page.get_by_test_id("trades").locator("tbody tr")
    expect(rows).to_have_count(3)
    tab_to(page, page.get_by_label("Side"))
    page.keyboard.press("s")
    expect(rows).to_have_count(1)
    with page.expect_download() as downloading:
        press(page, page.get_by_role("link", name="Export CSV"))
    assert downloading.value.suggested_filename.endswith(".csv")


def test_the_focus_stays_where_it_is_while_coins_trade(served: Served, open_page: Callable[..., Page]) -> None:
    """What is drawn anew keeps its elements: a link made anew on its way would have lost the focus."""
    page = open_page()
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Trades")
    tab_to(page, link)
    a_life(served)
    expect(row(page, "SOL")).to_contain_text("144.56")
    expect(link).to_be_focused()


def test_the_dialog_keeps_the_focus_and_gives_it_back(served: Served, open_page: Callable[..., Page]) -> None:
    """Tab goes round between the dialog and the bars above it; Escape returns to the button that opened it."""
    page = open_page()
    a_life(served)
    switch = row(page, "BTC").get_by_role("switch")
    press(page, switch)
    expect(page.get_by_role("button", name="Turn on BTC")).to_be_enabled()
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('main, .truth')")
    page.keyboard.press("Escape")
    expect(switch).to_be_focused()
