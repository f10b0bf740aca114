"""`mTrade.py watchdog`: starts the engine as its own child, watches its heartbeat, tells, and brings it back.

It ends nothing but its own child. A clean stop (Ctrl-C, `stop`, the page) ends the watchdog too. With DEAD_MAN it sells
out when the engine stays away for too long; selling is the work of a short-lived engine of its own (`sell-out`), which
takes the same lock, journal and order protocol as any other, so that it can never sell beside a living one.

Gate's countdown-cancel is not used: it cancels resting orders, and every order of ours is immediate or cancelled.
"""

import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from autotrader_v2.app import instance, signals, wishes
from autotrader_v2.app.heartbeat import read_sign
from autotrader_v2.app.notifying import notifier_of
from autotrader_v2.app.restart import CannotStop, stop_running
from autotrader_v2.app.settings import Settings
from autotrader_v2.app.values import ROOT
from autotrader_v2.app.vigilance import Again, DeadMan, Done, Finding, GiveUp, Patience, Watch, after_end, cycles_left
from autotrader_v2.app.wishes import Wish
from autotrader_v2.application.events import Alert, Priority
from autotrader_v2.application.ports import Notifier
from autotrader_v2.infrastructure import processor_time

POLL_S = 0.25
STACKS_WAIT_S = 0.5
_SELL_OUT_TRIES = 12
_FAILED = 1
_BREAK_WAIT_S = 5.0

_log = structlog.get_logger()


def run_watchdog(settings: Settings, *, open_browser: bool) -> int:
    """Watch over an engine with these settings until a person ends it; returns the exit code."""
    from autotrader_v2.app import logs

    logs.configure(level=settings.log_level, form=settings.log_format, secrets=settings.secrets)
    with instance.watch(settings.data_dir):
        instance.refuse_a_second(settings.data_dir)
        notifier = notifier_of(settings)
        notifier.start()
        stopping = threading.Event()
        signals.install(stopping.set)
        dog = Watchdog(
            settings.data_dir,
            settings.flags,
            notifier,
            stopping,
            dead_man_minutes=settings.dead_man,
            open_browser=open_browser,
        )
        try:
            return dog.run()
        finally:
            notifier.stop()


def engine_command(flags: Mapping[str, str], nonce: str, *, open_browser: bool) -> list[str]:
    """Return what starts an engine. No secret is in it: those are in the environment and in `.env`."""
    command = [*_DOOR, "serve", "--life", nonce, *as_flags(flags)]
    return command if open_browser else [*command, "--no-browser"]


def watchdog_command(flags: Mapping[str, str]) -> list[str]:
    """Return what starts a watchdog where nobody looks on."""
    return [*_DOOR, "watchdog", "--no-browser", *as_flags(flags)]


def sell_out_command(flags: Mapping[str, str]) -> list[str]:
    """Return what sells everything."""
    return [*_DOOR, "sell-out", "--yes", "--by", "dead man's switch", *as_flags(flags)]


def as_flags(flags: Mapping[str, str]) -> list[str]:
    """Return settings as command-line flags."""
    return [part for name, value in flags.items() for part in (f"--{name.replace('_', '-')}", value)]


_DOOR = (sys.executable, "-X", "utf8", str(ROOT / "mTrade.py"))


class Watchdog:
    """One run, over as many lives of the engine as it takes. The commands and the times may be others in a test."""

    def __init__(
        self,
        data_dir: Path,
        flags: Mapping[str, str],
        notifier: Notifier,
        stopping: threading.Event,
        *,
        dead_man_minutes: int,
        open_browser: bool,
        patience: Patience | None = None,
        engine: Callable[..., Sequence[str]] = engine_command,
        sell_out: Callable[..., Sequence[str]] = sell_out_command,
    ) -> None:
        self._data_dir = data_dir
        self._flags = dict(flags)
        self._notifier = notifier
        self._stopping = stopping
        self._open_browser = open_browser
        self._patience = patience or Patience()
        self._engine = engine
        self._sell_out = sell_out
        sign = read_sign(data_dir)
        known = cycles_left(sign.beat.vitals) if sign else None
        self._dead_man = DeadMan(dead_man_minutes, time.monotonic(), known)
        self._failures = 0

    def run(self) -> int:
        """Start, watch, start again; returns the exit code."""
        wishes.take(self._data_dir)  # one that nobody was there to take
        while True:
            nonce = secrets.token_hex(8)
            born_s = time.monotonic()
            command = self._engine(self._flags, nonce, open_browser=self._open_browser)
            self._open_browser = False
            child = _start(command)
            _log.info("the engine is started", process=child.pid)
            exit_code = self._watch(child, nonce)
            if exit_code is None:  # stopped by a wish, or the dead man's switch is due
                following: Again | GiveUp | Done | None = self._wished()
            else:
                following = after_end(self._patience, exit_code, time.monotonic() - born_s, self._failures)
            match following:
                case None if self._dead_man.due(time.monotonic()):
                    return self._sell_everything()
                case None:
                    continue
                case Done(exit_code=code):
                    return code
                case GiveUp(failures=failures):
                    self._alert("watchdog_gave_up", Priority.HIGH, why=f"exit code {exit_code}", failures=str(failures))
                    return self._wait_for_the_dead_man()
                case Again(after_s=after_s, failures=failures):
                    self._failures = failures
                    # Once in a row loudly; what gives up says so loudly again.
                    priority = Priority.HIGH if failures == 1 else Priority.MEDIUM
                    self._alert("watchdog_restarting", priority, why=f"exit code {exit_code}", seconds=f"{after_s:g}")
                    if (ended := self._pause(after_s)) is not None:
                        return ended

    # -- one life

    def _watch(self, child: "subprocess.Popen[bytes]", nonce: str) -> int | None:
        """Watch until it ends; its exit code, or None when it was stopped for a wish or the dead man's switch."""
        watch = Watch(self._patience, time.monotonic())
        look_s = 0.0
        while True:
            try:
                return child.wait(POLL_S)
            except subprocess.TimeoutExpired:
                now_s = time.monotonic()
            if self._stopping.is_set():
                self._stop(child)
                self._wish = Wish(restart=False)
                return None
            if (wish := wishes.take(self._data_dir)) is not None:
                self._stop(child)
                self._wish = wish
                return None
            if now_s - look_s >= self._patience.look_every_s:
                if look_s and now_s - look_s > self._patience.look_every_s + self._patience.silent_s:
                    self._dead_man.slept(now_s)
                look_s = now_s
                if self._look(watch, nonce, now_s, child.pid):
                    return self._end(child)
                if self._dead_man.due(now_s):
                    self._stop(child)
                    self._wish = None
                    return None

    def _look(self, watch: Watch, nonce: str, now_s: float, pid: int) -> bool:
        """Look at the heartbeat once and tell what is new; whether the engine hangs."""
        sign = read_sign(self._data_dir)
        vitals = None
        if sign is not None and sign.beat.nonce == nonce:
            vitals = sign.beat.vitals
            # On Windows the child of a virtual environment is only what starts the engine: it says itself who it is.
            pid = sign.beat.pid
        findings = watch.look(now_s, sign.mark if sign and vitals else None, vitals, processor_time.of_process(pid))
        if vitals is not None and watch.silent_for_s(now_s) <= self._patience.silent_s:
            self._dead_man.seen(now_s, vitals)
        for finding in findings:
            match finding:
                case Finding.SILENT:
                    self._alert("watchdog_silent", Priority.HIGH, seconds=f"{watch.silent_for_s(now_s):.0f}")
                case Finding.UNWELL if vitals is not None:
                    parts = ", ".join(vitals.unwell) or vitals.phase
                    seconds = f"{watch.unwell_for_s(now_s):.0f}"
                    self._alert("watchdog_unwell", Priority.HIGH, parts=parts, seconds=seconds)
                case Finding.WELL:
                    self._alert("watchdog_well", Priority.MEDIUM)
                case _:
                    pass
        return Finding.HUNG in findings

    def _end(self, child: "subprocess.Popen[bytes]") -> int:
        """End a hung engine: it is asked where it hangs, then killed; its journal knows every order it sent."""
        _ask_for_stacks(child)
        child.kill()
        code = child.wait()
        # Not before: a window that its owner holds would hold this too.
        _log.error("the engine gave no sign of life; it was ended", process=child.pid)
        return code

    def _stop(self, child: "subprocess.Popen[bytes]") -> None:
        """Stop the engine cleanly; by force when it does not listen."""
        _ask_to_stop(child, self._data_dir)
        try:
            child.wait(self._patience.stop_wait_s)
        except subprocess.TimeoutExpired:
            _log.error("the engine does not stop; it is ended", process=child.pid)
            child.kill()
            child.wait()

    # -- between lives

    _wish: Wish | None = None

    def _wished(self) -> Done | None:
        """Take the wish that ended a life: None starts another."""
        wish, self._wish = self._wish, None
        if wish is None:
            return None
        if not wish.restart:
            return Done(0)
        self._flags |= wish.flags
        self._failures = 0
        return None

    def _pause(self, after_s: float) -> int | None:
        """Wait before the next start; an exit code when the watchdog ends instead."""
        ends_s = time.monotonic() + after_s
        while (now_s := time.monotonic()) < ends_s:
            if self._stopping.wait(min(POLL_S, ends_s - now_s)):
                return 0
            if (wish := wishes.take(self._data_dir)) is not None:
                self._wish = wish
                ended = self._wished()
                return None if ended is None else ended.exit_code
            if self._dead_man.due(now_s):
                return self._sell_everything()
        return None

    def _wait_for_the_dead_man(self) -> int:
        """Nothing brings the engine back: wait until it is time to sell, if that was chosen."""
        while self._dead_man.armed:
            if (ended := self._pause(60.0)) is not None:
                return ended
        return _FAILED

    def _sell_everything(self) -> int:
        """Sell out, again and again until it is done; returns the exit code."""
        self._alert("dead_man_selling", Priority.HIGH, minutes=str(self._dead_man.minutes))
        self._dead_man.disarm()  # from here on it is under way
        for attempt in range(_SELL_OUT_TRIES):
            seller = _start(self._sell_out(self._flags))
            while (exit_code := _wait(seller)) is None:
                if self._stopping.is_set():
                    self._stop(seller)
                    return 0
            if exit_code == 0:
                return 0
            _log.error("selling out did not succeed", attempt=attempt + 1, exit_code=exit_code)
            if (ended := self._pause(self._patience.back_off_max_s)) is not None:
                return ended
        return _FAILED

    def _alert(self, code: str, priority: Priority, **values: str) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._notifier.alert(Alert(code=code, priority=priority, time_ms=now_ms, values=values))


def _wait(child: "subprocess.Popen[bytes]") -> int | None:
    try:
        return child.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return None


if sys.platform == "win32":

    def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
        # A group of its own: Ctrl-C is for the watchdog, which then stops the engine in its own way.
        return subprocess.Popen(command, creationflags=subprocess.CREATE_NEW_PROCESS_GROUP)

    def _ask_to_stop(child: "subprocess.Popen[bytes]", data_dir: Path) -> None:
        # Once only: a second one ends it at once. It reaches also one that just starts, and one that serves no page.
        with suppress(OSError):  # no console to send it through
            child.send_signal(signal.CTRL_BREAK_EVENT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_BREAK_WAIT_S)
            return
        try:
            stop_running(data_dir, _log.info)
        except CannotStop as error:
            _log.error("the engine could not be asked to stop", what=str(error), process=child.pid)

    def _ask_for_stacks(_child: "subprocess.Popen[bytes]") -> None:
        """Windows has no signal for that."""

else:

    def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command)

    def _ask_to_stop(child: "subprocess.Popen[bytes]", _data_dir: Path) -> None:
        child.send_signal(signal.SIGTERM)

    def _ask_for_stacks(child: "subprocess.Popen[bytes]") -> None:
        """Have all stacks written to logs/fatal.txt; answered even while Python's own lock is held."""
        child.send_signal(signal.SIGUSR2)
        time.sleep(STACKS_WAIT_S)
