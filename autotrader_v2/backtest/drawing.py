"""Charts as SVG text: lines over time, marks on them, bars. Floats are positions on paper here, never money.

Long series are thinned without losing an extreme: of each pixel column the first, lowest, highest and last point stay.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 960, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 12, 10, 26
_COLUMNS = _WIDTH - _LEFT - _RIGHT
_TICKS_X, _TICKS_Y = 9, 5
_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
_STEPS_MS = [_MINUTE_MS * n for n in (1, 2, 5, 10, 30, 60, 120, 180, 360, 720)]
_STEPS_MS += [_DAY_MS * n for n in (1, 2, 4, 7, 14, 30, 61, 91, 183, 365, 730, 1461)]

Point = tuple[int, float]


class Thinned:
    """Takes points in order of time and keeps at most four for each pixel column of the span."""

    def __init__(self, begin_ms: int, end_ms: int) -> None:
        self._begin_ms = begin_ms
        self._span_ms = max(1, end_ms - begin_ms)
        self._column = -1
        self._of_column: list[Point] = []
        self._kept: list[Point] = []
        self.taken = 0

    def add(self, at_ms: int, value: float) -> None:
        """Take the next point."""
        column = (at_ms - self._begin_ms) * _COLUMNS // self._span_ms
        point = (at_ms, value)
        self.taken += 1
        if column != self._column:
            self._column = column
            self._kept += _distinct(self._of_column)
            self._of_column = [point] * 4
            return
        of = self._of_column
        if value < of[1][1]:
            of[1] = point
        if value > of[2][1]:
            of[2] = point
        of[3] = point

    def points(self) -> list[Point]:
        """What is kept, in order of time."""
        return self._kept + _distinct(self._of_column)


class Line(NamedTuple):
    """A line of a chart. `style` is its class in the style sheet."""

    name: str
    style: str
    points: Sequence[Point]


class Mark(NamedTuple):
    """A buy (triangle up) or a sale (triangle down)."""

    at_ms: int
    value: float
    is_buy: bool


def time_chart(
    title: str,
    unit: str,
    lines: Sequence[Line],
    *,
    span_ms: tuple[int, int],
    marks: Iterable[Mark] = (),
    holes: Sequence[tuple[int, int]] = (),
    filled: bool = False,
) -> str:
    """Lines over time. `holes` (from, to; in order) are shaded and not drawn across; `filled`: down from the zero line.

    Marks that would lie on each other are drawn once.
    """
    marks = list(marks)
    values = [value for line in lines for _, value in line.points] + [mark.value for mark in marks]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if filled:
        low, high = min(low, 0.0), max(high, 0.0)
    scale = _Scale(span_ms, low, high)
    parts = [_hole(scale, hole) for hole in holes]
    parts += [_y_tick(scale, value) for value in nice_ticks(low, high, _TICKS_Y)]
    parts += [_x_tick(scale, at_ms, step_ms) for at_ms, step_ms in _time_ticks(*span_ms)]
    begins = [begin for begin, _ in holes]
    for line in lines:
        path = _path(scale, line.points, holes, begins)
        if filled and line.points:
            first, last = scale.x(line.points[0][0]), scale.x(line.points[-1][0])
            zero = scale.y(0.0)
            area = f"M{first:.1f} {zero:.1f}L{path[1:].replace('M', 'L')}L{last:.1f} {zero:.1f}Z"
            parts.append(f'<path class="area {line.style}" d="{area}"/>')
        parts.append(f'<path class="line {line.style}" d="{path}"/>')
    parts += _marks(scale, marks)
    legend = [(line.name, line.style) for line in lines]
    if marks:
        legend += [("▲ buy", "buy"), ("▼ sale", "sell")]
    return _figure(title, unit, parts, legend if len(legend) > 1 else [])


def bar_chart(title: str, unit: str, bars: Sequence[tuple[str, int]]) -> str:
    """One bar for each (label, count), with its count above it."""
    high = max((count for _, count in bars), default=0)
    scale = _Scale((0, max(1, len(bars))), 0.0, float(max(high, 1)) * 1.08)
    wide = (_WIDTH - _LEFT - _RIGHT) / max(1, len(bars))
    parts = [_y_tick(scale, value) for value in nice_ticks(0.0, float(max(high, 1)), _TICKS_Y) if value == int(value)]
    for number, (label, count) in enumerate(bars):
        left, top, bottom = scale.x(number) + wide * 0.12, scale.y(float(count)), scale.y(0.0)
        middle = left + wide * 0.38
        parts.append(
            f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{wide * 0.76:.1f}" height="{bottom - top:.1f}">'
            f"<title>{escape(label)}: {count}</title></rect>"
        )
        parts.append(f'<text class="count" x="{middle:.1f}" y="{top - 4:.1f}">{count}</text>')
        parts.append(f'<text class="tick mid" x="{middle:.1f}" y="{_HEIGHT - 8}">{escape(label)}</text>')
    return _figure(title, unit, parts, [])


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers from low to high, about so many."""
    span = high - low
    if span <= 0:
        return [low]
    rough = span / count
    power = 10.0 ** _magnitude(rough)
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough * 0.999)
    first = -(-low // step)
    return [step * (first + n) for n in range(int(span / step) + 2) if low <= step * (first + n) <= high]


class _Scale:
    """Where a time and a value lie on the paper."""

    def __init__(self, span_ms: tuple[int, int], low: float, high: float) -> None:
        if high <= low:
            low, high = low - abs(low) * 0.01 - 1e-12, high + abs(high) * 0.01 + 1e-12
        self._begin_ms, self._span_ms = span_ms[0], max(1, span_ms[1] - span_ms[0])
        self._low, self._high = low, high

    def x(self, at_ms: int) -> float:
        return _LEFT + (at_ms - self._begin_ms) / self._span_ms * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _distinct(points: Sequence[Point]) -> list[Point]:
    return sorted(set(points))


def _path(scale: _Scale, points: Sequence[Point], holes: Sequence[tuple[int, int]], begins: Sequence[int]) -> str:
    """Lines from point to point; the pen is lifted over a hole that is wide enough to be seen."""
    words = []
    before: Point | None = None
    for point in points:
        lifted = before is None
        if before is not None and holes and scale.x(point[0]) - scale.x(before[0]) > 1:
            next_hole = bisect_left(begins, before[0])
            lifted = next_hole < len(holes) and holes[next_hole][1] <= point[0]
        words.append(f"{'M' if lifted else 'L'}{scale.x(point[0]):.1f} {scale.y(point[1]):.1f}")
        before = point
    # A line of one point is a dot.
    return "".join(words) + ("h.1" if len(points) == 1 else "")


def _marks(scale: _Scale, marks: Iterable[Mark]) -> list[str]:
    places = {(round(scale.x(mark.at_ms)), round(scale.y(mark.value)), mark.is_buy): None for mark in marks}
    return [
        f'<path class="{"buy" if is_buy else "sell"}" d="M{x} {y}l-4 {7 if is_buy else -7}h8Z"/>'
        for x, y, is_buy in places
    ]


def _hole(scale: _Scale, hole: tuple[int, int]) -> str:
    left, right = scale.x(hole[0]), scale.x(hole[1])
    wide, high = max(1.0, right - left), _HEIGHT - _TOP - _BOTTOM
    return f'<rect class="hole" x="{left:.1f}" y="{_TOP}" width="{wide:.1f}" height="{high}"/>'


def _y_tick(scale: _Scale, value: float) -> str:
    y = scale.y(value)
    return (
        f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4:.1f}">{value:,.8g}</text>'
    )


def _x_tick(scale: _Scale, at_ms: int, step_ms: int) -> str:
    text = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d" if step_ms >= _DAY_MS else "%m-%d %H:%M")
    x = scale.x(at_ms)
    return (
        f'<path class="grid" d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"/>'
        f'<text class="tick mid" x="{min(max(x, _LEFT + 34), _WIDTH - 40):.1f}" y="{_HEIGHT - 8}">{text}</text>'
    )


def _time_ticks(begin_ms: int, end_ms: int) -> list[tuple[int, int]]:
    rough = (end_ms - begin_ms) / _TICKS_X
    step_ms = next((step for step in _STEPS_MS if step >= rough), _STEPS_MS[-1])
    first = -(-begin_ms // step_ms) * step_ms
    return [(at_ms, step_ms) for at_ms in range(first, end_ms + 1, step_ms)]


def _magnitude(number: float) -> int:
    return int(f"{number:e}".partition("e")[2])


def _figure(title: str, unit: str, parts: Iterable[str], legend: Iterable[tuple[str, str]]) -> str:
    names = "".join(f'<span class="key {style}">{escape(name)}</span>' for name, style in legend)
    unit = f" <small>{escape(unit)}</small>" if unit else ""
    return (
        f"<figure><figcaption><b>{escape(title)}</b>{unit}{names}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )
