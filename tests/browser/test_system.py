"""The System screen: log lines live and filtered, backups made by hand, versions, limits of our own."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.browser.served import Served
from tests.browser.test_page import go, turn_on

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def test_log_lines_come_by_themselves_and_are_filtered_by_coin_and_level(served: Served, open_page: Open) -> None:
    """A coin's line carries its name; markup in a line is text."""
    page = open_page()
    turn_on(page, "ETH")
    go(page, "#/system")
    lines = page.locator("#logs .lines")
    expect(lines).to_contain_text("buy filled")
    structlog.get_logger().error("<img src=x onerror=alert(1)>", what="<b>bold</b>")
    expect(lines).to_contain_text("<img src=x onerror=alert(1)>")
    page.get_by_label("From which level").select_option("error")
    expect(lines).not_to_contain_text("buy filled")
    expect(lines).to_contain_text("what=<b>bold</b>")
    page.get_by_label("From which level").select_option("info")
    page.get_by_label("Coin", exact=True).select_option("ETH")
    expect(lines).to_contain_text("buy filled")
    expect(lines).not_to_contain_text("onerror")


def test_a_backup_is_made_on_demand_and_the_program_tells_its_versions(served: Served, open_page: Open) -> None:
    """On a phone in Russian too."""
    page = open_page(language="ru", viewport=PHONE)
    go(page, "#/system")
    card = page.locator("#backups")
    expect(card).to_contain_text("Пока нет")
    card.get_by_role("button", name="Сделать копию").click()
    expect(card).to_contain_text("новейшей")
    expect(card).to_contain_text("MB")
    expect(page.locator("#program")).to_contain_text("SQLite")
    expect(page.locator("#feed")).to_contain_text("Последнее сообщение")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_paper_account_is_begun_anew_after_a_second_press(served: Served, open_page: Open) -> None:
    """The first press only says what it means; the careful button has the focus."""
    desk = served.engine.desk
    desk._binding = replace(desk._binding, mode="paper")
    page = open_page()
    turn_on(page, "ETH")
    served.engine.until("a start buy", lambda: served.engine.state("ETH") == "ACTIVE")
    served.engine.desk.switch("ETH", "off", "test")
    go(page, "#/system")
    card = page.locator("#paper")
    expect(card).to_contain_text("begins with 10,000.00 USDT")
    card.get_by_role("button", name="Begin anew…").click()
    expect(card).to_contain_text("Open cycles are forgotten")
    expect(card.get_by_role("button", name="Cancel")).to_be_focused()
    assert served.engine.state("ETH") == "ACTIVE"
    card.get_by_role("button", name="Begin anew").click()
    expect(page.get_by_role("status")).to_contain_text("holds 10,000.00 USDT again")
    assert served.engine.state("ETH") == "IDLE"
    assert served.paper.books() == {"USDT": 10_000}
