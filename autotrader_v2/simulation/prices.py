"""Prices of the world: walks that like to meet the engine's thresholds, told to it truthfully or not."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal

from autotrader_v2.domain.cycle import Active, TradingCycle
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import floor_to
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.simulation.faults import Dice
from autotrader_v2.simulation.fibers import Hub

# As long as an order takes, and for most also the reading of balances after it: a price before that changes nothing.
_APART_MS = (100, 260)
# While no price would change anything here it is only looked, less and less often, whether that is still so. Rarely
# one comes all the same.
_LOOKS_FIRST_MS = 40
_LOOKS_LAST_MS = 1600
_ALL_THE_SAME = 0.03
_APART_STEADY_MS = (800, 2400)
_APART_WAITING_MS = (3000, 15_000)
# More than any position of any coin, the cheapest too: a book that cannot take it back would be a fault of the world.
_PLENTY = Decimal(10**12)
_NAN = Decimal("NaN")
# A wrong price is one that the screen can tell from the last right one that the engine believes: after a jump that is
# for a while one of before the jump, and it believes none for longer than a minute.
_SPIKE_LEAST = 0.25
_LATELY_MS = 70_000
# Told to the engine: the quote, whether it is a wrong one.
Tell = Callable[[Quote, bool], bool]


class PriceWalk:
    """One market's price. It looks at the `cycle`: a price far from every threshold tests little.

    While no price would change anything (`waits`) it comes rarely: steps are for what may go wrong.
    """

    def __init__(
        self,
        hub: Hub,
        dice: Dice,
        rules: MarketRules,
        price: float,
        *,
        cycle: Callable[[], TradingCycle | None],
        waits: Callable[[], bool],
        hears: Callable[[Quote], None],
        tell: Tell,
    ) -> None:
        self._hub = hub
        self._dice = dice
        self.rules = rules
        self.price = self._first = price
        self._lately: deque[tuple[int, float]] = deque([(hub.now_ms, price)])
        self._cycle = cycle
        self._waits = waits
        self._hears = hears
        self._tell = tell
        self.silent_until_ms = 0
        # The one move that counts: an earlier appointment takes the place of a later one.
        self._appointment = 0
        self._due_ms = 0
        self._comes_anyway_ms = 0
        self._look_ms = _LOOKS_FIRST_MS
        self._spike_after_ms = 0
        self.steady = False
        # A price told by a test instead.
        self.told: Callable[[], float] | None = None

    def start(self) -> None:
        """Begin to move."""
        self._at(self._hub.now_ms)

    def hurry(self) -> None:
        """Something has changed: the next price comes soon."""
        self._look_ms = _LOOKS_FIRST_MS
        soon_ms = self._hub.now_ms + self._dice.ms(*_APART_MS)
        if soon_ms < self._due_ms and not self.steady:
            self._at(soon_ms)

    def _at(self, due_ms: int) -> None:
        self._appointment += 1
        self._due_ms = due_ms
        appointment = self._appointment
        self._hub.at(due_ms, self._move, still=lambda: appointment == self._appointment)

    def _move(self) -> bool:
        """The next price; False when none was told."""
        hub, dice = self._hub, self._dice
        if self.steady:
            self._at(hub.now_ms + dice.ms(*_APART_STEADY_MS))
        elif self._comes_to_nothing():
            self._look_ms = min(self._look_ms * 2, _LOOKS_LAST_MS)
            self._at(hub.now_ms + dice.ms(self._look_ms // 2, self._look_ms))
            return False
        else:
            self._look_ms = _LOOKS_FIRST_MS
            self._comes_anyway_ms = hub.now_ms + dice.ms(*_APART_WAITING_MS)
            self._at(hub.now_ms + dice.ms(*_APART_MS))
        self.price = self._next()
        self._remember(hub.now_ms)
        quote = self._quote(self.price)
        self._hears(quote)
        if dice.hit("price_silence"):
            self.silent_until_ms = hub.now_ms + dice.mostly_short_ms(2000, 90_000)
        if hub.now_ms < self.silent_until_ms and not self.steady:
            return False
        plain = quote._replace(bids=(), asks=())
        if self._told_wrong(plain):
            return True
        told = self._tell(plain, False)
        if dice.hit("price_twice"):
            self._tell(plain, False)
        return told

    def _remember(self, now_ms: int) -> None:
        lately = self._lately
        lately.append((now_ms, self.price))
        while lately[0][0] < now_ms - _LATELY_MS:
            lately.popleft()

    def _comes_to_nothing(self) -> bool:
        now_ms = self._hub.now_ms
        if now_ms >= self._comes_anyway_ms or self._dice.rng.random() < _ALL_THE_SAME:
            return False
        return now_ms < self.silent_until_ms or self._waits()

    def _told_wrong(self, quote: Quote) -> bool:
        """Tell something else than the truth, sometimes; True when the truth then stays untold."""
        dice, now_ms = self._dice, self._hub.now_ms
        if dice.hit("price_old"):
            late_ms = dice.ms(500, 20_000)
            self._hub.at(now_ms + late_ms, lambda: self._tell(quote, False))
            return True
        if dice.hit("price_crossed"):
            self._tell(quote._replace(bid=quote.ask, ask=quote.bid - self.rules.tick), True)
        if dice.hit("price_nan"):
            self._tell(quote._replace(bid=_NAN), True)
            self._tell(quote._replace(ask=Decimal(0)), True)
        if now_ms > self._spike_after_ms and dice.hit("price_spike"):
            factor = dice.rng.choice((0.1, 0.5, 0.7, 1.4, 2.0, 10.0))
            wrong = self.price * factor
            if any(abs(wrong / price - 1) < _SPIKE_LEAST for _, price in self._lately):
                return False  # what is wrong now is near what was right a moment ago, and nobody can know
            # Two in a row would confirm each other: that is a real price by the rules.
            self._spike_after_ms = now_ms + 60_000
            self._tell(self._quote(wrong)._replace(bids=(), asks=()), True)
            return True
        return False

    def _next(self) -> float:
        if self.told is not None:
            return self.told()
        rng, cycle = self._dice.rng, self._cycle()
        draw = rng.random()
        price = self.price
        if self.steady:
            return self._towards(self._sells(cycle)) if isinstance(cycle, Active) else price
        if self._dice.hit("price_crash"):
            return max(price * 0.6, self._first * 0.02)
        if self._dice.hit("price_jump"):
            return price * (1.3 if price < self._first else 0.75)
        if isinstance(cycle, Active):
            if draw < 0.45:
                return self._towards(float(cycle.sell_price) * (1 + 0.002 * rng.random()))
            row = cycle.next_step
            if row is None and draw < 0.8:
                return self._towards(float(cycle.sell_price) * 1.001)
            if draw < 0.93 and row is not None:
                return self._towards(float(row.price) * (1 - 0.002 * rng.random()))
        if price < self._first * 0.1 or price > self._first * 8:
            return self._towards(self._first)
        return price * (0.99 + 0.02 * rng.random())

    def _sells(self, cycle: Active) -> float:
        """Where the whole position is worth selling; a minimum may have been raised since it was bought."""
        # Without dust and a lot less: so much may be gone by other hands without being missed.
        lots = float(floor_to(cycle.held, self.rules.lot) - self.rules.lot)
        return max(float(cycle.sell_price) * 1.001, float(self.rules.min_quote) * 1.01 / lots if lots > 0 else 0.0)

    def _towards(self, target: float) -> float:
        """As far as prices go at once without being doubted."""
        return min(max(target, self.price * 0.85), self.price * 1.15)

    def _quote(self, price: float) -> Quote:
        dice, tick, lot = self._dice, self.rules.tick, self.rules.lot
        bid = max(Decimal(int(price / float(tick))), Decimal(1)) * tick
        wide = int(price * 0.03 / float(tick)) if dice.hit("price_wide") else 0
        ask = bid + tick * (1 + wide)
        size = _PLENTY
        if dice.hit("price_thin"):
            size = max((Decimal(int(dice.rng.random() * 12 / price / float(lot))) * lot), lot)
        deep = bid - 2 * tick if bid > 2 * tick else bid
        now_ms = self._hub.now_ms
        return Quote(
            market=self.rules.market,
            bid=bid,
            ask=ask,
            last=bid,
            exchange_ms=now_ms,
            confirmed_ms=now_ms,
            bid_size=size,
            ask_size=size,
            bids=((bid, size), (deep, size * 3)) if deep < bid else ((bid, size),),
            asks=((ask, size), (ask + 2 * tick, size * 3)),
        )


def symbol(index: int) -> Market:
    """The market of a number."""
    return Market("gate", chr(ord("A") + index) * 3, "USDT")
