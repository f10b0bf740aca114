"""What the auditor keeps of what it hears, and how it says that something does not hold. Values; nothing is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent
from autotrader_v2.simulation.ledger import ZERO, Ledger, Traded


class Broken(BaseException):
    """An invariant does not hold. Not an `Exception`: the engine under test must not be able to swallow it."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant, self.what = invariant, what


@dataclass(slots=True)
class KnownOrder:
    """What the auditor knows of one label."""

    intent: OrderIntent
    sent: bool = False
    placed: int = 0
    closed: bool = False
    trades: dict[str, Traded] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    # Trades it had when it was written down as ended, and that nobody could know of: booked late, once.
    late: set[str] = field(default_factory=set)
    # The exchange's books show it only then.
    hidden_until_ms: int = 0
    # Since when its end is asked for. 0: it never was unknown. Nights count, as they may for the engine's own clock.
    asked_since_ms: int = 0
    # The process has heard the exchange say that it traded; had when it began to write of it; has kept it for the next.
    told: bool = False
    told_in_time: bool = False
    told_kept: bool = False
    # The process that decided it is no more: what the account had before it is not known.
    outlived: bool = False
    # It was decided by a balance that may have been of before the coin's last own buy.
    misled: bool = False
    # How often something on the way repeated the request.
    copies: int = 0
    # People have changed the ladder since it was decided.
    new_ladder: bool = False

    @property
    def turnover(self) -> Decimal:
        """What a buy counts for at least, in quote: all it may spend while that is open, then what is booked of it.

        What a repeated request spent beyond that nobody could set aside.
        """
        if not self.closed:
            return self.intent.max_cost
        spent = sum((one.quote for trade_id, one in self.trades.items() if trade_id in self.booked), ZERO)
        return min(spent, self.intent.max_cost)


@dataclass(slots=True)
class Seen:
    """A quote as it was handed to the engine: when the price was true, and whether it was a wrong one."""

    bid: Decimal
    ask: Decimal
    true_ms: int
    wrong: bool


@dataclass(slots=True)
class Allowed:
    """What people allow a market, as the auditor was told. `since_ms`: when a stricter mode was last confirmed."""

    starts: bool = False
    rebuys: bool = False
    sells: bool = False
    by_hand: bool = False


class Books:
    """The auditor's own: orders by label, one ledger a market, quotes as handed over, permissions."""

    def __init__(self, markets: Sequence[Market]) -> None:
        self.orders: dict[str, KnownOrder] = {}
        self.open_of: dict[Market, str] = {}
        self.ledgers: Mapping[Market, Ledger] = {market: Ledger() for market in markets}
        self.seen: Mapping[Market, list[Seen]] = {market: [] for market in markets}
        self.allowed: dict[Market, Allowed] = {market: Allowed() for market in markets}
