"""Whatever happens in whatever order: the loaded cycles are those that memory had, and every value comes back equal."""

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from autotrader_v2.application.events import Outcome
from autotrader_v2.application.ports import JournalRefused
from autotrader_v2.domain.cycle import (
    Active,
    Adopted,
    BuyBooked,
    CycleEvent,
    CycleReset,
    ExitAtBreakeven,
    OutsideIgnored,
    RestLeft,
    SaleBooked,
    SoldByHand,
    TermsChanged,
    WrittenOff,
)
from autotrader_v2.domain.ladder import DropReference, LadderParams, OrderStyle, Reserve
from autotrader_v2.domain.market import Market, MarketRules, TradeStatus
from autotrader_v2.domain.orders import Fill, OrderIntent, Side, Why
from autotrader_v2.infrastructure.store import codec
from tests.unit.test_store_values import BTC, ETH, PARAMS, Scribe, a_fill, rules_of

markets = st.sampled_from([BTC, ETH])
quotes = st.decimals("3", "5000", places=2)
shares = st.sampled_from([Decimal("0.2"), Decimal("0.5"), Decimal("0.9"), Decimal(1)])
# Exponents and trailing zeros too: a record keeps the digits it was given.
numbers = st.one_of(
    st.decimals("0.000000001", "99999999", allow_nan=False, allow_infinity=False),
    st.sampled_from([Decimal("1E+1"), Decimal("1.50"), Decimal("1E-18"), Decimal("12345678901234567890.12345678901")]),
)
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
names = st.from_regex(r"\A[A-Z0-9]{1,20}\Z")
times = st.integers(0, 2**53)

any_market = st.builds(Market, st.from_regex(r"\A[a-z]{1,9}\Z"), names, names)
any_fill = st.builds(
    Fill,
    trade_id=words,
    order_id=words,
    client_id=words,
    market=any_market,
    side=st.sampled_from(Side),
    base=numbers,
    quote=numbers,
    fee=numbers,
    fee_currency=words,
    time_ms=times,
)
any_rules = st.builds(
    MarketRules,
    market=any_market,
    price_precision=st.integers(0, 18),
    amount_precision=st.integers(0, 18),
    fee=numbers,
    min_base=numbers,
    market_max_quote=numbers,
    status=st.sampled_from(TradeStatus),
    name=words,
)
any_params = st.builds(
    LadderParams,
    start_quote=numbers,
    steps=st.integers(0, 10),
    drop_reference=st.sampled_from(DropReference),
    order_style=st.sampled_from(OrderStyle),
    reserve=st.sampled_from(Reserve),
    cooldown_s=numbers,
)
some_fills = st.lists(any_fill, min_size=1, max_size=3).map(tuple)
any_event: st.SearchStrategy[CycleEvent] = st.one_of(
    st.builds(
        BuyBooked,
        client_id=words,
        cycle_id=times,
        why=st.sampled_from(Why),
        step=st.none() | st.integers(0, 100),
        seen_price=numbers,
        fills=some_fills,
        params=any_params,
        rules=any_rules,
        fee_quote=numbers,
        fee_estimated=st.booleans(),
    ),
    st.builds(
        SaleBooked,
        client_id=words,
        cycle_id=times,
        why=st.sampled_from(Why),
        fills=some_fills,
        fee_quote=numbers,
        outside=numbers,
    ),
    st.builds(Adopted, coins=numbers, cost=numbers, time_ms=times, params=any_params, rules=any_rules),
    st.builds(SoldByHand, coins=numbers, proceeds=numbers, time_ms=times, closes=st.booleans()),
    st.builds(WrittenOff, time_ms=times),
    st.builds(CycleReset, time_ms=times),
    st.builds(RestLeft, time_ms=times),
    st.builds(OutsideIgnored, coins=numbers),
    st.builds(TermsChanged, params=any_params, rules=any_rules),
    st.builds(ExitAtBreakeven, wanted=st.booleans()),
)


@given(event=any_event)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
def test_every_cycle_event_comes_back_with_every_digit(event: CycleEvent) -> None:
    """Whatever text and numbers an exchange may send."""
    kind, text = codec.event_to_text(event)
    again = codec.event_from_text(kind, text)
    assert again == event
    assert repr(again) == repr(event)


class AJournal(RuleBasedStateMachine):
    """Two markets trade, people interfere, the program restarts; orders are open, lost, late."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.path = Path(self.folder.name) / "journal.sqlite3"
        self.scribe = Scribe.opens(self.path)
        self.open: dict[Market, OrderIntent] = {}
        self.written_off: list[OrderIntent] = []
        self.now_ms = 1_700_000_000_000
        self.moved: dict[str, Decimal] = {}

    def teardown(self) -> None:
        """Close the file, remove the folder."""
        self.scribe.journal.close()
        self.folder.cleanup()

    def tick(self) -> int:
        """Time goes on."""
        self.now_ms += 1000
        return self.now_ms

    @rule(market=markets, quote=quotes, extra=st.booleans())
    def buy(self, market: Market, quote: Decimal, extra: bool) -> None:
        """The next step, or an extra buy; refused while another order of the market is open."""
        cycle = self.scribe.cycle(market)
        running = isinstance(cycle, Active)
        cycle_id = cycle.cycle_id if isinstance(cycle, Active) else cycle.tally.last_cycle_id + 1
        step = None if extra else (cycle.position.step + 1 if isinstance(cycle, Active) else 0)
        self._order(
            market=market,
            amount=quote,
            cycle_id=cycle_id,
            step=step,
            why=Why.QUICK_BUY if extra else Why.REBUY if running else Why.START,
        )

    @rule(market=markets, share=shares)
    def sell(self, market: Market, share: Decimal) -> None:
        """All or a part."""
        cycle = self.scribe.cycle(market)
        if isinstance(cycle, Active):
            amount = (cycle.held * share).quantize(Decimal("0.0001"))
            if amount > 0:
                self._order(
                    market=market,
                    side=Side.SELL,
                    amount=amount,
                    cycle_id=cycle.cycle_id,
                    step=None,
                    why=Why.TAKE_PROFIT,
                )

    @rule(market=markets, price=st.decimals("1000", "4000", places=2), trades=st.integers(1, 3))
    def fills(self, market: Market, price: Decimal, trades: int) -> None:
        """The open order trades."""
        intent = self.open.pop(market, None)
        if intent is not None:
            self._book(intent, price, trades)

    @rule(market=markets, outcome=st.sampled_from([Outcome.UNFILLED, Outcome.ABSENT, Outcome.REFUSED]))
    def ends_without_trading(self, market: Market, outcome: Outcome) -> None:
        """Or seems to."""
        intent = self.open.pop(market, None)
        if intent is not None:
            self.scribe.closed(intent, outcome)
            self.written_off.append(intent)

    @precondition(lambda self: self.written_off)
    @rule(price=st.decimals("1000", "4000", places=2))
    def fills_late(self, price: Decimal) -> None:
        """A trade of an order that was written off, maybe of a step bought again meanwhile."""
        self._book(self.written_off.pop(0), price, 1)

    @rule(market=markets, coins=st.decimals("0.01", "1", places=4), cost=quotes)
    def adopt(self, market: Market, coins: Decimal, cost: Decimal) -> None:
        """A person hands coins over."""
        event = Adopted(coins=coins, cost=cost, time_ms=self.tick(), params=PARAMS, rules=rules_of(market))
        self.scribe.happens(market, event, self.now_ms)

    @rule(market=markets, proceeds=quotes, share=shares)
    def sold_by_hand(self, market: Market, proceeds: Decimal, share: Decimal) -> None:
        """Coins left at the exchange."""
        cycle = self.scribe.cycle(market)
        if isinstance(cycle, Active):
            event = SoldByHand(coins=cycle.held * share, proceeds=proceeds, time_ms=self.tick(), closes=share == 1)
            self.scribe.happens(market, event, self.now_ms)

    @rule(market=markets, kind=st.sampled_from([WrittenOff, RestLeft, CycleReset]))
    def give_up(self, market: Market, kind: Any) -> None:
        """A person ends the cycle, or what is left of it is too little."""
        self.scribe.happens(market, kind(time_ms=self.tick()), self.now_ms)

    @rule(market=markets, coins=quotes)
    def ignore(self, market: Market, coins: Decimal) -> None:
        """Coins to leave alone."""
        self.scribe.happens(market, OutsideIgnored(coins=coins), self.tick())

    @rule(market=markets, profit=st.decimals("0.5", "5", places=2))
    def new_terms(self, market: Market, profit: Decimal) -> None:
        """Parameters change on the running cycle."""
        params = LadderParams(steps=4, profit_pct=profit)
        self.scribe.happens(market, TermsChanged(params=params, rules=rules_of(market)), self.tick())

    @rule()
    def restart(self) -> None:
        """An ordinary end and start."""
        known = self.scribe.cycles
        self.scribe.journal.close()
        self.scribe = Scribe.opens(self.path)
        assert self.scribe.cycles == known

    @invariant()
    def memory_is_a_fold_of_the_journal(self) -> None:
        """The truth for ownership and intention."""
        journal = self.scribe.journal
        state = journal.load()
        assert state.cycles == self.scribe.cycles
        assert {one.intent.market: one.intent for one in state.open_attempts} == self.open
        assert journal.verify() == ()
        assert journal.balances({}) == self.moved
        for market in (BTC, ETH):
            realised = sum((Decimal(row["result"]) for row in journal.results(market, 0)), Decimal(0))
            assert realised == self.scribe.cycle(market).tally.realised
            closed = journal.cycle_history(market, 1000)
            ids = [row["cycle_id"] for row in closed]
            assert ids == sorted(set(ids), reverse=True)
            resets = [row for row in closed if row["closed_by"] == "reset"]
            assert len(closed) - len(resets) == self.scribe.cycle(market).tally.completed

    def _order(self, **wish: Any) -> None:
        market = wish["market"]
        if market in self.open:
            try:
                self.scribe.intended(**wish)
            except JournalRefused:
                return
            raise AssertionError("two orders of one market are open")
        try:
            self.open[market] = self.scribe.intended(**wish)
        except JournalRefused:
            # Only a step that was bought before may be refused.
            same = [
                row
                for row in self.scribe.journal.orders(market, 1000)
                if (row["cycle_id"], row["step"], row["side"], row["outcome"])
                == (wish["cycle_id"], wish["step"], "buy", "filled")
            ]
            assert same

    def _book(self, intent: OrderIntent, price: Decimal, trades: int) -> None:
        buy = intent.side is Side.BUY
        amount = intent.amount / trades / (price if buy else 1)
        base = max(amount.quantize(Decimal("0.0001")), Decimal("0.0001"))
        fills = tuple(
            a_fill(
                intent,
                trade_id=f"{intent.client_id}/{number}",
                base=base,
                quote=base * price,
                fee=(base if buy else base * price) * Decimal("0.002"),
                time_ms=self.tick(),
            )
            for number in range(trades)
        )
        self.scribe.booked(intent, *fills, time_ms=self.now_ms)
        for fill in fills:
            sign = 1 if buy else -1
            for currency, moved in (
                (fill.market.base, sign * fill.base),
                (fill.market.quote, -sign * fill.quote),
                (fill.fee_currency, -fill.fee),
            ):
                self.moved[currency] = self.moved.get(currency, Decimal(0)) + moved


TestAJournal = AJournal.TestCase
# Not shrunk: with real files that takes minutes, and the steps of a failure are printed as they are.
TestAJournal.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.shrink],
)
