"""The rules in force: which of them strikes now. Every rule has a chance of its own, made from the seed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from autotrader_v2.simulator.faults.rules import Ending, Fault, Happening, PushFault, Rule, SubscriptionFault

_Kind = TypeVar("_Kind", bound=Rule)
About = tuple[str, str]


@dataclass(slots=True)
class InForce(Generic[_Kind]):
    """A rule with its own chance, and how often it was met and struck."""

    id: int
    rule: _Kind
    rng: random.Random
    since_s: float
    seen: int = 0
    struck: int = 0
    next_s: float = 0.0

    def extra_s(self) -> float:
        """How much longer its delay is this time."""
        return self.rng.random() * self.rule.spread_s if self.rule.spread_s else 0.0

    def wants(self, now_s: float) -> bool:
        """Whether it is about this moment and not used up."""
        rule = self.rule
        if rule.times and self.seen >= rule.skip + rule.times:
            return False
        return rule.from_s <= now_s - self.since_s < rule.until_s

    def meets(self) -> bool | None:
        """Count one happening. True: it strikes; False: this one is spared; None: chance left it to later rules."""
        rule = self.rule
        if self.seen < rule.skip:
            self.seen += 1
            return False
        if rule.chance < 1 and self.rng.random() >= rule.chance:
            return None
        self.seen += 1
        self.struck += 1
        return True


def _about_nothing() -> About:
    return "", ""


class Faults:
    """Decides for each call, update and subscription what goes wrong with it: the first rule that strikes.

    Same `seed`, same rules, same order of happenings: same faults. May be used from any thread. `counts`: what struck,
    by kind.
    """

    def __init__(self, seed: int = 0, now_s: Callable[[], float] = time.monotonic) -> None:
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self._now_s = now_s
        self._lock = threading.Lock()
        self._added = 0
        self._calls: list[InForce[Fault]] = []
        self._pushes: list[InForce[PushFault]] = []
        self._subscriptions: list[InForce[SubscriptionFault]] = []
        self._happenings: list[InForce[Happening]] = []

    def add(self, rule: Rule) -> int:
        """Put a rule in force after those already there; returns its number."""
        with self._lock:
            return self._add(rule)

    def replace(self, rules: Iterable[Rule], seed: int | None = None) -> None:
        """Only these from now on, their chance begun anew; the counts begin at zero."""
        with self._lock:
            self._clear()
            self.seed = self.seed if seed is None else seed
            self.counts.clear()
            self._added = 0
            for rule in rules:
                self._add(rule)

    def clear(self) -> None:
        """All is well again; what struck stays counted."""
        with self._lock:
            self._clear()

    def remove(self, number: int) -> bool:
        """Take one rule out of force; False when there is none of that number."""
        with self._lock:
            before = len(self._rows())
            for rows in self._lists():
                rows[:] = [row for row in rows if row.id != number]
            return len(self._rows()) < before

    def rows(self) -> list[InForce[Rule]]:
        """Every rule in force, in the order in which they were added."""
        with self._lock:
            return self._rows()

    def strike(
        self, method: str, path: str, about: Callable[[], About] = _about_nothing, *, upgrade: bool = False
    ) -> InForce[Fault] | None:
        """The fault that hits this call, if any.

        `about` tells its pair and side, "" for none; asked only if needed. `upgrade`: the call opens a WebSocket; only
        faults that answer in its place or break the connection hit it.
        """
        if not self._calls:
            return None

        def matches(rule: Fault) -> bool:
            if not (fnmatchcase(method, rule.method) and fnmatchcase(path, rule.path)):
                return False
            if upgrade and rule.answer is None and rule.ending is Ending.SEND:
                return False
            if rule.pair == rule.side == "*":
                return True
            pair, side = about()
            # A list of all pairs may be changed in the rows of one.
            right_pair = fnmatchcase(pair, rule.pair) if pair else rule.pair == "*" or rule.edit is not None
            return right_pair and fnmatchcase(side, rule.side)

        return self._struck(self._calls, matches)

    def strike_push(self, channel: str, pair: Callable[[], str] = str) -> InForce[PushFault] | None:
        """The fault that hits this update, if any."""
        if not self._pushes:
            return None
        return self._struck(
            self._pushes,
            lambda rule: fnmatchcase(channel, rule.channel) and (rule.pair == "*" or fnmatchcase(pair(), rule.pair)),
        )

    def strike_subscription(self, channel: str, pairs: Iterable[str]) -> SubscriptionFault | None:
        """The fault that hits this subscription, if any; a rule for one pair hits every request that names it."""
        if not self._subscriptions:
            return None
        wanted = tuple(pairs)
        row = self._struck(
            self._subscriptions,
            lambda rule: (
                fnmatchcase(channel, rule.channel)
                and (rule.pair == "*" or any(fnmatchcase(pair, rule.pair) for pair in wanted))
            ),
        )
        return row.rule if row else None

    def due(self) -> list[Happening]:
        """What happens by itself now. To be asked again and again."""
        if not self._happenings:
            return []
        found: list[Happening] = []
        with self._lock:
            now_s = self._now_s()
            for row in self._happenings:
                if not row.wants(now_s) or now_s < row.next_s:
                    continue
                row.next_s = now_s + row.rule.every_s
                if row.meets():
                    self.counts[row.rule.kind] += 1
                    found.append(row.rule)
        return found

    def _struck(self, rows: list[InForce[_Kind]], matches: Callable[[_Kind], bool]) -> InForce[_Kind] | None:
        with self._lock:
            now_s = self._now_s()
            for row in rows:
                if not row.wants(now_s) or not matches(row.rule):
                    continue
                met = row.meets()
                if met is None:
                    continue
                if met:
                    self.counts[row.rule.kind] += 1
                return row if met else None
        return None

    def _add(self, rule: Rule) -> int:
        self._added += 1
        number = self._added
        rng = random.Random(f"{self.seed}:{number}:{rule.kind}")
        now_s = self._now_s()
        match rule:
            case Fault():
                self._calls.append(InForce(number, rule, rng, now_s))
            case PushFault():
                self._pushes.append(InForce(number, rule, rng, now_s))
            case SubscriptionFault():
                self._subscriptions.append(InForce(number, rule, rng, now_s))
            case Happening():
                self._happenings.append(InForce(number, rule, rng, now_s))
            case _:
                raise TypeError(f"not a rule that can be in force: {rule!r}")
        return number

    def _clear(self) -> None:
        for rows in self._lists():
            rows.clear()

    def _lists(self) -> tuple[list[InForce[Rule]], ...]:
        return (self._calls, self._pushes, self._subscriptions, self._happenings)  # type: ignore[return-value]

    def _rows(self) -> list[InForce[Rule]]:
        return sorted((row for rows in self._lists() for row in rows), key=lambda row: row.id)
