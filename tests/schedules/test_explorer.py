"""The explorer itself: it finds races that are there, in toys and in the engine with a lock taken away."""

import contextlib
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.schedules.arena import ETH, SOL, Arena
from tests.schedules.explore import explore
from tests.schedules.plans import Bounded
from tests.schedules.primitives import Primitives
from tests.schedules.scheduler import Deadlock, Plan, Scheduler


class Till:
    """Money that two hands take from; each looks before it takes."""

    def __init__(self, plan: Plan, *, locked: bool) -> None:
        self.scheduler = Scheduler(plan, lambda _file: frozenset())
        self.lock = Primitives(self.scheduler).Lock()
        self.locked = locked
        self.money = 10

    def take(self) -> None:
        with self.lock if self.locked else contextlib.nullcontext():
            enough = self.money >= 10
            self.scheduler.pause()
            if enough:
                self.money -= 10


@contextlib.contextmanager
def _till(plan: Plan, *, locked: bool) -> Iterator[Till]:
    yield Till(plan, locked=locked)


def _two_hands(till: Till) -> None:
    till.scheduler.add("one", till.take)
    till.scheduler.add("two", till.take)
    till.scheduler.run()
    assert till.money == 0


def test_a_race_between_look_and_act_is_found() -> None:
    with pytest.raises(AssertionError, match="bounded schedule"):
        explore("a till without a lock", lambda plan: _till(plan, locked=False), _two_hands, seeds=0)


def test_a_lock_keeps_it_right_in_every_schedule() -> None:
    counted = explore("a till with a lock", lambda plan: _till(plan, locked=True), _two_hands, deviations=3, seeds=20)
    assert counted.bounded > 10


def test_locks_taken_in_both_orders_are_a_deadlock() -> None:
    def run(plan: Plan) -> None:
        scheduler = Scheduler(plan, lambda _file: frozenset())
        locks = Primitives(scheduler)
        one, other = locks.Lock(), locks.Lock()

        def both(first: object, second: object) -> None:
            with first, second:  # type: ignore[attr-defined]
                scheduler.pause()

        scheduler.add("one", lambda: both(one, other))
        scheduler.add("two", lambda: both(other, one))
        scheduler.run()

    with pytest.raises(Deadlock, match="one, two"):
        for plan in Bounded(1).plans():
            run(plan)


def test_each_bounded_schedule_is_run_once() -> None:
    seen = []
    for plan in Bounded(2).plans():
        order: list[int] = []
        scheduler = Scheduler(plan, lambda _file: frozenset())
        for number in range(2):

            def body(number: int = number, scheduler: Scheduler = scheduler, order: list[int] = order) -> None:
                for _ in range(3):
                    order.append(number)
                    scheduler.pause()
                order.append(number)

            scheduler.add(str(number), body)
        scheduler.run()
        seen.append(tuple(order))
    assert len(set(seen)) == len(seen)
    assert (0, 1, 0, 0, 0, 1, 1, 1) in seen


@pytest.mark.parametrize("what", ["slot", "wallet"])
def test_the_engine_without_a_lock_is_found_out(what: str) -> None:
    """Were `slot.lock` or the wallet's lock left out, a schedule would show it: the scenarios can fail."""

    def scenario(arena: Arena) -> None:
        never = _NoLock()
        if what == "slot":
            for slot in arena.floor.slots.values():
                slot.lock = never  # type: ignore[assignment]
        else:
            arena.floor.wallet._lock = never  # type: ignore[assignment]
        arena.on(ETH, SOL)
        arena.price(ETH, "2500")
        if what == "wallet":
            arena.price(SOL, "140")
        arena.work(2)
        if what == "slot":
            arena.do("person", lambda: arena.trader.buy("ETH", Decimal(10), "test"))
        arena.run()
        assert len(arena.exchange.sent) == 1

    money = "1000" if what == "slot" else "15"
    with pytest.raises(AssertionError, match="the engine without a lock"):
        explore(
            f"the engine without a lock of its {what}",
            lambda plan: Arena(plan, money=money, markets=(ETH, SOL)),
            scenario,
            seeds=0,
        )


class _NoLock:
    """Always free."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        return True

    def release(self) -> None:
        """Nothing was taken."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_error: object) -> None:
        """Nothing was taken."""
