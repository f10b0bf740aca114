"""What a reconciliation found: differences between the exchange and the books, as values, and how flows are told.

A flow is what an account's balance changed by without a trade: deposits, withdrawals, transfers, loans. The exchange's
trade list and its balances are two reads of a moving thing, so only quiet currencies are judged, and only twice.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from autotrader_v2.application.ports import Holding
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Fill, Side

# A trade this young may be in the balance and not yet in the list, or the other way round.
_QUIET_MS = 5_000
# A currency that never rests that long is judged from anew; what flowed meanwhile is not told.
_MARK_MAX_MS = 3_600_000
_SMALLEST = Decimal("1e-8")


class Kind(StrEnum):
    """What a difference is. The last three are explained by nothing the exchange tells."""

    LATE_FILL = "late_fill"
    SOLD_BY_HAND = "sold_by_hand"
    BOUGHT_BY_HAND = "bought_by_hand"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    LOCKED = "locked"
    BALANCE_LAGS = "balance_lags"
    ORDER_LEFT_OPEN = "order_left_open"
    ORDER_NOT_IN_JOURNAL = "order_not_in_journal"
    COINS_MISSING = "coins_missing"

    @property
    def unexplained(self) -> bool:
        """Whether somebody has to look."""
        return self in (Kind.ORDER_LEFT_OPEN, Kind.ORDER_NOT_IN_JOURNAL, Kind.COINS_MISSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference. `amount` in `currency`; `corrected`: the books follow it, else it is only shown."""

    kind: Kind
    currency: str
    amount: Decimal
    market: Market | None = None
    corrected: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileReport:
    """One reconciliation. `time_ms` by our clock; `error` says why it could not be completed, "" when it was."""

    time_ms: int
    took_ms: int
    differences: tuple[Difference, ...] = ()
    error: str = ""

    @property
    def unexplained(self) -> int:
        """How many differences nothing explains."""
        return sum(one.kind.unexplained for one in self.differences)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A balance that was known to be right at a moment of the exchange's time."""

    total: Decimal
    asof_ms: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A flow seen once. Units: seconds of the monotonic clock."""

    amount: Decimal
    since_s: float


class Flows:
    """Finds what moved without a trade. Not thread-safe: one reconciliation at a time."""

    def __init__(self, confirm_s: float) -> None:
        self._confirm_s = confirm_s
        self._marks: dict[str, _Mark] = {}
        self._seen: dict[str, _Seen] = {}

    @property
    def oldest_ms(self) -> int | None:
        """Since when (exchange time) trades are needed."""
        return min((mark.asof_ms for mark in self._marks.values()), default=None)

    def confirm_due_s(self) -> float | None:
        """When a flow seen once should be looked at again, by the monotonic clock."""
        return min((one.since_s + self._confirm_s for one in self._seen.values()), default=None)

    def look(
        self,
        holdings: Mapping[str, Holding],
        trades: Iterable[Fill],
        *,
        asof_ms: int,
        now_s: float,
        busy: Collection[str],
        steps: Mapping[str, Decimal],
    ) -> list[tuple[str, Decimal]]:
        """(currency, amount) of what flowed and was seen twice; in is positive.

        `trades` begin at `oldest_ms` and were read after `holdings`, which were asked for at `asof_ms` (exchange time).
        `busy`: currencies of orders under way. `steps`: less of a currency than its step is no flow.
        """
        known = tuple(trades)
        recent = [fill for fill in known if fill.time_ms >= asof_ms - _QUIET_MS]
        unquiet = {*busy, *(currency for fill in recent for currency in _moves(fill))}
        found = []
        for currency in {*holdings, *self._marks}:
            mark = self._marks.get(currency)
            if currency in unquiet:
                # Seen again it counts as seen for the first time: waiting for a second look would never end.
                self._seen.pop(currency, None)
                if mark is not None and asof_ms - mark.asof_ms > _MARK_MAX_MS:
                    del self._marks[currency]
                continue
            holding = holdings.get(currency)
            total = holding.total if holding else ZERO
            amount = ZERO if mark is None else total - mark.total - _moved(currency, known, mark.asof_ms)
            if abs(amount) <= steps.get(currency, _SMALLEST):
                self._seen.pop(currency, None)
            elif not self._twice(currency, amount, now_s):
                continue
            else:
                found.append((currency, amount))
            self._marks[currency] = _Mark(total, asof_ms)
        return sorted(found)

    def _twice(self, currency: str, amount: Decimal, now_s: float) -> bool:
        seen = self._seen.get(currency)
        if seen is None or seen.amount != amount:
            self._seen[currency] = _Seen(amount, now_s)
            return False
        if now_s - seen.since_s < self._confirm_s:
            return False
        del self._seen[currency]
        return True


def _moves(fill: Fill) -> dict[str, Decimal]:
    """What a trade changed, by currency."""
    sign = 1 if fill.side is Side.BUY else -1
    moves = {fill.market.base: sign * fill.base, fill.market.quote: -sign * fill.quote}
    if fill.fee_currency:
        moves[fill.fee_currency] = moves.get(fill.fee_currency, ZERO) - fill.fee
    return moves


def _moved(currency: str, trades: Iterable[Fill], since_ms: int) -> Decimal:
    return sum((_moves(fill).get(currency, ZERO) for fill in trades if fill.time_ms > since_ms), ZERO)
