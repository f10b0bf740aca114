"""Holds buys to their limits, at the claim and again at the one door: nothing that buys can pass beside it.

Counted is every attempt that left this machine or may have: also one of unknown outcome, one that was refused, one that
bought nothing. The counts are made anew from the journal at a start. Sales are never asked about.
"""

import threading
from collections.abc import Iterable
from decimal import Decimal

from autotrader_v2.application.ports import RecentBuy
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.limits import DAY_MS, Bought, OrderLimits, Reached, band_around, largest_row, reached
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import OrderIntent
from autotrader_v2.domain.situation import Hold, Reason


class _Row:
    """The attempts of 24 hours, oldest first, as the rule reads them; beside each its label and its largest row.

    That is the largest row of its ladder, 0 where nobody knows that any more: of attempts from before the start.
    """

    __slots__ = ("bought", "labels")

    def __init__(self) -> None:
        self.bought: list[Bought] = []
        self.labels: list[tuple[str, Decimal]] = []

    def add(self, client_id: str, largest: Decimal, bought: Bought) -> None:
        """Append the newest, forget what is older than a day."""
        oldest_ms = bought.time_ms - DAY_MS
        if self.bought and self.bought[0].time_ms <= oldest_ms:
            old = next((at for at, one in enumerate(self.bought) if one.time_ms > oldest_ms), None)
            del self.bought[:old], self.labels[:old]
        self.bought.append(bought)
        self.labels.append((client_id, largest))

    def place(self, client_id: str) -> int | None:
        """Where the attempt stands; those asked for are among the newest."""
        labels = self.labels
        for at in range(len(labels) - 1, -1, -1):
            if labels[at][0] == client_id:
                return at
        return None


class BuyLimits:
    """Thread-safe; values only. Lock order: after a slot's, never together with the wallet's."""

    def __init__(self, board: QuoteBoard, limits: OrderLimits) -> None:
        self.limits = limits
        self._board = board
        self._lock = threading.Lock()
        self._of_coin: dict[Market, _Row] = {}
        self._of_account = _Row()
        self._newest_ms = 0

    def set_limits(self, limits: OrderLimits) -> None:
        """Replace them; they hold from the next claim on, and at the door for what is claimed already."""
        self.limits = limits

    def restore(self, recent: Iterable[RecentBuy], now_ms: int) -> None:
        """Count what the journal knows. An attempt later than now (the clock was set back) counts as of now."""
        with self._lock:
            for one in sorted(recent, key=lambda one: one.time_ms):
                coin = self._row(one.market)
                self._count(coin, one.client_id, ZERO, Bought(min(one.time_ms, now_ms), one.cost))

    def refusal(self, market: Market, ask: Decimal, now_ms: int) -> Hold | None:
        """Why no buy of any size may be claimed now, without claiming one."""
        if (outside := self._outside_band(market, ask)) is not None:
            return outside
        with self._lock:
            return self._full(self._row(market), ZERO, now_ms)

    def claim(
        self, client_id: str, market: Market, cost: Decimal, ask: Decimal, params: LadderParams, now_ms: int
    ) -> Hold | None:
        """Count a buy that is about to be claimed, or say why it may not be."""
        if (outside := self._outside_band(market, ask)) is not None:
            return outside
        largest = largest_row(params)
        if (too_large := self._too_large(cost, largest)) is not None:
            return too_large
        with self._lock:
            coin = self._row(market)
            if (full := self._full(coin, cost, now_ms)) is not None:
                return full
            self._count(coin, client_id, largest, Bought(now_ms, cost))
        return None

    def at_door(self, intent: OrderIntent, ask: Decimal, params: LadderParams, now_ms: int) -> Hold | None:
        """Look again before the order leaves. What was not claimed here is counted now, or refused."""
        market = intent.market
        with self._lock:
            coin = self._row(market)
            at = coin.place(intent.client_id)
            largest = None if at is None else coin.labels[at][1]
            full = None if at is None else self._full(coin, intent.max_cost, now_ms, counted=True)
        if largest is None:
            return self.claim(intent.client_id, market, intent.max_cost, ask, params, now_ms)
        if (outside := self._outside_band(market, ask)) is not None:
            return outside
        return self._too_large(intent.max_cost, largest) or full

    def never_sent(self, client_id: str, market: Market) -> None:
        """It never left this machine: it does not count."""
        with self._lock:
            for row in (self._row(market), self._of_account):
                if (at := row.place(client_id)) is not None:
                    del row.bought[at], row.labels[at]

    def bought_nothing(self, client_id: str, market: Market) -> None:
        """It left and ended without trading: an order, but no turnover."""
        self._set_cost(client_id, market, ZERO)

    def bought_after_all(self, client_id: str, market: Market, cost: Decimal) -> None:
        """It counted as ended without trading, and has traded: its cost is turnover."""
        self._set_cost(client_id, market, cost)

    def _set_cost(self, client_id: str, market: Market, cost: Decimal) -> None:
        with self._lock:
            for row in (self._row(market), self._of_account):
                if (at := row.place(client_id)) is not None:
                    row.bought[at] = row.bought[at]._replace(cost=cost)

    def _row(self, market: Market) -> _Row:
        row = self._of_coin.get(market)
        if row is None:
            row = self._of_coin[market] = _Row()
        return row

    def _count(self, coin: _Row, client_id: str, largest: Decimal, bought: Bought) -> None:
        # Claims of one moment may come in any order; what is counted later is never earlier.
        if bought.time_ms < self._newest_ms:
            bought = bought._replace(time_ms=self._newest_ms)
        self._newest_ms = bought.time_ms
        for row in (coin, self._of_account):
            row.add(client_id, largest, bought)

    def _too_large(self, cost: Decimal, largest: Decimal) -> Hold | None:
        """By the limit of now: one that was lowered since the claim reaches the order all the same."""
        most = self.limits.order_rows * largest
        return _hold(Reached("order_rows", most, cost, 0)) if most and cost > most else None

    def _full(self, coin: _Row, cost: Decimal, now_ms: int, *, counted: bool = False) -> Hold | None:
        now_ms = max(now_ms, self._newest_ms)
        full = reached(self.limits, coin.bought, self._of_account.bought, cost, now_ms, counted=counted)
        return None if full is None else _hold(full)

    def _outside_band(self, market: Market, ask: Decimal) -> Hold | None:
        band_pct = self.limits.band_pct
        median = self._board.median(market) if band_pct else None
        if median is None:
            return None
        band = band_around(median, band_pct)
        if band.holds(ask):
            return None
        values = (("ask", ask), ("median", median), ("band_pct", band_pct))
        return Hold(Reason.OUTSIDE_BAND, (*values, ("lowest", band.lowest), ("highest", band.highest)))


def _hold(full: Reached) -> Hold:
    values = (("which", full.which), ("most", full.most), ("is_now", full.is_now), ("until_ms", full.until_ms))
    return Hold(Reason.LIMIT_REACHED, values)
