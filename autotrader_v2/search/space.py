"""What is searched: every combination of the values of some ladder parameters, numbered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from math import prod

from autotrader_v2.domain.ladder import BadLadder, LadderParams, changed
from autotrader_v2.domain.money import ONE, ZERO, NotANumber, amount, plain

VALUES_MAX = 10_000
# No value alone breaks the rules of this ladder, so that a range can be judged without the other ranges.
_LENIENT = LadderParams(steps=0, sizes=(ONE,), start_balance_pct=ONE)
_KNOWN = tuple(one.name for one in fields(LadderParams))

# A ladder's searched parameters by name, as text.
Point = Mapping[str, str]


class BadRange(ValueError):
    """A range that cannot be searched; the message says which and why.

    `name`: the parameter, empty where it is not about a known one; `reason`: the message without it. `code` with its
    `values`: the same for the page's catalogues; of `bad_range` only the message tells it.
    """

    def __init__(self, reason: str, *, name: str = "", code: str = "bad_range", **values: str) -> None:
        super().__init__(f"{name}: {reason}" if name else reason)
        self.name, self.reason = name, reason
        self.code, self.values = code, values


@dataclass(frozen=True, slots=True)
class Range:
    """The values one parameter takes. `numeric`: they rise, so that it has two ends."""

    name: str
    values: tuple[str, ...]
    numeric: bool


@dataclass(frozen=True, slots=True)
class Space:
    """All combinations. `fixed` are the parameters that are set and not searched."""

    ranges: tuple[Range, ...]
    fixed: Mapping[str, str]

    @property
    def size(self) -> int:
        """How many combinations."""
        return prod(len(one.values) for one in self.ranges)

    def point(self, index: int) -> dict[str, str]:
        """The combination of that number, from 0; the last range varies quickest. Errors: IndexError."""
        if not 0 <= index < self.size:
            raise IndexError(f"combination {index} of {self.size}")
        chosen = []
        for one in reversed(self.ranges):
            index, at = divmod(index, len(one.values))
            chosen.append((one.name, one.values[at]))
        return dict(reversed(chosen))

    def index(self, point: Point) -> int:
        """The number of a combination. Errors: ValueError, KeyError when it is none of this space."""
        index = 0
        for one in self.ranges:
            index = index * len(one.values) + one.values.index(point[one.name])
        return index

    def ladder(self, point: Point) -> LadderParams:
        """The whole ladder. Errors: `BadLadder`."""
        return changed(LadderParams(), {**self.fixed, **point})


def read_range(text: str) -> Range:
    """Read `name=from:to:step` (both ends included when the steps meet them) or `name=a,b,c`. Errors: `BadRange`."""
    name, equals, values = (part.strip() for part in text.partition("="))
    if not (name and equals and values):
        raise BadRange(f"{text[:60]!r} is not NAME=FROM:TO:STEP or NAME=A,B,C")
    if name not in _KNOWN:
        raise BadRange(f"{name} is no ladder parameter; known are {', '.join(sorted(_KNOWN))}")
    if name == "sizes":
        raise BadRange("cannot be searched: it is a list itself; set it with --set", name=name)
    listed = _steps(name, values) if ":" in values else [part.strip() for part in values.split(",") if part.strip()]
    return _checked(name, listed)


def read_space(texts: Sequence[str], fixed: Mapping[str, str]) -> Space:
    """The space of several ranges. Errors: `BadRange`."""
    ranges = tuple(read_range(text) for text in texts)
    names = [one.name for one in ranges]
    if not ranges:
        raise BadRange("there is nothing to search: name at least one range, such as drop_step_pct=0.5:4:0.25")
    for name in names:
        if names.count(name) > 1:
            raise BadRange("it has two ranges", name=name, code="range_twice")
        if name in fixed:
            raise BadRange("it is both searched and set", name=name)
    for name, value in fixed.items():
        if name not in _KNOWN:
            raise BadRange(f"{name} is no ladder parameter; known are {', '.join(sorted(_KNOWN))}")
        if name != "sizes":
            _checked(name, [value])
    return Space(ranges, dict(fixed))


def _steps(name: str, text: str) -> list[str]:
    parts = text.split(":")
    if len(parts) != 3:
        raise BadRange(f"{text[:60]!r} is not FROM:TO:STEP", name=name)
    try:
        begin, end, step = (amount(part.strip()) for part in parts)
    except NotANumber as error:
        raise BadRange(str(error), name=name) from None
    if step <= ZERO:
        raise BadRange(f"the step must be above 0, not {plain(step)}", name=name)
    if begin > end:
        what = f"the range begins above its end, {plain(begin)} > {plain(end)}"
        raise BadRange(what, name=name, code="range_upside_down", begin=plain(begin), end=plain(end))
    count = int((end - begin) // step) + 1
    if count > VALUES_MAX:
        what = f"{plain(begin)} to {plain(end)} by {plain(step)} is {count} values, over {VALUES_MAX}"
        raise BadRange(what, name=name, code="range_too_long", count=str(count), most=str(VALUES_MAX))
    return [plain(begin + number * step) for number in range(count)]


def _checked(name: str, listed: Sequence[str]) -> Range:
    """The values in one spelling and without repetition, numbers in order."""
    if not listed:
        raise BadRange("there is no value", name=name)
    known: dict[str, Decimal | None] = {}
    for text in listed:
        try:
            value = getattr(changed(_LENIENT, {name: text}), name)
        except BadLadder as error:
            raise BadRange(error.reason, name=name) from None
        number = Decimal(value) if isinstance(value, int | Decimal) else None
        known[str(value) if number is None else plain(number)] = number
    numeric = None not in known.values()
    ordered = sorted(known, key=lambda text: known[text] or ZERO) if numeric else list(known)
    return Range(name, tuple(ordered), numeric)
