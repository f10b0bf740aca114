"""What the page says about the machine it runs on: whether it may fall asleep, whether alerts get through."""

import pytest
from playwright.sync_api import expect

from tests.browser.served import Served
from tests.browser.test_page import Open, no_key_shows

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("language", "sleepy", "deaf"),
    [
        ("en", "may fall asleep, and trading with it", "do not get through: webhook"),
        ("ru", "может уснуть, и торговля с ним", "не доходят: webhook"),
    ],
)
def test_a_machine_that_may_sleep_and_alerts_that_fail_are_told(
    served: Served, open_page: Open, language: str, sleepy: str, deaf: str
) -> None:
    """Bad items stand first, marked; a machine kept awake is said calmly; switched off it is not spoken of."""
    desk = served.engine.desk
    desk.awake, desk.unheard = lambda: "unavailable", lambda: ["webhook"]
    page = open_page(language=language)
    bad = page.locator(".truth .bad")
    expect(bad.filter(has_text=sleepy)).to_have_count(1)
    expect(bad.filter(has_text=deaf)).to_have_count(1)
    no_key_shows(page)
    desk.awake, desk.unheard = lambda: "held", tuple
    page.reload()
    expect(page.locator(".truth")).to_contain_text("kept awake" if language == "en" else "не засыпает")
    expect(bad.filter(has_text=deaf)).to_have_count(0)
    desk.awake = lambda: "off"
    page.reload()
    expect(page.locator(".truth")).not_to_contain_text("kept awake" if language == "en" else "не засыпает")
