"""`mTrade.py sell-out --yes`: sell every open position and leave everything switched off.

A short-lived engine: it takes the data folder's lock (so no other one lives), finds out what became of every order on
its way, decides nothing by itself, and sells through Quick Trade's one door with durable intents. Coins that no cycle
owns stay untouched.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import structlog

from autotrader_v2.app import instance, logs, signals, stacks
from autotrader_v2.app.compose import build
from autotrader_v2.app.notifying import notifier_of
from autotrader_v2.app.settings import Settings
from autotrader_v2.app.sole import sole
from autotrader_v2.application.desk import CommandRefused, Desk
from autotrader_v2.application.events import Outcome, Priority
from autotrader_v2.application.ports import Binding, TradingError
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.money import ZERO, floor_to, plain

_LIMIT_S = 900.0
_ROUND_S = 1.0
_FAILED = 1

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SoldOut:
    """What selling out came to. `sold`: coins and quote by currency; `left`: still held; `dust`: too small to sell."""

    sold: dict[str, tuple[Decimal, Decimal]]
    left: tuple[str, ...]
    dust: tuple[str, ...]

    def in_words(self) -> str:
        """Return what was sold, in figures that need no language."""
        return ", ".join(f"{plain(base)} {name} = {plain(quote)}" for name, (base, quote) in self.sold.items()) or "0"


def run_sell_out(settings: Settings, by: str, *, limit_s: float = _LIMIT_S) -> int:
    """Sell everything that cycles own; returns the exit code: 0 when nothing sellable is left."""
    logs.configure(level=settings.log_level, form=settings.log_format, secrets=settings.secrets)
    stopping = threading.Event()
    with instance.claim(settings.data_dir), sole(settings) as hold:
        signals.install(stopping.set)
        stacks.install(settings.data_dir)
        notifier = notifier_of(settings)
        notifier.start()
        desk = Desk(
            Binding(settings.mode.value, settings.gate_host, "", settings.feed_kind.value),
            stop=stopping.set,
            available=settings.markets,
            primary=settings.primary_market,
        )
        try:
            trader = build(settings, desk, notifier, hold=hold, switched_off_by=by)
        except (instance.AlreadyTrading, instance.LocksUnusable, TradingError, OSError, ValueError) as error:
            _log.error("selling out could not start; nothing was sold", what=str(error))
            notifier.stop()
            return _FAILED
        try:
            trader.start()
            result = sell_out(trader, stopping, by, limit_s=limit_s, say=lambda line: print(line, flush=True))
            done = not result.left
            values = {"sold": result.in_words()} | ({} if done else {"left": ", ".join(result.left)})
            trader.floor.alert("sell_out_done" if done else "sell_out_unfinished", Priority.HIGH, None, values)
        finally:
            trader.stop()
            notifier.stop()
    return 0 if done else _FAILED


def sell_out(
    trader: AutoTraderV2, stopping: threading.Event, by: str, *, limit_s: float, say: Callable[[str], None]
) -> SoldOut:
    """Sell until nothing sellable is left or the time is over. An order of unknown outcome is waited for."""
    ends_s = time.monotonic() + limit_s
    sold: dict[str, tuple[Decimal, Decimal]] = {}
    dust: set[str] = set()
    told: dict[str, str] = {}
    while not (trader.wait_started(_ROUND_S) and trader.running):
        if trader.phase == "failed" or stopping.is_set() or time.monotonic() > ends_s:
            return SoldOut(sold, ("?",), ())
    while True:
        held = [slot for slot in trader.get_all_cycles() if _holds(slot) and slot.market.base not in dust]
        if not held or stopping.is_set() or time.monotonic() > ends_s:
            return SoldOut(sold, tuple(slot.market.base for slot in held), tuple(sorted(dust)))
        for slot in held:
            name = slot.market.base
            try:
                done = trader.quick_trade.sell_all(slot, "pause", by, only_own=True)
            except CommandRefused as error:
                if error.code == "too_small_to_sell" and _is_dust(trader, slot):
                    dust.add(name)
                trader.floor.want_balances.set()
                if told.get(name) != error.code:
                    told[name] = error.code
                    say(f"{name}: {error}")
                continue
            except TradingError as error:
                say(f"{name}: {error}")
                continue
            if done.outcome == Outcome.FILLED:
                base, quote = sold.get(name, (ZERO, ZERO))
                sold[name] = (base + done.base, quote + done.quote)
            say(f"{name}: {done.outcome}, {plain(done.base)} sold for {plain(done.quote)} {slot.market.quote}")
        stopping.wait(_ROUND_S)


def _holds(slot: Slot) -> bool:
    """Whether the market has coins to sell, or an order whose outcome may bring some."""
    state = slot.state
    return isinstance(state.cycle, Active) or state.order is not None


def _is_dust(trader: AutoTraderV2, slot: Slot) -> bool:
    """Whether the cycle itself is too small to sell, and not only what the account seems to have of it."""
    cycle, quote = slot.state.cycle, trader.floor.board.newest(slot.market)
    if not isinstance(cycle, Active) or quote is None:
        return False
    rules = slot.state.rules
    return not rules.sellable(floor_to(cycle.held + cycle.tally.dust.coins, rules.lot), quote.bid)
