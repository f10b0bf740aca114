"""What a backtest runs on: candle files as tapes, and an engine's outside that is all paper."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

from autotrader_v2.app.values import split_list
from autotrader_v2.application.events import Record
from autotrader_v2.application.ports import Clock
from autotrader_v2.domain.market import Market, MarketRules, parse_symbol
from autotrader_v2.infrastructure.feeds.candle_files import CandleFile
from autotrader_v2.infrastructure.feeds.candle_overlaps import unused_in
from autotrader_v2.infrastructure.feeds.candle_rows import utc_text
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.infrastructure.feeds.errors import SourceEmpty, SourceMissing
from autotrader_v2.infrastructure.feeds.file_names import files_in, market_in_name
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import EXCHANGE, rules_for
from autotrader_v2.simulation.journal import MemoryJournal, Store

_ENDINGS = (".parquet", ".csv", ".csv.gz")


class PaperOutside:
    """The paper exchange with a budget, and a journal in memory: `backtest.exact.Made`."""

    def __init__(self, rules: Sequence[MarketRules], budget: Decimal) -> None:
        self._rules = rules
        self._budget = budget

    def exchange(self, clock: Clock) -> PaperExchange:
        """See `Made`. The shape of its books comes from a fixed seed: the same run, the same fills."""
        return PaperExchange(self._rules, {self._rules[0].market.quote: self._budget}, clock=clock, first_id=1)

    def journal(self, on_write: Callable[[Sequence[Record]], None]) -> MemoryJournal:
        """See `Made`."""

        def boundary(records: Sequence[Record], written: bool) -> None:
            if written:
                on_write(records)

        return MemoryJournal(Store(), boundary)


def open_tapes(
    path: Path, *, symbol: str = "", from_ms: int = 0, to_ms: int | None = None
) -> tuple[list[CandleTape], list[MarketRules]]:
    """The candles of a file, or of every candle file of a folder, one tape for each market, and the markets' rules.

    `symbol`: these markets only, by comma (BTC, or BTC_USDT). The rules are those of the table of common coins, fitting
    the first price. Where files overlap, `unused` of the tape tells what was left out. Errors: `SourceError`s.
    """
    by_market: dict[Market, list[CandleFile]] = {}
    wanted, others, met = split_list(symbol), set[str](), set[str]()
    for file in files_in(path, _ENDINGS):
        base, quote = market_in_name(file)
        named = {one for one in wanted if parse_symbol(one, quote) == (base, quote)}
        if wanted and not named:
            others.add(f"{base}_{quote}")
            continue
        met |= named
        try:
            by_market.setdefault(Market(EXCHANGE, base, quote), []).append(CandleFile(file))
        except OSError as error:
            raise SourceMissing(
                f"{file} cannot be read: {error.strerror or error}.", do="Check the file and its permissions."
            ) from error
    missing = [one for one in wanted if one not in met]
    if missing:
        there = sorted({*others, *(market.pair for market in by_market)})
        raise SourceEmpty(
            f"{path} holds no candles of {', '.join(missing)}, only of {', '.join(there)}.", do="Choose of these."
        )
    quotes = {market.quote for market in by_market}
    if len(quotes) > 1:
        raise SourceEmpty(
            f"{path} holds prices in {' and '.join(sorted(quotes))}, but one balance has one currency.",
            do="Choose markets of one currency with --symbol, or sort the files into folders.",
        )
    tapes, rules = tapes_of(by_market, from_ms=from_ms, to_ms=to_ms)
    if not tapes:
        begin, end = span_of(by_market)
        raise SourceEmpty(
            f"{path} holds no candle in that time; its candles are of {begin} to {end} UTC.",
            do="Choose a time that they cover (--from, --to), or other candles.",
        )
    return tapes, rules


def tapes_of(
    files: Mapping[Market, Sequence[CandleFile]],
    *,
    from_ms: int,
    to_ms: int | None,
    rules_ms: int | None = None,
    on_read: Callable[[int], None] = lambda _rows: None,
) -> tuple[list[CandleTape], list[MarketRules]]:
    """One tape for each market that has candles in that time, and the rules, which fit the first price from `rules_ms`.

    `rules_ms` None: from `from_ms`. `on_read`: how many of the files' candles have been read. Errors: `SourceBadData`.
    """
    tapes, rules, read = [], [], 0
    for market in sorted(files):
        first = _first_price(files[market], from_ms if rules_ms is None else rules_ms)
        if first is not None:
            one = rules_for(market.base, market.quote, price=first)
            tape = CandleTape(
                files[market], market, one.tick, from_ms=from_ms, to_ms=to_ms, on_read=partial(_plus, on_read, read)
            )
            if len(tape):
                tape.unused = unused_in(files[market], one.tick, from_ms, to_ms)
                tapes.append(tape)
                rules.append(one)
        read += sum(file.rows for file in files[market])
        on_read(read)
    return tapes, rules


def span_of(files: Mapping[Market, Sequence[CandleFile]]) -> tuple[str, str]:
    """When the first candle begins and the last one ends, UTC."""
    every = [file for of_one in files.values() for file in of_one]
    return utc_text(min(one.first_ms for one in every)), utc_text(max(one.last_ms + one.interval_ms for one in every))


def _plus(tell: Callable[[int], None], before: int, more: int) -> None:
    tell(before + more)


def _first_price(files: Iterable[CandleFile], from_ms: int) -> Decimal | None:
    for file in sorted(files, key=lambda one: one.first_ms):
        for candle in file.candles(from_ms):
            return candle.open
    return None
