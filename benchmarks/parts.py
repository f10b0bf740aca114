"""The raw parts of an order's way, each by itself: what the way must cost even if nothing else did."""

import queue
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from autotrader_v2.application.events import AttemptClosed, Intended, Outcome
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import ClientId, OrderIntent, OrderType, Side, Why
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.placing import body_of
from autotrader_v2.infrastructure.gate.sdk import open_client
from autotrader_v2.infrastructure.gate.signing import Signer
from autotrader_v2.infrastructure.store import SqlJournal
from benchmarks import report
from benchmarks.children import Child
from benchmarks.markets import markets
from benchmarks.stamps import departed_ns, stamp_departures
from tests.engine import BINDING

# As in life: some rest between two orders, so that neither caches nor the processor are warmer than they would be.
_REST_S = 0.02


def measure(folder: Path, count: int) -> report.Figures:
    """Each part `count` times, at once after the one before it and with a rest between."""
    return {
        "back_to_back": _measured(folder / "back_to_back.sqlite3", count, 0.0),
        "rested": _measured(folder / "rested.sqlite3", count, _REST_S),
    }


def _measured(file: Path, count: int, rest_s: float) -> report.Figures:
    """`sum_us` adds up the middles on the way to the wire: two hops, one commit, one call."""
    hop = report.spread(queue_hops_ns(count, rest_s))
    commit = report.spread(commits_ns(file, count, rest_s))
    to_wire_ns, round_trip_ns = sdk_calls_ns(count, rest_s)
    to_wire = report.spread(to_wire_ns)
    return {
        "queue_hop": hop,
        "journal_commit": commit,
        "sdk_call_to_wire": to_wire,
        "sdk_call_whole": report.spread(round_trip_ns),
        "sum_us": round(2 * hop["p50_us"] + commit["p50_us"] + to_wire["p50_us"], 1),
    }


def queue_hops_ns(count: int, rest_s: float) -> list[int]:
    """From a put in one thread to the get in another that waits for it."""
    there: queue.SimpleQueue[int] = queue.SimpleQueue()
    took: list[int] = []

    def take() -> None:
        while began_ns := there.get():
            took.append(time.perf_counter_ns() - began_ns)

    taker = threading.Thread(target=take)
    taker.start()
    for _ in range(count):
        time.sleep(rest_s)
        there.put(time.perf_counter_ns())
    there.put(0)
    taker.join()
    return took


def commits_ns(file: Path, count: int, rest_s: float) -> list[int]:
    """An intent made durable, in a journal of its own."""
    journal = SqlJournal(file, BINDING, account=BINDING.account)
    state = journal.load()
    took = []
    for _ in range(count):
        intent = an_intent(markets(1)[0], str(ClientId(state.instance, journal.new_number(), 1)))
        time.sleep(rest_s)
        began_ns = time.perf_counter_ns()
        journal.write(Intended(intent))
        took.append(time.perf_counter_ns() - began_ns)
        journal.write(AttemptClosed(client_id=intent.client_id, outcome=Outcome.NOT_SENT, time_ms=intent.decided_ms))
    journal.close()
    return took


def sdk_calls_ns(count: int, rest_s: float) -> tuple[list[int], list[int]]:
    """(until the request's last byte was handed to the system, until the answer was there) of one signed order."""
    import gate_api

    to_wire, whole = [], []
    clock = SystemClock()
    intent = an_intent(markets(1)[0], "t-test-1.1")
    with Child("stub_process") as stub:
        client: Any = open_client(stub.url, Signer("key", "secret"), clock.now_ms, pool_size=1)
        stamp_departures(client)
        spot = gate_api.SpotApi(client)
        for _ in range(count + 1):
            time.sleep(rest_s)
            began_ns = time.perf_counter_ns()
            expires = str(clock.now_ms() + 3000)
            spot.create_order(body_of(intent), _request_timeout=(2, 4), x_gate_exptime=expires)
            whole.append(time.perf_counter_ns() - began_ns)
            to_wire.append(departed_ns() - began_ns)
        client.rest_client.pool_manager.clear()
        client.close()
    # The first call connects.
    return to_wire[1:], whole[1:]


def an_intent(market: Market, client_id: str) -> OrderIntent:
    """A start buy."""
    intent = OrderIntent(
        client_id=client_id,
        market=market,
        side=Side.BUY,
        type=OrderType.MARKET,
        amount=Decimal(25),
        why=Why.START,
        cycle_id=1,
        step=0,
        worst_price=Decimal(101),
        seen_price=Decimal(100),
        decided_ms=SystemClock().now_ms(),
        max_cost=Decimal(25),
    )
    return replace(intent, expires_ms=intent.decided_ms + 3000)
