"""One job in a process of its own: of low priority, without secrets, gone when this program is gone."""

import contextlib
import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autotrader_v2.app.values import ROOT
from autotrader_v2.infrastructure.environment import helper_environment

COMMAND: tuple[str, ...] = (sys.executable, "-X", "utf8", "-m", "autotrader_v2.app.lab_worker")
_LAST_LINES = 12
_WAIT_S = 5.0
if sys.platform == "win32":
    _FLAGS = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
else:
    _FLAGS = 0


class WorkerFailed(Exception):
    """The worker told why it could not (`code`), or ended without a word; `said`: its last lines.

    `where`: what it is about in no language, such as a file and its row; empty where that is not known. `reason` with
    `values`: what is wrong, for catalogues; empty where only `said` tells it.
    """

    def __init__(
        self, code: str, said: str, where: str = "", reason: str = "", values: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(said)
        self.code, self.said, self.where = code, said, where
        self.reason, self.values = reason, dict(values or {})

    @property
    def told(self) -> dict[str, Any]:
        """For the page."""
        return {"code": self.code, "what": self.said, "where": self.where, "reason": self.reason, "values": self.values}


class LabProcess:
    """A worker that is asked one thing. `end` may come from another thread, at any time."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = self._stop_wanted = False
        self.ended = False

    def do(self, job: Mapping[str, Any], on_progress: Callable[[int, int], None]) -> dict[str, Any]:
        """Start it, wait for its answer. Errors: `WorkerFailed`, also when it was ended."""
        with self._lock:
            if self.ended:
                raise WorkerFailed("cancelled", "")
            child = self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=ROOT,
                env=helper_environment(),
                creationflags=_FLAGS,
            )
        said: deque[str] = deque(maxlen=_LAST_LINES)
        listener = threading.Thread(target=_listen, args=(child.stderr, said), name="lab-words", daemon=True)
        listener.start()
        answer: dict[str, Any] | None = None
        try:
            answer = self._talk(child, job, on_progress)
        except (OSError, ValueError) as error:
            said.append(f"{type(error).__name__}: {error}")
        finally:
            self._finish(child)
        listener.join(_WAIT_S)
        if answer is None:
            code = "cancelled" if self.ended else "crashed"
            raise WorkerFailed(code, "\n".join(said) or f"exit code {child.returncode}")
        if "failed" in answer:
            what, where, reason = (str(answer.get(name, "")) for name in ("what", "where", "reason"))
            raise WorkerFailed(str(answer["failed"]), what, where, reason, answer.get("values"))
        return answer

    def stop(self) -> None:
        """Ask it to end soon and to keep what is done; a search does, anything else is as if it were cancelled."""
        with self._lock:
            self._stop_wanted = True
            if self._asked and self._child is not None:
                _say_stop(self._child)

    def end(self) -> None:
        """Stop the work now."""
        with self._lock:
            self.ended = True
            if self._child is not None and self._child.poll() is None:
                self._child.kill()

    def _talk(
        self, child: "subprocess.Popen[bytes]", job: Mapping[str, Any], on_progress: Callable[[int, int], None]
    ) -> dict[str, Any] | None:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101  (both are pipes)
        child.stdin.write(json.dumps(job).encode() + b"\n")
        child.stdin.flush()
        with self._lock:
            self._asked = True
            if self._stop_wanted:
                _say_stop(child)
        for line in child.stdout:
            told = json.loads(line)
            if "done" not in told:
                return dict(told)
            on_progress(told["done"], told["of"])
        return None

    def _finish(self, child: "subprocess.Popen[bytes]") -> None:
        """It ends by itself when its input does; if not, it is ended."""
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # it is gone already
        try:
            child.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        with self._lock:
            self._child = None


def _say_stop(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin is not None  # noqa: S101  (it is a pipe)
    with contextlib.suppress(OSError, ValueError):  # it has ended by itself meanwhile
        child.stdin.write(b".")
        child.stdin.flush()


def _listen(stream: Any, said: "deque[str]") -> None:
    """Keep the last lines; the pipe never fills up."""
    with stream:
        for line in stream:
            said.append(line.decode("utf-8", "replace").rstrip()[:500])
