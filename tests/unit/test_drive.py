"""A search that is asked to stop at any moment ends whole: nothing half kept, no claim left behind, and it goes on."""

import _thread
import random
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from autotrader_v2.app.signals import interrupt_as_event
from autotrader_v2.infrastructure.studies import Studies
from autotrader_v2.search.drive import Batch, drive
from autotrader_v2.search.samplers import sampler_of
from autotrader_v2.search.space import read_space
from autotrader_v2.search.trials import Ask, Trial

_TRIAL_S = 0.02
_SPACE = read_space(("steps=1:8:1", "drop_step_pct=1:10:1"), {})


class _Two:
    """Two workers that refuse each ladder after a moment."""

    slots = 2

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2)

    def submit(self, asks: Sequence[Ask]) -> "Future[Batch]":
        """See `Workers`."""
        return self._pool.submit(self._try, asks)

    @staticmethod
    def _try(asks: Sequence[Ask]) -> Batch:
        time.sleep(_TRIAL_S * len(asks))
        return Batch(
            tuple(Trial(number=one.number, point=one.point, refused="no") for one in asks), _TRIAL_S * len(asks)
        )


@pytest.mark.parametrize("seed", range(6))
def test_a_search_interrupted_at_any_moment_ends_whole_and_goes_on(tmp_path: Path, seed: int) -> None:
    after_s = random.Random(seed).uniform(0.0, 0.8)
    studies = Studies(f"sqlite:///{(tmp_path / 'studies.db').as_posix()}")
    study = studies.open("one", {})
    sampler = sampler_of("grid", _SPACE, None, 0, [])
    with interrupt_as_event() as asked:
        timer = threading.Timer(after_s, _thread.interrupt_main)
        timer.start()
        whole = drive(study, sampler, _Two(), "me", stop=asked)
        timer.join()
        asked.wait(10)
    counts = study.counts()
    assert counts.running == 0, f"claims were given back; seed {seed}"
    assert whole == (counts.finished == sampler.total)
    kept = list(study.trials())
    assert drive(study, sampler, _Two(), "me again")
    numbers = [one.number for one in study.trials()]
    assert sorted(numbers) == list(range(sampler.total)) and kept == [one for one in study.trials() if one in kept]
    studies.close()


def test_the_first_interrupt_asks_and_the_second_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupt_as_event() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_beside_the_main_thread_nothing_is_listened_to() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with interrupt_as_event() as asked:
            seen.append((asked.is_set(), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]
