"""Trading over the WebSocket: `event: "api"`. The same orders as over REST, in another envelope."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from autotrader_v2.matching.refused import Refused
from autotrader_v2.simulator import trading
from autotrader_v2.simulator.desk import Caller, Desk
from autotrader_v2.simulator.errors import ApiError, api_error, bad_value
from autotrader_v2.simulator.limits import PRIVATE
from autotrader_v2.simulator.params import Params, as_list, as_object
from autotrader_v2.simulator.signing import login_signature, same
from autotrader_v2.simulator.ws_connection import WsConnection

_LOGIN, _PLACE = "spot.login", "spot.order_place"
# The exchange's own spelling of the third name.
_LIMIT_NAMES = (
    "x_gate_ratelimit_limit",
    "x_gate_ratelimit_requests_remain",
    "x_gat_ratelimit_reset_timestamp",
)
_EXPIRY_MAX = 10**16


def _place(caller: Caller, param: Any) -> Any:
    if isinstance(param, list):
        return trading.place_batch(caller, as_list(param))
    return trading.place(caller, as_object(param))


def _cancel(caller: Caller, param: Any) -> Any:
    params = as_object(param)
    return trading.cancel(caller, params, params.needed("order_id"))


def _amend(caller: Caller, param: Any) -> Any:
    params = as_object(param)
    return trading.amend(caller, params, params.needed("order_id"))


def _status(caller: Caller, param: Any) -> Any:
    params = as_object(param)
    caller.count(PRIVATE, "order")
    return trading.status(caller, params, params.needed("order_id"))


def _listed(caller: Caller, param: Any) -> Any:
    caller.count(PRIVATE, "orders")
    return trading.listed(caller, as_object(param))


_READS = ("spot.order_status", "spot.order_list")
_CALLS: dict[str, Callable[[Caller, Any], Any]] = {
    _PLACE: _place,
    "spot.order_cancel": _cancel,
    "spot.order_cancel_ids": lambda caller, param: trading.cancel_batch(caller, as_list(param)),
    "spot.order_cancel_cp": lambda caller, param: trading.cancel_pair(caller, as_object(param)),
    "spot.order_amend": _amend,
    "spot.order_status": _status,
    "spot.order_list": _listed,
}


class TradingCalls:
    """Carries out API messages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answers(self, connection: WsConnection, channel: str, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The replies to one message; placing is acknowledged before it is decided. Never raises for what came in."""
        came_in_us = self._desk.clock_us()
        payload = message.get("payload")
        values = payload if isinstance(payload, dict) else {}
        request_id = values.get("req_id", "")
        caller: Caller | None = None
        try:
            if channel == _LOGIN:
                status, data = 200, {"result": self._login(connection, Params(values), values.get("req_param"))}
            else:
                caller = self._caller(connection, channel, values)
                if channel == _PLACE:
                    head = self._head(connection, channel, 200, came_in_us, None)
                    yield {"request_id": request_id, "ack": True, "header": head, "data": {"result": values}}
                status, data = 200, {"result": _CALLS[channel](caller, values.get("req_param"))}
        except Refused as refused:
            error = api_error(refused)
            status, data = error.status, {"errs": error.body}
        except ApiError as caught:
            status, data = caught.status, {"errs": caught.body}
        head = self._head(connection, channel, status, came_in_us, caller)
        yield {"request_id": request_id, "header": head, "data": data}

    def _caller(self, connection: WsConnection, channel: str, values: dict[str, Any]) -> Caller:
        if channel not in _CALLS:
            raise ApiError("INVALID_ARGUMENT", f"unknown channel: {channel[:40]}")
        if connection.account is None:
            raise ApiError("AUTHENTICATION_FAILED", "Not login")
        if channel not in _READS:
            self._desk.check_may_write(connection.account)
        caller = Caller(self._desk, connection.account, source="apiv4-ws")
        header = values.get("req_header")
        if isinstance(header, dict):
            given = Params({str(name).lower(): value for name, value in header.items()})
            caller.expires_ms = given.whole("x-gate-exptime", 0, most=_EXPIRY_MAX)
            self._desk.core.refuse_late(caller.expires_ms)
        return caller

    def _login(self, connection: WsConnection, params: Params, req_param: Any) -> dict[str, str]:
        timestamp = params.needed("timestamp")
        self._desk.check_clock(timestamp)
        key = params.needed("api_key")
        secret, account = self._desk.account_of(key)
        # The documentation signs over nothing, the clients over an empty object, in one of two spellings.
        texts = {"", "{}"}
        if req_param is not None:
            try:
                texts |= {json.dumps(req_param, separators=(",", ":")), json.dumps(req_param)}
            except (TypeError, ValueError):
                raise bad_value("req_param", req_param) from None
        given = params.needed("signature").lower()
        if not any(same(given, login_signature(secret, _LOGIN, text, timestamp)) for text in texts):
            raise ApiError("INVALID_SIGNATURE", "Signature mismatch")
        connection.account = account
        return {"api_key": key, "uid": str(account.user_id)}

    def _head(
        self, connection: WsConnection, channel: str, status: int, came_in_us: int, caller: Caller | None
    ) -> dict[str, Any]:
        now_us = self._desk.clock_us()
        head: dict[str, Any] = {
            "response_time": str(now_us // 1000),
            "status": str(status),
            "channel": channel,
            "event": "api",
            "client_id": f"{connection.address}-{connection.conn_id}",
            "x_in_time": came_in_us,
            "x_out_time": now_us,
            "conn_id": connection.conn_id,
            "conn_trace_id": connection.conn_id,
            "trace_id": self._desk.trace_id(),
        }
        if caller is not None and caller.allowance is not None:
            _, limit, remain, reset_ms = caller.allowance
            head |= dict(zip(_LIMIT_NAMES, (limit, remain, reset_ms), strict=True))
        return head
