"""Breaks that simulated worlds found, each by what it would have cost."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from autotrader_v2.application.deciding import Decider
from autotrader_v2.application.events import SwitchSet
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.application.sell_everything import SETTING as SELLING
from autotrader_v2.domain.cycle import Active, Dust, Idle, SaleBooked, Tally, apply
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Pause, Reason, Sell, SwitchMode
from autotrader_v2.simulation.world import BEGINS_MS, Plan, World
from tests.builders import ETH, RULES, a_sale


def test_coins_outside_sold_by_a_person_bring_no_result_to_the_market() -> None:
    """Seed 27: a coin from outside sold with 0.0001 of dust was booked whole as the dust's profit."""
    idle = Idle(market=ETH, tally=Tally(dust=Dust(Decimal("0.0001"), Decimal("0.25"))))
    sale = a_sale("1", "2500")
    event = SaleBooked(client_id="t-test-1.1", cycle_id=0, why=Why.SELL_ALL, fills=(sale,), outside=Decimal("0.9999"))
    after = apply(idle, event)
    assert after.tally.dust == Dust(Decimal(0), Decimal(0))
    assert after.tally.realised == Decimal("0.0001") * Decimal(2500) * (1 - Decimal("0.002")) - Decimal("0.25")
    only_outside = apply(idle, replace(event, outside=Decimal(1)))
    assert only_outside.tally == idle.tally


def test_a_clock_set_back_does_not_trade_on_the_prices_of_before() -> None:
    """Seed 5076: after five minutes back a feed that fell silent was believed for five more minutes."""
    world = World(Plan(seed=1, rates={}))
    # A coin whose first buy is a share of the balance may wait for money that the others hold.
    while not sum(bool(slot.state.cycle.tally.completed) for slot in world.slots()) >= 8:
        world.step()
    world.machine.ahead_ms = -300_000
    for walk in world.walks.values():
        walk.silent_until_ms = world.hub.now_ms + 120_000
    ends_ms = world.hub.now_ms + 60_000
    while world.hub.now_ms < ends_ms:
        world.step()
    # A clock that wrong lets nothing leave; and by itself the old prices would not either.
    assert {slot.hold.reason for slot in world.slots()} == {Reason.CLOCK_WRONG}
    assert world.process is not None
    floor = world.process.floor
    for slot in world.slots():
        quote = floor.board.newest(slot.market)
        assert quote is not None
        assert floor.clock.now_ms() - quote.confirmed_ms > floor.config.max_quote_age_ms


def test_an_account_pause_whose_end_could_not_be_written_still_holds() -> None:
    """Seed 1013: the owner was told that it failed, and the engine bought all the same."""
    world = World(Plan(seed=2, rates={}))
    while not world.slots():
        world.step()
    process = world.process
    assert process is not None
    floor, pause = process.floor, Pause(cause="account_refused", since_ms=1)
    refused: list[JournalUnavailable] = []

    def press() -> None:
        floor.pause_account(pause, "test")
        world.disk_full_until_ms = world.hub.now_ms + 1000
        try:
            floor.pause_account(None, "test")
        except JournalUnavailable as error:
            refused.append(error)

    world.hub.spawn(process.group, press)
    while not refused:
        world.step()
    assert floor.account_pause == pause


def test_a_switch_set_between_decision_and_intent_still_stops_the_buy() -> None:
    """Seed 10219: a starved sender sent a buy although the owner had switched the coin off before it was written."""
    world = World(Plan(seed=1, rates={}, markets=1))
    [market] = world.markets

    def claimed() -> str:
        """The label of a buy that is decided and not written yet."""
        intents = [slot.state.order.intent for slot in world.slots() if slot.state.order is not None]
        labels = [one.client_id for one in intents if one is not None and one.side is Side.BUY]
        return "".join(label for label in labels if label not in world.auditor.orders)

    while not (label := claimed()):
        world.step()
    [slot] = world.slots()
    world.store.commit([SwitchSet(market=market, mode=SwitchMode.OFF, by="test", time_ms=0)])
    slot.change(switch=SwitchMode.OFF)
    world.run(200)
    assert label not in world.auditor.orders, "nothing was written, so nothing was sent"


def test_a_ladder_changed_between_decision_and_intent_still_stops_the_buy() -> None:
    """Seed 8005702: a rebuy of 35 left a moment after the owner had made its row 25."""
    world = World(Plan(seed=1, rates={}, markets=1))

    def claimed() -> str:
        """The label of a buy that is decided and not written yet."""
        intents = [slot.state.order.intent for slot in world.slots() if slot.state.order is not None]
        labels = [one.client_id for one in intents if one is not None and one.side is Side.BUY]
        return "".join(label for label in labels if label not in world.auditor.orders)

    while not (label := claimed()):
        world.step()
    [slot] = world.slots()
    larger = slot.state.params.start_quote + 1
    [market] = world.markets
    world.auditor.word.begins(slot.state.rules, {**world.store.params[market], "start_quote": str(larger)})
    slot.change(params=replace(slot.state.params, start_quote=larger))
    world.run(200)
    assert label not in world.auditor.orders, "nothing was written, so nothing was sent"


def test_the_limit_of_a_small_capped_sale_is_one_the_exchange_takes() -> None:
    """Seed 80028: 19.71 coins worth 3.03 at the bid and 2.997 at breakeven were refused again and again, for ever."""
    rules = replace(RULES, price_precision=5, amount_precision=2, min_quote=Decimal(3))
    small = Sell(Why.TAKE_PROFIT, Decimal("19.71"), Decimal("0.15206"), Decimal("0.15365"))
    limit = Decider._limit(small, rules)
    assert limit * small.amount >= rules.min_quote
    assert small.worst_price < limit <= small.seen_price
    large = replace(small, amount=Decimal(1000))
    assert Decider._limit(large, rules) == large.worst_price


def test_p19_a_decision_that_waited_behind_a_slow_disk_is_dropped() -> None:
    """Seed 40079: decided at one price, sent seconds later at another; only its limit was looked at again."""
    world = World(Plan(seed=1, rates={}, markets=1))
    while not world.slots():
        world.step()
    [slot] = world.slots()
    process = world.process
    assert process is not None
    execute = process.trader._execute
    while slot.state.order is None:
        world.step()
    order = slot.state.order
    assert order is not None
    assert order.intent is not None
    assert execute._late(slot, order.intent) is None
    old = replace(order.intent, decided_ms=order.intent.decided_ms - 3_001)
    assert execute._late(slot, old) == "decided_too_long_ago"


def test_a_disk_that_is_full_at_the_start_delays_trading_and_does_not_end_it() -> None:
    """Seed 10006: new market rules could not be written at the start; the engine stayed down with a cycle open."""
    world = World(Plan(seed=4, rates={}, markets=1))
    [market] = world.markets
    while not isinstance(world.store.newest.get(market), Active):
        world.step()
    pit = world.venue.core.pits[market.pair]
    world.venue.core.set_rules(replace(pit.rules, min_quote=Decimal(1)))
    world.crash()
    world.disk_full_until_ms = world.hub.now_ms + 60_000
    world.run(1)
    ends_ms = world.hub.now_ms + 120_000
    while not world.slots() and world.hub.now_ms < ends_ms:
        world.step()
    assert world.slots()
    assert world.hub.now_ms >= world.disk_full_until_ms


def test_new_rules_that_cannot_be_written_do_not_end_the_keeper() -> None:
    """The thread that keeps rules, clock and connection fresh died of a full disk, for good and unseen."""
    world = World(Plan(seed=4, rates={}, markets=1))
    [market] = world.markets
    while not isinstance(world.store.newest.get(market), Active):
        world.step()
    world.walks[market].steady = True
    world.machine.ahead_ms = 0
    pit = world.venue.core.pits[market.pair]
    rules = replace(pit.rules, min_quote=Decimal(1))
    world.venue.core.set_rules(rules)
    world.store.switches[market] = SwitchMode.OFF
    [slot] = world.slots()
    slot.change(switch=SwitchMode.OFF)
    world.disk_full_until_ms = world.hub.now_ms + 700_000
    while world.hub.now_ms < world.disk_full_until_ms:
        world.step()
    assert slot.state.rules != rules
    ends_ms = world.hub.now_ms + 700_000
    while slot.state.rules != rules and world.hub.now_ms < ends_ms:
        world.step()
    assert slot.state.rules == rules


def test_a_finished_market_is_switched_off_when_the_disk_has_room_again() -> None:
    """Seed 16001925: the switch could not be written and stood at `finish` until something else happened there."""
    world = World(Plan(seed=4, rates={}, markets=1))
    [market] = world.markets
    while not isinstance(world.store.newest.get(market), Active):
        world.step()
    world.heal()  # nobody presses anything any more
    [slot] = world.slots()
    while isinstance(slot.state.cycle, Active) or slot.state.order is not None:
        world.step()
    world.store.switches[market] = SwitchMode.FINISH
    slot.change(switch=SwitchMode.FINISH)
    world.disk_full_until_ms = world.hub.now_ms + 20_000
    while world.hub.now_ms < world.disk_full_until_ms:
        world.step()
    assert slot.state.switch is SwitchMode.FINISH
    ends_ms = world.hub.now_ms + 10_000
    while world.hub.now_ms < ends_ms:
        world.step()
    assert (slot.state.switch, world.store.switches[market]) == (SwitchMode.OFF, SwitchMode.OFF)


def test_a_start_found_after_a_restart_runs_on_the_ladder_its_owner_set_meanwhile() -> None:
    """Seed 20003089: what it was decided with died with the process; its fills stay what they were."""
    world = World(Plan(seed=1, rates={}, markets=1))
    while not world.auditor.open_of:
        world.step()
    [(market, label)] = world.auditor.open_of.items()
    [slot] = world.slots()
    process, decided, order = world.process, slot.state.params, world.auditor.orders[label]
    assert process is not None and order.intent.why is Why.START
    smaller = {"start_quote": str(decided.start_quote / 2), "start_balance_pct": "0"}

    def ask() -> None:
        with world.asks("params", market, smaller):
            process.trader.commands.set_params(market.base, smaller, "test")

    world.hub.spawn(process.group, ask)
    while not order.new_ladder:
        world.step()
    assert not order.booked
    world.crash()
    while not order.booked:
        world.step()
    cycle = world.store.newest[market]
    assert isinstance(cycle, Active)
    assert cycle.params.start_quote == decided.start_quote / 2
    assert cycle.invested > cycle.params.start_quote


def test_m13_a_short_sleep_hides_behind_no_clock_that_was_set_back() -> None:
    """Seeds 70009047, 60007129: 3.9 s asleep on a clock ahead of the wall: prices of before still looked young."""
    world = World(Plan(seed=1, rates={}))
    while not sum(bool(slot.state.cycle.tally.completed) for slot in world.slots()) >= 8:
        world.step()
    process = world.process
    assert process is not None
    floor = process.floor
    world.machine.ahead_ms = -4_000  # less than M12 stops orders for
    floor.clock.now_ms()
    young = {slot.market: floor.board.newest(slot.market) for slot in world.slots()}
    for walk in world.walks.values():
        walk.silent_until_ms = world.hub.now_ms + 120_000
    world.hub.now_ms += 3_900
    world.machine.slept_ms += 3_900
    for slot in world.slots():
        quote = young[slot.market]
        assert quote is not None
        assert floor.clock.now_ms() - quote.confirmed_ms > floor.config.max_quote_age_ms


def test_what_a_world_tells_wrong_is_told_apart_from_every_price_that_may_be_believed() -> None:
    """Seeds 64019014, 64023055, 74003087: after a fall of 30 % what was told wrong was near the price of before it.

    By the rules such a price is a right one: it moved less than 20 % from the last that was accepted.
    """
    rates = {"price_jump": 0.05, "price_spike": 0.03}
    wrong_count = 0
    for seed in range(16):
        world = World(Plan(seed=seed, rates=rates, markets=6))
        told: dict[Market, list[tuple[int, Decimal]]] = {market: [] for market in world.markets}
        quoted = world.auditor.quoted

        def hear(quote: Quote, true_ms: int, *, wrong: bool, told: Any = told, quoted: Any = quoted) -> None:
            right = told[quote.market]
            if wrong:
                nonlocal wrong_count
                wrong_count += 1
                lately = [bid for at_ms, bid in right if at_ms > true_ms - 60_000]
                assert all(abs(quote.bid / bid - 1) > Decimal("0.2") for bid in lately)
            else:
                right.append((true_ms, quote.bid))
            quoted(quote, true_ms, wrong=wrong)

        world.auditor.quoted = hear  # type: ignore[method-assign]
        world.run(1500)
        world.end()
    assert wrong_count > 10


def test_a_coin_that_fell_to_a_third_trades_again_when_somebody_has_looked_at_it() -> None:
    """Seed 90000746: the fall was real, and whoever looked after that world ended every pause but not this halt."""
    world = World(Plan(seed=1, rates={}, markets=2))
    world.run(300)
    slot = world.slots()[0]
    while slot.state.order is not None:
        world.step()
    slot.known_price = Decimal(1_000_000)
    _until(world, lambda: slot.hold.reason is Reason.PRICE_LEAPED)
    world.care()
    _until(world, lambda: slot.state.order is not None)
    world.end()


def _until(world: World, there: Callable[[], bool]) -> None:
    for _ in range(5000):
        if there():
            return
        world.step()
    raise AssertionError(world.holds())


def test_p7_a_start_on_a_full_disk_after_selling_everything_was_cut_short_goes_on() -> None:
    """World 7100072: that the run was told of could not be written down, and the engine never started."""
    world = World(Plan(seed=1, rates={}, markets=1))
    world.store.settings[SELLING] = {"began_ms": 1}
    world.disk_full_until_ms = BEGINS_MS + 20_000
    while not world.slots():
        world.step()
        assert world.hub.now_ms < BEGINS_MS + 10_000, "it never started"
    assert world.process is not None
    assert "selling_interrupted" in [one.code for one in world.process.alerts]
    while not world.auditor.filled[world.markets[0]]:
        world.step()
    assert world.hub.now_ms > BEGINS_MS + 20_000, "without room nothing is bought"
