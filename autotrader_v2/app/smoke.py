"""`mTrade.py smoke`: the whole chain on paper, as a person and a script meet it, in about five seconds.

It starts a real `serve` in a process and a data folder of its own, on made-up prices, talks to it over HTTP, and stops
it the way `restart` does. No key, no network, nothing left behind.
"""

import http.client
import json
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from autotrader_v2.app import settings
from autotrader_v2.app.restart import CannotStop, Stopped, stop_running
from autotrader_v2.app.values import ROOT

_START_LIMIT_S = 60.0
_STEP_LIMIT_S = 20.0
_POLL_S = 0.05
_LOG_SHOWN = 3000
# A machine that is busy makes prices old and readings late; whoever presses then presses again.
_NOT_NOW = (http.HTTPStatus.CONFLICT, http.HTTPStatus.SERVICE_UNAVAILABLE)
_BY_ITSELF, _BY_HAND = "ETH", "BTC"

T = TypeVar("T")


class SmokeFailed(Exception):
    """A link of the chain does not hold. The message says which and what it said."""


class NotNow(SmokeFailed):
    """Refused for a moment: nothing was done, and it may be asked again."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The API of the running one, as a script sees it."""

    host: str
    port: int
    token: str

    def get(self, path: str) -> dict[str, Any]:
        """Ask. Errors: `SmokeFailed`."""
        return self._call("GET", path, None)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Command. Errors: `SmokeFailed`."""
        return self._call("POST", path, body)

    def cycle(self, currency: str) -> dict[str, Any]:
        """The cycle of a currency."""
        cycle: dict[str, Any] = self.get(f"/api/autotrader/stats?currency={currency}")["cycles"][currency]
        return cycle

    def _call(self, method: str, path: str, body: dict[str, object] | None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_STEP_LIMIT_S)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if body is not None:
            headers["Idempotency-Key"] = secrets.token_hex(8)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SmokeFailed(f"{method} {path} got no answer to read: {error}") from error
        finally:
            connection.close()
        if response.status in _NOT_NOW:
            raise NotNow(f"{method} {path} answered {response.status}: {answer}")
        if response.status >= http.HTTPStatus.BAD_REQUEST or not isinstance(answer, dict) or not answer.get("success"):
            raise SmokeFailed(f"{method} {path} answered {response.status}: {answer}")
        return answer


def run_smoke() -> int:
    """Try every link, a line each. Return 0 when all hold."""
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="mtrade-smoke-", ignore_cleanup_errors=True) as folder:
            _chain(Path(folder) / "data")
    except SmokeFailed as error:
        print(f"FAILED: {error}")
        return 1
    print(f"The whole chain holds ({time.monotonic() - started:.1f} s).")
    return 0


def _chain(data_dir: Path) -> None:
    token = secrets.token_urlsafe(24)
    command = [sys.executable, str(ROOT / "mTrade.py"), "serve", "--no-browser", "--port", "0"]
    command += ["--mode", "paper", "--feed", "synthetic", "--data-dir", str(data_dir)]
    environment = settings.environment_with(
        MTRADE_ENV_FILE="",
        NOTIFY_OS="off",
        API_TOKEN=token,
        AVAILABLE_SYMBOLS=f"{_BY_HAND},{_BY_ITSELF}",
        ACTIVE_SYMBOLS=_BY_ITSELF,
    )
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, encoding="utf-8")
        try:
            desk = _link("started", lambda: _ready(process, token))
            _try_links(desk, data_dir)
            if process.wait(_STEP_LIMIT_S):
                raise SmokeFailed(f"it stopped with exit code {process.returncode}")
        except (SmokeFailed, CannotStop, KeyError, subprocess.TimeoutExpired) as error:
            process.kill()
            process.wait()
            log.seek(0)
            what = f"an answer lacks {error}" if isinstance(error, KeyError) else str(error)
            raise SmokeFailed(f"{what}\nThe end of its log:\n{log.read()[-_LOG_SHOWN:]}") from error
        finally:
            process.kill()
            process.communicate()


def _try_links(desk: Desk, data_dir: Path) -> None:
    def state_is(currency: str, state: str) -> Callable[[], bool]:
        return lambda: bool(desk.cycle(currency)["state"] == state)

    stats = _link("answers", lambda: desk.get("/api/autotrader/stats"))
    if (stats["version"], stats["mode"]) != ("v2", "paper"):
        raise SmokeFailed(f"it is version {stats['version']} in mode {stats['mode']}, not v2 in paper")
    _link("has prices", lambda: _until("a price", lambda: bool(desk.cycle(_BY_HAND)["last_price"])))
    _link(f"bought {_BY_ITSELF} by itself", lambda: _until("a start buy", state_is(_BY_ITSELF, "ACTIVE")))
    _link(f"bought {_BY_HAND} by hand", lambda: _pressed(desk, "/api/trade/quick/buy"))
    _link("opened its cycle", lambda: _until("an ACTIVE cycle", state_is(_BY_HAND, "ACTIVE")))
    if Decimal(desk.cycle(_BY_HAND)["held_base"]) <= 0:
        raise SmokeFailed(f"the cycle of {_BY_HAND} is ACTIVE and holds no coins")
    _link(f"sold {_BY_HAND} by hand", lambda: _pressed(desk, "/api/trade/quick/sell_all"))
    _link("closed its cycle", lambda: _until("an IDLE cycle", state_is(_BY_HAND, "IDLE")))
    trades = _link("wrote its trades down", lambda: desk.get(f"/api/trades?symbol={_BY_HAND}"))["trades"]
    if sorted(trade["side"] for trade in trades) != ["buy", "sell"]:
        raise SmokeFailed(f"the trade log should show one buy and one sale of {_BY_HAND}; it shows {trades}")
    how = _link("stopped when asked", lambda: stop_running(data_dir, lambda line: None))
    if how is not Stopped.ON_REQUEST:
        raise SmokeFailed("it did not stop by itself when asked")


def _pressed(desk: Desk, path: str) -> dict[str, Any]:
    """A button of the coin traded by hand, pressed again while it is refused for a moment. Errors: `SmokeFailed`."""
    deadline = time.monotonic() + _STEP_LIMIT_S
    while True:
        try:
            return desk.post(path, base_currency=_BY_HAND)
        except NotNow:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)


def _ready(process: "subprocess.Popen[str]", token: str) -> Desk:
    """Wait for the READY line. What is printed behind it is read and dropped, or the pipe would fill."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + _START_LIMIT_S
    try:
        while line := lines.get(timeout=max(0.0, deadline - time.monotonic())):
            if line.startswith("READY "):
                address = urlsplit(line.split()[1])
                return Desk(address.hostname or "", address.port or 0, token)
    except queue.Empty:
        raise SmokeFailed(f"it was not READY within {_START_LIMIT_S:g} s") from None
    raise SmokeFailed(f"it ended before it was READY, with exit code {process.wait()}")


def _until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _STEP_LIMIT_S
    while not holds():
        if time.monotonic() > deadline:
            raise SmokeFailed(f"waited {_STEP_LIMIT_S:g} s for {what} in vain")
        time.sleep(_POLL_S)


def _link(name: str, pull: Callable[[], T]) -> T:
    """Try one link of the chain and say how long it took."""
    started = time.monotonic()
    result = pull()
    print(f"  {name:<28} {(time.monotonic() - started) * 1000:6.0f} ms", flush=True)
    return result
