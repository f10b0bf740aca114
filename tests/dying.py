"""mTrade, ended by itself at a named point as a power cut would: `python -m tests.dying POINT NTH serve --mode ...`.

The program is the product's own; only here, in the tests, its calls are given a last one. `POINTS` names them; `never`
is none of them. With MTRADE_TEST_STOP set it is stopped there (SIGSTOP, as in a laptop put to sleep) and not killed.
With MTRADE_TEST_QUICK set a proof of absence takes six seconds instead of twenty: same rule, shorter
times.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from autotrader_v2.app import cli
from autotrader_v2.application.events import AttemptClosed, AttemptUnknown, FillsBooked, Intended, Outcome
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.infrastructure.store.commits import GroupCommit
from autotrader_v2.infrastructure.store.journal import SqlJournal

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows the latter is TerminateProcess


class _Fuse:
    """Burns down at the nth time that the point is reached."""

    def __init__(self, point: str, nth: int) -> None:
        self.point, self.left = point, nth

    def reached(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                _end()


def _end() -> None:
    """Die, or fall asleep, before this thread does anything more."""
    if sys.platform != "win32" and os.environ.get("MTRADE_TEST_STOP"):
        # To this very thread: told to the process, another one might stop first and this one send its order.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
    else:
        os.kill(os.getpid(), _KILL)


def _kind(records: tuple[Any, ...]) -> str:
    """What a transaction is about, as far as points are named after it; "" for anything else."""
    for record in records:
        match record:
            case Intended():
                return "intent"
            case FillsBooked():
                return "fills"
            case AttemptUnknown():
                return "unknown"
            case AttemptClosed(outcome=Outcome.ABSENT):
                return "absent"
    return ""


POINTS = {
    "before-intent": "P1: the order is decided, nothing is written",
    "in-intent": "P1: the intent's transaction is written, not committed",
    "after-intent": "P2: the intent is durable, nothing is sent",
    "before-send": "P2: about to send",
    "after-send": "P3: the exchange has answered, the answer is not journalled",
    "before-fills": "P4: about to book",
    "in-fills": "P4: the fills' transaction is written, not committed",
    "after-fills": "P4: booked on disk, not yet in memory",
    "after-unknown": "P5: the order is noted as unknown",
    "after-load": "P5: recovery has read the journal",
    "before-find": "P5: recovery is about to ask for an unknown order",
    "after-find": "P5: recovery has the exchange's answer",
    "in-absent": "P5: the proof of absence is written, not committed",
}


def install(fuse: _Fuse) -> None:
    """Give the product's calls their points."""
    write, load, together = SqlJournal.write, SqlJournal.load, GroupCommit._together
    send, find = GateExchange.send, GateExchange.find
    writing: list[str] = []

    def around(call: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
        def called(*args: Any, **named: Any) -> Any:
            fuse.reached(before)
            answer = call(*args, **named)
            fuse.reached(after)
            return answer

        return called

    def written(self: SqlJournal, *records: Any) -> None:
        kind = _kind(records)
        fuse.reached(f"before-{kind}")
        writing.append(kind)
        try:
            write(self, *records)
        finally:
            writing.remove(kind)
        fuse.reached(f"after-{kind}")

    def executed(self: Any, cursor: Any, batch: Any) -> bool:
        done = together(self, cursor, batch)
        for kind in tuple(writing):
            fuse.reached(f"in-{kind}")
        return done

    SqlJournal.write = written  # type: ignore[method-assign]
    SqlJournal.load = around(load, "before-load", "after-load")  # type: ignore[method-assign]
    GroupCommit._together = executed  # type: ignore[assignment,method-assign]
    GateExchange.send = around(send, "before-send", "after-send")  # type: ignore[method-assign]
    GateExchange.find = around(find, "before-find", "after-find")  # type: ignore[method-assign]


def be_quick() -> None:
    """Shorter times for the proof of absence, for a simulator that shows everything at once."""
    defaults = TraderConfig.__init__.__kwdefaults__
    defaults |= {"order_life_ms": 1000, "clock_error_ms": 50, "visibility_ms": 200, "absence_gap_s": 0.2}


if __name__ == "__main__":
    if os.environ.get("MTRADE_TEST_QUICK"):
        be_quick()
    install(_Fuse(sys.argv[1], int(sys.argv[2])))
    sys.exit(cli.main(sys.argv[3:]))
