"""However accounts and prices behave, the exchange neither makes nor loses money."""

import random
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.matching.accounts import Account, FeeSettings
from autotrader_v2.matching.amend import Amendment
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.knobs import Knobs, Unfillable
from autotrader_v2.matching.markets import Profile, rules_for
from autotrader_v2.matching.records import Event, OrderRequest, StpAct, TimeInForce, TradeMade
from autotrader_v2.matching.refused import Refused
from autotrader_v2.matching.triggers import Rule

RULES = rules_for("LTC")
PAIR = RULES.market.pair
# Thin on purpose: orders run through the book.
THIN = Profile(levels=4, top_quote=60.0, growth=1.3, gap=0.002)

prices = st.decimals("20", "40", places=2)
coins = st.decimals("0.05", "9", places=3)
sides = st.sampled_from(Side)
whose = st.sampled_from(["alice", "bob", "carol"])
# A client may send more digits than the market has.
loose = st.sampled_from([Decimal(0), Decimal("0.00049"), Decimal("0.0051")])


class AnExchange(RuleBasedStateMachine):
    """Three accounts with different fees trade with each other and with a jumping price."""

    @initialize(knobs=st.builds(Knobs, unfillable=st.sampled_from(Unfillable), residue_closes=st.booleans()))
    def open(self, knobs: Knobs) -> None:
        """Begin with money everywhere."""
        self.now_ms = 1_700_000_000_000
        self.core = MatchingCore(
            [RULES],
            now_ms=lambda: self.now_ms,
            rng=random.Random(3),
            knobs=knobs,
            profiles={PAIR: THIN},
            listener=self.hear,
        )
        funds = {"USDT": Decimal(500), "LTC": Decimal(20), "GT": Decimal("0.01"), "POINT": Decimal("0.2")}
        self.core.open_account("alice", funds)
        self.core.open_account("bob", funds, FeeSettings(pays_gt=True))
        self.core.open_account("carol", funds, FeeSettings(pays_points=True, maker=Decimal(0)), stp_id=3)
        self.price(Decimal(30), Decimal("0.01"))

    def who(self, name: str) -> Account:
        """An account."""
        return self.core.accounts[name]

    @rule(bid=prices, spread=st.decimals("0.01", "3", places=2))
    def price(self, bid: Decimal, spread: Decimal) -> None:
        """The market moves."""
        self.core.feed(Quote(RULES.market, bid, bid + spread, bid, 1, 1))

    @rule(
        name=whose,
        side=sides,
        amount=coins,
        price=prices,
        loose=loose,
        tif=st.sampled_from(TimeInForce),
        stp=st.sampled_from([None, *StpAct]),
    )
    def limit(
        self,
        name: str,
        side: Side,
        amount: Decimal,
        price: Decimal,
        loose: Decimal,
        tif: TimeInForce,
        stp: StpAct | None,
    ) -> None:
        """Somebody places a limit order."""
        act = stp if name == "carol" else None
        self.place(name, side, OrderType.LIMIT, amount + loose, price + loose, tif, act)

    @rule(name=whose, side=sides, amount=st.decimals("0.5", "90", places=4), tif=st.sampled_from(["ioc", "fok"]))
    def market(self, name: str, side: Side, amount: Decimal, tif: str) -> None:
        """Somebody places a market order."""
        size = amount if side is Side.BUY else amount / 9
        self.place(name, side, OrderType.MARKET, size, None, TimeInForce(tif), None)

    def place(
        self,
        name: str,
        side: Side,
        kind: OrderType,
        amount: Decimal,
        price: Decimal | None,
        tif: TimeInForce,
        act: StpAct | None,
    ) -> None:
        """Place it; a refusal is an answer too."""
        try:
            request = OrderRequest(
                pair=PAIR, side=side, type=kind, amount=amount, price=price, time_in_force=tif, stp_act=act
            )
            self.core.place(self.who(name), request)
        except Refused:
            return

    @rule(name=whose, pick=st.integers(0, 20), amount=coins, price=prices, which=st.integers(0, 2))
    def change(self, name: str, pick: int, amount: Decimal, price: Decimal, which: int) -> None:
        """Somebody amends an open order."""
        open_now = list(self.who(name).open.values())
        if open_now:
            wish = Amendment(amount=amount if which != 1 else None, price=price if which else None)
            try:
                self.core.amend(self.who(name), PAIR, str(open_now[pick % len(open_now)].id), wish)
            except Refused:
                return

    @rule(name=whose, side=st.sampled_from([None, *Side]))
    def cancel_all(self, name: str, side: Side | None) -> None:
        """Somebody gives up."""
        self.core.cancel_all(self.who(name), PAIR, side)

    @rule(name=whose, side=sides, price=prices, at=prices, rising=st.booleans())
    def trigger(self, name: str, side: Side, price: Decimal, at: Decimal, rising: bool) -> None:
        """Somebody waits for a price."""
        put = OrderRequest(pair=PAIR, side=side, type=OrderType.LIMIT, amount=Decimal(1), price=price)
        chosen = Rule.AT_LEAST if rising else Rule.AT_MOST
        try:
            self.core.triggers.add(self.who(name), put, price=at, rule=chosen, expiration_s=60, put_account="normal")
        except Refused:
            return

    @rule(name=whose, ms=st.integers(0, 9_000))
    def time(self, name: str, ms: int) -> None:
        """A dead man's switch is armed, time passes."""
        self.core.countdown(self.who(name), 5)
        self.now_ms += ms
        self.core.advance()

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        """Accounts, outside market and fees add up to what was paid in."""
        if hasattr(self, "core"):
            assert self.core.imbalance() == {}

    @invariant()
    def nothing_is_negative_and_locks_are_those_of_open_orders(self) -> None:
        """Per account and currency."""
        for account in self.core.accounts.values() if hasattr(self, "core") else ():
            locked = {"USDT": Decimal(0), "LTC": Decimal(0)}
            for order in account.open.values():
                assert order.left > 0
                assert order.reserved == (order.left * order.price if order.side is Side.BUY else order.left)
                locked[order.spends] += order.reserved
            for currency, balance in account.balances.items():
                assert balance.available >= 0
                assert balance.locked == locked.get(currency, 0)

    def hear(self, event: Event) -> None:
        """No fill is worse than the limit its order has at that moment."""
        if isinstance(event, TradeMade):
            trade, limit = event.trade, event.account.orders[event.trade.order_id].price
            assert not limit or (trade.price <= limit if trade.side is Side.BUY else trade.price >= limit)

    @invariant()
    def orders_are_sums_of_their_trades(self) -> None:
        """And trade ids rise."""
        for account in self.core.accounts.values() if hasattr(self, "core") else ():
            sums: dict[int, Decimal] = {}
            for trade in account.trades:
                sums[trade.order_id] = sums.get(trade.order_id, Decimal(0)) + trade.amount
            for order in account.orders.values():
                assert sums.get(order.id, 0) == order.filled_base
                assert order.filled_base + order.left == order.amount or order.in_quote
                assert order.filled_quote + order.left == order.amount or not order.in_quote
            ids = [trade.id for trade in account.trades]
            assert ids == sorted(set(ids))

    @invariant()
    def the_book_is_never_crossed(self) -> None:
        """Best bid below best ask."""
        if hasattr(self, "core"):
            book = self.core.pits[PAIR].book
            bid, ask = book.best(Side.BUY)[0], book.best(Side.SELL)[0]
            assert not bid or not ask or bid < ask


AnExchange.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnExchange = AnExchange.TestCase
