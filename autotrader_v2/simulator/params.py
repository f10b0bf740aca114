"""Reading what a client sent: a query or a JSON object of anything, into the types a route wants."""

import json
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote_plus

import msgspec

from autotrader_v2.domain.money import NotANumber, amount
from autotrader_v2.simulator.errors import ApiError, bad_value, missing

_Chosen = TypeVar("_Chosen", bound=StrEnum)
_INT_DIGITS_MAX = 18


class Params:
    """Named values of one request: text from a query, text or numbers from a JSON body. Unknown names are ignored."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Whether there is a value; null and an empty text are none."""
        return self._values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        """A text, or a number as text. Errors: `ApiError`."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str):
            return value
        # Written out, 1e999999999 would fill the memory.
        if isinstance(value, Decimal) and abs(value.adjusted()) <= _INT_DIGITS_MAX:
            return f"{value:f}"
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise bad_value(name, value)

    def needed(self, name: str) -> str:
        """A text that must be there. Errors: `ApiError`."""
        if not self.has(name):
            raise missing(name)
        return self.text(name)

    def number(self, name: str) -> Decimal | None:
        """An exact number, None when absent. Errors: `ApiError`."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        try:
            return amount(value)
        except NotANumber:
            raise bad_value(name, value) from None

    def needed_number(self, name: str) -> Decimal:
        """An exact number that must be there. Errors: `ApiError`."""
        number = self.number(name)
        if number is None:
            raise missing(name)
        return number

    def whole(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        """A whole number in a range. Errors: `ApiError`."""
        text = self.text(name, str(default))
        sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _INT_DIGITS_MAX):
            raise bad_value(name, text)
        number = sign * int(digits)
        if number < least or (most is not None and number > most):
            raise bad_value(name, text)
        return number

    def choice(self, name: str, kind: type[_Chosen], default: _Chosen | None = None) -> _Chosen:
        """One of the names of an enumeration. Errors: `ApiError`."""
        if default is not None and not self.has(name):
            return default
        text = self.needed(name)
        try:
            return kind(text)
        except ValueError:
            raise bad_value(name, text) from None

    def part(self, name: str) -> "Params":
        """A nested object that must be there. Errors: `ApiError`."""
        value = self._values.get(name)
        if value is None:
            raise missing(name)
        if not isinstance(value, dict):
            raise bad_value(name, value)
        return Params(value)

    def over(self, other: "Params") -> "Params":
        """These values, and the other's where these have none."""
        return Params({**other._values, **self._values})


def from_query(query: str) -> Params:
    """The values of a query string; of a repeated name the last one counts."""
    values = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        values[unquote_plus(name)] = unquote_plus(value)
    return Params(values)


def json_value(raw: bytes | str) -> Any:
    """A JSON text with exact numbers. Errors: `ApiError` for anything that is not JSON, NaN and infinity included."""
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError):
        raise ApiError("INVALID_REQUEST_BODY", "The request body is not valid JSON") from None


def json_object(raw: bytes) -> Params:
    """A JSON object. Errors: `ApiError`."""
    return as_object(json_value(raw))


def json_list(raw: bytes) -> list[Params]:
    """A JSON list of objects. Errors: `ApiError`."""
    return as_list(json_value(raw))


def as_object(value: Any) -> Params:
    """A decoded value that must be an object. Errors: `ApiError`."""
    if not isinstance(value, dict):
        raise ApiError("INVALID_REQUEST_BODY", "The request body is not an object")
    return Params(value)


def as_list(value: Any) -> list[Params]:
    """A decoded value that must be a list of objects. Errors: `ApiError`."""
    if not isinstance(value, list):
        raise ApiError("INVALID_REQUEST_BODY", "The request body is not a list")
    return [as_object(item) for item in value]


_encoder = msgspec.json.Encoder()


def encoded(value: Any) -> bytes:
    """JSON of an answer, whatever of the client's own words it repeats."""
    try:
        return _encoder.encode(value)
    except (ValueError, OverflowError):
        # Lone surrogates and integers beyond 64 bits, echoed.
        return json.dumps(value, default=str).encode()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
