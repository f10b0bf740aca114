"""The breakeven table against an oracle in exact fractions, and what must hold for every ladder."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotrader_v2.domain.ladder import (
    BadLadder,
    DropReference,
    LadderParams,
    Position,
    SizeMode,
    Step,
    changed,
    planned,
    project,
)
from autotrader_v2.domain.market import Market, MarketRules
from tests.property.strategies import ladder_params, market_rules, working_ladders

SLOW = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], deadline=None)
Ladder = tuple[LadderParams, MarketRules, Decimal]


def down(value: Fraction, step: Fraction) -> Fraction:
    return floor(value / step) * step


def up(value: Fraction, step: Fraction) -> Fraction:
    return ceil(value / step) * step


def oracle(params: LadderParams, rules: MarketRules, base: Decimal) -> list[dict[str, Fraction]]:
    """TRADING_RULES.md "The table", written once more in Fractions."""
    tick, lot, qstep = Fraction(rules.tick), Fraction(rules.lot), Fraction(rules.qstep)
    fee, base_price = Fraction(rules.fee), Fraction(base)
    rows: list[dict[str, Fraction]] = []
    price = base_price
    invested = held = Fraction(0)
    fall_sum = Fraction(0)
    for k in range(params.steps + 1):
        if k:
            fall = Fraction(params.drop_step_pct) + (k - 1) * Fraction(params.drop_growth_pct)
            fall_sum += fall
            if params.drop_reference is DropReference.START:
                price = down(base_price * (1 - fall_sum / 100), tick)
            else:
                price = down(price * (1 - fall / 100), tick)
        size = {
            SizeMode.FIXED: lambda: Fraction(params.start_quote),
            SizeMode.GEOMETRIC: lambda k=k: Fraction(params.start_quote) * Fraction(params.size_multiplier) ** k,
            SizeMode.MARTINGALE: lambda k=k: Fraction(params.start_quote) * 2**k,
            SizeMode.CUSTOM: lambda k=k: Fraction(params.sizes[k]),
        }[params.size_mode]()
        quote = down(size, qstep)
        gross = down(quote / price, lot)
        invested += gross * price
        held += gross * (1 - fee)
        breakeven = up(invested / (held * (1 - fee)), tick)
        profit = max(
            Fraction(params.profit_pct) - k * Fraction(params.profit_decay_pct), Fraction(params.min_profit_pct)
        )
        rows.append(
            {
                "price": price,
                "quote": quote,
                "gross": gross,
                "invested": invested,
                "held": held,
                "sellable": down(held, lot),
                "breakeven": breakeven,
                "take_profit": up(breakeven * (1 + profit / 100), tick),
            }
        )
    return rows


@SLOW
@given(working_ladders())
def test_every_row_equals_the_oracle_in_fractions(ladder: Ladder) -> None:
    """Exactly, to the last digit: no rounding but where the rules say so."""
    params, rules, base = ladder
    table = planned(params, rules, base)
    for row, expected in zip(table.rows, oracle(params, rules, base), strict=True):
        for name, value in expected.items():
            assert Fraction(getattr(row, name)) == value, (row.number, name)


@SLOW
@given(working_ladders())
def test_selling_at_take_profit_never_loses(ladder: Ladder) -> None:
    """Both fees paid and every rounding done, the sale brings at least what its coins cost (no-loss)."""
    params, rules, base = ladder
    for row in planned(params, rules, base).rows:
        assert row.profit_quote >= 0
        assert row.sellable * row.take_profit * (1 - rules.fee) >= row.invested * row.sellable / row.held


@SLOW
@given(working_ladders())
def test_a_ladder_descends_and_costs_what_it_says(ladder: Ladder) -> None:
    """Prices fall, holdings grow, spending stays within the rows' amounts."""
    params, rules, base = ladder
    table = planned(params, rules, base)
    for before, after in zip(table.rows, table.rows[1:], strict=False):
        assert after.price <= before.price
        assert after.held > before.held
    assert sum(row.spent for row in table.rows) <= table.cost
    assert all(0 <= row.dust < rules.lot for row in table.rows)


def test_a_step_that_buys_less_than_a_lot_is_refused_even_where_the_exchange_has_no_minimum() -> None:
    """Found by the property above: 2.54 at 30 buys 0.08 coins, none in lots of 0.1."""
    rules = MarketRules(
        market=Market("gate", "BTC", "USDT"), price_precision=0, amount_precision=1, fee=Decimal(0),
        min_base=Decimal(0), min_quote=Decimal(0),
    )  # fmt: skip
    params = LadderParams(
        start_quote=Decimal("5.08"), steps=1, drop_step_pct=Decimal("0.1"), size_multiplier=Decimal("0.5")
    )
    with pytest.raises(BadLadder, match="step 1 buys 0 coins"):
        planned(params, rules, Decimal(31))


@SLOW
@given(working_ladders(), st.integers(0, 11))
def test_fills_at_the_planned_prices_give_the_planned_thresholds(ladder: Ladder, bought: int) -> None:
    """The table after real fills is the planned one when the fills were as planned."""
    params, rules, base = ladder
    table = planned(params, rules, base)
    last = table.rows[min(bought, params.steps)]
    done: list[Step] = list(table.rows[: (last.number or 0) + 1])
    position = Position(
        held=last.held, invested=last.invested, anchor=last.price, base_price=base, step=last.number or 0
    )
    running, breakeven, take_profit = project(params, rules, done, position)
    assert (breakeven, take_profit) == (last.breakeven, last.take_profit)
    assert [row.price for row in running.ahead] == [row.price for row in table.rows[len(done) :]]
    assert [row.invested for row in running.ahead] == [row.invested for row in table.rows[len(done) :]]


@SLOW
@given(ladder_params(), market_rules(), st.decimals(Decimal("0.00000001"), Decimal(100_000), places=8))
def test_a_ladder_works_or_names_the_field_that_forbids_it(
    params: LadderParams, rules: MarketRules, price: Decimal
) -> None:
    """Nothing in between: no crash, no silent nonsense."""
    try:
        table = planned(params, rules, price)
    except BadLadder as error:
        assert error.field
        assert error.reason
    else:
        assert all(row.sellable >= rules.least_sale for row in table.rows)
        assert all(row.sellable * row.price >= rules.min_quote for row in table.rows)


NAMES = sorted(LadderParams.__dataclass_fields__)


@given(st.sampled_from(NAMES), st.one_of(st.text(max_size=12), st.floats(), st.integers(-5, 500), st.none()))
def test_any_text_as_a_parameter_is_read_or_refused_with_its_field(name: str, text: object) -> None:
    """A form, a file or an API body never gets past with rubbish, and never raises anything else."""
    try:
        params = changed(LadderParams(), {name: text})
    except BadLadder as error:
        assert error.field in NAMES
    else:
        assert isinstance(params, LadderParams)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e400", "1,5", "", "0x10", "１"])
def test_no_number_but_a_plain_one_is_money(text: str) -> None:
    """Locale commas, Unicode digits, infinities and negative amounts are refused, not guessed at."""
    with pytest.raises(BadLadder) as refused:
        changed(LadderParams(), {"start_quote": text})
    assert refused.value.field == "start_quote"


def test_a_ladder_that_multiplies_by_nothing_is_refused_by_name() -> None:
    """0 to the power of 0 is no number, and every step after the start would buy nothing."""
    with pytest.raises(BadLadder) as refused:
        changed(LadderParams(), {"size_multiplier": "0"})
    assert refused.value.field == "size_multiplier"
    assert changed(LadderParams(), {"size_multiplier": "0", "size_mode": "fixed"}).size(3) == 10
