"""The heartbeat: once a second a file in the data folder says that this process lives and how its engine is.

`mTrade.py watchdog` reads it. It holds nothing secret. A heart that beats while the engine is stuck would lie, so the
engine's own word goes with it, and an engine that says `stuck` for too long is ended (fault row P13).
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from autotrader_v2.app.private_files import read_private, write_private

FILE_NAME = "heartbeat.json"
# The engine calls itself stuck after six seconds; a second look must agree.
STUCK_LIMIT_S = 0.5
EVERY_S = 1.0
# A beat that comes this late: the machine slept or starved. What seemed stuck meanwhile gets its time anew.
_GAP_S = 5.0
_JOIN_S = 5.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How the engine is. `open_cycles` is None until it is known; `unwell` names what does not work as it should."""

    phase: str
    ok: bool = True
    stuck: bool = False
    markets_on: int = 0
    open_orders: int = 0
    open_cycles: int | None = None
    unwell: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One beat. `nonce` tells one life of the program from another; `number` counts within it."""

    pid: int
    nonce: str
    number: int
    time_ms: int
    monotonic_s: float
    vitals: Vitals


class Heartbeat:
    """Beats on a thread of its own. `on_stuck` is called once, on that thread. `newest`: what was last told."""

    def __init__(
        self,
        data_dir: Path,
        nonce: str,
        ask: Callable[[], Vitals],
        on_stuck: Callable[[Vitals], None],
        *,
        every_s: float = EVERY_S,
        stuck_limit_s: float = STUCK_LIMIT_S,
    ) -> None:
        self.newest = Vitals(phase="new")
        self._path = data_dir / FILE_NAME
        self._nonce = nonce
        self._ask = ask
        self._on_stuck = on_stuck
        self._every_s = every_s
        self._stuck_limit_s = stuck_limit_s
        self._number = 0
        self._last_s = time.monotonic()
        self._stuck_since_s: float | None = None
        self._failing = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End with a last beat that says so: nobody needs to worry about this silence."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        self._write(replace(self._asked(), phase="stopped", stuck=False))

    def _run(self) -> None:
        while not self._ending.is_set():
            vitals = self._asked()
            self._write(vitals)
            if self._stuck_too_long(vitals, time.monotonic()):
                self._on_stuck(vitals)
                return
            self._ending.wait(self._every_s)

    def _asked(self) -> Vitals:
        try:
            return self._ask()
        except Exception:
            # A defect in the question is no death of the engine.
            _log.exception("the engine's health cannot be told")
            return Vitals(phase="unknown", ok=False, unwell=("health",))

    def _stuck_too_long(self, vitals: Vitals, now_s: float) -> bool:
        gap_s, self._last_s = now_s - self._last_s, now_s
        if not vitals.stuck:
            self._stuck_since_s = None
        elif self._stuck_since_s is None or gap_s > _GAP_S + self._every_s:
            self._stuck_since_s = now_s
        return self._stuck_since_s is not None and now_s - self._stuck_since_s > self._stuck_limit_s

    def _write(self, vitals: Vitals) -> None:
        self.newest = vitals
        self._number += 1
        beat = Beat(
            pid=os.getpid(),
            nonce=self._nonce,
            number=self._number,
            time_ms=time.time_ns() // 1_000_000,
            monotonic_s=round(time.monotonic(), 3),
            vitals=vitals,
        )
        try:
            write_private(self._path, asdict(beat))
        except OSError as error:
            self._touch(error)
        else:
            self._failing = False

    def _touch(self, error: OSError) -> None:
        """A full disk is no death: a changed time on the old file needs no room and says that we live."""
        if not self._failing:
            self._failing = True
            _log.warning("the heartbeat cannot be written; its old file is only touched", error=error.strerror)
        try:
            os.utime(self._path)
        except OSError as second:
            _log.debug("the heartbeat cannot be touched either", error=second.strerror)


@dataclass(frozen=True, slots=True)
class Sign:
    """What is seen of a heartbeat file: the last beat, and a mark that changes with every sign of life."""

    beat: Beat
    mark: tuple[int, int]


def read_sign(data_dir: Path) -> Sign | None:
    """Read the heartbeat. `None`: there is none, or none that only we could have written."""
    path = data_dir / FILE_NAME
    stored = read_private(path)
    try:
        return Sign(_beat(stored), (int(stored["number"]), path.stat().st_mtime_ns))
    except (KeyError, TypeError, ValueError, OSError):
        return None


def _beat(stored: dict[str, Any]) -> Beat:
    vitals = Vitals(**{**stored["vitals"], "unwell": tuple(map(str, stored["vitals"]["unwell"]))})
    return Beat(
        pid=int(stored["pid"]),
        nonce=str(stored["nonce"]),
        number=int(stored["number"]),
        time_ms=int(stored["time_ms"]),
        monotonic_s=float(stored["monotonic_s"]),
        vitals=vitals,
    )
