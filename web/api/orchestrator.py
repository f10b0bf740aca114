"""Control by scripts (row E15): one coin with `?symbol=`, everything without."""

from flask import Blueprint

from web.api.queries import MaybeSymbol
from web.endpoints import Answer, asks, by, commands, desk

blueprint = Blueprint("orchestrator", __name__)


@blueprint.get("/orchestrator/status")
@asks(MaybeSymbol)
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
@asks(MaybeSymbol)
def pnl_today(which: MaybeSymbol) -> Answer:
    """Realised since midnight UTC in quote currency, fees included, of a coin or of all."""
    return desk().pnl_today(which.symbol)
