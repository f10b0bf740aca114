"""The unit that `autostart on` writes, under a real user manager of systemd; `python -m tests.under_systemd FOLDER`.

As root in a mount namespace of its own: systemd must believe that it booted this machine (`/run/systemd/system`), and
`tests/integration/test_under_systemd.py` makes it so.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from tests.engine import PATIENCE_S

_MANAGER = "/lib/systemd/systemd"
_SOON = "[Service]\nRestartSec=1\n"


class _User:
    """A log-in: a home, a bus, a manager. What it runs ends with it."""

    def __init__(self, folder: Path) -> None:
        run = folder / "run"
        run.mkdir(mode=0o700, parents=True)
        self.home = folder
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(run),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={run}/bus",
            "MTRADE_ENV_FILE": "",
            "PYTHONUTF8": "1",
        }
        self.environment.pop("XDG_CONFIG_HOME", None)
        bus = ("dbus-daemon", "--session", f"--address=unix:path={run}/bus", "--nofork", "--nopidfile")
        self._children = [self._begin(*bus)]
        until("the bus listens", lambda: (run / "bus").exists())
        self._children.append(self._begin(_MANAGER, "--user"))
        until("the manager is up", lambda: self.systemctl("is-system-running").strip() in ("running", "degraded"))

    def systemctl(self, *words: str) -> str:
        """What it says."""
        return self._said("systemctl", "--user", *words).stdout

    def shown(self, name: str) -> str:
        """A property of the service."""
        return self.systemctl("show", "--property", name, "--value", "mtrade").strip()

    def autostart(self, *words: str) -> int:
        """Its exit code."""
        return self._said(sys.executable, "mTrade.py", "autostart", *words).returncode

    def end(self) -> None:
        """Log off."""
        for child in reversed(self._children):
            child.terminate()
            child.wait(PATIENCE_S)

    def _said(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )

    def _begin(self, *command: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def play(folder: Path) -> None:
    """Switched on, started, killed, brought back, stopped, switched off. Errors: AssertionError."""
    user, data = _User(folder), folder / "мои данные"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        assert user.autostart("on", "--port", str(port), "--feed", "synthetic", "--data-dir", str(data)) == 0
        assert user.autostart("status") == 0
        soon = folder / ".config" / "systemd" / "user" / "mtrade.service.d" / "soon.conf"
        soon.parent.mkdir()
        soon.write_text(_SOON, encoding="utf-8")
        user.systemctl("daemon-reload")
        user.systemctl("start", "mtrade")
        until("the page answers", lambda: answers(port))
        assert len(engines_of(data)) == 1

        os.kill(int(user.shown("MainPID")), signal.SIGKILL)
        until("systemd brought it back", lambda: user.shown("NRestarts") == "1" and answers(port))
        assert len(engines_of(data)) == 1, "the engine of the watchdog that died is gone"

        user.systemctl("stop", "mtrade")
        assert (user.shown("ActiveState"), user.shown("Result")) == ("inactive", "success")
        assert user.shown("ExecMainStatus") == "0", "it was stopped, not ended"
        assert not engines_of(data) and not answers(port)
        assert user.autostart("off") == 0
        assert "mtrade" not in user.systemctl("list-unit-files")
    finally:
        user.systemctl("stop", "mtrade")
        user.end()


def until(what: str, holds: Callable[[], bool]) -> None:
    """Wait until something holds. The wait is a bound, not an assertion about speed."""
    ends_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends_s, f"never came true: {what}"
        time.sleep(0.1)


def answers(port: int) -> bool:
    """Whether a page is served there; to strangers it says that it knows them not."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == HTTPStatus.UNAUTHORIZED
    except OSError:
        return False
    return False


def engines_of(data: Path) -> list[int]:
    """The processes that serve this data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # it ended meanwhile, or is no process
            continue
        if "serve" in words and str(data) in words:
            found.append(int(entry.name))
    return found


if __name__ == "__main__":
    play(Path(sys.argv[1]))
    print("PLAYED")
