"""The kinds of values that requests carry, strict: what is not exactly that is refused with the field's name."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from autotrader_v2.domain.money import NotANumber, amount

_PLAIN = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,30})?")


class Request(BaseModel):
    """A body or a query: unknown fields are refused, values are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class Part(BaseModel):
    """A part of an answer: nothing that is not named here."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class Reply(Part):
    """What a request that succeeded is answered with.

    Never checked while the program runs, for that would take time from trading: the tests check every answer they get.
    """

    success: Literal[True]


class Done(Reply):
    """It is done; there is nothing more to tell."""


def _number(value: Any) -> Decimal | None:
    """A number exactly as it was written: text or a JSON integer; a JSON fraction has already lost digits."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError('must be a number given as text, such as "12.5", or a whole number')
    text = str(value) if isinstance(value, int) and abs(value) < 10**24 else value
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        raise ValueError("must be a plain decimal number such as 12.5")
    try:
        return amount(text)
    except NotANumber as error:
        raise ValueError(str(error)) from None


def whole(value: Any) -> Any:
    """In a query every value is text: a whole number of a query, or what was given."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value) else value


_AS_TEXT = WithJsonSchema({"type": "string", "pattern": f"^{_PLAIN.pattern}$", "examples": ["12.5"]})

Number = Annotated[Decimal, BeforeValidator(_number), _AS_TEXT]
Positive = Annotated[Decimal, BeforeValidator(_number), Field(gt=0), _AS_TEXT]
Currency = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9/_-]+$", examples=["BTC"])]
# Amounts and prices of answers: text, exact or to 12 digits.
Amount = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["12.5"])]
# Codes come with values; the page's catalogues make sentences of them.
Values = dict[str, str]
Limit = Annotated[int, BeforeValidator(whole), Field(ge=1, le=1000)]
Position = Annotated[int, BeforeValidator(whole), Field(ge=0, le=2**53)]
