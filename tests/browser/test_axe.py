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
    .filter((one) => one.playState === "running" && one.effect.getTiming().iterations !== Infinity)
    .map((one) => one.finished.catch(() => null)))
    .then(() => null)"""


def faults(page: Page) -> list[str]:
    """What axe calls serious or critical. It is put in from outside: the page's own policy stays on."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE)
    # A colour on its way to another is not one that stays to be read.
    page.evaluate(_SETTLED)
    return list(page.evaluate(_ASK))


def in_both_themes(page: Page) -> list[str]:
    """The same screen dark and light: as its button does it, without leaving what is open."""
    found = []
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        found += [f"{theme}: {told}" for told in faults(page)]
    return found


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_screen_has_a_serious_fault(
    served: Served, open_page: Callable[..., Page], language: str, viewport: Any
) -> None:
    """One browser walks them all; what is found is told by screen."""
    page = open_page(language=language, viewport=viewport)
    # Colours that fade into each other would have to be waited for at every change of the theme.
    page.emulate_media(reduced_motion="reduce")
    first = {"first-run": in_both_themes(page)}
    a_life(served)
    found = first | {name: (opened(page), in_both_themes(page))[1] for name, opened in SCREENS.items()}
    assert {name: told for name, told in found.items() if told} == {}


def test_neither_has_the_door(served: Served, browser: Any) -> None:
    """The page that nobody has signed in to, and the one for scripts' authors."""
    for theme in ("dark", "light"):
        page = browser.new_page(color_scheme=theme, viewport=PHONE)
        page.goto(served.web.url)
        assert faults(page) == []
        page.close()
