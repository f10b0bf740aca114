"""Settings of the program and limits of all coins together, changed on the page."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from autotrader_v2.app.values import ENV_FILE_NAME
from tests.browser.conftest import PHONE
from tests.browser.served import Served
from tests.browser.test_page import go

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "page.env"
    monkeypatch.setenv(ENV_FILE_NAME, str(path))
    return path


def test_a_setting_is_written_for_the_next_start_and_a_bad_one_says_why(
    file: Path, served: Served, open_page: Open
) -> None:
    """A secret is typed once and never shown again."""
    page = open_page()
    go(page, "#/settings")
    card = page.locator("#start-settings")
    card.get_by_label("LOG_LEVEL").select_option("WARNING")
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("LOG_LEVEL is written")
    expect(card).to_contain_text("1 change waits for the next start")
    assert "LOG_LEVEL=WARNING" in file.read_text("utf-8")
    secret = card.get_by_label("NOTIFY_WEBHOOK_SECRET")
    secret.fill("made-up-secret-0002")
    secret.press("Enter")
    expect(card).to_contain_text("2 changes wait")
    expect(secret).to_have_value("")
    assert "made-up-secret-0002" in file.read_text("utf-8")
    assert "made-up-secret-0002" not in page.content()


def test_the_money_of_all_coins_is_limited_on_a_phone_in_russian(served: Served, open_page: Open) -> None:
    """Both decimal marks are read, and what was read is said."""
    page = open_page(language="ru", viewport=PHONE)
    go(page, "#/settings")
    card = page.locator("#money-limits")
    card.get_by_label("Денег во всех позициях не больше").fill("1500,50")
    expect(card).to_contain_text("1 500,50 USDT".replace(" ", "\u00a0", 1))
    card.get_by_role("button", name="Применить").click()
    expect(page.get_by_role("status")).to_contain_text("Пределы для всех монет вместе заданы")
    assert served.engine.desk.limits() == {"total_budget": "1500.5", "max_active_cycles": 0}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
