"""Own trades as they happen, over the private WebSocket channel. Reads stay the truth."""

from collections.abc import Callable

import msgspec
import structlog

from autotrader_v2.application.ports import Clock
from autotrader_v2.domain.orders import Fill
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.infrastructure.gate.frames import USER_TRADES, PrivateFrame, private_frame_of, request
from autotrader_v2.infrastructure.gate.stream import Stream
from autotrader_v2.infrastructure.gate.wire import TradeRow, fill_of

_EVERYTHING = "!all"
_ANSWER_S = 10.0

_log = structlog.get_logger()
_rows_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
_row_of = msgspec.json.Decoder(TradeRow).decode


class GateAccountFeed:
    """The `AccountFeed` port over `spot.usertrades`. Also hands each trade to the exchange's sender that waits for it.

    `fault` is what the exchange refused the subscription with, "" when it did not: without it trades come from reads.
    What is refused or not answered is asked for again on another connection, as rarely as a lost one comes back: its
    cause may pass, such as a clock that was wrong.
    """

    def __init__(self, ws_url: str, exchange: GateExchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._asked_s = 0.0
        self._on_fill: Callable[[Fill], None] = lambda _fill: None
        self._on_gap: Callable[[], None] = lambda: None
        self.fault = ""
        self._stream = Stream(
            ws_url,
            clock,
            "gate-own-trades",
            on_open=self._subscribe,
            on_message=self._take,
            on_close=self._lost,
            on_quiet=self._look,
        )

    @property
    def connected(self) -> bool:
        """Whether trades come."""
        return self._exchange.recent_fills.live

    def start(self, on_fill: Callable[[Fill], None], on_gap: Callable[[], None]) -> None:
        """See the port. `on_gap` comes after each (re)connect: nothing is told twice or afterwards there."""
        self._on_fill, self._on_gap = on_fill, on_gap
        self._stream.start()

    def stop(self) -> None:
        """See the port."""
        self._stream.stop()

    def _subscribe(self) -> None:
        self._asked_s = self._clock.monotonic_s()
        time_s = self._exchange.now_ms() // 1000
        auth = self._exchange.signer.stream(USER_TRADES, "subscribe", time_s)
        self._stream.send(request(time_s, USER_TRADES, "subscribe", [_EVERYTHING], auth=auth))

    def _look(self) -> None:
        if not self.connected and self._clock.monotonic_s() - self._asked_s > _ANSWER_S:
            self._stream.drop("the subscription to own trades was not answered")

    def _lost(self) -> None:
        self._exchange.recent_fills.live = False

    def _take(self, data: bytes) -> None:
        try:
            frame = private_frame_of(data)
        except msgspec.DecodeError as error:
            _log.warning("an unreadable message about own trades", error=type(error).__name__)
            self._on_gap()
            return
        if frame.asks_to_reconnect:
            self._stream.drop("the exchange asked for it")
        elif frame.channel == USER_TRADES and frame.event == "subscribe":
            self._answered(frame)
        elif frame.channel == USER_TRADES and frame.event == "update":
            self._trades(frame)

    def _answered(self, frame: PrivateFrame) -> None:
        if frame.error is not None:
            fault = self._exchange.signer.hidden(frame.error.message)[:200]
            if fault != self.fault:
                _log.error(
                    "Gate.io refuses to stream own trades; they are read instead. Check the API key.",
                    code=frame.error.code,
                    error=fault,
                )
            self.fault = fault
            self._stream.drop("own trades are refused")
            return
        self.fault = ""
        self._exchange.recent_fills.live = True
        self._on_gap()

    def _trades(self, frame: PrivateFrame) -> None:
        """Each row by itself: one that cannot be read is a trade that was missed, the others are not."""
        try:
            rows = _rows_of(frame.result)
        except msgspec.DecodeError as error:
            _log.error("own trades that cannot be read", error=str(error))
            self._on_gap()
            return
        for raw in rows:
            try:
                fill = fill_of(_row_of(raw), self._exchange.name)
            except ValueError as error:
                _log.error("an own trade that cannot be read", error=str(error))
                self._on_gap()
                continue
            self._exchange.recent_fills.add(fill)
            self._on_fill(fill)
