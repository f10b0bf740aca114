"""AutoTraderV2: the engine's face. Threads, start and stop; what they do lives in the modules it puts together."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from decimal import Decimal
from typing import Any

import structlog

from autotrader_v2.application.account_check import SETTING as ACCOUNT_FACTS
from autotrader_v2.application.account_check import AccountCheck
from autotrader_v2.application.alerts import KEPT as ALERTS_KEPT
from autotrader_v2.application.booking import Booking
from autotrader_v2.application.bookkeeper import Bookkeeper
from autotrader_v2.application.commands import Commands
from autotrader_v2.application.crew import Crew, ThreadCrew
from autotrader_v2.application.deciding import Decider
from autotrader_v2.application.differences import ReconcileReport
from autotrader_v2.application.events import Outcome, Priority
from autotrader_v2.application.execute_trade import ExecuteTrade
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.health import Health, health_of
from autotrader_v2.application.isolation import Isolation
from autotrader_v2.application.late_fills import SETTING as NOT_IN_JOURNAL
from autotrader_v2.application.late_fills import LateFills
from autotrader_v2.application.lines import Doing, Line, doing
from autotrader_v2.application.market_list import MarketList
from autotrader_v2.application.market_rules import RulesKeeper
from autotrader_v2.application.outbox import Claim, Outbox
from autotrader_v2.application.ports import (
    AccessRefused,
    AccountFeed,
    ExchangeUnavailable,
    JournalRefused,
    JournalState,
    MarketFeed,
    TradingError,
)
from autotrader_v2.application.presets import LADDER_PRESETS, Presets
from autotrader_v2.application.quick_trade import Done, QuickTrade
from autotrader_v2.application.reach import Reach, WatchedExchange
from autotrader_v2.application.readings import BalanceReader
from autotrader_v2.application.recheck import Recheck
from autotrader_v2.application.reconcile import Reconciler
from autotrader_v2.application.recovery import known_slots, restore, restore_account
from autotrader_v2.application.resolve import Resolver
from autotrader_v2.application.second_instance import SETTING as OTHERS_ENDED
from autotrader_v2.application.second_instance import SecondInstance
from autotrader_v2.application.sell_everything import SETTING as SELLING
from autotrader_v2.application.sell_everything import SellEverything
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.supervise import Supervisor, WatchedClock
from autotrader_v2.application.timekeeping import Timekeeper
from autotrader_v2.application.vigil import Vigil
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import OrderIntent
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import NeedBook, Reason, SwitchMode

_log = structlog.get_logger()
_CONNECT_RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_ACCOUNT_EVERY_S = 3600.0
_BOOK_READS_APART_S = 0.5
_SETTLE_POLL_S = 0.01
_SWEPT_AT_ONCE = 50
VERSION = "v2"


class AutoTraderV2:
    """Trades the given markets until stopped. One instance per database."""

    def __init__(
        self,
        floor: Floor,
        feed: MarketFeed,
        state: JournalState,
        markets: Sequence[Market],
        *,
        first_switches: Mapping[Market, SwitchMode],
        account_feed: AccountFeed | None = None,
        crew: Crew | None = None,
        primary: Market | None = None,
        used_s: Callable[[int], float | None] = lambda _: None,
        life: str = "",
    ) -> None:
        """`life`: what this process's labels have of their own (see `ClientId`); random where copies may meet."""
        self.floor = floor
        self.feed = feed
        self.account_feed = account_feed
        self._stopping = threading.Event()
        self.supervisor = Supervisor(
            crew or ThreadCrew(floor.config.senders), floor.clock, self._stopping, self._line_failed, used_s
        )
        floor.clock = WatchedClock(floor.clock)
        self.reach = Reach(floor.clock)
        floor.exchange = WatchedExchange(floor.exchange, self.reach)
        floor.journal.listen(self._journal_news)
        self._state = state
        self._markets = tuple(markets)
        self._first_switches = first_switches
        self.market_list = MarketList(floor, feed, state, markets, primary)
        self.isolation = Isolation(floor)
        self._decider = Decider(floor, state.instance, life)
        self._booking = Booking(floor)
        self.reader = BalanceReader(floor)
        self._resolver = Resolver(floor, self._booking, self.reader, self.supervisor.submit)
        self._rules = RulesKeeper(floor)
        self._account_check = AccountCheck(floor, state.settings.get(ACCOUNT_FACTS))
        self._execute = ExecuteTrade(floor, self._booking, self._resolver, self._rules)
        self.late_fills = LateFills(floor, self._booking, state.instance, state.settings.get(NOT_IN_JOURNAL) or ())
        self._second_instance = SecondInstance(floor, state.instance, life, state.settings.get(OTHERS_ENDED))
        self.reconciler = Reconciler(floor, self.reader, self.late_fills, self._second_instance, account_feed)
        self.recheck = Recheck(floor, self.reconciler)
        self.timekeeper = Timekeeper(floor, self.recheck)
        self._vigil = Vigil(self, self.timekeeper)
        self.bookkeeper = Bookkeeper(floor)
        self.commands = Commands(floor, self._decider, self.reader)
        self.presets = Presets(floor, state.settings.get(LADDER_PRESETS))
        self.quick_trade = QuickTrade(floor, self._decider, self.reader, self._submit)
        self.sell_everything = SellEverything(
            floor, self.commands, self.quick_trade, self.supervisor.once, self._stopping
        )
        self._outbox = Outbox(self.supervisor.submit, self._make_durable, self._send)
        self._carrying = 0
        self._carrying_lock = threading.Condition()
        self._started = threading.Event()
        floor.board.on_book_wanted = self._want_book
        self.phase = "new"
        # Why it does not trade yet although it was started, since when by our clock; None: it does, or never tried.
        self.start_waits: tuple[TradingError, int] | None = None
        # Since when a start asks the exchange for the first time, by our clock; 0: it does not.
        self.asks_since_ms = 0
        # What the journal alone tells, until the exchange has told its rules.
        self._known: tuple[Slot, ...] = ()
        self.running_ms = 0
        self.missing: tuple[Market, ...] = ()

    # -- life

    @property
    def running(self) -> bool:
        """Whether prices are being decided on."""
        return self.phase == "running" and not self.floor.holding.is_set()

    def start(self) -> None:
        """Begin: ask the exchange for rules and balances (again and again until it answers), resolve, then trade."""
        if self.phase == "running":
            self.floor.holding.clear()
            self._mark_all_due()
            return
        self.phase = "starting"
        self.supervisor.once("boot", self._boot_or_say_why)

    def wait_started(self, timeout_s: float) -> bool:
        """Wait until it trades (or could not start); False while the exchange is still being asked."""
        return self._started.wait(timeout_s)

    def hold(self) -> None:
        """Stop deciding (the API's stop): nothing new is sent, what is in flight finishes, prices go on."""
        self.floor.holding.set()
        self._wait_for_orders()

    def stop_sending(self) -> None:
        """From now on no order leaves, a person's neither, until the program is started anew (row P13). Never waits."""
        self.floor.sending_ended.set()
        self.floor.holding.set()

    def stop(self) -> None:
        """End: no new decision, wait for what is in flight (at most `stop_wait_s`), end the threads, close."""
        if self.phase == "stopped":
            return
        self.phase = "stopping"
        self.floor.holding.set()
        self._stopping.set()
        floor = self.floor
        self.feed.stop()
        if self.account_feed is not None:
            self.account_feed.stop()
        if not self._wait_for_orders():
            _log.warning("an order is still out; the next start finds out what became of it")
        floor.want_balances.set()
        floor.want_reconcile.set()
        self._resolver.stop()
        self.late_fills.stop()
        self.recheck.stop()
        floor.alerts.stop()
        self.bookkeeper.stop()
        floor.afterwards.stop()
        floor.board.wake_workers(floor.config.workers)
        floor.bus.stop()
        self.supervisor.end()
        floor.afterwards.finish()
        floor.alerts.write(floor.journal)
        floor.exchange.close()
        floor.journal.close()
        self.phase = "stopped"

    def settle(self) -> None:
        """Wait until everything due is decided and carried out (a played feed at full speed calls it at each quote)."""
        board, wanted = self.floor.board, self.floor.want_balances
        while not self._stopping.is_set() and self.phase == "running":
            decided = board.wait_idle(_SETTLE_POLL_S)
            with self._carrying_lock:
                carried = self._carrying_lock.wait_for(lambda: not self._carrying, _SETTLE_POLL_S)
            if wanted.is_set() or self.reader.busy:
                self._stopping.wait(_SETTLE_POLL_S / 10)
            elif decided and carried and board.wait_idle(0):
                return

    # -- reading

    def get_status(self) -> dict[str, Any]:
        """Phase, switches, counts."""
        floor = self.floor
        active = sum(isinstance(slot.state.cycle, Active) for slot in floor.slots.values())
        return {
            "running": self.running,
            "phase": self.phase,
            "version": VERSION,
            "markets": len(floor.slots),
            "active": active,
            "orders_in_flight": len(floor.in_flight),
            "late_fill_total": self._booking.late_fills,
            "global_switch": floor.global_switch.value,
        }

    def get_cycle_info(self, currency: str) -> Slot:
        """The slot of a currency; its `state` is one frozen value. Errors: `CommandRefused` (404)."""
        return self.commands.slot(currency)

    @property
    def loaded(self) -> JournalState:
        """What the journal held at the start; of a market that is missing at the exchange it is all there is."""
        return self._state

    def get_all_cycles(self) -> list[Slot]:
        """All slots, in the order of the settings; before the exchange has answered what the journal alone knows of.

        These are open cycles and orders of unknown outcome, to be read only.
        """
        return list(self.floor.slots.values()) or list(self._known)

    def health(self) -> Health:
        """How each part is: no lock, no I/O; from any thread at any phase."""
        return health_of(self)

    # -- wishes: each is journalled, refused with a reason, and never waits for the network unless it says so

    def switch(self, currency: str | None, mode: SwitchMode, by: str, *, only_from: SwitchMode | None = None) -> None:
        """Set a market's switch, or the global one (None): on, finish, sell_only, off. `only_from`: see `Commands`."""
        self.commands.switch(currency, mode, by, only_from=only_from)

    def reset_cycle(self, currency: str, by: str) -> None:
        """Forget the cycle without selling and pause the market."""
        self.commands.reset_cycle(currency, by)

    def resume_cycle(self, currency: str | None, by: str) -> None:
        """End a pause of a market, or (None) of the account; after a comparison that also confirms the journal."""
        if currency is None and self.reconciler.completed:
            self.commands.confirm_journal(by)
        # Before the pause ends: what was refused before must not pause it again.
        self.floor.exchange.forget_refusal()
        if self.floor.account_pause is not None:
            self._second_instance.ended(by)
        self.commands.resume_cycle(currency, by)

    def adopt(self, currency: str, *, price: Decimal | None, from_trades: bool, by: str) -> None:
        """Hand coins outside the cycle to it. Reads balances, and trades when asked to."""
        self.commands.adopt(currency, price=price, from_trades=from_trades, by=by)

    def buy(self, currency: str, quote_amount: Decimal | None, by: str, *, shown_price: Decimal | None = None) -> Done:
        """Quick Trade: buy now. Waits at most 10 s for the answer."""
        return self.quick_trade.buy(self.commands.slot(currency), quote_amount, by, shown_price=shown_price)

    def sell_all(self, currency: str, then: str, by: str) -> Done:
        """Quick Trade: sell everything now. Waits at most 10 s for the answer."""
        return self.quick_trade.sell_all(self.commands.slot(currency), then, by)

    def compare_only(self) -> ReconcileReport:
        """Without starting: compare the account with the books, which follow what its trades explain. Trades nothing.

        Errors: `ExchangeUnavailable`, `JournalUnavailable`.
        """
        floor = self.floor
        rules = floor.exchange.rules(self._markets)
        self.reader.read()
        ordered = {market: rules[market] for market in self._markets if market in rules}
        restore_account(floor, self._state)
        restore(floor, self._state, ordered, self._first_switches)
        return self.reconciler.reconcile_surely()

    # -- threads

    def _journal_news(self, code: str, priority: Priority, values: Mapping[str, str]) -> None:
        self.floor.alert(code, priority, None, values)

    def _line_failed(self, line: Line) -> None:
        """A line of work failed; it is begun again by itself."""
        values = {"line": line.name, "error": line.error, "count": str(line.restarts)}
        _log.error("a line of work ended; it is begun again", **values)
        self.floor.alert("line_failed", Priority.HIGH, None, values)

    def _boot_or_say_why(self) -> None:
        try:
            self._boot()
        except Exception:
            self.phase = "failed"
            _log.exception("the engine could not start; nothing is traded")
            self.floor.alert("start_failed", Priority.HIGH)
        finally:
            self._started.set()

    def _show_what_is_known(self) -> None:
        """The safe state, from the journal alone, however long the exchange is away."""
        floor = self.floor
        restore_account(floor, self._state)
        self._known = known_slots(floor, self._state, self._markets)
        floor.alerts.recall(floor.journal.alerts(ALERTS_KEPT))

    def _ask_until_told(self) -> tuple[Mapping[Market, MarketRules], Sequence[Slot]]:
        """Rules and balances, asked for until the exchange tells them; and the slots whose order is unknown.

        Nothing of both when it is stopped before.
        """
        floor = self.floor
        attempt, shown, told = 0, False, False
        self.asks_since_ms = floor.clock.now_ms()
        while not self._stopping.is_set():
            try:
                if not shown:
                    self._show_what_is_known()
                    shown = True
                rules = floor.exchange.rules(self._markets)
                self.reader.read()
                ordered = {market: rules[market] for market in self._markets if market in rules}
                unknown = restore(floor, self._state, ordered, self._first_switches)
                self._known, self.start_waits, self.asks_since_ms = (), None, 0
                return ordered, unknown
            except JournalRefused:
                raise  # waiting would not mend it
            except TradingError as error:
                _log.warning("the engine cannot start yet; trading waits", what=error.what, do=error.do)
                since_ms = floor.clock.now_ms() if self.start_waits is None else self.start_waits[1]
                self.start_waits = error, since_ms
                if isinstance(error, AccessRefused) and not told:
                    told = True
                    floor.alert("access_refused", Priority.HIGH, None, {"label": error.label, "what": error.what})
            floor.clock.wait(self._stopping, _CONNECT_RETRY_S[min(attempt, len(_CONNECT_RETRY_S) - 1)])
            attempt += 1
        return {}, ()

    def _boot(self) -> None:
        floor, spawn = self.floor, self.supervisor.spawn
        spawn("bus", floor.bus.run)
        spawn("alerts", lambda: floor.alerts.run(self._stopping, floor.clock, floor.journal))
        # While nobody looked, time may have leapt.
        spawn("vigil", lambda: self._vigil.run(self._stopping), again=lambda: self.recheck.demand("time_leapt"))
        ordered, unknown = self._ask_until_told()
        if self._stopping.is_set():
            return
        self.missing = tuple(market for market in self._markets if market not in ordered)
        for market in self.missing:
            market_log(market).error("the exchange does not know this market; it is left out")
        for slot in unknown:
            self._resolver.watch(slot)
        self._second_instance.started()
        if self._state.settings.get(SELLING):
            self.sell_everything.interrupted()
        self._compare_first()
        self._account_check.check()
        if floor.config.real_time:
            self.timekeeper.compare()
        spawn("afterwards", lambda: floor.afterwards.run(self._stopping))
        for number in range(floor.config.workers):
            spawn(f"worker-{number}", self.work)
        spawn("resolver", lambda: self._resolver.run(self._stopping))
        spawn("late-fills", lambda: self.late_fills.run(self._stopping))
        spawn("balances", lambda: self.reader.run(self._stopping), again=floor.want_balances.set)
        spawn("reconcile", lambda: self.reconciler.run(self._stopping), again=floor.want_reconcile.set)
        spawn("sweep", self._sweep)
        spawn("keeper", self._keep)
        spawn("recheck", lambda: self.recheck.run(self._stopping), again=self.recheck.again)
        spawn("bookkeeper", lambda: self.bookkeeper.run(self._stopping))
        if self.account_feed is not None:
            self.account_feed.start(self.reconciler.on_fill, self._on_gap)
        self.running_ms = floor.clock.now_ms()
        self.phase = "running"
        self.feed.start(tuple(ordered), self._on_quote)
        _log.info("trading", markets=len(ordered), exchange=floor.exchange.name)

    def _compare_first(self) -> None:
        """The exchange against memory before anything trades; a shortage makes its market hold by itself."""
        try:
            self.reconciler.reconcile()
        except TradingError as error:
            _log.warning("the first reconciliation failed; nothing is sent before one is complete", what=error.what)
            self.recheck.demand("start")

    def _on_quote(self, quote: Quote) -> None:
        self.floor.board.offer(quote)

    def _on_gap(self) -> None:
        # A stream that (re)connected says that the exchange is there.
        self.reach.leave_peace()
        self.floor.want_reconcile.set()

    def work(self) -> None:
        """A worker's life: decide what is due, until the board gives no market. Never raises for one market."""
        floor = self.floor
        while not self._stopping.is_set():
            with doing(Doing.WAITS):
                market = floor.board.take()
            if market is None:
                return
            try:
                # A market that has left the list may still be due.
                if (slot := floor.slots.get(market)) is not None:
                    self._decide(slot)
            finally:
                floor.board.done()

    def _decide(self, slot: Slot, quote: Quote | None = None) -> None:
        """One decision and what follows from it; none while the trader is held or ending."""
        if self.floor.holding.is_set() or self._stopping.is_set() or self.isolation.holds(slot):
            return
        try:
            wanted, news = self._decider.step(slot, quote)
        except Exception as error:
            # One market's defect must not end the line that serves the others.
            self.isolation.failed(slot, error)
            return
        if isinstance(wanted, NeedBook):
            self._want_book(slot.market)
            return
        if isinstance(wanted, OrderIntent):
            self._count(+1)
            self._outbox.put((slot, wanted))
        # Writing wakes another thread: not before the order is on its way.
        self.isolation.well(slot)
        if news is not None:
            self._decider.tell(slot, news)

    def _want_book(self, market: Market) -> None:
        """Have the order book read on a sender: one read per market at a time, two a second at most."""
        slot = self.floor.slots.get(market)
        if slot is None or slot.reading_book or self._stopping.is_set() or self.isolation.holds(slot):
            return
        now_s = self.floor.clock.monotonic_s()
        if now_s - slot.book_read_s < _BOOK_READS_APART_S:
            return
        slot.reading_book, slot.book_read_s = True, now_s
        self._count(+1)
        self.supervisor.submit(self._read_book, slot)

    def _make_durable(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        durable: Sequence[Claim] = ()
        try:
            durable = self._execute.make_durable(claims)
        except Exception:
            _log.exception("making intents durable failed; the orders count as unknown")
            for slot, _ in claims:
                self._resolver.watch(slot)
        if len(durable) != len(claims):
            self._count(len(durable) - len(claims))
        return durable

    def _send(self, claim: Claim) -> None:
        slot, intent = claim
        try:
            self._execute.send(slot, intent)
        except Exception:
            market_log(slot.market).exception("carrying out failed; the order counts as unknown")
            self._resolver.watch(slot)
        finally:
            self._count(-1)

    def _submit(self, slot: Slot, intent: OrderIntent) -> "Future[Outcome | None]":
        """An order somebody waits for goes by itself."""
        self._count(+1)
        return self.supervisor.submit(self._carry_out, slot, intent)

    def _carry_out(self, slot: Slot, intent: OrderIntent) -> Outcome | None:
        try:
            return self._execute(slot, intent)
        except Exception:
            market_log(slot.market).exception("carrying out failed; the order counts as unknown")
            self._resolver.watch(slot)
            return None
        finally:
            self._count(-1)

    def _read_book(self, slot: Slot) -> None:
        floor = self.floor
        try:
            book = floor.exchange.book(slot.market)
            floor.board.offer(book)
            newest = floor.board.newest(slot.market)
            # A quote that came meanwhile is newer: it decides when its own turn comes.
            if newest is book:
                self._decide(slot, book)
            else:
                # It vouches for prices near its own all the same.
                with slot.lock:
                    slot.knows(book.bid)
                floor.board.mark_due(slot.market)
        except ExchangeUnavailable as error:
            market_log(slot.market).warning("the order book could not be read", what=error.what)
        except Exception as error:
            self.isolation.failed(slot, error)
        finally:
            slot.reading_book = False
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._carrying_lock:
            self._carrying += change
            if not self._carrying:
                self._carrying_lock.notify_all()

    def _wait_for_orders(self) -> bool:
        with self._carrying_lock:
            return self._carrying_lock.wait_for(lambda: self._carrying == 0, timeout=self.floor.config.stop_wait_s)

    def _mark_all_due(self) -> None:
        for market in self.floor.slots:
            self.floor.board.mark_due(market)

    def _sweep(self) -> None:
        """What no price triggers: pauses that end, prices that age, readings that are still awaited."""
        floor = self.floor
        waiting_since_s = 0.0
        while not self._stopping.is_set():
            self._sweep_once()
            waits = any(slot.hold.reason in _WAITS_FOR_BALANCE for slot in list(floor.slots.values()))
            now_s = floor.clock.monotonic_s()
            if waits and now_s - waiting_since_s >= floor.config.balance_retry_s:
                waiting_since_s = now_s
                floor.want_balances.set()

    def _sweep_once(self) -> None:
        """All markets, spread over the interval: a price that comes meanwhile has few of them before it."""
        floor = self.floor
        markets = list(floor.slots)
        groups = [markets[begin : begin + _SWEPT_AT_ONCE] for begin in range(0, len(markets), _SWEPT_AT_ONCE)] or [[]]
        for group in groups:
            if floor.clock.wait(self._stopping, floor.config.loop_interval_s / len(groups)):
                return
            for market in group:
                floor.board.mark_due(market)

    def _keep(self) -> None:
        """A warm connection for the next order, confirmation of waiting quotes, rules and fees kept fresh."""
        floor = self.floor
        rules_due_s = floor.clock.monotonic_s() + floor.config.rules_s
        account_due_s = floor.clock.monotonic_s() + _ACCOUNT_EVERY_S
        while not floor.clock.wait(self._stopping, min(1.0, floor.config.warm_s)):
            floor.exchange.warm()
            if floor.clock.monotonic_s() >= rules_due_s:
                rules_due_s = floor.clock.monotonic_s() + floor.config.rules_s
                self._rules.refresh(tuple(floor.slots))
            self._rules.leave_rests()
            self._decider.turn_off_finished()
            if floor.clock.monotonic_s() >= account_due_s:
                account_due_s = floor.clock.monotonic_s() + _ACCOUNT_EVERY_S
                self._account_check.check()


_WAITS_FOR_BALANCE = frozenset({Reason.BALANCE_UNKNOWN, Reason.SHORTAGE, Reason.HOLDS_COINS, Reason.NEEDS_MONEY})
