"""A WebSocket client as the simulator's tests use it."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from websockets.sync.client import ClientConnection


class Client:
    """A WebSocket client that keeps what it did not look for."""

    def __init__(self, connection: ClientConnection) -> None:
        self.socket = connection

    def say(self, channel: str, event: str = "subscribe", payload: Any = None, **more: Any) -> None:
        """Send one message."""
        message = {"time": int(time.time()), "channel": channel, "event": event, "payload": payload} | more
        self.socket.send(json.dumps(message))

    def hear(self, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The next message that is wanted; others are passed over."""
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            message: dict[str, Any] = json.loads(self.socket.recv(timeout=60))
            if wanted(message):
                return message
        raise AssertionError("not heard in time")

    def update(self, channel: str) -> Any:
        """The result of the next update of a channel."""
        return self.hear(lambda one: one["channel"] == channel and one["event"] == "update")["result"]

    def subscribe(self, channel: str, payload: Any, **more: Any) -> dict[str, Any]:
        """Subscribe and hear the answer."""
        self.say(channel, "subscribe", payload, **more)
        return self.hear(lambda one: one["channel"] == channel and one["event"] == "subscribe")

    def subscribe_own(
        self, channel: str, payload: Any = None, secret: str = "secret", key: str = "key"
    ) -> dict[str, Any]:
        """Subscribe to a private channel."""
        now_s = int(time.time())
        text = f"channel={channel}&event=subscribe&time={now_s}"
        sign = hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()
        return self.subscribe(channel, payload, time=now_s, auth={"method": "api_key", "KEY": key, "SIGN": sign})

    def api(self, channel: str, param: Any = None, **more: Any) -> dict[str, Any]:
        """Make a trading call and hear its final answer."""
        self.say(channel, "api", {"req_id": "r1", "req_param": param} | more)
        return self.hear(lambda one: one.get("request_id") == "r1" and "ack" not in one)

    def login(self, param_text: str = "", secret: str = "secret", **more: Any) -> dict[str, Any]:
        """Log in for trading."""
        timestamp = str(int(time.time()))
        text = f"api\nspot.login\n{param_text}\n{timestamp}"
        sign = hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()
        values = {"api_key": "key", "signature": sign, "timestamp": timestamp, "req_id": "login"} | more
        self.say("spot.login", "api", values)
        return self.hear(lambda one: one.get("request_id") == "login")
