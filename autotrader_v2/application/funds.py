"""The wallet: what the account holds by the last reading, less everything of ours that the reading cannot know yet.

free = available at the reading - quote of own orders sent or filled after it began. Deposits and fees need no rule of
their own: the next reading has them. Budgets count the journal's own figures, never the balance.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from autotrader_v2.application.ports import Holding
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.situation import BaseReading

_NOTHING = Holding(ZERO, ZERO)


@dataclass(frozen=True, slots=True)
class Limits:
    """What all markets together may do. 0 = no limit. Units: `total_budget` in quote currency."""

    total_budget: Decimal = ZERO
    max_active_cycles: int = 0


@dataclass(frozen=True, slots=True)
class _Outgo:
    """Quote currency of one order. `resolved_at` is None while its outcome is open; `got` by a sale."""

    market: Market
    amount: Decimal
    starts: bool
    resolved_at: int | None = None
    got: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Funds:
    """A moment's figures in quote currency, for people.

    `free` is what may be spent, `owned` what is there whatever a limit allows: of orders that are booked since the last
    reading their money too. `settled`: the reading knows of every order.
    """

    available: Decimal
    free: Decimal
    reserved: Decimal
    owned: Decimal
    known: bool
    settled: bool


class Wallet:
    """Thread-safe. Readings and orders are put in order by a counter, not by a clock."""

    def __init__(self, quote_currency: str, limits: Limits | None = None) -> None:
        self.quote_currency = quote_currency
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._moment = 0
        self._reading_began = -1
        self._holdings: Mapping[str, Holding] = {}
        self._outgo: dict[str, _Outgo] = {}
        self._touched: dict[Market, int] = {}
        self._open_orders: dict[Market, str] = {}
        self._reserves: dict[Market, Decimal] = {}
        self._invested: dict[Market, Decimal] = {}
        # Running sums of the three dictionaries above: a decision must not cost more the more markets there are.
        self._outgo_total = ZERO
        self._reserves_total = ZERO
        self._invested_total = ZERO

    # -- readings

    def begin_reading(self) -> int:
        """Call before asking the exchange; hand the token to `arrived`."""
        with self._lock:
            self._moment += 1
            return self._moment

    def arrived(self, token: int, holdings: Mapping[str, Holding]) -> None:
        """Take a reading in, unless a later one is there already."""
        with self._lock:
            if token <= self._reading_began:
                return
            self._reading_began = token
            self._holdings = holdings
            self._outgo = {
                client_id: outgo
                for client_id, outgo in self._outgo.items()
                if outgo.resolved_at is None or outgo.resolved_at >= token
            }
            self._outgo_total = sum((outgo.amount for outgo in self._outgo.values()), ZERO)

    def base_reading(self, market: Market) -> BaseReading | None:
        """The market's coins, if a reading began after its last order was resolved and none is out."""
        with self._lock:
            if self._reading_began < 0 or market in self._open_orders:
                return None
            if self._touched.get(market, -1) >= self._reading_began:
                return None
            held = self._holdings.get(market.base, _NOTHING)
            return BaseReading(held.available, held.locked)

    def holding(self, currency: str) -> Holding:
        """The last reading of a currency, for people."""
        return self._holdings.get(currency, _NOTHING)

    # -- orders

    def reserve(self, client_id: str, market: Market, amount: Decimal, *, starts: bool) -> bool:
        """Set the money of an order aside; False when it is not there or a limit forbids it."""
        with self._lock:
            free = self._free_for_start(market) if starts else self._free()
            if amount > free or (starts and self._cycles_full(market)):
                return False
            self._put_outgo(client_id, _Outgo(market, amount, starts))
            self._open_orders[market] = client_id
            return True

    def still_allowed(self, market: Market, *, starts: bool) -> bool:
        """Whether the limits of now allow what was reserved for the market: they may have been lowered since."""
        with self._lock:
            if self.limits.total_budget and self.limits.total_budget < self._invested_total + self._in_flight():
                return False
            return not (starts and self._cycles_full(market))

    def order_out(self, client_id: str, market: Market, amount: Decimal = ZERO) -> None:
        """An order is out that needs no permission: a sale, or one found open at start-up (with its worst cost)."""
        with self._lock:
            self._put_outgo(client_id, _Outgo(market, amount, False))
            self._open_orders[market] = client_id

    def resolved(self, client_id: str, market: Market, spent: Decimal, got: Decimal = ZERO) -> None:
        """The outcome is known; what was spent stays deducted until a reading that began later has arrived.

        What a sale `got` may be spent only when a reading shows it.
        """
        with self._lock:
            self._moment += 1
            known = self._outgo.get(client_id)
            starts = known.starts if known else False
            self._put_outgo(client_id, _Outgo(market, spent, starts, self._moment, got))
            self._touched[market] = self._moment
            if self._open_orders.get(market) == client_id:
                del self._open_orders[market]

    def never_sent(self, client_id: str, market: Market) -> None:
        """The order never existed at the exchange; nothing there has changed."""
        with self._lock:
            self._put_outgo(client_id, None)
            if self._open_orders.get(market) == client_id:
                del self._open_orders[market]

    # -- running ladders

    def set_cycle(self, market: Market, invested: Decimal, reserve: Decimal) -> None:
        """What a market's cycle cost so far and what of its ladder starts may not touch; 0 invested = no cycle."""
        with self._lock:
            self._invested_total += invested - self._invested.pop(market, ZERO)
            self._reserves_total += reserve - self._reserves.pop(market, ZERO)
            if invested:
                self._invested[market], self._reserves[market] = invested, reserve

    # -- figures

    def free(self) -> Decimal:
        """What a running ladder may spend now."""
        with self._lock:
            return self._free()

    def free_pair(self, market: Market) -> tuple[Decimal, Decimal]:
        """(for a running ladder, for a start of this market)."""
        with self._lock:
            free = self._free()
            return free, free - self._reserves_total + self._reserves.get(market, ZERO)

    def cycles_full(self, market: Market) -> bool:
        """Whether the number of active cycles forbids another one."""
        if not self.limits.max_active_cycles:
            return False
        with self._lock:
            return self._cycles_full(market)

    def set_limits(self, limits: Limits) -> None:
        """Replace the limits of all markets together."""
        with self._lock:
            self.limits = replace(limits)

    def funds(self) -> Funds:
        """Figures for people."""
        with self._lock:
            held = self._holdings.get(self.quote_currency, _NOTHING)
            outgo, reserved = self._outgo.values(), self._in_flight()
            booked = sum((one.got - one.amount for one in outgo if one.resolved_at is not None), ZERO)
            return Funds(
                available=held.available,
                free=self._free(),
                reserved=reserved,
                owned=held.total + booked,
                known=self._reading_began >= 0,
                settled=not outgo,
            )

    def _put_outgo(self, client_id: str, outgo: _Outgo | None) -> None:
        old = self._outgo.pop(client_id, None)
        self._outgo_total += (outgo.amount if outgo else ZERO) - (old.amount if old else ZERO)
        if outgo is not None:
            self._outgo[client_id] = outgo

    def _free(self) -> Decimal:
        if self._reading_began < 0:
            return ZERO
        free = self._holdings.get(self.quote_currency, _NOTHING).available - self._outgo_total
        if self.limits.total_budget:
            free = min(free, self.limits.total_budget - self._invested_total - self._in_flight())
        return free

    def _in_flight(self) -> Decimal:
        return sum((outgo.amount for outgo in self._outgo.values() if outgo.resolved_at is None), ZERO)

    def _free_for_start(self, market: Market) -> Decimal:
        return self._free() - self._reserves_total + self._reserves.get(market, ZERO)

    def _cycles_full(self, market: Market) -> bool:
        limit = self.limits.max_active_cycles
        if not limit:
            return False
        starting = {one.market for one in self._outgo.values() if one.starts and one.resolved_at is None}
        return len((self._invested.keys() | starting) - {market}) >= limit
