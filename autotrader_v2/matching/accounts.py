"""Accounts: what a client holds, what is locked for its orders, and the book of every change."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from autotrader_v2.domain.money import ZERO
from autotrader_v2.matching.records import BalanceChanged, Order, UserTrade

GT = "GT"
POINT = "POINT"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSettings:
    """What an account pays. Units: fractions; None = the market's own rate.

    `pays_gt`: fees are taken in GT at the GT rates while enough GT is held. `pays_points`: from points first.
    `gt_price` in quote currency, used while no GT market has a price.
    """

    taker: Decimal | None = None
    maker: Decimal | None = None
    gt_taker: Decimal = Decimal("0.0018")
    gt_maker: Decimal = Decimal("0.0018")
    pays_gt: bool = False
    pays_points: bool = False
    gt_price: Decimal = Decimal(10)


class LedgerRow(NamedTuple):
    """One change of an account's available balance. `code` and `kind` as Gate's account book has them."""

    id: int
    time_ms: int
    currency: str
    change: Decimal
    balance: Decimal
    kind: str
    code: int
    text: str


@dataclass(slots=True)
class Balance:
    """What is held of one currency: free to use, and locked for open orders."""

    available: Decimal = ZERO
    locked: Decimal = ZERO
    update_id: int = 0

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.available + self.locked


# kind of change: type and code of Gate's account book
_BOOK: Mapping[str, tuple[str, int]] = {
    "sell": ("order_fill", 101),
    "buy": ("order_fill", 102),
    "fee": ("order_fee", 151),
    "deposit": ("deposit", 1),
    "withdraw": ("withdraw", 2),
}


class Account:
    """One client of the exchange. Its orders and trades are read here; only the core writes."""

    def __init__(
        self,
        name: str,
        user_id: int,
        fees: FeeSettings,
        *,
        now_ms: Callable[[], int],
        announce: Callable[[BalanceChanged], None],
        history_max: int,
        stp_id: int = 0,
    ) -> None:
        self.name = name
        self.user_id = user_id
        self.fees = fees
        self.stp_id = stp_id
        # Gate's other kind of account; which one it is, only `/account/detail` tells.
        self.unified = False
        self.balances: dict[str, Balance] = {}
        self.orders: dict[int, Order] = {}
        self.open: dict[int, Order] = {}
        self.finished: deque[Order] = deque()
        self.by_text: dict[str, Order] = {}
        self.trades: deque[UserTrade] = deque(maxlen=history_max or None)
        self.ledger: deque[LedgerRow] = deque(maxlen=history_max or None)
        self._now_ms = now_ms
        self._announce = announce
        self._history_max = history_max
        self._rows = 0

    def balance(self, currency: str) -> Balance:
        """The balance of one currency; zeros for one never held."""
        return self.balances.get(currency) or Balance()

    def available(self, currency: str) -> Decimal:
        """What is free of one currency."""
        return self.balance(currency).available

    def archive(self, order: Order) -> None:
        """Keep an order that ended, and forget the oldest when there are too many."""
        self.finished.append(order)
        if self._history_max and len(self.finished) > self._history_max:
            oldest = self.finished.popleft()
            del self.orders[oldest.id]
            if self.by_text.get(oldest.text) is oldest:
                del self.by_text[oldest.text]

    def receive(self, currency: str, amount: Decimal, kind: str, why: str, text: str = "") -> None:
        """Add to (or, negative, take from) the free part. Errors: ValueError below zero, a bug of the caller."""
        self._move(currency, amount, ZERO, kind, why, text)

    def lock(self, currency: str, amount: Decimal, text: str, why: str = "order-create") -> None:
        """Move from free to locked."""
        self._move(currency, -amount, amount, "new_order", why, text)

    def unlock(self, currency: str, amount: Decimal, text: str, why: str = "order-update") -> None:
        """Move from locked back to free."""
        self._move(currency, amount, -amount, "cancel_order", why, text)

    def pay(self, currency: str, locked: Decimal, paid: Decimal, text: str) -> None:
        """Pay out of what was locked; what a better price saved comes back to the free part."""
        self._move(currency, locked - paid, -locked, "order_fill", "order-match", text)

    def _move(self, currency: str, available: Decimal, locked: Decimal, kind: str, why: str, text: str) -> None:
        balance = self.balances.get(currency)
        if balance is None:
            balance = self.balances[currency] = Balance()
        if balance.available + available < 0 or balance.locked + locked < 0:
            raise ValueError(f"{self.name} {currency}: {balance} cannot move by {available} free, {locked} locked")
        balance.available += available
        balance.locked += locked
        balance.update_id += 1
        if available:
            self._rows += 1
            kind, code = _BOOK.get(kind, (kind, 0))
            row = LedgerRow(self._rows, self._now_ms(), currency, available, balance.available, kind, code, text)
            self.ledger.append(row)
        self._announce(
            BalanceChanged(self, currency, available + locked, locked, balance.available, balance.locked, why)
        )
