"""What accounts held a moment ago, for answers that lag behind."""

from collections import deque
from collections.abc import Mapping

from autotrader_v2.matching.accounts import Account, Balance
from autotrader_v2.matching.records import BalanceChanged

_KEPT_MS = 120_000


class BalanceMemory:
    """The changes of the last two minutes, of all accounts."""

    def __init__(self) -> None:
        # time, account, currency, and what was held before
        self._changes: deque[tuple[int, str, str, Balance]] = deque()

    def hear(self, event: BalanceChanged, now_ms: int) -> None:
        """Remember what was there before a change."""
        before = Balance(event.available - event.change + event.freeze_change, event.locked - event.freeze_change)
        self._changes.append((now_ms, event.account.name, event.currency, before))
        while self._changes[0][0] < now_ms - _KEPT_MS:
            self._changes.popleft()

    def as_of(self, account: Account, time_ms: int) -> Mapping[str, Balance]:
        """Balances at that moment, by currency."""
        then = dict(account.balances)
        for changed_ms, name, currency, before in reversed(self._changes):
            if changed_ms <= time_ms:
                break
            if name == account.name:
                then[currency] = before
        return then
