"""Where every thread stands, written down when something hangs or crashes: files, lines and functions, no values."""

import faulthandler
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

LOGS = "logs"
_FATAL = "fatal.txt"
_kept_open: list[IO[str]] = []  # faulthandler keeps only the file's number


def install(data_dir: Path) -> None:
    """Have crashes of Python itself, and a watchdog's question (SIGUSR2; not on Windows), answered with all stacks."""
    with suppress(OSError):  # a full disk must not stop a trader from starting
        stream = _open(data_dir / LOGS / _FATAL, "a")
        _kept_open.append(stream)
        faulthandler.enable(stream, all_threads=True)
        if sys.platform != "win32":
            faulthandler.register(signal.SIGUSR2, stream, all_threads=True)


def dump(data_dir: Path) -> Path | None:
    """Write all stacks into `logs/stuck-<utc>.txt`; `None`: no file could be made, they went to standard error."""
    path = data_dir / LOGS / f"stuck-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
    try:
        with _open(path, "w") as stream:
            faulthandler.dump_traceback(stream, all_threads=True)
    except OSError:
        faulthandler.dump_traceback(sys.stderr, all_threads=True)
        return None
    return path


def _open(path: Path, mode: str) -> IO[str]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if mode == "a" else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), mode, encoding="utf-8")
