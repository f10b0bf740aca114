"""What both faces, REST and WebSocket, share: the core, the keys, the limits, and who is calling."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.simulator.errors import ApiError
from autotrader_v2.simulator.limits import PLACE, Allowance, Limit, RateLimiter
from autotrader_v2.simulator.signing import same

CLOCK_GAP_MAX_S = 60


@dataclass(slots=True)
class Desk:
    """The exchange behind its faces. `keys`: API key -> (secret, account); `clock_us`: the protocol clock, in µs.

    `tickers` remembers encoded tickers with the state of the market they show.
    """

    core: MatchingCore
    keys: Mapping[str, tuple[str, Account]]
    limiter: RateLimiter
    clock_us: Callable[[], int]
    traced: int = 0
    tickers: dict[str, tuple[tuple[int, ...], msgspec.Raw]] = field(default_factory=dict)

    def clock_ms(self) -> int:
        """The protocol's clock, in milliseconds."""
        return self.clock_us() // 1000

    def trace_id(self) -> str:
        """A new name for one request."""
        self.traced += 1
        return f"{self.traced:032x}"

    def account_of(self, key: str) -> tuple[str, Account]:
        """Secret and account of a key. Errors: `ApiError`."""
        known = self.keys.get(key)
        if known is None:
            raise ApiError("INVALID_KEY", "Invalid key provided")
        return known

    def check_clock(self, timestamp: str) -> None:
        """Errors: `ApiError` for a time that is no number or too far from ours."""
        try:
            gap_s = abs(self.clock_ms() / 1000 - float(timestamp))
        except (ValueError, OverflowError):
            gap_s = float("nan")
        if not gap_s <= CLOCK_GAP_MAX_S:
            raise ApiError(
                "REQUEST_EXPIRED", f"gap between request Timestamp and server time exceeds {CLOCK_GAP_MAX_S}"
            )

    def check_signature(self, given: str, right: str) -> None:
        """Errors: `ApiError` when they differ."""
        if not same(given.lower(), right):
            raise ApiError("INVALID_SIGNATURE", "Signature mismatch")


@dataclass(slots=True)
class Caller:
    """One client's call: its account, where it came from, and what its limits said last."""

    desk: Desk
    account: Account
    source: str = "apiv4"
    expires_ms: int = 0
    allowance: Allowance | None = field(default=None)

    def count(self, limit: Limit, *key: str) -> None:
        """Count this call against a limit of the account. Errors: `ApiError`."""
        self.allowance = self.desk.limiter.count((self.account.name, *key), limit, self.desk.core.now_ms())
        if not self.allowance.allowed:
            raise ApiError("TOO_MANY_REQUESTS", "Request Rate limit Exceeded (211)")

    def count_order(self, pair: str) -> None:
        """Count a placing or amending call of a market; refused ones count too. Errors: `ApiError`."""
        self.count(PLACE, "place", pair if pair in self.desk.core.pits else "")
