"""The engine and its cycles: statistics, start and stop, switches, resets, adoption."""

from typing import Literal

from flask import Blueprint

from web.api.parts import CycleState, Mode, NextBuy
from web.api.queries import Nothing, OneCurrency
from web.endpoints import Answer, asks, by, commands, desk, previews
from web.fields import Amount, Currency, Part, Positive, Reply, Request, Values

blueprint = Blueprint("autotrader", __name__, url_prefix="/api/autotrader")


class WhichStats(Request):
    """`currency`: only that one; without it all."""

    currency: Currency | None = None


class Toggle(Request):
    """`enabled` true is the switch `on`, false is `off`."""

    base_currency: Currency
    enabled: bool


class Switch(Request):
    """A currency's switch, or (no currency) the global one; the stricter of both wins."""

    mode: Literal["on", "finish", "sell_only", "off"]
    base_currency: Currency | None = None


class Resume(Request):
    """A currency's pause, or (no currency) the account's."""

    base_currency: Currency | None = None


class Adopt(Request):
    """Coins outside the cycle join it: at `price`, or (`from_trades`) at what the account's own trades cost."""

    base_currency: Currency
    price: Positive | None = None
    from_trades: bool = False


class Exit(Request):
    """`wanted` false takes it back: the take-profit decides again."""

    base_currency: Currency
    wanted: bool = True


class HoldReason(Part):
    """Why nothing else happens now."""

    code: str
    values: Values


class CycleStats(Part):
    """A currency's cycle; prices are null without an open one."""

    state: CycleState
    enabled: bool
    switch: Mode
    paused: bool
    cycle_id: int | None
    active_step: int | None
    start_price: Amount | None
    last_buy_price: Amount | None
    invested_quote: Amount
    held_base: Amount
    breakeven_price: Amount | None
    take_profit_price: Amount | None
    next_buy_price: Amount | None
    last_price: Amount | None
    hold_reason: HoldReason
    completed_cycles: int
    realised_profit_quote: Amount


class Stats(Reply):
    """The engine, and each currency's cycle."""

    running: bool
    version: str
    auto_trade_enabled: bool
    mode: str
    cycles: dict[str, CycleStats]


class Adoption(Reply):
    """The cycle that adopting would make. `sells_now`, `buys_now`: what the price at once would lead to."""

    currency: str
    coins: Amount
    cost: Amount
    price: Amount
    breakeven_before: Amount | None
    breakeven_after: Amount
    take_profit_after: Amount
    next_buy: NextBuy | None
    cost_ahead: Amount
    result_now: Amount | None
    sells_now: bool
    buys_now: bool


@blueprint.get("/stats")
@asks(WhichStats, Stats)
def stats(which: WhichStats) -> Answer:
    """The cycle of one currency, or of every currency (row A7)."""
    return desk().stats(which.currency)


@blueprint.post("/start")
@commands(Nothing)
def start(_: Nothing) -> None:
    """Decide on prices again."""
    desk().start(by())


@blueprint.post("/stop")
@commands(Nothing)
def stop(_: Nothing) -> None:
    """Stop deciding; what is in flight finishes. The page stays."""
    desk().stop(by())


@blueprint.post("/toggle")
@commands(Toggle)
def toggle(wish: Toggle) -> None:
    """Switch a currency on or off."""
    desk().switch(wish.base_currency, "on" if wish.enabled else "off", by())


@blueprint.post("/switch")
@commands(Switch)
def switch(wish: Switch) -> None:
    """Set a switch: on, finish, sell_only, off."""
    desk().switch(wish.base_currency, wish.mode, by())


@blueprint.post("/reset_cycle")
@commands(OneCurrency)
def reset_cycle(wish: OneCurrency) -> None:
    """Forget a cycle without selling; its coins lie outside from then on, and the currency pauses."""
    desk().reset_cycle(wish.base_currency, by())


@blueprint.post("/resume_cycle")
@commands(Resume)
def resume_cycle(wish: Resume) -> None:
    """End a pause."""
    desk().resume_cycle(wish.base_currency, by())


@blueprint.post("/adopt")
@commands(Adopt)
def adopt(wish: Adopt) -> None:
    """Hand the coins that lie outside to the cycle."""
    desk().adopt(wish.base_currency, price=wish.price, from_trades=wish.from_trades, by=by())


@blueprint.post("/adopt/preview")
@previews(Adopt, Adoption)
def adopt_preview(wish: Adopt) -> Answer:
    """What adopting would make: cost, breakeven, take-profit, next buy; nothing is changed."""
    return desk().adoption(wish.base_currency, price=wish.price, from_trades=wish.from_trades)


@blueprint.post("/exit_at_breakeven")
@commands(Exit)
def exit_at_breakeven(wish: Exit) -> None:
    """Sell the whole position as soon as it gets breakeven, both fees included; the switch still decides whether."""
    desk().exit_at_breakeven(wish.base_currency, wish.wanted, by())


@blueprint.post("/ignore_coins")
@commands(OneCurrency)
def ignore_coins(wish: OneCurrency) -> None:
    """Leave the coins that lie outside alone."""
    desk().ignore_coins(wish.base_currency, by())


@blueprint.post("/write_off")
@commands(OneCurrency)
def write_off(wish: OneCurrency) -> None:
    """Close a cycle whose coins are gone for nothing."""
    desk().write_off(wish.base_currency, by())
