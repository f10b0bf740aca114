"""HTTP/1.1 on a loopback address: one thread per connection, connections kept open, bodies read before the app runs.

Werkzeug's own server closes the connection after every answer and waits 10 ms for left-over input; a page that asks
often pays for both. What makes keeping it open safe here: the body is read whole, and a request whose body is not told
by a Content-Length, or is too long, is refused and its connection closed.
"""

import io
import ipaddress
import os
import socket
import socketserver
import threading
from http.server import ThreadingHTTPServer
from typing import Any

import structlog
from werkzeug.serving import WSGIRequestHandler

_log = structlog.get_logger()

BODY_MAX = 64 * 1024
_CONNECTIONS_MAX = 64
_IDLE_S = 65.0
_Head = list[tuple[str, str]]


class CannotServe(Exception):
    """The page cannot be served at that address. Nothing was started."""


class LoopbackServer(ThreadingHTTPServer):
    """Serves `app` (set before the first request) to this machine only. Errors: `CannotServe`."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # on Windows it would let two programs share the port
    request_queue_size = 128
    # What Werkzeug's request handler asks its server for.
    multithread = True
    multiprocess = False
    passthrough_errors = False
    ssl_context = None
    _server_version = "mTrade"

    def __init__(self, host: str, port: int) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise CannotServe(f"{host} is not this machine; the page is served on a loopback address only.")
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.app: Any = None
        self._room = threading.BoundedSemaphore(_CONNECTIONS_MAX)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise CannotServe(
                f"The page cannot be served at {host}:{port}: {error.strerror or error}. "
                "Free the port or choose another one with --port (0 takes a free one)."
            ) from error

    def server_bind(self) -> None:
        """Bind without asking a name server for this machine's name, as HTTPServer does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve the connection on a thread of its own, or close it when there are too many."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back when the connection ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no event; anything else is a defect."""
        _log.debug("a connection ended badly", exc_info=True)

    def log(self, kind: str, message: str, *values: object) -> None:
        """Werkzeug's messages about requests."""
        _log.debug("http", kind=kind, message=message % values if values else message)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    disable_nagle_algorithm = True
    server: LoopbackServer  # type: ignore[assignment]

    def run_wsgi(self) -> None:
        """Read the body, run the app, write the answer in one piece."""
        refused = self._read_body()
        if refused:
            self.close_connection = True
            self._write(refused, [("Content-Length", "0"), ("Connection", "close")], b"")
            return
        environ = self.make_environ()
        environ["wsgi.input"] = io.BytesIO(self._body)
        if "upgrade" in self.headers.get("Connection", "").lower():
            # From here on the socket belongs to the WebSocket, whose silence is watched by its own pings.
            self.close_connection = True
            self.connection.settimeout(None)
        status, head = "500 Internal Server Error", list[tuple[str, str]]()

        def start_response(told: str, headers: _Head, exc_info: Any = None) -> Any:
            nonlocal status, head
            status, head = told, list(headers)
            return lambda data: None

        try:
            parts = self.server.app(environ, start_response)
            try:
                body = b"".join(parts)
            finally:
                if hasattr(parts, "close"):
                    parts.close()
        except ConnectionError:
            self.close_connection = True  # the WebSocket has ended
            return
        except Exception:
            _log.exception("a request failed", path=self.path.partition("?")[0])
            status, head, body = "500 Internal Server Error", [], b""
        if not any(name.lower() == "content-length" for name, _ in head) and not status.startswith(("204", "304")):
            head.append(("Content-Length", str(len(body))))
        if self.close_connection:
            head.append(("Connection", "close"))
        self._write(status, head, b"" if self.command == "HEAD" else body)

    def _read_body(self) -> str:
        """Take the body off the wire; return the status that refuses the request, or nothing."""
        self._body = b""
        if self.headers.get("Transfer-Encoding"):
            return "411 Length Required"
        told = self.headers.get_all("Content-Length") or ["0"]
        if len(told) != 1 or not told[0].strip().isascii() or not told[0].strip().isdigit():
            return "400 Bad Request"
        length = int(told[0][:12])
        if length > BODY_MAX:
            return "413 Content Too Large"
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._body = self.rfile.read(length)
        return "" if len(self._body) == length else "400 Bad Request"

    def _write(self, status: str, headers: _Head, body: bytes) -> None:
        code, _, words = status.partition(" ")
        lines = [f"HTTP/1.1 {int(code)} {words}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: links and bodies are nobody's business."""

    def log(self, kind: str, message: str, *args: object) -> None:
        """What http.server complains about."""
        self.server.log(kind, message, *args)
