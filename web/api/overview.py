"""What the page's first screen shows."""

from typing import Literal

from flask import Blueprint

from web.api.coin import Coin, Pause
from web.api.money import Money
from web.api.parts import Feed, LadderFault, Mode, StepRow
from web.api.queries import Nothing, OneCurrency
from web.api.quick_trade import SellingRun
from web.endpoints import Answer, asks, desk
from web.fields import Amount, Part, Reply, Values

blueprint = Blueprint("overview", __name__)


class UnknownOrder(Part):
    """An order that may have executed; it is being looked for."""

    client_id: str
    currency: str
    what: str
    since_ms: int


class OwnTrades(Part):
    """Whether own trades are streamed, and why not."""

    live: bool
    fault: str


class Truth(Part):
    """What must be right before the figures can be trusted."""

    price_age_ms: int | None
    unknown_orders: list[UnknownOrder]
    journal_ms: float | None
    journal_ok: bool
    balances_ok: bool
    clock_offset_ms: int
    own_trades: OwnTrades
    late_fill_total: int
    reconciled_ms: int | None
    corrected: int


class Head(Reply):
    """The program and its account."""

    seq: int
    version: str
    mode: str
    host: str
    account: str
    settings_source: str
    awake: str
    unheard: list[str]
    time_ms: int
    phase: str
    running: bool


class OverviewStarting(Head):
    """Before the engine is there."""

    coins: list[Coin]


class Overview(Head):
    """`account_pause`: everything stands still, and why. `selling`: the newest wish to sell everything."""

    auto_trade_enabled: bool
    global_switch: Mode
    account_pause: Pause | None
    feed: Feed
    truth: Truth
    money: Money
    selling: SellingRun | None
    missing_symbols: list[str]
    coins: list[Coin]


class CoinAnswer(Reply):
    """One coin."""

    coin: Coin


class Stake(Part):
    """The money that hangs on a halt. Units: quote currency, coins."""

    invested: Amount
    coins: Amount | None
    worth: Amount | None
    reserved: Amount


class WayOut(Part):
    """`post`: the route that takes this way out; null is for a person to do elsewhere."""

    way: str
    post: str | None


class HaltTold(Part):
    """Something that stands still although it should trade."""

    kind: Literal["pause", "hold", "account_pause", "account"]
    code: str
    currency: str | None
    stops: Literal["all", "buys", "sales"]
    since_ms: int | None
    until_ms: int | None
    values: Values
    stake: Stake
    ways: list[WayOut]


class Halts(Reply):
    """The account's first, then the coins' by the money at stake."""

    halts: list[HaltTold]


class BeforeSwitch(Reply):
    """The last five are missing without a price, or when the ladder cannot be traded (`error`)."""

    currency: str
    price_age_ms: int | None
    error: LadderFault | None
    rows: list[StepRow]
    all_need: Amount
    free: Amount
    missing: Amount
    coverage_pct_before: Amount | None
    coverage_pct_after: Amount | None
    first_order: Amount | None = None
    ladder_cost: Amount | None = None
    deepest_fall_pct: Amount | None = None
    loss_there: Amount | None = None


@blueprint.get("/api/overview")
@asks(Nothing, Overview, OverviewStarting)
def overview(_: Nothing) -> Answer:
    """Money, truth and every coin."""
    return desk().overview()


@blueprint.get("/api/coin")
@asks(OneCurrency, CoinAnswer)
def coin(which: OneCurrency) -> Answer:
    """One coin."""
    return {"coin": desk().coin(which.base_currency)}


@blueprint.get("/api/halts")
@asks(Nothing, Halts)
def halts(_: Nothing) -> Answer:
    """What stands still although it should trade: why, since when, the money at stake, and every way out."""
    return desk().halts()


@blueprint.get("/api/before_switch")
@asks(OneCurrency, BeforeSwitch)
def before_switch(which: OneCurrency) -> Answer:
    """What switching a coin on means in money."""
    return desk().before_switch(which.base_currency)
