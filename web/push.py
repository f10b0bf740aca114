"""What signed-in pages are told without asking: a snapshot, then what changed, at most twenty times a second.

Read-only: a page sends nothing here but how often it wants to hear. Nothing in the engine waits for a page: one thread
looks whether anything moved, compares what `Desk.glance` tells with what was told before, and rests four times as long
as that kept a core busy. It begins when something moves, not by a beat: a comparison that finds nothing would make the
next price wait for its rest. Of prices, pages hear at once those of the coins that they show; of the others, of
which only sums and orders are seen, some at each telling, one after the other.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import ne
from typing import Any, NamedTuple, Protocol

import structlog

from autotrader_v2.application.desk import Glance
from autotrader_v2.application.events import Alert, Booked, MarketChanged, News
from autotrader_v2.domain.money import plain

_log = structlog.get_logger()

_PERIOD_S = 0.05
_HIDDEN_PERIOD_S = 1.0
_REST = 4
_LOOK_EVERY_S = 0.01
# What nobody announces, such as a balance that was read, is found so soon.
_UNANNOUNCED_S = 0.25
# So many coins out of sight at each telling: of 500 each is looked at about twice a second while prices move.
_OUT_OF_SIGHT = 50
_AGES_EVERY_S = 1.0
_CLIENTS_MAX = 16
_NEWS_KEPT = 500


class Source(Protocol):
    """Where the news comes from."""

    def moves(self) -> int:
        """Rises with every price; asked for a hundred times a second."""

    def glance(self, only: Collection[str] | None = None) -> Glance:
        """Everything the first screen shows; `only`: coins of these currencies alone, ages of all."""

    def listen(self, listener: Callable[[News], None]) -> None:
        """Hear news on another thread."""


@dataclass(slots=True)
class _Client:
    session: str
    hidden: bool = False
    # The currencies it shows; None: it may show any.
    sight: frozenset[str] | None = None
    seen: int = 0
    news: int = 0
    told_s: float = 0.0
    aged_s: float = 0.0


class _Coin(NamedTuple):
    """A coin as it is since `version`. `change`: what of it became other then, for who has heard of `before`."""

    version: int
    view: Mapping[str, Any]
    before: int
    change: Mapping[str, Any] | None


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
        self._coins: dict[str, _Coin] = {}
        self._news: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_NEWS_KEPT)
        self._news_count = 0
        self._wake = threading.Event()
        # Coins of which more than the price changed; how far `moves` had risen at the latest telling.
        self._changed: set[str] = set()
        self._moves = -1
        # All coins there are, and where those out of sight go on. One that was just added is not yet among `_coins`.
        self._names: Sequence[str] = ()
        self._others_at = 0
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

    def pace(self, sid: str, *, hidden: bool, sight: frozenset[str] | None = None) -> None:
        """A hidden page hears once a second; `sight`: the currencies whose rows are drawn, None: it may be any."""
        with self._lock:
            if client := self._clients.get(sid):
                client.hidden, client.sight = hidden, sight
        self._wake.set()

    def again(self, sid: str) -> None:
        """The page lost track: it gets a snapshot."""
        with self._lock:
            if client := self._clients.get(sid):
                client.seen = 0
        self._wake.set()

    def _hear(self, news: News) -> None:
        if isinstance(news, MarketChanged):
            with self._lock:
                self._changed.add(news.market.base)
            return
        with self._lock:
            self._news_count += 1
            self._news.append((self._news_count, _as_json(news)))
        self._wake.set()

    def _run(self) -> None:
        while self._wait():
            # Its own work only: on a crowded machine a page is not told late because others were busy.
            began_s, busy_s = time.monotonic(), time.thread_time()
            try:
                self._tell()
            except Exception:
                _log.exception("telling the pages failed; trading goes on")
            took_s, busy_s = time.monotonic() - began_s, time.thread_time() - busy_s
            self._stopping.wait(max(0.0, _PERIOD_S - took_s, busy_s * _REST))

    def _wait(self) -> bool:
        """Until somebody may have to be told something; False: it is over. Looked-at pages wait for what moves."""
        ends_s = time.monotonic() + _UNANNOUNCED_S
        while not self._wake.is_set():
            idle_s = self._idle_s()
            if idle_s:
                self._wake.wait(idle_s)
                break
            if idle_s is None:
                self._wake.wait()
            elif self._changed or self._source.moves() != self._moves or time.monotonic() >= ends_s:
                break
            else:
                self._wake.wait(_LOOK_EVERY_S)
        self._wake.clear()
        # Before the look at what is: what moves during it is looked at again.
        self._moves = self._source.moves()
        return not self._stopping.is_set()

    def _idle_s(self) -> float | None:
        """How long nobody needs to be told of prices: not at all while a page is looked at; None while none is."""
        with self._lock:
            if not self._clients:
                return None
            return _HIDDEN_PERIOD_S if all(client.hidden for client in self._clients.values()) else 0.0

    def _sight(self) -> frozenset[str] | None:
        """The coins to look at: those in sight and the next ones of the others. None: all, somebody may show any."""
        with self._lock:
            changed, self._changed = self._changed, set()
            sights = [client.sight for client in self._clients.values() if not client.hidden]
            if not sights or None in sights or not all(client.seen for client in self._clients.values()):
                return None
        begin = self._others_at if self._others_at < len(self._names) else 0
        self._others_at = begin + _OUT_OF_SIGHT
        return frozenset(self._names[begin : self._others_at]).union(changed, *filter(None, sights))

    def _tell(self) -> None:
        sight = self._sight()
        head, coins, ages_ms = self._source.glance(sight)
        self._names = tuple(ages_ms)
        self._compare(coins, ages_ms.keys())
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
            whole, changes = self._fresh(client.seen)
            told = [one for number, one in news if number > client.news]
            every_age = not client.seen or now - client.aged_s >= _AGES_EVERY_S
            if not (whole or changes or told or every_age):
                continue
            named = ages_ms if every_age else {one["currency"]: ages_ms[one["currency"]] for one in whole + changes}
            self._send(
                "changes" if client.seen else "snapshot",
                {
                    "base": client.seen,
                    "version": self._version,
                    "head": head,
                    "coins": whole,
                    "changes": changes,
                    "ages": named,
                    "every_age": every_age,
                    "news": told,
                },
                sid,
            )
            client.seen, client.news, client.told_s = self._version, last_news, now
            if every_age:
                client.aged_s = now

    def _fresh(self, seen: int) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        """(whole coins, changes of coins) for who has heard of that version."""
        whole, changes = [], []
        for one in self._coins.values():
            if one.version <= seen:
                continue
            if one.change is not None and one.before <= seen:
                changes.append(one.change)
            else:
                whole.append(one.view)
        return whole, changes

    def _compare(self, coins: Sequence[Mapping[str, Any]], names: Collection[str]) -> None:
        version = self._version + 1
        for coin in coins:
            name = coin["currency"]
            known = self._coins.get(name)
            if known is None:
                self._coins[name] = _Coin(version, coin, version, None)
                self._version = version
            elif known.view is not coin and (change := _change(known.view, coin)):
                self._coins[name] = _Coin(version, coin, known.version, {"currency": name, **change})
                self._version = version
        if gone := self._coins.keys() - names:
            for name in gone:
                del self._coins[name]
            self._version = version
        self._version = max(self._version, 1)


def _change(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that became others; every view has the same ones."""
    return dict(compress(now.items(), map(ne, map(before.__getitem__, now), now.values())))


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
