"""How fast a price is seen when the page shows 500 coins. Aim: price → pixel p95 at most 150 ms at 5 updates a second.

The real page in Chromium over the real server, engine and paper exchange; a fifth of the coins have an open cycle.
Five times a second the price of `moved` coins changes. One coin that is in sight, another one each time, gets a price
that was not there before; the page notes when it has drawn it (the frame after the figure stands in the document), in
the clock of this machine, and that is compared with when the engine was told. `push_cpu_ms`: processor time to find out
and write what one page is told once, whoever else is busy; `browser_task_ms_per_s`: what Chromium's main thread does in
a second. `long_frames`: frames of the page beyond 50 ms, per second; `page_gz_bytes`: everything the first visit loads,
as it travels. Needs MTRADE_CHROMIUM or Playwright's own browser.
"""

import gc
import gzip
import os
import statistics
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from autotrader_v2.domain.market import Market
from benchmarks import report
from benchmarks.markets import markets, rules_of
from web.push import Push

_AIM_MS = 150.0
_PERIOD_S = 0.2
_FIRST = Decimal(100)
# Notes when each figure was drawn: two frames after the document changed the pixels are there.
_NOTE_DRAWN = """() => {
    window.drawn = {};
    window.frames = [];
    const note = (cells) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
            const at = performance.timeOrigin + performance.now();
            for (const [coin, text] of cells) (drawn[coin] ??= {})[text] ??= at;
        };
        channel.port2.postMessage(0);
    });
    new MutationObserver((changes) => {
        const cells = [];
        for (const { target } of changes) {
            const cell = (target.nodeType === 3 ? target.parentElement : target)?.closest(".c-price .tick");
            if (cell) cells.push([cell.closest("tr").dataset.coin, cell.textContent]);
        }
        if (cells.length) note(cells);
    }).observe(document.querySelector(".coins"), { subtree: true, childList: true, characterData: true });
    let before = performance.now();
    const frame = (at) => { frames.push(at - before); before = at; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
}"""
_IN_SIGHT = """() => [...document.querySelectorAll(".coins tbody tr[data-coin]")]
    .filter((row) => row.getBoundingClientRect().top > 150 && row.getBoundingClientRect().bottom < innerHeight - 80)
    .map((row) => row.dataset.coin)"""


def measure(folder: Path, short: bool) -> report.Figures:
    """With every coin's price moving, then with a tenth of them."""
    from tests.browser.served import Served

    count, seconds = (60, 3) if short else (500, 20)
    some = markets(count)
    prices = {market.base: str(_FIRST) for market in some}
    figures: report.Figures = {"aim_ms": _AIM_MS, "coins": count, "page_gz_bytes": _weight()}
    with Served(folder / "data", rules=rules_of(some), prices=prices, money=1_000_000, repeat_s=1.0) as served:
        for market in some[::5]:
            served.engine.desk.switch(market.base, "on", "benchmark")
        served.engine.until("a fifth bought", lambda: _open(served) == len(some[::5]))
        gc.freeze()  # as `serve` does when it has started
        moving = (0, count // 10, count)
        figures["push_cpu_ms"] = {f"{moved} moved": _push_cpu_ms(served, some[:moved]) for moved in moving}
        with _page(served) as page:
            for name, moved in (("all", count), ("tenth", count // 10)):
                figures[name] = _walk(served, page, moved, seconds)
    return figures


def _walk(served: Any, page: Any, moved: int, seconds: int) -> report.Figures:
    page.evaluate(_NOTE_DRAWN)
    in_sight = page.evaluate(_IN_SIGHT)
    names = list(served.engine.desk.overview()["coins"])
    others = [coin["currency"] for coin in names]
    told: dict[tuple[str, str], float] = {}
    chromium = page.context.new_cdp_session(page)
    chromium.send("Performance.enable")
    busy_s, cpu_s, began_s = _busy_s(chromium), time.process_time(), time.monotonic()
    for turn in range(int(seconds / _PERIOD_S)):
        seen = in_sight[turn % len(in_sight)]
        # Up and down within what no ladder acts on.
        price = _FIRST + Decimal(turn % 90) / 100 + Decimal("0.05")
        first = (turn * moved) % len(others)
        for name in [seen, *(others + others)[first : first + moved - 1]]:
            if name == seen:
                told[seen, f"{price}"] = time.time() * 1000
                served.price(seen, price)
                served.engine.price(seen, price)
            else:
                served.engine.price(name, price)
        time.sleep(max(0.0, began_s + (turn + 1) * _PERIOD_S - time.monotonic()))
    took_s = time.monotonic() - began_s
    cpu_share, busy_s = (time.process_time() - cpu_s) / took_s, _busy_s(chromium) - busy_s
    time.sleep(1.5)
    drawn, frames = page.evaluate("[window.drawn, window.frames]")
    took = sorted(drawn[coin][text] - at_ms for (coin, text), at_ms in told.items() if text in drawn.get(coin, {}))
    return {
        "moved_per_update": moved,
        "updates": len(told),
        "seen": len(took),
        "price_to_pixel_ms_p50": round(statistics.median(took), 1) if took else None,
        "price_to_pixel_ms_p95": round(took[int(len(took) * 0.95)], 1) if took else None,
        "price_to_pixel_ms_max": round(took[-1], 1) if took else None,
        "frames_per_s": round(len(frames) / (sum(frames) / 1000), 1),
        "long_frames_per_s": round(sum(frame > 50 for frame in frames) / (sum(frames) / 1000), 2),
        "longest_frame_ms": round(max(frames), 1),
        "engine_and_server_cores": round(cpu_share, 2),
        "browser_task_ms_per_s": round(busy_s / took_s * 1000),
    }


def _busy_s(chromium: Any) -> float:
    """How long the page's main thread has worked."""
    metrics = chromium.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


class _page:
    """The page in Chromium, signed in, at its list of coins."""

    def __init__(self, served: Any) -> None:
        self._served = served

    def __enter__(self) -> Any:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        flags = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
        self._browser = self._playwright.chromium.launch(
            executable_path=os.environ.get("MTRADE_CHROMIUM") or None, args=flags
        )
        page = self._browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-US")
        page.goto(self._served.web.one_time_link())
        page.wait_for_selector(".coins tbody tr[data-coin]")
        page.get_by_role("button", name="Got it").click()
        page.wait_for_timeout(1000)
        return page

    def __exit__(self, *_error: object) -> None:
        self._browser.close()
        self._playwright.stop()


def _open(served: Any) -> int:
    return sum(coin["state"] == "ACTIVE" for coin in served.engine.desk.overview()["coins"])


def _push_cpu_ms(served: Any, moving: Sequence[Market]) -> float:
    push = Push(
        served.engine.desk,
        send=lambda event, told, _sid: told_bytes.append(len(msgspec.json.encode([event, told]))),
        drop=lambda _sid: None,
        alive=lambda _session: True,
    )
    told_bytes: list[int] = []
    push.join("sid", "session")
    push._tell()
    took_s = []
    for turn in range(20):
        for market in moving:
            served.engine.price(market.base, _FIRST + Decimal(turn) / 100)
        # The markets decide first.
        time.sleep(0.1)
        began_s = time.thread_time()
        push._tell()
        took_s.append(time.thread_time() - began_s)
    push.leave("sid")
    return round(statistics.median(took_s) * 1000, 1)


def _weight() -> int:
    """All that a first visit loads, compressed; of the catalogues the larger one."""
    static = Path(__file__).parents[1] / "web" / "static"
    # The Lab behind its door is fetched when somebody opens it.
    files = [one for one in static.glob("js/*.js") if one.name == "lab_door.js" or not one.name.startswith("lab_")]
    files += [*static.glob("css/*.css"), *static.glob("vendor/**/*.js")]
    files += [*static.glob("vendor/**/*.css"), static / "i18n" / "ru.json"]
    return sum(len(gzip.compress(one.read_bytes())) for one in files)


if __name__ == "__main__":
    sys.exit(report.main("page_load", measure))
