"""Results first in, first out, from a journal with real rows: sums by time, cycles won, coins without orders."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from autotrader_v2.application.archive import Which
from autotrader_v2.application.results import QUARTER_MS, Results, Walk
from autotrader_v2.domain.cycle import Adopted, CycleReset, SoldByHand, WrittenOff
from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Side, Why
from tests.unit.test_store_values import BTC, ETH, NOW_MS, PARAMS, Scribe, a_fill, rules_of

DAY_MS = 86_400_000
RULES = rules_of(ETH)


@pytest.fixture
def scribe(tmp_path: Path) -> Scribe:
    """A fresh journal."""
    return Scribe.opens(tmp_path / "journal.sqlite3")


def all_of(scribe: Scribe) -> Results:
    """Everything booked, counted."""
    results = Results(scribe.journal.archive)
    while results.advance():
        pass
    assert results.complete
    return results


def a_cycle(scribe: Scribe, market: Market, proceeds: str, time_ms: int) -> None:
    """A start buy and the sale of it a second later, at that time."""
    cycle_id = scribe.cycle(market).tally.last_cycle_id + 1
    buy = scribe.intended(market=market, cycle_id=cycle_id, decided_ms=time_ms)
    scribe.booked(buy, a_fill(buy, time_ms=time_ms), time_ms=time_ms)
    sale = scribe.intended(
        market=market,
        side=Side.SELL,
        why=Why.TAKE_PROFIT,
        cycle_id=cycle_id,
        step=None,
        amount=Decimal("0.0039"),
        max_cost=Decimal(0),
        decided_ms=time_ms + 1000,
    )
    scribe.booked(sale, a_fill(sale, quote=Decimal(proceeds), time_ms=time_ms + 1000), time_ms=time_ms + 1000)


def test_a_cycle_is_a_win_and_its_fees_are_told(scribe: Scribe) -> None:
    """By coin, in the quarter of an hour of the sale; a question about another time finds nothing."""
    scribe.whole_cycle(BTC, proceeds="11")
    scribe.whole_cycle(ETH, proceeds="9")
    results = all_of(scribe)
    here, before = (NOW_MS - DAY_MS, NOW_MS + DAY_MS), (0, NOW_MS - DAY_MS)
    told = results.of_coins([here, before], {})
    sums = told[BTC].stretches[0]
    assert (sums.cycles, sums.won, sums.fills) == (1, 1, 2)
    assert sums.result > 0 > told[ETH].stretches[0].result
    assert told[BTC].all.result == sums.result
    assert told[BTC].stretches[1].fills == 0
    assert (told[ETH].all.cycles, told[ETH].all.won) == (1, 0)
    assert told[BTC].median_ms == told[BTC].longest_ms
    scribe.journal.close()


def test_what_is_booked_later_is_seen_and_a_running_cycle_is_no_win(scribe: Scribe) -> None:
    """The same as if it had been counted from the beginning."""
    results = all_of(scribe)
    scribe.whole_cycle(BTC)
    results.catch_up()
    scribe.booked(scribe.intended(market=BTC, cycle_id=2), time_ms=NOW_MS + 2 * DAY_MS)
    results.catch_up()
    sale = scribe.intended(market=BTC, side=Side.SELL, why=Why.SELL_ALL, cycle_id=2, step=None)
    scribe.booked(sale, a_fill(sale, base=Decimal("0.0001")), time_ms=NOW_MS + 3 * DAY_MS)
    results.catch_up()
    told = results.of_coins([], {BTC: 2})[BTC]
    assert told.all.cycles == 1
    again = all_of(scribe).of_coins([], {BTC: 2})[BTC]
    assert (told.all, told.lots) == (again.all, again.lots)
    scribe.journal.close()


def test_coins_without_an_order_have_their_cost_and_their_proceeds(scribe: Scribe) -> None:
    """Adopted, sold by hand, written off, set aside."""
    scribe.happens(
        ETH, Adopted(coins=Decimal(2), cost=Decimal(5000), time_ms=NOW_MS, params=PARAMS, rules=RULES), NOW_MS
    )
    sold = SoldByHand(coins=Decimal(1), proceeds=Decimal(2600), time_ms=NOW_MS + 1, closes=False)
    scribe.happens(ETH, sold, NOW_MS + 1)
    told = all_of(scribe).of_coins([], {})[ETH]
    assert (told.all.result, told.lots.coins, told.lots.cost) == (Decimal(100), Decimal(1), Decimal(2500))
    scribe.happens(ETH, WrittenOff(time_ms=NOW_MS + 2), NOW_MS + 2)
    told = all_of(scribe).of_coins([], {})[ETH]
    assert (told.all.result, told.lots.coins) == (Decimal(-2400), ZERO)
    scribe.happens(
        ETH, Adopted(coins=Decimal(1), cost=Decimal(9), time_ms=NOW_MS + 3, params=PARAMS, rules=RULES), NOW_MS + 3
    )
    scribe.happens(ETH, CycleReset(time_ms=NOW_MS + 4), NOW_MS + 4)
    told = all_of(scribe).of_coins([], {})[ETH]
    assert (told.all.result, told.lots.coins) == (Decimal(-2400), ZERO)
    kinds = []
    walk = Walk(scribe.journal.archive)
    while moved := walk.next():
        kinds += [one.kind for one in moved]
    assert kinds == ["adopted", "sold_by_hand", "written_off", "adopted", "reset"]
    scribe.journal.close()


def test_stretches_add_up_to_the_whole(scribe: Scribe) -> None:
    """Whatever the borders, as long as they are those of quarters of an hour."""
    for number in range(12):
        for market in (BTC, ETH):
            a_cycle(scribe, market, str(9 + number % 3), NOW_MS + number * DAY_MS)
    results = all_of(scribe)
    first = NOW_MS // QUARTER_MS * QUARTER_MS
    borders = [0, *(first + number * DAY_MS + QUARTER_MS * number for number in range(20)), first + 99 * DAY_MS]
    stretches = list(pairwise(borders))
    for coin in results.of_coins(stretches, {}).values():
        assert sum((one.result for one in coin.stretches), ZERO) == coin.all.result
        assert sum(one.fills for one in coin.stretches) == coin.all.fills == 24
        assert sum(one.cycles for one in coin.stretches) == coin.all.cycles == 12
    scribe.journal.close()


def test_samples_are_written_and_let_go(scribe: Scribe) -> None:
    """In the background; the newest stay."""
    sample = EquitySample(
        time_ms=NOW_MS,
        equity=Decimal("1000.5"),
        free=Decimal(900),
        invested=Decimal(100),
        unrealised=ZERO,
        realised=ZERO,
    )
    scribe.journal.note_equity(sample)
    scribe.journal._background.flush()
    [(id_, kept)] = scribe.journal.archive.equity()
    assert kept == sample
    scribe.journal.note_equity(sample, [id_])
    scribe.journal._background.flush()
    [(other, _)] = scribe.journal.archive.equity()
    assert other != id_
    assert scribe.journal.archive.equity(NOW_MS + 1) == []
    scribe.journal.close()


def test_tables_are_filtered_and_paged(scribe: Scribe) -> None:
    """Every row once, in order, whatever is asked for."""
    for number in range(7):
        a_cycle(scribe, BTC, "11", NOW_MS + number * DAY_MS)
        a_cycle(scribe, ETH, "11", NOW_MS + number * DAY_MS)
    archive = scribe.journal.archive
    for ask, total in ((archive.trades, 28), (archive.orders, 28)):
        for which, wanted in (
            (Which(), total),
            (Which(market=BTC), total // 2),
            (Which(side="sell"), total // 2),
            (Which(market=ETH, side="buy"), total // 4),
            (Which(why="take_profit"), total // 2),
            (Which(since_ms=NOW_MS + DAY_MS, until_ms=NOW_MS + 3 * DAY_MS), 8),
            (Which(until_ms=1000), 0),
        ):
            seen: list[int] = []
            before = ""
            while True:
                page = ask(Which(**{**_fields(which), "before": before}), 5)
                seen += [row["id"] for row in page]
                if len(page) < 5:
                    break
                before = str(page[-1]["id"])
            assert len(seen) == len(set(seen)) == wanted, which
    assert [row["outcome"] for row in archive.orders(Which(state="filled"), 3)] == ["filled"] * 3
    assert archive.orders(Which(state="unknown"), 3) == []
    scribe.journal.close()


def _fields(which: Which) -> dict[str, object]:
    return {name: getattr(which, name) for name in Which.__slots__}


def test_a_rare_reason_is_found_however_far_back(scribe: Scribe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows as when all are looked through."""
    for number in range(6):
        a_cycle(scribe, BTC, "11", NOW_MS + number * DAY_MS)
    archive = scribe.journal.archive
    which = Which(why="take_profit", market=BTC)
    whole = archive.trades(which, 4)
    monkeypatch.setattr("autotrader_v2.infrastructure.store.archive._LOOKED_THROUGH", 2)
    assert archive.trades(which, 4) == whole
    assert len(whole) == 4
    older = archive.trades(Which(why="take_profit", market=BTC, before=str(whole[-1]["id"])), 4)
    assert [row["id"] for row in older] == sorted({row["id"] for row in older} - {row["id"] for row in whole})[::-1]
    assert len(older) == 2
    assert archive.trades(Which(why="stop_loss"), 4) == []
    scribe.journal.close()


def test_an_orders_life_is_told_whole(scribe: Scribe) -> None:
    """With its trades and its ids; an unknown label is none."""
    scribe.whole_cycle(BTC)
    newest = scribe.journal.archive.orders(Which(), 1)[0]
    life = scribe.journal.archive.life(newest["client_id"])
    assert life is not None
    assert life["fills"][0]["client_id"] == newest["client_id"] == life["attempts"][0]["client_id"]
    assert (life["outcome"], life["attempt"], len(life["fills"])) == ("filled", 1, 1)
    assert scribe.journal.archive.life("t-none-1.1") is None
    scribe.journal.close()


def test_the_record_tells_who_changed_what(scribe: Scribe) -> None:
    """All kinds by time, paged without a row lost or told twice."""
    from autotrader_v2.application.events import Alert, CommandGiven, ParamsSet, Priority, SwitchSet
    from autotrader_v2.domain.situation import SwitchMode

    for number in range(4):
        time_ms = NOW_MS + number // 2
        scribe.journal.write(
            SwitchSet(market=BTC, mode=SwitchMode.ON, by="page", time_ms=time_ms),
            CommandGiven(market=ETH, name="reset_cycle", values={}, by="api", time_ms=time_ms),
            ParamsSet(market=None, values={"steps": "4"}, by="page", time_ms=time_ms),
            Alert(code="price_missing", priority=Priority.LOW, time_ms=time_ms, market=BTC, values={}),
        )
    archive = scribe.journal.archive
    seen: list[str] = []
    before = ""
    while page := archive.record(Which(before=before), 3):
        seen += [row["id"] for row in page]
        before = page[-1]["id"]
    assert len(seen) == len(set(seen)) == 16
    assert {row["kind"] for row in archive.record(Which(market=BTC), 99)} == {"switch", "alert"}
    assert [row["name"] for row in archive.record(Which(state="command"), 1)] == ["reset_cycle"]
    scribe.journal.close()
