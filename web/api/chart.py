"""A coin's chart."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BeforeValidator, Field

from web.endpoints import Answer, asks, desk
from web.fields import Amount, Currency, Part, Reply, Request, whole

blueprint = Blueprint("chart", __name__, url_prefix="/api/chart")


class WhichChart(Request):
    """`limit`: so many of the newest candles."""

    symbol: Currency
    interval: Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d"] = "15m"
    limit: Annotated[int, BeforeValidator(whole), Field(ge=1, le=1000)] = 300


class CandleTold(Part):
    """`time_ms`: when it begins."""

    time_ms: int
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount


class Marker(Part):
    """An own fill."""

    time_ms: int
    side: Literal["buy", "sell"]
    why: str
    step: int | None
    price: Amount
    base: Amount
    quote: Amount
    client_id: str


class Level(Part):
    """A price that means something to the open cycle."""

    kind: Literal["average", "breakeven", "take_profit", "step", "stop"]
    step: int | None
    price: Amount


class Problem(Part):
    """Why candles are old or missing."""

    code: str
    message: str


class Chart(Reply):
    """Oldest first."""

    symbol: str
    interval: str
    candles: list[CandleTold]
    fills: list[Marker]
    levels: list[Level]
    problem: Problem | None


@blueprint.get("/data/<path:symbol>")
@asks(WhichChart, Chart)
def data(which: WhichChart) -> Answer:
    """Candles with own fills (markers) and the levels of the open cycle; they are some seconds old at most."""
    return desk().chart(which.symbol, which.interval, which.limit)
