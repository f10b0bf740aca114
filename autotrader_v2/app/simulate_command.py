"""`mTrade.py simulate`: worlds from seeds; what breaks is told with the command that repeats it."""

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import takewhile
from multiprocessing import get_context
from multiprocessing.synchronize import Event as ProcessEvent
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autotrader_v2.app.signals import interrupt_as_event
from autotrader_v2.app.worker_process import serve_the_parent
from autotrader_v2.simulation.campaign import Tally, run_worlds
from autotrader_v2.simulation.event_names import Event, named
from autotrader_v2.simulation.lifetime import Break
from autotrader_v2.simulation.silence import quiet
from autotrader_v2.simulation.world import Plan

_BROKEN, _INTERRUPTED = 1, 130
_BATCHES_A_JOB = 16
_TRACE_SHOWN = 40
_LOOK_EVERY_S = 0.2
# Windows waits for no more processes at once.
_JOBS_MAX = 60


def run_simulate(
    *,
    first_seed: int,
    seeds: int,
    steps: int,
    profile: str,
    without: frozenset[str],
    only: frozenset[Event] | None,
    jobs: int,
    as_json: bool,
) -> int:
    """Run the worlds; returns the exit code: 1 when something broke, 130 when stopped. `jobs` 0: one for each core.

    With `only`, which is how a break already made short is repeated, it is not tried to make one shorter.
    """
    plan = Plan(seed=first_seed, profile=profile, without=without, only=only)
    jobs = min(jobs or os.cpu_count() or 1, seeds, _JOBS_MAX)
    total = Tally()
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("worlds", total=seeds)
        whole = True
        try:
            with interrupt_as_event() as asked:
                for part in _parts(range(first_seed, first_seed + seeds), plan, steps, jobs, asked):
                    total.add(part)
                    progress.update(task, advance=part.seeds, description=f"worlds, {len(total.breaks)} broken")
                whole = total.seeds == seeds
        except KeyboardInterrupt:  # a second one: the worlds under way are given up
            whole = False
    if not whole:
        print(f"\nStopped. {total.seeds} of {seeds} worlds were lived to their end; of these:", file=sys.stderr)
    total.breaks.sort(key=lambda one: one.seed)
    if as_json:
        print(json.dumps(_as_json(total, profile)))
    else:
        _tell(total, profile)
    if not whole:
        return _INTERRUPTED
    return _BROKEN if total.breaks else 0


def _parts(seeds: Sequence[int], plan: Plan, steps: int, jobs: int, asked: threading.Event) -> Iterator[Tally]:
    """Tallies as they come, from this process or from one for each job; once asked to stop, no further world begins."""
    if jobs == 1:
        for seed in takewhile(lambda _: not asked.is_set(), seeds):
            quiet()
            yield run_worlds([seed], plan, steps, shrink=plan.only is None)
        return
    size = max(len(seeds) // (jobs * _BATCHES_A_JOB), 1)
    batches = [seeds[at : at + size] for at in range(0, len(seeds), size)]
    afresh = get_context("spawn")
    stopping = afresh.Event()
    pool = ProcessPoolExecutor(jobs, afresh, initializer=_begin, initargs=(stopping,))
    try:
        pending = {pool.submit(_batch, batch, plan, steps) for batch in batches}
        while pending:
            done, pending = wait(pending, _LOOK_EVERY_S, FIRST_COMPLETED)
            yield from (one.result() for one in done)
            if asked.is_set() and not stopping.is_set():
                stopping.set()
                pending = {one for one in pending if not one.cancel()}
    except KeyboardInterrupt:
        for worker in list(pool._processes.values()):
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_stopping: ProcessEvent | None = None


def _begin(stopping: ProcessEvent) -> None:
    global _stopping  # noqa: PLW0603 - a worker process hears of it once, for its whole life
    _stopping = stopping
    serve_the_parent()
    quiet()


def _batch(seeds: Sequence[int], plan: Plan, steps: int) -> Tally:
    """In a worker process: what of the batch was lived until it was to stop."""
    wanted = takewhile(lambda _: _stopping is None or not _stopping.is_set(), seeds)
    return run_worlds(wanted, plan, steps, shrink=plan.only is None)


def _as_json(total: Tally, profile: str) -> dict[str, Any]:
    return {
        "seeds": total.seeds,
        "steps": total.steps,
        "faulted_steps": total.faulted_steps,
        "turns": total.turns,
        "processor_s": round(total.processor_s, 2),
        "steps_per_processor_s": round(total.steps / total.processor_s) if total.processor_s else None,
        "orders": total.orders,
        "restarts": total.restarts,
        "faults": dict(sorted(total.faults.items())),
        "unknown_resolved": len(total.resolve_ms) + len(total.resolve_outage_ms),
        "unknown_during_outage": len(total.resolve_outage_ms),
        "resolve_s": {"p50": total.resolve_s(50), "p99": total.resolve_s(99)},
        "breaks": [
            {
                "seed": one.seed,
                "step": one.step,
                "invariant": one.invariant,
                "what": one.what,
                "events": len(one.events),
                "first_events": one.first_events,
                "command": one.command(profile),
            }
            for one in total.breaks
        ],
    }


def _tell(total: Tally, profile: str) -> None:
    faults = sum(total.faults.values())
    print(
        f"{total.seeds} worlds, {total.steps} steps, {total.faulted_steps} of them before all healed,"
        f" {total.orders} orders, {total.restarts} restarts, {faults} faults of {len(total.faults)} kinds."
    )
    if total.resolve_ms:
        print(
            f"{len(total.resolve_ms)} orders of unknown outcome became known: half of them within"
            f" {total.resolve_s(50)} s of the world's time, 99 % within {total.resolve_s(99)} s; and"
            f" {len(total.resolve_outage_ms)} more that an outage of the exchange fell into, or that it kept to itself."
        )
    for one in total.breaks:
        _tell_break(one, one.command(profile))
    if not total.breaks:
        print("Nothing broke.")


def _tell_break(one: Break, command: str) -> None:
    print(f"\nBROKEN {one.invariant} in world {one.seed} at step {one.step}: {one.what}")
    if one.only is not None and one.first_events > len(one.events):
        print(f"Made short: {one.first_steps} steps to {one.steps}, {one.first_events} events to {len(one.events)}.")
    print(f"What went wrong before it: {named(one.events)}")
    print("What happened last:")
    print("\n".join(one.trace[-_TRACE_SHOWN:]))
    print(f"Repeat it: {command}")
