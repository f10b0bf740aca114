"""The engine as a bot: start, stop and status, of everything or of one coin; what it decided."""

from flask import Blueprint

from web.api.history import Signals
from web.api.orchestrator import StatusAll
from web.api.queries import MaybeSymbol
from web.api.tables import OfSymbol, Paged, page_of, which_of
from web.endpoints import Answer, asks, by, commands, desk

blueprint = Blueprint("bot", __name__, url_prefix="/api")


class WhichSignals(OfSymbol, Paged):
    """A page of them."""


@blueprint.get("/status/all")
@asks(MaybeSymbol, StatusAll)
def status_all(which: MaybeSymbol) -> Answer:
    """The engine, and what the worker of every coin does: working, waiting (and why), failing, off."""
    return desk().status_all(which.symbol)


@blueprint.post("/bot/start")
@commands(MaybeSymbol)
def start(wish: MaybeSymbol) -> None:
    """Decide on prices again; with a symbol: switch that coin on."""
    if wish.symbol is None:
        desk().start(by())
    else:
        desk().switch(wish.symbol, "on", by())


@blueprint.post("/bot/stop")
@commands(MaybeSymbol)
def stop(wish: MaybeSymbol) -> None:
    """Stop deciding, what is in flight finishes; with a symbol: switch that coin off."""
    if wish.symbol is None:
        desk().stop(by())
    else:
        desk().switch(wish.symbol, "off", by())


@blueprint.get("/signals")
@asks(WhichSignals, Signals)
def signals(which: WhichSignals) -> Answer:
    """What the engine decided (buy, sell, hold) and why, newest first; kept when kind or reason changed."""
    return page_of("signals", desk().reports.decisions, which_of(which), which.limit)
