"""Tokens and the password under Settings: made, shown once, revoked; set and changed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.browser.served import Served
from tests.browser.test_page import go

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
PASSWORD, ANOTHER = "a long made-up one", "another made-up one"


def test_a_token_is_made_with_the_keyboard_shown_once_and_revoked(served: Served, open_page: Open) -> None:
    """What is shown is the token; after a reload nobody sees it again. Revoking asks, and no is the first answer."""
    credentials = served.engine.desk.door.credentials
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    go(page, "#/settings")
    card = page.locator("#tokens")
    expect(card).to_contain_text("There is no token.")
    card.get_by_label("Name").focus()
    page.keyboard.type("night job")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(card).to_contain_text("Also buys, sells and switches")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    secret = card.get_by_label("The new token").input_value()
    assert credentials.check(secret) == ("night job", "trade")
    card.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.reload()
    expect(card).to_contain_text("night job")
    expect(card).to_contain_text("last used")
    expect(card.get_by_label("The new token")).to_have_count(0)
    assert secret not in page.content()
    revoke = card.get_by_role("button", name="Revoke night job")
    revoke.click()
    expect(card.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card.get_by_role("button", name="Cancel")).to_have_count(0)
    assert [one["name"] for one in credentials.listed()] == ["night job"]
    revoke.click()
    card.get_by_role("group").get_by_role("button", name="Revoke").click()
    expect(card).to_contain_text("There is no token.")
    assert credentials.check(secret) is None


def test_w6_with_real_money_a_token_is_made_after_the_password_was_shown(served: Served, open_page: Open) -> None:
    door = served.engine.desk.door
    door.credentials.create("mine", "read", "test")
    page = open_page()
    go(page, "#/settings")
    card = page.locator("#tokens")
    door.credentials.set_password(PASSWORD, "test")
    door.real_money = True
    card.get_by_label("Name").fill("other")
    card.get_by_role("button", name="Create token").click()
    expect(page.locator("#password-typed")).to_be_focused()
    assert len(door.credentials.listed()) == 1
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(card.get_by_label("The new token")).to_be_visible()
    assert len(door.credentials.listed()) == 2


@pytest.mark.parametrize("language", ["en", "ru"])
def test_w6_the_password_is_set_and_changed_on_a_phone(served: Served, open_page: Open, language: str) -> None:
    """Typed twice the same, ten characters; a change needs the one before; nothing typed stays."""
    credentials = served.engine.desk.door.credentials
    page = open_page(language=language, viewport=PHONE)
    go(page, "#/settings")
    card = page.locator("section#password")
    button = card.get_by_role("button")
    expect(button).to_be_disabled()
    page.locator("#password-password").fill("short")
    page.locator("#password-repeat").fill("short")
    expect(button).to_be_disabled()
    page.locator("#password-password").fill(PASSWORD)
    page.locator("#password-repeat").fill(PASSWORD[:-1])
    expect(page.locator("#password-wrong")).not_to_be_empty()
    expect(button).to_be_disabled()
    page.locator("#password-repeat").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#password-current")).to_be_visible()
    assert credentials.is_password(PASSWORD)
    for name in ("current", "password", "repeat"):
        expect(page.locator(f"#password-{name}")).to_have_value("")
    page.locator("#password-current").fill("a wrong one at all")
    page.locator("#password-password").fill(ANOTHER)
    page.locator("#password-repeat").fill(ANOTHER)
    button.click()
    expect(card.get_by_role("alert")).to_be_visible()
    assert credentials.is_password(PASSWORD)
    page.locator("#password-current").fill(PASSWORD)
    button.click()
    expect(card.get_by_role("alert")).to_have_count(0)
    expect(page.locator("#password-current")).to_have_value("")
    assert credentials.is_password(ANOTHER)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
