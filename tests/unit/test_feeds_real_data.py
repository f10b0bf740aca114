"""The recorded market data beside the repository: every file opens and is what its list says."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from autotrader_v2.app.values import ROOT
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.feeds.candle_files import CandleFile
from autotrader_v2.infrastructure.feeds.sources import open_source

DATA = ROOT.parent / "shared" / "data"
ROW = re.compile(
    r"^\| (?P<name>binance_\S+\.parquet) \| (?P<base>\w+)/(?P<quote>\w+) \| (?P<interval>\w+) "
    r"\| (?P<first>[-\d]+ [:\d]+) \| (?P<last>[-\d]+ [:\d]+) \| (?P<rows>\d+) \|"
    r"[^|]*\|[^|]*\| (?P<low>\S+) \([^)]*\) / (?P<high>\S+) ",
    re.MULTILINE,
)
INTERVALS_MS = {"1m": 60_000, "5m": 300_000}


@pytest.fixture(scope="module")
def data() -> Path:
    """The folder of recorded data; without it there is nothing to test, except where it must be."""
    if not DATA.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs the recorded data in {DATA}")
        pytest.skip(f"no recorded data in {DATA}")
    return DATA


def listed(data: Path) -> Iterator[re.Match[str]]:
    return ROW.finditer((data / "README.md").read_text(encoding="utf-8"))


def utc_ms(text: str) -> int:
    return round(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp() * 1000)


def test_every_candle_file_opens_and_matches_its_row(data: Path) -> None:
    names = set()
    for row in listed(data):
        names.add(row["name"])
        path = data / "candles" / row["name"]
        file = CandleFile(path)
        assert (file.rows, file.first_ms, file.last_ms) == (int(row["rows"]), utc_ms(row["first"]), utc_ms(row["last"]))
        assert file.interval_ms == INTERVALS_MS[row["interval"]]
        begin = list(islice(file.candles(), 50))
        assert begin[0].open_ms == file.first_ms
        assert all(Decimal(row["low"]) <= candle.low <= candle.high <= Decimal(row["high"]) for candle in begin)
        assert all(price % file.tick == 0 for candle in begin for price in candle[1:])
        (market,) = open_source(f"replay:{path}").markets
        assert (market.base, market.quote) == (row["base"], row["quote"])
    assert names == {path.name for path in (data / "candles").glob("*.parquet")}
    assert len(names) > 50


def test_a_real_month_is_played_to_its_low_and_high(data: Path) -> None:
    """The crash of 2021-05-19 is inside, wicks included."""
    (row,) = [row for row in listed(data) if row["name"] == "binance_BTC_USDT_1m_20210420_20210520.parquet"]
    quotes = list(open_source(f"replay:{data / 'candles' / row['name']}", points_per_candle=4).quotes())
    assert len(quotes) == 4 * int(row["rows"])
    lasts = [quote.last for quote in quotes]
    assert (min(lasts), max(lasts)) == (Decimal(row["low"]), Decimal(row["high"]))


def test_a_folder_of_real_candles_is_merged(data: Path) -> None:
    wanted = [Market("gate", base, "USDT") for base in ("BTC", "ETH", "XRP", "DOGE")]
    source = open_source(f"replay:{data / 'candles'}", markets=wanted)
    assert set(source.markets) == set(wanted)
    times = [quote.exchange_ms for quote in islice(source.quotes(), 20_000)]
    assert times == sorted(times)
    assert times[0] == source.start_ms


def test_the_recorded_stream_has_every_best_price(data: Path) -> None:
    source = open_source(f"replay:{data / 'ticks'}")
    assert source.markets == (Market("gate", "BTC", "USDT"),)
    quotes = list(source.quotes())
    assert len(quotes) == 28_040 + 45_134
    assert all(61_500 < quote.bid < quote.ask < 61_900 and quote.bid_size for quote in quotes)


def test_the_recorded_gate_books_have_their_levels(data: Path) -> None:
    source = open_source(f"replay:{data / 'gate'}")
    assert [market.base for market in source.markets] == ["BTC", "ETH", "SOL"]
    quotes = list(source.quotes())
    assert len(quotes) == 1658 + 1536 + 1438
    for quote in quotes:
        assert len(quote.bids) == len(quote.asks) == 20
        assert quote.bid == quote.bids[0][0] < quote.asks[0][0] == quote.ask
    assert quotes[-1].exchange_ms - quotes[0].exchange_ms > 200_000
