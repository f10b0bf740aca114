"""HTTP/1.1 as far as API clients use it: bytes in, requests out; no sockets here."""

from collections.abc import Mapping
from dataclasses import dataclass

_HEAD_MAX = 16 * 1024
BODY_MAX = 1024 * 1024
_REASONS: Mapping[int, str] = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Payload Too Large",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class BadHttp(Exception):
    """These bytes are not a request; the connection must end after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `path` and `query` as on the wire, header names in lower case; `raw_head` serves upgrades."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool
    raw_head: bytes


class RequestReader:
    """Cuts a stream of bytes into requests."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> bool:
        """Whether a request has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what came in."""
        self._buffer += data

    def rest(self) -> bytes:
        """What came after the last request."""
        return bytes(self._buffer)

    def next_request(self) -> HttpRequest | None:
        """The next complete request, None when more bytes are needed. Errors: `BadHttp`."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _HEAD_MAX:
                raise BadHttp(431, "the request head is too long")
            if self._buffer[:1] and not self._buffer[:1].isalpha():
                raise BadHttp(400, "a request begins with a method")
            return None
        if end > _HEAD_MAX:
            raise BadHttp(431, "the request head is too long")
        method, target, version, headers = _head(bytes(self._buffer[:end]))
        length = _content_length(headers)
        total = end + 4 + length
        if len(self._buffer) < total:
            return None
        raw_head = bytes(self._buffer[: end + 4])
        body = bytes(self._buffer[end + 4 : total])
        del self._buffer[:total]
        path, _, query = target.partition("?")
        connection = headers.get("connection", "").lower()
        keep_alive = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
        return HttpRequest(method, path, query, headers, body, keep_alive, raw_head)


def response(
    status: int, body: bytes, headers: str = "", *, content_type: str = "application/json", close: bool = False
) -> bytes:
    """Head and body in one piece: two writes would wait for each other's acknowledgement on some systems.

    `headers` are further header lines, each ended by CR LF.
    """
    ending = "Connection: close\r\n" if close else ""
    head = (
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\nServer: simulator\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n{headers}{ending}\r\n"
    )
    return head.encode("latin-1") + body


def _head(raw: bytes) -> tuple[str, str, str, dict[str, str]]:
    lines = raw.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[0] or not _TOKEN.issuperset(parts[0]):
        raise BadHttp(400, "the request line is malformed")
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadHttp(400, "only HTTP/1.1 is spoken here")
    if not target.startswith("/") or not target.isascii() or not target.isprintable():
        raise BadHttp(400, "the request target is malformed")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise BadHttp(400, "a header line is malformed")
        headers[name.lower()] = value.strip(" \t")
    return method, target, version, headers


def _content_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadHttp(400, "chunked requests are not taken")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadHttp(400, "the content length is malformed")
    length = int(text)
    if length > BODY_MAX:
        raise BadHttp(413, "the request body is too long")
    return length
