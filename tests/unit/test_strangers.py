"""A flood of refused requests and of short connections costs the interpreter little (row W10)."""

import socket
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from autotrader_v2.application.ports import Scope
from tests.web_double import HOST, PORT, STOP_TOKEN, TOKEN, a_browser, a_web
from web.app import Web
from web.scopes import RULES, Who
from web.strangers import Strangers
from web.wire import Arrival
from web.workers import Workers

_PATIENCE_S = 30
Answer = tuple[str, dict[str, str], bytes]


def told_by(app: Any, method: str, path: str, browser: dict[str, str] | None = None, **headers: str) -> Answer:
    """What the app says at that address; `browser`: from where, and by its name."""
    told: list[Any] = []

    def start_response(status: str, with_headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        told.extend((status, dict(with_headers)))

    environ = EnvironBuilder(path, f"http://{HOST}", method=method, headers=headers, environ_base=browser).get_environ()
    parts = app(environ, start_response)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return told[0], told[1], body


class Counted:
    """The app below; `asked` counts what reached it."""

    def __init__(self, web: Web) -> None:
        self.asked = 0
        self._app = web.flask.wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked += 1
        return self._app(environ, start_response)


@pytest.mark.parametrize("cookie", ["", "mtrade_8787=guess; remember_token=owner"], ids=["no cookie", "made-up cookie"])
def test_w10_a_stranger_hears_from_memory_exactly_what_the_app_says(cookie: str) -> None:
    """Every route that needs somebody, and the front door: status, headers and body, the first time and the second."""
    counted = Counted(a_web())
    strangers = Strangers(counted)
    refused = [route for route, rule in RULES.items() if isinstance(rule.needs, Scope) or rule.needs is Who.PAGE]
    plain = [(method, path) for method, path in refused if "<" not in path]
    for method, path in [*plain, ("GET", "/")]:
        said = told_by(counted, method, path, Cookie=cookie)
        assert said[0] == "401 UNAUTHORIZED"
        assert told_by(strangers, method, path, Cookie=cookie) == said
        before = counted.asked
        assert told_by(strangers, method, path, Cookie=cookie) == said
        assert counted.asked == before, (method, path)


def test_w10_only_what_is_always_the_same_is_said_from_memory() -> None:
    """Tokens, good and bad, the machine's commands, other methods, unknown and open paths are the app's, each time."""
    counted = Counted(a_web())
    strangers = Strangers(counted)
    told_by(strangers, "GET", "/api/overview")
    known = told_by(strangers, "GET", "/api/overview", Authorization=f"Bearer {TOKEN}")
    assert known[0] == "200 OK"
    others = [
        ("GET", "/api/overview", {"Authorization": f"Bearer {TOKEN}"}),
        ("GET", "/api/overview", {"Authorization": "Bearer guess"}),
        ("HEAD", "/api/overview", {}),
        ("POST", "/api/control/stop", {"X-Stop-Token": STOP_TOKEN}),
        ("GET", "/api/openapi.json", {}),
        ("GET", "/static/js/main.js", {}),
        ("GET", "/api/nothing", {}),
    ]
    for method, path, headers in others:
        before = counted.asked
        told_by(strangers, method, path, **headers)
        told_by(strangers, method, path, **headers)
        assert counted.asked == before + 2, (method, path, headers)


def test_w10_the_owner_never_hears_what_a_stranger_was_told() -> None:
    """Signed in after a stranger asked for the same, and out again."""
    web = a_web()
    assert told_by(web.wsgi, "GET", "/api/overview")[0] == "401 UNAUTHORIZED"
    browser = a_browser(web)
    cookie = browser._client.get_cookie(f"mtrade_{PORT}", "127.0.0.1")
    # A session belongs to the browser that opened it.
    mine: Any = {"browser": browser._client.environ_base, "Cookie": f"{cookie.key}={cookie.value}"}
    assert told_by(web.wsgi, "GET", "/api/overview", **mine)[0] == "200 OK"
    assert told_by(web.wsgi, "GET", "/", **mine)[0] == "200 OK"
    assert told_by(web.wsgi, "GET", "/")[0] == "401 UNAUTHORIZED"
    web.sessions.close_all()
    assert told_by(web.wsgi, "GET", "/api/overview", **mine)[0] == "401 UNAUTHORIZED"


def test_w4_another_name_is_refused_before_memory_is_asked() -> None:
    """A rebound name hears that it is foreign, not that it should sign in."""
    web = a_web()
    assert told_by(web.wsgi, "GET", "/api/overview")[0] == "401 UNAUTHORIZED"
    assert told_by(web.wsgi, "GET", "/api/overview", Host="evil.test")[0] == "403 Forbidden"


def test_w10_a_thread_serves_one_connection_after_the_other() -> None:
    """As many as are needed at once; so many stay for the next ones, and none after the end."""
    served: list[tuple[int, threading.Thread]] = []
    goes_on, told = threading.Semaphore(0), threading.Semaphore(0)

    def serve(number: int) -> None:
        served.append((number, threading.current_thread()))
        told.release()
        assert goes_on.acquire(timeout=_PATIENCE_S)

    def give(*numbers: int) -> None:
        for number in numbers:
            workers.give(number)
        for _ in numbers:
            assert told.acquire(timeout=_PATIENCE_S)

    def until(free: int) -> None:
        tick = threading.Event()
        for _ in range(_PATIENCE_S * 100):
            if workers.free == free:
                return
            tick.wait(0.01)
        raise AssertionError(f"{workers.free} wait, not {free}")

    workers = Workers(serve, spare=2)
    give(1, 2, 3, 4)
    assert len({thread for _, thread in served}) == 4, "nobody waits for another"
    goes_on.release(4)
    until(2)
    give(5, 6)
    assert {number for number, _ in served} == {1, 2, 3, 4, 5, 6}
    threads = {thread for _, thread in served}
    assert len(threads) == 4, "those that stayed served them"
    workers.end()
    goes_on.release(2)
    for thread in threads:
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()


def test_w10_crumbs_of_a_request_are_read_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few the reader rests before each look; a body in large pieces, and the next request, do not wait."""
    rests: list[float] = []
    monkeypatch.setattr("web.wire.time.sleep", rests.append)
    near, far = socket.socketpair()
    with near, far:
        arrival = Arrival(near, within_s=_PATIENCE_S, most=100_000, now_s=lambda: 0.0)

        def comes(part: bytes) -> None:
            far.sendall(part)
            assert arrival.readinto(bytearray(8192)) == len(part)

        for _ in range(12):
            comes(b"a" * 1000)
        assert rests == []
        arrival.expect(_PATIENCE_S)
        for _ in range(5):
            comes(b"a")
        assert rests == []
        for _ in range(3):
            comes(b"a")
        assert len(rests) == 3
        arrival.expect(_PATIENCE_S)
        comes(b"GET / HTTP/1.1")
        assert len(rests) == 3
