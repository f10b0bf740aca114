"""Killed while 50 coins run: from the next start's first moment until every one of them is traded again. Aim: 15 s.

The exchange is the box in another process, reached through the SDK. A coin counts as traded again when it has decided
on a fresh price with its balance known: it waits between its steps.
"""

import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import report
from benchmarks.children import Child
from benchmarks.markets import markets

_ROOT = Path(__file__).resolve().parent.parent
_AIM_S = 15.0
_PATIENCE_S = 60.0
_POLL_S = 0.02


def measure(folder: Path, short: bool) -> report.Figures:
    """One run until all coins have a cycle, a kill, and the starts after it."""
    count, starts = (5, 1) if short else (50, 5)
    coins = ",".join(market.base for market in markets(count))
    with Child("exchange_process", str(count)) as exchange:
        environment = {
            **os.environ,
            "MTRADE_ENV_FILE": "",
            "MODE": "sandbox",
            "GATE_HOST": exchange.url,
            "API_KEY": "key",
            "API_SECRET": "secret",
            "API_TOKEN": secrets.token_hex(16),
            "AVAILABLE_SYMBOLS": coins,
            "ACTIVE_SYMBOLS": coins,
            "DATA_DIR": str(folder),
        }
        first = Run(environment)
        try:
            first.until(lambda: first.waiting() == count)
        finally:
            first.kill()
        took = [_again(environment, count) for _ in range(starts)]
    running, traded = [one[0] for one in took], [one[1] for one in took]
    return {"aim_s": _AIM_S, "coins": count, "starts": starts, "running_s": max(running), "traded_again_s": max(traded)}


def _again(environment: dict[str, str], count: int) -> tuple[float, float]:
    """(seconds until it says that it runs, until every coin is traded again); killed afterwards, as the one before."""
    began_s = time.monotonic()
    run = Run(environment)
    try:
        run.until(lambda: run.overview()["running"])
        running_s = time.monotonic() - began_s
        run.until(lambda: run.waiting() == count)
        return round(running_s, 2), round(time.monotonic() - began_s, 2)
    finally:
        run.kill()


class Run:
    """One life of the program."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._token = environment["API_TOKEN"]
        command = [sys.executable, str(_ROOT / "mTrade.py"), "serve", "--no-browser", "--port", "0"]
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
        )
        said = next((line for line in self._process.stdout or () if line.startswith("READY ")), "")
        if not said:
            raise AssertionError("it did not start")
        self._where = urlsplit(said.removeprefix("READY ").strip())

    def overview(self) -> dict[str, Any]:
        """What the page's first screen shows."""
        return self._ask("/api/overview")

    def waiting(self) -> int:
        """How many coins have decided that nothing is to be done between their steps."""
        return sum(coin["hold"]["reason"] == "between_steps" for coin in self.overview()["coins"])

    def until(self, holds: Any) -> None:
        """Wait until it holds."""
        ends_s = time.monotonic() + _PATIENCE_S
        while not holds():
            if time.monotonic() > ends_s:
                raise AssertionError(f"never came true; the coins: {self.overview()['coins'][:2]}")
            time.sleep(_POLL_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _ask(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._where.hostname or "", self._where.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()


if __name__ == "__main__":
    sys.exit(report.main("trading_again", measure))
