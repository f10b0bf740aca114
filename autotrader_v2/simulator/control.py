"""The control routes, `/sim/…`, on the simulator's own port: for tests and harnesses, behind a token."""

import hmac
import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from typing import Any, TypeVar

from autotrader_v2.domain.money import plain
from autotrader_v2.matching.records import Order, UserTrade
from autotrader_v2.simulator.acts import ACTS, Do, carry_out, read_act
from autotrader_v2.simulator.errors import ApiError
from autotrader_v2.simulator.faults import Faults
from autotrader_v2.simulator.faults.reading import knobs_of, plan_of, rules_of
from autotrader_v2.simulator.fields import BadField, Fields
from autotrader_v2.simulator.http import HttpRequest, response
from autotrader_v2.simulator.params import from_query
from autotrader_v2.simulator.shapes import order_shape, trade_shape
from autotrader_v2.simulator.world import World

_ROUTES = ("faults", "account", "orders", "trades", "clock", "price", "market", "knobs")
_ACTS_MAX = 1000
_PAGE, _PAGE_MAX = 100, 1000
_Row = TypeVar("_Row", Order, UserTrade)


class _Refusal(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Control:
    """Answers `/sim/…`. Without a token there are no such routes.

    Only this machine may ask, and no web page: a request with an `Origin`, or for another host, is refused.
    """

    def __init__(self, token: str, world: World, faults: Faults) -> None:
        self._token = token
        self._world = world
        self._faults = faults

    def answer(self, request: HttpRequest, address: str) -> bytes:
        """The whole response. Never raises for what came in."""
        close = not request.keep_alive
        try:
            self._admit(request, address)
            status, told = 200, self._route(request)
        except _Refusal as refusal:
            status, told = refusal.status, {"error": str(refusal)}
        except BadField as error:
            status, told = 400, {"error": str(error)}
        except ApiError as error:
            status, told = 400, {"error": error.message}
        return response(status, json.dumps(told, default=str).encode(), close=close)

    def _admit(self, request: HttpRequest, address: str) -> None:
        if not self._token:
            raise _Refusal(404, "there are no control routes: no token was given")
        host = request.headers.get("host", "").rpartition(":")[0].strip("[]")
        if not _is_loopback(address) or not _is_loopback(host) or "origin" in request.headers:
            raise _Refusal(403, "only programs on this machine")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token.encode())
        if scheme.lower() != "bearer" or not right:
            raise _Refusal(401, "Authorization: Bearer TOKEN is missing or wrong")

    def _route(self, request: HttpRequest) -> Any:
        name = request.path.removeprefix("/sim/")
        if name not in _ROUTES:
            raise _Refusal(404, f"there is /sim/ with {', '.join(_ROUTES)}")
        if name == "faults":
            return self._rules(request)
        if name in ("orders", "trades"):
            if request.method != "GET":
                raise _Refusal(405, "GET")
            return self._books(name, request.query)
        if request.method == "GET":
            return self._shown(name)
        if request.method not in ("POST", "PUT"):
            raise _Refusal(405, "GET or POST")
        if name == "knobs":
            self._world.core.knobs = knobs_of(_body(request), "knobs", self._world.core.knobs)
            return self._shown(name)
        return self._acts(name, _body(request))

    def _rules(self, request: HttpRequest) -> Any:
        match request.method:
            case "GET":
                pass
            case "POST":
                body = _body(request)
                told = body if isinstance(body, list) else [body]
                for rule in rules_of(told, "rules"):
                    self._faults.add(rule)
            case "PUT":
                body = _body(request)
                given = dict(body) if isinstance(body, Mapping) else {"rules": body}
                seed = Fields(given, "body").whole("seed", self._faults.seed)
                given.pop("seed", None)
                plan = plan_of(given, "body")
                if plan.knobs is not None:
                    self._world.core.knobs = plan.knobs
                self._faults.replace(plan.rules, seed)
            case "DELETE":
                number = request.query.removeprefix("id=")
                if not number:
                    self._faults.clear()
                elif not (number.isascii() and number.isdigit() and self._faults.remove(int(number))):
                    raise _Refusal(404, f"no rule in force is {number[:20]}")
            case _:
                raise _Refusal(405, "GET, POST, PUT or DELETE")
        rows = [
            {"id": row.id, "seen": row.seen, "struck": row.struck, **(row.rule.told or {"kind": row.rule.kind})}
            for row in self._faults.rows()
        ]
        return {"seed": self._faults.seed, "rules": rows, "counts": dict(sorted(self._faults.counts.items()))}

    def _acts(self, route: str, body: Any) -> Any:
        """Do one act or, in their order, a list of them."""
        if not isinstance(body, list):
            return self._done(_read(route, body, route), route) | self._shown(route)
        if len(body) > _ACTS_MAX:
            raise BadField(f"{route}: at most {_ACTS_MAX} acts at once, not {len(body)}")
        # All are read before the first is done: one that nobody can mean leaves the exchange as it was.
        acts = [(_read(route, one, f"{route}[{at}]"), f"{route}[{at}]") for at, one in enumerate(body)]
        return {"done": [self._done(act, where) for act, where in acts], **self._shown(route)}

    def _done(self, act: tuple[str, Do], where: str) -> dict[str, Any]:
        name, do = act
        result = carry_out(self._world, do, where)
        self._faults.counts[name] += 1
        return {"done": name, "order_id": str(result.id)} if name == "trade" else {"done": name}

    def _books(self, name: str, query: str) -> dict[str, Any]:
        """A page of an account's orders or trades as they are, whatever its owner is shown by now."""
        params = from_query(query)
        after, limit = params.whole("after", 0), params.whole("limit", _PAGE, least=1, most=_PAGE_MAX)
        try:
            account = self._world.account(params.text("key"))
        except KeyError:
            raise _Refusal(404, "no account has this key") from None
        if name == "orders":
            return _page(name, reversed(account.orders.values()), after, limit, order_shape)
        return _page(name, reversed(account.trades), after, limit, trade_shape)

    def _shown(self, route: str) -> dict[str, Any]:
        world = self._world
        match route:
            case "account":
                return {
                    "accounts": {
                        name: {
                            currency: {"available": plain(one.available), "locked": plain(one.locked)}
                            for currency, one in account.balances.items()
                        }
                        for name, account in world.core.accounts.items()
                    }
                }
            case "clock":
                clock = world.clock
                return {"now_ms": clock.now_ms(), "offset_ms": clock.offset_ms, "drift_ppm": clock.drift_ppm}
            case "knobs":
                knobs = world.core.knobs
                return {"knobs": {name: str(getattr(knobs, name)) for name in type(knobs).__slots__}}
            case "price":
                return {
                    "prices": {
                        pair: {"bid": plain(pit.book.quote.bid), "ask": plain(pit.book.quote.ask)}
                        for pair, pit in world.core.pits.items()
                        if pit.book.quote
                    }
                }
            case _:
                return {"markets": {pair: str(pit.rules.status) for pair, pit in world.core.pits.items()}}


def _read(route: str, body: Any, where: str) -> tuple[str, Do]:
    given = dict(body) if isinstance(body, Mapping) else {}
    acts = [name for name, act in ACTS.items() if act.route == route]
    # A route with one act needs no name for it.
    name = Fields(given, where).text("act", acts[0] if len(acts) == 1 else None, choices=acts)
    given.pop("act", None)
    return name, read_act(name, given, where)


def _page(
    name: str, newest_first: Iterable[_Row], after: int, limit: int, shape: Callable[[_Row], dict[str, Any]]
) -> dict[str, Any]:
    """The oldest rows with an id above `after`. Ids rise, so only what is newer than that is looked at."""
    rows = list(takewhile(lambda row: row.id > after, newest_first))[::-1]
    return {name: [shape(row) for row in rows[:limit]], "more": len(rows) > limit}


def _body(request: HttpRequest) -> Any:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadField(f"the body is no JSON: {error}") from None


def _is_loopback(text: str) -> bool:
    if text == "localhost":
        return True
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False
