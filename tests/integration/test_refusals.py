"""What the exchange refuses, or answers against its contract: known for what it is, tried once more at most."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.application.differences import Kind
from autotrader_v2.application.halt_ways import PAUSE_WAYS, Way
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.situation import Pause
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Answer, Fault, lost_request
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed
from tests.integration.test_late_fills import Bench
from tests.integration.test_unknown_orders import QUICK_PROOF

ETH = rules_for("ETH")
D = Decimal


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Simulator([ETH, rules_for("BTC")], {"USDT": 1000}) as sim:
        sim.feed(a_price(ETH.market, D(2500), ETH.tick))
        exchange = a_gate_exchange(sim)
        feed = an_account_feed(sim, exchange)
        config = replace(QUICK_PROOF, absence_reads=2)
        with Engine(exchange, sim.feed, [ETH.market], tmp_path, account_feed=feed, config=config) as engine:
            engine.price("ETH", "2500")
            yield Bench(sim, engine)


def pause_of(bench: Bench) -> Pause | None:
    return bench.engine.slot("ETH").state.pause


def until_paused(bench: Bench, cause: str) -> Pause:
    def paused() -> bool:
        pause = pause_of(bench)
        return pause is not None and pause.cause == cause

    bench.engine.until_price("ETH", "2500", f"paused: {cause}", paused)
    pause = pause_of(bench)
    assert pause is not None
    return pause


def an_answer(**changes: Any) -> Answer:
    """A good answer to a market buy of 10, but for what is wrong with it."""
    body = {
        "id": "4711",
        "text": "",
        "currency_pair": "ETH_USDT",
        "side": "buy",
        "type": "market",
        "amount": "10",
        "filled_amount": "0.0039",
        "filled_total": "9.75",
        "status": "closed",
        "finish_as": "filled",
    }
    return Answer(201, json.dumps(body | changes).encode())


IMPOSSIBLE = {
    "another pair": {"currency_pair": "BTC_USDT"},
    "another side": {"side": "sell"},
    "more than asked": {"filled_amount": "4", "filled_total": "10000"},
    "negative": {"filled_amount": "-1", "filled_total": "-2500"},
    "another order": {"text": "t-zzzz-1.1"},
}


@pytest.mark.parametrize("wrong", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_o9_an_impossible_answer_halts_the_coin_and_the_order_is_found_as_it_is(
    bench: Bench, wrong: dict[str, str]
) -> None:
    bench.sim.faults.add(Fault(path="/spot/orders", method="POST", answer=an_answer(**wrong)))
    bench.engine.desk.switch("ETH", "on", "test")
    pause = until_paused(bench, "contract_broken")
    [label] = {one.text for one in bench.sim.account().trades}
    assert dict(pause.values)["client_id"] == label
    assert pause.way_out == "resume"
    assert bench.alerts().count("contract_broken") == 1
    bench.engine.until("it is booked as it was", lambda: bench.engine.state("ETH") == "ACTIVE")
    assert bench.cycle().bought[0].client_ids == (label,)
    assert bench.books_agree()
    assert pause_of(bench) == pause, "it stays halted until somebody has looked"


def test_o21_a_label_nobody_knows_halts_the_coin_and_is_never_success(bench: Bench) -> None:
    refusal = Answer(400, b'{"label":"MOON_PHASE_WRONG","message":"come back later"}')
    bench.sim.faults.add(Fault(path="/spot/orders", method="POST", execute=False, answer=refusal))
    bench.engine.desk.switch("ETH", "on", "test")
    pause = until_paused(bench, "unknown_label")
    assert "MOON_PHASE_WRONG" in dict(pause.values)["what"]
    bench.engine.until("its absence is proven", lambda: bench.absent() != "")
    assert bench.engine.state("ETH") == "IDLE"
    assert bench.sim.account().trades == ()


RULES_BROKEN = Answer(400, b'{"label":"INVALID_PARAM_VALUE","message":"Your order size is too small"}')


def test_o17_a_refusal_by_the_rules_reads_them_once_and_tries_once_more(bench: Bench) -> None:
    """The minimum has risen: the next attempt is decided by it."""
    bench.engine.desk.set_params("ETH", {"start_quote": "20"}, "test")
    fresh = replace(ETH, min_quote=D(5))
    bench.sim.set_rules(fresh)
    bench.sim.faults.add(Fault(path="/spot/orders", method="POST", execute=False, answer=RULES_BROKEN))
    assert bench.engine.slot("ETH").state.rules.min_quote == ETH.min_quote
    bench.engine.desk.switch("ETH", "on", "test")
    bench.engine.until_price("ETH", "2500", "the second attempt", lambda: bench.engine.state("ETH") == "ACTIVE")
    assert bench.engine.slot("ETH").state.rules.min_quote == 5
    assert sorted(bench.outcomes().values()) == ["filled", "refused"]
    assert pause_of(bench) is None


def test_o17_a_second_refusal_by_the_rules_halts_the_coin_with_the_reason(bench: Bench) -> None:
    bench.sim.faults.add(Fault(path="/spot/orders", method="POST", times=50, execute=False, answer=RULES_BROKEN))
    bench.engine.desk.switch("ETH", "on", "test")
    pause = until_paused(bench, "orders_fail")
    assert dict(pause.values)["label"] == "INVALID_PARAM_VALUE"
    assert list(bench.outcomes().values()) == ["refused", "refused"]


def test_o20_not_enough_balance_is_read_at_once_and_explained(bench: Bench) -> None:
    """Money left the account a moment ago: refused, nothing reserved, and the withdrawal is named."""
    reconciler = bench.engine.trader.reconciler
    feed = bench.engine.account_feed
    bench.engine.until("the stream", lambda: feed is not None and feed.connected)
    for _ in range(2):  # what the stream's beginning asked for is over then
        bench.engine.desk.reconcile_now()
    bench.sim.withdraw("USDT", 995)
    bench.engine.desk.switch("ETH", "on", "test")
    seen: list[Decimal] = []

    def named() -> bool:
        report = reconciler.report
        seen.extend(one.amount for one in report.differences if one.kind is Kind.WITHDRAWAL) if report else None
        return bool(seen)

    bench.engine.until_price("ETH", "2500", "the withdrawal is named", named)
    assert seen[0] == -995
    assert set(bench.outcomes().values()) == {"refused"}
    assert bench.engine.floor.wallet.free() == 5
    assert not isinstance(bench.engine.slot("ETH").state.cycle, Active)


def test_a4_a_revoked_key_stops_the_account_tells_once_and_is_not_insisted_on(bench: Bench) -> None:
    refusal = Answer(401, b'{"label":"INVALID_KEY","message":"Invalid key provided"}')
    bench.sim.faults.add(Fault(path="/spot/accounts", times=10_000, execute=False, answer=refusal))
    bench.sim.faults.add(Fault(path="/spot/my_trades", times=10_000, execute=False, answer=refusal))
    floor = bench.engine.floor
    floor.want_balances.set()
    bench.engine.until("the account is paused", lambda: floor.account_pause is not None)
    pause = floor.account_pause
    assert pause is not None
    assert (pause.cause, pause.sells) == ("account_refused", False)
    for _ in range(40):
        floor.want_balances.set()
        floor.want_reconcile.set()
        bench.engine.price("ETH", "2500")
        bench.engine.trader._stopping.wait(0.05)
    asked = sum(rule.seen for rule in bench.sim.faults._calls)
    assert asked <= 3, "a refusal per thread that was on its way, then half a minute of silence"
    assert bench.alerts().count("account_paused") == 1


def test_a4_a_revoked_key_is_no_exchange_that_is_away_and_a_resume_asks_again_at_once(bench: Bench) -> None:
    """With an order of unknown outcome, which is asked for again and again: each refusal is an answer."""
    engine, floor = bench.engine, bench.engine.floor
    bench.sim.faults.add(lost_request())
    engine.desk.switch("ETH", "on", "test")

    def unknown() -> bool:
        order = engine.slot("ETH").state.order
        return order is not None and order.unknown

    engine.until_price("ETH", "2500", "an order of unknown outcome", unknown)
    bench.sim.act("key", state="revoked")
    engine.until("the account is paused", lambda: floor.account_pause is not None)
    assert floor.account_pause is not None
    assert floor.account_pause.cause == "account_refused"
    assert PAUSE_WAYS["account_refused"] == (Way.CHECK_KEY, Way.RESUME_ACCOUNT)
    reach = engine.trader.reach
    assert (reach.failures, reach.failing_since_s) == (0, None), "it answered: it is there"
    assert floor.standstill.now is None
    # Questions that were on their way when the first was refused are answered by now; the rest is not asked any more.
    engine.trader._stopping.wait(0.5)
    bench.sim.act("key", state="ok")
    engine.desk.resume_cycle(None, "test")
    engine.until("its absence is proven", lambda: bench.absent() != "")
    assert floor.account_pause is None, "a refusal from before the resume counts no more"
    assert not {"exchange_away", "exchange_back"} & set(bench.alerts())


def test_a6_an_account_of_another_kind_stops_everything_until_the_owner_means_it(tmp_path: Path) -> None:
    """Seen at the start; accepted by resuming; not asked about again by the next start."""
    detail = Answer(200, b'{"user_id": 1, "key": {"mode": 2}}')
    with Simulator([ETH], {"USDT": 1000}) as sim:
        sim.feed(a_price(ETH.market, D(2500), ETH.tick))
        sim.faults.add(Fault(path="/account/detail", times=100, answer=detail))
        exchange = a_gate_exchange(sim)
        with Engine(exchange, sim.feed, [ETH.market], tmp_path, config=QUICK_PROOF) as engine:
            pause = engine.floor.account_pause
            assert pause is not None
            assert (pause.cause, dict(pause.values)["value"], pause.sells) == ("account_kind", "unified", False)
            assert [one.code for one in engine.told].count("account_kind") == 1
            engine.trader._account_check.check()
            engine.desk.resume_cycle(None, "test")
            engine.trader._account_check.check()
            assert engine.floor.account_pause is None
        with Engine(a_gate_exchange(sim), sim.feed, [ETH.market], tmp_path, config=QUICK_PROOF) as engine:
            assert engine.floor.account_pause is None


RIGHTS = {
    "may withdraw": ([("spot", False), ("withdraw", False)], "key_withdraws"),
    "may not trade": ([("spot", True), ("wallet", True)], "key_read_only"),
    "as it should be": ([("spot", False), ("wallet", True)], None),
}


@pytest.mark.parametrize(("perms", "cause"), RIGHTS.values(), ids=RIGHTS)
def test_a4_a_key_with_other_rights_than_needed_stops_everything(
    tmp_path: Path, perms: list[tuple[str, bool]], cause: str | None
) -> None:
    rows = [{"name": name, "read_only": read_only} for name, read_only in perms]
    keys = Answer(200, json.dumps([{"state": 1, "perms": rows}]).encode())
    with Simulator([ETH], {"USDT": 1000}) as sim:
        sim.feed(a_price(ETH.market, D(2500), ETH.tick))
        sim.faults.add(Fault(path="/account/main_keys", times=100, answer=keys))
        with Engine(a_gate_exchange(sim), sim.feed, [ETH.market], tmp_path, config=QUICK_PROOF) as engine:
            pause = engine.floor.account_pause
            assert (pause.cause if pause else None) == cause


def test_a4_every_reason_is_told_before_its_owner_resumes_and_nothing_trades_until_then(tmp_path: Path) -> None:
    """A key that may withdraw, for another kind of account: resuming accepts both, so both are told, once."""
    with Simulator([ETH], {"USDT": 1000}) as sim:
        sim.feed(a_price(ETH.market, D(2500), ETH.tick))
        sim.act("key", withdraw=True)
        sim.act("account_kind", unified=True)
        with Engine(a_gate_exchange(sim), sim.feed, [ETH.market], tmp_path, config=QUICK_PROOF) as engine:
            pause = engine.floor.account_pause
            assert pause is not None
            assert (pause.cause, pause.sells) == ("key_withdraws", False)
            engine.trader._account_check.check()
            codes = [one.code for one in engine.told]
            assert (codes.count("key_withdraws"), codes.count("account_kind")) == (1, 1)
            engine.desk.switch("ETH", "on", "test")
            for _ in range(20):
                engine.price("ETH", "2500")
            assert sim.account().orders == ()
        with Engine(a_gate_exchange(sim), sim.feed, [ETH.market], tmp_path, config=QUICK_PROOF) as engine:
            assert engine.floor.account_pause is not None, "a restart is no consent"
            engine.desk.resume_cycle(None, "test")
            engine.trader._account_check.check()
            assert engine.floor.account_pause is None


def test_p10_an_order_that_an_older_journal_does_not_know_halts_its_coin_once(bench: Bench) -> None:
    """Its label is ours, the journal never wrote it: an older copy was put back."""
    instance = bench.engine.trader._state.instance
    label = f"t-{instance}-zz.1"
    bench.arrives(label, "10")
    pause = until_paused(bench, "order_not_in_journal")
    assert dict(pause.values)["client_id"] == label
    bench.engine.desk.resume_cycle("ETH", "test")
    told = bench.engine.desk.reconcile_now()
    assert told is not None
    assert [one["kind"] for one in told["differences"] if one["unexplained"]] == ["order_not_in_journal"]
    assert pause_of(bench) is None, "what the owner has seen does not stop the coin again"
    assert bench.engine.journal.load().settings["orders_not_in_journal"] == [label]
