"""Who listens to what: subscriptions, and the pushes that follow from what the exchange announces."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from autotrader_v2.domain.money import plain
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.records import (
    BalanceChanged,
    BookChanged,
    Event,
    OrderChanged,
    PublicTrade,
    TradeMade,
    TriggerChanged,
)
from autotrader_v2.simulator import pushes
from autotrader_v2.simulator.faults import Faults, InForce, PushFault
from autotrader_v2.simulator.faults.endings import text_of
from autotrader_v2.simulator.paced import PACES_MS, Paced
from autotrader_v2.simulator.params import encoded
from autotrader_v2.simulator.ws_connection import WsConnection, text_frame

# channel and what it is about: ("spot.book_ticker", "BTC_USDT"), ("spot.orders", account, "!all")
Topic = tuple[str, ...]
ALL = "!all"
_BOOK_TICKER_PACE_S = 0.01
_ORDERS = (("spot.orders", pushes.order_push), ("spot.orders_v2", pushes.order_push_v2))
_TRADES = (("spot.usertrades", pushes.user_trade_push), ("spot.usertrades_v2", pushes.user_trade_push_v2))


class Hub:
    """Fans events out. Each update is encoded once, whoever listens.

    `clock_ms` stamps messages. Runs in the simulator's thread only.
    """

    def __init__(self, core: MatchingCore, clock_ms: Callable[[], int], faults: Faults) -> None:
        self._core = core
        self._faults = faults
        self._clock_ms = clock_ms
        self._readers: dict[Topic, set[WsConnection]] = {}
        self._topics: dict[WsConnection, set[Topic]] = {}
        self._paced = Paced(core, clock_ms)
        self._changed_books: set[str] = set()
        self._pushed_at: dict[str, float] = {}
        self._flush_planned = False
        # Updates held back until the next one of their channel has gone out.
        self._held: dict[str, tuple[tuple[WsConnection, ...], bytes]] = {}

    def has(self, connection: WsConnection, topic: Topic) -> bool:
        """Whether the connection listens to it."""
        return topic in self._topics.get(connection, ())

    def subscribe(self, connection: WsConnection, topic: Topic) -> None:
        """Begin to push; a second time changes nothing."""
        mine = self._topics.setdefault(connection, set())
        if topic in mine:
            return
        mine.add(topic)
        self._readers.setdefault(topic, set()).add(connection)
        first = self._paced.joined(topic)
        if first is not None:
            connection.send(self._update(topic[0], first))

    def unsubscribe(self, connection: WsConnection, topic: Topic) -> None:
        """End to push."""
        self._topics.get(connection, set()).discard(topic)
        readers = self._readers.get(topic)
        if readers:
            readers.discard(connection)
            if not readers:
                del self._readers[topic]
                self._paced.forsaken(topic)

    def forget(self, connection: WsConnection) -> None:
        """The connection is gone."""
        for topic in tuple(self._topics.get(connection, ())):
            self.unsubscribe(connection, topic)
        self._topics.pop(connection, None)

    def hear(self, event: Event) -> None:
        """Push what follows from an event. Costs next to nothing while nobody listens."""
        if not self._readers:
            return
        match event:
            case BookChanged(pair):
                if ("spot.book_ticker", pair) in self._readers:
                    self._changed_books.add(pair)
                    self._plan_flush(0.0)
            case PublicTrade():
                self._publish(("spot.trades", event.pair), pushes.public_trade_push, event)
            case OrderChanged(_, order):
                for channel, order_push in _ORDERS:
                    self._publish_own(channel, order.account.name, order.pair, order_push, event)
            case TradeMade(account, trade):
                for channel, trade_push in _TRADES:
                    self._publish_own(channel, account.name, trade.pair, trade_push, event)
            case BalanceChanged():
                topic = ("spot.balances", event.account.name)
                self._publish(topic, lambda one: pushes.balance_push(one, self._clock_ms()), event)
            case TriggerChanged(trigger):
                name = trigger.account.name
                self._publish_own("spot.priceorders", name, trigger.put.pair, pushes.trigger_push, event)

    async def pace(self, interval_ms: int) -> None:
        """Push, again and again, what is pushed at that pace."""
        while True:
            await asyncio.sleep(interval_ms / 1000)
            for topic in self._paced.topics(interval_ms):
                for result in self._paced.due(topic):
                    self._send(self._readers.get(topic, ()), topic[0], result)

    def paces(self) -> tuple[int, ...]:
        """Every pace to be run, in milliseconds."""
        return PACES_MS

    def _publish(self, topic: Topic, push: Callable[[Any], Any], event: Event) -> None:
        readers = self._readers.get(topic)
        if readers:
            self._send(readers, topic[0], push(event))

    def _publish_own(self, channel: str, account: str, pair: str, push: Callable[[Any], Any], event: Event) -> None:
        readers = self._readers.get((channel, account, pair), set()) | self._readers.get((channel, account, ALL), set())
        if readers:
            self._send(readers, channel, push(event))

    def drop_all(self) -> None:
        """Cut every connection that listens to something."""
        for connection in tuple(self._topics):
            connection.drop()

    def _send(self, readers: Iterable[WsConnection], channel: str, result: Any) -> None:
        struck = self._faults.strike_push(channel, lambda: _pair_of(result))
        if struck is None:
            _to_all(readers, self._update(channel, result))
        else:
            self._send_struck(tuple(readers), channel, result, struck)
            if struck.rule.swap:
                return
        held = self._held.pop(channel, None)
        if held is not None:
            _to_all(*held)

    def _send_struck(
        self, readers: tuple[WsConnection, ...], channel: str, result: Any, struck: InForce[PushFault]
    ) -> None:
        fault = struck.rule
        if fault.edit is not None:
            result = fault.edit(json.loads(encoded(result)), struck.rng, fault.pair)
        frame = text_frame(fault.raw) if fault.raw else self._update(channel, result, strange=True)
        if fault.swap:
            self._held[channel] = (readers, frame)
            return
        delay_s = fault.delay_s + struck.extra_s()
        for _ in range(fault.copies):
            if delay_s:
                # Who leaves meanwhile is not sent to: a connection that is gone takes nothing.
                asyncio.get_running_loop().call_later(delay_s, _to_all, readers, frame)
            else:
                _to_all(readers, frame)

    def announce_upgrade(self) -> None:
        """Ask every reader to connect again, as the exchange does before its maintenance."""
        now_ms = self._clock_ms()
        message = {"type": "upgrade", "time": now_ms // 1000, "time_ms": now_ms, "msg": "The connection will be closed"}
        _to_all(tuple(self._topics), text_frame(encoded(message)))

    def _update(self, channel: str, result: Any, *, strange: bool = False) -> bytes:
        now_ms = self._clock_ms()
        message = {
            "time": now_ms // 1000,
            "time_ms": now_ms,
            "channel": channel,
            "event": "update",
            "result": result,
        }
        return text_frame(text_of(message) if strange else encoded(message))

    def _plan_flush(self, delay_s: float) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            loop = asyncio.get_running_loop()
            loop.call_soon(self._flush_books) if not delay_s else loop.call_later(delay_s, self._flush_books)

    def _flush_books(self) -> None:
        """Push the best prices that changed; a market's not more often than its pace, the newest wins."""
        self._flush_planned = False
        now_s, waiting = asyncio.get_running_loop().time(), set()
        for pair in self._changed_books:
            if now_s - self._pushed_at.get(pair, 0.0) < _BOOK_TICKER_PACE_S:
                waiting.add(pair)
                continue
            self._pushed_at[pair] = now_s
            readers = self._readers.get(("spot.book_ticker", pair))
            if readers:
                self._send(readers, "spot.book_ticker", self._book_ticker(pair))
        self._changed_books = waiting
        if waiting:
            self._plan_flush(_BOOK_TICKER_PACE_S)

    def _book_ticker(self, pair: str) -> dict[str, Any]:
        book = self._core.pits[pair].book
        bid, bid_size = book.best(Side.BUY)
        ask, ask_size = book.best(Side.SELL)
        return {
            "t": book.updated_ms,
            "u": book.update_id,
            "s": pair,
            "b": plain(bid),
            "B": plain(bid_size),
            "a": plain(ask),
            "A": plain(ask_size),
        }


def _pair_of(result: Any) -> str:
    """The pair an update is about."""
    row = result[0] if isinstance(result, list) and result else result
    if not isinstance(row, dict):
        return ""
    return str(row.get("currency_pair") or row.get("s") or row.get("market") or "")


def _to_all(readers: Iterable[WsConnection], frame: bytes) -> None:
    for connection in tuple(readers):
        connection.send(frame)
