"""Recorded rows by day: whole at every moment, nothing twice, nothing lost."""

import shutil
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.day_files import QUOTES, DayFiles, candles_of
from autotrader_v2.infrastructure.feeds.errors import SourceUnreadable
from autotrader_v2.infrastructure.feeds.recorder import Gap, QuoteRecorder

DAY_MS = 86_400_000
T0 = 20_000 * DAY_MS  # 2024-10-04
MINUTES = candles_of("1m", 60_000)
LTC = Market("gate", "LTC", "USDT")


def _candle(at_ms: int, close: float = 1.5) -> tuple[Any, ...]:
    return at_ms, 1.0, 2.0, 1.0, close, 9.0


def _quote(at_ms: int, bid: str = "64", heard_ms: int = 0) -> Quote:
    return Quote(LTC, D(bid), D(bid) + 1, D(bid), at_ms, heard_ms or at_ms, D("0.12345678901234567890"), None)


def _files(folder: Path, kind: Any = MINUTES) -> DayFiles:
    files = DayFiles(folder, kind)
    files.begin()
    return files


def test_rows_lie_in_the_file_of_their_day_and_a_later_row_of_a_time_wins(tmp_path: Path) -> None:
    files = _files(tmp_path)
    files.add("LTC_USDT", [_candle(T0 - 60_000), _candle(T0), _candle(T0 + 120_000)])
    files.add("LTC_USDT", [_candle(T0 + 60_000), _candle(T0, close=1.25)])
    files.add("ETH_USDT", [_candle(T0)])
    assert files.times_ms("LTC_USDT") == [T0 - 60_000, T0, T0 + 60_000, T0 + 120_000]
    files.merge()
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "gate_ETH_USDT_1m_20241004.parquet",
        "gate_LTC_USDT_1m_20241003.parquet",
        "gate_LTC_USDT_1m_20241004.parquet",
    ]
    rows = list(files.rows("LTC_USDT", T0, T0 + DAY_MS))
    assert [(row["timestamp_ms"], row["close"]) for row in rows] == [
        (T0, 1.25),
        (T0 + 60_000, 1.5),
        (T0 + 120_000, 1.5),
    ]
    assert list(files.rows("LTC_USDT", T0 - DAY_MS, T0)) and not list(
        files.rows("LTC_USDT", T0 + DAY_MS, T0 + 2 * DAY_MS)
    )
    newest = files.newest("LTC_USDT")
    assert newest is not None and newest["timestamp_ms"] == T0 + 120_000
    assert files.newest("BTC_USDT") is None and files.times_ms("BTC_USDT") == []


def test_a_kill_between_joining_and_clearing_up_doubles_nothing(tmp_path: Path) -> None:
    """Quotes may share a time, so what is doubled could not be told apart later."""
    files = _files(tmp_path / "a", QUOTES)
    row = (T0, T0, "1", "2", "1", None, None)
    files.add("LTC_USDT", [row, row])
    files.add("LTC_USDT", [row])
    shutil.copytree(tmp_path / "a", tmp_path / "parts")
    files.merge()
    for part in (tmp_path / "parts").iterdir():
        shutil.copy(part, tmp_path / "a")
    assert len(list(files.rows("LTC_USDT", T0, T0 + 1))) == 3
    after_the_kill = _files(tmp_path / "a", QUOTES)
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["gate_LTC_USDT_quotes_20241004.parquet"]
    after_the_kill.add("LTC_USDT", [row])
    assert len(list(after_the_kill.rows("LTC_USDT", T0, T0 + 1))) == 4
    after_the_kill.merge()
    assert len(list(after_the_kill.rows("LTC_USDT", T0, T0 + 1))) == 4


def test_what_was_under_way_at_a_kill_is_cleared_away_and_damage_is_told(tmp_path: Path) -> None:
    (tmp_path / "gate_LTC_USDT_1m_20241004.000001.parquet.tmp").write_bytes(b"half")
    files = _files(tmp_path)
    assert not list(tmp_path.iterdir())
    files.add("LTC_USDT", [_candle(T0)])
    files.merge()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:50])
    files.add("LTC_USDT", [_candle(T0 + DAY_MS)])
    with pytest.raises(SourceUnreadable, match=r"20241004\.parquet is damaged"):
        files.times_ms("LTC_USDT")


def test_a_full_disk_loses_nothing_and_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    files = _files(tmp_path, QUOTES)
    recorder = QuoteRecorder(files, [LTC], lambda gap: None)
    recorder.take(_quote(T0))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", full)
        with pytest.raises(OSError, match="No space"):
            recorder.flush()
    recorder.take(_quote(T0 + 1, "65"))
    recorder.flush()
    assert [row["bid"] for row in files.rows("LTC_USDT", T0, T0 + 9)] == ["64", "65"]
    assert not list(tmp_path.glob("*.tmp"))


def test_a_disk_that_fails_between_two_days_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = _files(tmp_path, QUOTES)
    recorder = QuoteRecorder(files, [LTC], lambda gap: None)
    recorder.take(_quote(T0 - 1))
    recorder.take(_quote(T0, "65"))
    write, calls = files._write, []

    def fails_at_second(*given: Any) -> None:
        calls.append(given)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        write(*given)

    monkeypatch.setattr(files, "_write", fails_at_second)
    with pytest.raises(OSError, match="No space"):
        recorder.flush()
    recorder.flush()
    assert [row["bid"] for row in files.rows("LTC_USDT", T0 - 9, T0 + 9)] == ["64", "65"]


def test_a_quote_is_kept_with_every_digit_when_it_changed_or_was_confirmed_again(tmp_path: Path) -> None:
    files = _files(tmp_path, QUOTES)
    gaps: list[Gap] = []
    recorder = QuoteRecorder(files, [LTC], gaps.append)
    for at_ms, bid in ((0, "64"), (1_000, "64"), (1_499, "64"), (1_500, "64"), (1_501, "64.5"), (1_500, "63")):
        recorder.take(_quote(T0 + at_ms, bid))
    # Another market, and an older time than the last, are not kept.
    recorder.take(_quote(T0 + 6_000)._replace(market=Market("gate", "ETH", "USDT")))
    recorder.flush()
    rows = list(files.rows("LTC_USDT", T0, T0 + DAY_MS))
    assert [(row["exchange_ms"] - T0, row["bid"]) for row in rows] == [(0, "64"), (1_500, "64"), (1_501, "64.5")]
    assert rows[0]["bid_size"] == "0.1234567890123456789" and rows[0]["ask_size"] is None
    assert gaps == []


def test_silence_of_more_than_thirty_seconds_is_a_gap_also_over_a_restart(tmp_path: Path) -> None:
    gaps: list[Gap] = []
    recorder = QuoteRecorder(_files(tmp_path, QUOTES), [LTC], gaps.append)
    recorder.take(_quote(T0))
    # The price of the exchange is old, but it was confirmed: no gap.
    recorder.take(_quote(T0, heard_ms=T0 + 20_000))
    recorder.take(_quote(T0, heard_ms=T0 + 40_000))
    recorder.take(_quote(T0 + 80_000))
    recorder.flush()
    recorder = QuoteRecorder(_files(tmp_path, QUOTES), [LTC], gaps.append)
    recorder.take(_quote(T0 + 200_000))
    assert gaps == [
        Gap("LTC_USDT", "prices", T0 + 40_000, T0 + 80_000),
        Gap("LTC_USDT", "prices", T0 + 80_000, T0 + 200_000),
    ]
