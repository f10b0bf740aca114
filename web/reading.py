"""Requests into models: what the person sent, checked, or a refusal that names the field."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from web.errors import Refused

M = TypeVar("M", bound=BaseModel)


def read_body(model: type[M]) -> M:
    """The JSON body as the model. An empty body is an empty object. Errors: `Refused`."""
    return _checked(model, _parsed_body())


def read_query(model: type[M], path: Mapping[str, str] | None = None) -> M:
    """The query, with what the path names, as the model. Errors: `Refused`, also when a name is given twice."""
    given = request.args.to_dict(flat=False)
    for name, values in given.items():
        if len(values) > 1:
            raise Refused("bad_request", f"{name[:40]} is given more than once.", field=name[:40])
    in_path = dict(path or {})
    if doubled := in_path.keys() & given.keys():
        name = min(doubled)
        raise Refused("bad_request", f"{name} belongs into the path only.", field=name)
    return _checked(model, {name: values[0] for name, values in given.items()} | in_path)


def peeked_body() -> dict[str, Any] | None:
    """The body as it came, for those who look before it is checked; None for one that is refused anyway."""
    try:
        return _parsed_body()
    except (Refused, HTTPException):
        return None


def _parsed_body() -> dict[str, Any]:
    raw = request.get_data(cache=True)
    if not raw.strip():
        return {}
    if request.mimetype != "application/json":
        raise Refused("unsupported_media_type", "Send the body as application/json.", status=415)
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError):
        raise Refused("bad_json", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused("bad_json", "The body must be a JSON object.")
    return body


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is given twice")
    return made


def _checked(model: type[M], given: dict[str, Any]) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:60].encode("ascii", "replace").decode()
        code = "unknown_field" if first["type"] == "extra_forbidden" else "bad_value"
        message = first["msg"].removeprefix("Value error, ")
        raise Refused(code, f"{field}: {message}" if field else message, field=field or None) from None
