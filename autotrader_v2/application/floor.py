"""What the parts of the engine share: the outside ports, board, wallet, slots, the account-wide switches."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import structlog

from autotrader_v2.application.afterwards import Afterwards
from autotrader_v2.application.alerts import Alerts
from autotrader_v2.application.events import Alert, Bus, MarketChanged, Priority, SettingSet
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.limits import BuyLimits
from autotrader_v2.application.ports import Clock, Exchange, Journal, Notifier, TradingError
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.standstill import Standstill
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.ladder import LadderParams, Reserve
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.situation import Pause, SwitchMode, stricter

_log = structlog.get_logger()
# The account's pause while the journal is in doubt.
JOURNAL_REPLACED = "journal_replaced"
# Pauses that a person's own command made: nothing is wrong.
PAUSES_BY_PERSON = frozenset({"sold_by_you", "sold_in_part_by_you", "reset_by_you"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderConfig:
    """Times and first limits of the engine. Units: seconds or milliseconds as named; by the engine's clock."""

    loop_interval_s: float = 1.0
    max_quote_age_ms: int = 3000
    order_life_ms: int = 3000
    slow_commit_ms: int = 500
    reconcile_s: float = 60.0
    # Two readings this far apart must agree before coins count as gone.
    reconcile_confirm_s: float = 5.0
    # A balance may lag that far behind our own fill: as many coins as were just bought may only be on their way.
    balance_lag_s: float = 30.0
    stop_wait_s: float = 10.0
    warm_s: float = 5.0
    # Rules, fees and trade status of the markets are read again this often.
    rules_s: float = 600.0
    # False for a played feed: its time leaps by design, and nothing is told about leaps and silence.
    real_time: bool = True
    workers: int = 2
    senders: int = 32
    # A reading is asked for again this often while a market waits for one.
    balance_retry_s: float = 2.0
    # Proof of absence: this long after expiry, that many complete reads, this far apart.
    clock_error_ms: int = 1000
    visibility_ms: int = 10_000
    absence_reads: int = 3
    absence_gap_s: float = 2.0
    # What buys may do until the owner sets it (then the journal knows).
    order_limits: OrderLimits = field(default_factory=OrderLimits)


@dataclass(slots=True)
class Floor:
    """Shared by the engine's parts; each attribute is either thread-safe or replaced in one assignment."""

    exchange: Exchange
    journal: Journal
    clock: Clock
    notifier: Notifier
    bus: Bus
    board: QuoteBoard
    wallet: Wallet
    config: TraderConfig
    home_quote: str
    common: LadderParams = field(default_factory=LadderParams)
    # Held by whoever changes the account-wide switch or pause, while the change is made durable: memory and journal see
    # the changes in the same order.
    account_lock: threading.Lock = field(default_factory=threading.Lock)
    global_switch: SwitchMode = SwitchMode.ON
    account_pause: Pause | None = None
    # Set while the trader is held or ends: decisions of the engine, claimed ones too, no longer leave.
    holding: threading.Event = field(default_factory=threading.Event)
    # Set when the program must end at once: no order leaves any more, a person's neither.
    sending_ended: threading.Event = field(default_factory=threading.Event)
    # Why nothing may leave for now: the clock is wrong, the exchange is away, the account is being checked.
    standstill: Standstill = field(default_factory=Standstill)
    slots: dict[Market, Slot] = field(default_factory=dict)
    # Set when balances should be read now; the reader clears it.
    want_balances: threading.Event = field(default_factory=threading.Event)
    # Set when reconciliation should run now.
    want_reconcile: threading.Event = field(default_factory=threading.Event)
    in_flight: set[str] = field(default_factory=set)
    # Log lines and notes, written when the orders of this moment have left.
    afterwards: Afterwards = field(default_factory=Afterwards)
    alerts: Alerts = field(default_factory=Alerts)
    # Why the last intent could not be made durable; "": it could.
    journal_failing: str = ""
    buy_limits: BuyLimits = field(init=False)

    def __post_init__(self) -> None:
        self.buy_limits = BuyLimits(self.board, self.config.order_limits)

    def slot_of(self, currency: str) -> Slot | None:
        """The slot of a currency against the home quote."""
        market = Market(self.exchange.name, currency, self.home_quote)
        return self.slots.get(market)

    def mode_of(self, slot: Slot) -> SwitchMode:
        """The stricter of the market's and the global switch; an account pause that still sells makes it sell_only."""
        mode = stricter(slot.state.switch, self.global_switch)
        if self.account_pause is not None:
            mode = stricter(mode, SwitchMode.SELL_ONLY if self.account_pause.sells else SwitchMode.OFF)
        return mode

    def stops_persons_buy(self, slot: Slot) -> Pause | None:
        """What even a buy by hand waits for: a pause that somebody has to look at first, not one of their own."""
        if self.account_pause is not None:
            return self.account_pause
        pause = slot.state.pause
        return None if pause is None or pause.cause in PAUSES_BY_PERSON else pause

    def changed(self, slot: Slot) -> None:
        """Tell listeners that something about the market can be seen."""
        self.bus.tell(MarketChanged(slot.market))

    def alert(
        self,
        code: str,
        priority: Priority,
        market: Market | None = None,
        values: Mapping[str, str] | None = None,
        *,
        kept: bool = False,
    ) -> Alert:
        """Tell the person, and the journal; the same again within a while is counted only.

        `kept`: the caller journals what is returned, together with what caused it.
        """
        alert = Alert(code=code, priority=priority, time_ms=self.clock.now_ms(), market=market, values=values or {})
        told = self.alerts.offer(alert)
        if told is not None:
            self.bus.tell(told)
            self.notifier.alert(told)
            if not kept:
                self.alerts.keep(told)
        return alert

    def pause_account(self, pause: Pause | None, by: str) -> None:
        """Pause every market of the account, or (None) let them go on. Survives a restart.

        Errors: `JournalUnavailable`; a new pause then holds in memory all the same, and an old one is not ended.
        """
        value = None if pause is None else {"cause": pause.cause, "since_ms": pause.since_ms, "sells": pause.sells}
        if pause is not None and value is not None:
            value["values"] = [list(pair) for pair in pause.values]
        with self.account_lock:
            if pause is not None:
                self.account_pause = pause
            self.journal.write(SettingSet(name="account_pause", value=value, by=by, time_ms=self.clock.now_ms()))
            self.account_pause = pause

    def refused_account(self, label: str, what: str) -> None:
        """The exchange refuses the key or the account: pause everything, once, until a person resumes."""
        pause = Pause(cause="account_refused", since_ms=self.clock.now_ms(), values=(("label", label),))
        with self.account_lock:
            now = self.account_pause
            if now is not None and now.cause == "account_refused":
                return
            self.account_pause = pause
        self.alert("account_paused", Priority.HIGH, None, {"label": label, "what": what})
        try:
            self.pause_account(pause, by="engine")
        except TradingError as error:
            _log.error("the account's pause holds but could not be noted", what=error.what)

    def publish_cycle(self, slot: Slot) -> None:
        """Tell the wallet what the market's cycle cost and what of its ladder others may not touch."""
        cycle = slot.state.cycle
        if isinstance(cycle, Active):
            self.wallet.set_cycle(slot.market, cycle.invested, reserve_of(cycle))
        else:
            self.wallet.set_cycle(slot.market, ZERO, ZERO)


def reserve_of(cycle: Active) -> Decimal:
    """What of a running ladder new starts of other markets may not touch, in quote."""
    match cycle.params.reserve:
        case Reserve.NONE:
            return ZERO
        case Reserve.NEXT_STEP:
            return cycle.next_step.quote if cycle.next_step else ZERO
        case Reserve.LADDER:
            return cycle.table.cost_ahead


def market_log(market: Market) -> structlog.stdlib.BoundLogger:
    """A logger whose lines begin with `[AutoTraderV2][BTC]`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger().bind(currency=market.base)
    return logger
