"""Price received -> order on the wire while the page's server is flooded by another process that may not even sign in.

`quiet`: the same without a flood. `refused`: 64 connections that ask without pause and are refused. `new`: a connection
for each such request. `dribble`: requests that come byte by byte. `deaf`: answers that nobody reads. `page`: how long
the owner's own page waited for an answer meanwhile. Aim (row W10): p99 at most 5 ms more than without a flood.
"""

import http.client
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.children import Child
from benchmarks.live import Live, live
from web.config import WebConfig
from web.server import WebServer

_FLOODS = ("refused", "new", "dribble", "deaf")
_MARKETS = 20
_REST_S = 0.05
_PAGE_EVERY_S = 0.25


def measure(folder: Path, short: bool) -> report.Figures:
    """Orders one at a time; first in quiet, then beside each kind of flood."""
    for_s = 0.8 if short else 12.0
    figures: report.Figures = {"aim_p99_more_us": 5000}
    with live(folder, _MARKETS) as engine:
        web = WebServer(engine.engine.desk, WebConfig())
        answered = _Counted(web)
        web.start()
        try:
            orders(engine, 0.5)
            quiet = report.spread(orders(engine, for_s))
            figures["quiet"] = quiet
            for kind in _FLOODS:
                with Child("flood_process", str(web.port), kind), _page(web.port) as waits_ns:
                    before, began_s = answered.count, time.monotonic()
                    found = report.spread(orders(engine, for_s))
                    per_s = round((answered.count - before) / (time.monotonic() - began_s))
                more = round(found["p99_us"] - quiet["p99_us"], 1)
                figures[kind] = {**found, "p99_more_us": more, "requests_per_s": per_s, "page": report.spread(waits_ns)}
        finally:
            web.shutdown()
    return figures


class _Counted:
    """How many requests reached the app."""

    def __init__(self, web: WebServer) -> None:
        self.count = 0
        self._app = web._http.app
        web._http.app = self

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.count += 1
        return self._app(environ, start_response)


@contextmanager
def _page(port: int) -> Iterator[list[float]]:
    """The owner asks now and then; how long each answer took. What was cut off is asked again, as a browser does."""
    waits_ns: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(_PAGE_EVERY_S):
            began_ns = time.perf_counter_ns()
            while not done.is_set():
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                try:
                    connection.request("GET", "/")
                    connection.getresponse().read()
                except (OSError, http.client.HTTPException):
                    continue
                finally:
                    connection.close()
                waits_ns.append(time.perf_counter_ns() - began_ns)
                break

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield waits_ns
    finally:
        done.set()
        thread.join(15)


def orders(engine: Live, for_s: float) -> list[float]:
    """Nanoseconds from price to wire, of one order after the other."""
    ways: list[float] = []
    ends_s = time.monotonic() + for_s
    while time.monotonic() < ends_s:
        for market in engine.markets:
            engine.breathe(_REST_S, 0)
            while not engine.ready(market):
                engine.breathe(_REST_S / 10, 0)
            ways.append(engine.trigger(market, 0).on_wire)
            if time.monotonic() > ends_s:
                break
    return ways


if __name__ == "__main__":
    sys.exit(report.main("flood", measure))
