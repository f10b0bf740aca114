"""Prices from the wire to quotes: what is taken, what is dropped, what confirms."""

import json
import threading
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from autotrader_v2.application.ports import ExchangeUnavailable
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.gate.frames import Frame, Result, WsError
from autotrader_v2.infrastructure.gate.market_feed import GateMarketFeed
from autotrader_v2.infrastructure.gate.public_reads import PublicReads
from autotrader_v2.infrastructure.gate.server_time import ServerTime
from autotrader_v2.infrastructure.gate.shard import Place, Shard
from autotrader_v2.infrastructure.gate.subscriptions import Subscriptions
from tests.contract.stub import Stub, answer
from tests.contract.venues import CLOCK
from tests.unit.test_gate_parts import Clock

LTC = Market("gate", "LTC", "USDT")
NOWHERE = "ws://127.0.0.1:9/ws/v4/"


def best(**changes: Any) -> bytes:
    """A best-price message."""
    result = {"t": 1_700_000_000_000, "u": 4, "s": "LTC_USDT", "b": "64.02", "B": "3", "a": "64.03", "A": "4"}
    return json.dumps(
        {"time": 1, "channel": "spot.book_ticker", "event": "update", "result": result | changes}
    ).encode()


def ticker(**changes: Any) -> bytes:
    """A ticker message."""
    result = {"currency_pair": "LTC_USDT", "last": "64.025", "lowest_ask": "64.03", "highest_bid": "64.02"}
    return json.dumps({"time": 1, "channel": "spot.tickers", "event": "update", "result": result | changes}).encode()


class Bench:
    """A shard that reads what a test gives it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.quotes: list[Quote] = []
        self.place = Place(LTC)
        self.shard = Shard(
            NOWHERE, self.clock, "bench", {"LTC_USDT": self.place}, self.quotes.append, self.clock.now_ms
        )


def test_a_best_price_becomes_a_quote_with_sizes_and_the_last_trade() -> None:
    bench = Bench()
    bench.shard.take(ticker())
    bench.clock.ms += 7
    bench.shard.take(best())
    assert bench.quotes == [
        Quote(
            LTC,
            Decimal("64.02"),
            Decimal("64.03"),
            Decimal("64.025"),
            1_700_000_000_000,
            1_700_000_000_007,
            Decimal(3),
            Decimal(4),
        )
    ]


def test_a_message_that_came_late_is_as_old_as_its_price() -> None:
    bench = Bench()
    bench.clock.ms += 4_000
    bench.shard.take(best())
    assert (bench.quotes[0].confirmed_ms, bench.place.heard_ms) == (1_700_000_000_000, 0)


BAD = ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-1", "", None, "1e400", "1,5", [], {}, True, "0x10"]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("field", ["b", "a"])
def test_m9_a_price_that_is_no_price_is_dropped_and_counted(bad: object, field: str) -> None:
    bench = Bench()
    bench.shard.take(best(**{field: bad}))
    assert (bench.quotes, bench.shard.bad_messages, bench.place.quote) == ([], 1, None)
    bench.shard.take(best())
    assert len(bench.quotes) == 1


@pytest.mark.parametrize("bad", [value for value in BAD if value != "0"])
def test_a_size_that_is_no_size_is_dropped_too(bad: object) -> None:
    bench = Bench()
    bench.shard.take(best(B=bad))
    bench.shard.take(ticker(last=bad))
    assert (bench.quotes, bench.shard.bad_messages, bench.place.last) == ([], 2, None)


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{", b'"x"', b"\xff\xfe", b'{"channel": 1}', best(t="soon"), best(t=-1), best(s=None)],
)
def test_a_message_that_is_none_is_dropped(data: bytes) -> None:
    bench = Bench()
    bench.shard.take(data)
    assert (bench.quotes, bench.shard.bad_messages) == ([], 1)


@pytest.mark.parametrize("data", [b"{}", best(s="BTC_USDT"), ticker(currency_pair="BTC_USDT"), b'{"event":"update"}'])
def test_a_message_for_nobody_is_no_fault(data: bytes) -> None:
    bench = Bench()
    bench.shard.take(data)
    assert (bench.quotes, bench.shard.bad_messages) == ([], 0)


class Asked:
    """Subscriptions whose requests a test answers like an exchange that does not know `unknown`."""

    def __init__(self, unknown: str) -> None:
        self.clock = Clock()
        self.unknown = unknown
        self.requests: list[dict[str, Any]] = []
        self.subscriptions = Subscriptions(self.clock, lambda: 1, lambda text: self.requests.append(json.loads(text)))

    def answer_all(self) -> None:
        """Until nothing is asked any more."""
        while self.requests:
            request = self.requests.pop(0)
            bad = self.unknown in request["payload"]
            error = WsError(2, f"unknown currency pair: {self.unknown}") if bad else None
            frame = Frame(request["channel"], request["event"], Result(status="fail" if bad else "success"))
            frame.id, frame.error = request["id"], error
            self.subscriptions.answered(frame)


def test_m6_a_pair_that_is_refused_is_singled_out_and_the_others_are_subscribed() -> None:
    asked = Asked("C70_USDT")
    asked.subscriptions.add([f"C{number}_USDT" for number in range(100)])
    assert len(asked.requests) == 4
    asked.answer_all()
    assert asked.subscriptions.refused == {"C70_USDT"}
    asked.clock.ms += 60_000
    assert not asked.subscriptions.overdue()


def test_a_request_without_an_answer_is_overdue_until_the_connection_is_new() -> None:
    asked = Asked("")
    asked.subscriptions.add(["LTC_USDT"])
    asked.clock.ms += 11_000
    assert asked.subscriptions.overdue()
    asked.subscriptions.opened()
    assert not asked.subscriptions.overdue()
    assert [request["channel"] for request in asked.requests[2:]] == ["spot.book_ticker", "spot.tickers"]


class Reads:
    """Tickers that a test sets."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.price: tuple[str, str] | None = ("64.02", "64.03")

    def tickers(self, only: Collection[Market] | None = None) -> Sequence[Quote]:
        """One market's."""
        if self.price is None:
            raise ExchangeUnavailable("down.", do="wait")
        bid, ask = (Decimal(text) for text in self.price)
        return [Quote(LTC, bid, ask, bid, self.clock.ms, self.clock.ms)]

    def now_ms(self) -> int:
        """The exchange's time is ours."""
        return self.clock.ms


class Rounds:
    """A feed whose rounds of reads a test drives; its connection is never made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("autotrader_v2.infrastructure.gate.stream.Stream.start", lambda _self: None)
        self.clock = Clock()
        self.reads = Reads(self.clock)
        self.quotes: list[Quote] = []
        self.feed = GateMarketFeed(NOWHERE, self.reads, self.clock)
        self.feed._on_quote = self.quotes.append
        self.feed.watch([LTC])
        (self.shard,) = self.feed._shards
        self.dropped: list[str] = []
        monkeypatch.setattr(self.shard.stream, "drop", self.dropped.append)
        monkeypatch.setattr(type(self.shard.stream), "connected", True)
        self.shard.subscriptions._asked.clear()

    def round(self) -> Quote | None:
        """One round of reads; the quote that it made."""
        before = len(self.quotes)
        self.feed._round()
        return self.quotes[-1] if len(self.quotes) > before else None


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rounds]:
    """An ordinary one."""
    yield Rounds(monkeypatch)


def test_a_quiet_market_is_confirmed_with_its_sizes(rounds: Rounds) -> None:
    rounds.shard.take(best(t=rounds.clock.ms))
    rounds.clock.ms += 2_000
    quote = rounds.round()
    assert quote is not None
    assert (quote.bid_size, quote.confirmed_ms) == (3, rounds.clock.ms)
    # Dated back a little, so that a change on its way is not older.
    assert quote.exchange_ms == rounds.clock.ms - 200


def test_what_the_stream_just_told_is_not_overruled_by_a_read(rounds: Rounds) -> None:
    rounds.shard.take(best(t=rounds.clock.ms))
    rounds.clock.ms += 1_000
    rounds.reads.price = ("63", "63.01")
    assert rounds.round() is None
    assert rounds.dropped == []


def test_a_change_that_the_stream_missed_is_taken_from_the_read_and_ends_the_connection(rounds: Rounds) -> None:
    rounds.shard.take(best(t=rounds.clock.ms))
    rounds.clock.ms += 6_000
    rounds.reads.price = ("63", "63.01")
    quote = rounds.round()
    assert quote is not None
    assert (quote.bid, quote.bid_size) == (63, None)
    assert rounds.dropped == ["prices changed, but it has been silent for 6 s"]


def test_m4_a_silent_connection_is_replaced_and_given_more_time_where_nothing_moves(rounds: Rounds) -> None:
    for _ in range(8):
        rounds.clock.ms += 2_000
        rounds.round()
    assert rounds.dropped == ["silent for 16 s"]
    rounds.shard._opened()
    rounds.shard.subscriptions._asked.clear()
    for _ in range(14):
        rounds.clock.ms += 2_000
        rounds.round()
    assert len(rounds.dropped) == 1


def test_reads_are_the_feed_while_there_is_no_stream_and_say_so(
    rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(rounds.shard.stream), "connected", False)
    assert rounds.feed.status().detail == "offline"
    first = rounds.round()
    assert first is not None
    assert first.bid == Decimal("64.02")
    rounds.clock.ms += 2_000
    rounds.reads.price = ("70", "70.01")
    moved = rounds.round()
    assert moved is not None
    assert moved.bid == 70
    status = rounds.feed.status()
    assert (status.family, status.detail, status.connected) == ("gate", "REST", True)
    rounds.reads.price = None
    rounds.clock.ms += 7_000
    assert rounds.round() is None
    assert (rounds.feed.status().detail, rounds.feed.status().connected) == ("offline", False)


def test_markets_spread_over_connections_and_leave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrader_v2.infrastructure.gate.stream.Stream.start", lambda _self: None)
    clock = Clock()
    feed = GateMarketFeed(NOWHERE, Reads(clock), clock, pairs_per_connection=10)
    markets = [Market("gate", f"C{number:02}", "USDT") for number in range(25)]
    feed.watch(markets)
    assert [len(shard.subscriptions.pairs) for shard in feed._shards] == [10, 10, 5]
    feed.watch(markets[5:])
    assert [len(shard.subscriptions.pairs) for shard in feed._shards] == [5, 10, 5]
    feed.watch(markets)
    assert [len(shard.subscriptions.pairs) for shard in feed._shards] == [10, 10, 5]


def test_a_ticker_row_that_is_none_does_not_take_the_others_with_it() -> None:
    rows = [
        {"currency_pair": "LTC_USDT", "last": "64", "lowest_ask": "64.03", "highest_bid": "64.02"},
        {"currency_pair": "A_USDT", "last": "64", "lowest_ask": "", "highest_bid": "64.02"},
        {"currency_pair": "B_USDT", "last": "NaN", "lowest_ask": "1", "highest_bid": "1"},
        {"currency_pair": "C_USDT", "last": 5, "lowest_ask": "1", "highest_bid": "1"},
        {"last": "5"},
        {"currency_pair": "D_USDT", "last": "1", "lowest_ask": "0", "highest_bid": "1"},
    ]
    with Stub(answer(200, rows)) as stub:
        time = ServerTime(CLOCK)
        time.measured(CLOCK.now_ms(), CLOCK.monotonic_s())
        reads = PublicReads(stub.url, CLOCK, time, exchange="gate", connections=1)
        (quote,) = reads.tickers()
        assert (quote.market, quote.last, quote.bid_size) == (LTC, 64, None)
        assert reads.tickers([Market("gate", "D", "USDT")]) == []
        reads.close()
    with pytest.raises(ExchangeUnavailable):
        reads.tickers()


def test_a_stopped_feed_leaves_no_thread() -> None:
    clock = Clock()
    reads = Reads(clock)
    feed = GateMarketFeed(NOWHERE, reads, CLOCK)
    before = threading.active_count()
    feed.start([LTC], lambda _quote: None)
    feed.stop()
    assert threading.active_count() <= before  # one of an earlier test may end meanwhile
    assert feed.status().detail in ("REST", "offline")


def test_m16_price_reads_are_calm_in_maintenance_and_quick_when_it_is_over(
    rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute without an answer two reads a minute, for hours; the first answer makes it every 2 s again."""
    begins_ms, asked_ms, answers_from_ms = rounds.clock.ms, [], rounds.clock.ms + 8 * 3_600_000
    plain = rounds.reads.tickers

    def tickers(only: Collection[Market] | None = None) -> Sequence[Quote]:
        asked_ms.append(rounds.clock.ms)
        rounds.reads.price = ("64.02", "64.03") if rounds.clock.ms >= answers_from_ms else None
        if rounds.clock.ms >= answers_from_ms + 60_000:
            rounds.feed._stopping.set()
        return plain(only)

    monkeypatch.setattr(rounds.reads, "tickers", tickers)
    rounds.feed._read_rounds()
    calm = [one for one in asked_ms if begins_ms + 62_000 < one < answers_from_ms]
    assert len(calm) <= 8 * 120
    assert min(later - earlier for earlier, later in pairwise(calm)) >= 30_000
    back = [one for one in asked_ms if one >= answers_from_ms]
    assert back[0] - answers_from_ms <= 30_000
    assert back[2] - back[1] == 2_000
