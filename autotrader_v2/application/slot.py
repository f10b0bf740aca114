"""One market's place: its lock, its frozen state, the order it waits for.

The lock guards values only and is never held during I/O. Readers take no lock: they read `slot.state`, a frozen value.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from autotrader_v2.domain.cycle import Idle, TradingCycle
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import OrderIntent, Side
from autotrader_v2.domain.quotes import leaps
from autotrader_v2.domain.situation import Awaited, Hold, Pause, Reason, SwitchMode

_BACKOFF_FIRST_S = 1
_BACKOFF_MAX_S = 60
FAILURES_BEFORE_PAUSE = 5


@dataclass(frozen=True, slots=True)
class InFlight:
    """An order between its decision and its booking, or (no intent) a command that is being written.

    `then_pause`: what a person wanted after a sale. `outside`: coins of a sale that were never the cycle's.
    `params` are the resolved ones a start was decided with. `traded`: the exchange has said so; its trades are awaited.
    `coins_before`: what the account had of the market's coin when a buy was decided; None where that is not known.
    """

    what: str
    since_ms: int
    intent: OrderIntent | None = None
    params: LadderParams | None = None
    unknown: bool = False
    traded: bool = False
    order_id: str = ""
    then_pause: bool = False
    outside: Decimal = ZERO
    coins_before: Decimal | None = None

    @property
    def awaited(self) -> Awaited:
        """As the decision sees it."""
        return Awaited(self.what, self.since_ms, self.intent.client_id if self.intent else "", self.unknown)


@dataclass(frozen=True, slots=True)
class Travel:
    """When the request of an attempt left and when its answer came, by our clock; 0: it did not, as far as we know."""

    client_id: str = ""
    sent_ms: int = 0
    answered_ms: int = 0


NO_TRAVEL = Travel()


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often in a row a side got nothing, and until when it waits (exchange time).

    `price` is where it failed: a move of 1 % away ends the wait. `by_rules`: the last one broke the market's rules.
    """

    failures: int = 0
    until_ms: int = 0
    price: Decimal = ZERO
    by_rules: bool = False

    def failed(self, now_ms: int, price: Decimal, *, by_rules: bool = False) -> "Backoff":
        """One more failure: wait 1, 2, 4 … 60 s."""
        wait_s = min(_BACKOFF_FIRST_S << min(self.failures, 10), _BACKOFF_MAX_S)
        return Backoff(self.failures + 1, now_ms + wait_s * 1000, price, by_rules)

    def until(self, price: Decimal) -> int:
        """Until when the side waits at that price; 0 once the price has moved 1 %."""
        if not self.until_ms or abs(price - self.price) * 100 >= self.price:
            return 0
        return self.until_ms


NO_BACKOFF = Backoff()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """Everything about a market that decisions and readers need. `own_params`: the market's own ladder values."""

    cycle: TradingCycle
    rules: MarketRules
    params: LadderParams
    own_params: Mapping[str, Any] = field(default_factory=dict)
    switch: SwitchMode = SwitchMode.OFF
    pause: Pause | None = None
    order: InFlight | None = None
    quote_after_ms: int = 0
    buy_backoff: Backoff = NO_BACKOFF
    sell_backoff: Backoff = NO_BACKOFF

    def backoff(self, side: Side) -> Backoff:
        """The side's back-off."""
        return self.buy_backoff if side is Side.BUY else self.sell_backoff

    def with_backoff(self, side: Side, backoff: Backoff) -> "SlotState":
        """The state with another back-off of that side."""
        if side is Side.BUY:
            return replace(self, buy_backoff=backoff)
        return replace(self, sell_backoff=backoff)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the ladder would cost if an idle market started now, or why it cannot; good while the price is near.

    Its rows are not kept: they are most of what an idle market would weigh. Units: quote currency.
    """

    params: LadderParams
    rules: MarketRules
    price: Decimal
    cost: Decimal = ZERO
    first_order: Decimal = ZERO
    loss_at_end: Decimal = ZERO
    error: tuple[str, str] | None = None

    def holds_for(self, params: LadderParams, rules: MarketRules, price: Decimal) -> bool:
        """Whether it was made from these values, at a price within 1 %."""
        same = params is self.params or params == self.params
        return same and rules is self.rules and abs(price - self.price) * 100 <= self.price


class Slot:
    """One market's lock, frozen state and order in flight."""

    __slots__ = (
        "book_lock",
        "book_read_s",
        "book_wanted_ms",
        "hold",
        "hold_since_ms",
        "known_price",
        "lock",
        "market",
        "plan",
        "reading_book",
        "retry",
        "spare_number",
        "state",
        "travel",
    )

    def __init__(self, state: SlotState, spare_number: int) -> None:
        self.market: Market = state.cycle.market
        self.state = state
        # Guards `state`: taken for microseconds, with values only.
        self.lock = threading.Lock()
        # Held by whoever changes the cycle, while the change is made durable. Lock order: book_lock, lock, wallet.
        self.book_lock = threading.RLock()
        self.hold: Hold = Hold(Reason.NO_QUOTE)
        # Since when it holds for that reason, by our clock; 0 before the first decision.
        self.hold_since_ms = 0
        # The bid it was last decided on; a price far from it halts the market until a person says that it is right.
        self.known_price: Decimal | None = None
        self.plan: Plan | None = None
        self.reading_book = False
        self.book_read_s = float("-inf")
        # Since when the decision waits for the order book, by our clock; 0: it does not.
        self.book_wanted_ms = 0
        # An order number fetched in advance, so that claiming an order never touches the disk.
        self.spare_number = spare_number
        # (number, next attempt, what for) of an attempt that surely placed nothing.
        self.retry: tuple[int, int, tuple[int, int | None, Side]] | None = None
        # Written by whoever sends; of one attempt at a time.
        self.travel = NO_TRAVEL

    def travel_of(self, client_id: str) -> Travel:
        """Of that attempt, if it is the one that was sent last."""
        travel = self.travel
        return travel if travel.client_id == client_id else NO_TRAVEL

    def knows(self, bid: Decimal) -> None:
        """The market's price is about this, unless it leaped: then the owner has to say so."""
        if self.known_price is None or not leaps(self.known_price, bid):
            self.known_price = bid

    def claim(self, what: str, now_ms: int) -> bool:
        """Make the market wait for a command as for an order; False when it already waits for something."""
        with self.lock:
            if self.state.order is not None:
                return False
            self.state = replace(self.state, order=InFlight(what, now_ms))
            return True

    def has_traded(self, client_id: str) -> None:
        """The exchange tells a trade of that order; if it is the one in flight, it can no more be absent."""
        with self.lock:
            order = self.state.order
            if order is not None and order.intent is not None and order.intent.client_id == client_id:
                self.state = replace(self.state, order=replace(order, traded=True))

    def release(self, **changes: Any) -> None:
        """End the wait and set what changed, in one assignment."""
        with self.lock:
            self.state = replace(self.state, order=None, **changes)

    def change(self, **changes: Any) -> None:
        """Set values without touching the order in flight."""
        with self.lock:
            self.state = replace(self.state, **changes)


def idle_slot_state(market: Market, rules: MarketRules, params: LadderParams) -> SlotState:
    """The state of a market never traded before."""
    return SlotState(cycle=Idle(market=market), rules=rules, params=params)
