"""Who does the work: threads of the engine and the senders that carry orders out."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

_JOIN_S = 5.0


class Crew(Protocol):
    """Runs the engine's bodies beside each other. A world from a seed brings one that runs them in turn."""

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        """Run a body until it returns."""

    def submit(self, call: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Have a sender call it soon."""

    def end(self) -> None:
        """Bodies were told to return: wait for them a moment, and call nothing that still waits for a sender."""


class ThreadCrew:
    """A `Crew` of real threads."""

    def __init__(self, senders: int) -> None:
        self._senders = ThreadPoolExecutor(senders, thread_name_prefix="sender")
        self._threads: list[threading.Thread] = []

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        """See `Crew`."""
        thread = threading.Thread(target=body, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def submit(self, call: Callable[..., Any], *args: Any) -> "Future[Any]":
        """See `Crew`."""
        return self._senders.submit(call, *args)

    def end(self) -> None:
        """See `Crew`."""
        for thread in self._threads:
            thread.join(timeout=_JOIN_S)
        self._senders.shutdown(wait=False, cancel_futures=True)
