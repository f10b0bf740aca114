"""What signed-in pages are told without asking: a snapshot, then what changed, at most ten times a second.

Read-only: a page sends nothing here but how often it wants to hear. Nothing in the engine waits for a page: one thread
compares what `Desk.overview` tells with what was told before, and rests four times as long as that kept a core busy.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from autotrader_v2.application.events import Alert, Booked, MarketChanged, News
from autotrader_v2.domain.money import plain

_log = structlog.get_logger()

_PERIOD_S = 0.1
_HIDDEN_PERIOD_S = 1.0
_REST = 4
_AGES_EVERY_S = 1.0
_CLIENTS_MAX = 16
_NEWS_KEPT = 500
_AGE = "price_age_ms"


class Source(Protocol):
    """Where the news comes from."""

    def overview(self) -> dict[str, Any]:
        """Everything the first screen shows."""

    def listen(self, listener: Callable[[News], None]) -> None:
        """Hear news on another thread."""


@dataclass(slots=True)
class _Client:
    session: str
    hidden: bool = False
    seen: int = 0
    news: int = 0
    told_s: float = 0.0


class Push:
    """Thread-safe. `send(event, data, sid)` and `drop(sid)` are the socket's; `alive(session)`: still signed in."""

    def __init__(
        self,
        source: Source,
        *,
        send: Callable[[str, Mapping[str, Any], str], None],
        drop: Callable[[str], None],
        alive: Callable[[str], bool],
    ) -> None:
        self._source, self._send, self._drop, self._alive = source, send, drop, alive
        self._lock = threading.Lock()
        self._clients: dict[str, _Client] = {}
        self._version = 0
        self._coins: dict[str, tuple[int, dict[str, Any]]] = {}
        self._news: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_NEWS_KEPT)
        self._news_count = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        source.listen(self._hear)

    def start(self) -> None:
        """Begin telling."""
        threading.Thread(target=self._run, name="push", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._wake.set()

    def join(self, sid: str, session: str) -> bool:
        """A page connected; False when there are too many. It gets a snapshot at once."""
        with self._lock:
            if len(self._clients) >= _CLIENTS_MAX:
                return False
            self._clients[sid] = _Client(session, news=self._news_count)
        self._wake.set()
        return True

    def leave(self, sid: str) -> None:
        """It went away."""
        with self._lock:
            self._clients.pop(sid, None)

    def pace(self, sid: str, *, hidden: bool) -> None:
        """A hidden page hears once a second."""
        with self._lock:
            if client := self._clients.get(sid):
                client.hidden = hidden
        self._wake.set()

    def again(self, sid: str) -> None:
        """The page lost track: it gets a snapshot."""
        with self._lock:
            if client := self._clients.get(sid):
                client.seen = 0
        self._wake.set()

    def _hear(self, news: News) -> None:
        if isinstance(news, MarketChanged):
            return
        with self._lock:
            self._news_count += 1
            self._news.append((self._news_count, _as_json(news)))
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._idle_s())
            self._wake.clear()
            if self._stopping.is_set():
                return
            # Its own work only: on a crowded machine a page is not told late because others were busy.
            began_s, busy_s = time.monotonic(), time.thread_time()
            try:
                self._tell()
            except Exception:
                _log.exception("telling the pages failed; trading goes on")
            took_s, busy_s = time.monotonic() - began_s, time.thread_time() - busy_s
            self._stopping.wait(max(0.0, _PERIOD_S - took_s, busy_s * _REST))

    def _idle_s(self) -> float | None:
        """How long nobody needs to be told of prices: not at all while a page is looked at."""
        with self._lock:
            if not self._clients:
                return None
            return _HIDDEN_PERIOD_S if all(client.hidden for client in self._clients.values()) else 0.0

    def _tell(self) -> None:
        overview = self._source.overview()
        coins = overview.pop("coins")
        ages = {coin["currency"]: coin.pop(_AGE, None) for coin in coins}
        self._compare(coins)
        now = time.monotonic()
        with self._lock:
            clients = list(self._clients.items())
            news = list(self._news)
            last_news = self._news_count
        for sid, client in clients:
            if not self._alive(client.session):
                self._drop(sid)
                continue
            if client.hidden and now - client.told_s < _HIDDEN_PERIOD_S:
                continue
            fresh = [coin for version, coin in self._coins.values() if version > client.seen]
            told = [one for number, one in news if number > client.news]
            if client.seen and not fresh and not told and now - client.told_s < _AGES_EVERY_S:
                continue
            event = "changes" if client.seen else "snapshot"
            self._send(
                event,
                {
                    "base": client.seen,
                    "version": self._version,
                    "head": overview,
                    "coins": fresh,
                    "ages": ages,
                    "news": told,
                },
                sid,
            )
            client.seen, client.news, client.told_s = self._version, last_news, now

    def _compare(self, coins: list[dict[str, Any]]) -> None:
        version = self._version + 1
        for coin in coins:
            name = coin["currency"]
            known = self._coins.get(name)
            if known is None or known[1] != coin:
                self._coins[name] = version, coin
                self._version = version
        names = {coin["currency"] for coin in coins}
        if gone := self._coins.keys() - names:
            for name in gone:
                del self._coins[name]
            self._version = version
        self._version = max(self._version, 1)


def _as_json(news: Booked | Alert) -> dict[str, Any]:
    if isinstance(news, Alert):
        return {
            "kind": "alert",
            "code": news.code,
            "priority": news.priority.value,
            "currency": news.market.base if news.market else None,
            "values": dict(news.values or {}),
            "times": news.times,
            "time_ms": news.time_ms,
        }
    return {
        "kind": "booked",
        "currency": news.market.base,
        "client_id": news.client_id,
        "side": news.side.value,
        "why": news.why.value,
        "step": news.step,
        "base": plain(news.base),
        "quote": plain(news.quote),
        "result": None if news.result is None else plain(news.result),
        "time_ms": news.time_ms,
    }
