"""The search that the Lab runs: one at a time, in a worker process beside that of the runs."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from autotrader_v2.app.lab_process import LabProcess, WorkerFailed
from autotrader_v2.application.refusals import CommandRefused

_AT_WORK = ("working", "stopping")
_STOP_WAIT_S = 6.0


class LabSearches:
    """Thread-safe. What it finds is in the studies; here is only how the last one begun is."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: LabProcess | None = None
        self._thread: threading.Thread | None = None
        self._told: dict[str, Any] | None = None

    def told(self) -> Mapping[str, Any] | None:
        """`status`, ladders `done` of `of`, the study's `name` once it is over, its `failure`; None before any."""
        with self._lock:
            return None if self._told is None else dict(self._told)

    def begin(self, job: Mapping[str, Any]) -> None:
        """Search now. Errors: `CommandRefused` while another one works."""
        with self._lock:
            if self._told is not None and self._told["status"] in _AT_WORK:
                raise CommandRefused("search_busy", "Another search works; stop it or wait for it.")
            self._told = {"status": "working", "name": None, "done": 0, "of": 0, "failure": None}
            self._process = LabProcess(self._command)
            self._thread = threading.Thread(
                target=self._work, args=(job, self._process), name="lab-search", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End it soon, what is done is kept; asked twice, it ends at once and what is just being tried is lost."""
        with self._lock:
            if self._told is None or self._process is None or self._told["status"] not in _AT_WORK:
                return
            again = self._told["status"] == "stopping"
            self._told["status"] = "stopping"
            process = self._process
        if again:
            process.end()
        else:
            process.stop()

    def end(self) -> None:
        """The program ends."""
        with self._lock:
            process, thread = self._process, self._thread
        if process is not None and thread is not None:
            process.end()
            thread.join(_STOP_WAIT_S)

    def _work(self, job: Mapping[str, Any], process: LabProcess) -> None:
        try:
            answer = process.do({"kind": "search", **job}, lambda done, of: self._change(done=done, of=of))
        except WorkerFailed as error:
            stopped = error.code == "cancelled"
            self._change(status="stopped" if stopped else "failed", failure=None if stopped else error.told)
        except OSError as error:
            self._change(status="failed", failure=WorkerFailed("crashed", str(error)).told)
        else:
            status = "stopped" if answer["stopped"] else "done"
            self._change(status=status, name=answer["name"], done=answer["tried"], of=answer["of"])

    def _change(self, **values: Any) -> None:
        with self._lock:
            assert self._told is not None  # noqa: S101  (it has begun)
            self._told |= values
