"""What the page asks of long tables: a port beside `ports.py`. Asking never waits for a write, or delays one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from autotrader_v2.domain.cycle import CycleEvent
from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Fill

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which rows are asked for; what is left empty does not matter.

    `why`: what an order was for, or a decision's reason. `state`: what became of an order (an outcome, `open`,
    `unknown`) or a decision's kind. Times: from `since_ms` on, before `until_ms` (0: no end). `before`: the `id` of the
    last row of the page before. `cycle_id`: only fills of that cycle (0: of any).
    """

    market: Market | None = None
    side: str = ""
    why: str = ""
    state: str = ""
    since_ms: int = 0
    until_ms: int = 0
    before: str = ""
    cycle_id: int = 0


class BookedFill(NamedTuple):
    """A booked trade with the number it was booked under and its order's cycle."""

    id: int
    cycle_id: int
    fill: Fill


class BookedResult(NamedTuple):
    """What a sale earned by average cost."""

    seq: int
    market: Market
    cycle_id: int
    time_ms: int
    result: Decimal


class WithoutOrder(NamedTuple):
    """Coins that came or went without an order of ours."""

    seq: int
    market: Market
    cycle_id: int
    time_ms: int
    event: CycleEvent


class Archive(Protocol):
    """Rows of one account, numbers as text, newest first unless said otherwise. Thread-safe."""

    def trades(self, which: Which, limit: int) -> Rows:
        """Booked fills, by the exchange's time."""

    def orders(self, which: Which, limit: int) -> Rows:
        """Order attempts with what they filled."""

    def decisions(self, which: Which, limit: int) -> Rows:
        """What was decided: the engine's signals."""

    def record(self, which: Which, limit: int) -> Rows:
        """What persons and the engine itself changed and told: commands, switches, pauses, settings, alerts.

        `which`: market, times, `state` for the kind of row, `before`.
        """

    def life(self, client_id: str) -> Mapping[str, Any] | None:
        """Everything known of one order attempt: what was wanted, its other attempts, its trades; None: unknown."""

    def equity(self, since_ms: int = 0) -> Sequence[tuple[int, EquitySample]]:
        """Samples with their ids, oldest first."""

    def fills_after(self, id_: int, limit: int) -> Sequence[BookedFill]:
        """In the order they were booked."""

    def results_after(self, seq: int, limit: int) -> Sequence[BookedResult]:
        """In the order they were booked."""

    def without_order_after(self, seq: int, limit: int) -> Sequence[WithoutOrder]:
        """In the order they were booked."""


class NoArchive:
    """The `Archive` of whoever keeps nothing for a page."""

    def trades(self, which: Which, limit: int) -> Rows:
        """None."""
        return ()

    def orders(self, which: Which, limit: int) -> Rows:
        """None."""
        return ()

    def decisions(self, which: Which, limit: int) -> Rows:
        """None."""
        return ()

    def record(self, which: Which, limit: int) -> Rows:
        """None."""
        return ()

    def life(self, client_id: str) -> Mapping[str, Any] | None:
        """None."""
        return None

    def equity(self, since_ms: int = 0) -> Sequence[tuple[int, EquitySample]]:
        """None."""
        return ()

    def fills_after(self, id_: int, limit: int) -> Sequence[BookedFill]:
        """None."""
        return ()

    def results_after(self, seq: int, limit: int) -> Sequence[BookedResult]:
        """None."""
        return ()

    def without_order_after(self, seq: int, limit: int) -> Sequence[WithoutOrder]:
        """None."""
        return ()
