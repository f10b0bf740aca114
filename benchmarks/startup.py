"""From the process's start to READY, and to the page that its one-time link opens. Aim: at most 2 s.

As a person starts it, on paper, made-up prices, an empty data directory; the environment is installed already.
"""

import http.client
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import report

_ROOT = Path(__file__).resolve().parent.parent
_AIM_S = 2.0
_OK = 200
_PATIENCE_S = 20.0


def measure(folder: Path, short: bool) -> report.Figures:
    """Middles of some starts, each in a data directory of its own; one more start over an existing one."""
    starts = [_start(folder / str(number)) for number in range(1 if short else 5)]
    again = [_start(folder / "0")]
    return {
        "aim_s": _AIM_S,
        "starts": len(starts),
        "ready_s": round(statistics.median(ready for ready, _ in starts), 2),
        "page_s": round(statistics.median(page for _, page in starts), 2),
        "page_again_s": round(again[0][1], 2),
    }


def _start(data_dir: Path) -> tuple[float, float]:
    """(seconds until READY, until the page was served) of one start."""
    command = [sys.executable, str(_ROOT / "mTrade.py"), "serve", "--no-browser", "--port", "0", "--feed", "synthetic"]
    began_s = time.perf_counter()
    data_dir.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*command, "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env={**os.environ, "MTRADE_ENV_FILE": ""},
        creationflags=subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0,
    )
    try:
        _told(process, "READY ")
        ready_s = time.perf_counter() - began_s
        _open_page(_told(process, "Open "))
        return ready_s, time.perf_counter() - began_s
    finally:
        process.send_signal(signal.SIGTERM if os.name == "posix" else signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined]
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _told(process: "subprocess.Popen[str]", mark: str) -> str:
    """What stands behind the mark in the next line that has it."""
    for line in process.stdout or ():
        if line.startswith(mark):
            return line.removeprefix(mark).strip()
    raise AssertionError(f"it never said {mark}")


def _open_page(link: str) -> None:
    """The link gives a session, the session the page."""
    where = urlsplit(link)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_PATIENCE_S)
    try:
        cookie = _get(connection, f"{where.path}?{where.query}", {}).partition(";")[0]
        _get(connection, "/", {"Cookie": cookie})
    finally:
        connection.close()


def _get(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> str:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != _OK:
        raise AssertionError(f"the page answered {answer.status}")
    return answer.getheader("Set-Cookie", "")


if __name__ == "__main__":
    sys.exit(report.main("startup", measure))
