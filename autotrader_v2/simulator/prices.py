"""The outside prices on their way to the market: as they come, or moved by a crash, a spike, a redenomination."""

from dataclasses import dataclass
from decimal import Decimal

from autotrader_v2.domain.quotes import Levels, Quote

_ONE = Decimal(1)
_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class _Move:
    """From `begin_ms` the price goes to `factor` times itself within `ramp_ms`; after `hold_ms` there it is over."""

    begin_ms: int
    factor: Decimal
    ramp_ms: int
    hold_ms: int | None

    def over(self, now_ms: int) -> bool:
        return self.hold_ms is not None and now_ms >= self.begin_ms + self.ramp_ms + self.hold_ms

    def now(self, now_ms: int) -> Decimal:
        passed = now_ms - self.begin_ms
        if passed >= self.ramp_ms:
            return self.factor
        done = Decimal(max(passed, 0)) / self.ramp_ms
        return (_ONE + (self.factor - _ONE) * done).quantize(_STEP) or _STEP


class Prices:
    """Moves quotes. `raw` quotes come in by `moved`; what a move changes without a new quote comes out of `due`."""

    def __init__(self) -> None:
        self._raw: dict[str, Quote] = {}
        self._moves: dict[str, list[_Move]] = {}
        self._shown: dict[str, Decimal] = {}

    def move(self, pair: str, factor: Decimal, now_ms: int, *, ramp_ms: int = 0, hold_ms: int | None = None) -> None:
        """Begin a move; `hold_ms` None: it stays. Errors: ValueError for a factor that is not above 0."""
        if factor <= 0:
            raise ValueError(f"a factor is above 0: {factor}")
        self._moves.setdefault(pair, []).append(_Move(now_ms, factor, ramp_ms, hold_ms))

    def forget(self, pair: str) -> None:
        """The market is gone."""
        for memory in (self._raw, self._moves, self._shown):
            memory.pop(pair, None)

    def moved(self, quote: Quote, now_ms: int) -> Quote:
        """The quote as the market gets it."""
        pair = quote.market.pair
        self._raw[pair] = quote
        if pair not in self._moves:
            return quote
        factor = self._factor(pair, now_ms)
        self._shown[pair] = factor
        return _times(quote, factor)

    def due(self, now_ms: int) -> list[Quote]:
        """Last quotes again, of markets that are on the move."""
        found = []
        for pair in list(self._moves):
            raw, factor = self._raw.get(pair), self._factor(pair, now_ms)
            if raw is not None and factor != self._shown.get(pair, _ONE):
                self._shown[pair] = factor
                found.append(_times(raw, factor))
        return found

    def _factor(self, pair: str, now_ms: int) -> Decimal:
        factor = _ONE
        for one in self._moves[pair]:
            if not one.over(now_ms):
                factor *= one.now(now_ms)
        return factor


def _times(quote: Quote, factor: Decimal) -> Quote:
    if factor == _ONE:
        return quote
    return quote._replace(
        bid=quote.bid * factor,
        ask=quote.ask * factor,
        last=quote.last * factor,
        bids=_levels(quote.bids, factor),
        asks=_levels(quote.asks, factor),
    )


def _levels(levels: Levels, factor: Decimal) -> Levels:
    return tuple((price * factor, size) for price, size in levels)
