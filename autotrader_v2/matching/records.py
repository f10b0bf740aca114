"""What the exchange keeps and announces: orders, trades, events. Only the core writes an `Order`.

Events are NamedTuples: an order announces a dozen, and they cost a third of a frozen dataclass.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import OrderType, Side

if TYPE_CHECKING:
    from autotrader_v2.matching.accounts import Account
    from autotrader_v2.matching.triggers import Trigger


class TimeInForce(StrEnum):
    """How long an order may wait: until cancelled, not at all, all or nothing, or never taking (post-only)."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POC = "poc"


class Status(StrEnum):
    """`CLOSED` is fully filled; `CANCELLED` ended with something unfilled, even if partly filled."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class FinishAs(StrEnum):
    """Why an order ended. Source: Gate API v4, `Order.finish_as`."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    DEPTH_NOT_ENOUGH = "depth_not_enough"
    SMALL = "small"
    IOC = "ioc"
    POC = "poc"
    FOK = "fok"
    STP = "stp"
    PRICE_PROTECT_CANCELLED = "price_protect_cancelled"


class StpAct(StrEnum):
    """Which order gives way when an account would trade with its own group: newest, oldest, or both."""

    CANCEL_NEWEST = "cn"
    CANCEL_OLDEST = "co"
    CANCEL_BOTH = "cb"


class Role(StrEnum):
    """Who waited (maker) and who came (taker)."""

    MAKER = "maker"
    TAKER = "taker"


@dataclass(frozen=True, slots=True)
class Thin:
    """A market that holds only `share` (a fraction) of what an order asks for; the rest ends as `finish_as`."""

    share: Decimal
    finish_as: FinishAs


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order as a client asks for it.

    Units: `amount` is quote currency for a market buy, coins otherwise; `price` in quote currency, None for a market
    order; `slippage` a fraction, None for the market's own. `text` is the client's label, "" when omitted: then the
    order is labelled with its `source`. `expires_ms` by this exchange's clock: refused later than that, 0 = never.
    """

    pair: str
    side: Side
    type: OrderType
    amount: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    text: str = ""
    source: str = "apiv4"
    stp_act: StpAct | None = None
    slippage: Decimal | None = None
    iceberg: Decimal = ZERO
    expires_ms: int = 0
    thin: Thin | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """An order as the exchange knows it. Read it, never write it.

    Units: `amount` and `left` in quote currency for a market buy, in coins otherwise; `reserved` is what is still
    locked for it, in quote currency (buy) or coins (sell). `fee` is in the received currency.
    """

    id: int
    account: "Account"
    rules: MarketRules
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    amount: Decimal
    price: Decimal
    text: str
    stp_act: StpAct | None
    iceberg: Decimal
    created_ms: int
    updated_ms: int
    priority: int
    left: Decimal
    slippage: Decimal
    reserved: Decimal = ZERO
    filled_base: Decimal = ZERO
    filled_quote: Decimal = ZERO
    fee: Decimal = ZERO
    gt_fee: Decimal = ZERO
    point_fee: Decimal = ZERO
    status: Status = Status.OPEN
    finish_as: FinishAs = FinishAs.OPEN
    amend_text: str = "-"
    thin: Thin | None = None

    @property
    def pair(self) -> str:
        """`BTC_USDT`."""
        return self.rules.market.pair

    @property
    def open(self) -> bool:
        """Whether it can still trade."""
        return self.status is Status.OPEN

    @property
    def in_quote(self) -> bool:
        """Whether `amount` and `left` count quote currency."""
        return self.type is OrderType.MARKET and self.side is Side.BUY

    @property
    def spends(self) -> str:
        """The currency it locks and pays with."""
        return self.rules.market.quote if self.side is Side.BUY else self.rules.market.base

    @property
    def receives(self) -> str:
        """The currency it gets, and the fee is taken from."""
        return self.rules.market.base if self.side is Side.BUY else self.rules.market.quote

    @property
    def average_price(self) -> Decimal:
        """Average price of what was filled; 0 before the first fill."""
        return self.filled_quote / self.filled_base if self.filled_base else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTrade:
    """One side of a trade, as its owner sees it. Units: `amount` coins, `fee` in `fee_currency`, `gt_fee` in GT.

    `id` is unique in the whole exchange; `sequence` counts the trades of the market and is shared by both sides.
    """

    id: int
    sequence: int
    order_id: int
    pair: str
    side: Side
    role: Role
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    gt_fee: Decimal
    point_fee: Decimal
    time_ms: int
    text: str
    amend_text: str

    @property
    def quote(self) -> Decimal:
        """Quote currency that changed hands."""
        return self.amount * self.price


class PublicTrade(NamedTuple):
    """A trade as everybody sees it; `side` is the taker's."""

    pair: str
    sequence: int
    side: Side
    amount: Decimal
    price: Decimal
    time_ms: int


class OrderChange(StrEnum):
    """What happened to an order."""

    PUT = "put"
    UPDATE = "update"
    FINISH = "finish"


class OrderChanged(NamedTuple):
    """An order came, changed or ended. The order is the live record: read it before returning."""

    change: OrderChange
    order: Order


class TradeMade(NamedTuple):
    """An account traded."""

    account: "Account"
    trade: UserTrade


class BalanceChanged(NamedTuple):
    """An account's balance moved. Units: of `currency`; `change` of the total, `freeze_change` of the locked part."""

    account: "Account"
    currency: str
    change: Decimal
    freeze_change: Decimal
    available: Decimal
    locked: Decimal
    why: str


class BookChanged(NamedTuple):
    """A market's book has a new `update_id`; ask the book what it looks like."""

    pair: str


@dataclass(frozen=True, slots=True)
class TriggerChanged:
    """A trigger order fired, ended or failed."""

    trigger: "Trigger"


Event = OrderChanged | TradeMade | BalanceChanged | PublicTrade | BookChanged | TriggerChanged
