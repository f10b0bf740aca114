"""Equity over time: samples, which of them stay, and the deepest fall.

Samples are thinned as they age, by a spacing that doubles: about a day at full density, then half as dense for each
doubling of the age. So ten years take a few thousand rows. Of each stretch the newest, the lowest and the highest stay,
so that thinning never hides a fall.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from autotrader_v2.domain.money import HUNDRED, ZERO

SAMPLE_EVERY_MS = 300_000
# Stretches of one spacing.
_DENSE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class EquitySample:
    """What everything was worth at one moment, in quote.

    `equity` = money and positions at what they would bring; `free`: money, reserved or not; `invested`: cost of the
    positions; `realised`: result of all sales so far by average cost; `unrealised`: result if all were sold.
    """

    time_ms: int
    equity: Decimal
    free: Decimal
    invested: Decimal
    unrealised: Decimal
    realised: Decimal

    @property
    def result(self) -> Decimal:
        """What trading has earned so far: payments in and out do not move it."""
        return self.realised + self.unrealised


@dataclass(frozen=True, slots=True)
class Fall:
    """A fall of the result from its highest before, as a share of the equity at that height. `pct` is 0 or less."""

    pct: Decimal = ZERO
    amount: Decimal = ZERO
    time_ms: int = 0


def spacing_ms(age_ms: int) -> int:
    """How far apart samples of that age may be."""
    spacing = SAMPLE_EVERY_MS
    while age_ms > spacing * _DENSE:
        spacing *= 2
    return spacing


def superfluous(samples: Sequence[tuple[int, EquitySample]], now_ms: int) -> tuple[int, ...]:
    """Ids of the samples that may go, of (id, sample) oldest first."""
    stretches: dict[tuple[int, int], list[tuple[int, EquitySample]]] = {}
    for one in samples:
        time_ms = one[1].time_ms
        spacing = spacing_ms(max(now_ms - time_ms, 0))
        stretches.setdefault((spacing, time_ms // spacing), []).append(one)
    spare: list[int] = []
    for stretch in stretches.values():
        kept = {id_ for id_, _ in telling(stretch)}
        spare += [id_ for id_, _ in stretch if id_ not in kept]
    return tuple(spare)


def telling(stretch: Sequence[tuple[int, EquitySample]]) -> tuple[tuple[int, EquitySample], ...]:
    """Those of a stretch that tell its shape, in their order: the lowest, the highest and the newest."""
    if len(stretch) <= 3:
        return tuple(stretch)
    lowest = min(range(len(stretch)), key=lambda at: stretch[at][1].result)
    highest = max(range(len(stretch)), key=lambda at: stretch[at][1].result)
    return tuple(stretch[at] for at in sorted({lowest, highest, len(stretch) - 1}))


def falls(samples: Sequence[EquitySample]) -> tuple[Fall, ...]:
    """At each sample, how far the result is below its highest so far."""
    found: list[Fall] = []
    peak: Decimal | None = None
    for sample in samples:
        peak = sample.result if peak is None else max(peak, sample.result)
        amount = sample.result - peak
        before = sample.equity - amount
        pct = amount / before * HUNDRED if amount and before > 0 else ZERO
        found.append(Fall(pct, amount, sample.time_ms))
    return tuple(found)


def deepest(found: Sequence[Fall]) -> Fall:
    """The deepest of them, the first when several are."""
    return min(found, key=lambda fall: fall.pct, default=Fall())
