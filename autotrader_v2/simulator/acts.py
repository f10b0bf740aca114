"""What may be done to the exchange from outside, by a control route or a fault file: one table, strictly read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from autotrader_v2.domain.market import TradeStatus
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.refused import Refused
from autotrader_v2.simulator.fields import BadField, Fields
from autotrader_v2.simulator.world import World

# Reads the values and returns what is to be done.
Do = Callable[[World], Any]
Read = Callable[[Fields], Do]


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `route`: the control route that takes it (`/sim/account`)."""

    route: str
    says: str
    read: Read


def _deposit(fields: Fields) -> Do:
    currency, amount, key = fields.text("currency"), fields.money("amount", above="0"), fields.text("key", "")
    why = fields.text("why", "deposit", choices=("deposit", "transfer", "borrow"))
    return lambda world: world.deposit(currency, amount, key=key, why=why)


def _withdraw(fields: Fields) -> Do:
    currency, amount, key = fields.text("currency"), fields.money("amount", above="0"), fields.text("key", "")
    return lambda world: world.withdraw(currency, amount, key=key)


def _withdraw_all(fields: Fields) -> Do:
    currency, key = fields.text("currency"), fields.text("key", "")
    return lambda world: world.withdraw_all(currency, key=key)


def _lock(sign: int) -> Read:
    def read(fields: Fields) -> Do:
        currency, amount, key = fields.text("currency"), fields.money("amount", above="0"), fields.text("key", "")
        return lambda world: world.freeze(currency, sign * amount, key=key)

    return read


def _trade(fields: Fields) -> Do:
    pair, side = fields.text("pair"), Side(fields.text("side", choices=tuple(Side)))
    amount, key, text = fields.money("amount", above="0"), fields.text("key", ""), fields.text("text", "")
    price = fields.money("price", above="0") if fields.has("price") else None
    return lambda world: world.trade(pair, side, amount, price=price, key=key, text=text)


def _fees(fields: Fields) -> Do:
    key = fields.text("key", "")
    changes: dict[str, Any] = {
        name: fields.money(name, above="-1") for name in ("taker", "maker", "gt_taker", "gt_maker") if fields.has(name)
    }
    changes |= {name: fields.flag(name) for name in ("pays_gt", "pays_points") if fields.has(name)}
    return lambda world: world.fees(changes, key=key)


def _key(fields: Fields) -> Do:
    key = fields.text("key", "")
    state = fields.text("state", "ok", choices=("ok", "revoked", "ip_forbidden", "locked"))
    read_only, withdraw = fields.flag("read_only", False), fields.flag("withdraw", False)
    return lambda world: world.key(state, read_only=read_only, withdraw=withdraw, key=key)


def _account_kind(fields: Fields) -> Do:
    key, unified = fields.text("key", ""), fields.flag("unified")
    return lambda world: world.account_kind(unified=unified, key=key)


def _rate_limits(fields: Fields) -> Do:
    enabled = fields.flag("enabled")
    return lambda world: world.rate_limits(enabled=enabled)


def _clock(fields: Fields) -> Do:
    offset_ms = fields.whole("offset_ms", least=-(10**11), most=10**11) if fields.has("offset_ms") else None
    step_ms = fields.whole("step_ms", 0, least=-(10**11), most=10**11)
    drift_ppm = fields.whole("drift_ppm", least=-500_000, most=500_000) if fields.has("drift_ppm") else None
    return lambda world: world.shift_clock(offset_ms=offset_ms, step_ms=step_ms, drift_ppm=drift_ppm)


def _price(fields: Fields) -> Do:
    pair, bid, ask = fields.text("pair"), fields.money("bid", above="0"), fields.money("ask", above="0")
    if bid > ask:
        raise fields.bad("bid", f"is above the ask, {ask}")
    last = fields.money("last", above="0") if fields.has("last") else bid
    sizes = {name: fields.money(name, above="0") for name in ("bid_size", "ask_size") if fields.has(name)}
    return lambda world: world.set_price(pair, bid, ask, last, **sizes)


def _move(fields: Fields) -> Do:
    pair, factor = fields.text("pair", "*"), fields.money("factor", above="0")
    ramp_s = fields.real("ramp_s", 0.0)
    hold_s = fields.real("hold_s") if fields.has("hold_s") else None
    return lambda world: world.move_price(pair, factor, ramp_s=ramp_s, hold_s=hold_s)


def _rules(fields: Fields) -> Do:
    pair = fields.text("pair")
    changes: dict[str, Any] = {
        name: fields.money(name, above="-1")
        for name in ("min_base", "min_quote", "max_base", "max_quote", "fee")
        if fields.has(name)
    }
    changes |= {
        name: fields.whole(name, most=18) for name in ("price_precision", "amount_precision") if fields.has(name)
    }
    return lambda world: world.change_rules(pair, changes)


def _status(fields: Fields) -> Do:
    pair = fields.text("pair")
    status = TradeStatus(fields.text("status", choices=tuple(TradeStatus))) if fields.has("status") else None
    delisting_in_s = fields.whole("delisting_in_s") if fields.has("delisting_in_s") else None
    st_tag = fields.flag("st_tag") if fields.has("st_tag") else None
    return lambda world: world.change_status(pair, status, delisting_in_s=delisting_in_s, st_tag=st_tag)


def _delist(fields: Fields) -> Do:
    pair = fields.text("pair")
    return lambda world: world.delist(pair)


def _redenominate(fields: Fields) -> Do:
    currency, factor = fields.text("currency"), fields.money("factor", "1000", above="0")
    if factor.log10() != factor.log10().to_integral_value():
        raise fields.bad("factor", 'must be a power of ten, such as "1000"')
    return lambda world: world.redenominate(currency, factor)


def _nothing_to_read(do: Do) -> Read:
    return lambda _fields: do


ACTS: Mapping[str, Act] = {
    "deposit": Act("account", "money comes in; why: deposit, transfer or borrow (A2, A3)", _deposit),
    "withdraw": Act("account", "money goes out, a transfer too (A3)", _withdraw),
    "withdraw_all": Act("account", "all free money of a currency goes out (A3)", _withdraw_all),
    "lock": Act("account", "money is locked by no order, as an earn product does (A3)", _lock(1)),
    "unlock": Act("account", "and freed again", _lock(-1)),
    "trade": Act("account", "the owner trades by hand (A1); with a text as another program would (P12)", _trade),
    "fees": Act("account", "other fees, GT or points deducted or not (A5, O16)", _fees),
    "key": Act("account", "the key is revoked, bound to other addresses, read only, may withdraw (A4)", _key),
    "account_kind": Act("account", "classic or unified account (A6)", _account_kind),
    "rate_limits": Act("account", "calls are counted against rate limits, of every account, or not", _rate_limits),
    "clock": Act("clock", "the exchange's clock: offset_ms sets, step_ms adds, drift_ppm runs away (M12)", _clock),
    "price": Act("price", "a market's price", _price),
    "move": Act("price", "prices go to factor times within ramp_s, for hold_s or for good (M8, M11)", _move),
    "rules": Act("market", "precision and minimums change (O17, O18)", _rules),
    "status": Act("market", "tradable, buyable, sellable, untradable; delisting announced; ST (M15)", _status),
    "delist": Act("market", "the market is gone (M15)", _delist),
    "redenominate": Act("market", "a coin is renumbered: balances times factor, prices divided (M17)", _redenominate),
    "ws_drop": Act("market", "every WebSocket is cut (M5)", _nothing_to_read(lambda world: world.drop_websockets())),
    "ws_upgrade": Act(
        "market", "every WebSocket is asked to connect anew", _nothing_to_read(lambda world: world.announce_upgrade())
    ),
}


def read_act(name: str, values: Any, where: str) -> Do:
    """What an act with these values does. Errors: `BadField`."""
    fields = Fields(values, where)
    do = ACTS[name].read(fields)
    fields.done()
    return do


def perform(world: World, name: str, values: Mapping[str, Any], where: str) -> Any:
    """Do it. Errors: `BadField` when it cannot be read, or cannot be done to this exchange as it is."""
    return carry_out(world, read_act(name, values, where), where)


def carry_out(world: World, do: Do, where: str) -> Any:
    """Do what was read. Errors: `BadField` when it cannot be done to this exchange as it is."""
    try:
        return do(world)
    except (Refused, ValueError, LookupError) as error:
        raise BadField(f"{where}: {error}") from error
