"""A real Chromium on the page, which fails a test for any console error, policy violation or foreign request."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.served import Served

FLAGS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TELL_VIOLATIONS = """addEventListener("securitypolicyviolation",
    (event) => console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`));"""
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests; each gets a profile of its own."""
    # How long something may take to be seen is no promise of these tests; a loaded machine may take a while.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The page over the real engine; nothing is switched on."""
    with Served(tmp_path / "data") as one:
        yield one


@pytest.fixture
def open_page(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Sign a fresh profile in. `language`, `viewport`, `theme`. Complaints of the page fail the test in the end."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(*, language: str = "en", viewport: Any = WIDE, theme: str = "dark") -> Page:
        locale = {"en": "en-US", "ru": "ru-RU"}[language]
        context = browser.new_context(
            viewport=viewport,
            locale=locale,
            color_scheme=theme,
            timezone_id="Europe/Berlin",  # type: ignore[arg-type]
        )
        context.set_default_timeout(60_000)
        context.add_init_script(_TELL_VIOLATIONS)
        contexts.append(context)
        page = context.new_page()
        watch(page, complaints)
        page.goto(served.web.one_time_link())
        page.wait_for_selector(".coins tbody tr")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def watch(page: Page, complaints: list[str]) -> None:
    """Write down what must not happen."""

    def requested(request: Any) -> None:
        where = urlsplit(request.url)
        if where.scheme not in ("data", "blob") and where.hostname != "127.0.0.1":
            complaints.append(f"foreign request: {request.url}")

    def answered(response: Any) -> None:
        if response.status >= 500:
            complaints.append(f"{response.status}: {response.url}")

    page.on("request", requested)
    page.on("response", answered)

    def told(line: Any) -> None:
        # The browser's own lines for a wish that was refused: until the password is shown, or as things have moved on.
        refused = re.search(r"responded with a status of (403|409)\b", line.text)
        if line.type in ("error", "warning") and not refused:
            complaints.append(line.text)

    page.on("console", told)
    page.on("pageerror", lambda error: complaints.append(str(error)))
