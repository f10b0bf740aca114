"""An invented market: seeded, lively, crashing together. Same seed, same quotes, on every machine."""

import random
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.coins import default_markets, start_price, usual_tick
from autotrader_v2.infrastructure.feeds.errors import SourceBadData, UnknownSource
from autotrader_v2.infrastructure.feeds.quoter import Quoter

# 2024-01-01, when no other time is asked for: a fixed one, because the same seed gives the same quotes.
DEFAULT_START_MS = 1_704_067_200_000

# Each market is quoted once per step, at its own phase of it and a little early or late: never two quotes more than a
# second apart, so that the player has nothing to repeat.
STEP_MS = 850
_JITTER_MS = 128
_PHASES_MS = STEP_MS - _JITTER_MS

# Only + - * on floats and integers below: exp, log and the gauss of `random` come from the platform's own library and
# may differ in the last digit, which would be another price sooner or later.
_NORMAL_BITS = 12
_NORMAL_MASK = (1 << _NORMAL_BITS) - 1
_JITTER_MASK = _JITTER_MS - 1
_JITTER_BITS = 7
_CHANCE_BITS = 13
_DRAW_BITS = _NORMAL_BITS + _JITTER_BITS + _CHANCE_BITS

# A price is drawn back to its start, the stronger the further away (half the way in about three hours), and stays
# between a quarter and four times of it: at the border the drift turns back. A demo may run for days.
_PULL = 5e-5
_LOWEST = 0.25
_HIGHEST = 4.0
_COMMON_SHARE = 0.55
_OWN_SHARE = 0.84


class Regime(IntEnum):
    """What a market is going through."""

    CALM = 0
    TREND = 1
    CRASH = 2
    RECOVERY = 3


class _Mood(NamedTuple):
    """A regime's numbers. Units: fractions of the price per step; `lasts_s` is the mean time until it ends."""

    drift: float
    volatility: float
    lasts_s: float


# Several times livelier than a real market: somebody who watches at speed 1 with the default ladder (first rebuy at
# -1.5 %, take-profit about +1.2 % over the average) is to see buys and sales within minutes.
_MOODS = {
    Regime.CALM: _Mood(0.0, 0.0007, 45),
    Regime.TREND: _Mood(0.00015, 0.0009, 75),
    Regime.CRASH: _Mood(-0.0009, 0.0016, 40),
    Regime.RECOVERY: _Mood(0.0005, 0.0012, 75),
}

# What follows when a regime ends, as chances in percent of (calm, trend, crash, recovery).
_Chances = tuple[int, int, int, int]
_MIXED: dict[Regime, _Chances] = {
    Regime.CALM: (0, 75, 21, 4),
    Regime.TREND: (45, 32, 20, 3),
    Regime.CRASH: (15, 5, 0, 80),
    Regime.RECOVERY: (45, 45, 10, 0),
}
_CRASHING: dict[Regime, _Chances] = {
    Regime.CALM: (0, 10, 75, 15),
    Regime.TREND: (40, 0, 60, 0),
    Regime.CRASH: (70, 0, 0, 30),
    Regime.RECOVERY: (30, 0, 70, 0),
}
_RECOVERING: dict[Regime, _Chances] = {
    Regime.CALM: (0, 25, 5, 70),
    Regime.TREND: (40, 0, 0, 60),
    Regime.CRASH: (0, 0, 0, 100),
    Regime.RECOVERY: (75, 20, 5, 0),
}


class _Scenario(NamedTuple):
    """A named course of the market. `up_pct`: how many of the trends point upwards."""

    first: Regime
    follows: Mapping[Regime, _Chances]
    up_pct: int = 50


_SCENARIOS = {
    "": _Scenario(Regime.CALM, _MIXED),
    "calm": _Scenario(Regime.CALM, dict.fromkeys(Regime, (100, 0, 0, 0))),
    "trend": _Scenario(Regime.TREND, dict.fromkeys(Regime, (0, 100, 0, 0)), up_pct=70),
    "crash": _Scenario(Regime.CRASH, _CRASHING),
    # There is only something to recover from after a fall.
    "recovery": _Scenario(Regime.CRASH, _RECOVERING),
}
REGIMES = tuple(name for name in _SCENARIOS if name)
# When the whole market starts to crash or to recover, so many of a hundred coins go with it at that very step.
_FOLLOWERS_PCT = 80


class SyntheticSource:
    """Endless quotes of invented markets; the same for the same seed, whatever other markets are quoted beside.

    Each market walks through regimes of its own, drawn towards those of a common market whose moves it shares: crashes
    come together. Errors: `UnknownSource` (no such regime), `SourceBadData` (a start price under the price step).
    """

    def __init__(
        self,
        regime: str = "",
        *,
        seed: int = 0,
        markets: Sequence[Market] = (),
        exchange: str = "gate",
        ticks: Mapping[Market, Decimal] | None = None,
        start_ms: int | None = None,
    ) -> None:
        name = regime.strip().lower()
        if name not in _SCENARIOS:
            raise UnknownSource(
                f"{regime[:40]!r} is not a regime of the synthetic market.",
                do=f"Write synthetic, or synthetic: with one of {', '.join(REGIMES)}.",
            )
        self._scenario = _SCENARIOS[name]
        self._seed = seed
        self._markets = tuple(dict.fromkeys(markets)) or default_markets(exchange)
        self._start_ms = DEFAULT_START_MS if start_ms is None else start_ms
        self._starts = {market: start_price(market, seed) for market in self._markets}
        known = ticks or {}
        self._ticks = {market: known.get(market, usual_tick(market, self._starts[market])) for market in self._markets}
        for market, tick in self._ticks.items():
            if self._starts[market] < tick:
                raise SourceBadData(
                    f"{market} would start at {self._starts[market]}, less than its price step {tick}.",
                    do="Leave this market out, or check its price precision.",
                )

    @property
    def markets(self) -> tuple[Market, ...]:
        """The markets it was made for, or a dozen well-known coins."""
        return self._markets

    @property
    def start_ms(self) -> int:
        """When it begins, in ms since the epoch; the first quotes come within a second."""
        return self._start_ms

    def quotes(self) -> Iterator[Quote]:
        """Quotes without end, from the beginning at each call."""
        coins = [_Coin(market, self._starts[market], self._ticks[market], self) for market in self._markets]
        common = _Chain(random.Random(f"{self._seed}:the common market"), self._scenario)
        at_ms = self._start_ms
        while True:
            bits = common.draw()
            called = common.regime if common.moves_on(bits) and common.regime >= Regime.CRASH else None
            shared = _NORMAL[bits & _NORMAL_MASK] * _COMMON_SHARE
            due = [(*coin.step(at_ms, shared, called), coin) for coin in coins]
            due.sort(key=_when)
            for quote_ms, ticks, coin in due:
                yield coin.quoter.quote(ticks, quote_ms)
            at_ms += STEP_MS

    @property
    def seed(self) -> int:
        """What decides everything."""
        return self._seed

    @property
    def scenario(self) -> _Scenario:
        """The course it takes."""
        return self._scenario


class _Chain:
    """A walk through regimes, on its own generator."""

    def __init__(self, generator: random.Random, scenario: _Scenario) -> None:
        self._generator = generator
        self._scenario = scenario
        self._getrandbits = generator.getrandbits
        self.regime = scenario.first
        self.drift = self.volatility = 0.0
        self._leaves = 0
        self.enter(scenario.first)

    def draw(self) -> int:
        """The random bits of one step."""
        return self._getrandbits(_DRAW_BITS)

    def moves_on(self, bits: int) -> bool:
        """Whether the regime ended in this step; then the next one has begun."""
        if bits >> (_NORMAL_BITS + _JITTER_BITS) >= self._leaves:
            return False
        lot = self._generator.randrange(100)
        for regime, chance in zip(Regime, self._scenario.follows[self.regime], strict=True):
            lot -= chance
            if lot < 0:
                self.enter(regime)
                break
        return True

    def enter(self, regime: Regime) -> None:
        """Begin a regime."""
        mood = _MOODS[regime]
        self.regime = regime
        self.volatility = mood.volatility
        self.drift = mood.drift
        if regime is Regime.TREND and self._generator.randrange(100) >= self._scenario.up_pct:
            self.drift = -mood.drift
        self._leaves = int((1 << _CHANCE_BITS) * STEP_MS / (1000 * mood.lasts_s))

    def joins(self, called: Regime) -> bool:
        """Whether this one goes with the common market. Only what fell can recover."""
        follows = self._generator.randrange(100) < _FOLLOWERS_PCT
        return follows and (called is not Regime.RECOVERY or self.regime is Regime.CRASH)


class _Coin:
    """One market's walk, its price kept in ticks."""

    def __init__(self, market: Market, start: Decimal, tick: Decimal, source: SyntheticSource) -> None:
        generator = random.Random(f"{source.seed}:{market.pair}")
        self.quoter = Quoter(market, tick)
        self._chain = _Chain(generator, source.scenario)
        self._phase_ms = generator.randrange(_PHASES_MS)
        self._beta = 0.7 + generator.randrange(61) / 100
        self._ticks = float(start / tick)
        self._pull = _PULL / self._ticks
        self._lowest = max(1.0, self._ticks * _LOWEST)
        self._highest = self._ticks * _HIGHEST

    def step(self, at_ms: int, shared: float, called: Regime | None) -> tuple[int, int]:
        """Time and price, in ticks, of the next quote."""
        chain = self._chain
        bits = chain.draw()
        chain.moves_on(bits)
        if called is not None and chain.joins(called):
            chain.enter(called)
        drift = chain.drift
        ticks = self._ticks
        if ticks < self._lowest:
            drift = abs(drift)
        elif ticks > self._highest:
            drift = -abs(drift)
        move = self._beta * shared + _OWN_SHARE * _NORMAL[bits & _NORMAL_MASK]
        back = _PULL - self._pull * ticks
        self._ticks = ticks = max(1.0, ticks * (1.0 + drift + back + chain.volatility * move))
        quote_ms = at_ms + self._phase_ms + (bits >> _NORMAL_BITS & _JITTER_MASK)
        return quote_ms, int(ticks + 0.5)


def _when(entry: tuple[int, int, _Coin]) -> int:
    return entry[0]


def _normal_table() -> tuple[float, ...]:
    """Near-normal numbers, deviation 1: sums of twelve uniform ones, exact on every platform.

    Each comes with its negative: a mean beside zero would be a drift that nobody asked for.
    """
    generator = random.Random("normal table")
    half = [sum(generator.random() for _ in range(12)) - 6.0 for _ in range(1 << _NORMAL_BITS - 1)]
    return (*half, *(-number for number in half))


_NORMAL = _normal_table()
