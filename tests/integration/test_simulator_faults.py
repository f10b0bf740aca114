"""Faults hit the calls they name, as often as they say, and nothing else."""

import http.client
import time
from collections.abc import Iterator

import pytest

from autotrader_v2.domain.quotes import Quote
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Ending, Fault, Faults, late, lost_answer, slow, too_many_requests
from tests.integration.simulated import RawClient, a_simulator

ORDER = {"currency_pair": "LTC_USDT", "side": "buy", "amount": "1", "price": "60"}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """One exchange."""
    with a_simulator() as sim:
        yield sim


def test_rules_count_their_calls() -> None:
    faults = Faults()
    faults.add(Fault(path="/spot/orders*", method="POST", skip=1, times=2))
    faults.add(Fault(method="GET", times=1))
    hits = [bool(faults.strike("POST", "/spot/orders")) for _ in range(5)]
    assert hits == [False, True, True, False, False]
    assert faults.strike("GET", "/spot/time") and not faults.strike("GET", "/spot/time")
    faults.add(lost_answer())
    faults.clear()
    assert faults.strike("POST", "/spot/orders") is None


def test_a_slow_answer_comes_late_and_a_late_request_may_be_expired(sim: Simulator) -> None:
    call = RawClient(sim)
    sim.faults.add(slow(0.1))
    began = time.monotonic()
    assert call("POST", "/spot/orders", ORDER)[0] == 201
    assert time.monotonic() - began >= 0.1
    sim.faults.add(late(0.05))
    expires = {"x-gate-exptime": str(int(time.time() * 1000) + 20)}
    status, body, _ = call("POST", "/spot/orders", ORDER, headers=expires)
    assert (status, body["label"]) == (403, "REQUEST_EXPIRED")
    assert len(sim.account().orders) == 1


def test_an_answer_can_hang_or_be_cut(sim: Simulator) -> None:
    sim.faults.add(Fault(path="/spot/orders", ending=Ending.HANG))
    with pytest.raises(TimeoutError):
        RawClient(sim, timeout_s=0.1)("POST", "/spot/orders", ORDER)
    sim.faults.add(Fault(path="/spot/orders", ending=Ending.CUT))
    with pytest.raises(http.client.IncompleteRead):
        RawClient(sim)("POST", "/spot/orders", ORDER)
    assert len(sim.account().orders) == 2


def test_a_429_can_name_a_time(sim: Simulator) -> None:
    sim.faults.add(too_many_requests(retry_after_s=3))
    status, _, headers = RawClient(sim)("POST", "/spot/orders", ORDER)
    assert (status, headers["Retry-After"]) == (429, "3")


def test_a_fresh_order_may_be_invisible(sim: Simulator) -> None:
    sim.set_knobs(Knobs(visible_after_ms=60_000))
    call = RawClient(sim)
    _, made, _ = call("POST", "/spot/orders", ORDER)
    assert call("GET", f"/spot/orders/{made['id']}", query="currency_pair=LTC_USDT")[0] == 404
    assert len(sim.account().open_orders) == 1


def test_a_bad_price_does_not_stop_the_good_ones(sim: Simulator) -> None:
    sim.price("LTC_USDT", "70", "60")
    unknown = rules_for("DOGE").market
    sim.feed(Quote(unknown, *(sim.call(lambda core: core.pits["LTC_USDT"].book.quote)[1:4]), 1, 1))  # type: ignore[index]
    sim.price("LTC_USDT", "66", "67")
    assert sim.call(lambda core: core.pits["LTC_USDT"].book.last) == 66


def test_a_taken_port_is_an_error(sim: Simulator) -> None:
    port = int(sim.url.split(":")[2].split("/")[0])
    with pytest.raises(OSError):
        a_simulator(port=port).start()


def test_the_server_spends_little_time_on_an_order(sim: Simulator) -> None:
    """Its own times say so: X-In-Time to X-Out-Time, in microseconds. The bound is wide, for busy machines."""
    call = RawClient(sim)
    market = {"currency_pair": "LTC_USDT", "side": "buy", "type": "market", "amount": "5", "time_in_force": "ioc"}
    spent = []
    for _ in range(50):
        _, _, headers = call("POST", "/spot/orders", market)
        spent.append(int(headers["X-Out-Time"]) - int(headers["X-In-Time"]))
    assert sorted(spent)[25] < 2_000
