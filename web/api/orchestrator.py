"""Control by scripts (row E15): one coin with `?symbol=`, everything without."""

from typing import Literal

from flask import Blueprint

from web.api.parts import CycleState, Hold, Mode
from web.api.queries import MaybeSymbol
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Amount, Part, Reply

blueprint = Blueprint("orchestrator", __name__)


class Worker(Part):
    """What a coin's worker does; `waiting` says why in `hold`."""

    currency: str
    worker: Literal["failing", "off", "working", "waiting"]
    switch: Mode
    effective_switch: Mode
    paused: str | None
    state: CycleState
    step: int | None
    invested: Amount
    last: Amount | None
    price_age_ms: int | None
    today: Amount
    hold: Hold


class StatusAll(Reply):
    """The engine, and the worker of every coin by its symbol."""

    running: bool
    phase: str
    version: str
    global_switch: Mode
    paused: str | None
    orders_in_flight: int
    markets: dict[str, Worker]


class PnlToday(Reply):
    """Units: `quote` currency."""

    quote: str
    realised: Amount
    symbols: dict[str, Amount]


@blueprint.get("/orchestrator/status")
@asks(MaybeSymbol, StatusAll)
def status(which: MaybeSymbol) -> Answer:
    """The engine, and what the worker of every coin does."""
    return desk().status_all(which.symbol)


@blueprint.post("/orchestrator/start")
@commands(MaybeSymbol, in_query=True)
def start(wish: MaybeSymbol) -> None:
    """Decide on prices again; with a symbol: switch that coin on."""
    if wish.symbol is None:
        desk().start(by())
    else:
        desk().switch(wish.symbol, "on", by())


@blueprint.post("/orchestrator/pause")
@commands(MaybeSymbol, in_query=True)
def pause(wish: MaybeSymbol) -> None:
    """Buy nothing more, sell as planned (switch sell_only)."""
    desk().switch(wish.symbol, "sell_only", by())


@blueprint.post("/orchestrator/resume")
@commands(MaybeSymbol, in_query=True)
def resume(wish: MaybeSymbol) -> None:
    """Buy again (switch on)."""
    desk().switch(wish.symbol, "on", by())


@blueprint.post("/orchestrator/stop")
@commands(MaybeSymbol, in_query=True)
def stop(wish: MaybeSymbol) -> None:
    """Stop deciding, what is in flight finishes; with a symbol: switch that coin off."""
    if wish.symbol is None:
        desk().stop(by())
    else:
        desk().switch(wish.symbol, "off", by())


@blueprint.get("/pnl/today")
@asks(MaybeSymbol, PnlToday)
def pnl_today(which: MaybeSymbol) -> Answer:
    """Realised since midnight UTC in quote currency, fees included, of a coin or of all."""
    return desk().pnl_today(which.symbol)
