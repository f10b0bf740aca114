"""Candle files, recordings, folders: what is read, and how each kind of damage is told."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.candle_files import Candle, CandleFile
from autotrader_v2.infrastructure.feeds.errors import (
    SourceBadData,
    SourceEmpty,
    SourceError,
    SourceMissing,
    SourceUnreadable,
    UnknownSource,
)
from autotrader_v2.infrastructure.feeds.file_names import interval_in_name_ms, market_in_name
from autotrader_v2.infrastructure.feeds.sources import family_of, open_source

T0 = 1_700_000_040_000
ROWS = [(T0, "10.5", "11", "10", "10.75"), (T0 + 60_000, "10.75", "12.25", "10.5", "12")]
HEADER = "timestamp,open,high,low,close,volume"


def a_csv(folder: Path, name: str = "BTC_USDT_1m.csv", rows: object = None, header: str = HEADER) -> Path:
    """A file of two ordinary candles, or of the given lines."""
    lines = [",".join(map(str, row)) + ",1" for row in ROWS] if rows is None else rows
    assert isinstance(lines, list)
    path = folder / name
    text = "\n".join([header, *lines]) + "\n"
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def quotes_of(path: Path, **options: object) -> list[Quote]:
    return list(open_source(f"replay:{path}", **options).quotes())  # type: ignore[arg-type]


# --- names ---


@pytest.mark.parametrize(
    ("name", "market", "interval_ms"),
    [
        ("binance_BTC_USDT_5m_20220101_20220804.parquet", ("BTC", "USDT"), 300_000),
        ("BTC_USDT.csv", ("BTC", "USDT"), None),
        ("BTCUSDT-1m.csv", ("BTC", "USDT"), 60_000),
        ("btc-usdt-1h.csv.gz", ("BTC", "USDT"), 3_600_000),
        ("gate_spot_orderbooks_SOL_USDT_20250903.csv.gz", ("SOL", "USDT"), None),
        ("binance_ETH_BTC_1d.parquet", ("ETH", "BTC"), 86_400_000),
        ("ETHFDUSD.csv", ("ETH", "FDUSD"), None),
        ("1INCH_USDT_15min.csv", ("1INCH", "USDT"), 900_000),
        ("DATA_USDT.csv", ("DATA", "USDT"), None),
    ],
)
def test_the_name_tells_the_market(name: str, market: tuple[str, str], interval_ms: int | None) -> None:
    assert market_in_name(Path(name)) == market
    assert interval_in_name_ms(Path(name)) == interval_ms


@pytest.mark.parametrize("name", ["prices.csv", "BTC.csv", "2024_5m.csv", "USDT.csv"])
def test_a_name_without_a_market_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="Rename it"):
        quotes_of(a_csv(tmp_path, name))


# --- candles ---


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (HEADER, ["1700000040", "1700000100"]),
        ("Timestamp_ms,Open,High,Low,Close,Volume", ["1700000040000", "1700000100000"]),
        ("open_time,o,h,l,c,v", ["1700000040000000", "1700000100000000"]),
        ("Date,open,high,low,close,Volume BTC", ["2023-11-14T22:14:00Z", "2023-11-14T22:15:00Z"]),
        ("datetime,open,high,low,close,volume", ["2023-11-14 22:14:00", "2023-11-14 22:15:00"]),
        ("time,open,high,low,close,volume", ["2023-11-14T23:14:00+01:00", "2023-11-14T23:15:00+01:00"]),
        ("ts,open,high,low,close,volume", ["1700000040.0", "1700000100.0"]),
    ],
)
def test_csv_times_and_names_are_read_in_their_usual_spellings(header: str, cells: list[str], tmp_path: Path) -> None:
    rows = [",".join([cell, *row[1:], "1"]) for cell, row in zip(cells, ROWS, strict=True)]
    file = CandleFile(a_csv(tmp_path, rows=rows, header=header))
    assert list(file.candles()) == [Candle(row[0], *map(Decimal, row[1:])) for row in ROWS]
    assert (file.rows, file.first_ms, file.last_ms, file.interval_ms) == (2, T0, T0 + 60_000, 60_000)
    assert file.tick == Decimal("0.01")


def test_a_csv_with_other_columns_order_delimiter_packing_or_no_header_is_read(tmp_path: Path) -> None:
    plain = list(CandleFile(a_csv(tmp_path)).candles())
    packed = a_csv(tmp_path, "BTC_USDT_1m.csv.gz")
    headless = tmp_path / "BTCUSDT-1m.csv"
    headless.write_text("\n".join(",".join(map(str, (*row, 5, row[0] + 59_999))) for row in ROWS))
    turned = tmp_path / "BTCUSDT-2m.csv"
    turned.write_text("close;low;high;open;time\n" + "\n".join(f"{c};{lo};{h};{o};{t}" for t, o, h, lo, c in ROWS))
    for path in (packed, headless, turned):
        assert list(CandleFile(path).candles()) == plain


def test_parquet_keeps_the_digits_that_the_floats_were_written_from(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "PEPE_USDT_5m.parquet"
    prices = {"open": [8.6e-07, 1.1e-06], "high": [1.2e-06, 1.1e-06], "low": [8.5e-07, 1.1e-06], "close": [1.1e-06] * 2}
    pq.write_table(pa.table({"timestamp_ms": [T0, T0 + 300_000], **prices, "volume": [1.0, 0.0]}), path)
    file = CandleFile(path)
    assert file.tick == Decimal("1e-8")
    assert [str(price) for price in next(file.candles())[1:]] == ["8.6E-7", "0.0000012", "8.5E-7", "0.0000011"]
    stamps = pa.array([T0 * 1000, (T0 + 300_000) * 1000], pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table({"date": stamps, **prices}), path)
    assert [candle.open_ms for candle in CandleFile(path).candles()] == [T0, T0 + 300_000]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([f"{T0},1,2,nan,1,1"], "row 2, column low"),
        ([f"{T0},1,2,,1,1"], "row 2, column low"),
        ([f"{T0},1,2,1,-1,1"], "row 2, column close"),
        ([f"{T0},1,0.5,1,1,1"], "row 2, column high"),
        ([f"{T0},1,2,0,1,1"], "not possible"),
        ([f"{T0},1,0.5,1,1,1"], "not possible"),
        ([f"{T0},1,2"], "shorter"),
        (["yesterday,1,2,1,1,1"], "row 2, column time"),
        ([f"{T0},1,2,1,1,1", f"{T0},1,2,1,1,1"], "oldest first"),
        ([f"{T0},1,2,1,1,1", f"{T0 - 60_000},1,2,1,1,1"], "row 3"),
    ],
)
def test_damaged_csv_rows_are_named(rows: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceBadData, match=says) as caught:
        quotes_of(a_csv(tmp_path, rows=rows))
    assert caught.value.do


@pytest.mark.parametrize(
    ("columns", "error", "says"),
    [
        ({"low": [float("nan"), 1.0]}, SourceBadData, "not possible"),
        ({"low": [None, 1.0]}, SourceBadData, "row 1, column low: there is no value"),
        ({"low": [1.0, float("nan")]}, SourceBadData, "row 2, column low"),
        ({"open": [1.0, 0.0]}, SourceBadData, "row 2, column open"),
        ({"low": [-1.0, 1.0]}, SourceBadData, "row 1, column low"),
        ({"high": [2.0, 0.5]}, SourceBadData, "row 2, column high"),
        ({"close": [0.5, 1.0]}, SourceBadData, "row 1, column low"),
        ({"timestamp_ms": [T0, T0 - 60_000]}, SourceBadData, "row 2, column time: .* follows"),
        ({"timestamp_ms": [T0, T0]}, SourceBadData, "row 2, column time: .* comes twice"),
        ({"open": [[1.0], [1.0]]}, SourceBadData, "column open"),
        ({"close": [], "open": [], "high": [], "low": [], "timestamp_ms": []}, SourceEmpty, "no candle"),
        ({"high": [float("inf"), 2.0]}, SourceBadData, "not possible"),
        ({"timestamp_ms": [T0, T0]}, SourceBadData, "oldest first"),
        ({"timestamp_ms": ["today", "tomorrow"]}, SourceBadData, "something else than numbers"),
        ({"open": ["1", "much"]}, SourceBadData, "something else than numbers"),
        ({"close": None}, SourceUnreadable, "candles need"),
    ],
)
def test_damaged_parquet_is_told(
    columns: dict[str, object], error: type[SourceError], says: str, tmp_path: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {"timestamp_ms": [T0, T0 + 60_000], "open": [1.0] * 2, "high": [2.0] * 2, "low": [1.0] * 2} | {
        "close": [1.0] * 2
    }
    table |= columns
    path = tmp_path / "BTC_USDT.parquet"
    pq.write_table(pa.table({name: values for name, values in table.items() if values is not None}), path)
    with pytest.raises(error, match=says):
        quotes_of(path)


def test_a_damaged_parquet_row_is_counted_over_all_batches(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, count = tmp_path / "BTC_USDT.parquet", 20_000
    times = [T0 + 60_000 * number for number in range(count)]
    ones = [1.0] * count
    for at in (8_192, 8_193, 20_000):
        low = [*ones[: at - 1], 2.0, *ones[at:]]
        pq.write_table(pa.table({"time": times, "open": ones, "high": ones, "low": low, "close": ones}), path)
        with pytest.raises(SourceBadData, match=f"row {at}, column"):
            CandleFile(path)
        late = [*times[: at - 1], times[at - 2], *times[at:]]
        pq.write_table(pa.table({"time": late, "open": ones, "high": ones, "low": ones, "close": ones}), path)
        with pytest.raises(SourceBadData, match=f"row {at}, column time"):
            CandleFile(path)


def _both_ways(folder: Path, times: list[int]) -> list[Path]:
    """The same candles as csv and as parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet = folder / "BTC_USDT.parquet"
    ones = [1.0] * len(times)
    pq.write_table(pa.table({"time": times, "open": ones, "high": ones, "low": ones, "close": ones}), parquet)
    return [a_csv(folder, "BTC_USDT.csv", [f"{at_ms},1,1,1,1,1" for at_ms in times]), parquet]


@pytest.mark.parametrize("at", [5, 8_191, 8_192, 9_998])
@pytest.mark.parametrize("off_ms", [7_000, -7_000, 150_000, -60_000])
def test_m5_a_time_off_the_grid_is_refused_with_its_row_and_invents_no_gaps(
    off_ms: int, at: int, tmp_path: Path
) -> None:
    times = [T0 + 300_000 * number for number in range(10_000)]
    times[at] += off_ms
    for path, head in zip(_both_ways(tmp_path, times), (1, 0), strict=True):
        with pytest.raises(SourceBadData, match=f"row {at + 1 + head}, column time: .* candles of 300 s") as caught:
            CandleFile(path)
        assert f"is {300 + off_ms // 1000} s after the row before" in str(caught.value)


@pytest.mark.parametrize(
    ("minutes", "interval"),
    [
        ([0, 5, 10, 30, 35, 600], 5),
        ([0, 2, 4, 5, 8], 1),
        ([0], 1),
        ([0, 15], 15),
        ([0, 1, 2, 5, 8, 11], 1),
        ([0, 2, 5], 1),
    ],
)
def test_m5_gaps_and_seldom_traded_markets_are_on_the_grid(minutes: list[int], interval: int, tmp_path: Path) -> None:
    for path in _both_ways(tmp_path, [T0 + 60_000 * minute for minute in minutes]):
        assert CandleFile(path).interval_ms == 60_000 * interval


def test_a_parquet_that_would_unpack_to_too_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "BTC_USDT.parquet"
    names = ("open", "high", "low", "close")
    schema = pa.schema([("time", pa.int64()), *((name, pa.float64()) for name in names)])
    block = pa.table(
        {"time": pa.array([T0] * 1_000_000, pa.int64())} | {name: pa.array([1.0] * 1_000_000) for name in names}
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(21):
            writer.write_table(block)
    assert path.stat().st_size < 1_000_000
    # Its first two rows are a duplicate: it would be told were it read.
    with pytest.raises(SourceUnreadable, match="claims 21000000 rows"):
        CandleFile(path)


def test_what_is_missing_empty_or_foreign_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="no file or folder"):
        quotes_of(tmp_path / "nowhere")
    with pytest.raises(SourceEmpty, match="subfolders"):
        quotes_of(tmp_path)
    with pytest.raises(SourceEmpty, match="no candle"):
        quotes_of(a_csv(tmp_path, rows=[]))
    with pytest.raises(SourceUnreadable, match="price, volume"):
        quotes_of(a_csv(tmp_path, header="price,volume"))
    (tmp_path / "BTC_USDT.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(SourceUnreadable, match="copied whole"):
        quotes_of(tmp_path / "BTC_USDT.parquet")
    (tmp_path / "BTC_USDT.csv.gz").write_bytes(gzip.compress(b"x" * 1000)[:40])
    with pytest.raises(SourceError):
        quotes_of(tmp_path / "BTC_USDT.csv.gz")
    (tmp_path / "BTC_USDT.csv.gz").write_bytes(b"not packed")
    with pytest.raises(SourceError):
        quotes_of(tmp_path / "BTC_USDT.csv.gz")


def test_an_empty_csv_and_a_missing_time_are_told_as_such(tmp_path: Path) -> None:
    path = a_csv(tmp_path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(SourceEmpty, match="holds no candle"):
        CandleFile(path)
    for cell, says in (("", "there is no time"), ("soon", "'soon' is no time")):
        with pytest.raises(SourceBadData, match=f"row 2, column time: {says}"):
            CandleFile(a_csv(tmp_path, rows=[f"{cell},1,1,1,1,1"]))


@pytest.mark.parametrize("spec", ["", "gate", "replay", "replay:", "synthetic:boom", "synthetics"])
def test_an_unknown_source_is_told_with_what_to_write(spec: str) -> None:
    with pytest.raises(UnknownSource, match="Write"):
        open_source(spec)


def test_the_family_is_what_stands_before_the_colon() -> None:
    assert (family_of("synthetic:crash"), family_of("replay:C:\\prices")) == ("synthetic", "replay")


# --- quotes from candles ---


def test_quotes_of_a_candle_lie_in_its_interval_around_its_path(tmp_path: Path) -> None:
    quotes = quotes_of(a_csv(tmp_path), points_per_candle=6)
    assert [quote.exchange_ms - T0 for quote in quotes] == [step * 10_000 for step in range(12)]
    assert (quotes[0].last, quotes[5].last, quotes[6].last, quotes[11].last) == tuple(
        map(Decimal, ("10.5", "10.75", "10.75", "12"))
    )
    for quote in quotes:
        assert quote.confirmed_ms == quote.exchange_ms
        assert 0 < quote.bid <= quote.last < quote.ask
        assert quote.bid_size
        assert quote.ask_size
    with pytest.raises(ValueError, match="at least 4"):
        quotes_of(a_csv(tmp_path), points_per_candle=3)


def test_a_known_tick_is_kept_and_the_wanted_markets_name_is_used(tmp_path: Path) -> None:
    mine = Market("mine", "BTC", "USDT")
    quotes = quotes_of(a_csv(tmp_path), markets=[mine], ticks={mine: Decimal("0.5")})
    assert {quote.market for quote in quotes} == {mine}
    assert all(price % Decimal("0.5") == 0 for quote in quotes for price in (quote.bid, quote.ask, quote.last))
    assert quotes[-1].last == 12


def test_a_gap_stays_a_gap(tmp_path: Path) -> None:
    rows = [f"{T0 + minute * 60_000},1,2,1,1.5,1" for minute in (0, 1, 60, 61)]
    times = [quote.exchange_ms - T0 for quote in quotes_of(a_csv(tmp_path, rows=rows))]
    assert not [at_ms for at_ms in times if 120_000 <= at_ms < 3_600_000]
    assert times[0] == 0
    assert times[-1] < 62 * 60_000


def test_a_folder_is_merged_by_time_and_filtered(tmp_path: Path) -> None:
    a_csv(tmp_path)
    a_csv(tmp_path, "ETH_USDT_1m.csv", rows=[f"{T0 + 30_000},1,2,1,1.5,1"])
    (tmp_path / "notes.txt").write_text("not prices")
    source = open_source(f"replay:{tmp_path}")
    assert source.markets == (Market("gate", "BTC", "USDT"), Market("gate", "ETH", "USDT"))
    assert source.start_ms == T0
    times = [quote.exchange_ms for quote in source.quotes()]
    assert times == sorted(times)
    eth = Market("gate", "ETH", "USDT")
    assert open_source(f"replay:{tmp_path}", markets=[eth]).start_ms == T0 + 30_000
    with pytest.raises(SourceEmpty, match="BTC_USDT, ETH_USDT"):
        open_source(f"replay:{tmp_path}", markets=[Market("gate", "XRP", "USDT")])


def test_files_of_one_market_that_overlap_follow_each_other(tmp_path: Path) -> None:
    """A market never has two prices at once: the earlier file is played to its end."""

    def rows(begin: int, end: int) -> list[str]:
        return [f"{T0 + at * 60_000},{at + 1},{at + 1},{at + 1},{at + 1},1" for at in range(begin, end)]

    for name, span in (("a", (0, 4)), ("b", (2, 7)), ("c", (1, 3))):
        a_csv(tmp_path, f"BTC_USDT_{name}.csv", rows=rows(*span))
    quotes = quotes_of(tmp_path)
    assert {(quote.exchange_ms - T0) // 60_000: int(quote.last) for quote in quotes} == {at: at + 1 for at in range(7)}
    assert len(quotes) == 7 * 12


def test_files_of_one_market_that_contradict_each_other_are_not_replayed(tmp_path: Path) -> None:
    """As `backtest` refuses them: which of them is right nobody knows."""
    a_csv(tmp_path, "BTC_USDT_a.csv", rows=[f"{T0 + minute * 60_000},1,1,1,1,1" for minute in range(4)])
    a_csv(tmp_path, "BTC_USDT_b.csv", rows=[f"{T0 + minute * 60_000},2,2,2,2,1" for minute in range(2, 7)])
    with pytest.raises(SourceBadData, match="different candles of the same time") as caught:
        open_source(f"replay:{tmp_path}")
    assert "BTC_USDT_a.csv" in caught.value.where and "BTC_USDT_b.csv" in caught.value.where


# --- recordings ---


def a_stream(folder: Path, *messages: tuple[int, str, dict[str, str]]) -> Path:
    lines = [f"{at_ms * 1_000_000} " + json.dumps({"stream": stream, "data": data}) for at_ms, stream, data in messages]
    path = folder / "stream.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def best(bid: str, ask: str) -> dict[str, str]:
    return {"b": bid, "B": "1.50000000", "a": ask, "A": "2.00000000"}


def test_a_stream_gives_a_quote_per_best_price_and_last_from_trades(tmp_path: Path) -> None:
    path = a_stream(
        tmp_path,
        (T0, "btcusdt@bookTicker", best("100.10000000", "100.20000000")),
        (T0 + 1, "ethusdt@bookTicker", best("7.00000000", "7.01000000")),
        (T0 + 2, "btcusdt@trade", {"p": "100.20000000"}),
        (T0 + 3, "btcusdt@depth@100ms", {}),
        (T0 + 4, "btcusdt@bookTicker", best("100.10000000", "100.30000000")),
    )
    quotes = quotes_of(path)
    assert [(str(quote.market), str(quote.bid), str(quote.ask), str(quote.last)) for quote in quotes] == [
        ("gate:BTC_USDT", "100.1", "100.2", "100.1"),
        ("gate:ETH_USDT", "7", "7.01", "7"),
        ("gate:BTC_USDT", "100.1", "100.3", "100.2"),
    ]
    assert (quotes[0].bid_size, quotes[0].ask_size) == (Decimal("1.5"), Decimal(2))
    btc = Market("gate", "BTC", "USDT")
    rounded = quotes_of(path, markets=[btc], ticks={btc: Decimal(1)})
    assert [(quote.bid, quote.ask) for quote in rounded] == [(Decimal(100), Decimal(101))] * 2


def test_a_damaged_stream_is_told_with_its_line(tmp_path: Path) -> None:
    path = a_stream(
        tmp_path, (T0 + 1, "btcusdt@bookTicker", best("1", "2")), (T0, "btcusdt@bookTicker", best("1", "2"))
    )
    with pytest.raises(SourceBadData, match="line 2"):
        quotes_of(path)
    path = a_stream(tmp_path, (T0, "btcusdt@trade", {"p": "1"}))
    with pytest.raises(SourceEmpty, match="bookTicker"):
        quotes_of(path)
    path.write_bytes(gzip.compress(b"nonsense\n"))
    with pytest.raises(SourceBadData, match="line 1"):
        quotes_of(path)
    path.write_bytes(gzip.compress(f'{T0}000000 {{"stream":"btcusdt@bookTicker","data":\n'.encode()))
    with pytest.raises(SourceBadData, match="line 1"):
        quotes_of(path)


def gate_files(folder: Path, *kinds: str) -> Path:
    texts = {
        "orderbooks": "timestamp,sequence,exchange_timestamp,bid_price_0,bid_size_0,ask_price_0,ask_size_0,"
        f"bid_price_1,bid_size_1,ask_price_1,ask_size_1\n1,1,{T0},100.1,1,100.2,2,100.0,3,100.4,4\n"
        f"1,2,{T0 + 100},100.1,1,100.3,2,100.0,3,100.4,4\n",
        "prices": f"timestamp,price,size,side,exchange_timestamp\n{T0 / 1000},99.1,0,bid,\n{T0 / 1000},99.2,0,ask,\n",
        "trades": f"timestamp,price,size,side,trade_id,exchange_timestamp\n1,100.2,1,buy,7,{T0 + 50}.027000\n",
    }
    for kind in kinds:
        (folder / f"gate_spot_{kind}_BTC_USDT.csv").write_text(texts[kind])
    return folder


def test_gates_books_lead_and_its_trades_tell_the_last_price(tmp_path: Path) -> None:
    quotes = quotes_of(gate_files(tmp_path, "orderbooks", "prices", "trades"))
    assert [(quote.exchange_ms - T0, str(quote.last)) for quote in quotes] == [(0, "100.1"), (100, "100.2")]
    assert quotes[1].asks == ((Decimal("100.3"), Decimal(2)), (Decimal("100.4"), Decimal(4)))
    assert quotes[1].bids == ((Decimal("100.1"), Decimal(1)), (Decimal("100"), Decimal(3)))
    assert (quotes[1].bid, quotes[1].bid_size) == quotes[1].bids[0]


@pytest.mark.parametrize(
    ("kind", "bid", "ask", "size_told"), [("prices", "99.1", "99.2", False), ("trades", "100.2", "100.3", True)]
)
def test_gates_best_prices_or_trades_alone_are_enough(
    kind: str, bid: str, ask: str, size_told: bool, tmp_path: Path
) -> None:
    (quote,) = quotes_of(gate_files(tmp_path, kind))
    assert (str(quote.bid), str(quote.ask), quote.bid_size is not None) == (bid, ask, size_told)
