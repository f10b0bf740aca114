"""What a search runs on: tapes cut where candles are missing for long, their fingerprint, and their daily prices."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from autotrader_v2.app.backtest_data import open_tapes
from autotrader_v2.app.stretches import stretches_of
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.search.splits import Stretch

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class SweepData:
    """The candles of all markets with their rules, in the same order."""

    tapes: Sequence[CandleTape]
    rules: Sequence[MarketRules]

    @property
    def candles(self) -> int:
        """How many there are."""
        return sum(len(tape) for tape in self.tapes)

    def stretches(self) -> list[Stretch]:
        """Each market's candles in pieces without a gap of more than a day."""
        return stretches_of(self.tapes)

    def candles_in(self, stretches: Sequence[Stretch]) -> int:
        """How many candles begin in them."""
        return sum(
            one.from_ms <= opened < one.to_ms
            for tape in self.tapes
            for one in stretches
            if one.symbol == tape.market.pair
            for opened in tape.open_ms
        )

    def closes(self, stretches: Sequence[Stretch]) -> Mapping[str, list[tuple[int, float]]]:
        """The last price of each day of each market in these stretches, in ticks."""
        found: dict[str, list[tuple[int, float]]] = {}
        for tape in self.tapes:
            symbol = tape.market.pair
            within = [one for one in stretches if one.symbol == symbol]
            days = {
                opened // _DAY_MS * _DAY_MS: float(closed)
                for opened, closed in zip(tape.open_ms, tape.closed, strict=True)
                if any(one.from_ms <= opened < one.to_ms for one in within)
            }
            if days:
                found[symbol] = sorted(days.items())
        return found

    def fingerprint(self) -> str:
        """The same for the same candles and rules, whatever files they came in."""
        digest = hashlib.sha256()
        for tape, rules in zip(self.tapes, self.rules, strict=True):
            digest.update(repr((tape.market.pair, tape.points, astuple(rules))).encode())
            for column in (tape.open_ms, tape.interval_ms, tape.opened, tape.high, tape.low, tape.closed):
                digest.update(column.tobytes())
        return digest.hexdigest()[:16]


def load(path: Path, *, symbol: str, from_ms: int, to_ms: int | None) -> SweepData:
    """See `open_tapes`, errors too."""
    tapes, rules = open_tapes(path, symbol=symbol, from_ms=from_ms, to_ms=to_ms)
    return SweepData(tapes, rules)
