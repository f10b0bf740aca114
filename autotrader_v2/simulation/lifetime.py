"""One world from its first event to its end: so many steps, then all heals, and everything must end well."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb

from autotrader_v2.domain.orders import Side
from autotrader_v2.simulation.event_names import Event, named
from autotrader_v2.simulation.heard import Broken
from autotrader_v2.simulation.world import Plan, World

# Units: milliseconds of the world. An order of unknown outcome ends, at the latest, a minute after all is well again.
_UNKNOWN_ENDS_MS = 60_000
# One that never arrived, and beside which coins came that its balance of before did not have, may take so much longer.
_COINS_BESIDE_MS = 120_000
# Rules and trade status are read again every half minute, backed-off sides wait a minute.
_CYCLES_GO_ON_MS = 180_000
# The account is compared once a minute.
_LATE_BOOKED_MS = 120_000
_CARE_EVERY_MS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """What did not hold, at which step, and what it takes to see it again.

    `place`: where in the code it was noticed; two breaks of one invariant at different places are two things. `steps`:
    how many to ask for. `events`: all that went wrong until then; `first_events` and `first_steps`: how many those were
    before it was made short.
    """

    seed: int
    step: int
    invariant: str
    what: str
    place: str
    steps: int
    first_steps: int
    events: tuple[Event, ...]
    first_events: int
    without: frozenset[str] = frozenset()
    only: frozenset[Event] | None = None
    trace: tuple[str, ...] = ()

    def command(self, profile: str) -> str:
        """What repeats it."""
        left_out = f" --without {','.join(sorted(self.without))}" if self.without else ""
        only = "" if self.only is None else f" --only {named(self.only)}"
        return (
            f"python3 mTrade.py simulate --seed {self.seed} --seeds 1 --steps {self.steps} --profile {profile}"
            f"{left_out}{only}"
        )

    def same_as(self, other: "Break") -> bool:
        """Whether the same thing went wrong."""
        return (self.invariant, self.place) == (other.invariant, other.place)


def lived(plan: Plan, steps: int) -> tuple[World, Break | None]:
    """A world and what broke in it, if anything did."""
    world = World(plan)
    try:
        world.run(steps)
        live_on(world)
    except Broken as broken:
        return world, _break_of(world, broken, steps)
    finally:
        world.end()
    return world, None


def live_on(world: World) -> None:
    """I12: with all faults healed every unknown order ends and every market trades on. Errors: `Broken`."""
    while world.asleep:
        world.step()
    world.heal()
    ends_ms = _UNKNOWN_ENDS_MS + (_COINS_BESIDE_MS if _coins_came_beside(world) else 0)
    _until(world, ends_ms, lambda: not world.auditor.open_of and bool(world.slots()), "an order never ended")
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


def _coins_came_beside(world: World) -> bool:
    """Whether coins that an order did not buy look like its own.

    A hand, or the network's copy of a buy, bought the coin of an order that is out, at about its time; or the balance
    it was decided by was of before the buy before it; or nobody remembers that balance after a crash, so that all that
    the books do not know of looks as if it had come.
    """
    orders, open_of = world.auditor.orders, world.auditor.open_of
    if any(orders[label].misled or orders[label].outlived for label in open_of.values()):
        return True
    out = {market.pair: orders[label].intent.decided_ms - _COINS_BESIDE_MS for market, label in open_of.items()}
    copied = {label for label, order in orders.items() if order.copies}
    return any(
        trade.pair in out
        and trade.side is Side.BUY
        and trade.time_ms > out[trade.pair]
        and (not trade.text.startswith("t-") or trade.text in copied)
        for trade in world.venue.account.trades
    )


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


def _break_of(world: World, broken: Broken, steps: int) -> Break:
    events = tuple(world.dice.events)
    return Break(
        seed=world.plan.seed,
        step=world.steps,
        invariant=broken.invariant,
        what=broken.what,
        place=_place_of(broken),
        # What broke before its world had all its steps breaks again in one that ends right after.
        steps=min(steps, world.steps + 1),
        first_steps=steps,
        events=events,
        first_events=len(events),
        without=world.plan.without,
        only=world.plan.only,
        trace=tuple(world.trace),
    )


def _place_of(broken: Broken) -> str:
    """Where the rule is, or the engine's own defect; who waits for something is asked what for."""
    frames = walk_tb((broken.__cause__ or broken).__traceback__)
    code, line = [(frame.f_code, line) for frame, line in frames if frame.f_code is not _until.__code__][-1]
    return f"{Path(code.co_filename).name}:{line}"
