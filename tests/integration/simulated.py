"""What the simulator's tests share: a running exchange, signed raw calls."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from autotrader_v2.matching.markets import table_for
from autotrader_v2.simulator import Client, Simulator
from autotrader_v2.simulator.signing import rest_signature

COINS = ("BTC", "ETH", "LTC", "XRP")
PRICES = {
    "BTC": ("64000.1", "64000.2"),
    "ETH": ("3100.01", "3100.02"),
    "LTC": ("64.02", "64.03"),
    "XRP": ("0.5", "0.6"),
}
RICH = {"USDT": 10_000, "LTC": 100}


def a_simulator(**changes: Any) -> Simulator:
    """Four markets with prices, account `key` / `secret` and a second one, no rate limits."""
    changes = {"clients": [Client(key="bob", secret="bobs", balances=RICH)], "rate_limits": False, "seed": 7} | changes
    sim = Simulator(table_for(COINS), RICH, **changes)
    for coin, (bid, ask) in PRICES.items():
        sim.price(f"{coin}_USDT", bid, ask)
    return sim


class RawClient:
    """Signs and sends one call on one kept connection; returns status, decoded body, headers."""

    def __init__(self, sim: Simulator, key: str = "key", secret: str = "secret", timeout_s: float = 10) -> None:
        parts = urlsplit(sim.url)
        assert parts.hostname
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        self.key, self.secret = key, secret

    def __call__(
        self, method: str, path: str, body: Any = None, *, query: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        full, timestamp = f"/api/v4{path}", str(time.time())
        sent = {
            "KEY": self.key,
            "Timestamp": timestamp,
            "SIGN": rest_signature(self.secret, method, full, query, raw, timestamp),
        } | (headers or {})
        target = f"{full}?{query}" if query else full
        self.connection.request(method, target, raw, {name: value for name, value in sent.items() if value})
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text), dict(answer.headers)
