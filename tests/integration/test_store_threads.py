"""Many threads, one journal: every acknowledged write is there, refused ones alone fail, readers never wait."""

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.application.events import Intended, Outcome, SwitchSet
from autotrader_v2.application.ports import JournalRefused, JournalUnavailable
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.situation import SwitchMode
from tests.unit.test_store_values import BTC, NOW_MS, Scribe, an_intent


@pytest.fixture
def scribe(tmp_path: Path) -> Iterator[Scribe]:
    """A new journal."""
    scribe = Scribe.opens(tmp_path / "journal.sqlite3")
    yield scribe
    scribe.journal.close()


def together(*works: Callable[[], object]) -> list[object]:
    """Run all at the same moment; results and errors in order."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_two_threads_and_hundreds_of_writes_lose_nothing(scribe: Scribe) -> None:
    """Each thread its own market, reading while it writes."""

    def trade(market: Market) -> None:
        own = Scribe(scribe.journal, scribe.instance, {})
        for number in range(150):
            own.whole_cycle(market, str(11 + number % 3))
            assert len(scribe.journal.trades(market, 500)) == 2 * (number + 1)
        scribe.cycles.update(own.cycles)

    markets = [Market("gate", name, "USDT") for name in ("AAA", "BBB")]
    assert together(*[lambda market=market: trade(market) for market in markets]) == [None, None]
    state = scribe.journal.load()
    assert state.cycles == scribe.cycles
    assert all(cycle.tally.completed == 150 for cycle in state.cycles.values())
    assert scribe.journal.verify() == ()


def test_a_hundred_at_once_are_all_durable_and_share_commits(scribe: Scribe) -> None:
    """Whoever comes while the disk is busy goes with the next commit."""
    intents = [an_intent(client_id=scribe.label(), market=Market("gate", f"C{n}", "USDT")) for n in range(100)]
    before = scribe.journal._commits.commits
    results = together(*[lambda intent=intent: scribe.journal.write(Intended(intent)) for intent in intents])
    assert results == [None] * 100
    assert scribe.journal._commits.commits - before < 100
    assert {one.intent for one in scribe.journal.load().open_attempts} == set(intents)


def test_of_many_buys_of_one_step_exactly_one_is_accepted(scribe: Scribe) -> None:
    """The others are refused alone; whoever shares the commit with them is written."""
    for round_number in range(20):
        same = [an_intent(client_id=scribe.label(), step=round_number) for _ in range(8)]
        free = [
            SwitchSet(market=Market("gate", f"S{n}", "USDT"), mode=SwitchMode.ON, by="x", time_ms=round_number)
            for n in range(8)
        ]
        works = [lambda record=record: scribe.journal.write(record) for record in (*map(Intended, same), *free)]
        random.Random(round_number).shuffle(works)
        results = together(*works)
        refused = [one for one in results if isinstance(one, JournalRefused)]
        assert len(refused) == 7
        assert results.count(None) == 9
        (attempt,) = scribe.journal.load().open_attempts
        assert attempt.intent in same
        scribe.closed(attempt.intent, Outcome.FILLED)
    assert len(scribe.journal.load().switches) == 8


def test_a_defect_in_one_write_harms_nobody_else(scribe: Scribe) -> None:
    """Neither those who share the transaction nor those who come after."""

    def broken(_: object) -> None:
        raise ZeroDivisionError

    switch = SwitchSet(market=BTC, mode=SwitchMode.ON, by="x", time_ms=NOW_MS)
    works: list[Callable[[], object]] = [lambda: scribe.journal.write(switch) for _ in range(10)]
    works.insert(4, lambda: scribe.journal._commits.run(broken))
    results = together(*works)
    assert [type(one) for one in results if one is not None] == [ZeroDivisionError]
    with pytest.raises(ZeroDivisionError):
        scribe.journal._commits.run(broken)
    scribe.journal.write(switch)


class InterruptedTurn:
    """A turn whose first wait ends in Ctrl-C: at once, or when it is too late to leave."""

    def __init__(self, turn: threading.Lock, too_late: threading.Event | None) -> None:
        self._turn, self._too_late, self._first = turn, too_late, True

    def acquire(self) -> None:
        """Be interrupted once, then wait as usual."""
        if self._first:
            self._first = False
            if self._too_late is not None:
                self._too_late.wait(60)
            raise KeyboardInterrupt
        self._turn.acquire()


@pytest.mark.parametrize("late", [False, True])
def test_whoever_is_interrupted_while_waiting_leaves_nobody_behind(scribe: Scribe, late: bool) -> None:
    """Ctrl-C in a thread that waits for its turn: its work may or may not be written, the others go on."""
    commits = scribe.journal._commits
    busy, go_on, too_late = threading.Event(), threading.Event(), threading.Event()
    waited = commits._waited

    def interrupted(group: Any, turn: Any) -> bool:
        if threading.current_thread().name == "interrupted":
            turn = InterruptedTurn(turn, too_late if late else None)
        return waited(group, turn)

    commits._waited = interrupted  # type: ignore[method-assign]
    written: list[str] = []

    def write(name: str) -> None:
        def work(_: object) -> None:
            written.append(name)
            too_late.set()

        try:
            commits.run(work)
        except KeyboardInterrupt:
            written.append(f"{name} left")

    def slow(_: object) -> None:
        busy.set()
        go_on.wait(60)

    threads = [threading.Thread(target=lambda: commits.run(slow))]
    threads[0].start()
    busy.wait(60)
    for count, name in enumerate(("before", "interrupted", "after"), start=1):
        threads.append(threading.Thread(target=write, args=(name,), name=name))
        threads[-1].start()
        while late and len(commits._waiting) < count:
            pass
    go_on.set()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert {"before", "after", "interrupted left"} <= set(written)
    assert "interrupted" in written or not late
    scribe.journal.write(SwitchSet(market=BTC, mode=SwitchMode.ON, by="x", time_ms=NOW_MS))


def test_a_leader_that_is_interrupted_frees_those_who_joined(scribe: Scribe) -> None:
    """They are told that nothing was written; the next write works."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    commits = scribe.journal._commits
    ends: list[BaseException] = []

    def run(work: Callable[[object], None]) -> None:
        try:
            commits.run(work)
        except BaseException as error:
            ends.append(error)

    works = [interrupt, *[lambda _: None] * 5]
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert sum(isinstance(error, KeyboardInterrupt) for error in ends) == 1
    assert all(isinstance(error, KeyboardInterrupt | JournalUnavailable) for error in ends)
    scribe.journal.write(SwitchSet(market=BTC, mode=SwitchMode.ON, by="x", time_ms=NOW_MS))


def test_numbers_are_given_once_to_whoever_asks(scribe: Scribe) -> None:
    """Across several blocks, from many threads, while a block is reserved ahead."""

    def take() -> list[int]:
        return [scribe.journal.new_number() for _ in range(700)]

    results = together(*[take] * 8, *[scribe.journal._numbers.refill] * 2)
    numbers = [number for one in results if isinstance(one, list) for number in one]
    assert len(numbers) == len(set(numbers)) == 5600


def test_closing_while_others_write_lets_each_finish_or_fail(scribe: Scribe) -> None:
    """Nobody hangs, and what was acknowledged is in the file."""
    acknowledged: list[int] = []
    ends: list[JournalUnavailable] = []

    def write() -> None:
        try:
            for number in range(100_000):
                scribe.journal.write(SwitchSet(market=BTC, mode=SwitchMode.ON, by=str(number), time_ms=NOW_MS))
                acknowledged.append(number)
        except JournalUnavailable as error:
            ends.append(error)

    path = Path(scribe.journal._backend.name)
    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 20:
        pass
    scribe.journal.close()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert len(ends) == len(threads)
    Scribe.opens(path).journal.close()
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM switches").fetchone() == (len(acknowledged),)


def test_a_late_fill_and_a_second_buy_of_its_step_may_race(scribe: Scribe) -> None:
    """Whatever comes first, both are told truthfully and the money is right."""
    for step in range(15):
        late = scribe.intended(step=step, cycle_id=step + 1)
        scribe.closed(late, Outcome.ABSENT)
        second = replace(late, client_id=scribe.label())
        results = together(
            lambda late=late: scribe.closed(late, Outcome.FILLED),
            lambda second=second: scribe.journal.write(Intended(second)),
        )
        states = {row["client_id"]: row["state"] for row in scribe.journal.orders(BTC, 2)}
        if results == [None, None]:
            assert (states[late.client_id], states[second.client_id]) == ("filled_late", "intended")
            scribe.closed(second, Outcome.FILLED)
        else:
            assert isinstance(results[1], JournalRefused)
            assert states[late.client_id] == "filled"
    assert scribe.journal.balances({"USDT": Decimal(5)}) == {"USDT": Decimal(5)}
