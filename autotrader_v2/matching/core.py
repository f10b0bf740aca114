"""The exchange: accounts, markets and the rules between them. Pure: time comes in, events go out through a callback."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.matching.accounts import GT, Account, FeeSettings
from autotrader_v2.matching.amend import Amendment, amended
from autotrader_v2.matching.book import Book
from autotrader_v2.matching.checks import checked
from autotrader_v2.matching.knobs import Knobs, Unfillable
from autotrader_v2.matching.lookup import find_order
from autotrader_v2.matching.markets import Profile, profile_for
from autotrader_v2.matching.matcher import Matcher, Pit
from autotrader_v2.matching.records import (
    BookChanged,
    Event,
    FinishAs,
    Order,
    OrderChange,
    OrderChanged,
    OrderRequest,
    Status,
    StpAct,
    TimeInForce,
)
from autotrader_v2.matching.refused import Label, Refused
from autotrader_v2.matching.tape import Tape
from autotrader_v2.matching.triggers import TriggerDesk

_FIRST_ID = 1_000_000_001
_FIRST_USER = 10_001


def _nobody(_event: Event) -> None:
    """Nobody listens."""


class MatchingCore:
    """One exchange. Not thread-safe: its user calls it from one thread or under one lock.

    `now_ms` is its clock, `rng` its only chance (the shape of profile books), `listener` hears every event during the
    call that causes it and must not call back. `first_id` starts order and trade ids, which share one rising sequence.
    `candles`: whether the public candles of its markets are kept; nobody may ask for them otherwise.
    """

    def __init__(
        self,
        rules: Iterable[MarketRules],
        *,
        now_ms: Callable[[], int],
        rng: random.Random | None = None,
        knobs: Knobs | None = None,
        profiles: Mapping[str, Profile] | None = None,
        listener: Callable[[Event], None] = _nobody,
        first_id: int = _FIRST_ID,
        candles: bool = True,
    ) -> None:
        self.now_ms = now_ms
        self.knobs = knobs or Knobs()
        self.pits: dict[str, Pit] = {}
        self.accounts: dict[str, Account] = {}
        self.paid_in: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._rng = rng or random.Random(0)
        self._profiles = profiles or {}
        self._listener = listener
        self._next_id = first_id
        self._priority = 0
        self._candles = candles
        self._closed: list[Pit] = []
        self._countdowns: dict[tuple[str, str | None], int] = {}
        self._matcher = Matcher(
            now_ms=now_ms,
            knobs=lambda: self.knobs,
            new_id=self.new_id,
            announce=self._announce,
            gt_price=self._gt_price,
        )
        self.triggers = TriggerDesk(self, self._announce)
        for one in rules:
            self.set_rules(one)

    # -- markets ---------------------------------------------------------------------------------------------------

    def set_rules(self, rules: MarketRules) -> None:
        """Open a market, or change the rules of one at run time; resting orders stay."""
        pair = rules.market.pair
        pit = self.pits.get(pair)
        if pit:
            pit.rules = pit.book.rules = rules
            return
        profile = self._profiles.get(pair) or profile_for(rules.market.base)
        # Update ids start somewhere, as on a real exchange; a client must not count from one.
        book = Book(rules, profile, seed=self._rng.getrandbits(64), update_id=self._rng.randrange(10**6, 10**7))
        self.pits[pair] = Pit(rules, book, Tape(pair, candles=self._candles))

    def close_market(self, pair: str) -> None:
        """Delist a market: its orders are cancelled, nobody knows it any more; trades stay told. Errors: `Refused`."""
        pit = self.pit(pair)
        for order in [order for account in self.accounts.values() for order in account.open.values()]:
            if order.pair == pair:
                self._matcher.finish(pit, order, FinishAs.CANCELLED)
        self._closed.append(self.pits.pop(pair))

    def pit(self, pair: str) -> Pit:
        """Everything about a market. Errors: `Refused`."""
        pit = self.pits.get(pair)
        if pit is None:
            raise Refused(Label.INVALID_CURRENCY_PAIR, f"Invalid currency pair {pair[:40]}")
        return pit

    def feed(self, quote: Quote) -> None:
        """Set a market's outside prices: resting orders run over are filled, triggers fire.

        Errors: `Refused` for an unknown market, ValueError for an impossible quote.
        """
        pit, now_ms = self.pit(quote.market.pair), self.now_ms()
        book, last_before = pit.book, pit.book.last
        book.feed(quote, now_ms)
        if book.last == last_before:
            pit.tape.mark(book.last, now_ms)
        else:
            side = Side.BUY if book.last > last_before else Side.SELL
            _, size = book.best(side)
            self._announce(pit.tape.print(side, size or pit.rules.lot, book.last, now_ms))
        self._announce(BookChanged(quote.market.pair))
        self._matcher.sweep(pit)
        self.triggers.price_came(quote.market.pair, book.last)

    # -- accounts --------------------------------------------------------------------------------------------------

    def open_account(
        self, name: str, balances: Mapping[str, Decimal], fees: FeeSettings | None = None, *, stp_id: int = 0
    ) -> Account:
        """Open an account with money in it. Errors: ValueError when the name is taken."""
        if name in self.accounts:
            raise ValueError(f"account {name!r} exists")
        account = Account(
            name,
            _FIRST_USER + len(self.accounts),
            fees or FeeSettings(),
            now_ms=self.now_ms,
            announce=self._announce,
            history_max=self.knobs.history_max,
            stp_id=stp_id,
        )
        self.accounts[name] = account
        for currency, amount in balances.items():
            self.deposit(account, currency, amount)
        return account

    def deposit(self, account: Account, currency: str, amount: Decimal, why: str = "deposit") -> None:
        """Pay money in; `why` is told in the account book. Errors: ValueError when negative."""
        if amount < 0:
            raise ValueError(f"a deposit is not negative: {amount}")
        account.receive(currency, amount, why, why)
        self.paid_in[currency] += amount

    def withdraw(self, account: Account, currency: str, amount: Decimal) -> None:
        """Take money out. Errors: `Refused` when it is not free, ValueError when negative."""
        if amount < 0:
            raise ValueError(f"a withdrawal is not negative: {amount}")
        if account.available(currency) < amount:
            raise Refused(Label.BALANCE_NOT_ENOUGH, "Not enough balance")
        account.receive(currency, -amount, "withdraw", "withdraw")
        self.paid_in[currency] -= amount

    def revalue(self, currency: str, factor: Decimal) -> None:
        """Redenominate a currency: every balance is that many times as large. Its orders are cancelled first.

        Errors: ValueError for a factor that is not above 0.
        """
        if factor <= 0:
            raise ValueError(f"a factor is above 0: {factor}")
        for account in self.accounts.values():
            for order in list(account.open.values()):
                if currency in (order.rules.market.base, order.rules.market.quote):
                    self._matcher.finish(self.pits[order.pair], order, FinishAs.CANCELLED)
            more = account.available(currency) * (factor - 1)
            if more:
                account.receive(currency, more, "redenomination", "redenomination")
                self.paid_in[currency] += more

    def freeze(self, account: Account, currency: str, amount: Decimal) -> None:
        """Lock free money for something that is no order, an earn product say; negative frees it.

        Errors: `Refused` when that much is not there.
        """
        balance = account.balance(currency)
        if (balance.available if amount > 0 else balance.locked) < abs(amount):
            raise Refused(Label.BALANCE_NOT_ENOUGH, "Not enough balance")
        if amount > 0:
            account.lock(currency, amount, "", "earn-lock")
        else:
            account.unlock(currency, -amount, "", "earn-unlock")

    def imbalance(self) -> dict[str, Decimal]:
        """Currencies created or lost: always empty, or the core is wrong."""
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for account in self.accounts.values():
            for currency, balance in account.balances.items():
                sums[currency] += balance.total
        for pit in (*self.pits.values(), *self._closed):
            for currency, amount in pit.outside.items():
                sums[currency] += amount
        for currency, amount in self._matcher.fees_collected.items():
            sums[currency] += amount
        for currency, amount in self.paid_in.items():
            sums[currency] -= amount
        return {currency: amount for currency, amount in sums.items() if amount}

    # -- orders ----------------------------------------------------------------------------------------------------

    def place(self, account: Account, request: OrderRequest) -> Order:
        """Take an order in; it may be finished when this returns. The same `text` twice is two orders.

        Errors: `Refused`.
        """
        self.refuse_late(request.expires_ms)
        pit = self.pit(request.pair)
        request = checked(request, pit.rules, self.knobs, pit.book.last)
        if self.knobs.open_orders_max and len(account.open) >= self.knobs.open_orders_max:
            raise Refused(Label.TOO_MANY_ORDERS, f"Too many open orders: {len(account.open)}")
        if request.stp_act and not account.stp_id:
            raise Refused(Label.INVALID_PARAM_VALUE, "Invalid parameter `stp_act`: the account has no STP group")
        order = self._new_order(account, pit, request)
        unfillable = self._unfillable(pit, order)
        if unfillable and self.knobs.unfillable is Unfillable.ERROR:
            raise unfillable[1]
        need = order.amount * order.price if order.type is OrderType.LIMIT and order.side is Side.BUY else order.amount
        if account.available(order.spends) < need:
            raise Refused(Label.BALANCE_NOT_ENOUGH, "Not enough balance")
        account.orders[order.id] = order
        if request.text:
            account.by_text[request.text] = order
        account.lock(order.spends, need, order.text)
        order.reserved = need
        if unfillable:
            self._matcher.finish(pit, order, unfillable[0])
        else:
            self._run(pit, order)
        return order

    def cancel(self, account: Account, pair: str, key: str) -> Order:
        """Cancel one order by id or text. Errors: `Refused`, also when it is finished already."""
        order = self._open_order(account, pair, key)
        self._matcher.finish(self.pits[pair], order, FinishAs.CANCELLED)
        return order

    def cancel_all(self, account: Account, pair: str | None = None, side: Side | None = None) -> list[Order]:
        """Cancel all open orders, of one market or side if given."""
        chosen = [one for one in account.open.values() if pair in (None, one.pair) and side in (None, one.side)]
        for order in chosen:
            self._matcher.finish(self.pits[order.pair], order, FinishAs.CANCELLED)
        return chosen

    def amend(self, account: Account, pair: str, key: str, amendment: Amendment) -> Order:
        """Change price or amount of an open order; an amount not above what is filled cancels it. Errors: `Refused`."""
        self.refuse_late(amendment.expires_ms)
        order, pit = self._open_order(account, pair, key), self.pit(pair)
        new = amended(order, amendment, self.knobs)
        if new is None:
            self._matcher.finish(pit, order, FinishAs.CANCELLED)
            return order
        amount, price = new
        left = amount - order.filled_base
        need = left * price if order.side is Side.BUY else left
        if need - order.reserved > account.available(order.spends):
            raise Refused(Label.BALANCE_NOT_ENOUGH, "Not enough balance")
        moves_back = price != order.price or amount > order.amount
        if moves_back and order.time_in_force is TimeInForce.POC and self._matcher.crosses(pit, order.side, price):
            raise Refused(Label.POC_FILL_IMMEDIATELY, "The amended order would fill immediately")
        if need > order.reserved:
            account.lock(order.spends, need - order.reserved, order.text, "order-update")
        elif need < order.reserved:
            account.unlock(order.spends, order.reserved - need, order.text)
        order.reserved = need
        if moves_back:
            # Out of the queue under its old price, back in at the end of the new one.
            pit.book.take_off(order)
            del account.open[order.id]
            self._priority += 1
            order.priority = self._priority
        order.amount, order.price, order.left = amount, price, left
        order.amend_text, order.updated_ms = amendment.text, self.now_ms()
        if moves_back:
            self._run(pit, order, OrderChange.UPDATE)
        else:
            self._announce(OrderChanged(OrderChange.UPDATE, order))
            self._matcher.book_changed(pit)
        return order

    def refuse_late(self, expires_ms: int) -> None:
        """Errors: `Refused` for a request that arrives after its own expiry (0 = none)."""
        if expires_ms and self.now_ms() > expires_ms:
            raise Refused(Label.REQUEST_EXPIRED, f"Request expired at {expires_ms}")

    # -- time ------------------------------------------------------------------------------------------------------

    def countdown(self, account: Account, timeout_s: int, pair: str | None = None) -> int:
        """Arm (0: disarm) the switch that cancels open orders unless armed again. Returns when, in ms; 0 if disarmed.

        Errors: `Refused` for an unknown market or a time of 1 to 4 s.
        """
        if pair is not None:
            self.pit(pair)
        if timeout_s < 0 or 0 < timeout_s < 5:
            raise Refused(Label.INVALID_PARAM_VALUE, f"Invalid parameter `timeout` with value: {timeout_s}")
        if not timeout_s:
            self._countdowns.pop((account.name, pair), None)
            return 0
        due_ms = self.now_ms() + timeout_s * 1000
        self._countdowns[account.name, pair] = due_ms
        return due_ms

    def advance(self) -> None:
        """Do what became due with time: countdowns, trigger orders that expire."""
        now_ms = self.now_ms()
        for (name, pair), due_ms in list(self._countdowns.items()):
            if due_ms <= now_ms:
                del self._countdowns[name, pair]
                self.cancel_all(self.accounts[name], pair)
        self.triggers.time_passed(now_ms)

    def new_id(self) -> int:
        """The next number of the sequence that orders, trades and trigger orders share."""
        self._next_id += 1
        return self._next_id

    # -- inside ----------------------------------------------------------------------------------------------------

    def _run(self, pit: Pit, order: Order, change: OrderChange = OrderChange.PUT) -> None:
        """Let an order trade, then end it or leave the rest in the book."""
        end = self._matcher.take(pit, order)
        if end is None:
            order.account.open[order.id] = order
            pit.book.rest(order)
            self._announce(OrderChanged(change, order))
            self._matcher.book_changed(pit)
            return
        if self.knobs.put_before_finish:
            self._announce(OrderChanged(change, order))
        self._matcher.finish(pit, order, end)

    def _new_order(self, account: Account, pit: Pit, request: OrderRequest) -> Order:
        now_ms = self.now_ms()
        self._priority += 1
        return Order(
            id=self.new_id(),
            account=account,
            rules=pit.rules,
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            amount=request.amount,
            price=request.price or ZERO,
            text=request.text or request.source,
            stp_act=StpAct(request.stp_act) if request.stp_act else None,
            iceberg=request.iceberg,
            created_ms=now_ms,
            updated_ms=now_ms,
            priority=self._priority,
            left=request.amount,
            slippage=pit.book.profile.slippage if request.slippage is None else request.slippage,
            thin=request.thin,
        )

    def _unfillable(self, pit: Pit, order: Order) -> tuple[FinishAs, Refused] | None:
        """Why the order's own terms forbid it now."""
        crosses = order.type is OrderType.LIMIT and self._matcher.crosses(pit, order.side, order.price)
        if order.time_in_force is TimeInForce.POC and crosses:
            return FinishAs.POC, Refused(Label.POC_FILL_IMMEDIATELY, "The order would fill immediately")
        if order.time_in_force is TimeInForce.FOK and not self._matcher.fills_whole(pit, order):
            return FinishAs.FOK, Refused(Label.FOK_NOT_FILL, "The order cannot be filled completely")
        return None

    def _open_order(self, account: Account, pair: str, key: str) -> Order:
        self.pit(pair)
        order = find_order(account, pair, key, self.now_ms(), replace(self.knobs, text_lookup_ms=0))
        if order.open:
            return order
        if order.status is Status.CLOSED:
            raise Refused(Label.ORDER_CLOSED, f"Order {order.id} is closed")
        raise Refused(Label.ORDER_CANCELLED, f"Order {order.id} is cancelled")

    def _gt_price(self, quote: str) -> Decimal:
        pit = self.pits.get(f"{GT}_{quote}")
        return pit.book.last if pit else ZERO

    def _announce(self, event: Event) -> None:
        self._listener(event)
