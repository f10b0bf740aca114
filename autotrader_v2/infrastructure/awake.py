"""Keeps the machine from falling asleep while a market is on. The screen may turn dark; the trader must not."""

import subprocess
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import structlog

from autotrader_v2.infrastructure.environment import helper_environment

_log = structlog.get_logger()
_LOOK_EVERY_S = 2.0
_TRY_AGAIN_EVERY_S = 300.0
_JOIN_S = 5.0


class Awake(StrEnum):
    """`unavailable`: a market is on, and this machine may fall asleep all the same."""

    HELD = "held"
    UNAVAILABLE = "unavailable"
    OFF = "off"


class SleepLock(Protocol):
    """The operating system's way to forbid sleep. Called from one thread."""

    def hold(self) -> bool:
        """Forbid sleep; whether that holds. Repeated calls only look."""

    def release(self) -> None:
        """Allow it again."""


class KeepAwake:
    """Holds the lock for as long as `wanted` says so. `state` is for people."""

    def __init__(self, wanted: Callable[[], bool], lock: SleepLock, *, look_every_s: float = _LOOK_EVERY_S) -> None:
        self.state = Awake.OFF
        self._wanted = wanted
        self._lock = lock
        self._look_every_s = look_every_s
        self._failed_for_s: float | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keep-awake", daemon=True)

    def start(self) -> None:
        """Begin looking."""
        self._thread.start()

    def stop(self) -> None:
        """Allow sleep and end."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        # One thread holds and releases: Windows keeps the wish with the thread that spoke it.
        try:
            while not self._ending.is_set():
                self._look()
                self._ending.wait(self._look_every_s)
        finally:
            self._lock.release()
            self.state = Awake.OFF

    def _look(self) -> None:
        if not self._wanted():
            if self.state is not Awake.OFF:
                self._lock.release()
                self.state = Awake.OFF
            self._failed_for_s = None
            return
        if self._failed_for_s is not None and self._failed_for_s < _TRY_AGAIN_EVERY_S:
            self._failed_for_s += self._look_every_s
            return
        if self._lock.hold():
            self.state = Awake.HELD
            self._failed_for_s = None
            return
        if self.state is not Awake.UNAVAILABLE:
            _log.warning("this machine cannot be kept awake; if it falls asleep, trading sleeps with it")
        self.state = Awake.UNAVAILABLE
        self._failed_for_s = 0.0


if sys.platform == "win32":
    import ctypes

    _CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001

    class SystemSleepLock:
        """`SetThreadExecutionState`; Windows forgets it by itself when the thread or the process ends."""

        def hold(self) -> bool:
            """See `SleepLock`."""
            return _set_state(_CONTINUOUS | _SYSTEM_REQUIRED)

        def release(self) -> None:
            """See `SleepLock`."""
            _set_state(_CONTINUOUS)

    def _set_state(flags: int) -> bool:
        return bool(ctypes.WinDLL("kernel32").SetThreadExecutionState(ctypes.c_uint(flags)))

else:
    # Run under the lock: it ends when our end of the pipe closes, which the kernel does even when we are killed.
    _COMMAND = (
        "systemd-inhibit",
        "--what=idle:sleep",
        "--who=mTrade",
        "--why=mTrade is trading",
        "--mode=block",
        "cat",
    )
    _FAILS_WITHIN_S = 1.0

    class SystemSleepLock:
        """A lock of systemd-logind, held by a child process that lives exactly as long as this one."""

        def __init__(self) -> None:
            self._child: subprocess.Popen[bytes] | None = None

        def hold(self) -> bool:
            """See `SleepLock`."""
            if self._child is not None and self._child.poll() is None:
                return True
            self.release()
            try:
                child = subprocess.Popen(
                    _COMMAND,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=helper_environment(),
                    start_new_session=True,  # Ctrl-C is for us; its end comes by the pipe
                )
            except OSError:
                return False
            self._child = child
            try:
                child.wait(_FAILS_WITHIN_S)
            except subprocess.TimeoutExpired:
                return True
            self.release()
            return False

        def release(self) -> None:
            """See `SleepLock`."""
            child, self._child = self._child, None
            if child is None:
                return
            if child.stdin is not None:
                child.stdin.close()
            try:
                child.wait(_JOIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
