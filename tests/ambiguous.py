"""Thousands of orders of unknown outcome: the real engine, SDK and sockets, and a network that spoils every order.

Every order that is sent gets one fault of the rows O1 to O8, from a seed, and the stream that tells own trades loses,
doubles, swaps, delays and throttles its messages by chance of the same seed. All times of the proof of absence are
shortened alike: orders live 1 s instead of 3, the clock's error counts 50 ms instead of 1 s, the exchange shows
everything after 0.2 s instead of 10 (the simulator does so at once), readings are 0.2 s apart instead of 2. Our own
rate budget and the simulator's are lifted, because one account's allowance would make 10,000 sends last an hour.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog

from autotrader_v2.application.ports import TradingError
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import floor_to
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.account_feed import GateAccountFeed
from autotrader_v2.infrastructure.gate.budget import Budget
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests import audit
from tests.canary import KEY, SECRET, no_secret_in
from tests.engine import LIMITS_OFF, Engine, a_price
from tests.integration.test_unknown_orders import QUICK_PROOF
from tests.proxy import Do, Proxy, Rule, page
from tests.proxy_streams import DoFrame, FrameRule

# Lives short enough to be overslept by the late ones of the mix.
CONFIG = replace(QUICK_PROOF, reconcile_s=10.0, order_life_ms=1000)
_PRICE = Decimal(25)
_ROUND_S = 0.1
_DONE_S = 120.0
_JSON = "application/json"
_GATE_500 = '{"label":"SERVER_ERROR","message":"Internal server error"}'

# Fault -> how often. The name begins with its row.
MIX: Mapping[Rule, int] = {
    Rule(name="O1 dropped on the way there", do=Do.DROP_BEFORE): 8,
    Rule(name="O1 reset on the way there", do=Do.RESET_BEFORE): 6,
    Rule(name="O1 never answered, never carried out", do=Do.BLACKHOLE_BEFORE): 1,
    Rule(name="O2 answer dropped", do=Do.DROP_AFTER): 20,
    Rule(name="O2 never answered, carried out", do=Do.BLACKHOLE_AFTER): 2,
    Rule(name="O4 late within its life, answer lost", delay_before_s=0.3, do=Do.DROP_AFTER): 4,
    Rule(name="O4 late past its life, answer lost", delay_before_s=1.3, do=Do.DROP_AFTER): 2,
    Rule(name="O5 500 in Gate's words, carried out", do=Do.REPLACE, answer=page(500, _GATE_500, _JSON)): 6,
    Rule(name="O5 500 in Gate's words", do=Do.REPLACE, answer=page(500, _GATE_500, _JSON), carried_out=False): 3,
    Rule(name="O5 502 page", do=Do.REPLACE, answer=page(502), carried_out=False): 4,
    Rule(name="O5 503 page, carried out", do=Do.REPLACE, answer=page(503)): 6,
    Rule(name="O5 504 page, carried out", do=Do.REPLACE, answer=page(504)): 8,
    Rule(name="O6 429 without a label, carried out", do=Do.REPLACE, answer=page(429, "slow down", "text/plain")): 2,
    Rule(name="O7 reset after", do=Do.RESET_AFTER): 8,
    Rule(name="O7 cut in the head", do=Do.CUT, keep=40): 5,
    Rule(name="O7 cut in the body", do=Do.CUT, keep=250): 5,
    Rule(name="O7 half the JSON", do=Do.TRUNCATE, keep=90): 6,
    Rule(name="O7 no body", do=Do.TRUNCATE, keep=0): 3,
    Rule(name="O8 carried out twice", do=Do.REPEAT): 1,
    Rule(name="O8 carried out twice, answer lost", do=Do.REPEAT, delay_after_s=5.0): 1,
}
_OWN_TRADES = "spot.usertrades"
# And what becomes of the telling of own trades meanwhile; the reads are what counts.
MIX_OF_STREAMS: Mapping[FrameRule, int] = {
    FrameRule(channel=_OWN_TRADES, do=DoFrame.PASS): 10,
    FrameRule(channel=_OWN_TRADES, do=DoFrame.DROP): 4,
    FrameRule(channel=_OWN_TRADES, do=DoFrame.REPEAT): 4,
    FrameRule(channel=_OWN_TRADES, do=DoFrame.SWAP): 2,
    FrameRule(channel=_OWN_TRADES, do=DoFrame.DELAY, delay_s=0.5): 2,
    FrameRule(channel=_OWN_TRADES, do=DoFrame.DELAY, delay_s=2.0): 1,
    FrameRule(channel=_OWN_TRADES, do=DoFrame.THROTTLE, bytes_per_s=2_000): 1,
}


@dataclass(frozen=True)
class Figures:
    """What came of it. `sends`: orders that left; `seconds_to_known`: from decision to a known end, sorted."""

    sends: int
    kinds: Counter[str]
    ends: Counter[str]
    wrong: list[str]
    duplicates: int
    lost: int
    halted_as_doubled: int
    doubled_by_network: int
    pauses: Counter[str]
    seconds_to_known: list[float]
    seconds: float
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """One JSON object."""
        times = self.seconds_to_known
        return {
            "seed": self.seed,
            "ambiguous_sends": self.sends,
            "resolved_right": self.sends - len(self.wrong),
            "wrong": self.wrong[:10],
            "duplicates": self.duplicates,
            "lost": self.lost,
            "ends": dict(self.ends),
            "network_doubled": self.doubled_by_network,
            "doubled_seen_and_halted": self.halted_as_doubled,
            "pauses_ended_by_hand": dict(self.pauses),
            "to_known_s": {
                "p50": round(times[len(times) // 2], 2),
                "p99": round(times[len(times) * 99 // 100], 2),
                "max": round(times[-1], 2),
            },
            "seconds": round(self.seconds, 1),
            "kinds": dict(sorted(self.kinds.items())),
        }


def run(folder: Path, *, sends: int, markets: int, seed: int) -> Figures:
    """Send until so many were spoiled, heal the network, wait for the end, compare the books."""
    folder.mkdir(parents=True, exist_ok=True)
    with _all_logged(folder / "everything.log"):
        figures = _run(folder, sends=sends, markets=markets, seed=seed)
    assert no_secret_in(folder) > 0
    return figures


def _run(folder: Path, *, sends: int, markets: int, seed: int) -> Figures:
    names = ["".join(letters) for letters in product("ABCDEFGHIJKLMNOPQRSTUVWXYZ", repeat=3)][:markets]
    rules = [rules_for(f"Z{name}", price=_PRICE) for name in names]
    began_s = time.monotonic()
    with (
        patch.object(Budget, "take", lambda *_arguments, **_named: True),
        Simulator(rules, {"USDT": 1_000_000}, key=KEY, secret=SECRET, seed=seed, rate_limits=False) as sim,
        Proxy(sim.url, seed=seed) as proxy,
    ):
        for one in rules:
            sim.feed(a_price(one.market, _PRICE, one.tick))
        exchange = GateExchange(proxy.url, KEY, SECRET, SystemClock())
        exchange.warm()
        feed = GateAccountFeed(proxy.ws_url, exchange, SystemClock())
        with Engine(
            exchange, sim.feed, [one.market for one in rules], folder, account_feed=feed, config=CONFIG
        ) as engine:
            pauses = _send(engine, proxy, rules, sends)
            _heal(engine, proxy, rules)
        exchange.close()
        account = sim.account()
    struck = {_label(request.raw): rule.name for rule, request in proxy.struck}
    trips = Counter(order.text for order in account.orders if order.filled_base)
    # The second of two sales finds nothing to sell: only what traded twice counts.
    doubled = {text for text, times in trips.items() if times > 1 and struck[text].startswith("O8")}
    books = audit.read(folder / "journal.sqlite3")
    attempts = {row["client_id"]: row for row in books.attempts}
    wrong = audit.differences(books, account, repeated=doubled)
    # Said a second time, order by order: known as filled exactly when the exchange filled it.
    wrong += [
        f"{text} ({struck[text]}) is {attempts[text]['state']}"
        for text in struck
        if (attempts[text]["state"] == "filled") != bool(trips[text])
    ]
    told = " ".join(row["payload"] or "" for row in books.alerts if row["code"] == "order_doubled")
    return Figures(
        sends=len(struck),
        kinds=Counter(struck.values()),
        ends=Counter(attempts[text]["state"] for text in struck),
        wrong=wrong,
        duplicates=sum(times > 1 for text, times in trips.items() if text not in doubled)
        + len(proxy.requests("POST", "/spot/orders"))
        - len({_label(one.raw) for one in proxy.requests("POST", "/spot/orders")}),
        lost=len({str(one.id) for one in account.trades} - {row["trade_id"] for row in books.fills}),
        halted_as_doubled=sum(text in told for text in doubled),
        doubled_by_network=len(doubled),
        pauses=pauses,
        seconds_to_known=sorted((attempts[text]["closed_ms"] - attempts[text]["decided_ms"]) / 1000 for text in struck),
        seconds=time.monotonic() - began_s,
        seed=seed,
    )


@contextmanager
def _all_logged(path: Path) -> Iterator[None]:
    """Every line of every log, with nothing taken out of it, in one file: what no secret may ever be in."""
    before = structlog.get_config()
    root = logging.getLogger()
    level = root.level
    with path.open("w", encoding="utf-8") as file:
        handler = logging.StreamHandler(file)
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(file))
        try:
            yield
        finally:
            structlog.configure(**before)
            root.setLevel(level)
            root.removeHandler(handler)


def _send(engine: Engine, proxy: Proxy, rules: list[MarketRules], sends: int) -> Counter[str]:
    """Walk every market through starts and sales until so many orders were spoiled."""
    pauses: Counter[str] = Counter()
    engine.desk.set_order_limits(dict.fromkeys(LIMITS_OFF, Decimal(0)), "test")
    for one in rules:
        engine.price(one.market.base, _PRICE)
        engine.desk.switch(one.market.base, "on", "test")
    proxy.mix(MIX, MIX_OF_STREAMS)
    ends_s = time.monotonic() + 60 + sends
    turn = 0
    while len(proxy.struck) < sends:
        assert time.monotonic() < ends_s, f"only {len(proxy.struck)} orders left in that time"
        turn += 1
        _tell(engine, rules, turn)
        for one in rules:
            pause = engine.slot(one.market.base).state.pause
            if pause is not None:
                pauses[pause.cause] += 1
                engine.desk.resume_cycle(one.market.base, "test")
        time.sleep(_ROUND_S)
    return pauses


def _heal(engine: Engine, proxy: Proxy, rules: list[MarketRules]) -> None:
    """Nothing goes wrong any more and nothing new is wanted: every order must become known."""
    for one in rules:
        try:
            engine.desk.switch(one.market.base, "off", "test")
        except TradingError as error:
            raise AssertionError(f"a switch never waits: {error}") from error
    proxy.clear()
    engine.until("every order is known", lambda: not engine.floor.in_flight, _DONE_S)
    engine.until("nothing waits to be booked", lambda: not engine.trader.late_fills._waiting, _DONE_S)
    assert engine.floor.wallet.funds().reserved == 0


def _tell(engine: Engine, rules: list[MarketRules], turn: int) -> None:
    """Above the average where coins are held; else near the start price, by turns: a moved price ends a back-off."""
    for one in rules:
        cycle = engine.slot(one.market.base).state.cycle
        price = _PRICE * (100 + turn // 20 % 2 * 2) / 100
        if isinstance(cycle, Active):
            price = cycle.invested / cycle.held * (103 + turn // 20 % 2 * 2) / 100
        engine.price(one.market.base, floor_to(price, one.tick))


def _label(raw: bytes) -> str:
    """The client id of a sent order."""
    text: str = json.loads(raw.partition(b"\r\n\r\n")[2])["text"]
    return text
