"""All markets together never spend more than they were given, even if every order of unknown outcome filled."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from autotrader_v2.application.funds import Limits, Wallet
from autotrader_v2.application.ports import Holding
from autotrader_v2.domain.market import Market

MARKETS = [Market("gate", coin, "USDT") for coin in ("BTC", "ETH", "SOL")]
START = Decimal(100)
markets = st.sampled_from(MARKETS)
amounts = st.sampled_from([Decimal(5), Decimal(20), Decimal(45)])


class Spending(RuleBasedStateMachine):
    """An exchange with its own books, readings that arrive late and out of order, and the wallet under test."""

    def __init__(self) -> None:
        super().__init__()
        self.wallet = Wallet("USDT", Limits(max_active_cycles=2))
        self.balance = START
        self.sent: dict[str, tuple[Market, Decimal]] = {}
        self.readings: list[tuple[int, Decimal]] = []
        self.number = 0
        self.take_reading()
        self.reading_arrives(0)

    def take_reading(self) -> None:
        token = self.wallet.begin_reading()
        self.readings.append((token, self.balance))

    @rule()
    def a_reading_begins(self) -> None:
        """The exchange answers with what it has now; the answer arrives some time."""
        if len(self.readings) < 4:
            self.take_reading()

    @precondition(lambda self: self.readings)
    @rule(which=st.integers(0, 3))
    def reading_arrives(self, which: int) -> None:
        token, balance = self.readings.pop(which % len(self.readings))
        self.wallet.arrived(token, {"USDT": Holding(balance, Decimal(0))})

    @rule(market=markets, amount=amounts, starts=st.booleans())
    def order(self, market: Market, amount: Decimal, starts: bool) -> None:
        """One order in flight per market, as the slots see to it."""
        if any(market == other for other, _ in self.sent.values()):
            return
        self.number += 1
        client_id = str(self.number)
        if self.wallet.reserve(client_id, market, amount, starts=starts):
            self.sent[client_id] = (market, amount)

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 2), part=st.sampled_from(["0", "0.5", "1"]), unknown_first=st.booleans())
    def resolved(self, which: int, part: str, unknown_first: bool) -> None:
        """The exchange took some part of it at some moment; a reading may fall between that and our hearing of it."""
        client_id = list(self.sent)[which % len(self.sent)]
        market, amount = self.sent.pop(client_id)
        spent = amount * Decimal(part)
        self.balance -= spent
        if unknown_first:
            self.take_reading()
            self.reading_arrives(len(self.readings) - 1)
        self.wallet.resolved(client_id, market, spent)

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 2))
    def never_sent(self, which: int) -> None:
        client_id = list(self.sent)[which % len(self.sent)]
        market, _ = self.sent.pop(client_id)
        self.wallet.never_sent(client_id, market)

    @invariant()
    def never_more_than_is_there(self) -> None:
        """Whatever is free could be spent on top of everything out, were all of that to fill."""
        out = sum((amount for _, amount in self.sent.values()), Decimal(0))
        assert self.wallet.free() <= self.balance - out
        assert self.balance - out >= 0

    @invariant()
    def totals_are_the_sums(self) -> None:
        """The running sums equal what they sum."""
        wallet = self.wallet
        assert wallet._outgo_total == sum((one.amount for one in wallet._outgo.values()), Decimal(0))

    @invariant()
    def a_base_reading_is_later_than_the_last_order(self) -> None:
        for market in MARKETS:
            if any(market == other for other, _ in self.sent.values()):
                assert self.wallet.base_reading(market) is None


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_a_base_reading_counts_only_when_it_began_after_the_order_was_resolved() -> None:
    """A balance that lags must not sell coins twice or start on coins just sold."""
    wallet, market = Wallet("USDT"), MARKETS[0]
    early = wallet.begin_reading()
    wallet.order_out("1", market)
    wallet.resolved("1", market, Decimal(0))
    wallet.arrived(early, {"BTC": Holding(Decimal(1), Decimal(0))})
    assert wallet.base_reading(market) is None
    late = wallet.begin_reading()
    wallet.arrived(late, {"BTC": Holding(Decimal(2), Decimal(0))})
    reading = wallet.base_reading(market)
    assert reading is not None
    assert reading.available == 2


def test_starts_leave_what_running_ladders_reserve_and_respect_the_limits() -> None:
    """A new coin may not eat the next step of one that is falling."""
    wallet = Wallet("USDT", Limits(total_budget=Decimal(80), max_active_cycles=2))
    wallet.arrived(wallet.begin_reading(), {"USDT": Holding(START, Decimal(0))})
    wallet.set_cycle(MARKETS[0], Decimal(30), Decimal(14))
    assert wallet.free_pair(MARKETS[0]) == (Decimal(50), Decimal(50))
    assert wallet.free_pair(MARKETS[1]) == (Decimal(50), Decimal(36))
    assert not wallet.reserve("a", MARKETS[1], Decimal(37), starts=True)
    assert wallet.reserve("b", MARKETS[1], Decimal(36), starts=True)
    assert not wallet.reserve("c", MARKETS[2], Decimal(1), starts=True), "two cycles are the limit"
    wallet.set_cycle(MARKETS[0], Decimal(0), Decimal(0))
    assert wallet.reserve("d", MARKETS[2], Decimal(1), starts=True)


def test_what_is_owned_follows_booked_orders_and_no_limit() -> None:
    """Equity once jumped by each order until the next reading, and fell to the budget that its owner had set."""
    wallet, market = Wallet("USDT", Limits(total_budget=Decimal(50))), MARKETS[0]

    def read(balance: int) -> None:
        wallet.arrived(wallet.begin_reading(), {"USDT": Holding(Decimal(balance), Decimal(0))})

    read(1000)
    assert wallet.reserve("1", market, Decimal(20), starts=True)
    assert (wallet.funds().owned, wallet.funds().settled) == (1000, False)
    wallet.resolved("1", market, Decimal(19))
    assert (wallet.funds().owned, wallet.funds().settled) == (981, False)
    wallet.order_out("2", market)
    wallet.resolved("2", market, Decimal(0), Decimal(21))
    assert wallet.funds().owned == 1002
    assert wallet.funds().free <= 50
    read(1002)
    assert (wallet.funds().owned, wallet.funds().settled) == (1002, True)
