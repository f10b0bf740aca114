"""Sell everything, asked for once: buys stop, then every open cycle is sold at market through Quick Trade's door.

Each coin is left paused and the global switch at `sell_only`, so that nothing is bought back unasked. Coins that no
cycle owns stay. A run that the end of the program cuts short is told at the next start and not taken up again: what
should be sold then is a person's to say anew.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

import structlog

from autotrader_v2.application.commands import Commands
from autotrader_v2.application.events import CommandGiven, Outcome, Priority, SettingSet
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.ports import TradingError
from autotrader_v2.application.quick_trade import Done, QuickTrade
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, floor_to, plain
from autotrader_v2.domain.situation import SwitchMode

SETTING = "selling_everything"
_LIMIT_S = 600.0
_ROUND_S = 1.0

_log = structlog.get_logger()


class SaleState(StrEnum):
    """How far the sale of one coin is."""

    WAITS = "waits"
    SOLD = "sold"
    UNKNOWN = "unknown"
    TOO_SMALL = "too_small"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class CoinSale:
    """One coin of a run. `base`, `quote`: sold so far; `code`: why it waits or was left, or empty."""

    market: Market
    state: SaleState = SaleState.WAITS
    base: Decimal = ZERO
    quote: Decimal = ZERO
    code: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One wish to sell everything, as far as it has come. `ended_ms` 0: it goes on."""

    began_ms: int
    by: str
    sales: tuple[CoinSale, ...]
    ended_ms: int = 0

    @property
    def left(self) -> tuple[CoinSale, ...]:
        """Coins that could have been sold and were not."""
        return tuple(sale for sale in self.sales if sale.state not in (SaleState.SOLD, SaleState.TOO_SMALL))

    def as_json(self) -> dict[str, Any]:
        """Return it as the page shows it."""
        return {
            "began_ms": self.began_ms,
            "ended_ms": self.ended_ms or None,
            "by": self.by,
            "coins": [
                {
                    "currency": sale.market.base,
                    "state": sale.state.value,
                    "base": plain(sale.base),
                    "quote": plain(sale.quote),
                    "code": sale.code,
                }
                for sale in self.sales
            ],
        }


class SellEverything:
    """Thread-safe. `once(name, body)` runs a body beside the engine's lines."""

    def __init__(
        self,
        floor: Floor,
        commands: Commands,
        quick_trade: QuickTrade,
        once: Callable[[str, Callable[[], None]], None],
        stopping: threading.Event,
    ) -> None:
        self._floor = floor
        self._commands = commands
        self._quick_trade = quick_trade
        self._once = once
        self._stopping = stopping
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self.run: Run | None = None

    def begin(self, by: str) -> Run:
        """Stop buys and sell; returns at once. A run that goes on already is the answer to a second wish.

        Errors: `JournalUnavailable`; then nothing is sold, and at most the buys were stopped.
        """
        floor = self._floor
        with self._lock:
            if self.run is not None and not self.run.ended_ms:
                return self.run
            if floor.global_switch is not SwitchMode.OFF:
                self._commands.switch(None, SwitchMode.SELL_ONLY, by)
            now_ms = floor.clock.now_ms()
            floor.journal.write(
                CommandGiven(name="sell_everything", market=None, values={}, by=by, time_ms=now_ms),
                SettingSet(name=SETTING, value={"began_ms": now_ms}, by=by, time_ms=now_ms),
            )
            held = tuple(CoinSale(slot.market) for slot in floor.slots.values() if _holds(slot))
            self.run = Run(now_ms, by, held)
            self._enough.clear()
            self._once("sell-everything", self._sell)
            return self.run

    def cancel(self, by: str) -> None:
        """Sell no further coin; what is on its way finishes. Buys stay stopped."""
        _log.info("selling everything was ended by a person", by=by)
        self._enough.set()

    def interrupted(self) -> None:
        """At a start: a run of the last life was cut short, so its owner is told."""
        held = [slot.market.base for slot in self._floor.slots.values() if _holds(slot)]
        self._close("restart")
        self._floor.alert("selling_interrupted", Priority.HIGH, None, {"held": ", ".join(held) or "–"})

    def _sell(self) -> None:
        floor = self._floor
        ends_s = floor.clock.monotonic_s() + _LIMIT_S
        try:
            while not (self._stopping.is_set() or self._enough.is_set()) and floor.clock.monotonic_s() < ends_s:
                held = [slot for slot in floor.slots.values() if _holds(slot) and not self._is_dust(slot)]
                if not held:
                    break
                self._round(held)
                floor.clock.wait(self._enough, _ROUND_S)
        finally:
            self._end()

    def _round(self, held: Sequence[Slot]) -> None:
        """Every coin's order leaves before the first answer is waited for."""
        waiting: list[tuple[Slot, Callable[[], Done]]] = []
        for slot in held:
            if self._stopping.is_set() or self._enough.is_set():
                break
            try:
                waiting.append((slot, self._quick_trade.begin_sale(slot, "pause", self._by, only_own=True)))
            except CommandRefused as error:
                if error.code == "too_small_to_sell":
                    # The account seems to have less than the cycle: a reading tells.
                    self._floor.want_balances.set()
                self._note(slot, SaleState.WAITS, code=error.code)
            except TradingError as error:
                _log.warning("a coin could not be sold; it is tried again", coin=slot.market.base, what=error.what)
                self._note(slot, SaleState.WAITS, code="exchange")
        for slot, wait in waiting:
            try:
                done = wait()
            except TradingError as error:
                _log.warning("what a sale came to cannot be read now", coin=slot.market.base, what=error.what)
                self._note(slot, SaleState.UNKNOWN)
                continue
            if done.outcome == "unknown":
                self._note(slot, SaleState.UNKNOWN)
            else:
                sold = SaleState.WAITS if _holds(slot) else SaleState.SOLD
                code = "" if done.outcome == Outcome.FILLED else done.outcome
                self._note(slot, sold, done.base, done.quote, code)

    @property
    def _by(self) -> str:
        return self.run.by if self.run else ""

    def _is_dust(self, slot: Slot) -> bool:
        """Whether the cycle itself is too small to sell, and not only what the account seems to have of it."""
        cycle, quote = slot.state.cycle, self._floor.board.newest(slot.market)
        if slot.state.order is not None or not isinstance(cycle, Active) or quote is None:
            return False
        rules = slot.state.rules
        dust = not rules.sellable(floor_to(cycle.held + cycle.tally.dust.coins, rules.lot), quote.bid)
        if dust:
            self._note(slot, SaleState.TOO_SMALL)
        return dust

    def _note(self, slot: Slot, state: SaleState, base: Decimal = ZERO, quote: Decimal = ZERO, code: str = "") -> None:
        with self._lock:
            run = self.run
            if run is None:
                return
            known = {sale.market: sale for sale in run.sales}
            before = known.get(slot.market, CoinSale(slot.market))
            known[slot.market] = CoinSale(slot.market, state, before.base + base, before.quote + quote, code)
            self.run = replace(run, sales=tuple(known.values()))
        self._floor.changed(slot)

    def _end(self) -> None:
        """Say what it came to. A coin whose order of unknown outcome was found sold meanwhile counts as sold."""
        floor = self._floor
        with self._lock:
            run = self.run
            if run is None:
                return
            self.run = run = replace(
                run, sales=tuple(self._ended(sale) for sale in run.sales), ended_ms=floor.clock.now_ms()
            )
        if self._stopping.is_set() and run.left:
            return  # the mark stays in the journal: the next start tells
        values = {
            "sold": ", ".join(
                f"{plain(one.base)} {one.market.base} = {plain(one.quote)}" for one in run.sales if one.base
            )
            or "0"
        }
        if run.left:
            values["left"] = ", ".join(sale.market.base for sale in run.left)
        floor.alert("selling_unfinished" if run.left else "selling_done", Priority.HIGH, None, values)
        self._close(run.by)

    def _ended(self, sale: CoinSale) -> CoinSale:
        if sale.state in (SaleState.SOLD, SaleState.TOO_SMALL):
            return sale
        slot = self._floor.slots.get(sale.market)
        return replace(sale, state=SaleState.LEFT if slot is not None and _holds(slot) else SaleState.SOLD)

    def _close(self, by: str) -> None:
        """Take the mark away. Where it cannot be written down it stays, and the next start tells of the run again."""
        floor = self._floor
        try:
            floor.journal.write(SettingSet(name=SETTING, value=None, by=by, time_ms=floor.clock.now_ms()))
        except TradingError as error:
            _log.error("the end of selling everything could not be written down", what=error.what)


def _holds(slot: Slot) -> bool:
    """Whether the market has coins to sell, or an order whose outcome may bring some."""
    return isinstance(slot.state.cycle, Active) or slot.state.order is not None
