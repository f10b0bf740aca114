"""The matching core, order by order: what fills, what rests, what is refused, what is left."""

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.domain.market import Market, MarketRules, TradeStatus
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.domain.quotes import Levels, Quote
from autotrader_v2.matching.accounts import Account, FeeSettings
from autotrader_v2.matching.amend import Amendment
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.knobs import Knobs, SurplusDigits, Unfillable
from autotrader_v2.matching.lookup import find_order, finished_orders, open_orders, own_trades
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.matching.records import (
    BalanceChanged,
    Event,
    FinishAs,
    Order,
    OrderChanged,
    OrderRequest,
    Role,
    Status,
    StpAct,
    TimeInForce,
)
from autotrader_v2.matching.refused import Label, Refused

LTC = rules_for("LTC")
PAIR = "LTC_USDT"
RICH = {"USDT": Decimal(10_000), "LTC": Decimal(100)}


class World:
    """An exchange with one market, its clock in the test's hand, and everything it announced."""

    def __init__(self, knobs: Knobs | None = None, rules: MarketRules = LTC) -> None:
        self.now_ms = 1_700_000_000_000
        self.heard: list[Event] = []
        self.core = MatchingCore(
            [rules], now_ms=lambda: self.now_ms, rng=random.Random(7), knobs=knobs, listener=self.heard.append
        )
        self.market = rules.market
        self.alice = self.core.open_account("alice", RICH)
        self.bob = self.core.open_account("bob", RICH)

    def price(self, bid: str, ask: str, *, asks: Levels = (), bids: Levels = ()) -> None:
        """Feed a price."""
        quote = Quote(self.market, Decimal(bid), Decimal(ask), Decimal(bid), 1, 1, bids=bids, asks=asks)
        self.core.feed(quote)

    def place(self, account: Account | None = None, **changes: Any) -> Order:
        """Place an order of alice (or another)."""
        return self.core.place(account or self.alice, a_buy(**changes))


def a_buy(**changes: Any) -> OrderRequest:
    """A limit buy of one coin at 60. Name only what the test is about; numbers may be text."""
    for name in ("amount", "price", "slippage"):
        if isinstance(changes.get(name), str):
            changes[name] = Decimal(changes[name])
    usual = OrderRequest(pair=PAIR, side=Side.BUY, type=OrderType.LIMIT, amount=Decimal(1), price=Decimal(60))
    return replace(usual, **changes)


def a_market_buy(spend: str, **changes: Any) -> dict[str, Any]:
    """The fields of a market buy of so much quote currency."""
    return {"type": OrderType.MARKET, "amount": spend, "price": None, "time_in_force": TimeInForce.IOC} | changes


@pytest.fixture
def world() -> World:
    """One market at 64.02 / 64.03."""
    world = World()
    world.price("64.02", "64.03")
    return world


def levels(*pairs: tuple[str, str]) -> Levels:
    """Recorded book levels."""
    return tuple((Decimal(price), Decimal(size)) for price, size in pairs)


def refused(world: World, label: Label, **changes: Any) -> str:
    """Place an order that must be refused and change nothing; returns the message."""
    before = dict(world.alice.balances), world.alice.balance("USDT").locked
    with pytest.raises(Refused) as refusal:
        world.place(**changes)
    assert refusal.value.label is label
    assert (dict(world.alice.balances), world.alice.balance("USDT").locked) == before
    return refusal.value.message


def test_the_recorded_market_buy_comes_out_digit_for_digit(world: World) -> None:
    """5 USDT of LTC at 64.03, as captured from the real exchange (ccxt PR 19098)."""
    order = world.place(**a_market_buy("5"))
    assert [str(part) for part in (order.average_price, order.filled_quote, order.left, order.fee)] == [
        "64.03",
        "4.99434",
        "0.00566",
        "0.000156",
    ]
    assert (order.status, order.finish_as) == (Status.CLOSED, FinishAs.FILLED)
    assert world.alice.available("USDT") == Decimal("9995.00566")
    assert world.alice.available("LTC") == Decimal("100.077844")
    assert not world.alice.balance("USDT").locked


def test_the_residue_of_a_market_buy_can_also_mean_cancelled() -> None:
    world = World(Knobs(residue_closes=False))
    world.price("64.02", "64.03")
    order = world.place(**a_market_buy("5"))
    assert (order.status, order.finish_as, order.left) == (Status.CANCELLED, FinishAs.IOC, Decimal("0.00566"))


def test_a_market_sale_sells_coins_and_pays_its_fee_in_quote(world: World) -> None:
    order = world.place(**a_market_buy("2", side=Side.SELL))
    assert order.filled_quote == Decimal("128.04")
    assert world.alice.available("USDT") == Decimal("10000") + Decimal("128.04") * Decimal("0.998")
    assert world.alice.available("LTC") == 98


def test_a_market_order_walks_the_recorded_book() -> None:
    world = World()
    world.price("63", "64", asks=levels(("64", "1"), ("65", "1"), ("66", "5")))
    order = world.place(**a_market_buy("195"))
    assert [trade.price for trade in world.alice.trades] == [64, 65, 66]
    assert (order.filled_base, order.left) == (3, 0)


def test_a_market_order_ends_where_the_book_ends() -> None:
    world = World()
    world.price("63", "64", asks=levels(("64", "1")))
    order = world.place(**a_market_buy("100"))
    assert (order.finish_as, order.filled_base, order.left) == (FinishAs.DEPTH_NOT_ENOUGH, 1, 36)


def test_a_market_order_stops_at_its_slippage() -> None:
    world = World()
    world.price("63", "64", asks=levels(("64", "1"), ("70", "9")))
    order = world.place(**a_market_buy("200", slippage="0.05"))
    assert (order.finish_as, order.filled_base) == (FinishAs.PRICE_PROTECT_CANCELLED, 1)
    assert order.status is Status.CANCELLED


def test_consumed_depth_comes_back_with_the_next_quote() -> None:
    world = World()
    for _ in range(2):
        world.price("63", "64", asks=levels(("64", "1")))
        assert world.core.pits[PAIR].book.best(Side.SELL) == (64, 1)
        world.place(**a_market_buy("64"))
        assert world.core.pits[PAIR].book.best(Side.SELL) == (0, 0)


def test_a_limit_buy_locks_price_times_amount_and_no_fee(world: World) -> None:
    """0.1 at 200 froze exactly 20.0 (ccxt PR 28288)."""
    world.price("201", "202")
    order = world.place(price="200", amount="0.1")
    assert order.open and world.alice.balance("USDT").locked == Decimal("20.0")
    assert world.alice.available("USDT") == Decimal(9_980)


def test_a_better_price_gives_the_surplus_back(world: World) -> None:
    order = world.place(price="70", amount="1")
    assert order.filled_quote == Decimal("64.03")
    assert world.alice.available("USDT") == Decimal(10_000) - Decimal("64.03")
    assert not world.alice.balance("USDT").locked


def test_a_resting_order_is_filled_as_maker_at_its_own_price_when_the_price_runs_over_it(world: World) -> None:
    order = world.place(price="60")
    world.price("58", "59")
    assert order.finish_as is FinishAs.FILLED
    (trade,) = world.alice.trades
    assert (trade.role, trade.price, trade.fee) == (Role.MAKER, 60, Decimal("0.002"))


def test_a_resting_order_is_filled_as_far_as_the_crossing_book_reaches(world: World) -> None:
    order = world.place(price="60", amount="3")
    world.price("58", "59", asks=levels(("59", "1"), ("61", "1")))
    assert (order.open, order.left) == (True, 2)
    assert world.alice.balance("USDT").locked == 120


def test_accounts_trade_with_each_other_inside_the_spread(world: World) -> None:
    world.price("60", "70")
    resting = world.place(price="65", amount="2")
    taker = world.place(world.bob, side=Side.SELL, price="62", amount="3", time_in_force=TimeInForce.IOC)
    assert resting.finish_as is FinishAs.FILLED and resting.average_price == 65
    assert (taker.filled_base, taker.left, taker.finish_as) == (2, 1, FinishAs.IOC)
    assert taker.status is Status.CANCELLED
    assert world.alice.trades[0].sequence == world.bob.trades[0].sequence
    assert world.alice.trades[0].id != world.bob.trades[0].id


def test_the_better_price_goes_first_then_the_older_order(world: World) -> None:
    world.price("60", "70")
    low = world.place(price="64")
    old = world.place(price="65")
    young = world.place(world.bob, price="65")
    world.place(world.bob, side=Side.SELL, price="60", amount="2")
    assert [order.open for order in (old, young, low)] == [False, False, True]
    world.core.cancel(world.alice, PAIR, str(low.id))


def test_the_book_shows_own_orders_with_the_outside_ones(world: World) -> None:
    world.price("60", "70", bids=levels(("60", "5")), asks=levels(("70", "5")))
    world.place(price="60", amount="2")
    world.place(price="65", amount="1")
    book = world.core.pits[PAIR].book
    assert book.levels(Side.BUY, 5) == levels(("65", "1"), ("60", "7"))
    assert book.best(Side.BUY) == (65, 1)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("t-" + "a" * 28, True),
        ("t-A_b.c-1", True),
        ("t-" + "a" * 29, False),
        ("abc", False),
        ("t-ä", False),
        ("t-a b", False),
    ],
)
def test_text_has_rules(world: World, text: str, good: bool) -> None:
    if good:
        assert world.place(text=text).text == text
    else:
        assert "`text`" in refused(world, Label.INVALID_PARAM_VALUE, text=text)


def test_a_text_used_twice_is_two_orders_and_finds_the_later(world: World) -> None:
    first, second = world.place(text="t-x"), world.place(text="t-x")
    assert first.id != second.id and len(world.alice.open) == 2
    assert find_order(world.alice, PAIR, "t-x", world.now_ms, world.core.knobs) is second


def test_a_finished_order_is_not_found_by_text(world: World) -> None:
    order = world.place(**a_market_buy("5", text="t-x"))
    with pytest.raises(Refused, match="CLIENT_ID_NOT_FOUND"):
        find_order(world.alice, PAIR, "t-x", world.now_ms, world.core.knobs)
    assert find_order(world.alice, PAIR, str(order.id), world.now_ms, world.core.knobs) is order
    generous = Knobs(text_lookup_ms=3_600_000)
    assert find_order(world.alice, PAIR, "t-x", world.now_ms, generous) is order


def test_an_unfilled_cancel_vanishes_after_a_minute(world: World) -> None:
    order = world.place()
    world.core.cancel(world.alice, PAIR, str(order.id))
    knobs = world.core.knobs
    assert finished_orders(world.alice, PAIR, world.now_ms + 60_000, knobs) == [order]
    assert finished_orders(world.alice, PAIR, world.now_ms + 60_001, knobs) == []
    with pytest.raises(Refused, match="ORDER_NOT_FOUND"):
        find_order(world.alice, PAIR, str(order.id), world.now_ms + 60_001, knobs)


def test_a_fresh_order_can_be_invisible_for_a_while() -> None:
    world = World(Knobs(visible_after_ms=500))
    world.price("64.02", "64.03")
    world.place()
    assert open_orders(world.alice, PAIR, world.now_ms, world.core.knobs) == []
    assert len(open_orders(world.alice, PAIR, world.now_ms + 500, world.core.knobs)) == 1


def test_surplus_digits_are_cut_or_refused_as_the_knob_says(world: World) -> None:
    order = world.place(price="60.019", amount="1.0009")
    assert (order.price, order.amount) == (Decimal("60.01"), Decimal("1.000"))
    world.core.knobs = Knobs(surplus_digits=SurplusDigits.REJECT)
    refused(world, Label.INVALID_PRECISION, amount="1.0009")


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ({"amount": "0.04"}, Label.INVALID_PARAM_VALUE, "size 2.400000 USDT is too small. The minimum is 3 USDT"),
        ({"amount": "0.0001", "price": "60"}, Label.INVALID_PARAM_VALUE, "too small"),
        ({"amount": "-1"}, Label.INVALID_PARAM_VALUE, "`amount`"),
        ({"price": "0"}, Label.INVALID_PARAM_VALUE, "`price`"),
        ({"price": None}, Label.INVALID_PARAM_VALUE, "`price`"),
        ({"amount": "99999999"}, Label.AMOUNT_TOO_MUCH, "too large"),
        ({"amount": "500"}, Label.BALANCE_NOT_ENOUGH, "Not enough balance"),
        ({"pair": "NOPE_USDT"}, Label.INVALID_CURRENCY_PAIR, "NOPE_USDT"),
        ({"stp_act": StpAct.CANCEL_BOTH}, Label.INVALID_PARAM_VALUE, "`stp_act`"),
        ({"expires_ms": 1_699_999_999_999}, Label.REQUEST_EXPIRED, "expired"),
        ({"price": "64.03", "time_in_force": TimeInForce.POC}, Label.POC_FILL_IMMEDIATELY, "immediately"),
        ({"price": "63", "time_in_force": TimeInForce.FOK}, Label.FOK_NOT_FILL, "completely"),
        (a_market_buy("5", time_in_force=TimeInForce.GTC), Label.INVALID_PARAM_VALUE, "time_in_force"),
        (a_market_buy("2.99"), Label.INVALID_PARAM_VALUE, "too small"),
        (a_market_buy("0.001", side=Side.SELL), Label.INVALID_PARAM_VALUE, "too small"),
        (a_market_buy("1000001"), Label.AMOUNT_TOO_MUCH, "too large"),
    ],
)
def test_what_is_refused_changes_nothing(world: World, changes: dict[str, Any], label: Label, words: str) -> None:
    assert words in refused(world, label, **changes)


def test_post_only_and_fill_or_kill_can_also_end_as_cancelled_orders() -> None:
    world = World(Knobs(unfillable=Unfillable.CANCELLED_ORDER))
    world.price("64.02", "64.03")
    poc = world.place(price="64.03", time_in_force=TimeInForce.POC)
    fok = world.place(price="63", time_in_force=TimeInForce.FOK)
    assert [(one.status, one.finish_as) for one in (poc, fok)] == [
        (Status.CANCELLED, FinishAs.POC),
        (Status.CANCELLED, FinishAs.FOK),
    ]
    assert world.alice.available("USDT") == 10_000


def test_fill_or_kill_fills_whole_when_the_book_holds_enough() -> None:
    world = World()
    world.price("63", "64", asks=levels(("64", "1"), ("65", "1")))
    assert world.place(price="65", amount="2", time_in_force=TimeInForce.FOK).finish_as is FinishAs.FILLED
    world.price("63", "64", asks=levels(("64", "1"), ("65", "1")))
    assert world.place(**a_market_buy("128.99", time_in_force=TimeInForce.FOK)).finish_as is FinishAs.FILLED
    refused(world, Label.FOK_NOT_FILL, **a_market_buy("200", time_in_force=TimeInForce.FOK))


@pytest.mark.parametrize(
    ("status", "buys", "sells"),
    [(TradeStatus.BUYABLE, True, False), (TradeStatus.SELLABLE, False, True), (TradeStatus.UNTRADABLE, False, False)],
)
def test_trade_status_closes_sides(world: World, status: TradeStatus, buys: bool, sells: bool) -> None:
    world.core.set_rules(replace(LTC, status=status))
    for side, taken in ((Side.BUY, buys), (Side.SELL, sells)):
        if taken:
            assert world.place(side=side).id
        else:
            refused(world, Label.INVALID_CURRENCY_PAIR, side=side)


def test_the_open_order_cap() -> None:
    world = World(Knobs(open_orders_max=1))
    world.price("64.02", "64.03")
    world.place()
    refused(world, Label.TOO_MANY_ORDERS)


def test_cancelling_gives_the_lock_back_and_a_second_cancel_is_refused(world: World) -> None:
    order = world.place()
    assert world.core.cancel(world.alice, PAIR, str(order.id)).finish_as is FinishAs.CANCELLED
    assert world.alice.available("USDT") == 10_000
    with pytest.raises(Refused, match="ORDER_CANCELLED"):
        world.core.cancel(world.alice, PAIR, str(order.id))
    filled = world.place(**a_market_buy("5"))
    with pytest.raises(Refused, match="ORDER_CLOSED"):
        world.core.cancel(world.alice, PAIR, str(filled.id))


def test_nobody_cancels_for_another(world: World) -> None:
    order = world.place()
    with pytest.raises(Refused, match="ORDER_NOT_FOUND"):
        world.core.cancel(world.bob, PAIR, str(order.id))


def test_cancel_all_by_side(world: World) -> None:
    buy, sell = world.place(), world.place(side=Side.SELL, price="70")
    assert world.core.cancel_all(world.alice, PAIR, Side.SELL) == [sell]
    assert buy.open and not sell.open


def test_less_amount_keeps_the_place_in_the_queue_more_loses_it(world: World) -> None:
    first, second = world.place(amount="2"), world.place(amount="2")
    world.core.amend(world.alice, PAIR, str(first.id), Amendment(amount=Decimal(1)))
    assert world.core.pits[PAIR].book.resting(Side.BUY) == (first, second)
    world.core.amend(world.alice, PAIR, str(first.id), Amendment(amount=Decimal(3)))
    assert world.core.pits[PAIR].book.resting(Side.BUY) == (second, first)
    assert world.alice.balance("USDT").locked == 60 * 5


def test_an_amended_price_can_trade_at_once(world: World) -> None:
    order = world.place()
    world.core.amend(world.alice, PAIR, str(order.id), Amendment(price=Decimal(65), text="t-new"))
    assert (order.finish_as, order.average_price, order.amend_text) == (FinishAs.FILLED, Decimal("64.03"), "t-new")
    assert world.alice.available("USDT") == Decimal(10_000) - Decimal("64.03")


def test_an_amount_below_what_is_filled_cancels(world: World) -> None:
    order = world.place(amount="3")
    world.price("58", "59", asks=levels(("59", "1")))
    world.core.amend(world.alice, PAIR, str(order.id), Amendment(amount=Decimal(1)))
    assert (order.status, order.finish_as, order.filled_base) == (Status.CANCELLED, FinishAs.CANCELLED, 1)


def test_an_amendment_that_changes_nothing_or_costs_too_much_is_refused(world: World) -> None:
    order = world.place()
    for amendment, label in (
        (Amendment(amount=Decimal(1)), "NO_CHANGE"),
        (Amendment(amount=Decimal(1_000)), "BALANCE_NOT_ENOUGH"),
        (Amendment(amount=Decimal("0.01")), "INVALID_PARAM_VALUE"),
    ):
        with pytest.raises(Refused, match=label):
            world.core.amend(world.alice, PAIR, str(order.id), amendment)
    assert world.alice.balance("USDT").locked == 60


@pytest.mark.parametrize(
    ("act", "taker_lives", "maker_lives"),
    [(StpAct.CANCEL_NEWEST, False, True), (StpAct.CANCEL_OLDEST, True, False), (StpAct.CANCEL_BOTH, False, False)],
)
def test_self_trade_prevention(act: StpAct, taker_lives: bool, maker_lives: bool) -> None:
    world = World()
    world.price("60", "70")
    carol = world.core.open_account("carol", RICH, stp_id=5)
    maker = world.place(carol, price="65")
    taker = world.place(carol, side=Side.SELL, price="64", stp_act=act)
    assert (taker.open, maker.open) == (taker_lives, maker_lives)
    assert not carol.trades


def test_fees_can_be_paid_in_gt_or_points(world: World) -> None:
    for settings, coin in ((FeeSettings(pays_gt=True), "GT"), (FeeSettings(pays_points=True), "POINT")):
        world.alice.fees = settings
        world.core.deposit(world.alice, coin, Decimal(1))
        order = world.place(**a_market_buy("64.03"))
        assert order.fee == 0
        assert (order.gt_fee, order.point_fee) == (
            (Decimal("0.01152540"), 0) if coin == "GT" else (0, Decimal("0.12806"))
        )
        world.core.withdraw(world.alice, coin, world.alice.available(coin))
        assert world.place(**a_market_buy("64.03")).fee == Decimal("0.002")
    assert not world.core.imbalance()


def test_maker_and_taker_rates_differ_when_the_account_says_so(world: World) -> None:
    world.alice.fees = FeeSettings(taker=Decimal("0.001"), maker=Decimal(0))
    assert world.place(price="65").fee == Decimal("0.001")
    resting = world.place(price="60")
    world.price("58", "59")
    assert resting.fee == 0


def test_the_countdown_cancels_unless_armed_again(world: World) -> None:
    order = world.place()
    with pytest.raises(Refused):
        world.core.countdown(world.alice, 4)
    assert world.core.countdown(world.alice, 5) == world.now_ms + 5_000
    world.now_ms += 4_000
    world.core.countdown(world.alice, 5)
    world.now_ms += 4_999
    world.core.advance()
    assert order.open
    world.now_ms += 1
    world.core.advance()
    assert order.finish_as is FinishAs.CANCELLED
    assert world.core.countdown(world.alice, 0) == 0


def test_the_account_book_adds_up_to_what_is_available(world: World) -> None:
    world.place(**a_market_buy("5"))
    world.place(price="70")
    world.core.cancel(world.alice, PAIR, str(world.place().id))
    for currency in ("USDT", "LTC"):
        changes = [row.change for row in world.alice.ledger if row.currency == currency]
        assert sum(changes) == world.alice.available(currency)


def test_every_change_is_announced(world: World) -> None:
    world.heard.clear()
    order = world.place(**a_market_buy("5"))
    assert [event.change for event in world.heard if isinstance(event, OrderChanged)] == ["finish"]
    moved = sum(event.change for event in world.heard if isinstance(event, BalanceChanged) and event.currency == "USDT")
    assert moved == -order.filled_quote


def test_own_trades_carry_text_and_order(world: World) -> None:
    order = world.place(**a_market_buy("5", text="t-x"))
    (trade,) = own_trades(world.alice, PAIR, order_id=order.id)
    assert (trade.text, trade.order_id) == ("t-x", order.id)
    assert own_trades(world.alice, PAIR, from_ms=world.now_ms + 1) == []


def test_history_can_be_bounded() -> None:
    world = World(Knobs(history_max=3))
    world.price("64.02", "64.03")
    orders = [world.place(**a_market_buy("5", text="t-x")) for _ in range(5)]
    assert list(world.alice.orders) == [one.id for one in orders[2:]]
    assert len(world.alice.trades) == 3


def test_an_impossible_price_is_refused(world: World) -> None:
    for bid, ask in (("65", "64"), ("0", "1"), ("-1", "1")):
        with pytest.raises(ValueError, match="not a price"):
            world.price(bid, ask)


def test_a_price_between_ticks_moves_outwards(world: World) -> None:
    world.price("64.0249", "64.0251")
    book = world.core.pits[PAIR].book
    assert (book.best(Side.BUY)[0], book.best(Side.SELL)[0]) == (Decimal("64.02"), Decimal("64.03"))


def test_a_book_can_be_looked_at_without_changing_it() -> None:
    """The jitter comes from the seed and the price: who looked, and how often, changes nothing."""
    looked, unlooked = World(), World()
    for bid, ask in (("64.02", "64.03"), ("64.10", "64.12"), ("64.02", "64.03")):
        for world in (looked, unlooked):
            world.price(bid, ask)
        assert len(tuple(looked.core.pits[PAIR].book.levels(Side.BUY, 20))) == 20
    assert looked.core.pits[PAIR].book.levels(Side.BUY, 20) == unlooked.core.pits[PAIR].book.levels(Side.BUY, 20)
    sizes = [size for _, size in looked.core.pits[PAIR].book.levels(Side.BUY, 50)]
    assert len(sizes) == 50 and sizes[-1] > sizes[0] * 10


def test_rules_of_an_unknown_coin_follow_its_price() -> None:
    cheap = rules_for("NEWCOIN", price=Decimal("0.00001234"))
    dear = rules_for("NEWCOIN", price=Decimal(25_000))
    assert (cheap.price_precision, cheap.amount_precision) == (9, 0)
    assert (dear.price_precision, dear.amount_precision) == (1, 6)
    assert rules_for("SOL").price_precision == 2
    assert rules_for("SOL", price=Decimal("1.5")).price_precision == 4
    assert rules_for("BTC").market == Market("gate", "BTC", "USDT")
