"""The only place that wires: settings in, a trading program out."""

import contextlib
import gc
import secrets
import sys
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from autotrader_v2.app import instance, logs, signals, stacks
from autotrader_v2.app.heartbeat import Heartbeat, Vitals
from autotrader_v2.app.lab import LabRoom
from autotrader_v2.app.last_words import EXIT_STUCK, end_stuck
from autotrader_v2.app.notifying import notifier_of
from autotrader_v2.app.outside import Outside, binding_of, database_of, feed_kind_of, journal_of, outside_of
from autotrader_v2.app.recent_lines import RecentLines
from autotrader_v2.app.recordings import recorded_candles
from autotrader_v2.app.settings import Mode, Settings
from autotrader_v2.app.sole import Hold, sole
from autotrader_v2.app.surroundings import Around
from autotrader_v2.app.values import FeedKind
from autotrader_v2.app.vigilance import EXIT_INTERRUPTED
from autotrader_v2.app.witness import witness_of
from autotrader_v2.application.desk import Desk
from autotrader_v2.application.events import Bus, ParamsSet, Priority, SettingSet, SwitchSet
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.market_list import SETTING as _SYMBOLS
from autotrader_v2.application.paper_reset import PaperReset
from autotrader_v2.application.ports import Binding, JournalState, Notifier, TradingError
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.shipped_ladders import BEGINNINGS
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import DIGITS, LIFE_DIGITS
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure import processor_time
from autotrader_v2.infrastructure.awake import KeepAwake, SystemSleepLock
from autotrader_v2.infrastructure.notify.log import LogNotifier

if TYPE_CHECKING:
    from autotrader_v2.infrastructure.store.upkeep import Upkeep

_log = structlog.get_logger()
# READY means trading. A start that has to wait for the exchange says so all the same, and serves its page meanwhile.
_READY_AFTER_S = 4.0
# A stop waits so long for a start that is still under way.
_BOOT_ENDS_S = 10.0


def serve(settings: Settings, *, open_browser: bool, life: str = "") -> int:
    """Serve the page and trade until asked to stop; returns the exit code. `life`: see `instance.claim`."""
    recent = RecentLines()
    log = partial(
        logs.configure,
        level=settings.log_level,
        form=settings.log_format,
        secrets=settings.secrets,
        recent=recent,
    )
    log()
    with instance.claim(settings.data_dir, life) as held, sole(settings) as hold:
        if not _hold_at_once(settings, hold):
            return 1
        from web.server import CannotServe

        # The files are those of the one program that runs on this folder.
        log(folder=settings.data_dir / "logs")
        stacks.install(settings.data_dir)
        try:
            program = _Program(settings, held, hold, Around(settings, recent))
        except CannotServe as error:
            print(f"mTrade cannot start: {error}", file=sys.stderr, flush=True)
            return 1
        return program.run(open_browser=open_browser)


def _hold_at_once(settings: Settings, hold: Hold) -> bool:
    """Take the locks before anything heavy is loaded; False when that was refused, and is told.

    On paper the prices decide which database it is, and they are asked for later (`build`).
    """
    if settings.mode is Mode.PAPER:
        return True
    kind = feed_kind_of(settings)
    try:
        hold(database_of(settings, kind), binding_of(settings, kind))
    except (instance.AlreadyTrading, instance.LocksUnusable, ValueError) as error:
        print(f"mTrade cannot start: {error}", file=sys.stderr, flush=True)
        return False
    return True


class _Program:
    """One run, from start to stop."""

    def __init__(self, settings: Settings, held: instance.Instance, hold: Hold, around: Around) -> None:
        from web.server import WebConfig, create_server

        self._settings = settings
        self._held = held
        self._hold = hold
        self._stopping = threading.Event()
        self._booted = threading.Event()
        self._failure: Exception | None = None
        self._trader: AutoTraderV2 | None = None
        self._upkeep: Upkeep | None = None
        self._desk = Desk(
            Binding(settings.mode.value, settings.gate_host, "", settings.feed_kind.value),
            stop=self._ask_to_stop,
            available=settings.markets,
            primary=settings.primary_market,
        )
        self._around = around
        self._desk.surroundings = around
        self._lab = self._desk.lab_room = LabRoom(
            settings.data_dir / "lab",
            settings.candles,
            recorded_candles(settings),
            studies=settings.data_dir / "studies.db",
        )
        self._notifier = notifier_of(settings)
        self._heartbeat = Heartbeat(settings.data_dir, held.nonce, lambda: vitals_of(self._trader), self._on_stuck)
        self._awake = KeepAwake(lambda: self._heartbeat.newest.markets_on > 0, SystemSleepLock())
        self._desk.awake = lambda: self._awake.state.value
        self._desk.unheard = lambda: self._notifier.failing
        token = settings.api_token.get_secret_value() if settings.api_token else None
        config = WebConfig(
            host=settings.host,
            port=settings.port,
            api_token=token,
            stop_token=held.stop_token,
            session_secret=secrets.token_bytes(32),
        )
        self._web = create_server(self._desk, config)

    def run(self, *, open_browser: bool) -> int:
        """Boot in the background, serve, wait for a reason to stop, stop."""
        signals.install(self._ask_to_stop)
        self._notifier.start()
        self._heartbeat.start()
        self._awake.start()
        self._lab.start()
        boot = threading.Thread(target=self._boot, name="boot-program", daemon=True)
        boot.start()
        self._web.start()
        # From here on it can be stopped, however long the start takes.
        self._publish()
        self._booted.wait(_READY_AFTER_S)
        if self._failure is None and not self._stopping.is_set():
            self._announce(open_browser=open_browser)
        while not self._stopping.wait(0.2) and self._failure is None:
            pass
        # What it has opened by then is closed below.
        boot.join(_BOOT_ENDS_S)
        self._web.shutdown()
        self._lab.stop()
        if self._trader is not None:
            self._trader.stop()
        if self._upkeep is not None:
            self._upkeep.stop()
        self._awake.stop()
        self._heartbeat.stop()
        self._notifier.stop()
        if self._failure is not None:
            print(f"mTrade cannot start: {self._failure}", file=sys.stderr, flush=True)
            return 1
        _log.info("stopped")
        return 0

    def _ask_to_stop(self) -> None:
        self._stopping.set()
        # Nobody waits for the start any more.
        self._booted.set()

    def _publish(self, flags: Mapping[str, str] | None = None) -> None:
        self._held.publish(host=self._settings.host, port=self._web.port, url=self._web.url, flags=flags)

    def _announce(self, *, open_browser: bool) -> None:
        web = self._web
        self._publish(self._settings.flags)
        link = web.one_time_link()
        print(f"READY {web.url}", flush=True)
        print(f"Open {link}\n(the link works once; Ctrl-C stops the program)", file=sys.stderr, flush=True)
        if open_browser:
            # A machine without a browser is a server, not a failure: the link is printed.
            with contextlib.suppress(webbrowser.Error):
                webbrowser.open(link)

    def _boot(self) -> None:
        try:
            # A second hold of our own would be refused.
            hold = self._hold if self._settings.mode is Mode.PAPER else None
            self._trader = build(self._settings, self._desk, self._notifier, hold=hold)
            self._upkeep = self._around.upkeep = _upkeep_of(self._settings, self._trader)
            self._around.database = _file_of(self._trader)
            if self._stopping.is_set():
                return
            self._trader.start()
            self._trader.wait_started(_READY_AFTER_S)
            # What is here by now stays. To look through all of it again stops every thread for some 90 ms each time.
            gc.freeze()
        except (instance.AlreadyTrading, instance.LocksUnusable, TradingError, OSError, ValueError) as error:
            self._failure = error
        except Exception as error:
            _log.exception("the start failed")
            self._failure = error
        finally:
            self._booted.set()

    def _on_stuck(self, vitals: Vitals) -> None:
        trader = self._trader
        if trader is None:
            return
        end_stuck(
            self._settings.data_dir,
            # A stop that hangs is a stop all the same: nobody starts it again.
            EXIT_INTERRUPTED if self._stopping.is_set() else EXIT_STUCK,
            hold=trader.stop_sending,
            tell=lambda: self._say_stuck(trader, vitals),
            close=lambda: self._close_stuck(trader),
        )

    def _say_stuck(self, trader: AutoTraderV2, vitals: Vitals) -> None:
        trader.floor.alert("engine_stuck", Priority.HIGH, None, {"parts": ", ".join(vitals.unwell) or "?"})
        self._notifier.stop()

    @staticmethod
    def _close_stuck(trader: AutoTraderV2) -> None:
        trader.floor.journal.close()


def vitals_of(trader: AutoTraderV2 | None) -> Vitals:
    """How the engine is; no lock, no I/O."""
    if trader is None:
        return Vitals(phase="starting")
    health, slots = trader.health(), trader.get_all_cycles()
    return Vitals(
        phase=health.phase,
        ok=health.ok,
        stuck=health.stuck,
        markets_on=health.markets_on,
        open_orders=health.open_orders,
        open_cycles=sum(isinstance(slot.state.cycle, Active) for slot in slots) if slots else None,
        unwell=tuple(f"{part.name} {part.code}".strip() for part in health.parts if not part.ok),
    )


def build(
    settings: Settings, desk: Desk, notifier: Notifier | None = None, *, hold: Hold | None, switched_off_by: str = ""
) -> AutoTraderV2:
    """Put the engine together and hand it to the desk. `switched_off_by` somebody: it decides nothing by itself.

    `hold` makes this the only one with its database and account (see `sole`); None: the caller saw to it.
    Errors: those of `hold`, `TradingError`, ValueError (unreadable prices)."""
    kind = feed_kind_of(settings)
    binding = binding_of(settings, kind)
    if hold is not None:
        hold(database_of(settings, kind), binding)
    journal = journal_of(settings, kind)
    state = journal.load()
    first_start = _SYMBOLS not in state.settings
    markets, primary = _symbols(settings, state)
    outside = outside_of(settings, kind, markets, journal, state)
    removed = _removed(state)
    # A recording brings all its coins; those that were taken off the list stay away.
    markets = tuple(market for market in outside.markets if market.pair not in removed)
    if first_start:
        now_ms = outside.clock.now_ms()
        value = {"available": [market.pair for market in markets], "primary": primary.pair}
        ladder = state.params.get(None) or BEGINNINGS[settings.ladder]
        journal.write(
            ParamsSet(market=None, values=ladder, by="first start", time_ms=now_ms),
            SettingSet(name=_SYMBOLS, value=value, by="first start", time_ms=now_ms),
        )
        state = replace(state, params={**state.params, None: ladder})
    if switched_off_by:
        now_ms = outside.clock.now_ms()
        journal.write(SwitchSet(market=None, mode=SwitchMode.OFF, by=switched_off_by, time_ms=now_ms))
        state = replace(state, switches={**state.switches, None: SwitchMode.OFF})
    floor = Floor(
        exchange=outside.exchange,
        journal=journal,
        clock=outside.clock,
        notifier=notifier or LogNotifier(),
        bus=Bus(),
        board=QuoteBoard(),
        wallet=Wallet(settings.quote),
        config=_config(settings, outside),
        home_quote=settings.quote,
    )
    journal.witness = witness_of(floor)
    trader = AutoTraderV2(
        floor,
        outside.feed,
        state,
        markets,
        first_switches=_first_switches(settings, state, markets),
        account_feed=outside.account_feed,
        primary=primary,
        used_s=processor_time.of_thread,
        life="".join(secrets.choice(DIGITS) for _ in range(LIFE_DIGITS)),
    )
    outside.settle_with(trader.settle)
    desk.rate_use = outside.rate_use
    if outside.restore is not None:
        desk.paper_reset = PaperReset(floor, outside.restore, dict(settings.paper_balance))
    desk.attach(trader, binding, primary=primary, first_start=first_start, candles=outside.candles, credentials=journal)
    return trader


def _file_of(trader: AutoTraderV2) -> Path | None:
    """The journal's file; a database server has none."""
    from autotrader_v2.infrastructure.store import SqlJournal

    journal = trader.floor.journal
    return journal.file if isinstance(journal, SqlJournal) else None


def _upkeep_of(settings: Settings, trader: AutoTraderV2) -> "Upkeep | None":
    """Backups and checks of the journal's file, begun; a database server has its own."""
    from autotrader_v2.infrastructure.store import SqlJournal
    from autotrader_v2.infrastructure.store.backups import Backups
    from autotrader_v2.infrastructure.store.upkeep import Upkeep

    journal = trader.floor.journal
    if not isinstance(journal, SqlJournal) or journal.file is None:
        return None
    upkeep = Upkeep(journal, Backups(journal.file, journal.account, settings.backups), every_s=settings.backup_every_s)
    upkeep.start()
    return upkeep


def _config(settings: Settings, outside: Outside) -> TraderConfig:
    """Limits that guard against a slow machine count real time: on a faster clock they are that much longer."""
    usual = TraderConfig(loop_interval_s=settings.loop_interval_s, reconcile_s=settings.reconcile_s)
    return replace(
        usual,
        order_life_ms=int(usual.order_life_ms * outside.pace),
        slow_commit_ms=int(usual.slow_commit_ms * outside.pace),
        # A paper balance moves with the trade: nobody has to wait before coins are adopted or written off.
        balance_lag_s=0.0 if settings.mode is Mode.PAPER else usual.balance_lag_s,
        real_time=feed_kind_of(settings) is FeedKind.GATE,
    )


def _symbols(settings: Settings, state: JournalState) -> tuple[tuple[Market, ...], Market]:
    """(markets, primary). The database wins after the first start; a coin new in the settings joins, switched off."""
    stored = state.settings.get(_SYMBOLS)
    if stored is None:
        return settings.markets, settings.primary_market
    known = [_market(settings, pair) for pair in stored["available"]]
    chosen = "available_symbols" in settings.model_fields_set
    removed = _removed(state)
    named = [market for market in settings.markets if market not in known] if chosen else []
    new = [market for market in named if market.pair not in removed]
    if len(new) < len(named):
        left = ",".join(one.pair for one in named if one.pair in removed)
        _log.info("symbols in the settings stay away: they were taken off the list; add them on the page", symbols=left)
    if new:
        _log.info("new symbols in the settings join, switched off", symbols=",".join(one.pair for one in new))
    return (*known, *new), _market(settings, stored["primary"])


def _removed(state: JournalState) -> frozenset[str]:
    return frozenset((state.settings.get(_SYMBOLS) or {}).get("removed", ()))


def _market(settings: Settings, pair: str) -> Market:
    base, quote = pair.split("_")
    return Market(settings.exchange, base, quote)


def _first_switches(settings: Settings, state: JournalState, markets: Sequence[Market]) -> dict[Market, SwitchMode]:
    """Who is on at the first start: ACTIVE_SYMBOLS; on paper, when none is named, every coin."""
    if _SYMBOLS in state.settings:
        return {}
    active = settings.active_markets
    if not active and settings.mode is Mode.PAPER:
        active = tuple(markets)
    return dict.fromkeys(active, SwitchMode.ON)
