"""The Lab's code and words are fetched when it is opened: what the page says when they do not come."""

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.conftest import watch
from tests.browser.screens import go
from tests.browser.served import Served

pytestmark = pytest.mark.browser


def cut(route: Route) -> None:
    """The connection is gone."""
    route.abort()


def refused(route: Route) -> None:
    """An answer that is JSON, and not what was asked for."""
    route.fulfill(status=503, json={"success": False, "error": {"code": "busy", "message": "Try again."}})


@pytest.mark.parametrize(
    ("language", "title", "again", "file", "fails"),
    [
        ("en-US", "The Lab could not be loaded", "Try again", "js/lab_page.js", cut),
        ("en-US", "The Lab could not be loaded", "Try again", "js/lab_result.js", refused),
        ("ru-RU", "Лабораторию не удалось загрузить", "Повторить", "i18n/lab.ru.json", refused),
    ],
)
def test_a_lab_that_cannot_be_fetched_says_so_and_opens_when_it_is_tried_again(
    browser: Browser, served: Served, language: str, title: str, again: str, file: str, fails: object
) -> None:
    """Its code, what that imports, or its words; it is tried again as often as wanted."""
    complaints: list[str] = []
    context = browser.new_context(locale=language)
    context.set_default_timeout(60_000)
    page = context.new_page()
    watch(page, complaints)
    page.goto(served.web.one_time_link())
    page.wait_for_selector(".coins tbody tr")
    page.route(f"**/static/{file}", fails)  # type: ignore[arg-type]
    go(page, "#/lab")
    told = page.locator("main").get_by_role("alert")
    expect(told).to_contain_text(title)
    told.get_by_role("button", name=again).click()
    expect(told).to_contain_text(title)
    page.unroute(f"**/static/{file}")
    told.get_by_role("button", name=again).click()
    page.locator("#lab-form").wait_for()
    expect(told).to_have_count(0)
    context.close()
    # The browser's own lines of what did not come, and what this test let the server answer.
    assert [one for one in complaints if "Failed to load" not in one and not one.startswith("503: ")] == []
