"""Coins that no order brought or took: adopted, left alone, written off. Held to the exchange's own books.

What the account truly has beside our books is its balance less cycle, dust and ignored. An engine knows the balance by
readings only, so what other hands moved since the oldest one that it may still go by explains as much of a difference,
and nothing else does.
"""

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from autotrader_v2.simulation.ledger import ZERO, Ledger

# From a reading to what is made durable by it: the trades are read meanwhile, and the disk may be slow.
_READ_TO_WRITTEN_MS = 20_000
# Sums of quotients.
_CLOSE = Decimal("1e-12")


class _Buy(NamedTuple):
    """A buy of the account, whoever's. Units: coins received, quote."""

    time_ms: int
    order_id: str
    coins: Decimal
    quote: Decimal


class CoinsJudge:
    """Of one market. `total`: its coins in the account now; `shown_ms`: when lists show an order's trades."""

    def __init__(self, total: Callable[[], Decimal], shown_ms: Callable[[str], int]) -> None:
        self._total = total
        self._shown_ms = shown_ms
        self._buys: list[_Buy] = []
        # (when, coins): what moved by other hands, or belongs to an order that counted as ended.
        self._moved: list[tuple[int, Decimal]] = []

    def bought(self, time_ms: int, order_id: str, coins: Decimal, quote: Decimal) -> None:
        """The account bought some."""
        self._buys.append(_Buy(time_ms, order_id, coins, quote))

    def moved(self, time_ms: int, coins: Decimal) -> None:
        """Coins came or went that the engine cannot know of at once."""
        self._moved.append((time_ms, abs(coins)))

    def alone_since(self, since_ms: int) -> bool:
        """Whether no other hands have moved any since then."""
        return not self._explained(since_ms)

    def adopted(
        self,
        ledger: Ledger,
        coins: Decimal,
        cost: Decimal,
        lot: Decimal,
        since_ms: int,
        asked: Sequence[tuple[int, Decimal | None]],
    ) -> str | None:
        """What is wrong with coins that a cycle takes in, or None. `asked`: since when, and at which price."""
        outside = self._total() - ledger.held - ledger.dust - ledger.ignored
        if abs(coins - outside) > self._explained(since_ms):
            return f"{coins} coins are adopted, {outside} lie outside"
        for asked_ms, price in asked:
            costs = self._costs(coins, lot, asked_ms) if price is None else [coins * price]
            if any(abs(cost - one) <= _CLOSE * max(one, Decimal(1)) for one in costs):
                return None
        return f"{coins} coins are adopted for {cost}, which is neither a price asked for nor what they were bought at"

    def ignored(self, ledger: Ledger, coins: Decimal, since_ms: int) -> str | None:
        """What is wrong with coins that are to be left alone, or None."""
        outside = max(self._total() - ledger.held - ledger.dust, ZERO)
        if abs(coins - outside) > self._explained(since_ms):
            return f"{coins} coins are left alone, {outside} lie outside"
        return None

    def written_off(self, ledger: Ledger, since_ms: int, lot: Decimal, *, sells: bool) -> str | None:
        """What is wrong with coins that count as lost, or None. `sells`: they could be sold if they were there."""
        there = self._total()
        if sells and ledger.held - there + self._explained(since_ms) <= lot:
            return f"{ledger.held} coins are written off, {there} are there"
        return None

    def _explained(self, since_ms: int) -> Decimal:
        """So much may be otherwise than it was read."""
        return sum((coins for at_ms, coins in self._moved if at_ms >= since_ms), ZERO)

    def _costs(self, coins: Decimal, lot: Decimal, asked_ms: int) -> list[Decimal]:
        """What the newest buys of that many coins cost, by every list of them that may have been shown since then."""
        shown = [(max(one.time_ms, self._shown_ms(one.order_id)), one) for one in self._buys]
        moments = {asked_ms, *(at_ms for at_ms, _ in shown if at_ms > asked_ms)}
        costs = [_cost([one for at_ms, one in shown if at_ms <= moment], coins, lot) for moment in moments]
        return [one for one in costs if one is not None]


class Readings:
    """When the exchange told balances: how old may be what an engine goes by?"""

    def __init__(self) -> None:
        # (when it was told, of which moment it is)
        self._told: deque[tuple[int, int]] = deque()

    def told(self, now_ms: int, asof_ms: int) -> None:
        """The balances of a moment were told."""
        self._told.append((now_ms, asof_ms))

    def since_ms(self, now_ms: int) -> int:
        """Of the oldest moment that may count for what is made durable now."""
        told = self._told
        while len(told) > 1 and told[1][0] < now_ms - _READ_TO_WRITTEN_MS:
            told.popleft()
        return min((asof_ms for _, asof_ms in told), default=0)

    def misled_since(self, ms: int) -> bool:
        """Whether balances were told after that moment, and one of them was of before it."""
        return any(told_ms >= ms > asof_ms for told_ms, asof_ms in self._told)


def _cost(buys: Sequence[_Buy], coins: Decimal, lot: Decimal) -> Decimal | None:
    """None: they do not explain as many."""
    left, cost = coins, ZERO
    for one in reversed(buys):
        taken = min(left, one.coins)
        cost += one.quote * taken / one.coins
        left -= taken
    return cost if left <= lot else None
