"""The REST face: one request in, one answer out. Checks come in Gate's order: path, headers, clock, key, signature."""

from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.records import Thin
from autotrader_v2.matching.refused import Refused
from autotrader_v2.simulator.desk import Caller, Desk
from autotrader_v2.simulator.errors import ApiError, api_error, bad_value
from autotrader_v2.simulator.http import HttpRequest, response
from autotrader_v2.simulator.limits import PUBLIC, Allowance
from autotrader_v2.simulator.params import encoded
from autotrader_v2.simulator.router import Private, find_route, serve_private, serve_public
from autotrader_v2.simulator.signing import rest_signature

_EXPIRY_DIGITS_MAX = 16


class RestFace:
    """Answers REST requests of all clients."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answer(
        self, request: HttpRequest, address: str, came_in_us: int, *, lag_ms: int = 0, thin: Thin | None = None
    ) -> bytes:
        """The whole response. Never raises for what came in.

        `address` is the client's, for its public rate limits. `lag_ms`, `thin`: see `Caller`.
        """
        desk = self._desk
        desk.core.advance()
        allowance: Allowance | None = None
        try:
            route, variable = find_route(request.method, request.path)
            if isinstance(route, Private):
                caller = Caller(desk, self._signer(request), lag_ms=lag_ms, thin=thin)
                if request.method != "GET":
                    desk.check_may_write(caller.account)
                status = route.status
                try:
                    payload = self._private(caller, route, request, variable)
                finally:
                    allowance = caller.allowance
            else:
                allowance = desk.limiter.count((address, route.name), PUBLIC, desk.core.now_ms())
                if not allowance.allowed:
                    raise ApiError("TOO_MANY_REQUESTS", "Request Rate limit Exceeded (211)")
                status, payload = 200, serve_public(desk, route, request.query, variable)
        except Refused as refused:
            error = api_error(refused)
            status, payload = error.status, error.body
        except ApiError as error:
            status, payload = error.status, error.body
        return response(status, encoded(payload), self._headers(allowance, came_in_us), close=not request.keep_alive)

    def _private(self, caller: Caller, route: Private, request: HttpRequest, variable: tuple[str, ...]) -> object:
        if route.limit is not None:
            caller.count(route.limit, route.name)
        if route.expires and "x-gate-exptime" in request.headers:
            caller.expires_ms = _expiry(request.headers["x-gate-exptime"])
            self._desk.core.refuse_late(caller.expires_ms)
        return serve_private(caller, route, request.query, request.body, variable)

    def _signer(self, request: HttpRequest) -> Account:
        for name in ("Timestamp", "KEY", "SIGN"):
            if not request.headers.get(name.lower()):
                raise ApiError("MISSING_REQUIRED_HEADER", f"Missing required header: {name}")
        timestamp = request.headers["timestamp"]
        self._desk.check_clock(timestamp)
        secret, account = self._desk.account_of(request.headers["key"])
        right = rest_signature(secret, request.method, request.path, request.query, request.body, timestamp)
        self._desk.check_signature(request.headers["sign"], right)
        return account

    def _headers(self, allowance: Allowance | None, came_in_us: int) -> str:
        desk = self._desk
        lines = f"X-In-Time: {came_in_us}\r\nX-Out-Time: {desk.clock_us()}\r\nX-Gate-Trace-Id: {desk.trace_id()}\r\n"
        if allowance is None:
            return lines
        return (
            f"{lines}X-Gate-RateLimit-Limit: {allowance.limit}\r\n"
            f"X-Gate-RateLimit-Requests-Remain: {allowance.remain}\r\n"
            f"X-Gate-RateLimit-Reset-Timestamp: {allowance.reset_ms // desk.limiter.reset_unit_ms}\r\n"
        )


def _expiry(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _EXPIRY_DIGITS_MAX):
        raise bad_value("x-gate-exptime", text)
    return int(text)
