"""Channels to the person: which alerts go where, in which order, and what happens when one does not get through."""

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
import structlog.testing

from autotrader_v2.app.sentences import sentence_of
from autotrader_v2.application.events import Alert, Priority
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.notify import channel as channel_module
from autotrader_v2.infrastructure.notify import webhook
from autotrader_v2.infrastructure.notify.channel import CannotDeliver, Channel, Message
from autotrader_v2.infrastructure.notify.desktop import Desktop
from autotrader_v2.infrastructure.notify.fan_out import FanOut
from autotrader_v2.infrastructure.notify.log import LogNotifier

LIMIT_S = 60
ETH = Market("gate", "ETH", "USDT")


def an_alert(code: str = "start_failed", priority: Priority = Priority.HIGH, **values: str) -> Alert:
    """Something to tell."""
    return Alert(code=code, priority=priority, time_ms=1_700_000_000_000, market=ETH, values=values)


def a_message(code: str = "start_failed", priority: Priority = Priority.HIGH) -> Message:
    """The same, in words."""
    return Message(alert=an_alert(code, priority), words=words, instance="paper, data")


def words(_: Alert, language: str) -> str:
    """A sentence in that language."""
    return "Нечто." if language == "ru" else "Something."


class Taker:
    """Takes messages once it is let; fails as often as told."""

    def __init__(self, *failures: CannotDeliver) -> None:
        self.codes: list[str] = []
        self.open = threading.Event()
        self.taken = threading.Semaphore(0)
        self.failures = list(failures)

    def __call__(self, message: Message) -> None:
        self.open.wait(LIMIT_S)
        if self.failures:
            raise self.failures.pop(0)
        self.codes.append(message.alert.code)
        self.taken.release()

    def wait(self, count: int) -> list[str]:
        """Let it take and wait for so many."""
        self.open.set()
        for _ in range(count):
            assert self.taken.acquire(timeout=LIMIT_S)
        return self.codes


def a_channel(taker: Callable[[Message], None], **options: object) -> Channel:
    """A channel that loses no time."""
    settings: dict[str, object] = {"least": Priority.LOW, "back_off_s": (0.0, 0.0, 0.0), **options}
    return Channel("test", taker, **settings)  # type: ignore[arg-type]


def test_loud_alerts_overtake_quiet_ones_and_too_quiet_ones_stay_away() -> None:
    """What waits is delivered by loudness, then by age."""
    taker = Taker()
    channel = a_channel(taker, least=Priority.MEDIUM)
    for code, priority in (("a", Priority.MEDIUM), ("b", Priority.LOW), ("c", Priority.HIGH), ("d", Priority.MEDIUM)):
        channel.offer(a_message(code, priority))
    channel.start()
    assert taker.wait(3) == ["c", "a", "d"]
    channel.stop(LIMIT_S)


def test_a_full_queue_drops_the_least_important_and_counts_it() -> None:
    """Thousands of alerts cost no memory, and never the loud ones."""
    taker = Taker()
    channel = a_channel(taker, capacity=3)
    for number in range(5):
        channel.offer(a_message(f"low-{number}", Priority.LOW))
    for number in range(2):
        channel.offer(a_message(f"high-{number}", Priority.HIGH))
    channel.start()
    assert taker.wait(3) == ["high-0", "high-1", "low-0"]
    assert channel.dropped == 4
    channel.stop(LIMIT_S)


def test_a_failed_delivery_is_tried_three_more_times_then_given_up_and_counted() -> None:
    """The next alert is delivered all the same."""
    taker = Taker(*[CannotDeliver("no") for _ in range(7)])
    channel = a_channel(taker)
    for code in ("lost", "late"):
        channel.offer(a_message(code))
    channel.start()
    assert taker.wait(1) == ["late"]
    channel.stop(LIMIT_S)
    assert (channel.delivered, channel.given_up, channel.failing) == (1, 1, False)


def test_a_lasting_failure_is_not_tried_again() -> None:
    """A refused address stays refused."""
    taker = Taker(CannotDeliver("never", lasting=True))
    channel = a_channel(taker)
    channel.offer(a_message("lost"))
    channel.offer(a_message("next"))
    channel.start()
    assert taker.wait(1) == ["next"]
    assert channel.given_up == 1
    channel.stop(LIMIT_S)


def test_a_hanging_channel_blocks_nobody() -> None:
    """`alert` returns while the channel's thread waits; stopping waits only as long as it was told."""
    taker = Taker()
    channel = a_channel(taker)
    fan = FanOut(LogNotifier(), [channel], sentence_of, "paper, data")
    channel.start()
    for _ in range(300):
        fan.alert(an_alert())
    channel.stop(0.01)
    assert taker.codes == []
    taker.open.set()


def test_failures_are_logged_once_and_without_the_reason_of_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception's text may hold an address with a token in it."""

    def fails(_: Message) -> None:
        raise ValueError("https://example.com/hook?token=canary-abc")

    # The module's own logger may be bound to a configuration that an earlier test made.
    log = structlog.testing.LogCapture()
    monkeypatch.setattr(
        channel_module, "_log", structlog.wrap_logger(None, processors=[log], wrapper_class=structlog.BoundLogger)
    )
    channel = a_channel(fails)
    for _ in range(3):
        channel.offer(a_message())
    channel.start()
    channel.stop(LIMIT_S)
    assert (channel.given_up, channel.failing) == (3, True)
    (said,) = log.entries
    assert said["event"].startswith("alerts do not get through")
    assert "canary" not in repr(said)


def test_sentences_are_the_catalogues_with_values_and_dates() -> None:
    """Both languages; a code without a sentence is told as it is."""
    alert = an_alert("delisting", at_s="1700000000")
    assert sentence_of(alert, "en").startswith("ETH: the exchange ends this market on 2023-11-14 22:13 UTC.")
    assert "2023-11-14" in sentence_of(alert, "ru")
    assert sentence_of(alert, "ru") != sentence_of(alert, "en")
    assert sentence_of(an_alert("a_new_code"), "en") == "a_new_code"
    assert "9999999999999999" in sentence_of(an_alert("delisting", at_s="9999999999999999"), "en"), "odd, not lost"


def test_a_body_is_json_with_both_languages_and_its_signature_proves_the_sender() -> None:
    """HMAC-SHA256 of the very bytes that are sent; the known answer is computed elsewhere."""
    body = webhook.body_of(a_message())
    assert json.loads(body) == {
        "code": "start_failed",
        "priority": "high",
        "time": 1_700_000_000_000,
        "market": "ETH_USDT",
        "values": {},
        "text": "Something.",
        "text_ru": "Нечто.",
        "instance": "paper, data",
    }
    known = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    assert webhook.signature(b"key", b"The quick brown fox jumps over the lazy dog") == known


@pytest.mark.parametrize(
    ("host", "private", "allowed"),
    [
        ("127.0.0.1", False, True),  # this machine, written so by the person
        ("::1", False, True),
        ("93.184.215.14", False, True),
        ("2606:4700::1111", False, True),
        ("10.0.0.7", False, False),
        ("10.0.0.7", True, True),
        ("192.168.1.5", True, True),
        ("fd00::7", True, True),
        ("169.254.169.254", False, False),
        ("169.254.169.254", True, False),  # where clouds keep their secrets: never
        ("fe80::1", True, False),
        ("::ffff:169.254.169.254", True, False),
        ("::ffff:10.0.0.7", False, False),
        ("0.0.0.0", True, False),
        ("224.0.0.1", True, False),
        ("240.0.0.1", True, False),
    ],
)
def test_w8_a_webhook_goes_only_where_the_person_meant(host: str, private: bool, allowed: bool) -> None:
    """Private networks need a word, link-local and its like are never called."""
    if allowed:
        assert webhook.checked_address(host, 443, private=private)
        return
    with pytest.raises(CannotDeliver) as refused:
        webhook.checked_address(host, 443, private=private)
    assert refused.value.lasting
    assert host not in str(refused.value)


@pytest.mark.parametrize("hidden", ["127.0.0.1", "10.0.0.7", "169.254.169.254"])
def test_w8_a_name_that_leads_home_is_refused(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS is a stranger: one bad address among good ones refuses the name."""

    def answers(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("93.184.215.14", 443)), (2, 1, 6, "", (hidden, 443))]

    monkeypatch.setattr("socket.getaddrinfo", answers)
    with pytest.raises(CannotDeliver):
        webhook.checked_address("hooks.example.com", 443, private=hidden == "127.0.0.1")


@pytest.mark.skipif(sys.platform == "win32", reason="a stand-in for notify-send is a script")
def test_the_desktop_gets_text_as_text_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Markup is spelled out, a leading dash is no option, keys of the environment stay here."""
    told = tmp_path / "told"
    stand_in = tmp_path / "notify-send"
    stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{told}"\nenv >> "{told}"\n', encoding="utf-8")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("API_SECRET", "canary-secret-1")
    odd = Message(alert=an_alert(), words=lambda *_: "-i <b>x</b> $(rm)", instance="paper, data")
    Desktop("en")(odd)
    lines = told.read_text("utf-8").splitlines()
    assert lines[:5] == [
        "--app-name=mTrade",
        "--urgency=critical",
        "--",
        "mTrade (paper, data)",
        "-i &lt;b&gt;x&lt;/b&gt; $(rm)",
    ]
    assert "canary" not in told.read_text("utf-8")
    Desktop("ru")(a_message())
    assert "Нечто." in told.read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="a stand-in for notify-send is a script")
def test_a_desktop_that_is_not_there_is_a_failed_delivery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing program and failing program alike."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotDeliver):
        Desktop("en")(a_message())
    stand_in = tmp_path / "notify-send"
    stand_in.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    stand_in.chmod(0o755)
    with pytest.raises(CannotDeliver, match="ended with 3"):
        Desktop("en")(a_message())
