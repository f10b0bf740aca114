"""A Gate that answers what a test says, byte by byte, and remembers what it was sent."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

Script = Callable[[socket.socket], None]


class Stub:
    """Serves loopback connections. `script` plays after each complete request; it may answer, hang or close.

    `requests` are the raw requests, `connections` counts what was accepted.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """As the adapter wants it."""
        return f"http://127.0.0.1:{self.port}/api/v4"

    def sent(self, start: str) -> list[bytes]:
        """The requests that begin so, as `POST /api/v4/spot/orders`."""
        return [request for request in self.requests if request.startswith(start.encode())]

    def headers(self, number: int = -1) -> dict[str, str]:
        """Headers of a request, names in lower case."""
        lines = self.requests[number].split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    def body(self, number: int = -1) -> Any:
        """The decoded body of a request."""
        return json.loads(self.requests[number].split(b"\r\n\r\n", 1)[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # On Linux closing alone would not wake the thread that waits for a connection; elsewhere this is refused.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        try:
            while chunk := connection.recv(65536):
                data += chunk
                head, separator, body = data.partition(b"\r\n\r\n")
                if separator and len(body) >= _length(head):
                    self.requests.append(data)
                    data = b""
                    self.script(connection)
        except OSError:
            return


def answer(status: int, body: bytes | str | object, *, headers: str = "", length: int | None = None) -> Script:
    """A script that answers. `length` lies about the body's length."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    size = len(raw) if length is None else length
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n{headers}\r\n"

    def script(connection: socket.socket) -> None:
        connection.sendall(head.encode() + raw)
        if size > len(raw):
            connection.shutdown(socket.SHUT_RDWR)

    return script


def hang_up(connection: socket.socket) -> None:
    """Close without an answer."""
    connection.shutdown(socket.SHUT_RDWR)


def say_nothing(_connection: socket.socket) -> None:
    """Keep the connection and never answer."""


def in_turn(*scripts: Script) -> Script:
    """One script per request; the last one for all that follow."""
    left = list(scripts)

    def script(connection: socket.socket) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection)

    return script


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
