"""Figures of a backtest against their definitions, spelled out slowly with exact fractions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from autotrader_v2.backtest.metrics import (
    Line,
    Price,
    Sample,
    annualised_pct,
    buy_and_hold,
    cycle_results,
    deepest_steps,
    drawdown,
    following,
    merged,
    metrics_of,
    percentile,
    samples_of,
)
from autotrader_v2.backtest.metrics_of_one import Closes, metrics_of_one
from autotrader_v2.backtest.result import Rest, Result, Trade
from autotrader_v2.domain.money import plain, reported

_SYMBOLS = ("AAA_USDT", "BBB_USDT")
_DAY_MS = 86_400_000
_NEAR = Fraction(1, 10**40)

_price = st.decimals("0.01", "500", places=2)
_money = st.decimals("1", "1000", places=2)


@dataclass
class Walk:
    """Prices of two coins and the trades of ladders on them, cycles bought step by step and sold whole."""

    prices: list[Price] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether nothing is held."""
        return all(
            trades[-1].side == "sell" and trades[-1].rest is Rest.NONE for trades in _by_symbol(self.trades).values()
        )


def _by_symbol(trades: list[Trade]) -> dict[str, list[Trade]]:
    found: dict[str, list[Trade]] = {}
    for trade in trades:
        found.setdefault(trade.symbol, []).append(trade)
    return found


@st.composite
def walks(draw: st.DrawFn, *, closed: bool = False, symbols: Sequence[str] = _SYMBOLS, longest: int = 25) -> Walk:
    """A few candles of each coin; after each a buy of the next step, a sale of all or of half, or nothing."""
    walk = Walk()
    held = dict.fromkeys(_SYMBOLS, Decimal(0))
    steps, cycles = dict.fromkeys(_SYMBOLS, -1), dict.fromkeys(_SYMBOLS, 1)
    at_ms = draw(st.integers(0, 10**12))
    for _ in range(draw(st.integers(1, longest))):
        at_ms += draw(st.sampled_from([0, 1, 60_000, _DAY_MS]))
        symbol = draw(st.sampled_from(symbols))
        price = draw(_price)
        walk.prices.append(Price(at_ms, symbol, price))
        act = draw(st.sampled_from(["buy", "sell", "part", "none"]))
        if act == "buy":
            coins, steps[symbol] = draw(_money), steps[symbol] + 1
            fee = coins * Decimal("0.002")
            walk.trades.append(_trade(at_ms, symbol, "buy", coins, price, fee, cycles[symbol], steps[symbol]))
            held[symbol] += coins - fee
        elif act == "sell" and held[symbol]:
            _sell(walk, at_ms, symbol, held, price, cycles, steps)
        elif act == "part" and held[symbol]:
            _sell_half(
                walk, at_ms, symbol, held, price, cycles, steps, draw(st.sampled_from([Rest.HELD, Rest.RESTARTED]))
            )
    for symbol in _SYMBOLS if closed else ():
        if held[symbol]:
            _sell(walk, at_ms, symbol, held, Decimal(7), cycles, steps)
    return walk


def _sell(
    walk: Walk,
    at_ms: int,
    symbol: str,
    held: dict[str, Decimal],
    price: Decimal,
    cycles: dict[str, int],
    steps: dict[str, int],
) -> None:
    coins = held[symbol]
    fee = coins * price * Decimal("0.002")
    walk.trades.append(_trade(at_ms, symbol, "sell", coins, price, fee, cycles[symbol], None))
    held[symbol], steps[symbol] = Decimal(0), -1
    cycles[symbol] += 1


def _sell_half(
    walk: Walk,
    at_ms: int,
    symbol: str,
    held: dict[str, Decimal],
    price: Decimal,
    cycles: dict[str, int],
    steps: dict[str, int],
    rest: Rest,
) -> None:
    coins = held[symbol] / 2
    sale = _trade(at_ms, symbol, "sell", coins, price, coins * price * Decimal("0.002"), cycles[symbol], None)
    walk.trades.append(sale._replace(rest=rest))
    held[symbol] -= coins
    if rest is Rest.RESTARTED:
        cycles[symbol], steps[symbol] = cycles[symbol] + 1, 0


def _trade(
    at_ms: int, symbol: str, side: str, coins: Decimal, price: Decimal, fee: Decimal, cycle: int, step: int | None
) -> Trade:
    return Trade(
        ts_ms=at_ms,
        symbol=symbol,
        side=side,
        step=step,
        base=coins,
        quote=coins * price,
        fee=fee,
        fee_currency=symbol.partition("_")[0] if side == "buy" else "USDT",
        cycle_id=cycle,
    )


def _account(budget: Decimal, walk: Walk, count: int) -> tuple[Fraction, Fraction]:
    """(equity, paid for open cycles) after the first `count` prices, from nothing but the definition."""
    now_ms = walk.prices[count - 1].at_ms
    money, coins = Fraction(budget), dict.fromkeys(_SYMBOLS, Fraction(0))
    paid = dict.fromkeys(_SYMBOLS, Fraction(0))
    last: dict[str, Fraction] = {}
    seen: dict[str, Fraction] = {}
    for trade in walk.trades:
        if trade.ts_ms > now_ms:
            break
        price = Fraction(trade.quote) / Fraction(trade.base)
        # A coin is worth its first trade until its first candle ends.
        last.setdefault(trade.symbol, price)
        if trade.side == "buy":
            money -= Fraction(trade.quote)
            coins[trade.symbol] += Fraction(trade.base) - Fraction(trade.fee)
            paid[trade.symbol] += Fraction(trade.quote)
        else:
            money += Fraction(trade.quote) - Fraction(trade.fee)
            coins[trade.symbol] -= Fraction(trade.base)
            # Nothing, or half, is left.
            paid[trade.symbol] *= Fraction(0 if trade.rest is Rest.NONE else 1, 2)
    for one in walk.prices[:count]:
        seen[one.symbol] = Fraction(one.price)
    worth = sum((coins[one] * (seen.get(one) or last.get(one, Fraction(0))) for one in _SYMBOLS), Fraction(0))
    return money + worth, sum(paid.values(), Fraction(0))


@given(walk=walks(), budget=_money)
def test_samples_are_money_plus_coins_at_their_last_price(walk: Walk, budget: Decimal) -> None:
    """At the end of each candle, over two coins, whatever was bought and sold before."""
    found = list(samples_of(budget, walk.trades, walk.prices))
    assert len(found) == len(walk.prices)
    for number, sample in enumerate(found, 1):
        equity, invested = _account(budget, walk, number)
        assert abs(Fraction(sample.equity) - equity) < _NEAR, number
        # Costs are kept to 18 decimals.
        assert abs(Fraction(sample.invested) - invested) < Fraction(1, 10**15), number


@given(walk=walks(closed=True), budget=_money)
def test_results_of_cycles_are_the_profit_when_nothing_is_open(walk: Walk, budget: Decimal) -> None:
    result = Result(
        budget=budget,
        trades=tuple(walk.trades),
        unpaid=(),
        quote=budget,
        coins=dict.fromkeys(_SYMBOLS),
        ladder_steps=99,
    )  # type: ignore[arg-type]
    found = metrics_of(result, walk.prices, Decimal("0.002"))
    assert walk.closed and found.cycles_open == 0
    assert abs(found.realised - found.pnl) < Decimal("1e-40")
    assert found.pnl == sum(cycle_results(walk.trades).values())


@given(walk=walks(), budget=_money)
def test_counts_add_up(walk: Walk, budget: Decimal) -> None:
    """Cycles by depth are all cycles; each is closed or open; no more are won than closed."""
    result = Result(
        budget=budget, trades=tuple(walk.trades), unpaid=(), quote=budget, coins=dict.fromkeys(_SYMBOLS), ladder_steps=2
    )  # type: ignore[arg-type]
    found = metrics_of(result, walk.prices, Decimal("0.002"))
    cycles = {(one.symbol, one.cycle_id) for one in walk.trades}
    cycles |= {following(one) for one in walk.trades if one.rest is Rest.RESTARTED}
    assert sum(found.deepest.values()) == found.cycles_closed + found.cycles_open == len(cycles)
    assert found.cycles_closed == sum(one.side == "sell" and one.rest is not Rest.HELD for one in walk.trades)
    assert 0 <= found.cycles_won <= found.cycles_closed
    assert found.ran_dry == sum(depth == 2 for depth in deepest_steps(walk.trades).values())
    assert found.capital_p50 <= found.capital_p95 <= found.capital_max
    assert 0 <= found.exposure_pct <= 100 and 0 <= found.under_water_ms <= found.end_ms - found.begin_ms


_levels = st.lists(st.decimals("0", "1000", places=1), max_size=30)


@given(begin=st.decimals("0.1", "1000", places=1), levels=_levels, apart_ms=st.integers(1, 1000))
def test_drawdown_is_the_worst_of_all_pairs(begin: Decimal, levels: list[Decimal], apart_ms: int) -> None:
    """Of every pair (earlier, later) the largest fall; below an earlier level at every sample between for the time."""
    equity = [(number * apart_ms, level) for number, level in enumerate(levels)]
    # The budget counts as a level at the first sample's time.
    points = [(0, begin), *equity] if equity else []
    falls = [
        (Fraction(high) - Fraction(low), (Fraction(high) - Fraction(low)) * 100 / Fraction(high))
        for number, (_, high) in enumerate(points)
        for _, low in points[number + 1 :]
        if high > low
    ]
    # From a peak (the last sample that is no lower than any before) to the next sample at its height, or to the end.
    times = []
    for number, (peak_ms, peak) in enumerate(points):
        if any(level > peak for _, level in points[:number]):
            continue
        below = []
        for at_ms, level in points[number + 1 :]:
            below.append((at_ms, level))
            if level >= peak:
                break
        if below and below[0][1] < peak:
            times.append(below[-1][0] - peak_ms)
    found = drawdown(begin, equity)
    assert found.money == max((fall for fall, _ in falls), default=Fraction(0))
    assert abs(Fraction(found.pct) - max((pct for _, pct in falls), default=Fraction(0))) < _NEAR
    assert found.under_water_ms == max(times, default=0)


@given(values=st.lists(st.decimals("0", "10", places=1), min_size=1, max_size=60), pct=st.integers(0, 100))
def test_a_percentile_is_the_smallest_value_that_reaches_the_share(values: list[Decimal], pct: int) -> None:
    found = percentile(Counter(values), pct)
    assert found in values
    enough = [one for one in values if sum(other <= one for other in values) * 100 >= pct * len(values)]
    assert found == min(enough)


@given(
    begin=st.decimals("1", "10000", places=2),
    end=st.decimals("0.01", "10000", places=2),
    years=st.integers(1, 5),
)
def test_a_yearly_rate_grows_the_one_into_the_other(begin: Decimal, end: Decimal, years: int) -> None:
    rate = annualised_pct(begin, end, years * 31_557_600_000)
    assert rate is not None
    grown = Fraction(begin) * (1 + Fraction(rate) / 100) ** years
    assert abs(grown / Fraction(end) - 1) < Fraction(1, 10**50)


@given(walk=walks(), budget=_money)
@settings(max_examples=50)
def test_buy_and_hold_spends_the_budget_once_in_equal_shares(walk: Walk, budget: Decimal) -> None:
    symbols = sorted({one.symbol for one in walk.prices})
    buys = buy_and_hold(budget, walk.prices, symbols, Decimal("0.002"))
    assert sorted(one.symbol for one in buys) == symbols
    assert {one.quote for one in buys} == {budget / len(symbols)}
    for one in buys:
        first = next(price for price in walk.prices if price.symbol == one.symbol)
        assert one.ts_ms == first.at_ms and abs(one.price - first.price) < Decimal("1e-40")


@given(st.lists(st.lists(st.tuples(st.integers(0, 50), _price), max_size=8), max_size=4))
def test_merged_prices_are_all_of_them_in_order_of_time(series: list[list[tuple[int, Decimal]]]) -> None:
    by_symbol = [
        [Price(at_ms, f"C{number}_USDT", price) for at_ms, price in sorted(one)] for number, one in enumerate(series)
    ]
    found = merged(by_symbol)
    assert [one.at_ms for one in found] == sorted(at_ms for one in series for at_ms, _ in one)
    assert sorted(found) == sorted(price for one in by_symbol for price in one)


def _told(value: object) -> object:
    """As it is printed."""
    if isinstance(value, Decimal):
        return plain(reported(value))
    return tuple(map(_told, value)) if isinstance(value, Line) else value


def _result(budget: Decimal, trades: list[Trade]) -> Result:
    return Result(
        budget=budget,
        trades=tuple(trades),
        unpaid=(),
        quote=budget,
        coins={_SYMBOLS[0]: Decimal(0)},
        ladder_steps=2,
    )


def _assert_the_same(result: Result, prices: list[Price], fee: Decimal) -> None:
    closes = Closes(
        symbol=prices[0].symbol,
        tick=Decimal("0.01"),
        ends_ms=[one.at_ms for one in prices],
        ticks=[int(one.price * 100) for one in prices],
    )
    slow, fast = metrics_of(result, prices, fee), metrics_of_one(result, closes, fee)
    assert {one.name: _told(getattr(fast, one.name)) for one in fields(fast)} == {
        one.name: _told(getattr(slow, one.name)) for one in fields(slow)
    }


@given(walk=walks(symbols=_SYMBOLS[:1], longest=60), budget=_money)
@settings(max_examples=300)
def test_one_market_in_whole_numbers_has_the_same_figures(walk: Walk, budget: Decimal) -> None:
    result = Result(
        budget=budget,
        trades=tuple(walk.trades),
        unpaid=(),
        quote=budget,
        coins={_SYMBOLS[0]: Decimal(0)},
        ladder_steps=2,
    )
    _assert_the_same(result, walk.prices, Decimal("0.002"))


@given(
    ticks=st.lists(st.integers(995, 1005), min_size=70, max_size=200),
    buys_at=st.sets(st.integers(0, 69), max_size=3),
    shift_ms=st.sampled_from([-1, 0, 1]),
)
def test_one_market_on_few_prices_has_the_same_figures(ticks: list[int], buys_at: set[int], shift_ms: int) -> None:
    """Peaks reached again exactly, over whole blocks of candles, with trades just before and after a candle's end."""
    prices = [Price(60_000 * (n + 1), _SYMBOLS[0], Decimal(one) / 100) for n, one in enumerate(ticks)]
    trades = [
        _trade(60_000 * (n + 1) + shift_ms, _SYMBOLS[0], "buy", Decimal(3), Decimal(10), Decimal(0), 1, step)
        for step, n in enumerate(sorted(buys_at))
    ]
    result = Result(
        budget=Decimal(100),
        trades=tuple(trades),
        unpaid=(),
        quote=Decimal(0),
        coins={_SYMBOLS[0]: Decimal(0)},
        ladder_steps=2,
    )
    _assert_the_same(result, prices, Decimal("0.002"))


def test_samples_are_plain_values() -> None:
    """An empty walk is an empty account."""
    assert list(samples_of(Decimal(5), (), [Price(1, "AAA_USDT", Decimal(2))])) == [Sample(1, Decimal(5), Decimal(0))]
