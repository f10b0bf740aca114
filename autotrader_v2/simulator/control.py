"""The control routes, `/sim/…`, on the simulator's own port: for tests and harnesses, behind a token."""

import hmac
import ipaddress
import json
from collections.abc import Mapping
from typing import Any

from autotrader_v2.domain.money import plain
from autotrader_v2.simulator.acts import ACTS, perform
from autotrader_v2.simulator.faults import Faults
from autotrader_v2.simulator.faults.reading import knobs_of, plan_of, rules_of
from autotrader_v2.simulator.fields import BadField, Fields
from autotrader_v2.simulator.http import HttpRequest, response
from autotrader_v2.simulator.world import World

_ROUTES = ("faults", "account", "clock", "price", "market", "knobs")


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
        if request.method == "GET":
            return self._shown(name)
        if request.method not in ("POST", "PUT"):
            raise _Refusal(405, "GET or POST")
        if name == "knobs":
            self._world.core.knobs = knobs_of(_body(request), "knobs", self._world.core.knobs)
            return self._shown(name)
        return self._act(name, _body(request))

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

    def _act(self, route: str, body: Any) -> Any:
        given = dict(body) if isinstance(body, Mapping) else {}
        acts = [name for name, act in ACTS.items() if act.route == route]
        # A route with one act needs no name for it.
        name = Fields(given, route).text("act", acts[0] if len(acts) == 1 else None, choices=acts)
        given.pop("act", None)
        done = perform(self._world, name, given, route)
        self._faults.counts[name] += 1
        shown: dict[str, Any] = {"done": name, **self._shown(route)}
        if name == "trade":
            shown["order_id"] = str(done.id)
        return shown

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
