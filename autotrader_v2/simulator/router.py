"""Which path is whose: the table of all REST endpoints, with who may call and what a call costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from autotrader_v2.simulator import account_routes, public_routes, trading, trigger_routes
from autotrader_v2.simulator.desk import Caller, Desk
from autotrader_v2.simulator.errors import ApiError
from autotrader_v2.simulator.limits import ACCOUNT, PRIVATE, Limit
from autotrader_v2.simulator.params import Params, from_query, json_list, json_object

PREFIX = "/api/v4"


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody may call it. `serve` gets the desk, the query and, if the path has one, its variable part."""

    name: str
    serve: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Private:
    """Only a signed call. `serve` gets caller, query, raw body and, if the path has one, its variable part.

    `limit` None: the call counts itself, because its limit depends on what it says. `expires`: `x-gate-exptime` counts.
    """

    name: str
    serve: Callable[..., Any]
    status: int = 200
    limit: Limit | None = PRIVATE
    expires: bool = False


Route = Public | Private


def _asked(serve: Callable[..., Any]) -> Callable[..., Any]:
    """A private route that only reads its query."""
    return lambda caller, query, _body, *variable: serve(caller, query, *variable)


def _sent_object(serve: Callable[[Caller, Params], Any]) -> Callable[..., Any]:
    """A private route that reads an object from its body."""
    return lambda caller, _query, body: serve(caller, json_object(body))


def _sent_list(serve: Callable[[Caller, list[Params]], Any]) -> Callable[..., Any]:
    """A private route that reads a list of objects from its body."""
    return lambda caller, _query, body: serve(caller, json_list(body))


def _amend(caller: Caller, query: Params, body: bytes, order_id: str) -> Any:
    """The same names may come in query and body; the body wins."""
    return trading.amend(caller, json_object(body).over(query) if body.strip() else query, order_id)


_ROUTES: Mapping[str, Mapping[str, Route]] = {
    "/spot/time": {"GET": Public("time", public_routes.server_time)},
    "/spot/currencies": {"GET": Public("currencies", public_routes.all_currencies)},
    "/spot/currencies/*": {"GET": Public("currency", public_routes.one_currency)},
    "/spot/currency_pairs": {"GET": Public("currency_pairs", public_routes.all_pairs)},
    "/spot/currency_pairs/*": {"GET": Public("currency_pair", public_routes.one_pair)},
    "/spot/tickers": {"GET": Public("tickers", public_routes.tickers)},
    "/spot/order_book": {"GET": Public("order_book", public_routes.order_book)},
    "/spot/trades": {"GET": Public("trades", public_routes.trades)},
    "/spot/candlesticks": {"GET": Public("candlesticks", public_routes.candlesticks)},
    "/margin/currency_pairs": {"GET": Public("margin_pairs", public_routes.margin_pairs)},
    "/wallet/fee": {"GET": Private("wallet_fee", _asked(account_routes.wallet_fee))},
    "/account/detail": {"GET": Private("account_detail", _asked(account_routes.account_detail), limit=ACCOUNT)},
    "/account/main_keys": {"GET": Private("main_keys", _asked(account_routes.main_keys), limit=ACCOUNT)},
    "/spot/accounts": {"GET": Private("accounts", _asked(account_routes.accounts))},
    "/spot/account_book": {"GET": Private("account_book", _asked(account_routes.account_book))},
    "/spot/fee": {"GET": Private("fee", _asked(account_routes.spot_fee))},
    "/spot/batch_fee": {"GET": Private("batch_fee", _asked(account_routes.batch_fee))},
    "/spot/my_trades": {"GET": Private("my_trades", _asked(account_routes.my_trades))},
    "/spot/open_orders": {"GET": Private("open_orders", _asked(account_routes.all_open_orders))},
    "/spot/countdown_cancel_all": {"POST": Private("countdown", _sent_object(account_routes.countdown))},
    "/spot/orders": {
        "GET": Private("orders", _asked(trading.listed)),
        "POST": Private("place", _sent_object(trading.place), status=201, limit=None, expires=True),
        "DELETE": Private("cancel_pair", _asked(trading.cancel_pair), limit=None, expires=True),
    },
    "/spot/orders/*": {
        "GET": Private("order", _asked(trading.status)),
        "DELETE": Private("cancel", _asked(trading.cancel), limit=None, expires=True),
        "PATCH": Private("amend", _amend, limit=None, expires=True),
    },
    "/spot/batch_orders": {"POST": Private("place_batch", _sent_list(trading.place_batch), limit=None, expires=True)},
    "/spot/amend_batch_orders": {
        "POST": Private("amend_batch", _sent_list(trading.amend_batch), limit=None, expires=True)
    },
    "/spot/cancel_batch_orders": {
        "POST": Private("cancel_batch", _sent_list(trading.cancel_batch), limit=None, expires=True)
    },
    "/spot/price_orders": {
        "GET": Private("triggers", _asked(trigger_routes.listed)),
        "POST": Private("add_trigger", _sent_object(trigger_routes.create), status=201),
        "DELETE": Private("cancel_triggers", _asked(trigger_routes.cancel_all)),
    },
    "/spot/price_orders/*": {
        "GET": Private("trigger", _asked(trigger_routes.one)),
        "DELETE": Private("cancel_trigger", _asked(trigger_routes.cancel)),
    },
}


_nothing: tuple[str, ...] = ()


def find_route(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The route of a call and the variable part of its path. Errors: `ApiError`."""
    own = path[len(PREFIX) :] if path.startswith(PREFIX + "/") else ""
    methods, variable = _ROUTES.get(own), _nothing
    parent, _, last = own.rpartition("/")
    if methods is None and last:
        methods, variable = _ROUTES.get(f"{parent}/*"), (unquote(last),)
    if methods is None:
        raise ApiError("NOT_FOUND", "The requested URL does not exist")
    route = methods.get(method)
    if route is None:
        raise ApiError("METHOD_NOT_ALLOWED", f"Method {method[:20]} is not allowed")
    return route, variable


def serve_public(desk: Desk, route: Public, query: str, variable: tuple[str, ...]) -> Any:
    """Answer a public call. Errors: `ApiError`, `Refused`."""
    return route.serve(desk, from_query(query), *variable)


def serve_private(caller: Caller, route: Private, query: str, body: bytes, variable: tuple[str, ...]) -> Any:
    """Answer a private call. Errors: `ApiError`, `Refused`."""
    return route.serve(caller, from_query(query), body, *variable)
