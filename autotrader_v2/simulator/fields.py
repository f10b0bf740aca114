"""Reads what people and programs write about faults and acts: strictly, naming the field and the reason."""

import math
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from autotrader_v2.domain.money import NotANumber, amount

_SHOWN_MAX = 60


class BadField(ValueError):
    """Something cannot be read; the message names where, what and why."""


class Fields:
    """The fields of one object. Each is read once; `done` refuses what nobody read.

    `where` begins every complaint: `rules[2]`.
    """

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, Mapping):
            raise BadField(f"{where} must be an object of names and values, not {_shown(values)}")
        self._values: dict[str, Any] = dict(values)
        self._asked: set[str] = set()
        self._where = where

    def text(self, name: str, default: str | None = None, *, choices: Collection[str] = ()) -> str:
        """A text, of the choices if there are any. Errors: `BadField`, as all others."""
        value = self._take(name, default)
        if not isinstance(value, str):
            raise self.bad(name, f"must be a text, not {_shown(value)}")
        if choices and value not in choices:
            raise self.bad(name, f"must be one of {', '.join(choices)}, not {_shown(value)}")
        return value

    def flag(self, name: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise self.bad(name, f"must be true or false, not {_shown(value)}")
        return value

    def whole(self, name: str, default: int | None = None, *, least: int = 0, most: int = 10**9) -> int:
        """A whole number."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.bad(name, f"must be a whole number from {least} to {most}, not {_shown(value)}")
        return value

    def real(self, name: str, default: float | None = None, *, least: float = 0.0, most: float = 1e9) -> float:
        """A number of seconds or a probability."""
        value = self._take(name, default)
        if value == math.inf and default == math.inf:
            return math.inf
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.bad(name, f"must be a number from {least:g} to {most:g}, not {_shown(value)}")
        return float(value)

    def money(self, name: str, default: str | None = None, *, above: str = "-1e18") -> Decimal:
        """An exact number, given as a text or a whole number."""
        value = self._take(name, default)
        try:
            number = amount(value)
        except NotANumber:
            raise self.bad(name, f'must be a number in quotes, such as "0.25", not {_shown(value)}') from None
        if number <= Decimal(above):
            raise self.bad(name, f"must be above {above}, not {_shown(value)}")
        return number

    def anything(self, name: str) -> Any:
        """Whatever stands there; None when nothing does."""
        self._asked.add(name)
        return self._values.get(name)

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return name in self._values

    def done(self) -> None:
        """Errors: `BadField` for a name that nobody asked for."""
        unknown = sorted(set(self._values) - self._asked)
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise BadField(f"{self._where}.{unknown[0][:_SHOWN_MAX]} is unknown here; known are {known}")

    def bad(self, name: str, why: str) -> BadField:
        """A complaint about a field."""
        return BadField(f"{self._where}.{name} {why}")

    def _take(self, name: str, default: Any) -> Any:
        self._asked.add(name)
        value = self._values.get(name, default)
        if value is None:
            raise self.bad(name, "is missing")
        return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
