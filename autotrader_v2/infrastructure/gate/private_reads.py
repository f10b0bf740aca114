"""What Gate tells the account's owner: holdings, fees, orders, own trades. Complete answers only."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from autotrader_v2.application.ports import AccessRefused, AccountFacts, ExchangeUnavailable, OpenOrder
from autotrader_v2.domain.orders import Fill
from autotrader_v2.infrastructure.gate import wire
from autotrader_v2.infrastructure.gate.access import Access
from autotrader_v2.infrastructure.gate.answers import ErrorAnswer, read_failure
from autotrader_v2.infrastructure.gate.budget import Budget
from autotrader_v2.infrastructure.gate.labels import ABSENT, CLOCK_WRONG, NO_PERMISSION
from autotrader_v2.infrastructure.gate.retrying import read, read_once
from autotrader_v2.infrastructure.gate.sdk import Timeout
from autotrader_v2.infrastructure.gate.server_time import ServerTime

_TIMEOUT: Timeout = (3, 8)
_QUICK_TIMEOUT: Timeout = (1, 2)
_PATIENCE_S = 5.0
# Source: Gate API v4, pagination: at most 100 open orders and 1000 trades a page, limit * (page - 1) <= 100000.
_ORDERS_A_PAGE = 100
_TRADES_A_PAGE = 1000
_OFFSET_MAX = 100_000
# Own trades are told for at most 30 days in one read.
_WINDOW_S = 29 * 86_400
_WINDOWS_MAX = 26

T = TypeVar("T")
Row = TypeVar("Row")


class PrivateReads:
    """Private endpoints over a client of the SDK. Thread-safe. Errors of every call: `ExchangeUnavailable`.

    `compare_clocks` is called when the exchange finds a signature's time wrong; it must not raise.
    `urgent`: these reads find out what became of orders, and may use what others must leave of the rate limit.
    """

    def __init__(
        self,
        client: Any,
        time: ServerTime,
        compare_clocks: Callable[[], None],
        budget: Budget,
        access: Access,
        *,
        exchange: str,
        urgent: bool = False,
    ) -> None:
        import gate_api  # noqa: PLC0415 - slow, and loaded by then

        self._spot = gate_api.SpotApi(client)
        self._wallet = gate_api.WalletApi(client)
        self._account = gate_api.AccountApi(client)
        self._time = time
        self._compare_clocks = compare_clocks
        self._exchange = exchange
        self._budget = budget
        self._access = access
        self._urgent = urgent

    def accounts(self) -> list[wire.AccountRow]:
        """Holdings of every currency the account has or had."""
        return self._told("the balances", "accounts", self._spot.list_spot_accounts, wire.accounts_of)

    def fee(self) -> wire.FeeRow:
        """The account's fees. Without the right to read the wallet the older spot endpoint tells the same."""
        what = "the account's fees"
        try:
            return read(what, self._call("wallet/fee", self._wallet.get_trade_fee, wire.fee_of))
        except ErrorAnswer as error:
            if error.label not in NO_PERMISSION:
                raise read_failure(error, what) from None
        return self._told(what, "spot/fee", self._spot.get_fee, wire.fee_of)

    def account(self) -> AccountFacts:
        """Kind of account and rights of the key. A key that may not ask is a common and good one: then not told.

        Source: `key.mode` of /account/detail as other clients read it (1 classic, 2 unified); rights by the SDK.
        """
        detail = self._if_told("account/detail", self._account.get_account_detail, wire.detail_of)
        keys = self._if_told("account/main_keys", self._account.get_account_main_keys, wire.keys_of)
        kind = {1: "classic", 2: "unified"}.get(detail.key.mode, "") if detail and detail.key else ""
        perms = keys[0].perms if keys and len(keys) == 1 else []
        if not perms:
            return AccountFacts(kind=kind)
        return AccountFacts(
            kind=kind,
            withdraws=any("withdraw" in one.name.lower() and not one.read_only for one in perms),
            trades=any(one.name == "spot" and not one.read_only for one in perms),
        )

    def _if_told(self, endpoint: str, method: Callable[..., str], decode: Callable[[str], T]) -> T | None:
        """The answer, or None when the exchange refuses it or answers otherwise than known."""
        try:
            return read_once(endpoint, self._call(endpoint, method, decode))
        except ErrorAnswer:
            return None
        except ExchangeUnavailable as error:
            if isinstance(error.__cause__, ValueError):
                return None
            raise

    def order(self, key: str, pair: str) -> wire.OrderRow | None:
        """The order of that id or text; None when the exchange does not find it, which for a text proves nothing."""
        what = f"order {key}"
        try:
            return read(what, self._call("order", self._spot.get_order, wire.order_of, key, pair))
        except ErrorAnswer as error:
            if error.label in ABSENT:
                return None
            raise self._failure(error, what) from None

    def open_orders(self, pair: str) -> list[wire.OrderRow]:
        """All open orders of a pair."""
        return self._all_orders(pair, "open")

    def finished_orders(self, pair: str, since_ms: int) -> list[wire.OrderRow]:
        """All orders of a pair that ended since then (exchange time)."""
        return self._all_orders(pair, "finished", _from=since_ms // 1000)

    def trades_of_order(self, order_id: str, pair: str, *, quick: bool = False) -> tuple[Fill, ...]:
        """All trades of one order, oldest first. `quick`: one try of two seconds, for a sender that others wait for."""
        what = f"the trades of order {order_id}"
        return self._trades(what, quick=quick, currency_pair=pair, order_id=order_id)

    def all_open_orders(self) -> tuple[OpenOrder, ...]:
        """All orders of the account that rest."""
        what = "the account's open orders"

        def page(number: int) -> list[wire.OpenOrdersRow]:
            arguments: dict[str, Any] = {"page": number, "limit": _ORDERS_A_PAGE, "account": "spot"}
            return self._told(what, "open_orders", self._spot.list_all_open_orders, wire.open_orders_of, **arguments)

        found: dict[str, OpenOrder] = {}
        try:
            for number in range(1, _OFFSET_MAX // _ORDERS_A_PAGE + 2):
                rows = page(number)
                found |= {str(one.id): wire.open_order_of(one, self._exchange) for row in rows for one in row.orders}
                # A page is one of each pair's.
                if all(len(row.orders) < _ORDERS_A_PAGE for row in rows):
                    return tuple(found.values())
        except ValueError as error:
            raise read_failure(error, what) from error
        raise ExchangeUnavailable("The list of open orders does not end.", do="It is read again.")

    def trades(self, pair: str | None, since_ms: int) -> tuple[Fill, ...]:
        """All own trades of a pair, or (None) of the account, since then (exchange time), oldest first.

        At most two years back.
        """
        only: dict[str, Any] = {} if pair is None else {"currency_pair": pair}
        to_s = self._time.now_ms() // 1000 + 60
        from_s = max(since_ms // 1000, to_s - _WINDOWS_MAX * _WINDOW_S)
        fills: list[Fill] = []
        for start_s in range(from_s, to_s, _WINDOW_S):
            end_s = min(start_s + _WINDOW_S, to_s)
            fills += self._trades(f"the trades of {pair or 'the account'}", **only, _from=start_s, to=end_s)
        return wire.by_time(fill for fill in fills if fill.time_ms >= since_ms)

    def _all_orders(self, pair: str, status: str, **more: Any) -> list[wire.OrderRow]:
        def page(number: int) -> list[wire.OrderRow]:
            what = f"the {status} orders of {pair}"
            arguments = {"page": number, "limit": _ORDERS_A_PAGE, **more}
            return self._told(
                what, f"orders/{status}", self._spot.list_orders, wire.orders_of, pair, status, **arguments
            )

        return list(_pages(page, _ORDERS_A_PAGE))

    def _trades(self, what: str, *, quick: bool = False, **arguments: Any) -> tuple[Fill, ...]:
        def page(number: int) -> list[wire.TradeRow]:
            more = {"page": number, "limit": _TRADES_A_PAGE, **arguments}
            return self._told(what, "my_trades", self._spot.list_my_trades, wire.trades_of, quick=quick, **more)

        try:
            return wire.by_time(wire.fill_of(row, self._exchange) for row in _pages(page, _TRADES_A_PAGE))
        except ValueError as error:
            raise read_failure(error, what) from error

    def _told(
        self,
        what: str,
        endpoint: str,
        method: Callable[..., str],
        decode: Callable[[str], T],
        *args: Any,
        quick: bool = False,
        **more: Any,
    ) -> T:
        timeout = _QUICK_TIMEOUT if quick else _TIMEOUT
        call = self._call(endpoint, method, decode, *args, **more, _request_timeout=timeout)
        try:
            return read_once(what, call) if quick else read(what, call)
        except ErrorAnswer as error:
            raise self._failure(error, what) from None

    def _failure(self, error: ErrorAnswer, what: str) -> ExchangeUnavailable:
        failure = read_failure(error, what)
        if isinstance(failure, AccessRefused):
            self._access.refused(failure)
        return failure

    def _call(
        self, endpoint: str, method: Callable[..., str], decode: Callable[[str], T], *args: Any, **more: Any
    ) -> Callable[[], T]:
        def once() -> T:
            self._access.check()
            if not self._budget.take(endpoint, _PATIENCE_S, urgent=self._urgent):
                raise ExchangeUnavailable("Too many reads of the account at once.", do="They are made a little later.")
            try:
                return decode(method(*args, **{"_request_timeout": _TIMEOUT, **more}))
            except ErrorAnswer as error:
                if error.is_limit:
                    self._budget.close(endpoint, error.reset_ms - self._time.now_ms())
                if error.label == CLOCK_WRONG:
                    self._time.forget()
                    self._compare_clocks()
                raise

        return once


def _pages(page: Callable[[int], list[Row]], size: int) -> Iterator[Row]:
    """Every row of every page; one that is not full is the last. Errors: `ExchangeUnavailable` beyond the end."""
    for number in range(1, _OFFSET_MAX // size + 2):
        rows = page(number)
        yield from rows
        if len(rows) < size:
            return
    raise ExchangeUnavailable("The list is longer than Gate.io tells.", do="A later start of the period is needed.")
