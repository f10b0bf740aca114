"""How the engine is, part by part: codes with values; the catalogues make the sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotrader_v2.application.lines import Doing, Line
from autotrader_v2.application.ports import Trouble
from autotrader_v2.application.timekeeping import WARN_MS
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.situation import Reason, SwitchMode

if TYPE_CHECKING:
    from autotrader_v2.application.trader import AutoTraderV2

_NO_PRICE_MS = 60_000
_SILENT_MS = 15_000
_SLOW_RECONCILE_S = 10.0
_LATE_RECONCILES = 3
SLOW_COMMIT_MS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component: workers, senders, resolver, …, feed, exchange, journal, clock. `since_ms` 0: not known."""

    name: str
    ok: bool
    code: str = ""
    values: tuple[tuple[str, str], ...] = ()
    since_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The engine at a glance. `stuck`: something that should move has not for more than six seconds (row P13).

    `markets_on`: how many markets may trade (their effective switch is not off). `time_ms` by the engine's clock.
    """

    time_ms: int
    phase: str
    ok: bool
    stuck: bool
    markets_on: int
    open_orders: int
    parts: tuple[Part, ...]


def health_of(trader: "AutoTraderV2") -> Health:
    """No lock, no I/O; from any thread at any phase. `stuck` needs somebody to ask about once a second."""
    floor = trader.floor
    slots = trader.get_all_cycles()
    stuck = trader.supervisor.stuck()
    parts = (*_lines(trader, stuck), *_outside(trader))
    return Health(
        time_ms=floor.clock.now_ms(),
        phase=trader.phase,
        ok=all(part.ok for part in parts) and not stuck,
        stuck=bool(stuck),
        markets_on=sum(floor.mode_of(slot) is not SwitchMode.OFF for slot in slots),
        open_orders=sum(slot.state.order is not None and slot.state.order.intent is not None for slot in slots),
        parts=parts,
    )


def _lines(trader: "AutoTraderV2", stuck: Iterable[Line]) -> list[Part]:
    """The engine's own lines of work: workers and senders as one part each."""
    supervisor, now_s = trader.supervisor, trader.floor.clock.machine_s()
    stuck_names = {_group(line.name): line for line in stuck}
    parts: dict[str, Part] = {"workers": Part(name="workers", ok=True), "senders": Part(name="senders", ok=True)}
    for line in supervisor.lines:
        name = _group(line.name)
        part = Part(name=name, ok=True)
        if line.restarts:
            values = (("count", str(line.restarts)), ("error", line.error))
            waits = line.unwell(now_s)
            part = Part(
                name=name, ok=not waits, code="restarts" if waits else "", values=values, since_ms=line.failed_ms
            )
        if name not in parts or parts[name].ok:
            parts[name] = part
    for name, line in stuck_names.items():
        doing, since_s = line.moved
        values = (("seconds", str(round(now_s - since_s))), ("doing", doing.value))
        parts[name] = Part(name=name, ok=False, code="stuck", values=values)
    return list(parts.values())


def _group(name: str) -> str:
    if name.startswith("worker-"):
        return "workers"
    return "senders" if name == "sender" else name


def _outside(trader: "AutoTraderV2") -> list[Part]:
    return [
        _feed(trader),
        _own_trades(trader),
        _exchange(trader),
        _reconciled(trader),
        _journal(trader),
        _clock(trader),
    ]


def _feed(trader: "AutoTraderV2") -> Part:
    """All prices silent, or those of markets that are on."""
    floor = trader.floor
    now_ms = floor.clock.now_ms()
    if trader.phase != "running":
        return Part(name="feed", ok=True)
    status = trader.feed.status()
    if not status.connected:
        return Part(name="feed", ok=False, code="offline", since_ms=status.last_message_ms)
    newest = (quote.confirmed_ms for market in list(floor.slots) if (quote := floor.board.newest(market)) is not None)
    newest_ms = max(newest, default=trader.running_ms)
    if floor.slots and now_ms - newest_ms >= _SILENT_MS:
        return Part(
            name="feed",
            ok=False,
            code="silent",
            values=(("seconds", str((now_ms - newest_ms) // 1000)),),
            since_ms=newest_ms,
        )
    if without := unpriced(trader):
        coins = ", ".join(market.base for market in without)
        return Part(name="feed", ok=False, code="no_price", values=(("coins", coins),))
    return Part(name="feed", ok=True)


def unpriced(trader: "AutoTraderV2") -> list[Market]:
    """Markets that are on and have had no price for a minute."""
    floor = trader.floor
    now_ms = floor.clock.now_ms()
    without = []
    for market, slot in list(floor.slots.items()):
        quote = floor.board.newest(market)
        priced_ms = quote.confirmed_ms if quote is not None else trader.running_ms
        if floor.mode_of(slot) is not SwitchMode.OFF and now_ms - priced_ms > _NO_PRICE_MS:
            without.append(market)
    return without


def _clock(trader: "AutoTraderV2") -> Part:
    """Our clock against the exchange's, and what the account stands still for because of time."""
    offset_ms = trader.timekeeper.offset_ms
    for hold in trader.floor.standstill.reasons():
        if hold.reason in (Reason.CLOCK_WRONG, Reason.CHECKING):
            values = tuple((name, str(value)) for name, value in hold.values)
            return Part(name="clock", ok=False, code=hold.reason.value, values=values)
    if offset_ms is not None and abs(offset_ms) > WARN_MS:
        return Part(name="clock", ok=False, code="off", values=(("seconds", str(round(abs(offset_ms) / 1000, 1))),))
    return Part(name="clock", ok=True)


def _own_trades(trader: "AutoTraderV2") -> Part:
    """The fast path; without it own trades come from reads."""
    feed = trader.account_feed
    if feed is None or feed.connected or trader.phase != "running":
        return Part(name="own_trades", ok=True)
    return Part(name="own_trades", ok=False, code="offline")


def _exchange(trader: "AutoTraderV2") -> Part:
    reach = trader.reach
    away_s = reach.away_s
    if away_s is not None:
        values = (("seconds", str(round(away_s))),)
        return Part(name="exchange", ok=False, code="away", values=values, since_ms=reach.failing_since_ms)
    slow_s = reach.slow_s
    if slow_s is not None:
        return Part(name="exchange", ok=False, code="slow", values=(("ms", str(round(slow_s * 1000))),))
    return Part(name="exchange", ok=True)


def _reconciled(trader: "AutoTraderV2") -> Part:
    """When the exchange and memory were last compared, and how long that took."""
    floor, last_ms = trader.floor, trader.reconciler.last_ms
    if trader.phase != "running":
        return Part(name="compared", ok=True)
    age_s = (floor.clock.now_ms() - last_ms) / 1000 if last_ms else None
    if age_s is None or age_s > _LATE_RECONCILES * floor.config.reconcile_s:
        values = (("seconds", str(round(age_s))),) if age_s is not None else ()
        return Part(name="compared", ok=False, code="late" if age_s is not None else "never", values=values)
    lines = {line.name: line for line in trader.supervisor.lines}
    line = lines.get("reconcile")
    if line is not None:
        doing, since_s = line.moved
        took_s = floor.clock.machine_s() - since_s
        if doing is not Doing.WAITS and took_s > _SLOW_RECONCILE_S:
            return Part(name="compared", ok=False, code="slow", values=(("seconds", str(round(took_s))),))
    return Part(name="compared", ok=True)


def _journal(trader: "AutoTraderV2") -> Part:
    floor = trader.floor
    status = floor.journal.status()
    if status.cause is Trouble.TAKEN:
        return Part(name="journal", ok=False, code="taken")
    if status.trouble:
        return Part(name="journal", ok=False, code="trouble", values=(("what", status.trouble),))
    if status.doubt:
        return Part(name="journal", ok=False, code="doubt", values=(("doubt", status.doubt.value),))
    if status.full:
        return Part(name="journal", ok=False, code="full")
    if floor.journal_failing:
        return Part(name="journal", ok=False, code="failing")
    if status.backup_error:
        return Part(name="journal", ok=False, code="backup", values=(("what", status.backup_error),))
    commit_ms = floor.journal.last_commit_ms
    if commit_ms is not None and commit_ms > SLOW_COMMIT_MS:
        return Part(name="journal", ok=False, code="slow", values=(("ms", str(round(commit_ms))),))
    return Part(name="journal", ok=True)
