"""A coin's chart."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BeforeValidator, Field

from web.endpoints import Answer, asks, desk
from web.fields import Currency, Request, whole

blueprint = Blueprint("chart", __name__, url_prefix="/api/chart")


class WhichChart(Request):
    """`limit`: so many of the newest candles."""

    symbol: Currency
    interval: Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d"] = "15m"
    limit: Annotated[int, BeforeValidator(whole), Field(ge=1, le=1000)] = 300


@blueprint.get("/data/<path:symbol>")
@asks(WhichChart)
def data(which: WhichChart) -> Answer:
    """Candles with own fills (markers) and the levels of the open cycle; they are some seconds old at most."""
    return desk().chart(which.symbol, which.interval, which.limit)
