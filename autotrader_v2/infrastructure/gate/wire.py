"""Gate's objects as they come over the wire, and what they say in the engine's words.

Only fields that are used are read; unknown ones are ignored, missing ones fail with a `msgspec.ValidationError`, which
is a ValueError.
Source: Gate API v4, spot; reference of each struct is the endpoint's name.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from autotrader_v2.application.ports import Holding, OpenOrder
from autotrader_v2.domain.market import Market, MarketRules, TradeStatus
from autotrader_v2.domain.money import ZERO, amount
from autotrader_v2.domain.orders import Fill, Side
from autotrader_v2.domain.quotes import Levels

GT = "GT"
POINT = "POINT"
_OURS = "t-"


class OrderRow(msgspec.Struct, frozen=True):
    """An order (`POST /spot/orders`, `GET /spot/orders`). Units: `amount` and `left` of a market buy in quote."""

    id: str | int
    currency_pair: str
    side: str
    amount: Decimal
    filled_amount: Decimal
    filled_total: Decimal
    text: str = ""
    type: str = ""
    status: str = ""
    finish_as: str = ""
    left: Decimal = ZERO
    create_time_ms: str | int | float = 0

    @property
    def rests(self) -> bool:
        """Whether it is still in the book. The only thing its status word is asked for."""
        return self.status == "open"


class OpenOrdersRow(msgspec.Struct, frozen=True):
    """Open orders of one pair (`GET /spot/open_orders`)."""

    currency_pair: str
    orders: list[OrderRow]


class OrderHint(msgspec.Struct):
    """As much of an order's answer as names it."""

    id: str | int = ""


class TradeRow(msgspec.Struct, frozen=True):
    """An own trade (`GET /spot/my_trades`, channel `spot.usertrades`)."""

    id: str | int
    order_id: str | int
    currency_pair: str
    side: str
    amount: Decimal
    price: Decimal
    create_time_ms: str | int | float
    text: str | None = None
    fee: str | None = None
    fee_currency: str | None = None
    gt_fee: str | None = None
    point_fee: str | None = None


class AccountRow(msgspec.Struct):
    """`GET /spot/accounts`."""

    currency: str
    available: Decimal
    locked: Decimal


class FeeRow(msgspec.Struct):
    """`GET /wallet/fee`. Units: fractions. The rate without GT or points, which may run out at any time.

    `gt_discount`: fees are taken in GT while there is some.
    """

    taker_fee: Decimal
    gt_discount: bool = False


class PairRow(msgspec.Struct):
    """`GET /spot/currency_pairs`. Units: `fee` in %. Two spellings of the market caps are documented."""

    id: str
    amount_precision: int
    precision: int
    trade_status: str
    base_name: str | None = None
    fee: str | None = None
    min_base_amount: str | None = None
    min_quote_amount: str | None = None
    max_base_amount: str | None = None
    max_quote_amount: str | None = None
    market_order_max_stock: str | None = None
    market_order_max_money: str | None = None
    max_market_order_stock: str | None = None
    max_market_order_money: str | None = None
    delisting_time: int = 0
    st_tag: bool = False


class KeyMode(msgspec.Struct):
    """`key` of `GET /account/detail`."""

    mode: int = 0


class DetailBody(msgspec.Struct):
    """`GET /account/detail`."""

    key: KeyMode | None = None


class PermRow(msgspec.Struct):
    """One right of a key."""

    name: str = ""
    read_only: bool = False


class KeyRow(msgspec.Struct):
    """`GET /account/main_keys`, as the SDK knows it."""

    perms: list[PermRow] = []


class TickerRow(msgspec.Struct):
    """`GET /spot/tickers`. A market without orders has empty texts."""

    currency_pair: str
    last: str | None = None
    lowest_ask: str | None = None
    highest_bid: str | None = None


class BookBody(msgspec.Struct):
    """`GET /spot/order_book`."""

    current: int
    asks: list[tuple[str, str]]
    bids: list[tuple[str, str]]


class TimeBody(msgspec.Struct):
    """`GET /spot/time`."""

    server_time: int


order_of = msgspec.json.Decoder(OrderRow).decode
hint_of = msgspec.json.Decoder(OrderHint).decode
open_orders_of = msgspec.json.Decoder(list[OpenOrdersRow]).decode
orders_of = msgspec.json.Decoder(list[OrderRow]).decode
trades_of = msgspec.json.Decoder(list[TradeRow]).decode
accounts_of = msgspec.json.Decoder(list[AccountRow]).decode
fee_of = msgspec.json.Decoder(FeeRow).decode
book_of = msgspec.json.Decoder(BookBody).decode
_keys_of = msgspec.json.Decoder(list[KeyRow] | KeyRow).decode
detail_of = msgspec.json.Decoder(DetailBody).decode
time_of = msgspec.json.Decoder(TimeBody).decode
tickers_of = msgspec.json.Decoder(list[TickerRow]).decode
ticker_of = msgspec.json.Decoder(TickerRow).decode
rows_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
pair_of = msgspec.json.Decoder(PairRow).decode


def keys_of(text: str) -> list[KeyRow]:
    """One key, or a list of them. Errors: `msgspec.ValidationError`."""
    known = _keys_of(text)
    return known if isinstance(known, list) else [known]


def optional(text: str | None) -> Decimal:
    """A number that may be missing; then 0. Errors: `NotANumber`."""
    return amount(text) if text else ZERO


def market_of(pair: str, exchange: str) -> Market:
    """The market of `BTC_USDT`."""
    base, _, quote = pair.rpartition("_")
    return Market(exchange, base, quote)


def fill_of(row: TradeRow, exchange: str) -> Fill:
    """An own trade. Its fee is what was really paid: in GT or points where these are on.

    Errors: ValueError for numbers no trade has.
    """
    gt_fee, point_fee = optional(row.gt_fee), optional(row.point_fee)
    if gt_fee > 0:
        fee, fee_currency = gt_fee, GT
    elif point_fee > 0:
        fee, fee_currency = point_fee, POINT
    else:
        # A negative fee is a maker's rebate, on a foreign order: what it brings never counts as ours.
        fee, fee_currency = max(optional(row.fee), ZERO), row.fee_currency or ""
    base = amount(row.amount)
    text = row.text or ""
    return Fill(
        trade_id=str(row.id),
        order_id=str(row.order_id),
        client_id=text if text.startswith(_OURS) else "",
        market=market_of(row.currency_pair, exchange),
        side=Side(row.side),
        base=base,
        quote=base * amount(row.price),
        fee=fee,
        fee_currency=fee_currency,
        time_ms=int(Decimal(str(row.create_time_ms))),
    )


def open_order_of(row: OrderRow, exchange: str) -> OpenOrder:
    """An order that rests. Errors: ValueError for a side or numbers no order has."""
    return OpenOrder(
        order_id=str(row.id),
        client_id=row.text if row.text.startswith(_OURS) else "",
        market=market_of(row.currency_pair, exchange),
        side=Side(row.side),
        left=amount(row.left),
        created_ms=int(Decimal(str(row.create_time_ms))),
    )


def by_time(fills: Iterable[Fill]) -> tuple[Fill, ...]:
    """Each trade once, oldest first. Ids are numbers that rise."""
    known = {fill.trade_id: fill for fill in fills}
    return tuple(sorted(known.values(), key=lambda fill: (fill.time_ms, len(fill.trade_id), fill.trade_id)))


def holding_of(row: AccountRow) -> Holding:
    """What the account holds of a currency. Errors: `NotANumber`."""
    return Holding(amount(row.available), amount(row.locked))


def rules_of(row: PairRow, market: Market, fee: Decimal, *, gt_pays: bool = False) -> MarketRules:
    """A market's rules with the account's fee, and whether GT pays it. Errors: ValueError for numbers no market has."""
    return MarketRules(
        market=market,
        price_precision=row.precision,
        amount_precision=row.amount_precision,
        fee=fee,
        min_base=optional(row.min_base_amount),
        min_quote=optional(row.min_quote_amount),
        max_base=optional(row.max_base_amount),
        max_quote=optional(row.max_quote_amount),
        market_max_base=optional(row.market_order_max_stock or row.max_market_order_stock),
        market_max_quote=optional(row.market_order_max_money or row.max_market_order_money),
        # A word that is not known here could mean anything; then nothing is traded.
        status=TradeStatus(row.trade_status) if row.trade_status in set(TradeStatus) else TradeStatus.UNTRADABLE,
        delisting_s=row.delisting_time,
        pays_fees=gt_pays and market.base == GT,
        special=row.st_tag,
        name=row.base_name or market.base,
    )


def levels_of(rows: list[tuple[str, str]]) -> Levels:
    """Book levels. Errors: `NotANumber`."""
    return tuple((amount(price), amount(size)) for price, size in rows)
