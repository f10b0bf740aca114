"""Where candles of a market follow on each other: whoever trades across a long hole trades on what nobody knows."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from autotrader_v2.infrastructure.feeds.candle_rows import HOLE_MS
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.search.splits import Stretch

_SHOWN = 6
_MINUTE_MS = 60_000


class Holes(SourceError):
    """Candles of a market are missing for more than a day inside the time asked for; `stretches`: what there is."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.stretches = stretches
        spans = [f"  --from {_moment(one.from_ms)} --to {_moment(one.to_ms)}" for one in stretches[:_SHOWN]]
        more = f"\n  and {len(stretches) - _SHOWN} more" if len(stretches) > _SHOWN else ""
        hole = f"{_moment(stretches[0].to_ms)} and {_moment(stretches[1].from_ms)} UTC"
        others = f" (the first of {len(stretches) - 1} such holes)" if len(stretches) > 2 else ""
        super().__init__(
            f"{stretches[0].symbol} has no candles between {hole}{others}. What its price did there nobody knows,"
            " so no ladder is played across more than a day without candles.",
            do="Choose one stretch without such a hole:\n" + "\n".join(spans) + more,
        )

    @property
    def listed(self) -> str:
        """The stretches in no language: a line each."""
        spans = [f"{one.symbol}: {_moment(one.from_ms)} – {_moment(one.to_ms)}" for one in self.stretches[:_SHOWN]]
        more = [f"… (+{len(self.stretches) - _SHOWN})"] if len(self.stretches) > _SHOWN else []
        return "\n".join([*spans, *more])


def stretches_of(tapes: Iterable[CandleTape]) -> list[Stretch]:
    """Each market's candles in pieces without a gap of more than a day."""
    found = []
    for tape in tapes:
        begin_ms, symbol = tape.open_ms[0], tape.market.pair
        ends = tape.ends_ms()
        for end_ms, following_ms in zip(ends, tape.open_ms[1:], strict=False):
            if following_ms - end_ms > HOLE_MS:
                found.append(Stretch(symbol, begin_ms, end_ms))
                begin_ms = following_ms
        found.append(Stretch(symbol, begin_ms, ends[-1]))
    return found


def refuse_holes(tapes: Iterable[CandleTape]) -> None:
    """Markets may begin and end at different times. Errors: `Holes`, of the first market that has one."""
    for tape in tapes:
        pieces = stretches_of([tape])
        if len(pieces) > 1:
            raise Holes(pieces)


def _moment(at_ms: int) -> str:
    """As `--from` and `--to` take it, UTC."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M" if at_ms % _MINUTE_MS == 0 else "%Y-%m-%dT%H:%M:%S.%f")
