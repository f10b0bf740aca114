"""One TCP connection: HTTP requests in their order, faults included, until it becomes a WebSocket or ends."""

import asyncio
from collections.abc import Callable
from typing import cast

from autotrader_v2.simulator.errors import ApiError
from autotrader_v2.simulator.faults import Answer, Ending, Fault, Faults
from autotrader_v2.simulator.http import BadHttp, HttpRequest, RequestReader, response
from autotrader_v2.simulator.params import encoded
from autotrader_v2.simulator.rest import RestFace
from autotrader_v2.simulator.router import PREFIX

# (transport, the upgrade request's bytes and whatever followed it) -> the protocol that goes on
Upgrade = Callable[[asyncio.Transport, bytes], asyncio.BaseProtocol]


class HttpConnection(asyncio.Protocol):
    """Serves one client. `ws_paths` become WebSockets through `upgrade`."""

    def __init__(
        self,
        face: RestFace,
        faults: Faults,
        upgrade: Upgrade,
        *,
        ws_paths: tuple[str, ...],
        clock_us: Callable[[], int],
        open_ones: set[asyncio.BaseTransport],
        patience_s: float,
    ) -> None:
        self._face = face
        self._faults = faults
        self._upgrade = upgrade
        self._ws_paths = ws_paths
        self._clock_us = clock_us
        self._open_ones = open_ones
        self._patience_s = patience_s
        self._reader = RequestReader()
        self._address = ""
        self._busy = False
        self._impatience: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.Transport, transport)
        self._open_ones.add(transport)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._open_ones.discard(self._transport)
        self._calm()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._reader.feed(data)
        if not self._busy:
            self._serve()

    def _serve(self) -> None:
        """Answer every complete request, one after the other."""
        try:
            while (request := self._reader.next_request()) is not None:
                self._calm()
                if request.path in self._ws_paths and "websocket" in request.headers.get("upgrade", "").lower():
                    self._open_ones.discard(self._transport)
                    self._upgrade(self._transport, request.raw_head + self._reader.rest())
                    return
                if not self._one(request):
                    return
        except BadHttp as bad:
            body = encoded(ApiError("INVALID_PROTOCOL", bad.message).body)
            self._transport.write(response(bad.status, body, close=True))
            self._transport.close()
            return
        if self._reader.pending and self._impatience is None:
            # Half a request and then silence must not hold the connection for ever.
            self._impatience = asyncio.get_running_loop().call_later(self._patience_s, self._lose_patience)

    def _one(self, request: HttpRequest) -> bool:
        """Answer one request; False when the next one has to wait or the connection ends."""
        came_in_us = self._clock_us()
        own_path = request.path.removeprefix(PREFIX)
        fault = self._faults.strike(request.method, own_path)
        if fault is not None:
            self._busy = True
            self._later(fault.delay_before_s, lambda: self._struck(request, fault, came_in_us))
            return False
        self._transport.write(self._face.answer(request, self._address, came_in_us))
        return self._go_on(request)

    def _struck(self, request: HttpRequest, fault: Fault, came_in_us: int) -> None:
        answer = self._face.answer(request, self._address, came_in_us) if fault.execute else b""
        if fault.answer is not None:
            answer = _replaced(fault.answer)
        self._later(fault.delay_after_s, lambda: self._end(request, fault.ending, answer))

    def _end(self, request: HttpRequest, ending: Ending, answer: bytes) -> None:
        match ending:
            case Ending.HANG:
                return
            case Ending.DROP:
                self._transport.abort()
                return
            case Ending.CUT:
                self._transport.write(answer[: len(answer) - 20])
                self._transport.close()
                return
            case Ending.SEND:
                self._transport.write(answer)
        self._busy = False
        if self._go_on(request):
            self._serve()

    def _go_on(self, request: HttpRequest) -> bool:
        if not request.keep_alive:
            self._transport.close()
        return request.keep_alive

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        if seconds:
            asyncio.get_running_loop().call_later(seconds, act)
        else:
            act()

    def _calm(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _lose_patience(self) -> None:
        body = encoded(ApiError("BAD_REQUEST", "the request did not arrive in time").body)
        self._transport.write(response(408, body, close=True))
        self._transport.close()


def _replaced(answer: Answer) -> bytes:
    return response(answer.status, answer.body, answer.headers, content_type=answer.content_type)
