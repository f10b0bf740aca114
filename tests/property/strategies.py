"""Hypothesis strategies for domain values, small enough to shrink well."""

from decimal import Decimal

from hypothesis import reject
from hypothesis import strategies as st

from autotrader_v2.domain.ladder import BadLadder, DropReference, LadderParams, SizeMode, planned
from autotrader_v2.domain.market import Market, MarketRules

MARKET = Market("gate", "BTC", "USDT")


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals with that many places."""
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)


@st.composite
def market_rules(draw: st.DrawFn) -> MarketRules:
    """Rules of a believable market."""
    return MarketRules(
        market=MARKET,
        price_precision=draw(st.integers(0, 8)),
        amount_precision=draw(st.integers(0, 8)),
        fee=draw(st.sampled_from([Decimal(0), Decimal("0.001"), Decimal("0.002"), Decimal("0.0095")])),
        min_base=draw(st.sampled_from([Decimal(0), Decimal("0.0001")])),
        min_quote=draw(st.sampled_from([Decimal(0), Decimal(1), Decimal(3)])),
    )


@st.composite
def ladder_params(draw: st.DrawFn) -> LadderParams:
    """Ladders a person might set."""
    steps = draw(st.integers(0, 12))
    mode = draw(st.sampled_from(SizeMode))
    sizes = tuple(draw(decimals("1", "500", 2)) for _ in range(steps + 1)) if mode is SizeMode.CUSTOM else ()
    try:
        return _ladder(draw, steps, mode, sizes)
    except BadLadder:
        reject()  # falls that reach 100 %


def _ladder(draw: st.DrawFn, steps: int, mode: SizeMode, sizes: tuple[Decimal, ...]) -> LadderParams:
    return LadderParams(
        start_quote=draw(decimals("5", "1000", 2)),
        steps=steps,
        drop_step_pct=draw(decimals("0.1", "6", 2)),
        drop_growth_pct=draw(decimals("0", "1", 2)),
        drop_reference=draw(st.sampled_from(DropReference)),
        size_mode=mode,
        size_multiplier=draw(decimals("0.5", "2.5", 2)),
        sizes=sizes,
        profit_pct=draw(decimals("0", "5", 2)),
        profit_decay_pct=draw(decimals("0", "0.5", 2)),
        min_profit_pct=draw(decimals("0", "1", 2)),
    )


@st.composite
def working_ladders(draw: st.DrawFn) -> tuple[LadderParams, MarketRules, Decimal]:
    """(params, rules, base price) of a ladder the market accepts."""
    rules = draw(market_rules())
    price = draw(st.decimals(Decimal("0.001"), Decimal(100_000), places=8).map(lambda p: p.quantize(rules.tick)))
    params = draw(ladder_params().filter(lambda p: _works(p, rules, price)))
    return params, rules, price


def _works(params: LadderParams, rules: MarketRules, price: Decimal) -> bool:
    try:
        planned(params, rules, price)
    except BadLadder:
        return False
    return True
