"""What a price source is, and how a text such as `replay:PATH` becomes one."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.errors import UnknownSource

SYNTHETIC = "synthetic"
REPLAY = "replay"
POINTS_PER_CANDLE = 12


class PriceSource(Protocol):
    """Prices with their own time, played by a `Player` at any speed."""

    @property
    def markets(self) -> tuple[Market, ...]:
        """Every market the quotes may name."""

    @property
    def start_ms(self) -> int:
        """No quote is earlier; in ms since the epoch."""

    def quotes(self) -> Iterator[Quote]:
        """All quotes from the beginning, ordered by time over all markets; a fresh iterator at each call.

        `exchange_ms` and `confirmed_ms` are the source's own time. Only what the source knows is quoted: repeating the
        last quote of a quiet market is the player's work. Errors: `SourceError` when a file turns out to be damaged.
        """


def family_of(spec: str) -> str:
    """`synthetic` or `replay`, the family a database is bound to. Errors: `UnknownSource`."""
    family = spec.partition(":")[0].strip().lower()
    if family not in (SYNTHETIC, REPLAY):
        raise UnknownSource(
            f"{spec[:80]!r} names no price source.",
            do="Write synthetic, synthetic:REGIME (calm, trend, crash, recovery) or replay:PATH (a file or a folder).",
        )
    return family


def open_source(
    spec: str,
    *,
    seed: int = 0,
    markets: Sequence[Market] = (),
    exchange: str = "gate",
    ticks: Mapping[Market, Decimal] | None = None,
    start_ms: int | None = None,
    points_per_candle: int = POINTS_PER_CANDLE,
) -> PriceSource:
    """Open `synthetic`, `synthetic:REGIME` or `replay:PATH`.

    `markets`: only these; empty means what the file or folder holds, or a dozen well-known coins. A file is matched by
    base and quote: its prices stand in for those of the wanted market's exchange, or of `exchange` when none is wanted.
    `ticks`: price steps by market; one that is missing is worked out from the data. `seed` decides what the source
    leaves open: the path inside a candle, sizes, the whole synthetic market. `start_ms` (synthetic only): the time of
    its first quotes. Errors: the `SourceError` family; files are checked from end to end before the first quote.
    """
    family = family_of(spec)
    detail = spec.partition(":")[2].strip()
    if family == SYNTHETIC:
        from autotrader_v2.infrastructure.feeds.synthetic import SyntheticSource  # noqa: PLC0415 - only what is played

        return SyntheticSource(detail, seed=seed, markets=markets, exchange=exchange, ticks=ticks, start_ms=start_ms)
    from autotrader_v2.infrastructure.feeds.replay import open_replay  # noqa: PLC0415 - only what is played

    return open_replay(
        detail, seed=seed, markets=markets, exchange=exchange, ticks=ticks or {}, points_per_candle=points_per_candle
    )
