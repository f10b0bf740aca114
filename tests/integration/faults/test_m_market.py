"""The market and time rows of the fault table: prices over the adapter's own streams and reads, which are spoilt."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.market_rules import RulesKeeper
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Reason
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.market_feed import GateMarketFeed
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Answer, Fault
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange
from tests.integration.faults.bench import ETH, MONEY, Bench, a_bench
from tests.integration.faults.box import inject
from tests.integration.test_unknown_orders import QUICK_PROOF

D = Decimal
BEST = "spot.book_ticker"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Prices come as in life: over the WebSocket, and by reads every two seconds."""
    with a_bench(tmp_path, streams=True) as bench:
        streaming(bench)
        yield bench


def newest(bench: Bench) -> Quote | None:
    return bench.engine.floor.board.newest(ETH.market)


def streaming(bench: Bench, price: str = "2500") -> None:
    """Wait until the stream tells prices: it alone knows sizes."""

    def by_stream() -> bool:
        quote = newest(bench)
        return quote is not None and quote.bid_size is not None and quote.bid == D(price)

    bench.until(price, f"the stream tells {price}", by_stream)


def test_m1_m2_doubled_and_swapped_updates_change_nothing(bench: Bench) -> None:
    bench.inject("ws_twice", channel=BEST, chance=0.4)
    bench.inject("ws_swap", channel=BEST, chance=0.4)
    bench.on()
    accepted = []
    for step in range(60):
        bench.price(D(2500) + D(step) / 10)
        time.sleep(0.012)
        quote = newest(bench)
        assert quote is not None
        accepted.append(quote)
    by_stream = [one.bid for one in accepted if one.bid_size is not None]
    assert by_stream == sorted(by_stream), "no price is taken back"
    assert {"ws_twice", "ws_swap"} <= set(bench.sim.faults.counts)
    bench.until("2506", "one start", lambda: bench.engine.state("ETH") == "ACTIVE")
    bench.booked_once()


def test_m4_silence_is_noticed_and_reads_carry_the_price_meanwhile(bench: Bench) -> None:
    bench.inject("ws_silence", channel="spot.*")

    def by_read() -> bool:
        quote = newest(bench)
        return quote is not None and quote.bid == 2510 and quote.bid_size is None

    bench.until("2510", "a read tells the price", by_read)
    bench.sim.faults.clear()
    streaming(bench, "2520")


def test_m4_without_stream_and_reads_nothing_is_decided_on_the_old_price(bench: Bench) -> None:
    bench.inject("ws_silence", channel="spot.*")
    bench.inject("error", path="/spot/tickers", method="GET", times=0)
    bench.inject("error", path="/spot/order_book", method="GET", times=0)
    bench.engine.until("it is old", lambda: quote_age_ms(bench) > 3_500)
    bench.on()
    bench.engine.until("it waits for a price", lambda: "quote" in bench.hold())
    time.sleep(0.5)
    assert bench.orders() == []
    bench.sim.faults.clear()
    bench.start_buy()


def quote_age_ms(bench: Bench) -> int:
    quote = newest(bench)
    assert quote is not None
    return bench.engine.floor.clock.now_ms() - quote.confirmed_ms


def spread_pct(bench: Bench) -> Decimal:
    quote = newest(bench)
    assert quote is not None
    return quote.spread_pct


def test_m5_flapping_connections_come_back_with_everything_on_them(bench: Bench) -> None:
    bench.inject("ws_drop", every_s=0.4, times=3)
    bench.engine.until("they flapped", lambda: bench.sim.faults.counts["ws_drop"] == 3)
    streaming(bench, "2511")
    bench.start_buy("2511")
    bench.booked_once()


def test_m5_the_exchange_asks_to_connect_anew_and_cannot_be_reached_for_a_while(bench: Bench) -> None:
    bench.inject("maintenance", path="/ws/*", times=2)
    bench.sim.act("ws_upgrade")
    bench.engine.until("it was refused twice", lambda: bench.sim.faults.counts["maintenance"] == 2)
    streaming(bench, "2512")


def test_m6_a_refused_subscription_leaves_reads_and_an_ignored_one_is_asked_again(tmp_path: Path) -> None:
    with a_bench(tmp_path / "refused", streams=True) as bench:
        bench.inject("subscription_refused", pair="ETH_USDT", times=0)
        bench.sim.drop_websockets()
        bench.engine.until("it was refused", lambda: bench.sim.faults.counts["subscription_refused"] > 0)
        bench.until("2513", "a read tells the price", lambda: (quote := newest(bench)) and quote.bid == 2513)
        bench.start_buy("2513")
        bench.booked_once()


def test_m6_a_coin_that_the_exchange_refuses_to_tell_has_no_price_and_the_others_trade(tmp_path: Path) -> None:
    """Its subscription is refused and no read has it either; the connection and the other coin do not suffer."""
    btc = rules_for("BTC")
    with Simulator([ETH, btc], {"USDT": MONEY}, seed=5) as sim:
        exchange = a_gate_exchange(sim)
        inject(sim, "subscription_refused", pair="ETH_USDT", times=0)
        feed = GateMarketFeed(sim.ws_url, exchange, SystemClock())
        with Engine(
            exchange, sim.feed, [ETH.market, btc.market], tmp_path, market_feed=feed, config=QUICK_PROOF
        ) as engine:
            for currency in ("ETH", "BTC"):
                engine.desk.switch(currency, "on", "test")

            def bought() -> bool:
                sim.feed(a_price(btc.market, D(60_000), btc.tick))
                return engine.state("BTC") == "ACTIVE"

            engine.until("the other coin trades", bought)
            assert sim.faults.counts["subscription_refused"] > 0
            assert engine.floor.board.newest(ETH.market) is None
            assert (engine.state("ETH"), engine.slot("ETH").hold.reason) == ("IDLE", Reason.NO_QUOTE)
            assert {one.pair for one in sim.account().orders} == {"BTC_USDT"}


def test_m7_an_old_price_out_of_a_cache_is_not_new(bench: Bench) -> None:
    """Reads give what was true before; the stream is right and stays so."""
    bench.inject("cached", path="/spot/tickers", times=0)
    for price in ("2520", "2530"):
        streaming(bench, price)
    ends_s = time.monotonic() + 2.5
    while time.monotonic() < ends_s:
        bench.price("2530")
        quote = newest(bench)
        assert quote is not None and quote.bid == 2530
        time.sleep(0.02)
    assert bench.sim.faults.counts["cached"] >= 1


@pytest.mark.parametrize("factor", ["10", "0.1", "1.6", "0.4"])
def test_m8_one_wrong_price_trades_nothing(bench: Bench, factor: str) -> None:
    """A position is open: at ten times the price it would be sold, at a tenth of it bought."""
    cycle = bench.start_buy()
    bench.inject("ws_wrong_price", factor=factor, channel=BEST, pair="ETH_USDT")
    bench.price("2501")
    bench.engine.until("it was told", lambda: bench.sim.faults.counts["ws_wrong_price"] == 1)
    ends_s = time.monotonic() + 0.6
    while time.monotonic() < ends_s:
        bench.price("2502")
        quote = newest(bench)
        assert quote is not None and D(2400) < quote.bid < D(2600)
        time.sleep(0.02)
    assert len(bench.sim.account().orders) == 1
    assert bench.cycle() == cycle


@pytest.mark.parametrize("value", ["NaN", "null", "", "1,5", "1e400", "-5", "0", "Infinity"])
def test_m9_no_number_in_a_price_is_dropped_and_the_next_one_taken(bench: Bench, value: str) -> None:
    bench.inject("ws_wrong_number", channel=BEST, field="b", value=value)
    bench.inject("wrong_number", path="/spot/tickers", field="last", value=value)
    bench.price("2505")
    streaming(bench, "2506")
    bench.start_buy("2506")
    bench.booked_once()


def test_m9_no_number_in_balances_rules_and_trades_stops_nothing_for_good(bench: Bench) -> None:
    bench.inject("wrong_number", path="/spot/accounts", field="available", value="NaN", times=2)
    bench.inject("wrong_number", path="/spot/my_trades", field="amount", value="1,5", times=2)
    bench.inject("ws_wrong_number", channel="spot.usertrades", field="price", value="1e400", times=2)
    bench.engine.floor.want_balances.set()
    bench.start_buy()
    bench.booked_once()
    bench.sale()
    assert bench.agree()


@pytest.mark.parametrize("how", ["crossed", "empty", "one_sided", "wide"])
def test_m10_nothing_is_bought_in_a_book_that_is_none(bench: Bench, how: str) -> None:
    bench.inject("ws_wrong_book", how=how, channel=BEST, times=0)
    bench.inject("wrong_book", how=how, path="/spot/*", times=0)
    # The last sound price decides as long as it is fresh; then there is none, or one with a spread of 30 %.
    bench.until("2500", "no sound price", lambda: quote_age_ms(bench) > 3_500 or spread_pct(bench) > 20)
    bench.on()
    ends_s = time.monotonic() + 1.0
    while time.monotonic() < ends_s:
        bench.price("2500")
        time.sleep(0.01)
    assert bench.orders() == []
    assert bench.engine.state("ETH") == "IDLE"
    assert bench.hold()
    bench.sim.faults.clear()
    bench.start_buy()
    bench.booked_once()


def test_m11_in_a_crash_steps_are_bought_one_after_the_other_and_never_for_more_than_the_budget(bench: Bench) -> None:
    bench.engine.desk.set_params("ETH", {"rebuy_pause_s": "0", "steps": "4"}, "test")
    bench.start_buy()
    bench.inject("move", pair="ETH_USDT", factor="0.6", ramp_s=3)
    ladder = bench.cycle().table
    needed = bench.cycle().invested + sum(row.quote for row in ladder.ahead)
    bench.until("2500", "the bottom", lambda: (quote := newest(bench)) and quote.bid < 1510, patience_s=20)
    bench.engine.until("nothing is in flight", lambda: bench.engine.floor.in_flight == set())
    cycle = bench.cycle()
    steps = [row.step for row in cycle.bought]
    assert steps == list(range(len(steps))), "each step once, in order"
    assert cycle.invested <= needed
    bench.engine.until("the books agree", bench.agree)


@pytest.mark.parametrize("offset_ms", [-3_000, 3_000])
def test_m12_a_clock_apart_from_ours_is_followed(bench: Bench, offset_ms: int) -> None:
    """The exchange's clock is stepped a little: signatures and expiries go by it once it was compared; it is told."""
    bench.sim.act("clock", step_ms=offset_ms)
    bench.engine.until("it is noticed", lambda: "clock_off" in bench.alerts())
    bench.start_buy()
    bench.booked_once()


def a_clock_that_only_an_answer_mends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exchange's clock is four seconds ahead of what we know, and nothing compares them by the way."""
    monkeypatch.setattr(bench.engine.exchange, "warm", lambda: None)
    bench.sim.act("clock", step_ms=4_000)


def ahead_ms(bench: Bench) -> int:
    """How far we take the exchange's clock to be ahead of ours."""
    return bench.engine.exchange.now_ms() - bench.engine.floor.clock.now_ms()


def test_o4_m12_an_order_refused_as_expired_has_the_clocks_compared_and_is_sent_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUEST_EXPIRED is a refusal: nothing was placed, and the next attempt goes by the exchange's time."""
    a_clock_that_only_an_answer_mends(bench, monkeypatch)
    bench.start_buy()
    bench.booked_once()
    assert sorted(bench.outcomes().values()) == ["filled", "refused"]
    [label] = [row["label"] for row in bench.engine.desk.orders("ETH", 30) if row["outcome"] == "refused"]
    assert label == "REQUEST_EXPIRED"
    assert abs(ahead_ms(bench) - 4_000) < 1_000


def test_o4_m12_an_expired_order_whose_refusal_was_lost_is_proven_absent_and_bought_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown first: without the answer nobody knows that it came too late, nor that the clocks differ."""
    a_clock_that_only_an_answer_mends(bench, monkeypatch)
    bench.inject("lost_answer", path="/spot/orders", method="POST")
    bench.start_buy()
    bench.booked_once()
    ends = list(bench.outcomes().values())
    assert (ends.count("filled"), ends.count("absent")) == (1, 1)
    assert set(ends) <= {"filled", "absent", "refused"}


def test_m12_beyond_five_seconds_nothing_is_sent_until_the_clock_is_right(bench: Bench) -> None:
    """It is told, shown at the coin, and ends by itself; the account is checked before anything is sent."""
    bench.sim.act("clock", step_ms=-30_000)
    bench.engine.until("it is told", lambda: "clock_wrong" in bench.alerts())
    bench.on()
    bench.until("2500", "it holds", lambda: bench.hold() == "clock_wrong")
    bench.sim.faults.add(Fault(path="/spot/open_orders", times=1000, execute=False, answer=Answer(500, b"{}")))
    bench.sim.act("clock", step_ms=30_000)
    bench.until("2500", "the account is to be checked first", lambda: bench.hold() == "checking")
    assert bench.sim.account().orders == ()
    bench.sim.faults.clear()
    bench.start_buy()
    bench.booked_once()
    assert "clock_right" in bench.alerts()


@pytest.mark.parametrize("status", ["untradable", "sellable"])
def test_m15_a_market_that_takes_no_buys_gets_none(bench: Bench, status: str) -> None:
    bench.sim.act("status", pair="ETH_USDT", status=status)
    RulesKeeper(bench.engine.floor).refresh([ETH.market])
    bench.on()
    bench.until("2500", "it holds", lambda: bench.hold() == "market_closed")
    assert bench.sim.account().orders == ()


def test_m15_an_announced_delisting_stops_buys_not_the_sale_and_is_told(bench: Bench) -> None:
    bench.start_buy()
    bench.sim.act("status", pair="ETH_USDT", delisting_in_s=3600, st_tag=True)
    RulesKeeper(bench.engine.floor).refresh([ETH.market])
    assert "delisting" in bench.alerts()
    bench.until("2400", "no rebuy", lambda: bench.hold() == "delisting")
    bench.sale()
    assert len(bench.orders(Side.SELL)) == 1


def test_m15_a_market_that_is_gone_freezes_and_asks_no_storm(bench: Bench) -> None:
    cycle = bench.start_buy()
    bench.sim.act("delist", pair="ETH_USDT")
    sent = len(bench.outcomes())
    bench.engine.until("its price is old", lambda: quote_age_ms(bench) > 3_500)
    assert bench.cycle() == cycle
    assert len(bench.outcomes()) - sent <= 1


def test_m16_maintenance_is_waited_out_and_reconciled_after(bench: Bench) -> None:
    """Everything answers 503 and streams cannot connect; then the cycle goes on with the same books."""
    cycle = bench.start_buy()
    bench.inject("maintenance")
    bench.inject("ws_silence")
    bench.sim.drop_websockets()
    bench.engine.until("its price is old", lambda: quote_age_ms(bench) > 3_500)
    asked = bench.sim.faults.counts["maintenance"]
    assert bench.cycle() == cycle
    bench.sim.faults.clear()
    bench.sale()
    assert bench.agree()
    assert asked < 200, "no storm"


def test_m17_a_redenominated_coin_is_not_traded(bench: Bench) -> None:
    cycle = bench.start_buy()
    bench.sim.act("redenominate", currency="ETH")
    RulesKeeper(bench.engine.floor).refresh([ETH.market])
    bench.until("2500", "the leap is seen", lambda: bench.hold() == "price_leaped", patience_s=20)
    assert len(bench.sim.account().orders) == 1
    assert bench.cycle().bought == cycle.bought
