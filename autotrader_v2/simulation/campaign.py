"""Many worlds, one after another; what broke is made short."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from autotrader_v2.simulation.lifetime import Break, lived
from autotrader_v2.simulation.shrinking import shrunk
from autotrader_v2.simulation.world import Plan


@dataclass(slots=True)
class Tally:
    """What many worlds came to.

    `faulted_steps`: those before all healed; `steps` counts also how each world lives on to its good end. `resolve_ms`:
    how long each unknown order stayed unknown while the exchange could be reached, though not by every call;
    `resolve_outage_ms`: of those that an outage of the exchange fell into, or whose trades it kept to itself for
    minutes after it had said that there are some. `turns`: see `World`. `processor_s`: seconds of processor time that
    the worlds took.
    """

    seeds: int = 0
    steps: int = 0
    faulted_steps: int = 0
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
        self.faulted_steps += other.faulted_steps
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
    world, broken = lived(plan, steps)
    tally = Tally(
        seeds=1,
        steps=world.steps,
        faulted_steps=min(world.steps, steps),
        turns=world.turns,
        processor_s=time.process_time() - began_s,
        orders=world.auditor.sent_count,
        restarts=world.restarts - 1,
        faults=world.dice.happened,
        resolve_ms=world.auditor.resolve_ms,
        resolve_outage_ms=world.auditor.resolve_outage_ms,
    )
    if broken is not None:
        tally.breaks.append(shrunk(plan, broken) if shrink else broken)
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
