"""Claims of one moment become durable together; what is told waits until orders have left."""

import threading
from collections.abc import Sequence
from typing import Any

from autotrader_v2.application.afterwards import Afterwards
from autotrader_v2.application.outbox import Claim, Outbox
from autotrader_v2.application.slot import Slot, idle_slot_state
from autotrader_v2.domain.ladder import LadderParams
from tests.builders import ETH, RULES


def a_claim(number: int) -> Claim:
    slot = Slot(idle_slot_state(ETH, RULES, LadderParams()), number)
    return slot, None  # type: ignore[return-value]  # the outbox only carries it


class Sender:
    """Calls what it is given when told to, in order, and notes what happens."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Any, tuple[Any, ...]]] = []
        self.happened: list[str] = []
        self.claimed_meanwhile: list[Claim] = []
        self.outbox = Outbox(self.start, self.make_durable, self.send)

    def start(self, call: Any, *args: Any) -> None:
        self.waiting.append((call, args))

    def make_durable(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        self.happened.append(f"commit {[slot.spare_number for slot, _ in claims]}")
        if self.claimed_meanwhile:
            self.outbox.put(self.claimed_meanwhile.pop(0))
        return claims

    def send(self, claim: Claim) -> None:
        self.happened.append(f"send {claim[0].spare_number}")

    def work(self) -> None:
        while self.waiting:
            call, args = self.waiting.pop(0)
            call(*args)


def test_a_single_claim_is_committed_and_sent_by_one_sender() -> None:
    sender = Sender()
    sender.outbox.put(a_claim(1))
    assert len(sender.waiting) == 1
    sender.work()
    assert sender.happened == ["commit [1]", "send 1"]


def test_claims_of_one_moment_share_a_commit() -> None:
    sender = Sender()
    for number in (1, 2, 3):
        sender.outbox.put(a_claim(number))
    sender.work()
    assert sender.happened[0] == "commit [1, 2, 3]"
    assert sorted(sender.happened[1:]) == ["send 1", "send 2", "send 3"]


def test_what_is_claimed_during_a_commit_is_durable_before_the_first_is_sent() -> None:
    sender = Sender()
    sender.claimed_meanwhile = [a_claim(2), a_claim(3)]
    sender.outbox.put(a_claim(1))
    sender.work()
    assert sender.happened[:3] == ["commit [1]", "commit [2]", "commit [3]"]
    assert sorted(sender.happened[3:]) == ["send 1", "send 2", "send 3"]


def test_a_stream_of_claims_does_not_keep_the_first_from_being_sent() -> None:
    sender = Sender()
    sender.claimed_meanwhile = [a_claim(number) for number in range(2, 41)]
    sender.outbox.put(a_claim(1))
    call, args = sender.waiting.pop(0)
    call(*args)
    assert "send 1" in sender.happened
    sender.work()
    assert sum(line.startswith("send") for line in sender.happened) == 40


def test_a_later_claim_finds_a_sender_again() -> None:
    sender = Sender()
    for number in (1, 2):
        sender.outbox.put(a_claim(number))
        sender.work()
    assert sender.happened == ["commit [1]", "send 1", "commit [2]", "send 2"]


def test_claims_from_many_threads_are_each_sent_once() -> None:
    sent: list[int] = []
    senders: list[threading.Thread] = []

    def start(call: Any, *args: Any) -> None:
        sender = threading.Thread(target=call, args=args)
        senders.append(sender)
        sender.start()

    outbox = Outbox(
        start,
        lambda claims: claims,
        lambda claim: sent.append(claim[0].spare_number),
    )
    put = [
        threading.Thread(target=lambda first=first: [outbox.put(a_claim(first + i)) for i in range(50)])  # type: ignore[misc]
        for first in range(0, 400, 50)
    ]
    for thread in put:
        thread.start()
    for thread in put:
        thread.join()
    for thread in senders:  # grows while senders start others; each is listed before it starts
        thread.join()
    assert sorted(sent) == list(range(400))


def test_afterwards_calls_in_order_and_outlives_a_failure() -> None:
    afterwards, heard = Afterwards(), []

    def fail() -> None:
        raise ValueError("on purpose")

    afterwards.do(heard.append, 1)
    afterwards.do(fail)
    afterwards.do(heard.append, 2)
    assert heard == []
    afterwards.finish()
    assert heard == [1, 2]


def test_afterwards_runs_by_itself_until_told_to_stop() -> None:
    afterwards, stopping, heard = Afterwards(), threading.Event(), threading.Event()
    thread = threading.Thread(target=afterwards.run, args=(stopping,))
    thread.start()
    afterwards.do(heard.set)
    assert heard.wait(10)
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()
