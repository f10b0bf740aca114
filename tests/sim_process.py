"""`mTrade.py sim` as a process: prices told to it, its books read, over its control routes."""

import http.client
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.matching.records import Role, UserTrade
from tests.processes import Started

CONTROL_TOKEN = "a-made-up-control-token"
# Rows per call: a round's orders are some hundreds.
_PAGE = 500
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class ToldOrder:
    """An order as the process shows it; units as in `Order`."""

    id: int
    text: str
    pair: str
    side: Side
    amount: Decimal
    filled_base: Decimal
    open: bool


@dataclass(frozen=True, slots=True)
class ToldAccount:
    """The account's books as the process shows them, oldest first; see `AccountView`."""

    balances: Mapping[str, tuple[Decimal, Decimal]]
    orders: Sequence[ToldOrder]
    trades: Sequence[UserTrade]

    @property
    def open_orders(self) -> Sequence[ToldOrder]:
        """Orders that may still trade."""
        return tuple(one for one in self.orders if one.open)

    def total(self, currency: str) -> Decimal:
        """Free and locked together."""
        return sum(self.balances.get(currency, ()), Decimal(0))


class SimControl:
    """Control routes of an exchange in a box with one account, on one connection. Callable from any thread."""

    def __init__(self, url: str, token: str = CONTROL_TOKEN) -> None:
        where = urlsplit(url)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._lock = threading.Lock()

    def tell(self, quotes: Iterable[Quote]) -> None:
        """These are the prices, with as many coins at the best ones as the quotes say. They hold when this returns."""
        names = ("bid", "ask", "last", "bid_size", "ask_size")
        prices = [
            {"act": "price", "pair": one.market.pair, **{name: str(getattr(one, name)) for name in names}}
            for one in quotes
        ]
        self.call("POST", "price", prices)

    def trades(self, after: int = 0) -> list[UserTrade]:
        """The account's trades with an id above that, oldest first."""
        return [_trade(row) for row in self._rows("trades", after)]

    def account(self) -> ToldAccount:
        """The account's books. Whole only while nobody trades: they are read one after the other."""
        [told] = self.call("GET", "account")["accounts"].values()
        balances = {name: (Decimal(one["available"]), Decimal(one["locked"])) for name, one in told.items()}
        return ToldAccount(balances, tuple(_order(row) for row in self._rows("orders")), tuple(self.trades()))

    def call(self, method: str, route: str, body: Any = None) -> Any:
        """Ask or do; the answer. Errors: AssertionError for a refusal."""
        with self._lock:
            text = None if body is None else json.dumps(body)
            self._connection.request(method, f"/sim/{route}", text, self._headers)
            answer = self._connection.getresponse()
            told = json.loads(answer.read())
        assert answer.status == 200, (method, route, told)
        return told

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _rows(self, name: str, after: int = 0) -> list[Any]:
        rows: list[Any] = []
        more = True
        while more:
            page = self.call("GET", f"{name}?after={rows[-1]['id'] if rows else after}&limit={_PAGE}")
            rows += page[name]
            more = page["more"]
        return rows


class SimProcess(Started):
    """The exchange in a box, without prices but those that `control` tells it, and without rate limits."""

    def __init__(self, *, log: Path, balances: Mapping[str, int], key: str, secret: str, seed: int) -> None:
        money = [word for currency, amount in balances.items() for word in ("--balance", f"{currency}={amount}")]
        super().__init__(
            *("sim", "--port", "0", "--feed", "told", "--key", key, "--secret", secret, "--seed", str(seed)),
            *("--control-token", CONTROL_TOKEN, *money),
            log=log,
        )
        self.control = SimControl(self.url)
        self.control.call("POST", "account", {"act": "rate_limits", "enabled": False})

    def end(self) -> None:
        """Stop it. Errors: AssertionError when it did not end well, or met an error of its own before."""
        assert self.stop() == 0
        assert self.log_path.read_text("utf-8") == "", "the exchange itself met no error"

    def __exit__(self, *error: object) -> None:
        self.control.close()
        super().__exit__(*error)


def _order(row: Mapping[str, Any]) -> ToldOrder:
    return ToldOrder(
        id=int(row["id"]),
        text=row["text"],
        pair=row["currency_pair"],
        side=Side(row["side"]),
        amount=Decimal(row["amount"]),
        filled_base=Decimal(row["filled_amount"]),
        open=row["status"] == "open",
    )


def _trade(row: Mapping[str, Any]) -> UserTrade:
    return UserTrade(
        id=int(row["id"]),
        sequence=int(row["sequence_id"]),
        order_id=int(row["order_id"]),
        pair=row["currency_pair"],
        side=Side(row["side"]),
        role=Role(row["role"]),
        amount=Decimal(row["amount"]),
        price=Decimal(row["price"]),
        fee=Decimal(row["fee"]),
        fee_currency=row["fee_currency"],
        gt_fee=Decimal(row["gt_fee"]),
        point_fee=Decimal(row["point_fee"]),
        time_ms=int(row["create_time_ms"].partition(".")[0]),
        text=row["text"],
        amend_text=row["amend_text"],
    )
