"""decide and apply as one machine: prices walk, orders fill well or badly, hands reach in; the books must add up."""

from dataclasses import replace
from decimal import Decimal
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from autotrader_v2.domain.cycle import (
    Active,
    Adopted,
    BuyBooked,
    CycleEvent,
    CycleReset,
    ExitAtBreakeven,
    Idle,
    RestLeft,
    SaleBooked,
    SoldByHand,
    TermsChanged,
    TradingCycle,
    apply,
    fold,
    position_ends,
)
from autotrader_v2.domain.money import ZERO, floor_to
from autotrader_v2.domain.orders import Fill, Side, Why
from autotrader_v2.domain.situation import BaseReading, Buy, Sell, SwitchMode, decide
from tests.builders import ETH, NOW_MS, PARAMS, RULES, a_quote, a_situation

TICK, LOT = RULES.tick, RULES.lot


class Trading(RuleBasedStateMachine):
    """An exchange that fills what it likes, a ledger of its own, and the cycle under test."""

    def __init__(self) -> None:
        super().__init__()
        self.cycle: TradingCycle = Idle(market=ETH)
        self.events: list[CycleEvent] = []
        self.price = Decimal(2500)
        self.now_ms = NOW_MS
        self.numbers = count(1)
        self.mode = SwitchMode.ON
        # The ledger of the exchange: what the account has, and what every coin ever cost and brought.
        self.coins = ZERO
        self.outside = ZERO
        self.spent = ZERO
        self.received = ZERO
        self.bought_steps: set[tuple[int, int]] = set()
        self.last_order = ""

    def book(self, event: CycleEvent) -> None:
        self.events.append(event)
        self.cycle = apply(self.cycle, event)

    @rule(mode=st.sampled_from(SwitchMode))
    def switch(self, mode: SwitchMode) -> None:
        self.mode = mode

    @rule(
        move=st.sampled_from(["0.9", "0.97", "0.98", "0.985", "0.995", "1", "1.002", "1.01", "1.02", "1.05"]),
        filled=st.sampled_from(["0", "0.1", "0.5", "0.999", "1", "1", "1", "1"]),
        slip=st.sampled_from(["1", "1", "1.001"]),
        fee_in_coin=st.booleans(),
    )
    def price_moves(self, move: str, filled: str, slip: str, fee_in_coin: bool) -> None:
        """The next price; the engine's order fills some part of it, maybe a little worse than seen."""
        self.now_ms += 61_000
        self.price = max(floor_to(self.price * Decimal(move), TICK), Decimal(10))
        bid, ask = self.price, self.price + TICK
        action = decide(
            a_situation(
                cycle=self.cycle,
                quote=a_quote(str(bid), str(ask), exchange_ms=self.now_ms, confirmed_ms=self.now_ms),
                mode=self.mode,
                now_ms=self.now_ms,
                exchange_now_ms=self.now_ms,
                base=BaseReading(self.coins, ZERO),
            )
        )
        match action:
            case Buy():
                self.a_buy(action, Decimal(filled), ask * Decimal(slip), fee_in_coin)
            case Sell():
                self.a_sale(action, Decimal(filled), bid)

    def a_buy(self, action: Buy, part: Decimal, price: Decimal, fee_in_coin: bool) -> None:
        assert self.mode is SwitchMode.ON or (self.mode is SwitchMode.FINISH and action.why is Why.REBUY)
        cycle = self.cycle
        cycle_id = cycle.tally.last_cycle_id + 1 if isinstance(cycle, Idle) else cycle.cycle_id
        if isinstance(cycle, Active):
            row = cycle.next_step
            assert row is not None
            assert (action.step, action.quote_amount) == (row.number, row.quote)
            assert self.price + TICK <= row.price
        coins = floor_to(action.quote_amount * part / price, LOT)
        if not coins:
            return
        assert (cycle_id, action.step) not in self.bought_steps, "a step was bought twice"
        self.bought_steps.add((cycle_id, action.step))
        quote = coins * price
        assert quote <= action.quote_amount
        fee = coins * RULES.fee if fee_in_coin else quote * RULES.fee / Decimal(10)
        fee_quote = ZERO if fee_in_coin else quote * RULES.fee
        self.coins += coins - fee if fee_in_coin else coins
        self.spent += quote + fee_quote
        self.last_order = f"t-test-{next(self.numbers)}.1"
        fills = self.trades(Side.BUY, coins, quote, fee, "ETH" if fee_in_coin else "GT")
        self.book(
            BuyBooked(
                client_id=self.last_order,
                cycle_id=cycle_id,
                why=action.why,
                step=action.step,
                seen_price=action.seen_price,
                fills=fills,
                params=PARAMS,
                rules=RULES,
                fee_quote=fee_quote,
            )
        )

    def a_sale(self, action: Sell, part: Decimal, price: Decimal) -> None:
        cycle = self.cycle
        assert isinstance(cycle, Active)
        assert self.mode is not SwitchMode.OFF
        assert action.amount <= cycle.held + cycle.tally.dust.coins, "more sold than owned"
        assert price >= cycle.breakeven, "a take-profit below breakeven"
        coins = floor_to(action.amount * part, LOT)
        if not coins:
            return
        quote = coins * price
        fee = quote * RULES.fee
        self.coins -= coins
        self.received += quote - fee
        before = cycle.tally.realised
        whole = coins == action.amount and not cycle.tally.dust.coins
        fills = self.trades(Side.SELL, coins, quote, fee, "USDT")
        self.book(SaleBooked(client_id="s", cycle_id=cycle.cycle_id, why=action.why, fills=fills))
        if whole and not cycle.rest_since_ms:
            assert self.cycle.tally.realised >= before, "a take-profit lost money"

    def trades(self, side: Side, coins: Decimal, quote: Decimal, fee: Decimal, currency: str) -> tuple[Fill, ...]:
        return (
            Fill(
                trade_id=str(next(self.numbers)),
                order_id="1",
                client_id=self.last_order,
                market=ETH,
                side=side,
                base=coins,
                quote=quote,
                fee=fee,
                fee_currency=currency,
                time_ms=self.now_ms,
            ),
        )

    @precondition(lambda self: isinstance(self.cycle, Active) and not self.cycle.tally.dust.coins)
    @rule(part=st.sampled_from(["0.3", "0.9", "1"]))
    def sold_by_hand(self, part: str) -> None:
        cycle = self.cycle
        assert isinstance(cycle, Active)
        coins = floor_to(cycle.held * Decimal(part), LOT)
        if not coins:
            return
        proceeds = coins * self.price * (1 - RULES.fee)
        self.coins -= coins
        self.received += proceeds
        closes = position_ends(cycle, cycle.held - coins, self.price)
        if closes:
            self.leave(cycle.held - coins, ZERO)
        self.book(SoldByHand(coins=coins, proceeds=proceeds, time_ms=self.now_ms, closes=closes))

    @precondition(lambda self: isinstance(self.cycle, Active))
    @rule(wanted=st.booleans())
    def exit_at_breakeven(self, wanted: bool) -> None:
        """Only where it sells changes: never below breakeven, and never what it holds or cost."""
        before = self.cycle
        assert isinstance(before, Active)
        self.book(ExitAtBreakeven(wanted=wanted))
        after = self.cycle
        assert isinstance(after, Active)
        assert after.sell_price == (after.breakeven if wanted or after.rest_since_ms else after.take_profit)
        assert (after.position, after.table) == (before.position, before.table)

    @precondition(lambda self: isinstance(self.cycle, Active))
    @rule()
    def reset(self) -> None:
        cycle = self.cycle
        assert isinstance(cycle, Active)
        self.leave(cycle.held, cycle.invested)
        self.book(CycleReset(time_ms=self.now_ms))
        assert isinstance(self.cycle, Idle)

    def leave(self, coins: Decimal, cost: Decimal) -> None:
        """Coins that stay in the account but are nobody's business any more; their cost goes with them."""
        self.coins -= coins
        self.outside += coins
        self.spent -= cost

    @rule(coins=st.sampled_from(["0.01", "0.5"]))
    def adopt(self, coins: str) -> None:
        amount = Decimal(coins)
        cost = amount * self.price
        self.now_ms += 1
        self.coins += amount
        self.spent += cost
        self.book(Adopted(coins=amount, cost=cost, time_ms=self.now_ms, params=PARAMS, rules=RULES))

    @precondition(lambda self: isinstance(self.cycle, Active))
    @rule(fee=st.sampled_from(["0.001", "0.002", "0.003"]), profit=st.sampled_from(["0.5", "0.8", "2"]))
    def terms_change(self, fee: str, profit: str) -> None:
        params = replace(PARAMS, profit_pct=Decimal(profit))
        self.book(TermsChanged(params=params, rules=replace(RULES, fee=max(RULES.fee, Decimal(fee)))))

    @precondition(lambda self: isinstance(self.cycle, Active))
    @rule(
        precision=st.sampled_from([4, 3, 2]),
        least=st.sampled_from(["0.001", "0.005", "0.02"]),
        worth=st.integers(3, 40),
    )
    def rules_change(self, precision: int, least: str, worth: int) -> None:
        """O18, O19: a rest that can no longer be sold where it should ends as dust, nothing else is given up."""
        cycle = self.cycle
        assert isinstance(cycle, Active)
        self.now_ms += 1
        rules = replace(cycle.rules, amount_precision=precision, min_base=Decimal(least), min_quote=Decimal(worth))
        self.book(TermsChanged(params=cycle.params, rules=rules))
        cycle = self.cycle
        assert isinstance(cycle, Active)
        sellable = rules.sellable(floor_to(cycle.held + cycle.tally.dust.coins, rules.lot), cycle.sell_price)
        if cycle.unsellable_rest:
            assert not sellable
            before = cycle.tally
            self.book(RestLeft(time_ms=self.now_ms))
            assert isinstance(self.cycle, Idle)
            assert self.cycle.tally.realised == before.realised
        elif not sellable:
            assert cycle.held == sum(row.net for row in cycle.bought), "a rest that nothing sells keeps its cycle open"

    @invariant()
    def coins_add_up(self) -> None:
        """What the cycle says it has, and its dust, is what the exchange says the account has. To the last digit."""
        held = self.cycle.held if isinstance(self.cycle, Active) else ZERO
        assert held + self.cycle.tally.dust.coins == self.coins

    @invariant()
    def money_adds_up(self) -> None:
        """Everything spent is either in the position, in dust, or came back with a result."""
        invested = self.cycle.invested if isinstance(self.cycle, Active) else ZERO
        tally = self.cycle.tally
        assert invested + tally.dust.cost == self.spent - self.received + tally.realised

    @invariant()
    def memory_is_a_fold(self) -> None:
        """Replaying every event from zero gives the same cycle."""
        assert fold(Idle(market=ETH), self.events) == self.cycle

    @invariant()
    def thresholds_are_sane(self) -> None:
        cycle = self.cycle
        if isinstance(cycle, Active):
            assert cycle.take_profit >= cycle.breakeven > 0
            assert cycle.held > 0
            prices = [row.price for row in cycle.table.ahead]
            assert prices == sorted(prices, reverse=True)


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
