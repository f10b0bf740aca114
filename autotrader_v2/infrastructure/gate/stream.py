"""A WebSocket kept alive by a thread of its own: it connects, reads, and connects again."""

import logging
import random
import threading
from collections.abc import Callable

import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from autotrader_v2.application.ports import Clock

_OPEN_S = 5
_CLOSE_S = 1
_PING_S = 10
_BACKOFF_FIRST_S = 1.0
_BACKOFF_MAX_S = 60.0
# A connection that lived as long was a good one: the next failure starts the waiting anew.
_GOOD_S = 30.0
_LOOK_S = 1.0
_QUEUE_FRAMES = 1024

_log = structlog.get_logger()

# At DEBUG the library writes whole frames, signatures included, whatever level the program logs at.
_frames_log = logging.getLogger("autotrader_v2.gate.websocket")
_frames_log.setLevel(logging.WARNING)


class Stream:
    """One connection.

    `on_open` is called after each (re)connect and may `send`; `on_message` for each message, on the same thread,
    `on_quiet` there after each second without one; what they raise is logged and ends nothing. `on_close` after each
    loss. `name` is for logs and threads.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        name: str,
        *,
        on_open: Callable[[], None],
        on_message: Callable[[bytes], None],
        on_close: Callable[[], None],
        on_quiet: Callable[[], None] = lambda: None,
        rng: random.Random | None = None,
    ) -> None:
        self._url = url
        self._clock = clock
        self._name = name
        self._on_open = on_open
        self._on_message = on_message
        self._on_close = on_close
        self._on_quiet = on_quiet
        self._rng = rng or random.Random()
        self._stopping = threading.Event()
        self._connection: ClientConnection | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def connected(self) -> bool:
        """Whether a connection is open."""
        return self._connection is not None

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def send(self, text: str) -> None:
        """Send, if connected: after a loss `on_open` says everything again anyway."""
        connection = self._connection
        if connection is not None:
            try:
                connection.send(text)
            except (WebSocketException, OSError) as error:
                _log.debug("not sent, the connection was lost", stream=self._name, error=type(error).__name__)

    def drop(self, why: str) -> None:
        """Give this connection up and make another."""
        connection = self._connection
        if connection is not None:
            _log.warning("reconnecting", stream=self._name, why=why)
            connection.close()

    def stop(self) -> None:
        """End; returns when no callback runs any more. Not from within a callback."""
        self._stopping.set()
        connection = self._connection
        if connection is not None:
            connection.close()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        backoff_s = _BACKOFF_FIRST_S
        while not self._stopping.is_set():
            began_s = self._clock.monotonic_s()
            why = self._live()
            if self._stopping.is_set():
                return
            if self._clock.monotonic_s() - began_s > _GOOD_S:
                backoff_s = _BACKOFF_FIRST_S
            wait_s = backoff_s * self._rng.uniform(0.5, 1.0)
            _log.info("connection lost", stream=self._name, why=why, again_in_s=round(wait_s, 1))
            self._clock.wait(self._stopping, wait_s)
            backoff_s = min(backoff_s * 2, _BACKOFF_MAX_S)

    def _live(self) -> str:
        """One connection from its beginning to its end; says why it ended."""
        try:
            with connect(
                self._url,
                compression=None,
                proxy=None,
                open_timeout=_OPEN_S,
                close_timeout=_CLOSE_S,
                ping_interval=_PING_S,
                ping_timeout=_PING_S,
                max_queue=_QUEUE_FRAMES,
                logger=_frames_log,
            ) as connection:
                self._connection = connection
                self._guarded(self._on_open)
                self._read(connection)
        except (WebSocketException, OSError) as error:
            return type(error).__name__
        finally:
            if self._connection is not None:
                self._connection = None
                self._guarded(self._on_close)
        return "stopped"

    def _read(self, connection: ClientConnection) -> None:
        on_message = self._on_message
        while not self._stopping.is_set():
            try:
                data = connection.recv(timeout=_LOOK_S, decode=False)
            except TimeoutError:
                self._guarded(self._on_quiet)
                continue
            try:
                on_message(data)
            except Exception:
                # A defect in handling one message must not silence all prices; it is told in full.
                _log.exception("a message could not be handled", stream=self._name)

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            _log.exception("a callback failed", stream=self._name)
