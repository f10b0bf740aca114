"""What both faces, REST and WebSocket, share: the core, the keys, the limits, and who is calling."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.matching.records import Thin
from autotrader_v2.simulator.balance_memory import BalanceMemory
from autotrader_v2.simulator.errors import ApiError
from autotrader_v2.simulator.limits import PLACE, Allowance, Limit, RateLimiter
from autotrader_v2.simulator.signing import same

CLOCK_GAP_MAX_S = 60

# state of a key -> label and message of the refusal
_KEY_STATES = {
    "revoked": ("INVALID_KEY", "Invalid key provided"),
    "ip_forbidden": ("IP_FORBIDDEN", "IP not in the whitelist of the key"),
    "locked": ("ACCOUNT_LOCKED", "The account is locked"),
}


@dataclass(slots=True)
class KeyRights:
    """What a key may do. `state`: ok, revoked, ip_forbidden or locked."""

    state: str = "ok"
    read_only: bool = False
    withdraw: bool = False


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
    rights: defaultdict[str, KeyRights] = field(default_factory=lambda: defaultdict(KeyRights))
    memory: BalanceMemory = field(default_factory=BalanceMemory)

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
        refused = _KEY_STATES.get(self.rights[key].state)
        if refused is not None:
            raise ApiError(*refused)
        return known

    def check_may_write(self, account: Account) -> None:
        """Errors: `ApiError` when the account's key may only read."""
        if self.rights[account.name].read_only:
            raise ApiError("READ_ONLY", "The API key is read only")

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
    """One client's call: its account, where it came from, and what its limits said last.

    `lag_ms`: how old what it is shown of the account is; `thin`: how much of its size an order finds.
    """

    desk: Desk
    account: Account
    source: str = "apiv4"
    expires_ms: int = 0
    allowance: Allowance | None = field(default=None)
    lag_ms: int = 0
    thin: Thin | None = None

    @property
    def knobs(self) -> Knobs:
        """The exchange's behaviour as this call sees it."""
        knobs = self.desk.core.knobs
        return replace(knobs, visible_after_ms=max(knobs.visible_after_ms, self.lag_ms)) if self.lag_ms else knobs

    def shown_until_ms(self, to_ms: int | None) -> int | None:
        """The end of a period, not later than what is shown at all."""
        if not self.lag_ms:
            return to_ms
        shown_ms = self.desk.core.now_ms() - self.lag_ms
        return shown_ms if to_ms is None else min(to_ms, shown_ms)

    def count(self, limit: Limit, *key: str) -> None:
        """Count this call against a limit of the account. Errors: `ApiError`."""
        self.allowance = self.desk.limiter.count((self.account.name, *key), limit, self.desk.core.now_ms())
        if not self.allowance.allowed:
            raise ApiError("TOO_MANY_REQUESTS", "Request Rate limit Exceeded (211)")

    def count_order(self, pair: str) -> None:
        """Count a placing or amending call of a market; refused ones count too. Errors: `ApiError`."""
        self.count(PLACE, "place", pair if pair in self.desk.core.pits else "")
