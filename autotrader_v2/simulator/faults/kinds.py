"""The kinds of faults a file or a control route may name: one table. What each takes is read strictly."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from autotrader_v2.matching.records import FinishAs, Thin
from autotrader_v2.simulator.acts import ACTS, read_act
from autotrader_v2.simulator.faults import edits
from autotrader_v2.simulator.faults.rules import (
    ORDERS,
    Answer,
    Edit,
    Ending,
    Fault,
    Happening,
    PushFault,
    Rule,
    SubscriptionFault,
    gateway_page,
    server_error,
    too_many_requests,
)
from autotrader_v2.simulator.fields import Fields

Changes = dict[str, Any]
_OWN = "spot.usertrades*"
_RULE_FIELDS = ("times", "skip", "chance", "from_s", "until_s", "spread_s")


@dataclass(frozen=True, slots=True)
class CallKind:
    """A fault of REST calls. `says`: what happens, with the rows of the fault table. `read` returns `Fault` fields."""

    says: str
    read: Callable[[Fields], Changes]
    path: str = ORDERS
    method: str = "POST"
    times: int = 1


@dataclass(frozen=True, slots=True)
class PushKind:
    """A fault of WebSocket updates. `read` returns `PushFault` fields."""

    says: str
    read: Callable[[Fields], Changes]
    channel: str = "*"
    times: int = 1


def _always(**changes: Any) -> Callable[[Fields], Changes]:
    return lambda _fields: changes


def _answer_of(fault: Fault) -> Changes:
    return {"answer": fault.answer, "execute": fault.execute}


def _error(fields: Fields) -> Changes:
    status, executed = fields.whole("status", 500, least=500, most=599), fields.flag("executed", False)
    if fields.flag("html", False):
        return _answer_of(gateway_page(status=status, executed=executed))
    return _answer_of(server_error(status, executed=executed))


def _maintenance(fields: Fields) -> Changes:
    if fields.flag("html", False):
        return _answer_of(gateway_page(status=503, executed=False))
    body = b'{"label":"TOO_BUSY","message":"The system is under maintenance"}'
    return {"answer": Answer(503, body), "execute": False}


def _too_many(fields: Fields) -> Changes:
    label, ratio = fields.flag("label", True), fields.flag("fill_ratio", False)
    retry_s = fields.whole("retry_after_s") if fields.has("retry_after_s") else None
    reset_ms = fields.whole("reset_ms", most=10**14) if fields.has("reset_ms") else None
    code = 212 if ratio else 211
    return _answer_of(too_many_requests(label=label, code=code, retry_after_s=retry_s, reset_ms=reset_ms))


def _refused(fields: Fields) -> Changes:
    label, message = fields.text("label"), fields.text("message", "refused by a rule of this simulator")
    body = json.dumps({"label": label, "message": message}).encode()
    return {"answer": Answer(fields.whole("status", 400, least=400, most=499), body), "execute": False}


def _thin(fields: Fields) -> Changes:
    share = fields.money("share", "0.4", above="0")
    if share >= 1:
        raise fields.bad("share", "must be below 1")
    return {"thin": Thin(share, FinishAs(fields.text("finish_as", "ioc", choices=tuple(FinishAs))))}


def _unfilled(fields: Fields) -> Changes:
    choices = (FinishAs.IOC, FinishAs.DEPTH_NOT_ENOUGH, FinishAs.SMALL, FinishAs.PRICE_PROTECT_CANCELLED)
    return {"thin": Thin(Decimal(0), FinishAs(fields.text("finish_as", "ioc", choices=choices)))}


def _spoilt(fields: Fields) -> Changes:
    choices = [one.value for one in Ending if one not in (Ending.SEND, Ending.DROP, Ending.HANG)]
    return {"ending": Ending(fields.text("how", "cut", choices=choices))}


def _number(fields: Fields) -> Changes:
    value = fields.text("value") if fields.has("value") else None
    return {"edit": edits.wrong_number(value, fields.text("field", ""))}


def _strange(fields: Fields) -> Changes:
    what = fields.text("what", choices=("extra", "missing", "set"))
    field = fields.text("field", "" if what == "extra" else None)
    return {"edit": edits.strange(what, field, fields.anything("value"))}


def _price(fields: Fields) -> Changes:
    return {"edit": edits.wrong_price(fields.money("factor", above="0"))}


def _choice_edit(name: str, choices: tuple[str, ...], make: Callable[[str], Edit]) -> Callable[[Fields], Changes]:
    return lambda fields: {"edit": make(fields.text(name, choices=choices))}


_fee = _choice_edit("how", edits.FEES, edits.reported_fee)
_book = _choice_edit("how", edits.BOOKS, edits.wrong_book)
_READS, _ANY = "/spot/*", "*"

CALLS: Mapping[str, CallKind] = {
    "lost_request": CallKind(
        "the connection drops before the call arrives (O1)", _always(execute=False, ending=Ending.DROP)
    ),
    "lost_answer": CallKind("carried out, its answer is dropped (O2, O3, O13)", _always(ending=Ending.DROP)),
    "hang": CallKind(
        "carried out or not, never answered (O1, O2)",
        lambda fields: {"ending": Ending.HANG, "execute": fields.flag("executed", True)},
    ),
    "late": CallKind("the call arrives late (O4)", lambda fields: {"delay_before_s": fields.real("seconds", 5.0)}),
    "slow": CallKind(
        "carried out at once, its answer is late; updates overtake it (O14)",
        lambda fields: {"delay_after_s": fields.real("seconds", 0.5)},
    ),
    "error": CallKind("a 5xx, of Gate's shape or an HTML page (O5)", _error),
    "too_many": CallKind("a 429, with a label or without; the fill-ratio limiter (O6)", _too_many),
    "spoilt": CallKind("the answer is cut, reset, half JSON, of a wrong length, half gzip (O7)", _spoilt),
    "twice": CallKind(
        "a middlebox repeats the call (O8)", lambda fields: {"copies": fields.whole("copies", 2, least=2, most=5)}
    ),
    "impossible": CallKind(
        "carried out; the answer cannot be true (O9)", _choice_edit("what", edits.LIES, edits.impossible)
    ),
    "partial_fill": CallKind("the market holds only a share of the order (O10)", _thin),
    "no_fill": CallKind("the market holds nothing for the order (O11)", _unfilled),
    "refused": CallKind("refused with any label, known or new (O17, O20, O21)", _refused),
    "wrong_fee": CallKind("what is told of fees (O16)", _fee, _READS, _ANY),
    "strange": CallKind("a field too much, missing, or of a value nobody knows (O22)", _strange, _ANY, _ANY),
    "wrong_number": CallKind("a field that is no number (M9)", _number, _READS, "GET"),
    "wrong_price": CallKind("prices are told times a factor (M8)", _price, "/spot/tickers", "GET"),
    "wrong_book": CallKind("crossed, empty, one-sided or wide prices are told (M10)", _book, _READS, "GET"),
    "cached": CallKind("the answer before is given again (M7)", _always(again=True), "/spot/tickers", "GET"),
    "lag": CallKind(
        "balances, orders and trades as they were a while ago",
        lambda fields: {"lag_ms": fields.whole("ms", 1000, most=120_000)},
        _READS,
        "GET",
    ),
    "maintenance": CallKind("503 on everything, WebSockets cannot connect (M16)", _maintenance, _ANY, _ANY, 0),
}

PUSHES: Mapping[str, PushKind] = {
    "ws_lost": PushKind("an update is lost: a gap in a book's sequence, a missed trade (M3)", _always(copies=0)),
    "ws_silence": PushKind("no update at all, pings are answered (M4)", _always(copies=0), "*", 0),
    "ws_late": PushKind("an update is late", lambda fields: {"delay_s": fields.real("seconds", 0.5)}),
    "ws_twice": PushKind("an update comes twice (M1, O15)", _always(copies=2)),
    "ws_swap": PushKind("an update comes after the next of its channel (M2)", _always(swap=True)),
    "ws_garbage": PushKind("an update is no JSON (O22)", _always(raw=b'{"time":1,"chan')),
    "ws_strange": PushKind("a field too much, missing, or of a value nobody knows (O22)", _strange),
    "ws_wrong_number": PushKind("a field that is no number (M9)", _number),
    "ws_wrong_price": PushKind("prices are told times a factor (M8)", _price, "spot.*"),
    "ws_wrong_book": PushKind("crossed, empty, one-sided or wide prices are told (M10)", _book, "spot.*"),
    "ws_wrong_fee": PushKind("what is told of fees (O16)", _fee, _OWN),
}

SUBSCRIPTIONS: Mapping[str, str] = {
    "subscription_refused": "a subscription is refused (M6)",
    "subscription_ignored": "a subscription is never answered (M6)",
}


def kinds() -> tuple[str, ...]:
    """Every name a rule may have as its `kind`."""
    return (*CALLS, *PUSHES, *SUBSCRIPTIONS, *ACTS)


def read_rule(told: Any, where: str) -> Rule:
    """One rule as written. Errors: `BadField`."""
    fields = Fields(told, where)
    kind = fields.text("kind")
    if kind not in kinds():
        raise fields.bad("kind", f"{kind[:40]!r} is unknown; known are {', '.join(kinds())}")
    rule = _acting(kind, dict(told), where) if kind in ACTS else _striking(kind, fields, dict(told))
    if rule.until_s <= rule.from_s:
        raise fields.bad("until_s", f"must be above from_s, {rule.from_s:g}")
    return rule


def _striking(kind: str, fields: Fields, told: Mapping[str, Any]) -> Rule:
    if kind in CALLS:
        call = CALLS[kind]
        path, method = fields.text("path", call.path), fields.text("method", call.method)
        common = _common(kind, fields, told, call.times) | {"side": fields.text("side", "*")}
        rule: Rule = Fault(path=path, method=method, **common, **call.read(fields))
    elif kind in PUSHES:
        push = PUSHES[kind]
        channel = fields.text("channel", push.channel)
        rule = PushFault(channel=channel, **_common(kind, fields, told, push.times), **push.read(fields))
    else:
        ignored = kind == "subscription_ignored"
        code = 2 if ignored else fields.whole("code", 2, least=1, most=4)
        common = _common(kind, fields, told, 1)
        rule = SubscriptionFault(channel=fields.text("channel", "*"), ignored=ignored, code=code, **common)
    fields.done()
    return rule


def _acting(kind: str, told: dict[str, Any], where: str) -> Happening:
    """Something that happens by itself. Its values are read now, so that a bad file is refused before it is used."""
    own = {name: value for name, value in told.items() if name not in ("kind", "every_s", *_RULE_FIELDS)}
    rest = Fields({name: value for name, value in told.items() if name not in own}, where)
    rest.text("kind")
    common = _common(kind, rest, told, 1, pair=False)
    every_s = rest.real("every_s", 0.0)
    if not every_s and (common["times"] != 1 or common["chance"] < 1):
        raise rest.bad("every_s", "is missing: how often is it to happen?")
    rest.done()
    read_act(kind, own, where)
    return Happening(act=kind, values=own, every_s=every_s, **common)


def _common(kind: str, fields: Fields, told: Mapping[str, Any], times: int, *, pair: bool = True) -> Changes:
    chance = fields.real("chance", 1.0, most=1.0)
    return {
        "kind": kind,
        "chance": chance,
        # Who gives a chance means: always that chance.
        "times": fields.whole("times", times if chance == 1 else 0),
        "skip": fields.whole("skip", 0),
        "from_s": fields.real("from_s", 0.0),
        "until_s": fields.real("until_s", math.inf),
        "spread_s": fields.real("spread_s", 0.0, most=3600),
        "pair": fields.text("pair", "*") if pair else "*",
        "told": told,
    }
