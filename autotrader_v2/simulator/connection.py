"""One TCP connection: HTTP requests in their order, faults included, until it becomes a WebSocket or ends."""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from typing import cast

from autotrader_v2.simulator.answer_memory import AnswerMemory, about
from autotrader_v2.simulator.errors import ApiError
from autotrader_v2.simulator.faults import Answer, Ending, Fault, Faults, InForce
from autotrader_v2.simulator.faults.endings import edited, spoilt
from autotrader_v2.simulator.http import BadHttp, HttpRequest, RequestReader, response
from autotrader_v2.simulator.params import encoded
from autotrader_v2.simulator.rest import RestFace
from autotrader_v2.simulator.router import PREFIX

CONTROL_PATH = "/sim/"
_BEFORE_RESET_S = 0.05
_LINGER_NOT = struct.pack("ii", 1, 0) if os.name == "posix" else struct.pack("hh", 1, 0)
# A control request and the client's address in, the whole response out.
Control = Callable[[HttpRequest, str], bytes]
# (transport, the upgrade request's bytes and whatever followed it) -> the protocol that goes on
Upgrade = Callable[[asyncio.Transport, bytes], asyncio.BaseProtocol]


class HttpConnection(asyncio.Protocol):
    """Serves one client. `ws_paths` become WebSockets through `upgrade`."""

    def __init__(
        self,
        face: RestFace,
        faults: Faults,
        upgrade: Upgrade,
        control: Control,
        memory: AnswerMemory,
        *,
        ws_paths: tuple[str, ...],
        clock_us: Callable[[], int],
        open_ones: set[asyncio.BaseTransport],
        patience_s: float,
    ) -> None:
        self._face = face
        self._faults = faults
        self._upgrade = upgrade
        self._control = control
        self._memory = memory
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
        if own_path.startswith(CONTROL_PATH):
            self._transport.write(self._control(request, self._address))
            return self._go_on(request)
        upgrade = request.path in self._ws_paths and "websocket" in request.headers.get("upgrade", "").lower()
        struck = self._faults.strike(request.method, own_path, lambda: about(request), upgrade=upgrade)
        if upgrade and struck is None:
            self._open_ones.discard(self._transport)
            self._upgrade(self._transport, request.raw_head + self._reader.rest())
            return False
        if struck is not None:
            self._busy = True
            delay_s = struck.rule.delay_before_s
            delay_s += struck.extra_s() if delay_s else 0.0
            self._later(delay_s, lambda: self._struck(request, struck, came_in_us))
            return False
        self._transport.write(self._memory.kept(request, self._face.answer(request, self._address, came_in_us)))
        return self._go_on(request)

    def _struck(self, request: HttpRequest, struck: InForce[Fault], came_in_us: int) -> None:
        fault, answer = struck.rule, b""
        if fault.again:
            answer = self._memory.last(request)
        if fault.execute and not answer:
            answer = self._answer(request, fault, came_in_us)
            for _ in range(fault.copies - 1):
                self._answer(request, fault, came_in_us)
            self._memory.kept(request, answer)
        if fault.answer is not None:
            answer = _replaced(fault.answer)
        if fault.edit is not None and answer:
            answer = edited(answer, fault.edit, struck.rng, fault.pair)
        delay_s = fault.delay_after_s + (struck.extra_s() if fault.delay_after_s else 0.0)
        self._later(delay_s, lambda: self._end(request, fault.ending, answer))

    def _answer(self, request: HttpRequest, fault: Fault, came_in_us: int) -> bytes:
        return self._face.answer(request, self._address, came_in_us, lag_ms=fault.lag_ms, thin=fault.thin)

    def _end(self, request: HttpRequest, ending: Ending, answer: bytes) -> None:
        match ending:
            case Ending.HANG:
                return
            case Ending.DROP:
                self._transport.abort()
                return
            case Ending.SEND | Ending.HALF_JSON | Ending.GZIP_CUT:
                self._transport.write(spoilt(answer, ending))
            case Ending.RESET:
                self._transport.write(spoilt(answer, ending))
                # A moment for the bytes to be read: a reset throws away what was not.
                self._later(_BEFORE_RESET_S, self._reset)
                return
            case Ending.CUT | Ending.TOO_LONG | Ending.TOO_SHORT:
                self._transport.write(spoilt(answer, ending))
                self._transport.close()
                return
        self._busy = False
        if self._go_on(request):
            self._serve()

    def _reset(self) -> None:
        """End the connection with a reset instead of a farewell."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

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
