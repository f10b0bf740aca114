"""Bad input of every reader of candles and ticks: told with file, row and column, never left out in silence."""

import gzip
import io
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app.backtest_data import open_tapes
from autotrader_v2.infrastructure.feeds import text_lines
from autotrader_v2.infrastructure.feeds.errors import (
    SourceBadData,
    SourceEmpty,
    SourceError,
    SourceMissing,
    SourceUnreadable,
)
from autotrader_v2.infrastructure.feeds.sources import open_source

T0 = 1_700_000_040_000
_HEAD = "timestamp,open,high,low,close,volume"
_GOOD = f"{T0},1,2,1,1.5,9"
_NEXT = f"{T0 + 60_000},1,2,1,1.5,9"
_BOOK = "timestamp,sequence,exchange_timestamp,bid_price_0,bid_size_0,ask_price_0,ask_size_0"
_BEST = "timestamp,price,size,side,exchange_timestamp"
_TRADES = "timestamp,price,size,side,trade_id,exchange_timestamp"

Writer = Callable[[Path], Path]


def _text(name: str, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Writer:
    def write(folder: Path) -> Path:
        content = (end.join(lines) + end).encode(encoding)
        path = folder / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


def _csv(*lines: str, **options: Any) -> Writer:
    return _text("BTC_USDT_1m.csv", *lines, **options)


def _bytes(name: str, content: bytes) -> Writer:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def _parquet(**columns: Any) -> Writer:
    def write(folder: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table: dict[str, Any] = {"timestamp_ms": [T0, T0 + 60_000], "open": [1.0] * 2, "high": [2.0] * 2}
        table |= {"low": [1.0] * 2, "close": [1.5] * 2} | columns
        path = folder / "BTC_USDT_1m.parquet"
        pq.write_table(pa.table({name: values for name, values in table.items() if values is not None}), path)
        return path

    return write


def _parquet_with_a_column_twice(folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ones = pa.array([1.0])
    names = ["time", "open", "high", "low", "close", "close"]
    pq.write_table(
        pa.Table.from_arrays([pa.array([T0]), ones, ones, ones, ones, ones], names), folder / "A_USDT.parquet"
    )
    return folder / "A_USDT.parquet"


def _parquet_bomb(folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "BTC_USDT_1m.parquet"
    ones = pa.array([1.0] * 1_000_000)
    block = pa.table({"time": pa.array([T0] * 1_000_000), "open": ones, "high": ones, "low": ones, "close": ones})
    with pq.ParquetWriter(path, block.schema, compression="zstd") as writer:
        for _ in range(21):
            writer.write_table(block)
    return path


def _gz_bomb_in_one_line(name: str, head: str) -> Writer:
    """A few hundred kilobytes that unpack to 200 MB without a line end."""

    def write(folder: Path) -> Path:
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb") as packed:
            packed.write(head.encode() + b"\n")
            for _ in range(200):
                packed.write(b"0" * 1_000_000)
        (folder / name).write_bytes(out.getvalue())
        return folder / name

    return write


def _gz_cut_short(folder: Path) -> Path:
    lines = [_HEAD, *(f"{T0 + 60_000 * n},1,2,1,1.{n},9" for n in range(5_000))]
    content = gzip.compress("\n".join(lines).encode())
    (folder / "BTC_USDT_1m.csv.gz").write_bytes(content[: len(content) // 2])
    return folder / "BTC_USDT_1m.csv.gz"


def _gz_damaged(folder: Path) -> Path:
    content = bytearray(
        gzip.compress("\n".join([_HEAD, *(f"{T0 + 60_000 * n},1,2,1,1,9" for n in range(999))]).encode())
    )
    content[len(content) // 2] ^= 0xFF
    (folder / "BTC_USDT_1m.csv.gz").write_bytes(bytes(content))
    return folder / "BTC_USDT_1m.csv.gz"


def _folder_named_like_a_file(folder: Path) -> Path:
    (folder / "BTC_USDT_1m.csv").mkdir()
    return folder / "BTC_USDT_1m.csv"


def _link_loop(folder: Path) -> Path:
    (folder / "BTC_USDT_1m.csv").symlink_to("ETH_USDT_1m.csv")
    (folder / "ETH_USDT_1m.csv").symlink_to("BTC_USDT_1m.csv")
    return folder / "BTC_USDT_1m.csv"


def _folder_with_a_link_loop(folder: Path) -> Path:
    _csv(_HEAD, _GOOD, _NEXT)(folder)
    (folder / "ETH_USDT_1m.csv").symlink_to("ETH_USDT_1m.csv")
    return folder


def _folder_with_a_pipe(folder: Path) -> Path:
    _csv(_HEAD, _GOOD, _NEXT)(folder)
    os.mkfifo(folder / "ETH_USDT_1m.csv")  # type: ignore[attr-defined, unused-ignore]
    return folder


def _stream(*lines: str) -> Writer:
    return _text("stream.jsonl", *lines)


def _message(at_ms: int, stream: str, **data: Any) -> str:
    return f"{at_ms}000000 " + json.dumps({"stream": f"btcusdt@{stream}", "data": data})


_QUOTE = {"b": "1.0", "B": "5", "a": "2.0", "A": "5"}
_FIRST = _message(T0, "bookTicker", **_QUOTE)

_CASES: dict[str, tuple[Writer, type[SourceError], str]] = {
    # csv
    "csv_empty_file": (_bytes("BTC_USDT_1m.csv", b""), SourceEmpty, "holds no candle"),
    "csv_only_a_header": (_csv(_HEAD), SourceEmpty, "no candle"),
    "csv_wrong_columns": (_csv("time,price", f"{T0},1"), SourceUnreadable, "time, price; candles need"),
    "csv_column_twice": (_csv("time,open,high,low,close,close", _GOOD), SourceUnreadable, "column close twice"),
    "csv_unsorted": (_csv(_HEAD, _NEXT, _GOOD), SourceBadData, "row 3, column time: .* follows"),
    "csv_duplicated_time": (_csv(_HEAD, _GOOD, _GOOD), SourceBadData, "row 3, column time: .* comes twice"),
    "csv_nan": (_csv(_HEAD, _GOOD, f"{T0 + 60_000},1,2,NaN,1,9"), SourceBadData, "row 3, column low"),
    "csv_infinite": (_csv(_HEAD, f"{T0},1,inf,1,1,9"), SourceBadData, "row 2, column high"),
    "csv_zero_price": (_csv(_HEAD, f"{T0},1,2,0,1,9"), SourceBadData, "row 2, column low"),
    "csv_negative_price": (_csv(_HEAD, f"{T0},1,2,1,-1,9"), SourceBadData, "row 2, column close"),
    "csv_high_below_low": (_csv(_HEAD, f"{T0},1,0.5,1,1,9"), SourceBadData, "row 2, column high"),
    "csv_text_in_a_number": (_csv(_HEAD, f"{T0},1,much,1,1,9"), SourceBadData, "row 2, column high"),
    "csv_text_in_a_time": (_csv(_HEAD, "today,1,2,1,1,9"), SourceBadData, "row 2, column time"),
    "csv_no_value": (_csv(_HEAD, f"{T0},,2,1,1,9"), SourceBadData, "row 2, column open"),
    "csv_absurd_number": (_csv(_HEAD, f"{T0},1,1e999,1,1,9"), SourceBadData, "row 2, column high"),
    "csv_time_before_1970": (_csv(_HEAD, "-5,1,2,1,1,9"), SourceBadData, "row 2, column time: .* 1970"),
    "csv_day_in_digits": (_csv(_HEAD, _GOOD, "20231114,1,2,1,1,9"), SourceBadData, "row 3, column time: .* 2022-01-31"),
    "csv_minute_in_digits": (_csv(_HEAD, "202311141200,1,2,1,1,9"), SourceBadData, "row 2, column time: .* 1976"),
    "csv_time_in_the_far_future": (_csv(_HEAD, f"{'9' * 30},1,2,1,1,9"), SourceBadData, "row 2, column time"),
    "csv_time_beyond_floats": (_csv(_HEAD, f"{'9' * 400}.5,1,2,1,1,9"), SourceBadData, "row 2, column time"),
    "csv_short_row": (_csv(_HEAD, _GOOD, f"{T0 + 60_000},1,2"), SourceBadData, "row 3: the row is shorter"),
    "csv_thousands_separator": (_csv(_HEAD, f"{T0},1,000,2,1,1,9"), SourceBadData, "row 2: the row is longer"),
    "csv_behind_an_empty_line": (_csv(_HEAD, "", f"{T0},1,2,0,1,9"), SourceBadData, "row 3, column low"),
    "csv_headless_short_row": (
        _csv(f"{T0},1,2,1,1,9,8", f"{T0 + 60_000},1,2,1,1"),
        SourceBadData,
        "row 2: the row is shorter",
    ),
    "csv_utf_16": (_csv(_HEAD, _GOOD, encoding="utf-16"), SourceUnreadable, "row 1: it is written in UTF-16"),
    "csv_latin_1": (_csv(_HEAD, _GOOD, "né,1,2,1,1,9", encoding="latin-1"), SourceUnreadable, "row 3: byte 2"),
    "csv_old_mac_line_ends": (_csv(_HEAD, _GOOD, end="\r"), SourceUnreadable, "row 1: .* CR alone"),
    "csv_open_quote": (_csv(_HEAD, _GOOD, '"' + f"{T0},1\n" * 70_000), SourceBadData, "row .*no csv"),
    "csv_binary": (_bytes("BTC_USDT_1m.csv", b"\x1b[2J" + bytes(256) * 9), SourceUnreadable, r"columns \?\[2J\?"),
    "csv_binary_behind_a_header": (_csv(_HEAD, "\0" * 99), SourceBadData, "row 2"),
    "csv_endless_line": (
        _bytes("BTC_USDT_1m.csv", _HEAD.encode() + b"\n" + b"1" * 1_000_002),
        SourceUnreadable,
        "row 2: .* longer than a megabyte",
    ),
    # csv.gz
    "gz_not_packed": (_bytes("BTC_USDT_1m.csv.gz", b"timestamp,open"), SourceUnreadable, "row 1: .* unpacked"),
    "gz_cut_short": (_gz_cut_short, SourceUnreadable, "unpacked further: Compressed file ended"),
    "gz_damaged": (_gz_damaged, SourceError, "row "),
    "gz_empty": (_bytes("BTC_USDT_1m.csv.gz", b""), SourceEmpty, "holds no candle"),
    "gz_bomb": (_gz_bomb_in_one_line("BTC_USDT_1m.csv.gz", _HEAD), SourceUnreadable, "row 2: .* megabyte"),
    # parquet
    "parquet_empty_file": (_bytes("BTC_USDT_1m.parquet", b""), SourceUnreadable, "parquet"),
    "parquet_foreign": (_bytes("BTC_USDT_1m.parquet", b"PAR1" + b"x" * 99 + b"PAR1"), SourceError, "parquet"),
    "parquet_no_rows": (
        _parquet(timestamp_ms=[], open=[], high=[], low=[], close=[]),
        SourceEmpty,
        "no candle",
    ),
    "parquet_wrong_columns": (_parquet(close=None), SourceUnreadable, "candles need"),
    "parquet_column_twice": (_parquet_with_a_column_twice, SourceUnreadable, "column close twice"),
    "parquet_unsorted": (_parquet(timestamp_ms=[T0, T0 - 60_000]), SourceBadData, "row 2, column time: .* follows"),
    "parquet_duplicated_time": (_parquet(timestamp_ms=[T0, T0]), SourceBadData, "row 2, column time: .* twice"),
    "parquet_nan": (_parquet(close=[1.0, float("nan")]), SourceBadData, "row 2, column close"),
    "parquet_infinite": (_parquet(high=[2.0, float("inf")]), SourceBadData, "row 2, column high"),
    "parquet_zero_price": (_parquet(low=[1.0, 0.0]), SourceBadData, "row 2, column low"),
    "parquet_no_value": (_parquet(open=[1.0, None]), SourceBadData, "row 2, column open"),
    "parquet_no_time": (_parquet(timestamp_ms=[T0, None]), SourceBadData, "row 2, column timestamp_ms"),
    "parquet_nan_time": (_parquet(timestamp_ms=[float(T0), float("nan")]), SourceBadData, "row 2, column timestamp_ms"),
    "parquet_time_zero": (_parquet(timestamp_ms=[0, T0]), SourceBadData, "row 1, column timestamp_ms: .* 1970"),
    "parquet_day_in_digits": (
        _parquet(timestamp_ms=[20231114, 20231115]),
        SourceBadData,
        "row 1, column timestamp_ms: .* 2022-01-31",
    ),
    "parquet_day_in_float_digits": (
        _parquet(timestamp_ms=[T0 / 1.0, 20231115.0]),
        SourceBadData,
        "row 2, column timestamp_ms: .* 2022-01-31",
    ),
    "parquet_minute_in_digits": (
        _parquet(timestamp_ms=[T0, 202311141200]),
        SourceBadData,
        "row 2, column timestamp_ms: .* 1976",
    ),
    "parquet_text": (_parquet(open=["1", "much"]), SourceBadData, r"row 1, column open: .* than numbers \(string"),
    "parquet_numbers_as_text": (
        _parquet(close=["1.5", "1.5"]),
        SourceBadData,
        r"row 1, column close: .* than numbers \(string",
    ),
    "parquet_times_as_text": (
        _parquet(timestamp_ms=["2023-11-14", "2023-11-15"]),
        SourceBadData,
        r"row 1, column timestamp_ms: .* than numbers \(string",
    ),
    "parquet_lists": (_parquet(open=[[1.0], [1.0]]), SourceBadData, r"row 1, column open: .* than numbers \(list"),
    "parquet_truth_values": (_parquet(open=[True, True]), SourceBadData, r"row 1, column open: .* than numbers \(bool"),
    "parquet_bomb": (_parquet_bomb, SourceUnreadable, "claims 21000000 rows"),
    # what a path may lead to
    "nothing_there": (lambda folder: folder / "BTC_USDT_1m.csv", SourceMissing, "no file or folder"),
    "folder_named_like_a_file": (_folder_named_like_a_file, SourceEmpty, "holds no file of prices"),
    "empty_folder": (lambda folder: folder, SourceEmpty, "holds no file of prices"),
    "name_too_long": (lambda folder: folder / ("x" * 5_000), SourceMissing, "cannot be read|no file or folder"),
    "name_without_a_market": (_text("prices.csv", _HEAD, _GOOD), SourceUnreadable, "Rename it"),
    "link_loop": (_link_loop, SourceMissing, "leads nowhere"),
    "folder_with_a_link_loop": (
        _folder_with_a_link_loop,
        SourceMissing,
        "ETH_USDT_1m.csv is a link that leads nowhere",
    ),
    "folder_with_a_pipe": (_folder_with_a_pipe, SourceMissing, "ETH_USDT_1m.csv is no ordinary file"),
}

_TICK_CASES: dict[str, tuple[Writer, type[SourceError], str]] = {
    # Binance's combined stream
    "stream_empty": (_bytes("stream.jsonl", b""), SourceEmpty, "no best prices"),
    "stream_nonsense": (_stream("nonsense"), SourceBadData, "line 1"),
    "stream_unsorted": (
        _stream(_FIRST, _message(T0 - 1, "bookTicker", **_QUOTE)),
        SourceBadData,
        "line 2: .* only runs forward",
    ),
    "stream_cut_json": (_stream(_FIRST, _FIRST[:-3]), SourceBadData, "line 2"),
    "stream_deep_json": (
        _stream(f'{T0}000000 {{"stream":"btcusdt@trade","data":' + "[" * 100_000),
        SourceBadData,
        "line 1",
    ),
    "stream_nan": (_stream(_FIRST, _message(T0, "bookTicker", **_QUOTE | {"b": "NaN"})), SourceBadData, "line 2.*n b"),
    "stream_zero": (_stream(_message(T0, "bookTicker", **_QUOTE | {"a": "0.000"})), SourceBadData, "line 1.*column a"),
    "stream_text": (_stream(_message(T0, "bookTicker", **_QUOTE | {"B": "many"})), SourceBadData, "line 1.*column B"),
    "stream_number": (_stream(_message(T0, "bookTicker", **_QUOTE | {"a": 2.0})), SourceBadData, "line 1.*column a"),
    "stream_field_missing": (_stream(_message(T0, "bookTicker", b="1")), SourceBadData, "line 1.*'B' is missing"),
    "stream_trade_zero": (_stream(_FIRST, _message(T0, "trade", p="0")), SourceBadData, "line 2.*column p"),
    "stream_absurd_time": (_stream("9" * 5_000 + " {}"), SourceBadData, "line 1.*1970"),
    "stream_bomb": (_gz_bomb_in_one_line("stream.jsonl.gz", _FIRST), SourceUnreadable, "row 2: .* megabyte"),
    "stream_utf_16": (_text("stream.jsonl", _FIRST, encoding="utf-16"), SourceUnreadable, "row 1"),
    # Gate's recordings
    "gate_empty": (_text("gate_spot_trades_BTC_USDT.csv", _TRADES), SourceEmpty, "no rows"),
    "gate_book_column_missing": (
        _text("BTC_USDT.csv", "timestamp,exchange_timestamp,bid_price_0,ask_price_0,ask_size_0", f"1,{T0},1,2,3"),
        SourceBadData,
        "line 1 .*column bid_size_0 is missing",
    ),
    "gate_column_twice": (
        _text("BTC_USDT.csv", _TRADES + ",price", f"1,2,1,buy,7,{T0},3"),
        SourceBadData,
        "price comes",
    ),
    "gate_book_nan": (_text("BTC_USDT.csv", _BOOK, f"1,1,{T0},NaN,1,2,1"), SourceBadData, "line 2 .*bid_price_0"),
    "gate_book_zero": (_text("BTC_USDT.csv", _BOOK, f"1,1,{T0},1,1,0,1"), SourceBadData, "line 2 .*ask_price_0"),
    "gate_book_no_side": (_text("BTC_USDT.csv", _BOOK, f"1,1,{T0},,,2,1"), SourceBadData, "line 2 .*empty side"),
    "gate_book_negative_size": (_text("BTC_USDT.csv", _BOOK, f"1,1,{T0},1,-1,2,1"), SourceBadData, "bid_size_0"),
    "gate_unsorted": (
        _text("BTC_USDT.csv", _TRADES, f"1,2,1,buy,7,{T0}", f"1,2,1,buy,8,{T0 - 1}"),
        SourceBadData,
        "line 3: ",
    ),
    "gate_short_row": (_text("BTC_USDT.csv", _TRADES, f"1,2,1,buy,7,{T0}", "1,2"), SourceBadData, "line 3 .*2 cells"),
    "gate_long_row": (_text("BTC_USDT.csv", _TRADES, f"1,2,1,buy,7,{T0},9"), SourceBadData, "line 2 .*7 cells"),
    "gate_text_time": (_text("BTC_USDT.csv", _TRADES, "soon,2,1,buy,7,now"), SourceBadData, "line 2 .*exchange_times"),
    "gate_time_zero": (_text("BTC_USDT.csv", _TRADES, "0,2,1,buy,7,0"), SourceBadData, "line 2 .*1970"),
    "gate_trade_text": (_text("BTC_USDT.csv", _TRADES, f"1,much,1,buy,7,{T0}"), SourceBadData, "line 2 .*column price"),
    "gate_best_side": (_text("BTC_USDT.csv", _BEST, f"1,2,1,middle,{T0}"), SourceBadData, "line 2 .*column side"),
    "gate_best_zero": (_text("BTC_USDT.csv", _BEST, f"1,0,1,bid,{T0}"), SourceBadData, "line 2 .*column price"),
}


def _recorded(**columns: Any) -> Writer:
    """Prices as `record` keeps them, two rows."""

    def write(folder: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table: dict[str, Any] = {"exchange_ms": [T0, T0 + 1], "confirmed_ms": [T0, T0 + 1], "bid": ["1", "1"]}
        table |= {"ask": ["2", "2"], "last": ["1", "1"], "bid_size": ["5", None], "ask_size": ["5", "5"]} | columns
        path = folder / "gate_BTC_USDT_quotes_20231114.parquet"
        pq.write_table(pa.table({name: values for name, values in table.items() if values is not None}), path)
        return path

    return write


_TICK_CASES |= {
    "recorded_nan": (_recorded(bid=["1", "NaN"]), SourceBadData, "row 2, column bid"),
    "recorded_zero": (_recorded(ask=["0", "2"]), SourceBadData, "row 1, column ask"),
    "recorded_text": (_recorded(last=["1", "much"]), SourceBadData, "row 2, column last"),
    "recorded_negative_size": (_recorded(ask_size=["-1", "2"]), SourceBadData, "row 1, column ask_size"),
    "recorded_no_price": (_recorded(bid=["1", None]), SourceBadData, "row 2, column bid"),
    "recorded_no_time": (_recorded(exchange_ms=[T0, None]), SourceBadData, "row 2, column exchange_ms"),
    "recorded_time_zero": (_recorded(confirmed_ms=[0, T0]), SourceBadData, "row 1, column confirmed_ms: .* 1970"),
    "recorded_unsorted": (_recorded(exchange_ms=[T0, T0 - 1]), SourceBadData, "row 2, column exchange_ms"),
    "recorded_wrong_columns": (_recorded(last=None), SourceUnreadable, "need one column last"),
    "recorded_numbers": (_recorded(bid=[1.0, 1.0]), SourceUnreadable, "need one column bid of string"),
}


def _needs(name: str) -> None:
    if sys.platform == "win32" and ("link" in name or "pipe" in name):
        pytest.skip("Windows: links need rights, and there are no pipes in folders")


@pytest.mark.parametrize("name", _CASES)
def test_bad_input_of_candles_is_told_by_backtest_and_replay(name: str, tmp_path: Path) -> None:
    _needs(name)
    write, error, says = _CASES[name]
    path = write(tmp_path)
    with pytest.raises(error, match=says) as by_backtest:
        open_tapes(path)
    with pytest.raises(error, match=says) as by_replay:
        # Opening is enough: files are checked from end to end before the first price.
        open_source(f"replay:{path}")
    for caught in (by_backtest, by_replay):
        assert (caught.value.do and str(tmp_path) in caught.value.what) or "Rename" in caught.value.do


@pytest.mark.parametrize("name", _TICK_CASES)
def test_bad_input_of_ticks_is_told_before_the_first_price(name: str, tmp_path: Path) -> None:
    write, error, says = _TICK_CASES[name]
    path = write(tmp_path)
    with pytest.raises(error, match=says) as caught:
        open_source(f"replay:{path}")
    assert caught.value.do and str(path) in caught.value.what


def test_too_many_rows_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "ROWS_MAX", 100)
    path = _csv(_HEAD, *(f"{T0 + 60_000 * n},1,2,1,1,9" for n in range(100)))(tmp_path)
    with pytest.raises(SourceUnreadable, match="row 101: more than 100 rows"):
        open_tapes(path)


def test_gaps_are_kept_and_listed_not_filled(tmp_path: Path) -> None:
    path = _csv(_HEAD, _GOOD, *(f"{T0 + minute * 60_000},1,2,1,1.5,9" for minute in (1, 5, 6, 9)))(tmp_path)
    ((tape,), _) = open_tapes(path)
    assert tape.gaps() == [(T0 + 120_000, T0 + 300_000), (T0 + 420_000, T0 + 540_000)]
    assert len(tape) == 5


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "jsonl.gz"])
def test_whatever_bytes_are_flipped_or_cut_it_is_told_or_played(ending: str, tmp_path: Path) -> None:
    """No damage makes anything but a `SourceError`; the number in a failure's message repeats it."""
    lines = [f"{T0 + 60_000 * n},1,2,1,1.{n % 97},9" for n in range(300)]
    if ending == "parquet":
        times = [T0 + 60_000 * n for n in range(300)]
        path = _parquet(timestamp_ms=times, open=[1.0] * 300, high=[2.0] * 300, low=[1.0] * 300, close=[1.5] * 300)(
            tmp_path
        )
    elif ending == "jsonl.gz":
        path = _text("stream.jsonl.gz", *(_message(T0 + n, "bookTicker", **_QUOTE) for n in range(300)))(tmp_path)
    else:
        path = _text(f"BTC_USDT_1m.{ending}", _HEAD, *lines)(tmp_path)
    whole = path.read_bytes()
    for seed in range(150):
        rng = random.Random(seed)
        content = bytearray(whole[: rng.randrange(len(whole))] if seed % 3 == 0 else whole)
        for _ in range(rng.randrange(1, 4) if content else 0):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(bytes(content))
        try:
            for _ in open_source(f"replay:{path}").quotes():
                pass
        except SourceError as error:
            assert error.do, seed
        except Exception as error:
            pytest.fail(f"damage {seed} of {ending}: {error!r}")
