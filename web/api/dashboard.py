"""Results of all coins: the dashboard, its calendar, equity over time, and the file behind their figures."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import BeforeValidator, Field

from web.api.money import Money
from web.api.parts import Mode
from web.api.tables import OfSymbol
from web.endpoints import Answer, asks, desk
from web.exports import exports
from web.fields import Amount, Part, Position, Reply, Request

blueprint = Blueprint("dashboard", __name__)
COLUMNS = (
    "time_ms",
    "symbol",
    "kind",
    "cycle_id",
    "base",
    "quote",
    "price",
    "fee",
    "fee_currency",
    "fee_quote",
    "coins_sold",
    "proceeds",
    "cost",
    "result",
    "foreign_coins",
    "foreign_proceeds",
    "client_id",
    "order_id",
    "trade_id",
)


def _moments(value: Any) -> Any:
    """1700000000000,1700086400000 as numbers that rise."""
    parts = value.split(",") if isinstance(value, str) else ()
    if not all(part.isascii() and part.isdigit() and len(part) <= 15 for part in parts):
        raise ValueError("must be moments in milliseconds with commas between them")
    moments = tuple(int(part) for part in parts)
    if list(moments) != sorted(set(moments)):
        raise ValueError("must be moments that rise")
    return moments


class Starts(Request):
    """When today, this week and this month began for whoever asks. Sums are kept by quarters of an hour."""

    today_ms: Position
    week_ms: Position
    month_ms: Position


class Days(Request):
    """`borders`: where each day begins and, last, where the newest ends, as `1700000000000,1700086400000`."""

    borders: Annotated[tuple[int, ...], BeforeValidator(_moments), Field(min_length=2, max_length=400)]


class Curve(Request):
    """From when, and about how many points."""

    since_ms: Position = 0
    points: Annotated[int, BeforeValidator(lambda value: int(value) if str(value).isdecimal() else value)] = Field(
        default=300, ge=10, le=2000
    )


class Results(Part):
    """Closed by sales, first in first out with fees. Units: quote currency, `other_fees` in their own."""

    result: Amount
    fees: Amount
    other_fees: dict[str, Amount]
    fills: int
    cycles: int
    won: int
    even: int


class Period(Results):
    """Since when; null: nothing has happened yet."""

    name: Literal["today", "week", "month", "all"]
    since_ms: int | None


class Drawdown(Part):
    """How far equity was below its height."""

    deepest_pct: Amount | None
    deepest_amount: Amount | None
    deepest_ms: int | None
    now_pct: Amount | None
    since_ms: int | None


class CoinResult(Results):
    """A coin's results, and where its cycle stands. `traded` false: it has left the list; its history stays."""

    currency: str
    symbol: str
    today: Amount
    month: Amount
    median_ms: int | None
    longest_ms: int | None
    foreign_coins: Amount
    foreign_proceeds: Amount
    traded: bool
    switch: Mode | None
    average_result: Amount | None
    invested: Amount | None
    unrealised: Amount | None
    worst: Amount | None
    ahead: Amount | None
    next_buy: Amount | None


class Dashboard(Reply):
    """`complete` false: the past is still being counted, `counted` fills so far."""

    time_ms: int
    complete: bool
    counted: int
    periods: list[Period]
    drawdown: Drawdown
    money: Money
    coins: list[CoinResult]
    worst: Amount
    next_buys: Amount


class Day(Results):
    """Results between two moments."""

    since_ms: int
    until_ms: int


class Calendar(Reply):
    """One for each two neighbours of `borders`."""

    days: list[Day]


class EquityPoint(Part):
    """Equity, what was earned on top of `start`, and how far it was below its height."""

    time_ms: int
    equity: Amount
    earned: Amount
    fall_pct: Amount


class Equity(Reply):
    """`start`: what was there before trading earned anything."""

    points: list[EquityPoint]
    start: Amount | None


@blueprint.get("/api/dashboard")
@asks(Starts, Dashboard)
def dashboard(starts: Starts) -> Answer:
    """Results, first in first out with fees, of today, this week, this month and all time; money; each coin."""
    return desk().reports.dashboard(starts.today_ms, starts.week_ms, starts.month_ms)


@blueprint.get("/api/calendar")
@asks(Days, Calendar)
def calendar(days: Days) -> Answer:
    """Results between each two moments."""
    return desk().reports.calendar(days.borders)


@blueprint.get("/api/equity")
@asks(Curve, Equity)
def equity(curve: Curve) -> Answer:
    """Equity over time, what was earned, and how far it was below its height."""
    return desk().reports.equity(curve.since_ms, curve.points)


@blueprint.get("/api/fifo.csv")
@exports(OfSymbol, "mtrade-fifo", COLUMNS)
def fifo(which: OfSymbol) -> Iterator[Mapping[str, Any]]:
    """Each movement of coins with its cost and result, as CSV; the sums are those of the dashboard."""
    return desk().reports.fifo(which.since_ms, which.until_ms, which.symbol)
