"""Whether the vendored part of Pico looks as the whole: `python -m tests.browser.pico_compared FULL.css`.

FULL.css is what `sass` makes, before `tests.pico_used` (see `vendor.lock.json`). On every screen, wide and on a phone,
dark and light, the style of every element is worked out twice: as it is, and with the whole sheet laid over its layer.
What differs is printed. Needs Chromium: its path in MTRADE_CHROMIUM, or Playwright's own.
"""

import os
import sys
import tempfile
from itertools import product
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS, PHONE, WIDE
from tests.browser.screens import SCREENS, a_life
from tests.browser.served import Served

_WIDTHS = {"1440": WIDE, "390": PHONE}
# Without effect: the width of an outline that is not drawn, and transitions of a property that no browser has.
_DIFFERENT = """(full) => {
    const whole = new CSSStyleSheet();
    whole.replaceSync(`@layer pico { ${full} }`);
    const idle = (name, style) =>
        name.startsWith("transition") || (name === "outline-width" && style.outlineStyle === "none");
    const of = (element, part) => {
        const style = getComputedStyle(element, part);
        return part && style.content === "none" ? [] : [...style]
            .filter((name) => !name.startsWith("--") && !idle(name, style))
            .map((name) => [`${part ?? ""} ${name}`, style.getPropertyValue(name)]);
    };
    const look = () => [...document.querySelectorAll("body, body *")].map((element) =>
        [element, new Map([null, "::before", "::after"].flatMap((part) => of(element, part)))]);
    document.getAnimations().forEach((one) => one.cancel());
    const before = look();
    document.adoptedStyleSheets = [whole];
    const after = look();
    document.adoptedStyleSheets = [];
    return before.flatMap(([element, old], at) => [...after[at][1]]
        .filter(([name, value]) => old.get(name) !== value)
        .map(([name, value]) => `${element.localName} ${element.getAttribute("class") ?? ""}` +
            `${name}: ${old.get(name)}, whole ${value}`));
}"""


def main() -> int:
    """1 when something differs."""
    full = Path(sys.argv[1]).read_text("utf-8-sig").removeprefix('@charset "UTF-8";')
    found: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data,
        Served(Path(data) / "data") as served,
        sync_playwright() as playwright,
    ):
        a_life(served)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("MTRADE_CHROMIUM") or None, args=list(FLAGS)
        )
        for theme, width in product(("dark", "light"), _WIDTHS):
            context = browser.new_context(
                viewport=_WIDTHS[width],  # type: ignore[arg-type]
                locale="en-US",
                color_scheme=theme,  # type: ignore[arg-type]
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(served.web.one_time_link())
            page.wait_for_selector(".coins tbody tr")
            for name, opened in SCREENS.items():
                opened(page)
                for one in page.evaluate(_DIFFERENT, full):
                    found.setdefault(one, f"{name}, {theme}, {width}")
            context.close()
        browser.close()
    for one, where in found.items():
        print(f"{one}  ({where})")
    print(f"{len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
