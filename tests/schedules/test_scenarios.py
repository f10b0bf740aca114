"""Rows A6 and P14 under every schedule with one deviation, and random ones: switches, buttons, prices, fills, readings.

Whatever the order: `Arena.check` holds (journal, memory, wallet and exchange agree; no step is bought twice), and what
the scenario says of itself. Most prices are there before the threads run, so that deviations are spent in the engine.
"""

from collections.abc import Callable
from decimal import Decimal

import pytest

from autotrader_v2.application.ports import Rejected
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.money import floor_to
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.domain.situation import Pause, SwitchMode
from autotrader_v2.matching.records import OrderRequest, TimeInForce
from tests.schedules.arena import ETH, SOL, Arena
from tests.schedules.explore import explore


def a6_two_workers_and_two_prices_start_once(arena: Arena) -> None:
    arena.on(ETH)
    arena.work(2)
    arena.do("feed", lambda: arena.price(ETH, "2500"), lambda: arena.price(ETH, "2499"))
    arena.run()
    assert len(arena.bought()) == 1


def a6_coins_sold_by_hand_are_followed_by_one_start(arena: Arena) -> None:
    cycle = arena.started()
    arena.work()
    arena.do("hand", lambda: arena.exchange.by_hand(_by_hand(cycle.held)))
    arena.do("reconciler", arena.trader.reconciler.reconcile, arena.trader.reconciler.reconcile)
    arena.do("feed", lambda: arena.price(ETH, "2500"), lambda: arena.price(ETH, "2500.5"))
    arena.run()
    for price in ("2501", "2501.5"):
        arena.trader.reconciler.reconcile()
        arena.price(ETH, price)
        arena.settle()
    arena.check()
    after = arena.slot().state.cycle
    assert isinstance(after, Active), "it started again"
    assert after.cycle_id == cycle.cycle_id + 1
    assert len(arena.bought()) == 2


def a6_take_profit_then_one_start(arena: Arena) -> None:
    cycle = arena.started()
    up = cycle.sell_price * Decimal("1.001")
    arena.work(2)
    arena.do("feed", lambda: arena.price(ETH, up), lambda: arena.price(ETH, up + 1), lambda: arena.price(ETH, up + 2))
    arena.do("balances", arena.read_balances)
    arena.run()
    assert len(arena.sold()) == 1
    assert len(arena.bought()) <= 2


def a6_quick_buy_and_start_make_one_start(arena: Arena) -> None:
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("person", _tried(lambda: arena.trader.buy("ETH", Decimal(20), "test")))
    arena.run()
    cycle = arena.slot().state.cycle
    assert isinstance(cycle, Active)
    assert [row.step for row in cycle.bought].count(0) == 1
    assert len(arena.bought()) == len(cycle.bought)


def p14_two_quick_buys_are_two_rows_or_a_refusal(arena: Arena) -> None:
    outcomes: list[str] = []
    for tab in ("tab-1", "tab-2"):
        arena.do(tab, _tried(lambda: outcomes.append(arena.trader.buy("ETH", Decimal(20), "test").outcome), outcomes))
    arena.run()
    assert len(arena.bought()) == outcomes.count("filled")
    assert set(outcomes) <= {"filled", "order_in_flight", "unknown"}


def p14_quick_buy_and_rebuy(arena: Arena) -> None:
    cycle = arena.started()
    assert cycle.next_step is not None
    down = cycle.next_step.price - 1
    arena.clock.ms += 120_000
    arena.price(ETH, down)
    arena.work()
    arena.do("person", _tried(lambda: arena.trader.buy("ETH", Decimal(20), "test")))
    arena.run()
    after = arena.slot().state.cycle
    assert isinstance(after, Active)
    assert len(arena.bought()) == len(after.bought)


def p14_sell_all_and_take_profit_sell_once(arena: Arena) -> None:
    cycle = arena.started()
    arena.price(ETH, cycle.sell_price * Decimal("1.001"))
    arena.work()
    arena.do("person", _tried(lambda: arena.trader.sell_all("ETH", "pause", "test")))
    arena.run()
    assert sum(fill.base for fill in arena.sold()) <= cycle.held
    assert len({fill.client_id for fill in arena.sold()}) == 1


def p14_after_switching_off_nothing_is_bought(arena: Arena) -> None:
    off: list[int] = []
    begun: list[int] = []
    arena.exchange.on_send = lambda _intent: begun.append(len(off))
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("person", lambda: arena.trader.switch("ETH", SwitchMode.OFF, "test"), lambda: off.append(1))
    arena.run()
    # One that had passed the last look may still leave; it is booked (`check`), and no other follows.
    assert len(begun) <= 1


def p14_everything_off_and_on_again(arena: Arena) -> None:
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("person", lambda: arena.trader.switch(None, SwitchMode.OFF, "test"))
    arena.do("telegram", lambda: arena.trader.switch(None, SwitchMode.ON, "test"))
    arena.run()
    assert len(arena.bought()) <= 1
    assert arena.store.switches[None] is arena.floor.global_switch


def p14_reset_and_rebuy(arena: Arena) -> None:
    cycle = arena.started()
    assert cycle.next_step is not None
    down = cycle.next_step.price - 1
    arena.clock.ms += 120_000
    arena.price(ETH, down)
    arena.work()
    arena.do("person", _tried(lambda: arena.trader.reset_cycle("ETH", "test")))
    arena.run()
    state = arena.slot().state
    if isinstance(state.cycle, Idle):
        assert state.pause is not None, "a reset pauses"
        assert len(arena.bought()) == 1 or state.cycle.tally.last_cycle_id == cycle.cycle_id


def p14_reset_and_sale(arena: Arena) -> None:
    cycle = arena.started()
    arena.price(ETH, cycle.sell_price * Decimal("1.001"))
    arena.work()
    arena.do("person", _tried(lambda: arena.trader.reset_cycle("ETH", "test")))
    arena.run()
    assert isinstance(arena.slot().state.cycle, Idle)


def p14_new_ladder_while_a_buy_is_booked(arena: Arena) -> None:
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("person", lambda: arena.trader.commands.set_params("ETH", {"profit_pct": Decimal(3)}, "test"))
    arena.run()
    # A buy decided with the old ladder is dropped if it has not left yet; a later price decides with the new one.
    arena.clock.ms += 2000
    arena.price(ETH, "2500.5")
    arena.settle()
    arena.check()
    state = arena.slot().state
    assert isinstance(state.cycle, Active), "the buy is not lost"
    assert state.params.profit_pct == 3
    assert state.cycle.params.profit_pct == 3, "and its cycle goes by what its owner chose meanwhile"
    assert len(arena.bought()) == 1


def p14_the_ladder_of_all_changed_in_two_tabs(arena: Arena) -> None:
    """And a market's own in a third: nothing that somebody chose is undone by another's change."""
    arena.on(ETH)
    change = arena.trader.commands.set_params
    arena.do("tab 1", lambda: change(None, {"profit_pct": Decimal(3)}, "test"))
    arena.do("tab 2", lambda: change(None, {"cooldown_s": Decimal(7)}, "test"))
    arena.do("tab 3", lambda: change("ETH", {"min_profit_pct": Decimal("0.3")}, "test"))
    arena.run()
    now = arena.slot().state.params
    assert (now.profit_pct, now.cooldown_s, now.min_profit_pct) == (3, 7, Decimal("0.3"))
    common = arena.trader.floor.common
    assert (common.profit_pct, common.cooldown_s) == (3, 7)


def p14_a_coin_joins_while_the_ladder_of_all_changes(arena: Arena) -> None:
    """It would have run on the ladder of before until the next start."""
    arena.trader.market_list.remove("SOL", "test")
    arena.do("tab 1", lambda: arena.trader.market_list.add("SOL", "test"))
    arena.do("tab 2", lambda: arena.trader.commands.set_params(None, {"profit_pct": Decimal(3)}, "test"))
    arena.run()
    assert arena.slot(SOL).state.params.profit_pct == 3


def p14_a_coin_leaves_and_is_back_while_its_ladder_changes(arena: Arena) -> None:
    """Whoever still held its place changed what nobody saw any more: back in the list it ran on the ladder before."""
    market_list = arena.trader.market_list
    arena.do("tab 1", lambda: market_list.remove("SOL", "test"), lambda: market_list.add("SOL", "test"))
    profit = {"profit_pct": Decimal(3)}
    arena.do("tab 2", _tried(lambda: arena.trader.commands.set_params("SOL", profit, "test")))
    arena.run()
    own, kept = arena.slot(SOL).state.own_params, arena.store.params.get(SOL, {})
    assert {name: str(value) for name, value in own.items()} == kept


def p14_the_limits_changed_in_two_tabs(arena: Arena) -> None:
    """Nothing that somebody limited is undone by another's change; a restart finds the limits that are in force."""
    change, order = arena.trader.commands.set_limits, arena.trader.commands.set_order_limits
    arena.do("tab 1", lambda: change(Decimal(500), None, "test"), lambda: order({"order_rows": "3"}, "test"))
    arena.do("tab 2", lambda: change(None, 2, "test"), lambda: order({"band_pct": "7"}, "test"))
    arena.do("telegram", lambda: change(None, 3, "test"), lambda: order({"band_pct": "9"}, "test"))
    arena.run()
    limits, orders = arena.floor.wallet.limits, arena.floor.buy_limits.limits
    assert limits.total_budget == 500
    assert orders.order_rows == 3
    kept = arena.store.settings
    assert kept["limits"] == {"total_budget": "500", "max_active_cycles": limits.max_active_cycles}
    assert kept["order_limits"] == orders.as_text()


def p14_off_stays_off_beside_a_list_of_active_coins(arena: Arena) -> None:
    """The list of another tab would have it finish: sell what its owner wants to keep."""
    arena.started()
    off, finish = SwitchMode.OFF, SwitchMode.FINISH
    arena.do("tab 1", lambda: arena.trader.switch("ETH", finish, "test", only_from=SwitchMode.ON))
    arena.do("tab 2", lambda: arena.trader.switch("ETH", off, "test"))
    arena.run()
    assert arena.slot().state.switch is off


def p14_adopting_while_the_price_wants_a_start(arena: Arena) -> None:
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("person", _tried(lambda: arena.trader.adopt("ETH", price=Decimal(2500), from_trades=False, by="test")))
    arena.run()
    assert not arena.bought(), "coins outside forbid a start"


def p14_one_balance_for_two_coins(arena: Arena) -> None:
    arena.on(ETH, SOL)
    arena.price(ETH, "2500")
    arena.price(SOL, "140")
    arena.work(2)
    arena.run()
    assert len(arena.exchange.sent) == 1, "the money is enough for one; no other is even sent"


def p14_pausing_the_account(arena: Arena) -> None:
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("engine", lambda: arena.floor.pause_account(Pause(cause="account_refused", since_ms=1), "engine"))
    arena.do("person", lambda: arena.trader.resume_cycle(None, "test"))
    arena.run()
    pause = arena.floor.account_pause
    assert (arena.store.settings["account_pause"] is None) == (pause is None), "memory and journal agree"


def p14_hold_waits_for_what_is_out(arena: Arena) -> None:
    held: list[int] = []
    begun: list[bool] = []
    arena.exchange.on_send = lambda _intent: begun.append(bool(held))
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("person", arena.trader.hold, lambda: held.append(1))
    arena.run()
    assert not any(begun), "once hold has returned nothing is sent"


def o2_o14_lost_answer_resolver_and_stream(arena: Arena) -> None:
    arena.exchange.loses_answer = True
    arena.on(ETH)
    arena.work()
    arena.do("feed", lambda: arena.price(ETH, "2500"), lambda: arena.price(ETH, "2499"))
    arena.do("resolver", lambda: _later(arena, arena.trader._resolver.look_at_due))
    arena.scheduler.run()
    # A commit that the resolver's leap of time made slow leaves it to a later price to send, and lose, the order.
    for _ in range(3):
        _later(arena, arena.trader._resolver.look_at_due)
        arena.price(ETH, "2499")
        arena.read_balances()
        arena.settle()
    arena.check()
    assert len(arena.bought()) == 1


def o12_sale_by_hand_and_own_sale(arena: Arena) -> None:
    cycle = arena.started()
    arena.price(ETH, cycle.sell_price * Decimal("1.001"))
    arena.work()
    arena.do("hand", _tried(lambda: arena.exchange.by_hand(_by_hand(cycle.held / 2))))
    arena.do("reconciler", arena.trader.reconciler.reconcile)
    arena.run()
    assert sum(fill.base for fill in arena.sold()) <= cycle.held


def o18_new_rules_while_a_buy_is_booked(arena: Arena) -> None:
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("keeper", lambda: arena.trader._rules.refresh((ETH,)))
    arena.run()
    assert len(arena.bought()) == 1


def p14_a_reset_while_the_ladder_changes(arena: Arena) -> None:
    """The ladder of a running cycle is written by who does not claim the market: it must see the cycle of then."""
    arena.started()
    arena.do("person", _tried(lambda: arena.trader.reset_cycle("ETH", "test")))
    arena.do("tab 2", lambda: arena.trader.commands.set_params("ETH", {"profit_pct": Decimal(3)}, "test"))
    arena.run()
    assert isinstance(arena.slot().state.cycle, Idle)
    assert arena.slot().state.params.profit_pct == 3


def p14_adopting_while_the_ladder_changes(arena: Arena) -> None:
    adopted: list[int] = []
    adopt = lambda: arena.trader.adopt("ETH", price=Decimal(2500), from_trades=False, by="test")  # noqa: E731
    arena.do("person", _tried(lambda: adopted.append(adopt() is None)))
    arena.do("tab 2", lambda: arena.trader.commands.set_params("ETH", {"profit_pct": Decimal(3)}, "test"))
    arena.run()
    assert isinstance(arena.slot().state.cycle, Active) == bool(adopted), "what is adopted is not forgotten"


def p14_finish_as_a_start_is_decided(arena: Arena) -> None:
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.work()
    arena.do("person", lambda: arena.trader.switch("ETH", SwitchMode.FINISH, "test"))
    arena.run()
    state = arena.slot().state
    assert state.switch is SwitchMode.FINISH or not isinstance(state.cycle, Active), "what was bought is sold yet"


SCENARIOS: dict[Callable[[Arena], None], dict[str, object]] = {
    a6_two_workers_and_two_prices_start_once: {},
    a6_coins_sold_by_hand_are_followed_by_one_start: {},
    a6_take_profit_then_one_start: {},
    a6_quick_buy_and_start_make_one_start: {},
    p14_two_quick_buys_are_two_rows_or_a_refusal: {},
    p14_quick_buy_and_rebuy: {},
    p14_sell_all_and_take_profit_sell_once: {},
    p14_after_switching_off_nothing_is_bought: {},
    p14_everything_off_and_on_again: {},
    p14_reset_and_rebuy: {},
    p14_reset_and_sale: {},
    p14_new_ladder_while_a_buy_is_booked: {},
    p14_the_ladder_of_all_changed_in_two_tabs: {},
    p14_a_coin_joins_while_the_ladder_of_all_changes: {"markets": (ETH, SOL)},
    p14_a_coin_leaves_and_is_back_while_its_ladder_changes: {"markets": (ETH, SOL)},
    p14_the_limits_changed_in_two_tabs: {},
    p14_off_stays_off_beside_a_list_of_active_coins: {},
    p14_adopting_while_the_price_wants_a_start: {"coins": "0.02"},
    p14_a_reset_while_the_ladder_changes: {},
    p14_adopting_while_the_ladder_changes: {"coins": "0.02"},
    p14_finish_as_a_start_is_decided: {},
    p14_one_balance_for_two_coins: {"money": "15", "markets": (ETH, SOL)},
    p14_pausing_the_account: {},
    p14_hold_waits_for_what_is_out: {},
    o2_o14_lost_answer_resolver_and_stream: {},
    o12_sale_by_hand_and_own_sale: {},
    o18_new_rules_while_a_buy_is_booked: {},
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a6_p14_every_schedule_leaves_the_books_right(
    scenario: Callable[[Arena], None], schedules: Callable[[str, int, int], None]
) -> None:
    counted = explore(scenario.__name__, lambda plan: Arena(plan, **SCENARIOS[scenario]), scenario)  # type: ignore[arg-type]
    schedules(scenario.__name__, counted.bounded, counted.random)
    assert counted.bounded > 20, "threads that meet nowhere explore nothing"


def _tried(call: Callable[[], object], outcomes: list[str] | None = None) -> Callable[[], None]:
    """A person's wish may be refused, here or at the exchange; ours tells its code as the outcome."""

    def wish() -> None:
        try:
            call()
        except Rejected:
            pass  # the hand came too late
        except CommandRefused as refused:
            if outcomes is not None:
                outcomes.append(refused.code)

    return wish


def _later(arena: Arena, call: Callable[[], object]) -> None:
    arena.clock.ms += 2000
    call()


def _by_hand(coins: Decimal) -> OrderRequest:
    amount = floor_to(coins, Decimal("0.0001"))
    return OrderRequest(
        pair="ETH_USDT", side=Side.SELL, type=OrderType.MARKET, amount=amount, time_in_force=TimeInForce.IOC
    )
