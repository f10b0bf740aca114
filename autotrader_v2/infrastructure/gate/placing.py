"""One order out, one result back. Nothing here is ever repeated."""

from decimal import Decimal
from typing import Any

import msgspec
import structlog

from autotrader_v2.application.ports import Clock, ExchangeUnavailable, NotSent, OutcomeUnknown
from autotrader_v2.domain.money import ZERO, amount, plain
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderResult, OrderType, Side
from autotrader_v2.infrastructure.gate import wire
from autotrader_v2.infrastructure.gate.answers import ErrorAnswer, order_failure
from autotrader_v2.infrastructure.gate.budget import PLACE, Budget
from autotrader_v2.infrastructure.gate.connections import begin_request, bytes_left
from autotrader_v2.infrastructure.gate.labels import CLOCK_WRONG
from autotrader_v2.infrastructure.gate.private_reads import PrivateReads
from autotrader_v2.infrastructure.gate.recent_fills import RecentFills
from autotrader_v2.infrastructure.gate.sdk import Timeout
from autotrader_v2.infrastructure.gate.server_time import ServerTime

# Connecting plus answering stays near the five seconds of reliability.md; only ints count for the SDK.
_TIMEOUT: Timeout = (2, 4)
# An order that waited longer than this for its rate token was decided on an old price.
_PATIENCE_S = 1.0
# While the stream of own trades runs it is waited for a moment: that spares most reads.
_STREAM_FIRST_S = 0.05
# Trades may show up a moment after their order; seconds between looks.
_LOOKS_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.5, 0.5)
# The sum of trades may differ in the last digits from a total that the exchange rounded.
_ROUNDED = Decimal("1e-8")

_log = structlog.get_logger()


class Placer:
    """Sends orders over its own client of the SDK, so that no read ever stands in an order's way."""

    def __init__(self, client: Any, reads: PrivateReads, recent: RecentFills, clock: Clock, time: ServerTime) -> None:
        import gate_api  # noqa: PLC0415 - slow, and loaded by then

        self._spot = gate_api.SpotApi(client)
        self._reads = reads
        self._recent = recent
        self._clock = clock
        self._time = time
        self.budget = Budget(clock, PLACE)

    def send(self, intent: OrderIntent) -> OrderResult:
        """See `Exchange.send`."""
        what = f"order {intent.client_id}"
        if not self.budget.take(intent.market.pair, _PATIENCE_S):
            raise NotSent(
                f"{what} waits: too many orders of {intent.market.pair} at once.", do="It is decided again soon."
            )
        text = self._post(intent, what)
        order_id = hint_of(text)
        try:
            order = wire.order_of(text)
        except msgspec.DecodeError as error:
            raise OutcomeUnknown(f"Gate.io took {what} and answered unreadably.", order_id=order_id) from error
        fault = breach(intent, order)
        if fault:
            _log.error("an answer of Gate.io breaks its contract", order=intent.client_id, fault=fault)
            # An answer about another order names that one: its id must not lead to it.
            ours = order.text == intent.client_id and order.currency_pair == intent.market.pair
            raise OutcomeUnknown(
                f"Gate.io's answer to {what} breaks its contract: {fault}.",
                order_id=order_id if ours else "",
                halts="contract_broken",
            )
        if order.rests:
            raise OutcomeUnknown(
                f"{what} is still open although it is immediate-or-cancel.",
                order_id=order_id,
                traded=bool(order.filled_amount),
            )
        fills = self._fills(order, order_id, what) if order.filled_amount else ()
        return OrderResult(client_id=intent.client_id, order_id=order_id, fills=fills, note=order.finish_as)

    def warm(self) -> str:
        """Use the connection that the next order will use; returns the body of `GET /spot/time`."""
        return str(self._spot.get_system_time(_request_timeout=_TIMEOUT))

    def _post(self, intent: OrderIntent, what: str) -> str:
        headers = {"x_gate_exptime": str(intent.expires_ms)} if intent.expires_ms else {}
        begin_request()
        try:
            return str(self._spot.create_order(body_of(intent), _request_timeout=_TIMEOUT, **headers))
        except Exception as error:
            # Everything: what this adapter does not foresee must still be sorted into sent and not sent.
            if isinstance(error, ErrorAnswer):
                if error.is_limit:
                    self.budget.close(intent.market.pair, error.reset_ms - self._time.now_ms())
                if error.label == CLOCK_WRONG:
                    self._time.forget()
            raise order_failure(error, what, left=bytes_left()) from error

    def _fills(self, order: wire.OrderRow, order_id: str, what: str) -> tuple[Fill, ...]:
        """Every trade of the order: from the stream if it is quicker, else asked for."""
        fills = self._recent.of(order_id)
        if self._recent.live and not complete(fills, order):
            self._recent.wait(order_id, _STREAM_FIRST_S)
        unread: ExchangeUnavailable | None = None
        for pause_s in _LOOKS_S:
            if pause_s:
                self._recent.wait(order_id, pause_s)
            fills = self._recent.of(order_id)
            if complete(fills, order):
                return fills
            try:
                fills = self._reads.trades_of_order(order_id, order.currency_pair, quick=True)
            except ExchangeUnavailable as error:
                unread = error
                break
            if complete(fills, order):
                return fills
        raise OutcomeUnknown(
            f"{what} is filled, but its trades are not all told yet.", order_id=order_id, traded=True
        ) from unread


def body_of(intent: OrderIntent) -> dict[str, str]:
    """The order as Gate takes it.

    `time_in_force` is always said: the exchange's default for a market order is unknown, the SDK's is wrong.
    """
    body = {
        "text": intent.client_id,
        "currency_pair": intent.market.pair,
        "type": intent.type.value,
        "account": "spot",
        "side": intent.side.value,
        "amount": plain(intent.amount),
        "time_in_force": "ioc",
    }
    if intent.limit_price is not None:
        body["price"] = plain(intent.limit_price)
    return body


def hint_of(text: str) -> str:
    """The id in an answer that may be cut, strange or an acknowledgement only; "" if there is none."""
    try:
        return str(wire.hint_of(text).id)
    except msgspec.DecodeError:
        return ""


def breach(intent: OrderIntent, order: wire.OrderRow) -> str:
    """What in the answer cannot be, given the order; "" when nothing."""
    try:
        base, quote = amount(order.filled_amount), amount(order.filled_total)
    except ValueError as error:
        return str(error)
    if order.currency_pair != intent.market.pair:
        return f"it is about {order.currency_pair[:40]}, not {intent.market.pair}"
    if order.side != intent.side:
        return f"it is a {order.side[:10]}, not a {intent.side}"
    if order.text and order.text != intent.client_id:
        return f"it is about {order.text[:40]}"
    if base < ZERO or quote < ZERO or (base == ZERO) != (quote == ZERO):
        return f"it filled {plain(base)} for {plain(quote)}"
    in_quote = intent.type is OrderType.MARKET and intent.side is Side.BUY
    filled = quote if in_quote else base
    if filled > intent.amount:
        return f"it filled {plain(filled)} of {plain(intent.amount)}"
    return ""


def complete(fills: tuple[Fill, ...], order: wire.OrderRow) -> bool:
    """Whether these are all trades of the order: its coins exactly, its money but for rounding."""
    if not fills or sum((fill.base for fill in fills), ZERO) != order.filled_amount:
        return False
    quote = sum((fill.quote for fill in fills), ZERO)
    return abs(quote - order.filled_total) <= order.filled_total * _ROUNDED
