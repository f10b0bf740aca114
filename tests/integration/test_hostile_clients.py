"""Clients that dribble, stall, flood or do not read, over real sockets: each loses its own connection (row W10)."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from tests.web_double import HOST, PORT, TOKEN, a_browser, a_web
from web.http_server import LoopbackServer
from web.pace import Pace, knows_sender, with_sender
from web.places import Doing, Places
from web.wire import PushSocket

_LARGE = b"x" * 30_000_000
_ASK = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
_PATIENCE_S = 30


class Asked:
    """A small app that writes down what reached it; `/large` has a large answer."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [_LARGE if environ["PATH_INFO"] == "/large" else b"here"]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """In a hurry: requests and answers have half a second."""
    one = LoopbackServer("127.0.0.1", 0)
    one.app = Asked()
    one.arrival_s = one.answer_s = 0.5
    one.slowest_bytes_per_s = 10**9
    one.newcomers = one.strangers = Pace(per_s=10**6, at_once=10**6, now_s=time.monotonic)
    thread = Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join(_PATIENCE_S)


def connected(server: LoopbackServer, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(server.server_address[:2], timeout=_PATIENCE_S, source_address=(source, 0))  # type: ignore[arg-type]


def bodies_of(server: LoopbackServer) -> list[bytes]:
    """What reached the app."""
    app = server.app
    assert isinstance(app, Asked)
    return app.bodies


def all_of(wire: socket.socket) -> bytes:
    """What comes until the other side closes."""
    read = b""
    try:
        while part := wire.recv(1 << 20):
            read += part
    except ConnectionError:
        pass  # closed with something unread
    return read


def answered(server: LoopbackServer) -> bool:
    """Whether the page gets its answer now."""
    with connected(server) as wire:
        try:
            wire.sendall(_ASK)
        except ConnectionError:
            return False
        return all_of(wire).endswith(b"here")


def dribbled(wire: socket.socket, part: bytes) -> bool:
    """Whether the server closed while one byte after the other came, long before it was all."""
    wire.settimeout(0.02)
    for byte in part:
        try:
            wire.sendall(bytes([byte]))
            if not wire.recv(100):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"GET / HTTP/1.1\r\nX-Long: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1500\r\n\r\n",
    ],
    ids=["line", "head", "body"],
)
def test_w10_a_request_that_comes_byte_by_byte_ends_in_time(server: LoopbackServer, begin: bytes) -> None:
    """However steadily: the whole request has one limit, and the app never sees it."""
    with connected(server) as wire:
        wire.sendall(begin)
        assert dribbled(wire, b"a" * 1400)
    assert bodies_of(server) == []
    assert answered(server)


def test_w10_a_second_request_of_a_connection_has_the_same_limit(server: LoopbackServer) -> None:
    """What was in time once gives no right to dribble."""
    with connected(server) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.recv(1000).startswith(b"HTTP/1.1 200")
        assert dribbled(wire, b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 1400)
    assert len(bodies_of(server)) == 1


def test_w10_a_head_without_end_is_not_kept(server: LoopbackServer) -> None:
    """Ninety lines of 60 kB each would be five megabytes of memory for a stranger."""
    with connected(server) as wire:
        try:
            wire.sendall(b"GET / HTTP/1.1\r\n")
            for number in range(90):
                wire.sendall(b"X-%d: " % number + b"a" * 60_000 + b"\r\n")
            wire.sendall(b"\r\n")
        except ConnectionError:
            pass  # closed before all was sent
        assert all_of(wire) == b""
    assert bodies_of(server) == []
    assert answered(server)


def test_w10_half_a_head_is_no_request(server: LoopbackServer) -> None:
    """A line that breaks between two headers carries nothing out: the rest may have said something else."""
    with connected(server) as wire:
        wire.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
        wire.shutdown(socket.SHUT_WR)
        assert all_of(wire) == b""
    assert bodies_of(server) == []


def test_w10_who_does_not_take_the_answer_is_cut_off(server: LoopbackServer) -> None:
    """After its time, not after the last byte."""
    with connected(server) as wire:
        wire.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
        time.sleep(1.5)  # three times what it has
        assert len(all_of(wire)) < len(_LARGE)
    assert answered(server)


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nX-"], ids=["silent", "half a request"])
def test_w10_a_flood_of_connections_leaves_the_page_its_place(server: LoopbackServer, begin: bytes) -> None:
    """Three hundred at once that send nothing, or never the rest; the page is answered among them."""
    server.arrival_s = _PATIENCE_S  # not by waiting for their end
    with ExitStack() as stack:
        for _ in range(6):
            for _ in range(50):
                stack.enter_context(connected(server)).sendall(begin)
            assert answered(server)


def test_w10_another_address_cannot_take_every_place(server: LoopbackServer) -> None:
    """127.0.0.2 floods; a connection of 127.0.0.1 that waits for its next request keeps its place."""
    server.arrival_s = _PATIENCE_S
    with ExitStack() as stack:
        page = stack.enter_context(connected(server))
        page.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert page.recv(1000).endswith(b"here")
        for _ in range(200):
            stack.enter_context(connected(server, "127.0.0.2"))
        page.sendall(_ASK)
        assert all_of(page).endswith(b"here")


def test_w10_a_flood_of_slow_readers_leaves_the_page_its_place(server: LoopbackServer) -> None:
    """Those who have not taken their answer for a second make room."""
    server.answer_s = _PATIENCE_S
    with ExitStack() as stack:
        for _ in range(60):
            wire = stack.enter_context(connected(server))
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        ends_s = time.monotonic() + _PATIENCE_S / 2
        while not answered(server):
            assert time.monotonic() < ends_s, "the page is shut out"


def test_w10_places_are_taken_from_who_waits_longest_and_never_from_a_running_request() -> None:
    """And WebSockets have a bound of their own."""
    now_s = [0.0]
    places = Places(in_all=3, of_one=3, websockets=1, now_s=lambda: now_s[0])
    with ExitStack() as stack:
        wires = [stack.enter_context(socket.socket()) for _ in range(8)]
        for wire in wires[:3]:
            now_s[0] += 1
            assert places.enter(wire, "a")
        assert places.now(wires[0], Doing.RUNS)
        assert places.now(wires[1], Doing.LISTENS)
        assert not places.now(wires[2], Doing.LISTENS)
        assert places.enter(wires[3], "b")
        assert not places.now(wires[2], Doing.RUNS), "it waited longest of those who wait"
        assert places.now(wires[3], Doing.ANSWERS)
        assert not places.enter(wires[4], "c"), "an answer may take its second"
        now_s[0] += 2
        assert places.enter(wires[5], "c")
        assert not places.now(wires[3], Doing.WAITS)
        places.leave(wires[0])
        assert places.enter(wires[6], "d")
        assert places.now(wires[5], Doing.RUNS)
        assert places.now(wires[1], Doing.WAITS), "a WebSocket makes no room"


def test_w10_a_page_that_reads_nothing_loses_its_socket() -> None:
    """A push is sent whole or its socket is shut; it waits for nobody for ever."""
    near, far = socket.socketpair()
    with near, far:
        push = PushSocket(near, within_s=0.3)
        assert push.send(b"small") == 5
        assert far.recv(5) == b"small"
        with pytest.raises(TimeoutError):
            push.send(_LARGE)
        assert len(all_of(far)) < len(_LARGE)
        with pytest.raises(OSError):
            push.send(b"more")


def test_w10_a_pace_lets_some_through_at_once_and_the_rest_one_after_the_other() -> None:
    """Nobody is refused; who rested is let through again."""
    now_s = [100.0]
    pace = Pace(per_s=10, at_once=3, now_s=lambda: now_s[0])
    assert [round(pace.rest_s(), 3) for _ in range(5)] == [0, 0, 0, 0.1, 0.2]
    now_s[0] += 0.2
    assert round(pace.rest_s(), 3) == 0.1
    now_s[0] += 60
    assert [round(pace.rest_s(), 3) for _ in range(4)] == [0, 0, 0, 0.1]


class _Asked(Pace):
    """Writes down how often a turn was taken."""

    def __init__(self) -> None:
        super().__init__(per_s=1000, at_once=1000, now_s=time.monotonic)
        self.turns = 0

    def rest_s(self) -> float:
        self.turns += 1
        return super().rest_s()


def test_w10_who_asks_again_and_again_gets_a_pace_and_strangers_their_own(server: LoopbackServer) -> None:
    """By whether the app knew who it was; a new connection takes a turn too."""
    server.known, server.strangers, server.newcomers = known, strangers, newcomers = _Asked(), _Asked(), _Asked()
    app = server.app

    def knows_some(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"] == "/known":
            knows_sender(environ)
        return app(environ, start_response)

    server.app = knows_some
    with connected(server) as wire:
        for path in (b"/known", b"/", b"/known", b"/known"):
            wire.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.recv(1000).endswith(b"here")
        wire.sendall(_ASK)
        assert all_of(wire).endswith(b"here")
    assert (known.turns, strangers.turns, newcomers.turns) == (3, 1, 1)


@pytest.mark.parametrize(
    ("headers", "knows"),
    [
        ({}, False),
        ({"Authorization": "Bearer guess"}, False),
        ({"Cookie": f"mtrade_{PORT}=guess"}, False),
        ({"Host": "evil.test", "Authorization": f"Bearer {TOKEN}"}, False),
        ({"Authorization": f"Bearer {TOKEN}"}, True),
    ],
)
def test_w10_only_who_shows_something_good_is_known(headers: dict[str, str], knows: bool) -> None:
    """A made-up token or cookie, or another name for this machine, makes nobody known."""
    web = a_web()
    environ = EnvironBuilder("/api/overview", f"http://{HOST}", headers=headers).get_environ()
    sender = with_sender(environ)
    list(web.wsgi(environ, lambda *_: None))
    assert sender.known is knows


def test_w10_the_signed_in_browser_is_known() -> None:
    """For every path, the page's files too."""
    web = a_web()
    browser = a_browser(web)
    cookie = browser._client.get_cookie(f"mtrade_{PORT}", "127.0.0.1")
    for path in ("/", "/static/js/main.js", "/api/overview"):
        environ = EnvironBuilder(
            path, f"http://{HOST}", headers={"Cookie": f"{cookie.key}={cookie.value}"}
        ).get_environ()
        sender = with_sender(environ)
        list(web.wsgi(environ, lambda *_: None))
        assert sender.known, path
