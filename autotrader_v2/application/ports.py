"""Every contract with the outside. Application code knows the world only through these."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from autotrader_v2.application.archive import Archive
from autotrader_v2.application.events import Alert, Decision, Priority, Record
from autotrader_v2.domain.cycle import TradingCycle
from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.domain.ladder import LadderParams, changed
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderResult, Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Pause, SwitchMode


class TradingError(Exception):
    """Base of every failure a person may see: what happened and what it means for the money, then what to do."""

    def __init__(self, what: str, *, do: str) -> None:
        super().__init__(f"{what} {do}")
        self.what, self.do = what, do


class NotSent(TradingError):
    """No byte of the order left this machine. Nothing was placed."""


class About(StrEnum):
    """What of ours a refusal contradicts."""

    RULES = "rules"
    BALANCE = "balance"
    OTHER = "other"


class Rejected(TradingError):
    """The exchange surely did not place it. `label` is the exchange's own word; `lasting` will not mend by waiting.

    `whole_account`: no market of this account can trade until a person acts (key, permission, account). `about`: what
    we believed wrongly.
    """

    def __init__(
        self,
        what: str,
        *,
        do: str,
        label: str,
        lasting: bool = False,
        whole_account: bool = False,
        about: About = About.OTHER,
    ) -> None:
        super().__init__(what, do=do)
        self.label, self.lasting, self.whole_account, self.about = label, lasting, whole_account, about


class OutcomeUnknown(TradingError):
    """It may have executed. `order_id` is the exchange's id if the answer told it, as a hint for `Exchange.find`.

    `traded`: it has, by a whole answer that says so; only its trades are not told yet. `halts`: the cause for which the
    market stops until a person has looked, even if the order becomes known; "": none.
    """

    def __init__(
        self,
        what: str,
        *,
        do: str = "The market waits until that is known.",
        order_id: str = "",
        traded: bool = False,
        halts: str = "",
    ) -> None:
        super().__init__(what, do=do)
        self.order_id, self.traded, self.halts = order_id, traded, halts


class ContractBroken(TradingError):
    """The exchange told of an order what cannot be: another side, another market. It is not booked."""


class ExchangeUnavailable(TradingError):
    """A read failed. Nothing is known and nothing has changed."""


class AccessRefused(ExchangeUnavailable):
    """The exchange refuses the key or the account: no read will succeed until a person acts. `label` is its word."""

    def __init__(self, what: str, *, do: str, label: str) -> None:
        super().__init__(what, do=do)
        self.label = label


class JournalUnavailable(TradingError):
    """The record could not be made durable (disk full, database locked, corrupt). Nothing was written."""


class JournalRefused(TradingError):
    """The journal's rules forbid it: a second open order of a market, a second buy of a step, a foreign database."""


@dataclass(frozen=True, slots=True)
class Found:
    """The exchange knows the order. `finished` False: it still rests or still fills; ask again.

    `traded`: of one that is not finished, it has traded, whether or not `result` has the trades yet. `rests`: it lies
    in the order book, where it may still trade.
    """

    result: OrderResult
    finished: bool
    traded: bool = False
    rests: bool = False


@dataclass(frozen=True, slots=True)
class NotSeen:
    """Complete reads of open orders, finished orders and own trades did not show it. Not yet proof of absence."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Units: coins of one currency. `locked` lies in open orders."""

    available: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """All coins the account has of it."""
        return self.available + self.locked


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """An order of the account that rests. `left`: what of its amount is not filled; `created_ms` by the exchange."""

    order_id: str
    client_id: str
    market: Market
    side: Side
    left: Decimal
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What an exchange tells of account and key. `kind`: classic, unified or "" when not told; None: not told."""

    kind: str = ""
    withdraws: bool | None = None
    trades: bool | None = None


class Clock(Protocol):
    """Our time. A played feed brings its own, faster one."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, by our clock; never goes back while the program runs."""

    def monotonic_s(self) -> float:
        """Seconds that never jump."""

    def wall_ms(self) -> int:
        """Milliseconds since the epoch as the machine's clock is set now: jumps when it is set or the machine slept."""

    def machine_s(self) -> float:
        """Seconds of real time that never jump, however fast a played feed's time goes."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for the event at most that long by this clock; True when it was set."""


class TimeCheck(NamedTuple):
    """How well the exchange's time is known: `now_ms` is off by at most `error_ms`, as measured `age_s` ago."""

    error_ms: float
    age_s: float


class Exchange(Protocol):
    """An account at an exchange. Every call may block on the network; none retries a write."""

    @property
    def name(self) -> str:
        """Short name used in `Market.exchange`."""

    def now_ms(self) -> int:
        """The exchange's time as best known; no I/O."""

    def time_check(self) -> TimeCheck | None:
        """How well that is known; None where it is this machine's own time. No I/O."""

    def send(self, intent: OrderIntent) -> OrderResult:
        """Send the order once and return what it filled, every trade of it with its id and fee.

        The client id is a label for finding the order again, not a key: sending it twice buys twice (row E3).
        The exchange refuses it when it arrives after `intent.expires_ms`.
        Errors: `NotSent` (no byte left), `Rejected` (surely not placed), `OutcomeUnknown` (ask `find`).
        """

    def find(self, intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        """Look for an order by id, in own trades, finished and open orders since shortly before it was decided.

        Errors: `ExchangeUnavailable` when any of these reads failed or was incomplete.
        """

    def own_trades(self, market: Market, since_ms: int) -> tuple[Fill, ...]:
        """All trades of the account in a market since then (exchange time), ours and foreign, oldest first."""

    def account_trades(self, since_ms: int) -> tuple[Fill, ...]:
        """All trades of the account in every market since then (exchange time), ours and foreign, oldest first.

        Errors: `ExchangeUnavailable`, also when the list is not complete.
        """

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """All orders of the account that rest, of every market. Errors: `ExchangeUnavailable`."""

    def account(self) -> AccountFacts:
        """What kind of account this is and what our key may do, as far as the exchange tells.

        Errors: `ExchangeUnavailable`.
        """

    def balances(self) -> Mapping[str, Holding]:
        """What the account holds, by currency; a currency without any may be missing."""

    def rules(self, markets: Sequence[Market]) -> Mapping[Market, MarketRules]:
        """Rules with the account's real taker fee. A market that the exchange does not know is missing."""

    def book(self, market: Market) -> Quote:
        """Read the order book now: best prices with levels, `from_book_read` set."""

    def tickers(self) -> Sequence[Quote]:
        """Best prices of all markets in one read; sizes not told. `exchange_ms` is the time the read began."""

    def warm(self) -> None:
        """Keep a connection ready for the next order; called every few seconds. Errors are the next order's problem."""

    def forget_refusal(self) -> None:
        """A person says that key and account are right now: what was refused is asked again at once. No I/O."""

    def close(self) -> None:
        """Give connections back."""


class AccountFeed(Protocol):
    """Own trades as they happen: the fast path; reads stay the truth."""

    def start(self, on_fill: Callable[[Fill], None], on_gap: Callable[[], None]) -> None:
        """Begin. `on_fill`: each own trade, ours and foreign, maybe twice. `on_gap`: some may have been missed."""

    def stop(self) -> None:
        """End; returns when no callback runs any more."""

    @property
    def connected(self) -> bool:
        """Whether trades come."""

    @property
    def fault(self) -> str:
        """Why the exchange refuses to tell them, in its own words; "" when it does not."""


@dataclass(frozen=True, slots=True)
class RateUse:
    """One of our own rate limits: `used` of `burst` calls at once, filled up again with `per_s`; `kept` are in reserve.

    `closed_s`: the exchange said it was too much, nothing leaves for so many seconds.
    """

    group: str
    used: float
    burst: int
    per_s: float
    kept: int = 0
    closed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """What the page says about prices. `family`: gate, synthetic, replay. `detail`: WebSocket, REST, a file name …"""

    family: str
    detail: str
    connected: bool
    last_message_ms: int


class MarketFeed(Protocol):
    """Prices of some markets."""

    def start(self, markets: Sequence[Market], on_quote: Callable[[Quote], None]) -> None:
        """Begin; `on_quote` is called from the feed's threads and returns at once."""

    def watch(self, markets: Sequence[Market]) -> Collection[Market]:
        """Follow these markets from now on instead. Returns those that it surely has no prices of."""

    def status(self) -> FeedStatus:
        """For people; no I/O."""

    def stop(self) -> None:
        """End; returns when no callback runs any more."""


class Candle(NamedTuple):
    """One interval of a market's past. `time_ms`: when it began. `volume` in coins, 0 where it is not known."""

    time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class CandleSource(Protocol):
    """The past of prices, for people's eyes only: nothing that trades asks it."""

    def candles(self, market: Market, interval_ms: int, limit: int) -> Sequence[Candle]:
        """The newest candles, oldest first. Errors: `ExchangeUnavailable`, also for a market that is not known."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a database belongs to; it never opens for anything else."""

    mode: str
    host: str
    account: str
    feed_family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An intent that was made durable, with the exchange's id of its order as far as it is known.

    `traded`: the exchange has said that it traded, and not yet told how.
    """

    intent: OrderIntent
    order_id: str = ""
    traded: bool = False


class Doubt(StrEnum):
    """Why a journal may not be the one that the last run left (row P10). Lasts until its owner confirms it."""

    NONE = ""
    # It lacks what was already written: an older copy was put in its place.
    OLDER = "older"
    # It has a history of its own: another file was put in its place.
    OTHER = "other"
    # Put back from a backup by `maintenance restore`.
    RESTORED = "restored"
    # The note beside it, of where it stood, is missing: it was copied or moved.
    UNPROVEN = "unproven"


class Trouble(StrEnum):
    """Why no order is made durable although there is room."""

    # Until a restart, which looks again.
    DAMAGED = "damaged"
    # As long as the file that was opened is not in its place.
    MISPLACED = "misplaced"
    # Another program has written to it; until a restart, which reads that.
    TAKEN = "taken"
    # A database server took a commit and never said whether it is durable; until a restart, which finds out.
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStatus:
    """How the journal is, for people; no I/O. Times are 0 as long as it has not happened in this run.

    `full`: the disk has no room, buys wait. `cause`: why no order is made durable at all, and `trouble` that in words.
    """

    commit_ms: float | None = None
    full: bool = False
    doubt: Doubt = Doubt.NONE
    cause: Trouble | None = None
    trouble: str = ""
    backup_ms: int = 0
    backup_error: str = ""
    checked_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentBuy:
    """An attempt to buy that left, or may have left. Units: `cost` in quote, 0 when it surely bought nothing."""

    client_id: str
    market: Market
    time_ms: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalState:
    """Everything memory is made of, as the journal tells it. Market None in `switches`: the global switch.

    `recent_buys`: those of the 24 hours before the newest buy at least; what never left is not among them.
    """

    instance: str
    next_number: int
    cycles: Mapping[Market, TradingCycle]
    switches: Mapping[Market | None, SwitchMode]
    pauses: Mapping[Market, Pause]
    params: Mapping[Market | None, Mapping[str, Any]]
    settings: Mapping[str, Any]
    open_attempts: tuple[OpenAttempt, ...]
    recent_buys: tuple[RecentBuy, ...] = ()
    doubt: Doubt = Doubt.NONE


class Journal(Protocol):
    """The durable record. The truth for ownership and intention."""

    # What the page asks of its long tables.
    archive: Archive

    def load(self) -> JournalState:
        """Fold everything into the present state."""

    def write(self, *records: Record) -> None:
        """Make the records durable in one transaction (fsynced) before returning. Thread-safe; commits are grouped.

        Errors: `JournalRefused` (a rule forbids it), `JournalUnavailable` (nothing was written).
        """

    @property
    def last_commit_ms(self) -> float | None:
        """How long the last transaction took on the wall, in milliseconds; for people."""

    @property
    def full(self) -> bool:
        """Whether the disk has no room, so that buys wait; asked about before every buy."""

    def status(self) -> JournalStatus:
        """How it is; no I/O."""

    def listen(self, on_news: Callable[[str, Priority, Mapping[str, str]], None]) -> None:
        """Be told once when it gets into trouble and once when that ends: an alert's code, priority, values."""

    def confirm(self, by: str) -> Doubt:
        """The owner has compared the account with it: it is right from now on. Returns the doubt that ended.

        Errors: `JournalUnavailable`.
        """

    def note(self, decision: Decision) -> None:
        """Keep a decision for the page; written soon, in the background. Never blocks, never raises."""

    def note_equity(self, sample: EquitySample, forget: Sequence[int] = ()) -> None:
        """Keep a sample and let go of older ones by id; written soon, in the background. Never blocks, never raises."""

    def fills_of(self, client_id: str) -> tuple[Fill, ...]:
        """Fills already booked for one of our orders."""

    def attempt_of(self, client_id: str) -> OpenAttempt | None:
        """The order attempt of a label, whatever became of it; None: this journal never wrote it."""

    def new_number(self) -> int:
        """The next order number; never given twice in the life of the database, also after a crash.

        Errors: `JournalUnavailable` when the database has been unusable for hundreds of orders.
        """

    def trades(self, market: Market | None, limit: int, before: int | None = None) -> Sequence[Mapping[str, Any]]:
        """The trade log, newest first: one row per booked fill with its order's why and step."""

    def decisions(self, market: Market | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest decisions."""

    def alerts(self, limit: int) -> Sequence[Alert]:
        """The newest alerts, newest first."""

    def cycle_history(self, market: Market, limit: int) -> Sequence[Mapping[str, Any]]:
        """Closed cycles, newest first."""

    def results(self, market: Market | None, since_ms: int) -> Sequence[Mapping[str, Any]]:
        """What each sale since then earned, oldest first: `time_ms`, `symbol`, `result` (quote, text)."""

    def orders(self, market: Market | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest order attempts with their states."""

    def balances(self, start: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        """What an account that began with `start` has after all booked fills (the paper account)."""

    def idempotent(self, key: str, request_hash: str) -> Mapping[str, Any] | None:
        """The stored answer of a request key. Errors: `JournalRefused` when the key was used for another request."""

    def remember(self, key: str, request_hash: str, answer: Mapping[str, Any]) -> None:
        """Store the answer of a request key."""

    def close(self) -> None:
        """Write what is pending, end."""


class Scope(StrEnum):
    """What a token may do: only look, also trade, also everything that a person at the page may."""

    READ = "read"
    TRADE = "trade"
    ADMIN = "admin"

    def covers(self, other: "Scope") -> bool:
        """Whether it allows what needs that scope."""
        return _SCOPES.index(self) >= _SCOPES.index(other)


_SCOPES = tuple(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A token or the page's password, as it is stored: never what a person shows, only its digest.

    `kind`: token, password. Times are None until it happens.
    """

    id: str
    kind: str
    name: str
    scope: Scope
    digest: str
    created_ms: int
    created_by: str
    used_ms: int | None = None
    revoked_ms: int | None = None


class CredentialStore(Protocol):
    """Keeps credentials in the journal's database. Errors of writes: `JournalUnavailable`."""

    def credentials(self) -> Sequence[Credential]:
        """All of them, oldest first, revoked ones too."""

    def add_credential(self, one: Credential) -> None:
        """Keep a new one."""

    def credential_used(self, id: str, time_ms: int) -> None:
        """Note when it was used last."""

    def revoke_credential(self, id: str, time_ms: int) -> None:
        """It is worth nothing from now on."""


class Notifier(Protocol):
    """Tells the person. Never blocks, never raises."""

    def alert(self, alert: Alert) -> None:
        """Pass it on."""


def by_market(rules: Iterable[MarketRules]) -> dict[Market, MarketRules]:
    """Rules keyed by their market."""
    return {one.market: one for one in rules}


def merged_params(common: LadderParams, own: Mapping[str, Any]) -> LadderParams:
    """A market's ladder: the common one with its own values over it."""
    return changed(common, dict(own)) if own else common
