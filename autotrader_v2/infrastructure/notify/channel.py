"""One way to the person: a bounded queue, loud alerts first, and a thread that delivers."""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from autotrader_v2.application.events import Alert, Priority

_log = structlog.get_logger()
_LOUDNESS = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}
_BACK_OFF_S = (1.0, 5.0, 15.0)
_CAPACITY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An alert in words, made when it is delivered. `instance`: which mTrade says it, for people who run several."""

    alert: Alert
    words: Callable[[Alert, str], str]
    instance: str

    @property
    def text(self) -> str:
        """In English."""
        return self.words(self.alert, "en")

    @property
    def text_ru(self) -> str:
        """In Russian."""
        return self.words(self.alert, "ru")


class CannotDeliver(Exception):
    """The message did not arrive. `lasting`: trying again would not help. The text holds no address, no secret."""

    def __init__(self, what: str, *, lasting: bool = False) -> None:
        super().__init__(what)
        self.lasting = lasting


class Channel:
    """Thread-safe. `offer` never blocks and never raises; what cannot be delivered is counted and logged once."""

    def __init__(
        self,
        name: str,
        deliver: Callable[[Message], None],
        *,
        least: Priority,
        back_off_s: Sequence[float] = _BACK_OFF_S,
        capacity: int = _CAPACITY,
    ) -> None:
        self.name = name
        self.delivered = self.given_up = self.dropped = 0
        # Whether the newest alert did not get through.
        self.failing = False
        self._deliver = deliver
        self._least = _LOUDNESS[least]
        self._back_off_s = tuple(back_off_s)
        self._capacity = capacity
        self._waiting: list[tuple[int, int, Message]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin delivering."""
        self._thread = threading.Thread(target=self._run, name=f"notify-{self.name}", daemon=True)
        self._thread.start()

    def stop(self, wait_s: float) -> None:
        """Deliver what waits, each once, for at most that long."""
        self._ending.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(wait_s)

    def offer(self, message: Message) -> None:
        """Deliver it soon, if it is loud enough for this channel. Full: the least important, newest one is dropped."""
        loudness = _LOUDNESS[message.alert.priority]
        if loudness > self._least:
            return
        with self._changed:
            heapq.heappush(self._waiting, (loudness, next(self._numbers), message))
            if len(self._waiting) > self._capacity:
                self._waiting.remove(max(self._waiting, key=lambda item: item[:2]))
                heapq.heapify(self._waiting)
                self.dropped += 1
            self._changed.notify_all()

    def _run(self) -> None:
        while (message := self._next()) is not None:
            self._carry(message)

    def _next(self) -> Message | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending.is_set())
            return heapq.heappop(self._waiting)[2] if self._waiting else None

    def _carry(self, message: Message) -> None:
        for pause_s in (*self._back_off_s, None):
            try:
                self._deliver(message)
            except CannotDeliver as error:
                if error.lasting or pause_s is None or self._ending.wait(pause_s):
                    self._give_up(message, str(error))
                    return
            except Exception as error:
                # Its text may hold what must not be told; its kind does not.
                self._give_up(message, type(error).__name__)
                return
            else:
                self.delivered += 1
                self.failing = False
                return

    def _give_up(self, message: Message, what: str) -> None:
        self.given_up += 1
        if not self.failing:
            self.failing = True
            _log.warning(
                "alerts do not get through; trading goes on", channel=self.name, code=message.alert.code, what=what
            )
