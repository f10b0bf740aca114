"""The WebSocket face: what each message means. Source: Gate API v4, spot WebSocket."""

from typing import Any

from autotrader_v2.matching.accounts import Account
from autotrader_v2.simulator.desk import Desk
from autotrader_v2.simulator.errors import ApiError
from autotrader_v2.simulator.faults import Faults
from autotrader_v2.simulator.hub import ALL, Hub, Topic
from autotrader_v2.simulator.paced import BOOK_UPDATE_LEVELS, stream_of
from autotrader_v2.simulator.params import Params, encoded, json_value
from autotrader_v2.simulator.public_routes import INTERVALS_MS
from autotrader_v2.simulator.signing import channel_signature
from autotrader_v2.simulator.ws_connection import WsConnection, text_frame
from autotrader_v2.simulator.ws_trading import TradingCalls

_BAD_FORMAT, _BAD_ARGUMENT, _BAD_AUTH = 1, 2, 4
_BY_PAIR = ("spot.tickers", "spot.trades", "spot.book_ticker")
_OWN_BY_PAIR = ("spot.orders", "spot.orders_v2", "spot.usertrades", "spot.usertrades_v2", "spot.priceorders")
_BOOK_LEVELS = ("5", "10", "20", "30", "50", "100")
_BOOK_PACES = ("100ms", "1000ms")


class Failed(Exception):
    """A subscription that cannot be: Gate's code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message.encode("utf-8", "replace").decode()


class WsFace:
    """Answers WebSocket messages of all clients."""

    def __init__(self, desk: Desk, hub: Hub, faults: Faults) -> None:
        self._desk = desk
        self._hub = hub
        self._faults = faults
        self._calls = TradingCalls(desk)

    def received(self, connection: WsConnection, text: bytes) -> None:
        """Answer one message. Never raises for what came in."""
        self._desk.core.advance()
        try:
            message = json_value(text)
        except ApiError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("channel"), str):
            self._reply(connection, {}, error=Failed(_BAD_FORMAT, "invalid message format"))
            return
        channel, event = message["channel"], message.get("event")
        if channel == "spot.ping":
            self._pong(connection)
        elif event == "api":
            for answer in self._calls.answers(connection, channel, message):
                connection.send(text_frame(encoded(answer)))
        else:
            self._subscription(connection, message)

    def left(self, connection: WsConnection) -> None:
        """The connection is gone."""
        self._hub.forget(connection)

    def _pong(self, connection: WsConnection) -> None:
        now_ms = self._desk.clock_ms()
        pong = {
            "time": now_ms // 1000,
            "time_ms": now_ms,
            "channel": "spot.pong",
            "event": "",
            "error": None,
            "result": None,
        }
        connection.send(text_frame(encoded(pong)))

    def _subscription(self, connection: WsConnection, message: dict[str, Any]) -> None:
        try:
            if message.get("event") not in ("subscribe", "unsubscribe"):
                raise Failed(_BAD_FORMAT, f"unknown event: {str(message.get('event'))[:40]}")
            topics = self._topics(message)
            if message["event"] == "unsubscribe":
                for topic in topics:
                    self._hub.unsubscribe(connection, topic)
                self._reply(connection, message)
                return
            fault = self._faults.strike_subscription(message["channel"], _texts(message))
            if fault is not None and fault.ignored:
                return
            if fault is not None:
                raise Failed(fault.code, f"cannot subscribe: {message['channel']}")
            for topic in topics:
                if topic[0] == "spot.obu" and self._hub.has(connection, topic):
                    raise Failed(_BAD_ARGUMENT, f"already subscribed: {topic[1]}")
        except Failed as failed:
            self._reply(connection, message, error=failed)
            return
        # The confirmation goes out before the first push.
        self._reply(connection, message)
        for topic in topics:
            self._hub.subscribe(connection, topic)

    def _topics(self, message: dict[str, Any]) -> list[Topic]:
        """What a subscription is about. Errors: `Failed`."""
        channel, payload = message["channel"], message.get("payload") or []
        if not isinstance(payload, list) or not all(isinstance(item, str) for item in payload):
            raise Failed(_BAD_ARGUMENT, "payload is not a list of texts")
        if channel in _BY_PAIR:
            return [(channel, self._pair(pair)) for pair in _some(payload)]
        if channel in _OWN_BY_PAIR:
            account = self._signer(message)
            pairs = [pair if pair == ALL else self._pair(pair) for pair in payload or [ALL]]
            return [(channel, account.name, pair) for pair in pairs]
        match channel, payload:
            case "spot.balances", _:
                return [(channel, self._signer(message).name)]
            case "spot.candlesticks", [interval, pair] if interval in INTERVALS_MS:
                return [(channel, interval, self._pair(pair))]
            case "spot.order_book_update", [pair, interval] if interval in BOOK_UPDATE_LEVELS:
                return [(channel, self._pair(pair), interval)]
            case "spot.order_book", [pair, level, pace] if level in _BOOK_LEVELS and pace in _BOOK_PACES:
                return [(channel, self._pair(pair), level, pace)]
            case "spot.obu", streams if streams:
                return [(channel, self._stream(name)) for name in streams]
            case (("spot.candlesticks" | "spot.order_book_update" | "spot.order_book" | "spot.obu"), _):
                raise Failed(_BAD_ARGUMENT, f"invalid payload of {channel}")
            case _:
                raise Failed(_BAD_ARGUMENT, f"unknown channel: {channel[:40]}")

    def _pair(self, pair: str) -> str:
        if pair not in self._desk.core.pits:
            raise Failed(_BAD_ARGUMENT, f"unknown currency pair: {pair[:40]}")
        return pair

    def _stream(self, name: str) -> str:
        stream = stream_of(name)
        if stream is None:
            raise Failed(_BAD_ARGUMENT, f"unknown stream: {name[:40]}")
        self._pair(stream[0])
        return name

    def _signer(self, message: dict[str, Any]) -> Account:
        """Whose subscription it is. Errors: `Failed`."""
        auth, time_s = message.get("auth"), message.get("time")
        try:
            if not isinstance(auth, dict) or not isinstance(time_s, int):
                raise ApiError("INVALID_CREDENTIALS", "auth or time is missing")
            self._desk.check_clock(str(time_s))
            given = Params(auth)
            secret, account = self._desk.account_of(given.text("KEY"))
            right = channel_signature(secret, message["channel"], str(message.get("event")), time_s)
            self._desk.check_signature(given.text("SIGN"), right)
        except ApiError as error:
            raise Failed(_BAD_AUTH, encoded(error.body).decode()) from None
        return account

    def _reply(self, connection: WsConnection, message: dict[str, Any], error: Failed | None = None) -> None:
        now_ms, trace_id = self._desk.clock_ms(), self._desk.trace_id()
        reply: dict[str, Any] = {"time": now_ms // 1000, "time_ms": now_ms}
        if "id" in message:
            reply["id"] = message["id"]
        reply |= {
            "conn_id": connection.conn_id,
            "trace_id": trace_id,
            "channel": message.get("channel", ""),
            "event": message.get("event", ""),
            "payload": message.get("payload"),
            "error": {"code": error.code, "message": error.message} if error else None,
            "result": {"status": "fail" if error else "success"},
            "requestId": trace_id,
        }
        connection.send(text_frame(encoded(reply)))


def _texts(message: dict[str, Any]) -> list[str]:
    return [text for text in message.get("payload") or () if isinstance(text, str)]


def _some(payload: list[str]) -> list[str]:
    if not payload:
        raise Failed(_BAD_ARGUMENT, "payload is empty")
    return payload
