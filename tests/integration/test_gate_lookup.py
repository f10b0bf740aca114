"""Finding an order again whose answer was lost, on an exchange that forgets, delays and fails."""

import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application.ports import ExchangeUnavailable, Found, NotSeen, OutcomeUnknown, Rejected
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent, OrderType, Side
from autotrader_v2.infrastructure.gate import private_reads
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Answer, Fault, gateway_page, lost_answer, lost_request, server_error, slow
from tests.contract.venues import CLOCK, LTC, an_intent
from tests.integration.simulated import a_simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Four markets with prices."""
    with a_simulator() as sim:
        yield sim


@pytest.fixture
def exchange(sim: Simulator) -> Iterator[GateExchange]:
    """The adapter of the first account."""
    exchange = GateExchange(sim.url, "key", "secret", CLOCK)
    exchange.warm()
    yield exchange
    exchange.close()


def lose(exchange: GateExchange, intent: OrderIntent) -> str:
    """Send an order whose answer does not come back; the hint that stays."""
    with pytest.raises(OutcomeUnknown) as unknown:
        exchange.send(intent)
    return unknown.value.order_id


@pytest.mark.parametrize("fault", [lost_answer(), server_error(executed=True), gateway_page(executed=True)])
def test_what_was_executed_is_found_as_one_fill(sim: Simulator, exchange: GateExchange, fault: Fault) -> None:
    intent = an_intent()
    sim.faults.add(fault)
    lose(exchange, intent)
    found = exchange.find(intent)
    assert isinstance(found, Found)
    assert (found.finished, found.result.base, len(found.result.fills)) == (True, Decimal("0.078"), 1)
    assert len(sim.account().orders) == 1


def test_o2_its_trades_alone_show_that_an_order_executed(sim: Simulator, exchange: GateExchange) -> None:
    """No list of orders tells it, nor its label, nor its id: without its trades it would count as never placed."""
    intent = an_intent()
    sim.faults.add(lost_answer())
    lose(exchange, intent)
    absent = Answer(404, b'{"label":"ORDER_NOT_FOUND","message":"Order not found"}')
    sim.faults.add(Fault(path="/spot/orders", method="GET", times=0, answer=Answer(200, b"[]")))
    sim.faults.add(Fault(path="/spot/orders/*", method="GET", times=0, answer=absent))
    found = exchange.find(intent)
    assert isinstance(found, Found)
    assert (found.finished, found.result.base) == (False, Decimal("0.078")), "there may be more of its trades"
    sim.faults.clear()
    found = exchange.find(intent, found.result.order_id)
    assert isinstance(found, Found)
    assert (found.finished, found.result.base, len(sim.account().orders)) == (True, Decimal("0.078"), 1)


def test_an_order_decided_by_a_clock_that_was_wrong_is_found_after_it_was_set_right(
    sim: Simulator, exchange: GateExchange
) -> None:
    """Ours was ten minutes ahead, then the program ended and the clock was set: what was executed must be seen."""
    intent = replace(an_intent(), decided_ms=CLOCK.now_ms() + 600_000, expires_ms=exchange.now_ms() + 3_000)
    sim.faults.add(lost_answer())
    lose(exchange, intent)
    assert isinstance(exchange.find(intent), Found)


@pytest.mark.parametrize("fault", [lost_request(), server_error(executed=False), gateway_page(executed=False)])
def test_what_never_arrived_is_not_seen(sim: Simulator, exchange: GateExchange, fault: Fault) -> None:
    intent = an_intent()
    sim.faults.add(fault)
    lose(exchange, intent)
    assert exchange.find(intent) == NotSeen()
    assert len(sim.account().orders) == 0


def test_o3_an_order_is_found_when_its_look_up_by_label_already_fails(sim: Simulator, exchange: GateExchange) -> None:
    sim.set_knobs(Knobs(text_lookup_ms=0))
    intent = an_intent()
    sim.faults.add(lost_answer())
    lose(exchange, intent)
    sim.faults.add(Fault(path="/spot/orders/*", method="GET", answer=Answer(404, b'{"label":"CLIENT_ID_NOT_FOUND"}')))
    assert isinstance(exchange.find(intent), Found)


@pytest.mark.parametrize("hint", [False, True], ids=["label", "id"])
def test_o3_an_order_that_only_own_trades_show_is_seen_and_waited_for(
    sim: Simulator, exchange: GateExchange, *, hint: bool
) -> None:
    """No list and no look-up knows it; its trade proves that it was placed, and may not be the last."""
    intent = an_intent()
    order_id = exchange.send(intent).order_id if hint else ""
    if not hint:
        sim.faults.add(lost_answer())
        lose(exchange, intent)
    for path, answer in (
        ("/spot/orders", Answer(200, b"[]")),
        ("/spot/open_orders", Answer(200, b"[]")),
        ("/spot/orders/*", Answer(404, b'{"label":"ORDER_NOT_FOUND","message":"no such order"}')),
    ):
        sim.faults.add(Fault(path=path, method="GET", times=9, execute=False, answer=answer))
    found = exchange.find(intent, order_id)
    assert isinstance(found, Found)
    [order] = sim.account().orders
    assert (found.finished, found.result.order_id, found.result.base) == (False, str(order.id), order.filled_base)
    assert found.traded
    sim.faults.clear()
    later = exchange.find(intent, found.result.order_id)
    assert isinstance(later, Found)
    assert later.finished


def test_o2_an_order_whose_row_says_that_it_filled_has_traded_before_its_trades_show(
    sim: Simulator, exchange: GateExchange
) -> None:
    intent = an_intent()
    exchange.send(intent)
    sim.faults.add(Fault(path="/spot/my_trades", method="GET", times=9, answer=Answer(200, b"[]")))
    found = exchange.find(intent)
    assert isinstance(found, Found)
    assert (found.finished, found.traded, found.result.fills) == (False, True, ())


def test_an_order_becomes_visible_after_a_while(sim: Simulator, exchange: GateExchange) -> None:
    sim.set_knobs(Knobs(visible_after_ms=400))
    intent = an_intent()
    sim.faults.add(lost_answer())
    lose(exchange, intent)
    before = exchange.find(intent)
    assert before == NotSeen() or (isinstance(before, Found) and not before.finished)
    time.sleep(0.5)
    after = exchange.find(intent)
    assert isinstance(after, Found)
    assert after.finished


def test_a_request_repeated_on_its_way_is_found_with_both_orders(sim: Simulator, exchange: GateExchange) -> None:
    """The label is no key: whatever moved money under it is part of the answer."""
    intent = an_intent()
    result = exchange.send(intent)
    sim.trade_by_hand("LTC_USDT", Side.BUY, 5, text=intent.client_id)
    found = exchange.find(intent, result.order_id)
    assert isinstance(found, Found)
    assert (found.result.base, found.result.order_id) == (2 * result.base, result.order_id)
    assert len({fill.order_id for fill in found.result.fills}) == 2


def test_an_order_that_rests_is_found_but_not_finished(sim: Simulator, exchange: GateExchange) -> None:
    order = sim.trade_by_hand("LTC_USDT", Side.BUY, 1, price="50", text="t-a1b2-7.1")
    found = exchange.find(an_intent())
    assert isinstance(found, Found)
    assert (found.finished, found.result.order_id, found.result.fills) == (False, str(order.id), ())
    assert not found.traded


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "/spot/my_trades"},
        {"path": "/spot/orders", "method": "GET"},
        {"path": "/spot/orders/*", "method": "GET"},
    ],
)
@pytest.mark.parametrize("status", [401, 503])
def test_an_incomplete_look_is_no_look(
    sim: Simulator, exchange: GateExchange, fault: dict[str, Any], status: int
) -> None:
    sim.faults.add(Fault(**fault, times=9, execute=False, answer=Answer(status, b'{"label":"INVALID_KEY"}')))
    with pytest.raises(ExchangeUnavailable):
        exchange.find(an_intent())


def test_a_read_that_fails_once_is_repeated(sim: Simulator, exchange: GateExchange) -> None:
    for path in ("/spot/accounts", "/wallet/fee", "/spot/currency_pairs", "/spot/order_book"):
        sim.faults.add(lost_answer(path=path, method="GET"))
    assert exchange.balances()["USDT"].total == 10_000
    assert exchange.rules([LTC])
    assert exchange.book(LTC).bids


def test_the_fee_is_read_elsewhere_without_the_right_to_read_the_wallet(sim: Simulator, exchange: GateExchange) -> None:
    sim.faults.add(Fault(path="/wallet/fee", answer=Answer(403, b'{"label":"FORBIDDEN","message":"no"}')))
    assert exchange.rules([LTC])[LTC].fee == Decimal("0.002")


def test_lists_of_many_pages_are_read_to_their_end(
    sim: Simulator, exchange: GateExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_reads, "_TRADES_A_PAGE", 3)
    monkeypatch.setattr(private_reads, "_ORDERS_A_PAGE", 2)
    intent = an_intent()
    result = exchange.send(intent)
    for _ in range(7):
        sim.trade_by_hand("LTC_USDT", Side.SELL, 1)
    fills = exchange.own_trades(LTC, intent.decided_ms)
    assert len(fills) == 8
    assert fills == tuple(sorted(fills, key=lambda fill: fill.time_ms))
    assert exchange.find(intent) == Found(result, finished=True)


def test_an_answer_slower_than_our_patience_is_unknown(
    sim: Simulator, exchange: GateExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotrader_v2.infrastructure.gate.placing._TIMEOUT", (1, 1))
    intent = an_intent()
    sim.faults.add(slow(1.5))
    lose(exchange, intent)
    assert isinstance(exchange.find(intent), Found)


def test_an_acknowledgement_leaves_its_id(sim: Simulator, exchange: GateExchange) -> None:
    intent = an_intent()
    sim.faults.add(Fault(path="/spot/orders", method="POST", answer=Answer(201, b'{"id":"1000000002","text":"x"}')))
    assert lose(exchange, intent) == "1000000002"


def test_clocks_that_differ_are_compared_and_then_agree(sim: Simulator, exchange: GateExchange) -> None:
    sim.clock_offset_ms = 120_000
    with pytest.raises(Rejected) as refused:
        exchange.send(an_intent(expires_ms=0))
    assert refused.value.label == "REQUEST_EXPIRED"
    exchange.warm()
    assert abs(exchange.now_ms() - CLOCK.now_ms() - 120_000) < 1_000
    assert exchange.send(an_intent(expires_ms=exchange.now_ms() + 3_000)).fills


def test_a_read_with_a_wrong_clock_mends_itself(sim: Simulator, exchange: GateExchange) -> None:
    sim.clock_offset_ms = -120_000
    assert exchange.balances()["USDT"].total == 10_000


def test_a_capped_order_is_found_with_its_part(sim: Simulator, exchange: GateExchange) -> None:
    intent = an_intent(type=OrderType.LIMIT, amount=Decimal(3), limit_price=Decimal("64.03"))
    sim.faults.add(lost_answer())
    lose(exchange, intent)
    found = exchange.find(intent)
    assert isinstance(found, Found)
    assert found.finished


def test_a_market_unknown_there_cannot_be_asked_about(exchange: GateExchange) -> None:
    with pytest.raises(ExchangeUnavailable):
        exchange.find(an_intent(market=Market("gate", "NOPE", "USDT")))
