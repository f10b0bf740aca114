"""Works a study off: offers trials, hands claimed ones to workers, keeps what comes back, until all are done."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from threading import Event
from time import monotonic, perf_counter
from typing import Protocol

from autotrader_v2.domain.ladder import BadLadder, LadderParams
from autotrader_v2.search.figures import Figures, added
from autotrader_v2.search.samplers import Sampler
from autotrader_v2.search.space import Space
from autotrader_v2.search.splits import Split, Stretch
from autotrader_v2.search.trials import Ask, Counts, LadderRefused, Machine, Study, Trial

# Long enough that handing over costs little, short enough for a progress that moves and an end that comes soon.
_BATCH_S = 0.5
_BATCH_MAX = 256
_BATCHES_EACH = 2
_COUNT_EVERY_S = 1.0
_ALIVE_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Finished trials, and how long they took."""

    trials: tuple[Trial, ...]
    took_s: float


class Workers(Protocol):
    """Processes, here or elsewhere, that hold the data."""

    @property
    def slots(self) -> int:
        """How many work at once."""

    def submit(self, asks: Sequence[Ask]) -> "Future[Batch]":
        """Try them."""


def try_all(machine: Machine, space: Space, split: Split, asks: Sequence[Ask]) -> Batch:
    """What a worker does with a batch: each ladder over all that choices may see, whole and in segments.

    What is held back is not touched.
    """
    began_s = perf_counter()
    tries = [_Try(space, ask) for ask in asks]
    # Stretch by stretch, so that its candles stay near the processor for all ladders; one in two parts is played once.
    for one in sorted({*split.seen, *(one for part in split.segments for one in part)}):
        for ladder in tries:
            ladder.play(machine, one)
    return Batch(tuple(one.trial(split) for one in tries), perf_counter() - began_s)


class _Try:
    """A ladder on its way over the stretches; the first that cannot be played ends it."""

    def __init__(self, space: Space, ask: Ask) -> None:
        self._ask = ask
        self._ladder: LadderParams | None = None
        self._played: dict[Stretch, Figures] = {}
        self._refused = ""
        try:
            self._ladder = space.ladder(ask.point)
        except BadLadder as error:
            self._refused = str(error)

    def play(self, machine: Machine, stretch: Stretch) -> None:
        if self._ladder is None:
            return
        try:
            self._played[stretch] = machine.figures(self._ladder, stretch)
        except (BadLadder, LadderRefused) as error:
            self._ladder, self._refused = None, str(error)

    def trial(self, split: Split) -> Trial:
        number, point = self._ask.number, self._ask.point
        if self._ladder is None:
            return Trial(number=number, point=point, refused=self._refused)
        return Trial(
            number=number,
            point=point,
            seen=added(self._played[one] for one in split.seen),
            segments=tuple(added(self._played[one] for one in part) for part in split.segments),
        )


def drive(
    study: Study,
    sampler: Sampler,
    workers: Workers,
    owner: str,
    on_progress: Callable[[Counts], None] = lambda _: None,
    stop: Event | None = None,
) -> bool:
    """Whether all of the sampler's trials are done, by whomever; False: `stop` was set before.

    Whatever ends it earlier, `stop` or an error: batches under way are let finish and kept, claims are given back.
    Errors: `StudyUnavailable`, and whatever ends a worker.
    """
    return _Drive(study, sampler, workers, owner, on_progress, stop or Event()).run()


class _Drive:
    def __init__(
        self,
        study: Study,
        sampler: Sampler,
        workers: Workers,
        owner: str,
        on_progress: Callable[[Counts], None],
        stop: Event,
    ) -> None:
        self._study, self._sampler, self._workers, self._owner = study, sampler, workers, owner
        self._on_progress = on_progress
        self._stop = stop
        self._running: set[Future[Batch]] = set()
        self._trial_s = 0.0
        self._counted_s = self._told_alive_s = float("-inf")
        self._counts = Counts(0, 0, 0, 0, -1)

    def run(self) -> bool:
        try:
            while not self._over() and not self._stop.is_set():
                self._hand_out()
                if not self._running:
                    # Others work on what is left; should they fall silent, it is taken over.
                    self._stop.wait(_BATCH_S)
                done, self._running = wait(self._running, timeout=_COUNT_EVERY_S, return_when=FIRST_COMPLETED)
                self._keep(done)
                self._tell_alive()
        finally:
            self._end()
        return self._study.counts().finished >= self._sampler.total

    def _over(self) -> bool:
        if monotonic() - self._counted_s < _COUNT_EVERY_S and self._running:
            return False
        self._counts = self._study.counts()
        new = self._sampler.following(self._counts, self._study.trials)
        if new:
            self._study.offer(new)
            self._counts = self._study.counts()
        self._counted_s = monotonic()
        self._on_progress(self._counts)
        return self._counts.finished >= self._sampler.total

    def _hand_out(self) -> None:
        slots = self._workers.slots
        while len(self._running) < slots * _BATCHES_EACH:
            most = int(_BATCH_S / self._trial_s) if self._trial_s else 1
            share = -(-self._counts.waiting // (slots * _BATCHES_EACH))
            asks = self._study.claim(max(1, min(most, share, _BATCH_MAX)), self._owner)
            if not asks:
                return
            self._running.add(self._workers.submit(asks))

    def _keep(self, done: "set[Future[Batch]]") -> None:
        batches = [one.result() for one in done]
        if batches:
            self._study.finish([trial for batch in batches for trial in batch.trials])
            latest = batches[-1]
            self._trial_s = max(latest.took_s / len(latest.trials), 1e-6)

    def _tell_alive(self) -> None:
        if monotonic() - self._told_alive_s >= _ALIVE_EVERY_S:
            self._study.alive(self._owner)
            self._told_alive_s = monotonic()

    def _end(self) -> None:
        """Cancel what has not begun, keep what ends well, give the rest back."""
        for one in self._running:
            one.cancel()
        try:
            done, _ = wait(self._running)
            good = [one for one in done if not one.cancelled() and one.exception() is None]
            self._running = set()
            self._keep(set(good))
        finally:
            self._study.release(self._owner)
