"""One WebSocket connection: frames in and out of a socket. What the messages mean is the face's business."""

import asyncio
from typing import Protocol, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from autotrader_v2.matching.accounts import Account

_MESSAGE_MAX = 1024 * 1024


class MessageFace(Protocol):
    """What a connection tells of."""

    def received(self, connection: "WsConnection", text: bytes) -> None:
        """A message came."""

    def left(self, connection: "WsConnection") -> None:
        """The connection is gone."""


def text_frame(payload: bytes) -> bytes:
    """A whole text message as a server sends it, ready for any number of readers."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class WsConnection(asyncio.Protocol):
    """Serves one WebSocket client. `account` is set by a login.

    A reader that lets more than `backlog_max` bytes pile up is cut off, as the real exchange does.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        face: MessageFace,
        *,
        conn_id: str,
        address: str,
        open_ones: set[asyncio.BaseTransport],
        backlog_max: int,
    ) -> None:
        self.account: Account | None = None
        self.conn_id = conn_id
        self.address = address
        self._transport = transport
        self._face = face
        self._open_ones = open_ones
        self._backlog_max = backlog_max
        self._protocol = ServerProtocol(max_size=_MESSAGE_MAX)
        self._parts: list[bytes] = []
        self._outgoing: list[bytes] = []
        self._gone = False
        open_ones.add(transport)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                protocol.send_response(protocol.accept(event))
            else:
                self._frame(cast(Frame, event))
        self._flush_protocol()
        if protocol.close_expected():
            self._transport.close()

    def eof_received(self) -> None:
        """See asyncio."""
        self._protocol.receive_eof()
        self._flush_protocol()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._gone = True
        self._open_ones.discard(self._transport)
        self._face.left(self)

    def send(self, frame: bytes) -> None:
        """Send a frame made by `text_frame`, together with all others of this turn of the loop."""
        if self._gone:
            return
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(frame)

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._gone = True
        self._transport.abort()

    def _frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                message, self._parts = b"".join(self._parts), []
                self._face.received(self, message)

    def _flush(self) -> None:
        outgoing, self._outgoing = b"".join(self._outgoing), []
        if self._gone or self._transport.is_closing():
            return
        self._transport.write(outgoing)
        if self._transport.get_write_buffer_size() > self._backlog_max:
            self.drop()

    def _flush_protocol(self) -> None:
        for data in self._protocol.data_to_send():
            if data and not self._transport.is_closing():
                self._transport.write(data)
