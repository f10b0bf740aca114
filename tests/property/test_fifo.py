"""First in, first out: whatever is bought and sold in whatever parts, no coin and no cent is lost or made."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from autotrader_v2.domain.fifo import Disposal, Lot, Lots, bought, fee_worth, gone, sold, total
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Fill, Side
from tests.builders import ETH, NOW_MS

AMOUNTS = st.decimals("0.00000001", "1000", places=8)
MONEY = st.decimals("0.00000001", "100000", places=8)
FEE_RATES = st.sampled_from(["0", "0.001", "0.002"])
FEES_IN = st.sampled_from(["ETH", "USDT", "GT"])


@st.composite
def a_fill(draw: st.DrawFn) -> Fill:
    """Any trade, its fee in coins, in quote or in a third currency."""
    side, base, quote = draw(st.sampled_from(Side)), draw(AMOUNTS), draw(MONEY)
    rate, currency = Decimal(draw(FEE_RATES)), draw(FEES_IN)
    whole = base if currency == "ETH" else quote
    return Fill(
        trade_id="1",
        order_id="1",
        client_id="",
        market=ETH,
        side=side,
        base=base,
        quote=quote,
        fee=whole * rate,
        fee_currency=currency,
        time_ms=NOW_MS,
    )


def run(fills: list[Fill]) -> tuple[Lots, list[Disposal]]:
    """All of them, one after the other."""
    lots: Lots = ()
    disposals = []
    for fill in fills:
        if fill.side is Side.BUY:
            lots = bought(lots, fill)
        else:
            lots, disposal = sold(lots, fill)
            disposals.append(disposal)
    return lots, disposals


@given(st.lists(a_fill(), max_size=30))
def test_coins_and_money_are_conserved(fills: list[Fill]) -> None:
    """Coins in = coins out + coins held; money spent = cost of what went + cost of what is held; all proceeds told."""
    lots, disposals = run(fills)
    buys = [fill for fill in fills if fill.side is Side.BUY]
    sales = [fill for fill in fills if fill.side is Side.SELL]
    coins_in = sum((fill.base_received for fill in buys), ZERO)
    spent = sum((fill.quote + (fill.fee if fill.fee_currency == "USDT" else ZERO) for fill in buys), ZERO)
    held = total(lots)
    assert coins_in == sum((one.coins for one in disposals), ZERO) + held.coins
    assert spent == sum((one.cost for one in disposals), ZERO) + held.cost
    got = sum((fill.quote_received for fill in sales), ZERO)
    assert got == sum((one.proceeds + one.foreign_proceeds for one in disposals), ZERO)
    assert all(lot.coins > 0 and lot.cost >= 0 for lot in lots)
    assert all(one.foreign >= 0 for one in disposals)


@given(st.lists(a_fill(), max_size=20), st.data())
def test_a_trade_told_in_parts_earns_the_same(fills: list[Fill], data: st.DataObject) -> None:
    """However a sale's coins are split over trades, what all parts cost together is what the whole cost."""
    lots, _ = run(fills)
    held = total(lots)
    if not held.coins:
        return
    parts = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    whole = gone(lots, held.coins, Decimal(100))[1]
    left, cost = lots, ZERO
    for part in parts[:-1]:
        left, disposal = gone(left, (held.coins * part / sum(parts)).quantize(Decimal("1e-20")), ZERO)
        cost += disposal.cost
    rest = total(left)
    if rest.coins:
        cost += gone(left, rest.coins, ZERO)[1].cost
    assert (whole.cost, whole.foreign) == (held.cost, ZERO)
    assert cost == held.cost


@given(a_fill())
def test_the_oldest_go_first(fill: Fill) -> None:
    """Half of two equal lots is the first one, whatever the second cost."""
    lots = (Lot(Decimal(2), Decimal(10)), Lot(Decimal(2), Decimal(50)))
    left, disposal = gone(lots, Decimal(2), Decimal(30))
    assert left == lots[1:]
    assert (disposal.cost, disposal.result) == (Decimal(10), Decimal(20))
    left, disposal = gone(lots, Decimal(3), Decimal(30))
    assert left == (Lot(Decimal(1), Decimal(25)),)
    assert disposal.result == Decimal(-5)
    worth = fee_worth(fill)
    assert worth is None if fill.fee and fill.fee_currency == "GT" else worth is not None and worth <= fill.quote


def test_coins_that_were_in_no_lot_bring_no_result() -> None:
    """What they cost is not known here; their share of the money is told beside."""
    left, disposal = gone((Lot(Decimal(1), Decimal(5)),), Decimal(4), Decimal(40))
    assert left == ()
    assert (disposal.coins, disposal.foreign) == (Decimal(1), Decimal(3))
    assert (disposal.result, disposal.foreign_proceeds) == (Decimal(5), Decimal(30))
