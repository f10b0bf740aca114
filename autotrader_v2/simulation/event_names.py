"""How single events of a world are named where people read and write them: `send_late#2,hand_sell#1-3`."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# Instead of names where nothing may go wrong at all.
NOTHING = "nothing"
_NAME = re.compile(r"([a-z_]+)#([1-9]\d*)(?:-([1-9]\d*))?")
# Far beyond the events of one kind in the longest world, and little to keep.
_NUMBER_MAX = 100_000


class Event(NamedTuple):
    """One thing that went wrong, or that somebody did. `number` counts its kind from 1, in a world of one seed."""

    kind: str
    number: int


def name_of(event: Event) -> str:
    """One event's name."""
    return f"{event.kind}#{event.number}"


def named(events: Iterable[Event]) -> str:
    """The names of some events, neighbours together."""
    runs: list[tuple[str, int, int]] = []
    for kind, number in sorted(events):
        if runs and runs[-1][0] == kind and runs[-1][2] == number - 1:
            runs[-1] = kind, runs[-1][1], number
        else:
            runs.append((kind, number, number))
    return ",".join(f"{kind}#{first}" + (f"-{last}" if last > first else "") for kind, first, last in runs) or NOTHING


def events_of(names: str) -> frozenset[Event]:
    """The events so named. Errors: ValueError."""
    events: set[Event] = set()
    for name in (one.strip() for one in names.split(",")):
        if name in ("", NOTHING):
            continue
        match = _NAME.fullmatch(name)
        first, last = (int(match[2]), int(match[3] or match[2])) if match else (0, 0)
        if match is None or not first <= last <= _NUMBER_MAX:
            raise ValueError(f"{name[:60]!r} is no event: they are named as send_late#2 or hand_sell#1-3")
        events.update(Event(match[1], number) for number in range(first, last + 1))
    return frozenset(events)
