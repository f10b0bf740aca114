"""Many worlds, one after another; what broke is repeated with less until little is left."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from autotrader_v2.simulation.heard import Broken
from autotrader_v2.simulation.world import Plan, World

# Units: milliseconds of the world. An order of unknown outcome ends, at the latest, a minute after all is well again.
_UNKNOWN_ENDS_MS = 60_000
# Rules and trade status are read again every half minute, backed-off sides wait a minute.
_CYCLES_GO_ON_MS = 180_000
# The account is compared once a minute.
_LATE_BOOKED_MS = 120_000
_CARE_EVERY_MS = 2_000
_SHRINK_RUNS_MAX = 120


@dataclass(frozen=True, slots=True)
class Break:
    """What did not hold, where, and the command that shows it again."""

    seed: int
    step: int
    invariant: str
    what: str
    without: frozenset[str] = frozenset()
    trace: tuple[str, ...] = ()

    def command(self, profile: str, steps: int) -> str:
        """What repeats it."""
        left_out = f" --without {','.join(sorted(self.without))}" if self.without else ""
        return f"python3 mTrade.py simulate --seed {self.seed} --steps {steps} --profile {profile}{left_out}"


@dataclass(slots=True)
class Tally:
    """What many worlds came to.

    `resolve_ms`: how long each unknown order stayed unknown while the exchange could be reached, though not by every
    call; `resolve_outage_ms`: of those that an outage of the exchange fell into. `turns`: see `World`. `processor_s`:
    seconds of processor time that the worlds took.
    """

    seeds: int = 0
    steps: int = 0
    turns: int = 0
    processor_s: float = 0.0
    orders: int = 0
    restarts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    resolve_ms: list[int] = field(default_factory=list)
    resolve_outage_ms: list[int] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take another's figures in."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.turns += other.turns
        self.processor_s += other.processor_s
        self.orders += other.orders
        self.restarts += other.restarts
        self.faults += other.faults
        self.resolve_ms += other.resolve_ms
        self.resolve_outage_ms += other.resolve_outage_ms
        self.breaks += other.breaks

    def resolve_s(self, percent: int) -> float | None:
        """So many percent of the unknown orders were known within that many seconds."""
        if not self.resolve_ms:
            return None
        ordered = sorted(self.resolve_ms)
        return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] / 1000


def run_world(plan: Plan, steps: int, *, shrink: bool = True) -> Tally:
    """One world: that many steps, then all heals and everything must end well."""
    began_s = time.process_time()
    world, broken = _lived(plan, steps)
    tally = Tally(
        seeds=1,
        steps=world.steps,
        turns=world.turns,
        processor_s=time.process_time() - began_s,
        orders=world.auditor.sent_count,
        restarts=world.restarts - 1,
        faults=world.dice.happened,
        resolve_ms=world.auditor.resolve_ms,
        resolve_outage_ms=world.auditor.resolve_outage_ms,
    )
    if broken is not None:
        found = Break(plan.seed, world.steps, broken.invariant, broken.what, plan.without, tuple(world.trace))
        tally.breaks.append(shrunk(plan, steps, found) if shrink else found)
    return tally


def run_worlds(
    seeds: Iterable[int], plan: Plan, steps: int, *, shrink: bool = True, seen: Callable[[Tally], None] | None = None
) -> Tally:
    """A world for each seed; `seen` hears of each."""
    total = Tally()
    for seed in seeds:
        one = run_world(replace(plan, seed=seed), steps, shrink=shrink)
        total.add(one)
        if seen is not None:
            seen(one)
    return total


def shrunk(plan: Plan, steps: int, found: Break) -> Break:
    """The same invariant broken by fewer kinds of events, and as early as that gets it."""
    best = found
    for kind in islice(_most_first(plan), _SHRINK_RUNS_MAX):
        tried = replace(plan, without=best.without | {kind})
        world, broken = _lived(tried, steps)
        if broken is not None and broken.invariant == best.invariant:
            best = Break(plan.seed, world.steps, broken.invariant, broken.what, tried.without, tuple(world.trace))
    return best


def live_on(world: World) -> None:
    """I12: with all faults healed every unknown order ends and every market trades on. Errors: `Broken`."""
    while world.asleep:
        world.step()
    world.heal()
    _until(world, _UNKNOWN_ENDS_MS, lambda: not world.auditor.open_of and bool(world.slots()), "an order never ended")
    filled = world.auditor.filled
    before = {market: filled[market] for market in world.markets}
    _until(
        world,
        _CYCLES_GO_ON_MS,
        lambda: all(filled[market] > fills for market, fills in before.items()),
        "a market trades no more",
    )
    auditor = world.auditor
    _until(world, _LATE_BOOKED_MS, auditor.all_booked, "what was booked late never was")
    # Markets trade on meanwhile: the end is a moment at which nothing is out.
    _until(world, _UNKNOWN_ENDS_MS, lambda: not auditor.open_of and auditor.all_booked(), "an order never ended")
    world.auditor.check_end()


def _lived(plan: Plan, steps: int) -> tuple[World, Broken | None]:
    world = World(plan)
    try:
        world.run(steps)
        live_on(world)
    except Broken as broken:
        return world, broken
    finally:
        world.end()
    return world, None


def _until(world: World, within_ms: int, holds: Callable[[], bool], otherwise: str) -> None:
    hub = world.hub
    ends_ms, care_ms = hub.now_ms + within_ms, hub.now_ms
    while not holds():
        if hub.now_ms >= care_ms:
            care_ms = hub.now_ms + _CARE_EVERY_MS
            world.care()
        if hub.now_ms > ends_ms:
            raise Broken("I12", f"{otherwise} within {within_ms // 1000} s after all faults healed; {world.holds()}")
        world.step()


def _most_first(plan: Plan) -> Iterator[str]:
    """Kinds to try without, people and hands first: they are the least likely to matter."""
    kinds = World(plan).dice.kinds
    yield from sorted(kinds, key=lambda kind: (not kind.startswith(("person", "hand", "price", "fill")), kind))
