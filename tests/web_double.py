"""A desk that answers at once and writes down what it was asked: for tests of the web side alone."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from autotrader_v2.application.credentials import Credentials
from autotrader_v2.application.desk import Glance
from autotrader_v2.application.door import Door
from autotrader_v2.application.events import News
from autotrader_v2.application.ports import Credential, JournalRefused
from autotrader_v2.application.refusals import CommandRefused
from web.app import Web, create_app
from web.config import WebConfig

PORT = 8787
HOST = f"127.0.0.1:{PORT}"
TOKEN = "a-token-for-scripts"
STOP_TOKEN = "a-token-for-restart"
KNOWN = ("BTC", "ETH")
NOT_OF_A_COIN = frozenset(
    (
        "start",
        "stop",
        "set_limits",
        "set_order_limits",
        "set_active",
        "reset_paper",
        "change_start_setting",
        "add_symbol",
        "save_preset",
        "delete_preset",
    )
)


def a_coin(currency: str, **changes: Any) -> dict[str, Any]:
    """An idle coin, as far as the push looks at it."""
    return {"currency": currency, "last": "100", "price_age_ms": 5, "state": "IDLE", **changes}


A_ROW = {"id": 7, "time_ms": 1_700_000_000_000, "symbol": "=BTC", "result": "-1.5", "values": {"what": "@x"}}


class StoreDouble:
    """A `CredentialStore` in memory."""

    def __init__(self) -> None:
        self.kept: list[Credential] = []

    def credentials(self) -> list[Credential]:
        """See the port."""
        return self.kept

    def add_credential(self, one: Credential) -> None:
        """See the port."""
        self.kept.append(one)

    def credential_used(self, id: str, time_ms: int) -> None:
        """See the port."""

    def revoke_credential(self, id: str, time_ms: int) -> None:
        """See the port."""


class DoorDouble(Door):
    """The real door over a store in memory; what it tells and keeps is written down."""

    def __init__(self) -> None:
        super().__init__(real_money=False)
        self.store = StoreDouble()
        self._credentials = Credentials(self.store, lambda: 1_700_000_000_000)
        self.told: list[str] = []
        self.audited: list[tuple[str, Mapping[str, str]]] = []

    def alert(self, code: str, values: Mapping[str, str]) -> None:
        """See `Door`."""
        self.told.append(code)

    def audit(self, values: Mapping[str, str], by: str) -> None:
        """See `Door`."""
        self.audited.append((by, values))


class DeskDouble:
    """Shaped as `Desk`. `calls` lists every wish; `sent` counts Quick Trades that were carried out."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self.listeners: list[Callable[[News], None]] = []
        self.coins = [a_coin(name) for name in KNOWN]
        self.mode = "paper"
        self.sent = 0
        self.moved = 0
        self.stop_wanted = False
        self.before_order: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self.door = DoorDouble()

    def overview(self) -> dict[str, Any]:
        """Only what the web side itself reads."""
        return {"mode": self.mode, "time_ms": 1, "coins": [dict(coin) for coin in self.coins]}

    def moves(self) -> int:
        """See `Desk`."""
        return self.moved

    def glance(self, only: Collection[str] | None = None) -> Glance:
        """See `Desk`: the overview with the ages apart."""
        head = self.overview()
        coins = head.pop("coins")
        ages_ms = {coin["currency"]: coin.pop("price_age_ms") for coin in coins}
        return Glance(head, [coin for coin in coins if only is None or coin["currency"] in only], ages_ms)

    def listen(self, listener: Callable[[News], None]) -> None:
        """See `Desk`."""
        self.listeners.append(listener)

    def idempotent(self, key: str, request_hash: str) -> Mapping[str, Any] | None:
        """See `Desk`."""
        known, answer = self.answers.get(key, (request_hash, None))
        if known != request_hash:
            raise JournalRefused("This request key was used for another request.", do="Use a new key.")
        return answer

    def remember(self, key: str, request_hash: str, answer: Mapping[str, Any]) -> None:
        """See `Desk`: the first answer of a key stays."""
        self.answers.setdefault(key, (request_hash, dict(answer)))

    def request_stop(self) -> None:
        """See `Desk`."""
        self.stop_wanted = True

    def quick_buy(self, currency: str, quote_amount: Any, by: str, shown_price: Any = None) -> dict[str, Any]:
        """See `Desk`."""
        return self._order("quick_buy", currency, quote_amount, by, shown_price)

    def sell_everything(self, by: str) -> dict[str, Any]:
        """See `Desk`."""
        self.calls.append(("sell_everything", by))
        return {"selling": None}

    def stop_selling(self, by: str) -> dict[str, Any]:
        """See `Desk`."""
        self.calls.append(("stop_selling", by))
        return {"selling": None}

    def selling(self) -> dict[str, Any]:
        """See `Desk`."""
        return {"selling": None}

    def sell_all(self, currency: str, then: str, by: str) -> dict[str, Any]:
        """See `Desk`."""
        return self._order("sell_all", currency, then, by)

    def _order(self, *call: Any) -> dict[str, Any]:
        self._check(call[1])
        self.before_order()
        with self._lock:
            self.sent += 1
            self.calls.append(call)
            return {"client_id": f"t-test-{self.sent}.1", "outcome": "filled", "base": "1", "quote": "2", "message": ""}

    def symbols(self) -> dict[str, Any]:
        """See `Desk`."""
        return {"available": ["BTC_USDT", "ETH_USDT"], "active": ["BTC_USDT"], "primary": "BTC_USDT"}

    @property
    def reports(self) -> "ReportsDouble":
        """See `Desk`."""
        return ReportsDouble(self)

    @property
    def lab(self) -> "LabDouble":
        """See `Desk`."""
        return LabDouble(self)

    def cycle_history(self, *call: Any) -> list[dict[str, Any]]:
        """See `Desk`."""
        return self._rows("cycle_history", *call)

    def _rows(self, *call: Any) -> list[dict[str, Any]]:
        if call[1] is not None:
            self._check(call[1])
        self.calls.append(call)
        return []

    def _check(self, currency: Any) -> None:
        if currency is not None and currency not in KNOWN:
            raise CommandRefused("unknown_currency", "not among the available symbols", status=404)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*given: Any, **named: Any) -> dict[str, Any]:
            if given and name not in NOT_OF_A_COIN:
                self._check(given[0])
            self.calls.append((name, *given, *named.items()))
            return {"asked": name}

        return call


class ReportsDouble:
    """Shaped as `Reports`: writes down what it was asked, and has one row of everything."""

    def __init__(self, desk: DeskDouble) -> None:
        self._desk = desk

    def market(self, currency: str | None) -> Any:
        """See `Reports`."""
        self._desk._check(currency)
        return currency

    def every(self, ask: Callable[[Any, int], Any], which: Any) -> Iterator[Mapping[str, Any]]:
        """See `Reports`."""
        yield from ask(which, 1000)

    def fifo(self, *call: Any) -> Iterator[Mapping[str, Any]]:
        """See `Reports`."""
        self._desk.calls.append(("fifo", *call))
        yield A_ROW

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*given: Any) -> Any:
            self._desk.calls.append((name, *given))
            return [A_ROW] if name in ("trades", "orders", "decisions", "record") else {"asked": name}

        return call


class LabDouble:
    """Shaped as `Lab`: writes down what it was asked."""

    def __init__(self, desk: DeskDouble) -> None:
        self._desk = desk

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*given: Any) -> dict[str, Any]:
            self._desk.calls.append((f"lab.{name}", *given))
            return {"asked": name}

        return call


def a_web(desk: DeskDouble | None = None, **config: Any) -> Web:
    """The app over a double; nothing is bound and no thread runs."""
    settings = {"port": PORT, "api_token": TOKEN, "stop_token": STOP_TOKEN, "session_secret": b"s" * 32}
    return create_app(desk or DeskDouble(), WebConfig(**(settings | config)), port=PORT)  # type: ignore[arg-type]


def a_script(web: Web) -> Any:
    """A client with the bearer token."""
    return _Client(web, {"Authorization": f"Bearer {TOKEN}"})


def a_browser(web: Web) -> Any:
    """A client that opened the link."""
    client = _Client(web, {})
    client.get(f"/open?token={web.sessions.new_link_token()}")
    page = client.get("/").get_data(as_text=True)
    client.csrf = page.partition('name="csrf-token" content="')[2].partition('"')[0]
    client.socket_token = page.partition('name="socket-token" content="')[2].partition('"')[0]
    return client


class _Client:
    """Flask's test client behind the guard, under the page's own name."""

    def __init__(self, web: Web, headers: dict[str, str]) -> None:
        self._client = web.flask.test_client()
        self._headers = headers
        self.csrf = ""
        self.socket_token = ""

    def get(self, path: str, **more: Any) -> Any:
        """GET."""
        return self.open("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        """POST; with `csrf` set the token goes along."""
        headers = dict(more.pop("headers", {}))
        if self.csrf:
            headers.setdefault("X-CSRF-Token", self.csrf)
        if json is not None:
            more["json"] = json
        return self.open("POST", path, headers=headers, **more)

    def open(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> Any:
        """Any request."""
        sent = {**self._headers, **(headers or {})}
        return self._client.open(path, method=method, base_url=f"http://{HOST}", headers=sent, **more)
