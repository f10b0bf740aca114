"""mTrade's own commands as processes: started, spoken to over HTTP, killed."""

import http.client
import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autotrader_v2.app import settings
from autotrader_v2.app.values import ROOT

# Patience for a crowded machine; whoever waits goes on as soon as it holds.
START_LIMIT_S = 120.0
END_LIMIT_S = 90.0
TOKEN = "a-made-up-token-for-tests"
DOOR = str(ROOT / "mTrade.py")
_POLL_S = 0.05


class Started:
    """A command that prints READY and then serves until stopped. Its output is kept for a failing test.

    `program`: what Python runs instead of `mTrade.py`. `wait` False: returns at once; `ready` waits later.
    """

    def __init__(
        self, *arguments: str, log: Path, program: Sequence[str] = (DOOR,), wait: bool = True, **environment: str
    ) -> None:
        self._log = log.open("ab")
        self.log_path = log
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=settings.environment_with(
                **{"MTRADE_ENV_FILE": "", "NOTIFY_OS": "off", "LADDER": "basic", **environment}
            ),
            encoding="utf-8",
            # Windows sends Ctrl-Break to whole groups: without one of its own the tests would end themselves.
            creationflags=subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = ""
        if wait:
            self.ready()

    def ready(self) -> None:
        """Wait until it says where it serves."""
        self.url = self._ready(self._lines)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            self._lines.put(line)
        self._lines.put("")

    def _ready(self, lines: "queue.Queue[str]") -> str:
        ends = time.monotonic() + START_LIMIT_S
        while (left := ends - time.monotonic()) > 0:
            try:
                line = lines.get(timeout=left)
            except queue.Empty:
                break
            if line.startswith("READY "):
                return line.removeprefix("READY ").strip()
            if not line:
                break
        self.kill()
        raise AssertionError(f"it never said READY; its log ends: {self.log_path.read_text('utf-8')[-3000:]}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()
        self._close()

    def stop(self) -> int:
        """Ask it to end, as Ctrl-C does; returns its exit code."""
        self.process.send_signal(signal.SIGTERM if os.name == "posix" else signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined]
        code = self.process.wait(END_LIMIT_S)
        self._close()
        return code

    def _close(self) -> None:
        self._reader.join(5)
        # A child that outlived it holds its output open: to close what is still read would wait for that child.
        if self.process.stdout is not None and not self._reader.is_alive():
            self.process.stdout.close()
        self._log.close()

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.kill()


class Serving(Started):
    """`serve`, with its API."""

    def __init__(
        self,
        *arguments: str,
        log: Path,
        program: Sequence[str] = (DOOR,),
        wait: bool = True,
        token: str = TOKEN,
        **environment: str,
    ) -> None:
        self._token = token
        # Every answer's head and body, for who looks for secrets in them.
        self.answers: list[bytes] = []
        words = ("serve", "--no-browser", "--port", "0", *arguments)
        super().__init__(*words, log=log, program=program, wait=wait, API_TOKEN=token, **environment)

    def ready(self) -> None:
        """Wait until it trades."""
        super().ready()
        self.until("the engine is there", lambda: self.get("/api/autotrader/stats").get("running"))

    def get(self, path: str) -> dict[str, Any]:
        """Ask; whatever the status, the body."""
        return self._call("GET", path, None)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Command."""
        answer = self._call("POST", path, body)
        assert answer.get("success"), (path, answer)
        return answer

    def cycle(self, currency: str) -> dict[str, Any]:
        """The stats of a currency."""
        cycle: dict[str, Any] = self.get(f"/api/autotrader/stats?currency={currency}")["cycles"][currency]
        return cycle

    def until(self, what: str, holds: Callable[[], object], patience_s: float = 120.0) -> None:
        """Wait until something holds."""
        ends = time.monotonic() + patience_s
        while not holds():
            if time.monotonic() > ends or self.process.poll() is not None:
                raise AssertionError(f"never came true: {what}; the log: {self.log_path.read_text('utf-8')[-4000:]}")
            time.sleep(_POLL_S)

    def _call(self, method: str, path: str, body: dict[str, object] | None) -> dict[str, Any]:
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if body is not None:
            headers["Idempotency-Key"] = secrets.token_hex(8)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            raw = response.read()
            self.answers.append(str(response.headers).encode() + raw)
            answer: dict[str, Any] = json.loads(raw)
            return answer
        finally:
            connection.close()
