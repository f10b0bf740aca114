"""Plays prices that `mTrade.py record` kept: best bid and ask with their sizes, as the engine's own feed told them."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import amount
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.candle_rows import believable_ms
from autotrader_v2.infrastructure.feeds.day_files import QUOTES
from autotrader_v2.infrastructure.feeds.errors import SourceBadData, SourceEmpty, SourceUnreadable, not_parquet
from autotrader_v2.infrastructure.feeds.text_lines import ROWS_MAX

_BATCH_ROWS = 8_192


def holds_quotes(path: Path) -> bool:
    """Whether a parquet file has the columns of recorded quotes. Errors: `SourceUnreadable`, OSError."""
    import pyarrow as pa  # noqa: PLC0415 - half a second of import that only replays need
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        names = pq.read_schema(path).names
    except pa.ArrowException as error:
        raise not_parquet(path, error) from error
    return {"exchange_ms", "bid", "ask"} <= set(names)


def quote_of(market: Market, row: dict[str, Any]) -> Quote:
    """A recorded row as the quote it was. Errors: ValueError with the column."""
    prices: list[Decimal | None] = []
    for name in ("bid", "ask", "last", "bid_size", "ask_size"):
        text = row[name]
        if text is None and name.endswith("_size"):
            prices.append(None)
            continue
        try:
            number = amount(text)
        except ValueError as error:
            raise ValueError(f"column {name}: {error}") from error
        if number <= 0 and not (number == 0 and name.endswith("_size")):
            raise ValueError(f"column {name}: {text[:40]!r} is no price")
        prices.append(number)
    bid, ask, last, bid_size, ask_size = prices
    if bid is None or ask is None or last is None:
        raise ValueError("a price is missing")
    for name in ("exchange_ms", "confirmed_ms"):
        try:
            believable_ms(row[name])
        except (ValueError, TypeError) as error:
            raise ValueError(f"column {name}: {error}") from error
    return Quote(market, bid, ask, last, row["exchange_ms"], row["confirmed_ms"], bid_size or None, ask_size or None)


class QuoteFile:
    """A parquet of recorded quotes of one market, in order of exchange time; opening reads it once.

    Errors: the `SourceError` family, with row and column; OSError.
    """

    def __init__(self, path: Path, market: Market) -> None:
        self.path = path
        self.market = market
        first_ms = last_ms = None
        for quote in self.quotes():
            first_ms = quote.exchange_ms if first_ms is None else first_ms
            last_ms = quote.exchange_ms
        if first_ms is None or last_ms is None:
            raise SourceEmpty(f"{path} holds no price, so there is nothing to play.", do="Choose another file.")
        self.first_ms, self.last_ms = first_ms, last_ms

    def quotes(self) -> Iterator[Quote]:
        """All quotes, with the times they had."""
        before_ms, market = 0, self.market
        for number, row in enumerate(self._rows(), 1):
            try:
                quote = quote_of(market, row)
                if quote.exchange_ms < before_ms:
                    raise ValueError("column exchange_ms: time must not run backwards")
            except ValueError as error:
                raise SourceBadData(f"{self.path}, row {number}, {error}.", do="Repair or remove that row.") from error
            before_ms = quote.exchange_ms
            yield quote

    def _rows(self) -> Iterator[dict[str, Any]]:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        try:
            with pq.ParquetFile(self.path) as file:
                self._check(file)
                for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(QUOTES.columns)):
                    yield from batch.to_pylist()
        except pa.ArrowException as error:
            raise not_parquet(self.path, error) from error

    def _check(self, file: Any) -> None:
        if file.metadata.num_rows > ROWS_MAX:
            raise SourceUnreadable(
                f"{self.path} claims {file.metadata.num_rows} rows; more than {ROWS_MAX} are not read.",
                do="Split it by time.",
            )
        schema = file.schema_arrow
        for name, kind in QUOTES.columns.items():
            if schema.names.count(name) != 1 or str(schema.field(name).type) != kind:
                raise SourceUnreadable(
                    f"{self.path}: recorded prices need one column {name} of {kind}.",
                    do="Choose a file that `record` wrote.",
                )


class QuoteTrack:
    """The quotes of one file for a replay, whose time is the exchange's."""

    own_tick: Decimal | None = None

    def __init__(self, file: QuoteFile) -> None:
        self.market = file.market
        self.first_ms, self.last_ms = file.first_ms, file.last_ms
        self._file = file

    def quotes(self, tick: Decimal | None, after_ms: int) -> Iterator[Quote]:
        """The quotes later than that; prices off the tick, if one is given, are rounded away from each other."""
        for quote in self._file.quotes():
            if quote.exchange_ms <= after_ms:
                continue
            if tick is not None:
                quote = quote._replace(
                    bid=quote.bid.quantize(tick, ROUND_FLOOR),
                    ask=quote.ask.quantize(tick, ROUND_CEILING),
                    last=quote.last.quantize(tick, ROUND_HALF_EVEN),
                )
            yield quote._replace(confirmed_ms=quote.exchange_ms)
