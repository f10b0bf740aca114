"""Holds buys to the owner's limits by the auditor's own counts: their number, their size, their turnover, the band.

Every buy that leaves is judged, whoever wants it, by the limits that are durable at that moment: an engine asks them at
the door, after the last thing that could have waited. What the engine counts is never asked.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.simulation.heard import Books, Broken, KnownOrder
from autotrader_v2.simulation.ledger import ZERO
from autotrader_v2.simulation.own_prices import OwnPrices

# A buy is counted when it is claimed and leaves later: a window is shorter by the longest way between.
_FIVE_MINUTES_MS = 300_000 - 10_000
# Besides, a clock that was set moves a day's window by as much.
_DAY_MS = 86_400_000 - 3_600_000
# Indicators are floats in the engine.
_CLOSE = Decimal("1e-9")


class LimitsNow(NamedTuple):
    """What the owner allows; each 0: not limited. Units: rows, orders, quote currency, percent."""

    order_rows: Decimal
    coin_orders_5min: Decimal
    coin_orders_day: Decimal
    account_orders_5min: Decimal
    account_orders_day: Decimal
    coin_turnover_day: Decimal
    account_turnover_day: Decimal
    band_pct: Decimal

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "LimitsNow":
        """From a setting's values, all of them."""
        return cls(**{name: Decimal(str(values[name])) for name in cls._fields})


class LimitsJudge:
    """Counts what leaves. `now`: the limits in force, None: none was told."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.now: LimitsNow | None = None
        self._bought: list[tuple[int, KnownOrder]] = []
        self._window_began_ms = 0
        self._prices: dict[Market, OwnPrices] = {}
        self._listens = False

    def set(self, values: Mapping[str, Any]) -> None:
        """The owner's limits from now on."""
        self.now = LimitsNow.read(values)

    def booted(self) -> None:
        """A new process: it has heard no price yet. What comes before it listens nobody can know."""
        self._prices = {market: OwnPrices() for market in self._books.ledgers}
        self._listens = self.now is not None and self.now.band_pct > 0

    def left(self, market: Market) -> None:
        """A market leaves the list: back in it, it is as one whose prices nobody has heard yet."""
        if self._listens:
            self._prices[market] = OwnPrices()

    def quoted(self, quote: Quote) -> None:
        """A quote was handed to the process. Kept only where a band may judge by it."""
        if self._listens:
            self._prices[quote.market].heard(quote)

    def clock_set(self, now_ms: int) -> None:
        """The machine's clock was set, and with it the engine's five minutes: they begin anew."""
        self._window_began_ms = now_ms

    def never_left(self, client_id: str) -> None:
        """It was about to leave and did not: it counts for nothing."""
        self._bought = [one for one in self._bought if one[1].intent.client_id != client_id]

    def check(self, order: KnownOrder, largest_row: Decimal | None, now_ms: int) -> None:
        """I3, I9: a buy leaves. `largest_row`: of its ladder, None: nobody can know it. Errors: `Broken`."""
        bought = self._bought
        bought.append((now_ms, order))
        limits = self.now
        if limits is None or not any(limits):
            return
        intent = order.intent
        if limits.order_rows and largest_row is not None and intent.max_cost > limits.order_rows * largest_row:
            raise Broken("I3", f"{intent.client_id} spends {intent.max_cost}, its largest row is {largest_row}")
        since_ms = max(now_ms - _FIVE_MINUTES_MS, self._window_began_ms)
        lately = [one for at_ms, one in bought if at_ms > since_ms or one is order]
        _number(intent, lately, limits.coin_orders_5min, limits.account_orders_5min, "five minutes")
        today = [one for at_ms, one in bought if at_ms > now_ms - _DAY_MS]
        _number(intent, today, limits.coin_orders_day, limits.account_orders_day, "a day")
        self._turnover(intent, today, limits)
        if limits.band_pct and self._listens:
            self._band(intent, limits.band_pct)

    @staticmethod
    def _turnover(intent: OrderIntent, today: list[KnownOrder], limits: LimitsNow) -> None:
        for most, bought, whose in (
            (limits.coin_turnover_day, [one for one in today if one.intent.market == intent.market], "its coin"),
            (limits.account_turnover_day, today, "the account"),
        ):
            if most and (turnover := sum((one.turnover for one in bought), ZERO)) > most:
                raise Broken("I3", f"{intent.client_id} makes {turnover} of {whose} in a day, {most} are allowed")

    def _band(self, intent: OrderIntent, band_pct: Decimal) -> None:
        """The newest price that may be believed lies within the band, at the moment of leaving."""
        prices = self._prices[intent.market]
        middles, ask = prices.middles(), prices.ask
        if middles is None or ask is None:
            return
        lowest, highest = middles[0] * (1 - band_pct / 100), middles[1] * (1 + band_pct / 100)
        if not lowest * (1 - _CLOSE) <= ask <= highest * (1 + _CLOSE):
            raise Broken("I9", f"{intent.client_id} buys at {ask}, {band_pct} % around {middles[1]} are allowed")


def _number(intent: OrderIntent, bought: list[KnownOrder], coin: Decimal, account: Decimal, span: str) -> None:
    of_coin = sum(one.intent.market == intent.market for one in bought)
    if (coin and of_coin > coin) or (account and len(bought) > account):
        raise Broken("I3", f"{intent.client_id} is buy {of_coin} of its coin, {len(bought)} of the account in {span}")
