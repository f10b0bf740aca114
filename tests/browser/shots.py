"""Pictures of every screen: `python -m tests.browser.shots FOLDER`, in both languages and themes, wide and on a phone.

Needs Chromium: its path in MTRADE_CHROMIUM, or Playwright's own. `--only coins,coin` draws these screens only.
"""

import argparse
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
_LOCALES = {"en": "en-US", "ru": "ru-RU"}
_PATIENCE_MS = 20_000
# What moves when a screen appears has come to rest.
_REST_MS = 400


def main() -> int:
    """Draw them all; the files are named SCREEN-LANGUAGE-THEME-WIDTH.png."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.shots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default=",".join(SCREENS))
    parser.add_argument("--looks", default="", help="of the looks (such as ru-light-390) those that contain this")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data,
        Served(Path(data) / "data") as served,
        sync_playwright() as playwright,
    ):
        a_life(served)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("MTRADE_CHROMIUM") or None, args=list(FLAGS)
        )
        for language, theme, width in product(_LOCALES, ("dark", "light"), _WIDTHS):
            look = f"{language}-{theme}-{width}"
            if options.looks not in look:
                continue
            context = browser.new_context(
                viewport=_WIDTHS[width],  # type: ignore[arg-type]
                locale=_LOCALES[language],
                color_scheme=theme,  # type: ignore[arg-type]
                reduced_motion="reduce",
            )
            context.set_default_timeout(_PATIENCE_MS)
            page = context.new_page()
            page.goto(served.web.one_time_link())
            page.wait_for_selector(".coins tbody tr")
            for name in options.only.split(","):
                SCREENS[name](page)
                page.wait_for_timeout(_REST_MS)
                page.screenshot(path=options.folder / f"{name}-{look}.png", full_page=not name.startswith("dialog"))
            context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
