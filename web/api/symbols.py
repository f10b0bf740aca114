"""The market list: which coins are there, which are on, which one the page opens with."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field

from web.api.parts import CycleState, Mode
from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Amount, Currency, Part, Reply, Request

blueprint = Blueprint("symbols", __name__, url_prefix="/api/symbols")


class OneSymbol(Request):
    """A coin in any spelling: BTC, BTCUSDT, BTC/USDT, BTC_USDT."""

    symbol: Currency


class ActiveSymbols(Request):
    """All coins that shall be on, in any spelling."""

    symbols: Annotated[list[Currency], Field(max_length=1000)]


class Symbols(Reply):
    """`active`: whose switch is not off."""

    available: list[str]
    active: list[str]
    primary: str


class ActiveAnswer(Reply):
    """Coins whose switch is not off."""

    active: list[str]
    primary: str


class SymbolRules(Part):
    """What the exchange says of a market. `delisting_ms`: when it ends, null: not planned. `special`: it warns."""

    price_precision: int
    amount_precision: int
    min_base: Amount
    min_quote: Amount
    fee_pct: Amount
    status: str
    delisting_ms: int | None
    special: bool


class SymbolTold(Part):
    """`traded` false: the exchange did not know it at the start; then the rest is null."""

    symbol: str
    currency: str
    quote: str
    name: str
    traded: bool
    primary: bool
    active: bool
    switch: Mode | None
    state: CycleState | None
    kept_by: Literal["primary", "order", "open_cycle"] | None
    rules: SymbolRules | None


class SymbolList(Reply):
    """Every coin of the list."""

    symbols: list[SymbolTold]
    primary: str


class SymbolAdded(Reply):
    """As the exchange writes it."""

    symbol: str


@blueprint.get("")
@asks(Nothing, Symbols)
def symbols(_: Nothing) -> Answer:
    """Available, active and primary symbols."""
    return desk().symbols()


@blueprint.get("/list")
@asks(Nothing, SymbolList)
def symbols_list(_: Nothing) -> Answer:
    """Every coin of the list with its market rules; `kept_by`: why it cannot leave now (primary, order, open_cycle)."""
    return desk().symbols_list()


@blueprint.get("/active")
@asks(Nothing, ActiveAnswer)
def active(_: Nothing) -> Answer:
    """The coins whose switch is not off, and the primary one."""
    told = desk().symbols()
    return {"active": told["active"], "primary": told["primary"]}


@blueprint.post("/set-active")
@commands(ActiveSymbols, Symbols)
def set_active(wish: ActiveSymbols) -> Answer:
    """Exactly these are on; another one goes off, or finishes when its cycle is open."""
    return desk().set_active(wish.symbols, by())


@blueprint.post("/add")
@commands(OneSymbol, SymbolAdded)
def add(wish: OneSymbol) -> Answer:
    """A coin joins, switched off; its rules are read from the exchange."""
    return desk().add_symbol(wish.symbol, by())


@blueprint.post("/remove")
@commands(OneSymbol)
def remove(wish: OneSymbol) -> None:
    """A coin leaves; refused while its cycle is open (finish it first) or an order is out. Its history stays."""
    desk().remove_symbol(wish.symbol, by())


@blueprint.post("/primary")
@commands(OneSymbol)
def primary(wish: OneSymbol) -> None:
    """The coin that the page opens with."""
    desk().set_primary(wish.symbol, by())
