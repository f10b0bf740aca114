"""The Lab: runs in turn, each in a worker process; what they gave is kept; see `application/lab.py`.

What a person waits for while looking at something (files, studies, a ladder of one) has a worker of its own beside
them: a run may take minutes.
"""

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog

from autotrader_v2.app.lab_files import LabFiles, stamp_of
from autotrader_v2.app.lab_histories import LabHistories, history_job
from autotrader_v2.app.lab_process import COMMAND, LabProcess, WorkerFailed
from autotrader_v2.app.lab_runs import OVER, LabRuns
from autotrader_v2.app.lab_searches import LabSearches
from autotrader_v2.app.lab_wishes import checked, search_job
from autotrader_v2.application.commands import params_as_text
from autotrader_v2.application.lab import CANDLES_MAX, COINS_MAX, QUEUE_MAX, RUNS_MAX, LabWish, SearchWish
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.ladder import LadderParams

_log = structlog.get_logger()
# A search under way changes its file all the time.
_STUDY_KEPT_S = 5.0
_READ_MAX = 30
# Of a run: what only its worker needs.
_UNTOLD = ("files", "rules_ms")
_STOP_WAIT_S = 6.0
_SUMMARY = ("pnl", "pnl_pct", "max_drawdown_pct", "cycles_closed", "cycles_open", "ran_dry", "begin_ms", "end_ms")
Job = tuple[str, str]
_LOOKS = frozenset({"look", "read"})


@dataclass(slots=True)
class _Line:
    """Jobs that are done one after the other, and the one at work."""

    queue: deque[Job] = field(default_factory=deque)
    working: tuple[Job, LabProcess] | None = None

    def has(self, job: Job) -> bool:
        """Whether it waits or works."""
        return job in self.queue or (self.working is not None and self.working[0] == job)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was read when the studies' file had that stamp, or what went wrong: `code`, and `what` in words."""

    stamp: list[list[int]]
    at_s: float
    told: Mapping[str, Any] | None
    code: str | None
    what: str | None


class LabRoom:
    """See `Lab`. `folder`: where its files are kept; `candles`: where candle files are looked for, one folder deep.

    `studies`: the database that `sweep` writes.
    """

    def __init__(self, folder: Path, *candles: Path, studies: Path, command: Sequence[str] = COMMAND) -> None:
        self._candles, self._command = candles, command
        self._studies = studies
        self._read: dict[str, _Answer] = {}
        self._changed = threading.Condition()
        self._runs_line, self._looks_line = _Line(), _Line()
        self._progress: dict[str, tuple[int, int]] = {}
        # What a history job needs to know, and why one has failed.
        self._asked: dict[str, dict[str, Any]] = {}
        self._failed: dict[str, Mapping[str, str]] = {}
        self._stopped = False
        self._runs = LabRuns(folder)
        self._files = LabFiles(folder / "files.json", candles)
        self._histories = LabHistories(folder / "history")
        self._search = LabSearches(command)
        self._threads = [
            threading.Thread(target=self._work, args=(line,), name=name, daemon=True)
            for name, line in (("lab", self._runs_line), ("lab-looks", self._looks_line))
        ]

    def start(self) -> None:
        """Work from now on."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what works; it will be told as interrupted."""
        with self._changed:
            self._stopped = True
            lines = self._runs_line, self._looks_line
            for line in lines:
                line.queue.clear()
            processes = [line.working[1] for line in lines if line.working is not None]
            self._changed.notify_all()
        for process in processes:
            process.end()
        self._search.end()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_STOP_WAIT_S)

    # -- reading

    def runs(self) -> Mapping[str, Any]:
        """See `Lab`."""
        with self._changed:
            heads = sorted(self._runs.heads.values(), key=lambda head: (-int(head["made_ms"]), head["id"]))
            return {"runs": [self._told(head) for head in heads], "runs_max": RUNS_MAX, "queue_max": QUEUE_MAX}

    def run(self, run_id: str) -> Mapping[str, Any]:
        """See `Lab`."""
        with self._changed:
            head = self._told(self._head(run_id))
        result = self._runs.result(run_id) if head["status"] == "done" else None
        return {"run": head, "result": result}

    def data(self) -> Mapping[str, Any]:
        """See `Lab`."""
        self._files.there()  # a slow disk holds up nobody: looked at before the lock is taken
        with self._changed:
            known, unknown = self._files.told(), self._files.unknown()
            if unknown:
                self._enqueue(("look", ""), first=True)
        return {
            "folder": str(self._candles[0]),
            "reading": bool(unknown),
            "files": known,
            "compiled": find_spec("numba") is not None,
            "candles_max": CANDLES_MAX,
            "coins_max": COINS_MAX,
            "defaults": params_as_text(LadderParams()),
        }

    def history(self, symbol: str, ladder: Mapping[str, Any], *, ask: bool) -> Mapping[str, Any]:
        """See `Lab`."""
        files = {name: stamp for name, (stamp, of) in self._files.there().items() if of == symbol}
        if not files:
            return _past("none")
        key, job = history_job(files, ladder)
        figures = self._histories.known(key)
        if figures:
            return _past("known", figures)
        with self._changed:
            if key in self._failed:
                return {**_past("failed"), **self._failed[key]}
            if not self._runs_line.has(("history", key)):
                if not ask:
                    return _past("unknown")
                if len(self._asked) >= QUEUE_MAX:
                    raise CommandRefused("lab_busy", "Too many ladders are being looked at; wait for one of them.")
                self._asked[key] = job
                self._enqueue(("history", key), first=True)
        return _past("working")

    def sweeps(self) -> Mapping[str, Any]:
        """See `Lab`."""
        nothing: Mapping[str, Any] = {"state": "known", "code": None, "what": None, "told": {"sweeps": []}}
        return {**(self._asked_of_studies({"kind": "studies"}) or nothing), "search": self._search.told()}

    def sweep(self, name: str, x: str, y: str, figure: str) -> Mapping[str, Any]:
        """See `Lab`."""
        told = self._asked_of_studies({"kind": "study", "name": name, "x": x, "y": y, "figure": figure})
        if told is None:
            raise CommandRefused("unknown_sweep", "There is no such search.", status=404)
        return told

    def ladder(self, name: str, number: int) -> Mapping[str, Any]:
        """See `Lab`."""
        self._files.there()
        with self._changed:
            files = self._files.looked_at()
        told = self._asked_of_studies({"kind": "ladder", "name": name, "number": number}, files)
        if told is None:
            raise CommandRefused("unknown_sweep", "There is no such search.", status=404)
        return told

    def _asked_of_studies(
        self, job: Mapping[str, Any], candles: Sequence[Sequence[Any]] | None = None
    ) -> Mapping[str, Any] | None:
        """What the worker read last, while it reads again what has changed; None where nothing was ever searched.

        What it found on `candles` never changes.
        """
        file = self._studies
        if not file.exists():
            return None
        stamp = [stamp_of(one) for one in (file, file.with_name(file.name + "-wal")) if one.exists()]
        key = json.dumps(job, sort_keys=True)
        with self._changed:
            known = self._read.get(key)
            fresh = known is not None and (known.stamp == stamp or time.monotonic() - known.at_s < _STUDY_KEPT_S)
            fresh |= known is not None and candles is not None and known.told is not None
            if not fresh and key not in self._asked:
                if len(self._asked) >= QUEUE_MAX:
                    raise CommandRefused("lab_busy", "Too much is being looked at; wait for some of it.")
                self._asked[key] = {**job, "db": str(file), "stamp": stamp, "files": candles}
                self._enqueue(("read", key), first=True)
        if known is None:
            return {"state": "working", "code": None, "what": None, "told": None}
        state = "failed" if known.told is None else "known"
        return {"state": state, "code": known.code, "what": known.what, "told": known.told}

    # -- wishes

    def begin(self, wish: LabWish) -> Mapping[str, Any]:
        """See `Lab`."""
        params = checked(wish)
        names = self._named(wish)
        with self._changed, _disk():
            if sum(head["status"] == "queued" for head in self._runs.heads.values()) >= QUEUE_MAX:
                raise CommandRefused("lab_busy", f"{QUEUE_MAX} runs wait already; cancel one or wait.")
            if not self._runs.make_room(RUNS_MAX):
                raise CommandRefused(
                    "lab_full", f"{RUNS_MAX} runs are kept, and each has a name or waits; delete one first."
                )
            run_id = self._runs.new(
                {
                    **asdict(wish),
                    "symbols": list(wish.symbols),
                    "ladder": params_as_text(params),
                    "files": names,
                    "kept": bool(wish.name),
                    "status": "queued",
                    "made_ms": _now_ms(),
                    "ended_ms": None,
                    "error": None,
                    "summary": None,
                    "candles": None,
                    "data": None,
                }
            )
            self._enqueue(("run", run_id))
        return {"id": run_id}

    def search(self, wish: SearchWish) -> None:
        """See `Lab`."""
        job = search_job(wish)
        self._search.begin({**job, "files": self._named(wish), "db": str(self._studies)})

    def stop_search(self) -> None:
        """See `Lab`."""
        self._search.stop()

    def cancel(self, run_id: str) -> None:
        """See `Lab`."""
        with self._changed:
            if self._head(run_id)["status"] in OVER:
                return
            line = self._runs_line
            if ("run", run_id) in line.queue:
                line.queue.remove(("run", run_id))
                with _disk():
                    self._over(run_id, "cancelled")
                return
            process = line.working[1] if line.working and line.working[0] == ("run", run_id) else None
        if process is not None:
            process.end()

    def rename(self, run_id: str, name: str) -> None:
        """See `Lab`."""
        with self._changed, _disk():
            self._head(run_id)
            self._runs.change(run_id, name=name, kept=bool(name))

    def delete(self, run_id: str) -> None:
        """See `Lab`."""
        self.cancel(run_id)
        with self._changed, _disk():
            self._head(run_id)
            self._runs.delete(run_id)

    # -- the threads

    def _work(self, line: _Line) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or line.queue)
                if self._stopped:
                    return
                job = line.queue.popleft()
                process = LabProcess(self._command)
                line.working = job, process
            try:
                self._do(job, process)
            except OSError as error:
                # A full disk or a vanished folder ends this job, not the next.
                _log.error("the Lab could not write", what=str(error))
                # What is told in memory counts; it cannot be written down just now.
                with self._changed, contextlib.suppress(OSError):
                    self._note_failure(job, WorkerFailed("no_disk", str(error)))
            finally:
                with self._changed:
                    line.working = None

    def _do(self, job: Job, process: LabProcess) -> None:
        kind, key = job
        tell: Callable[[int, int], None] = lambda done, of: None  # noqa: E731
        if kind == "look":
            asked: dict[str, Any] = {"files": sorted(self._files.unknown())}
        elif kind in ("history", "read"):
            asked = self._asked[key]
        else:
            with self._changed:
                if key not in self._runs.heads:
                    return
                self._runs.change(key, status="running")
                asked = self._job_of(self._runs.heads[key])

            def tell(done: int, of: int) -> None:
                self._progress[key] = done, of

        try:
            answer = process.do({"kind": kind, **asked}, tell)
        except WorkerFailed as error:
            with self._changed:
                self._note_failure(job, error)
            return
        with self._changed:
            self._note_answer(job, answer)

    def _job_of(self, head: Mapping[str, Any]) -> dict[str, Any]:
        told = {name: head[name] for name in ("files", "from_ms", "to_ms", "ladder", "budget")}
        return {**told, "rules_ms": head.get("rules_ms"), "result": str(self._runs.result_file(head["id"]))}

    def _note_answer(self, job: Job, answer: Mapping[str, Any]) -> None:
        kind, key = job
        if kind == "look":
            self._files.note(answer["files"])
        elif kind == "history":
            self._asked.pop(key, None)
            self._histories.keep(key, answer)
        elif kind == "read":
            self._keep_read(key, answer, None, None)
        elif key in self._runs.heads:
            summary = {name: answer["summary"][name] for name in _SUMMARY}
            self._over(key, "done", summary=summary, candles=answer["candles"], data=answer["data"])
        else:
            self._runs.result_file(key).unlink(missing_ok=True)

    def _note_failure(self, job: Job, failed: WorkerFailed) -> None:
        kind, key = job
        code, what = failed.code, failed.said
        if kind == "run":
            if key in self._runs.heads:
                status = "interrupted" if self._stopped else "cancelled" if code == "cancelled" else "failed"
                error = failed.told if status == "failed" else None
                self._over(key, status, error=error)
            return
        if not self._stopped:
            _log.warning("the Lab's worker failed", job=kind, code=code, what=what)
        if kind == "history":
            self._asked.pop(key, None)
            self._failed[key] = {"code": code, "where": failed.where, "what": what or code}
        elif kind == "read":
            self._keep_read(key, None, code, what or code)
        else:
            # Not asked again and again: what could not be looked at is told as a problem.
            told = {"problem": what or code, "problem_code": "not_looked_at"}
            self._files.note(dict.fromkeys(self._files.unknown(), told))

    def _over(self, run_id: str, status: str, **values: Any) -> None:
        self._progress.pop(run_id, None)
        self._runs.change(run_id, status=status, ended_ms=_now_ms(), **values)

    # -- helpers

    def _enqueue(self, job: Job, *, first: bool = False) -> None:
        """Once; what a person waits for on a dialog goes before long runs."""
        line = self._looks_line if job[0] in _LOOKS else self._runs_line
        if line.has(job):
            return
        if first:
            line.queue.appendleft(job)
        else:
            line.queue.append(job)
        self._changed.notify_all()

    def _head(self, run_id: str) -> dict[str, Any]:
        head = self._runs.heads.get(run_id)
        if head is None:
            raise CommandRefused("unknown_run", "There is no such run.", status=404)
        return head

    def _told(self, head: Mapping[str, Any]) -> dict[str, Any]:
        done, of = self._progress.get(head["id"], (0, 0))
        progress = 1.0 if head["status"] == "done" else round(done / of, 3) if of else 0.0
        told = {name: value for name, value in head.items() if name not in _UNTOLD}
        # An older mTrade kept less of what went wrong.
        error = head["error"] and {**WorkerFailed("", "").told, **head["error"]}
        return told | {"progress": progress, "error": error}

    def _named(self, wish: LabWish) -> list[str]:
        """The files of the wish. Errors: `CommandRefused`."""
        self._files.there()
        with self._changed:
            return self._files.of(wish.symbols, wish.interval_ms)

    def _keep_read(self, key: str, told: Mapping[str, Any] | None, code: str | None, what: str | None) -> None:
        stamp = self._asked.pop(key)["stamp"]
        self._read.pop(key, None)
        self._read[key] = _Answer(stamp, time.monotonic(), told, code, what)
        while len(self._read) > _READ_MAX:
            del self._read[next(iter(self._read))]


def _past(state: str, figures: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is known of a ladder's past, before what went wrong with it."""
    return {"state": state, "figures": figures, "code": None, "where": None, "what": None}


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """A disk that takes nothing refuses the wish, with its reason."""
    try:
        yield
    except OSError as error:
        what = str(error)
        raise CommandRefused(
            "no_disk", f"It could not be written: {what}", status=503, values={"what": what}
        ) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
