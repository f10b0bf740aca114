"""The webhook over a real socket on this machine: what arrives, what is not followed, what is tried again."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from autotrader_v2.application.events import Alert, Priority
from autotrader_v2.infrastructure.notify.channel import CannotDeliver, Channel, Message
from autotrader_v2.infrastructure.notify.webhook import SIGNATURE_HEADER, Webhook, signature

SECRET = "a-made-up-signing-secret"
LIMIT_S = 60


class Receiver:
    """Answers with the given statuses in turn, then 200, and keeps what it got."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.arrived = threading.Semaphore(0)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", receiver.url + "elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.arrived.release()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who listens."""
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


def a_message() -> Message:
    """Something to tell."""
    alert = Alert(code="start_failed", priority=Priority.HIGH, time_ms=1, values={"what": "Диск"})
    return Message(alert=alert, words=lambda _, language: f"{language}: Диск", instance="live, data")


def test_an_alert_arrives_signed(receiver: Receiver) -> None:
    """One POST of JSON whose signature is over the very bytes."""
    Webhook(receiver.url + "hook?channel=1", SECRET)(a_message())
    ((path, headers, body),) = receiver.got
    assert path == "/hook?channel=1"
    assert headers[SIGNATURE_HEADER] == signature(SECRET.encode(), body)
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body)["values"] == {"what": "Диск"}


def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    """No header is better than a worthless one."""
    Webhook(receiver.url)(a_message())
    assert SIGNATURE_HEADER not in receiver.got[0][1]


@pytest.mark.parametrize(("status", "lasting"), [(302, True), (307, True), (404, True), (429, False), (503, False)])
def test_w8_a_redirect_is_not_followed_and_refusals_are_told_apart(
    receiver: Receiver, status: int, lasting: bool
) -> None:
    """What would be refused again is not sent again."""
    receiver.statuses = [status]
    with pytest.raises(CannotDeliver, match=f"answered {status}") as caught:
        Webhook(receiver.url)(a_message())
    assert caught.value.lasting is lasting
    assert [path for path, _, _ in receiver.got] == ["/"]


def test_a_receiver_that_recovers_gets_the_alert(receiver: Receiver) -> None:
    """Tried again after 503, delivered once."""
    receiver.statuses = [503, 503]
    channel = Channel("webhook", Webhook(receiver.url), least=Priority.LOW, back_off_s=(0.0, 0.0, 0.0))
    channel.start()
    channel.offer(a_message())
    for _ in range(3):
        assert receiver.arrived.acquire(timeout=LIMIT_S)
    channel.stop(LIMIT_S)
    assert (channel.delivered, channel.given_up) == (1, 0)


def test_nobody_there_is_a_failure_that_tells_no_address(receiver: Receiver) -> None:
    """The address may hold a token."""
    receiver.server.shutdown()
    receiver.server.server_close()
    with pytest.raises(CannotDeliver) as caught:
        Webhook(receiver.url + "canary-token")(a_message())
    assert "canary" not in str(caught.value)
    assert str(receiver.server.server_port) not in str(caught.value)
