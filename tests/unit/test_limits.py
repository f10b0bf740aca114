"""Limits of buys: windows that roll, sizes, the band; what counts, and that a restart forgets nothing."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrader_v2.application.events import AttemptClosed, Intended, Outcome
from autotrader_v2.application.limits import BuyLimits
from autotrader_v2.application.ports import Binding, RecentBuy
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.recent_prices import RecentPrices
from autotrader_v2.application.refusals import held_back
from autotrader_v2.domain.ladder import LadderParams, SizeMode
from autotrader_v2.domain.limits import (
    DAY_MS,
    FEW_MINUTES_MS,
    Bought,
    OrderLimits,
    band_around,
    largest_row,
    median_price,
    reached,
)
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent
from autotrader_v2.domain.situation import Hold, Reason
from autotrader_v2.infrastructure.store import SqlJournal
from tests.builders import ETH, NOW_MS, PARAMS, a_quote, an_intent

D = Decimal
BTC = Market("gate", "BTC", "USDT")
ONLY = OrderLimits.none()
A_SECOND = 1000


def bought(*times_ms: int, cost: int = 10) -> list[Bought]:
    return [Bought(time_ms, D(cost)) for time_ms in times_ms]


def with_only(**limits: Any) -> OrderLimits:
    return OrderLimits(**({name: 0 if "orders_" in name else D(0) for name in ONLY.as_text()} | limits))


def a_buy(client_id: str, at_ms: int = NOW_MS, cost: str = "10", market: Market = ETH, step: int = 0) -> OrderIntent:
    return an_intent(
        client_id,
        market=market,
        amount=D(cost),
        max_cost=D(cost),
        step=step,
        decided_ms=at_ms,
        expires_ms=at_ms + 3000,
    )


def test_the_defaults_let_many_coins_start_together() -> None:
    """A6: ten currencies at once, and fifty, with a whole ladder of eight steps for one of them within five minutes."""
    account: list[Bought] = []
    for coin in range(50):
        mine: list[Bought] = []
        for _ in range(9 if coin == 0 else 1):
            assert reached(OrderLimits(), mine, account, D(10), NOW_MS) is None
            mine.append(Bought(NOW_MS, D(10)))
            account.append(mine[-1])


def test_the_eleventh_buy_of_a_coin_in_five_minutes_waits_until_the_first_is_old() -> None:
    times = [NOW_MS + second * A_SECOND for second in range(10)]
    full = reached(OrderLimits(), bought(*times), bought(*times), D(10), times[-1] + 1)
    assert full is not None
    assert (full.which, full.most, full.is_now, full.until_ms) == ("coin_orders_5min", 10, 10, NOW_MS + FEW_MINUTES_MS)
    assert reached(OrderLimits(), bought(*times), bought(*times), D(10), full.until_ms) is None


@given(st.lists(st.integers(0, 2 * DAY_MS), max_size=40), st.integers(1, 6), st.sampled_from(["5min", "day"]))
def test_no_window_ever_holds_more_than_allowed(times: list[int], most: int, name: str) -> None:
    """Whatever is asked for when, any window of that length has at most that many buys; and a hold always ends."""
    window_ms = {"5min": FEW_MINUTES_MS, "day": DAY_MS}[name]
    limits = with_only(**{f"coin_orders_{name}": most})
    done: list[Bought] = []
    for time_ms in sorted(times):
        full = reached(limits, done, done, D(1), time_ms)
        if full is None:
            done.append(Bought(time_ms, D(1)))
        else:
            assert time_ms < full.until_ms <= time_ms + window_ms
            assert reached(limits, done, done, D(1), full.until_ms) is None
    for first, last in zip(done, done[most:], strict=False):
        assert last.time_ms - first.time_ms >= window_ms


@given(st.lists(st.tuples(st.integers(0, 2 * DAY_MS), st.integers(1, 50)), max_size=30), st.integers(60, 120))
def test_no_day_turns_over_more_than_allowed(wishes: list[tuple[int, int]], most: int) -> None:
    limits = with_only(account_turnover_day=D(most))
    done: list[Bought] = []
    for time_ms, cost in sorted(wishes):
        full = reached(limits, [], done, D(cost), time_ms)
        if full is None:
            done.append(Bought(time_ms, D(cost)))
        else:
            assert reached(limits, [], done, D(cost), full.until_ms) is None
    for last in done:
        window = [one.cost for one in done if last.time_ms - DAY_MS < one.time_ms <= last.time_ms]
        assert sum(window) <= most


def test_a_buy_larger_than_a_days_turnover_is_never_allowed_by_waiting() -> None:
    full = reached(with_only(coin_turnover_day=D(50)), [], [], D(51), NOW_MS)
    assert full is not None and full.until_ms == 0


def test_m14_a_day_is_24_hours_so_that_no_change_of_the_clocks_gives_a_second_allowance_or_none() -> None:
    """The window rolls in UTC milliseconds: over the night to winter time, the one to summer time, and new year."""
    berlin = ZoneInfo("Europe/Berlin")
    for month, day in ((10, 25), (3, 29), (12, 31)):
        evening = datetime(2026, month, day, 0, 30, tzinfo=berlin)
        first_ms = int(evening.timestamp() * 1000)
        times = [first_ms + minute * 60_000 for minute in range(100)]
        done = bought(*times)
        for later_h in range(1, 24):
            now_ms = max(first_ms + later_h * 3_600_000, times[-1] + 1)
            full = reached(with_only(coin_orders_day=100), done, done, D(1), now_ms)
            assert full is not None and full.until_ms == first_ms + DAY_MS
        ends = datetime.fromtimestamp(first_ms / 1000, UTC) + timedelta(hours=24)
        assert reached(with_only(coin_orders_day=100), done, done, D(1), int(ends.timestamp() * 1000)) is None


def test_zero_is_off_for_each() -> None:
    crowd = bought(*range(NOW_MS, NOW_MS + 5000), cost=10**6)
    assert reached(ONLY, crowd, crowd, D(10**9), NOW_MS + 5000) is None
    limits = BuyLimits(QuoteBoard(), ONLY)
    assert limits.claim("t-test-1.1", ETH, D(10**9), D(1), PARAMS, NOW_MS) is None


@pytest.mark.parametrize("field", list(ONLY.as_text()))
def test_each_limit_survives_text_and_refuses_what_is_no_limit(field: str) -> None:
    assert OrderLimits().changed({field: "7"}).as_text()[field] in (7, "7")
    assert ONLY.changed(OrderLimits().as_text()) == OrderLimits()
    assert OrderLimits().changed({"of_a_later_program": 1}) == OrderLimits()
    for bad in ("-1", "NaN", "x"):
        with pytest.raises(ValueError, match=field):
            OrderLimits().changed({field: bad})


def test_the_largest_row_is_that_of_the_ladder_whatever_its_sizes() -> None:
    def largest(**changes: Any) -> Decimal:
        return largest_row(LadderParams(steps=3, start_quote=D(10), **changes))

    assert largest(size_mode=SizeMode.FIXED) == 10
    assert largest(size_mode=SizeMode.MARTINGALE) == 80
    assert largest(size_mode=SizeMode.GEOMETRIC, size_multiplier=D("0.5")) == 10
    assert largest(size_mode=SizeMode.CUSTOM, sizes=(D(5), D(70), D(20), D(1))) == 70


def test_an_order_of_twice_the_largest_row_passes_and_more_does_not() -> None:
    limits, largest = BuyLimits(QuoteBoard(), OrderLimits()), largest_row(PARAMS)
    assert limits.claim("t-test-1.1", ETH, 2 * largest, D(2500), PARAMS, NOW_MS) is None
    held = limits.claim("t-test-2.1", ETH, 2 * largest + 1, D(2500), PARAMS, NOW_MS)
    assert held is not None and dict(held.values)["which"] == "order_rows"


def test_what_comes_beside_the_claim_is_counted_at_the_door() -> None:
    """Nothing passes that was not counted; and the door counts nobody twice."""
    limits = BuyLimits(QuoteBoard(), with_only(coin_orders_5min=2))
    for number in (1, 2):
        assert limits.at_door(a_buy(f"t-test-{number}.1"), D(2500), PARAMS, NOW_MS) is None
        assert limits.at_door(a_buy(f"t-test-{number}.1"), D(2500), PARAMS, NOW_MS) is None
    held = limits.at_door(a_buy("t-test-3.1"), D(2500), PARAMS, NOW_MS)
    assert held is not None and held.reason is Reason.LIMIT_REACHED
    assert limits.claim("t-test-4.1", BTC, D(10), D(60000), PARAMS, NOW_MS) is None, "another coin has its own"


def test_a_limit_made_stricter_holds_what_is_claimed_already() -> None:
    limits = BuyLimits(QuoteBoard(), ONLY)
    for number in (1, 2, 3):
        assert limits.claim(f"t-test-{number}.1", ETH, D(10), D(2500), PARAMS, NOW_MS) is None
    limits.set_limits(with_only(coin_orders_5min=2))
    assert limits.at_door(a_buy("t-test-3.1"), D(2500), PARAMS, NOW_MS) is not None


def test_a_smaller_order_allowed_since_the_claim_holds_it_at_the_door() -> None:
    """World 4400150: a buy of four rows, claimed while any size was allowed, left after two rows were."""
    largest = largest_row(PARAMS)
    intent = a_buy("t-test-1.1", cost=str(4 * largest))
    limits = BuyLimits(QuoteBoard(), OrderLimits.none())
    assert limits.claim(intent.client_id, ETH, intent.max_cost, D(2500), PARAMS, NOW_MS) is None
    assert limits.at_door(intent, D(2500), PARAMS, NOW_MS) is None
    limits.set_limits(with_only(order_rows=D(2)))
    held = limits.at_door(intent, D(2500), PARAMS, NOW_MS)
    assert held is not None
    assert dict(held.values) == {"which": "order_rows", "most": 2 * largest, "is_now": 4 * largest, "until_ms": 0}
    limits.set_limits(with_only(order_rows=D(4)))
    assert limits.at_door(intent, D(2500), PARAMS, NOW_MS) is None, "and one made larger again lets it leave"


def test_what_never_left_does_not_count_and_what_bought_nothing_turned_nothing_over() -> None:
    limits = BuyLimits(QuoteBoard(), with_only(coin_orders_5min=2, account_turnover_day=D(25)))

    def claim(number: int, cost: int) -> str | None:
        held = limits.claim(f"t-test-{number}.1", ETH, D(cost), D(2500), PARAMS, NOW_MS)
        return None if held is None else str(dict(held.values)["which"])

    assert claim(1, 20) is None
    limits.never_sent("t-test-1.1", ETH)
    assert claim(2, 20) is None
    assert claim(3, 20) == "account_turnover_day"
    limits.bought_nothing("t-test-2.1", ETH)
    assert claim(4, 20) is None
    assert claim(5, 1) == "coin_orders_5min", "what bought nothing was an order all the same"
    limits.set_limits(with_only(account_turnover_day=D(25)))
    limits.bought_after_all("t-test-2.1", ETH, D(20))
    assert claim(6, 1) == "account_turnover_day", "a late fill is turnover"


def test_counts_survive_a_restart_and_unknown_orders_count(tmp_path: Path) -> None:
    """From the journal: open, unknown, filled, refused count; what never left does not; older than a day is gone."""
    binding = Binding("paper", "test", "acct", "replay")
    journal = SqlJournal(tmp_path / "journal.sqlite3", binding, account="acct")
    ends = (Outcome.FILLED, Outcome.REFUSED, Outcome.UNFILLED, Outcome.ABSENT, Outcome.NOT_SENT, None)
    instance = journal.load().instance
    times = [NOW_MS - 2 * DAY_MS, *(NOW_MS + number for number in range(len(ends)))]
    for number, (time_ms, outcome) in enumerate(zip(times, (Outcome.FILLED, *ends), strict=True), 1):
        client_id = f"t-{instance}-{number}.1"
        journal.write(Intended(a_buy(client_id, time_ms, step=number)))
        if outcome is not None:
            journal.write(AttemptClosed(client_id=client_id, outcome=outcome, time_ms=time_ms))
    journal.close()
    journal = SqlJournal(tmp_path / "journal.sqlite3", binding, account="acct")
    recent = journal.load().recent_buys
    journal.close()
    assert [one.cost for one in sorted(recent, key=lambda one: one.time_ms)] == [10, 0, 0, 0, 10]
    limits = BuyLimits(QuoteBoard(), with_only(coin_orders_day=6))
    limits.restore(recent, NOW_MS + 10)
    assert limits.claim(f"t-{instance}-z.1", ETH, D(10), D(2500), PARAMS, NOW_MS + 10) is None, "five were there"
    assert limits.claim(f"t-{instance}-y.1", ETH, D(10), D(2500), PARAMS, NOW_MS + 11) is not None


def test_a_clock_set_back_over_a_restart_gives_no_new_allowance() -> None:
    """M12: attempts that lie in the future by the clock we have now count as of now."""

    recent = [RecentBuy(client_id=f"t-test-{n}.1", market=ETH, time_ms=NOW_MS + n, cost=D(10)) for n in range(10)]
    limits = BuyLimits(QuoteBoard(), OrderLimits())
    now_ms = NOW_MS - 3_600_000
    limits.restore(recent, now_ms)
    held = limits.claim("t-test-z.1", ETH, D(10), D(2500), PARAMS, now_ms + 1)
    assert held is not None and dict(held.values)["until_ms"] == now_ms + FEW_MINUTES_MS


def a_board(*mids: str, apart_ms: int = 5000) -> QuoteBoard:
    """A board that heard these prices; the first was confirmed by a book read."""
    board = QuoteBoard()
    board.follow([ETH])
    for at, mid in enumerate(mids):
        ms = NOW_MS + at * apart_ms
        board.offer(a_quote(mid, mid, exchange_ms=ms, confirmed_ms=ms, from_book_read=at == 0))
    return board


def test_the_band_is_around_the_median_and_a_single_wrong_price_does_not_move_it() -> None:
    board = a_board(*["2500"] * 20, "2999")
    assert board.median(ETH) == D(2500)
    limits = BuyLimits(board, OrderLimits())
    held = limits.refusal(ETH, D(2999), NOW_MS)
    assert held == Hold(
        Reason.OUTSIDE_BAND,
        (("ask", D(2999)), ("median", D(2500)), ("band_pct", D(5)), ("lowest", D(2375)), ("highest", D(2625))),
    )
    for inside in ("2375", "2500", "2625"):
        assert limits.refusal(ETH, D(inside), NOW_MS) is None
    for outside in ("2374.99", "2625.01"):
        assert limits.refusal(ETH, D(outside), NOW_MS) is not None


def test_under_a_minute_of_prices_the_band_does_not_judge() -> None:
    """At a start, and after a silence of five minutes: then the screen of single prices vouches alone."""
    assert a_board(*["2500"] * 12).median(ETH) is None
    assert a_board(*["2500"] * 13).median(ETH) == D(2500)
    assert a_board("2500", "2500", apart_ms=600_000).median(ETH) is None


def test_the_memory_of_prices_goes_by_the_exchanges_time_and_forgets_after_five_minutes() -> None:
    """Five hundred quotes a second leave one sample each 5 s; the oldest give way; a fall is followed in time."""
    prices = RecentPrices()
    for at in range(100_000):
        ms = NOW_MS + at * 10
        if ms >= prices.due_ms:
            prices.note(a_quote("2500" if at < 50_000 else "2000", "2500" if at < 50_000 else "2000", exchange_ms=ms))
    assert prices.median == D(2000)
    prices.note(a_quote("1900", "1900", exchange_ms=NOW_MS + 1_000_000 + FEW_MINUTES_MS))
    assert prices.median is None


@given(st.lists(st.tuples(st.integers(1, 400_000), st.floats(1e-8, 1e8)), min_size=1, max_size=60))
def test_the_median_is_one_of_the_prices_of_the_window(prices: list[tuple[int, float]]) -> None:
    newest = max(at for at, _ in prices)
    found = median_price([at for at, _ in prices], [price for _, price in prices], newest)
    inside = [price for at, price in prices if at > newest - FEW_MINUTES_MS]
    if found is None:
        assert newest - min(at for at, _ in prices if at > newest - FEW_MINUTES_MS) < 60_000
    else:
        assert float(found) in inside
        assert sum(price < float(found) for price in inside) <= len(inside) / 2
        assert sum(price > float(found) for price in inside) <= len(inside) / 2


def test_a_person_is_told_which_limit_its_value_and_how_to_change_it() -> None:
    for which, words in (
        ("coin_orders_5min", "ETH may be bought 10 times in 5 minutes, it was 12 times"),
        ("account_turnover_day", "All coins may be bought for 10 USDT in 24 hours, with this it would be 12"),
    ):
        hold = Hold(Reason.LIMIT_REACHED, (("which", which), ("most", D(10)), ("is_now", D(12)), ("until_ms", NOW_MS)))
        refused = held_back(hold, ETH)
        assert refused.code == "limit_reached" and refused.values["which"] == which
        assert refused.message == f"{words}. Nothing was bought. Wait, or change the limit {which} under Settings, " + (
            "Limits of buys."
        )
    for which in ONLY.as_text():
        if which != "band_pct":
            hold = Hold(Reason.LIMIT_REACHED, (("which", which), ("most", 1), ("is_now", 2), ("until_ms", 0)))
            assert not re.search(r"[{}]", held_back(hold, ETH).message)
    band = band_around(D(2500), D(5))
    outside = Hold(Reason.OUTSIDE_BAND, (("ask", D(2000)), ("median", band.median), ("band_pct", D(5))))
    assert held_back(outside, ETH).code == "outside_band"
