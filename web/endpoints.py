"""How a view becomes an endpoint: `asks` for reading, `commands` for wishes. Views only translate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, current_app, g, jsonify, request
from pydantic import BaseModel

from autotrader_v2.application.desk import Desk
from web.fields import Done, Reply
from web.idempotency import OncePerKey
from web.reading import read_body, read_query

Answer = Mapping[str, Any]
View = Callable[..., Response]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Told:
    """What the OpenAPI document says about an endpoint."""

    summary: str
    tells: tuple[type[Reply], ...]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    once: bool = False
    order: bool = False
    file: bool = False


def desk() -> Desk:
    """The application's face."""
    return cast(Desk, current_app.extensions["desk"])


def by() -> str:
    """Who is asking: `page` or `api`."""
    return str(g.by)


def asks(model: type[M], tells: type[Reply], *others: type[Reply]) -> Callable[[Callable[[M], Answer]], View]:
    """Make a view that reads: its argument comes from the query, and from the path where that names fields.

    `tells`, or one of the others: what it answers with, beside `success`.
    """

    def make(view: Callable[[M], Answer]) -> View:
        @wraps(view)
        def answer(**path: str) -> Response:
            response = jsonify({"success": True, **view(read_query(model, path))})
            # Who asks again with `If-None-Match` hears 304 when nothing has changed.
            response.add_etag()
            response.make_conditional(request)
            return response

        return _told(answer, Told(_summary(view), (tells, *others), query=model))

    return make


def previews(model: type[M], tells: type[Reply]) -> Callable[[Callable[[M], Answer]], View]:
    """Make a view that reads with a body too large for a query; it changes nothing."""

    def make(view: Callable[[M], Answer]) -> View:
        @wraps(view)
        def answer() -> Response:
            return jsonify({"success": True, **view(read_body(model))})

        return _told(answer, Told(_summary(view), (tells,), body=model))

    return make


def commands(
    model: type[M], tells: type[Reply] = Done, *, order: bool = False, in_query: bool = False, repeats: bool = False
) -> Callable[[Callable[[M], Answer | None]], View]:
    """Make a view that changes something: its argument is the body; an `Idempotency-Key` makes it happen once.

    `order`: it sends an order; so many a minute, and never again under a key whose answer was lost. `in_query`: the
    argument is the query instead, there is no body. `repeats`: no request key, so that neither the request nor its
    answer is kept (secrets are in it).
    """

    def make(view: Callable[[M], Answer | None]) -> View:
        @wraps(view)
        def answer() -> Response:
            wish = read_query(model) if in_query else read_body(model)
            key = request.headers.get("Idempotency-Key")

            def do() -> Answer:
                return view(wish) or {}

            if key is None or repeats:
                return jsonify({"success": True, **do()})
            what = f"{request.method} {request.full_path}"
            once = cast(OncePerKey, current_app.extensions["once"])
            return jsonify({"success": True, **once.run(key, what, wish.model_dump(), do, order=order)})

        query, body = (model, None) if in_query else (None, model)
        return _told(answer, Told(_summary(view), (tells,), query=query, body=body, once=not repeats, order=order))

    return make


def _summary(view: Callable[..., Any]) -> str:
    return (view.__doc__ or "").strip().partition("\n")[0]


def _told(view: View, told: Told) -> View:
    view.told = told  # type: ignore[attr-defined]
    return view
