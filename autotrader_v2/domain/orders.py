"""An order from intention to fills. What counts is quantity; the exchange's status word decides nothing."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CLIENT_ID = re.compile(r"t-([0-9a-z]{4})-([0-9a-z]+)\.(\d+)(?:-([0-9a-z]{6}))?")
CLIENT_ID_LENGTH_MAX = 28
LIFE_DIGITS = 6


class Side(StrEnum):
    """Buy or sell, as every exchange spells it."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """How the order is priced. Both go out immediate-or-cancel."""

    MARKET = "market"
    LIMIT = "limit"


class Why(StrEnum):
    """What an order is for."""

    START = "start"
    REBUY = "rebuy"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    QUICK_BUY = "quick_buy"
    SELL_ALL = "sell_all"


class Book(StrEnum):
    """Whose coins an order moves; a sale takes only its own book's coins."""

    AVERAGING = "averaging"
    MANUAL = "manual"
    STRATEGIST = "strategist"


@dataclass(frozen=True, slots=True)
class ClientId:
    """Our label of an order at the exchange: `t-` + instance + `-` + base36 number + `.` + attempt + `-` + life.

    A label for finding the order again, never a key: sending it twice buys twice. `instance` is the database's, and a
    copy of the database has it too; `life` (`LIFE_DIGITS` of 0-9a-z) is the running process's own, so that two copies
    never make the same label. "": made where no life is told, or by an older version.
    """

    instance: str
    number: int
    attempt: int
    life: str = ""

    def __str__(self) -> str:
        return f"t-{self.instance}-{base36(self.number)}.{self.attempt}{'-' * bool(self.life)}{self.life}"

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> "ClientId | None":
        """Read a label back; None for a foreign one."""
        found = _CLIENT_ID.fullmatch(text)
        if not found or len(text) > CLIENT_ID_LENGTH_MAX:
            return None
        return cls(found[1], int(found[2], 36), int(found[3]), found[4] or "")


def base36(number: int) -> str:
    """The number in digits 0-9a-z. Errors: ValueError when negative."""
    if number < 0:
        raise ValueError(f"an order number cannot be negative: {number}")
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
        if not number:
            return text


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """One attempt to trade, complete: what goes to the exchange and what it is for.

    Units: `amount` is quote currency for a market buy, coins for everything else (limit buys and all sales).
    `limit_price` is None for a market order. `worst_price` is what the decision allowed (buy: highest, sell: lowest
    average; 0 = any price, a person's own sale). `max_cost` is the quote currency that stays reserved while the
    outcome is open (0 for a sale). `seen_price` is the ask (buy) or bid (sell) it was decided on; `decided_ms` by our
    clock; `expires_ms` by the exchange's clock, 0 = never.
    """

    client_id: str
    market: Market
    side: Side
    type: OrderType
    amount: Decimal
    why: Why
    cycle_id: int
    step: int | None
    worst_price: Decimal
    seen_price: Decimal
    decided_ms: int
    max_cost: Decimal = ZERO
    limit_price: Decimal | None = None
    book: Book = Book.AVERAGING
    expires_ms: int = 0

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError(f"an order moves something; got amount={self.amount}")
        if (self.type is OrderType.LIMIT) != (self.limit_price is not None):
            raise ValueError("a limit order has a limit price, a market order has none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One trade of an order, as the exchange confirmed it.

    Units: `base` in coins, `quote` in quote currency, both before fees; `fee` in `fee_currency` (a fee paid in GT or
    points has that currency); `time_ms` by the exchange's clock. `client_id` is the order's label, "" if not told.
    The price is kept as the two amounts.
    """

    trade_id: str
    order_id: str
    client_id: str
    market: Market
    side: Side
    base: Decimal
    quote: Decimal
    fee: Decimal
    fee_currency: str
    time_ms: int

    def __post_init__(self) -> None:
        if self.base <= 0 or self.quote <= 0 or self.fee < 0:
            raise ValueError(f"a fill moves coins and money; got base={self.base} quote={self.quote} fee={self.fee}")

    @property
    def price(self) -> Decimal:
        """Average price of the trade."""
        return self.quote / self.base

    @property
    def base_received(self) -> Decimal:
        """Coins that arrived: less the fee when it was taken in coins. Buys only."""
        return self.base - self.fee if self.fee_currency == self.market.base else self.base

    @property
    def quote_received(self) -> Decimal:
        """Quote currency that arrived: less the fee when it was taken in it. Sales only."""
        return self.quote - self.fee if self.fee_currency == self.market.quote else self.quote


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResult:
    """What became of an order that is finished at the exchange. No fills: it ended without trading.

    `note` is the exchange's own word for why it ended (`finish_as`), shown to people, never decided on.
    """

    client_id: str
    order_id: str
    fills: tuple[Fill, ...]
    note: str = ""

    @property
    def base(self) -> Decimal:
        """Coins traded, before fees."""
        return sum((fill.base for fill in self.fills), ZERO)

    @property
    def quote(self) -> Decimal:
        """Quote currency traded, before fees."""
        return sum((fill.quote for fill in self.fills), ZERO)
