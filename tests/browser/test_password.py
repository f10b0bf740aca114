"""Real money: the page asks for the password, then does what was wished; all of it with the keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.served import Served

PASSWORD = "a long made-up one"


@pytest.mark.parametrize("language", ["en", "ru"])
def test_w6_the_page_asks_for_the_password_and_then_carries_on(
    served: Served, open_page: Callable[..., Page], language: str
) -> None:
    """A first one is set; the right one lets the same wish through; a second one is quiet."""
    page = open_page(language=language)
    expect(page.locator("main h1, main table, main .box").first).to_be_visible()
    served.engine.desk.door.real_money = True
    wish = "import('/static/js/api.js').then((api) => api.command('/api/limits', { total_budget: '777' }))"
    page.evaluate(f"window.done = {wish}; null")
    dialog = page.locator("[aria-labelledby=password-title]")
    expect(dialog).to_be_visible()
    expect(page.locator("#password-typed")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert page.evaluate("window.done")["total_budget"] == "777"
    assert served.engine.desk.door.credentials.is_password(PASSWORD)
    assert page.evaluate(wish.replace("777", "778"))["total_budget"] == "778"
    expect(dialog).to_have_count(0)


def test_w6_who_closes_the_question_changes_nothing(served: Served, open_page: Callable[..., Page]) -> None:
    """Escape is no; the wish is refused and says why."""
    page = open_page()
    expect(page.locator("main h1, main table, main .box").first).to_be_visible()
    served.engine.desk.door.credentials.set_password(PASSWORD, "test")
    served.engine.desk.door.real_money = True
    page.evaluate(
        "window.done = import('/static/js/api.js').then((api) => api.command('/api/limits', { total_budget: '9' }))"
        ".catch((error) => error.code); null"
    )
    expect(page.locator("#password-typed")).to_be_focused()
    page.keyboard.type("a wrong one")
    page.keyboard.press("Enter")
    expect(page.locator("[aria-labelledby=password-title] [role=alert]")).to_be_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("window.done") == "confirm"
    assert served.engine.desk.limits()["total_budget"] == "0"
