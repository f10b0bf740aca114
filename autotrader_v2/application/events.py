"""What the application records and tells, as frozen values, and the bus that passes news on.

A `Record` goes to the journal and is durable; news (`MarketChanged`, `Booked`, `Alert`) goes to listeners: page, log,
Telegram, metrics. None of them can slow or stop a trade.
"""

import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import structlog

from autotrader_v2.application.lines import Doing, doing
from autotrader_v2.domain.cycle import CycleEvent, TradingCycle
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Fill, OrderIntent, Side, Why
from autotrader_v2.domain.situation import Pause, SwitchMode

_log = structlog.get_logger()


class Outcome(StrEnum):
    """How an attempt ended."""

    FILLED = "filled"
    UNFILLED = "unfilled"
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Intended:
    """An order is about to be sent. Durable before a byte leaves."""

    intent: OrderIntent


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptUnknown:
    """The answer was lost, or says only that it `traded`; the exchange's books are asked until it is known."""

    client_id: str
    detail: str
    time_ms: int
    order_id: str = ""
    sent_ms: int = 0
    traded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptClosed:
    """What became of an attempt. `label` is the exchange's word or our reason.

    `sent_ms`, `answered_ms`: when its request left and its answer came; 0: not known here.
    """

    client_id: str
    outcome: Outcome
    time_ms: int
    label: str = ""
    order_id: str = ""
    sent_ms: int = 0
    answered_ms: int = 0


@dataclass(frozen=True, slots=True)
class FillsBooked:
    """New trades of one of our orders; each trade id is booked once in the life of the database."""

    client_id: str
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleChanged:
    """A cycle event with the cycle it led to (the journal keeps `after` as a snapshot when the cycle closed)."""

    market: Market
    event: CycleEvent
    after: TradingCycle
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSet:
    """A switch of a market, or the global one (market None)."""

    market: Market | None
    mode: SwitchMode
    by: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseSet:
    """A market is paused, or (pause None) goes on."""

    market: Market
    pause: Pause | None
    by: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamsSet:
    """A market's own ladder values (only those that differ), or the common ones (market None). Values are text."""

    market: Market | None
    values: Mapping[str, Any]
    by: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSet:
    """Any other setting that outlives a restart: symbols, common limits."""

    name: str
    value: Any
    by: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandGiven:
    """A person's wish, as given; the audit trail."""

    name: str
    market: Market | None
    values: Mapping[str, Any]
    by: str
    time_ms: int


class Priority(StrEnum):
    """How loud an alert is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person should know; a code with values. `times`: how often it came since it was last told."""

    code: str
    priority: Priority
    time_ms: int
    market: Market | None = None
    values: Mapping[str, str] | None = None
    times: int = 1


Record = (
    Intended
    | AttemptUnknown
    | AttemptClosed
    | FillsBooked
    | CycleChanged
    | SwitchSet
    | PauseSet
    | ParamsSet
    | SettingSet
    | CommandGiven
    | Alert
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a market decided, kept when its kind or reason changed. `kind`: buy, sell, hold."""

    market: Market
    kind: str
    reason: str
    values: Mapping[str, str]
    time_ms: int


@dataclass(frozen=True, slots=True)
class MarketChanged:
    """Something a person can see of this market changed."""

    market: Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An order's fills were booked. Units: coins, quote; `result` is the sale's result in quote, None for a buy."""

    market: Market
    client_id: str
    side: Side
    why: Why
    step: int | None
    base: Decimal
    quote: Decimal
    time_ms: int
    result: Decimal | None = None


News = MarketChanged | Booked | Alert


class Bus:
    """Passes news to listeners on a line of its own. Full: news is dropped and counted, trading never waits."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._queue: queue.Queue[News | None] = queue.Queue(capacity)
        self._listeners: list[Callable[[News], None]] = []
        self.dropped = 0

    def listen(self, listener: Callable[[News], None]) -> None:
        """Add a listener; it is called on the bus's line, one piece of news at a time."""
        self._listeners = [*self._listeners, listener]

    def tell(self, news: News) -> None:
        """Pass it on soon. Never blocks, never raises."""
        try:
            self._queue.put_nowait(news)
        except queue.Full:
            self.dropped += 1

    def stop(self) -> None:
        """Let `run` pass on what waits, then end."""
        self._queue.put(None)

    def run(self) -> None:
        """Pass news on until told to stop."""
        while True:
            with doing(Doing.WAITS):
                news = self._queue.get()
            if news is None:
                return
            for listener in self._listeners:
                try:
                    listener(news)
                except Exception:
                    _log.exception("a listener failed; trading goes on", news=type(news).__name__)
