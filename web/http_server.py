"""HTTP/1.1 on a loopback address: a thread for each connection, connections kept open, bodies read before the app runs.

Werkzeug's own server closes the connection after every answer and waits 10 ms for left-over input; a page that asks
often pays for both. What makes keeping it open safe here: the body is read whole, and a request whose body is not told
by a Content-Length, or is too long, is refused and its connection closed. A request must arrive whole, and its answer
be taken, in time; when all places are taken, who keeps us waiting loses its own; and who asks without pause gets a
pace, strangers a slow one: each request takes time from the one interpreter that also trades.
"""

import io
import ipaddress
import os
import socket
import socketserver
import sys
import time
from http.server import ThreadingHTTPServer
from typing import Any

import structlog
from werkzeug.serving import WSGIRequestHandler

from web.pace import Pace, Sender, with_sender
from web.places import Doing, Places
from web.wire import Arrival, PushSocket
from web.workers import Workers

_log = structlog.get_logger()

BODY_MAX = 64 * 1024
_HEAD_MAX = 64 * 1024
_CONNECTIONS_MAX = 64
_CONNECTIONS_OF_ONE_ADDRESS = 48
_WEBSOCKETS_MAX = 32
_SPARE_WORKERS = 8
# Between two requests of a connection; a new one has to say something sooner.
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
    # From the first byte of a request to its last.
    arrival_s = 10.0
    # To take an answer; large files get more, by the rate below.
    answer_s = 10.0
    slowest_bytes_per_s = 100_000
    # A page answers a ping every ten seconds.
    websocket_silence_s = 30.0

    def __init__(self, host: str, port: int) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise CannotServe(f"{host} is not this machine; the page is served on a loopback address only.")
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.app: Any = None
        self.places = Places(
            in_all=_CONNECTIONS_MAX,
            of_one=_CONNECTIONS_OF_ONE_ADDRESS,
            websockets=_WEBSOCKETS_MAX,
            now_s=time.monotonic,
        )
        self.newcomers = Pace(per_s=50, at_once=32, now_s=time.monotonic)
        self.strangers = Pace(per_s=50, at_once=32, now_s=time.monotonic)
        self.known = Pace(per_s=200, at_once=400, now_s=time.monotonic)
        self.workers = Workers(self.process_request_thread, spare=_SPARE_WORKERS)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise CannotServe(
                f"The page cannot be served at {host}:{port}: {error.strerror or error}. "
                "Free the port or choose another one with --port (0 takes a free one)."
            ) from error

    def server_bind(self) -> None:
        """Bind without asking a name server for this machine's name, as HTTPServer does."""
        if sys.platform == "win32":  # nobody else on that port, not even one who asks to share it
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Have a thread serve the connection, or close it when nobody makes room for it."""
        time.sleep(self.newcomers.rest_s())
        if not self.places.enter(request, str(client_address[0])):
            self.shutdown_request(request)
            return
        self.workers.give(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back when the connection ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.leave(request)

    def server_close(self) -> None:
        """Give the port back; no thread stays for connections that cannot come."""
        super().server_close()
        self.workers.end()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no event; anything else is a defect."""
        _log.debug("a connection ended badly", exc_info=True)

    def log(self, kind: str, message: str, *values: object) -> None:
        """Werkzeug's messages about requests."""
        _log.debug("http", kind=kind, message=message % values if values else message)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer  # type: ignore[assignment]

    def setup(self) -> None:
        """Read through the watch on what arrives."""
        super().setup()
        self.rfile.close()
        self._arrival = Arrival(
            self.connection, within_s=self.server.arrival_s, most=_HEAD_MAX + BODY_MAX, now_s=time.monotonic
        )
        self.rfile = io.BufferedReader(self._arrival)

    def handle_one_request(self) -> None:
        """Wait for a request and answer it."""
        self.close_connection = not self._does(Doing.WAITS)
        if self.close_connection:
            return
        self._sender = Sender()
        super().handle_one_request()
        self._arrival.expect(_IDLE_S)
        if not self.close_connection and self._does(Doing.WAITS):
            time.sleep((self.server.known if self._sender.known else self.server.strangers).rest_s())

    def run_wsgi(self) -> None:
        """Read the body, run the app, write the answer in one piece."""
        refused = self._read_body()
        if refused:
            self._refuse(refused)
            return
        environ = self.make_environ()
        environ["wsgi.input"] = io.BytesIO(self._body)
        self._sender = with_sender(environ)
        upgrade = "upgrade" in self.headers.get("Connection", "").lower()
        if not self._does(Doing.LISTENS if upgrade else Doing.RUNS):
            self._refuse("503 Service Unavailable")
            return
        if upgrade:
            # From here on the socket belongs to the WebSocket.
            self.close_connection = True
            environ["werkzeug.socket"] = PushSocket(self.connection, within_s=self.server.websocket_silence_s)
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

    def _does(self, what: Doing) -> bool:
        return self.server.places.now(self.connection, what)

    def _refuse(self, status: str) -> None:
        self.close_connection = True
        self._write(status, [("Content-Length", "0"), ("Connection", "close")], b"")

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
        self._does(Doing.ANSWERS)
        # Python counts this against the whole of what is written, not each part.
        self.connection.settimeout(self.server.answer_s + len(body) / self.server.slowest_bytes_per_s)
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: links and bodies are nobody's business."""

    def log(self, kind: str, message: str, *args: object) -> None:
        """What http.server complains about."""
        self.server.log(kind, message, *args)
