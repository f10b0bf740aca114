"""The player and its clock: speed, repeats, suspension, waits; on a wall clock that the test moves."""

import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

import pytest

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.clock import PlayedClock
from autotrader_v2.infrastructure.feeds.played_feed import PlayedFeed
from autotrader_v2.infrastructure.feeds.player import REPEAT_FOR_MS, Player

BTC = Market("gate", "BTC", "USDT")
ETH = Market("gate", "ETH", "USDT")
T0 = 1_700_000_000_000
PATIENCE_S = 60


class Wall:
    """Wall time that passes only when somebody sleeps; `stalls` makes a sleep take longer: {number of sleep: s}."""

    def __init__(self, stalls: dict[int, float] | None = None) -> None:
        self.now_s = 1000.0
        self.sleeps = 0
        self.stalls = stalls or {}

    def monotonic_s(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self.sleeps += 1
        self.now_s += timeout_s + self.stalls.get(self.sleeps, 0.0)
        return event.is_set()


class Listed:
    """A source of given quotes."""

    def __init__(self, *quotes: Quote) -> None:
        self._quotes = quotes
        self.markets = tuple(dict.fromkeys(quote.market for quote in quotes))
        self.start_ms = quotes[0].exchange_ms

    def quotes(self) -> Iterator[Quote]:
        return iter(self._quotes)


def a_quote(after_ms: int, price: str = "100", market: Market = BTC) -> Quote:
    number = Decimal(price)
    return Quote(market, number, number + 1, number, T0 + after_ms, T0 + after_ms)


def played(
    *quotes: Quote, speed: float | None = 1.0, wall: Wall | None = None
) -> tuple[list[tuple[Quote, int, float]], PlayedClock]:
    """Each delivered quote with the clock and the wall at that moment."""
    wall = wall or Wall()
    source = Listed(*quotes)
    clock = PlayedClock(source.start_ms, speed=speed, wall=wall)
    seen: list[tuple[Quote, int, float]] = []
    player = Player(
        source,
        on_quote=lambda quote: seen.append((quote, clock.now_ms(), wall.now_s)),
        speed=speed,
        clock=clock,
    )
    player.start()
    assert player.wait_finished(PATIENCE_S)
    player.stop()
    assert player.error is None
    return seen, clock


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0])
def test_source_time_runs_speed_times_the_wall(speed: float) -> None:
    seen, clock = played(a_quote(0), a_quote(400, "101"), a_quote(900, "102"), speed=speed)
    assert [(int(quote.last), now - T0) for quote, now, _ in seen] == [(100, 0), (101, 400), (102, 900)]
    walls = [wall_s - seen[0][2] for _, _, wall_s in seen]
    assert walls == pytest.approx([0.0, 0.4 / speed, 0.9 / speed])
    assert clock.shifted_s == 0


def test_a_quiet_market_is_repeated_each_second() -> None:
    seen, _ = played(a_quote(0), a_quote(0, "7", ETH), a_quote(600, "8", ETH), a_quote(2500, "101"))
    assert all(quote.confirmed_ms == quote.exchange_ms == now for quote, now, _ in seen)
    btc = [(quote.exchange_ms - T0, int(quote.last)) for quote, _, _ in seen if quote.market == BTC]
    eth = [(quote.exchange_ms - T0, int(quote.last)) for quote, _, _ in seen if quote.market == ETH]
    assert btc == [(0, 100), (1000, 100), (2000, 100), (2500, 101)]
    assert eth == [(0, 7), (600, 8), (1600, 8)]


@pytest.mark.parametrize("speed", [1.0, 5_000.0, 100_000.0, None])
def test_whenever_something_decides_every_price_is_at_most_a_second_old(speed: float | None) -> None:
    """Also where repeats are coarse, and a real quote is never skipped there."""
    quotes = [a_quote(step * 7_300, str(100 + step)) for step in range(40)]
    quotes += [a_quote(step * 11_100, str(5 + step), ETH) for step in range(20)]
    quotes.sort(key=lambda quote: quote.exchange_ms)
    board: dict[Market, Quote] = {}
    real: list[Quote] = []
    source, wall = Listed(*quotes), Wall()
    clock = PlayedClock(source.start_ms, speed=speed, wall=wall)

    def on_quote(quote: Quote) -> None:
        fresh = quote in quotes
        if fresh:
            real.append(quote)
            # A new price is what decides; a repeat may be handed out just before the clock leaps to its time.
            board[quote.market] = quote
            assert all(clock.now_ms() - other.confirmed_ms <= 1000 for other in board.values())
            assert clock.now_ms() == quote.exchange_ms
        board[quote.market] = quote

    player = Player(source, on_quote=on_quote, speed=speed, clock=clock)
    player.start()
    assert player.wait_finished(PATIENCE_S)
    assert player.error is None
    assert real == quotes


def test_a_suspended_process_goes_on_where_it_was() -> None:
    """An hour asleep is an hour later on the wall, not a burst of an hour's prices."""
    wall = Wall(stalls={2: 3600.0})
    seen, clock = played(*(a_quote(step * 500, str(100 + step)) for step in range(6)), wall=wall)
    gaps = [later[2] - earlier[2] for earlier, later in pairwise(seen)]
    assert gaps == pytest.approx([0.5, 3600.5, 0.5, 0.5, 0.5])
    assert [now - T0 for _, now, _ in seen] == [0, 500, 1000, 1500, 2000, 2500]
    assert clock.shifted_s == pytest.approx(3600)


def test_a_short_delay_is_caught_up() -> None:
    seen, clock = played(*(a_quote(step * 500, str(100 + step)) for step in range(4)), wall=Wall(stalls={1: 0.1}))
    assert [wall_s - seen[0][2] for _, _, wall_s in seen] == pytest.approx([0.0, 0.6, 1.0, 1.5])
    assert clock.shifted_s == 0


def test_the_clock_never_passes_a_quote_that_is_not_delivered() -> None:
    wall = Wall()
    clock = PlayedClock(T0, speed=1.0, wall=wall)
    clock.leap_to(T0)
    stopping = threading.Event()
    stopping.set()
    assert clock.travel_to(T0 + 500, stopping, steady=True) is False
    wall.now_s += 0.3
    assert clock.now_ms() == pytest.approx(T0 + 300, abs=1)
    wall.now_s += 3600
    assert clock.now_ms() == T0 + 500
    assert clock.monotonic_s() == (T0 + 500) / 1000


def test_a_hole_in_every_market_is_skipped_and_old_prices_fall_silent() -> None:
    later = REPEAT_FOR_MS + 9 * 86_400_000
    seen, _ = played(a_quote(0), a_quote(later, "200"), speed=None)
    assert seen[-1][1] == T0 + later
    repeats = [quote.exchange_ms - T0 for quote, _, _ in seen[1:-1]]
    assert repeats
    assert max(repeats) <= REPEAT_FOR_MS
    assert max(after - before for before, after in pairwise(repeats)) <= 30_000


def test_at_max_speed_nothing_advances_before_all_is_settled() -> None:
    source = Listed(*(a_quote(step * 5_000, str(100 + step)) for step in range(10)))
    clock = PlayedClock(T0, speed=None)
    open_work: list[Quote] = []
    settled_at: list[int] = []

    def settle() -> None:
        settled_at.append(clock.now_ms() - T0)
        open_work.clear()

    def on_quote(quote: Quote) -> None:
        assert not open_work or open_work[0].exchange_ms == quote.exchange_ms
        open_work.append(quote)

    player = Player(source, on_quote=on_quote, speed=None, clock=clock, settle=settle)
    player.start()
    assert player.wait_finished(PATIENCE_S)
    assert player.error is None
    assert not open_work
    assert settled_at[-1] == 45_000


def test_waits_at_max_speed_end_when_source_time_has_passed() -> None:
    clock = PlayedClock(T0, speed=None)
    source = Listed(*(a_quote(step * 1_000, str(100 + step)) for step in range(200)))
    woken: list[int] = []
    never = threading.Event()
    ready = threading.Event()

    def sleeper() -> None:
        for _ in range(3):
            ready.set()
            assert clock.wait(never, 30.0) is False
            woken.append((clock.now_ms() - T0) // 1000)

    thread = threading.Thread(target=sleeper)
    thread.start()
    ready.wait(PATIENCE_S)
    time.sleep(0.02)
    player = Player(source, on_quote=lambda quote: time.sleep(0.001), speed=None, clock=clock)
    player.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    player.stop()
    assert len(woken) == 3
    assert woken[0] == 30
    # The thread runs beside the player after it woke; without `settle` it may begin its next wait a little late.
    assert 30 <= woken[1] - woken[0] <= 60


@pytest.mark.parametrize("speed", [1.0, 60.0, None])
def test_a_wait_ends_at_once_when_its_event_is_set(speed: float | None) -> None:
    clock = PlayedClock(T0, speed=speed)
    event = threading.Event()
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(clock.wait(event, 1e6)))
    thread.start()
    event.set()
    thread.join(PATIENCE_S)
    assert answers == [True]
    assert clock.wait(event, 0) is True
    assert clock.wait(threading.Event(), 0) is False


def test_a_wait_of_a_minute_at_speed_60_lasts_a_second() -> None:
    wall = Wall()
    clock = PlayedClock(T0, speed=60.0, wall=wall)
    clock.run_free()
    before_s = wall.now_s
    assert clock.wait(threading.Event(), 60.0) is False
    assert wall.now_s - before_s == pytest.approx(1.0, abs=0.01)


def test_after_the_end_the_clock_runs_on_so_that_no_wait_is_endless() -> None:
    _, clock = played(a_quote(0), a_quote(500), speed=None)
    ended = clock.now_ms()
    assert ended >= T0 + 500
    assert clock.wait(threading.Event(), 0.05) is False
    assert clock.now_ms() >= ended + 50


def test_stop_is_prompt_and_no_callback_runs_after_it() -> None:
    seen: list[Quote] = []
    source = Listed(a_quote(0), a_quote(3_600_000))
    finished = threading.Event()
    player = Player(source, on_quote=seen.append, speed=1.0, on_finished=finished.set)
    player.start()
    player.stop()  # the next quote is an hour away: returning at all is the promise
    player.stop()
    assert player.finished
    assert finished.is_set()
    count = len(seen)
    time.sleep(0.02)
    assert len(seen) == count


def test_a_player_may_be_stopped_before_it_started_and_from_its_own_callback() -> None:
    player = Player(Listed(a_quote(0)), on_quote=lambda quote: None)
    player.stop()
    assert player.finished
    itself: list[Player] = []
    source = Listed(a_quote(0), a_quote(1_000), a_quote(2_000))
    inner = Player(source, on_quote=lambda quote: itself[0].stop(), speed=None)
    itself.append(inner)
    inner.start()
    assert inner.wait_finished(PATIENCE_S)


def test_a_failure_ends_the_play_and_is_kept() -> None:
    def refuse(quote: Quote) -> None:
        raise RuntimeError("the board is gone")

    player = Player(Listed(a_quote(0), a_quote(10)), on_quote=refuse, speed=None)
    player.start()
    assert player.wait_finished(PATIENCE_S)
    assert str(player.error) == "the board is gone"


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        PlayedClock(T0, speed=speed)


def test_a_clock_of_another_speed_is_refused() -> None:
    with pytest.raises(ValueError, match="speed"):
        Player(Listed(a_quote(0)), on_quote=lambda quote: None, speed=2.0, clock=PlayedClock(T0, speed=1.0))


def test_the_feed_passes_on_what_is_watched_and_taps_everything() -> None:
    source = Listed(a_quote(0), a_quote(0, "7", ETH), a_quote(400, "101"), a_quote(500, "8", ETH))
    watched: list[Quote] = []
    tapped: list[Quote] = []
    feed = PlayedFeed(source, "synthetic", speed=None, tap=tapped.append)
    assert feed.markets == (BTC, ETH)
    assert not feed.status().connected

    def on_quote(quote: Quote) -> None:
        watched.append(quote)
        if quote.last == 101:
            feed.watch([ETH])

    feed.start([BTC], on_quote)
    assert feed.wait_finished(PATIENCE_S)
    feed.stop()
    assert [quote.last for quote in watched] == [100, 101, 8]
    assert [quote.last for quote in tapped] == [100, 7, 101, 8]
    status = feed.status()
    assert (status.family, status.connected, status.last_message_ms) == ("synthetic", False, T0 + 500)
    assert "end" in status.detail
    with pytest.raises(RuntimeError, match="once"):
        feed.start([BTC], on_quote)
