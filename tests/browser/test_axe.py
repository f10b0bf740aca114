"""Every screen and dialog, in both languages and themes, wide and on a phone, has nothing serious that axe can find."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import PHONE, WIDE
from tests.browser.screens import SCREENS, a_life
from tests.browser.served import Served

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text("utf-8")
# Only what is wrong is told, and what it is wrong with: enough to mend it.
# Without reading style sheets first: it would write them into the page, which the policy refuses.
_ASK = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"], preload: false });
    return found.violations
        .filter((one) => ["serious", "critical"].includes(one.impact))
        .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} | ${node.failureSummary}`));
}"""
_SETTLED = """() => Promise.all(document.getAnimations()
    .filter((one) => one.effect.getTiming().iterations !== Infinity)
    .map((one) => one.finished.catch(() => null)))
    .then(() => null)"""


def faults(page: Page) -> list[str]:
    """What axe calls serious or critical. It is put in from outside: the page's own policy stays on."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE)
    # A colour on its way to another is not one that stays to be read.
    page.evaluate(_SETTLED)
    return list(page.evaluate(_ASK))


@pytest.mark.parametrize(
    ("language", "theme", "viewport"), [("en", "dark", WIDE), ("ru", "light", PHONE)], ids=["wide", "phone"]
)
def test_no_screen_has_a_serious_fault(
    served: Served, open_page: Callable[..., Page], language: str, theme: str, viewport: Any
) -> None:
    """One browser walks them all; what is found is told by screen."""
    page = open_page(language=language, theme=theme, viewport=viewport)
    first = {"first-run": faults(page)}
    a_life(served)
    found = first | {name: (opened(page), faults(page))[1] for name, opened in SCREENS.items()}
    assert {name: told for name, told in found.items() if told} == {}


def test_neither_has_the_door(served: Served, browser: Any) -> None:
    """The page that nobody has signed in to, and the one for scripts' authors."""
    for theme in ("dark", "light"):
        page = browser.new_page(color_scheme=theme, viewport=PHONE)
        page.goto(served.web.url)
        assert faults(page) == []
        page.close()
