"""The system's own key ring at work: GNOME's, over a session bus of the test's. Skipped where they are not installed.

Debian, Ubuntu: `apt install gnome-keyring dbus`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.app.secret_store import FILE_NAME
from autotrader_v2.simulator import Simulator
from tests.canary import KEY, SECRET, TOKEN, no_secret_in
from tests.engine import PATIENCE_S, a_price
from tests.integration.test_keys_command import ETH, keys
from tests.processes import Serving

_NEEDED = ("dbus-daemon", "dbus-send", "gnome-keyring-daemon")
_OWNED = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner")
_ENDS_WITHIN_S = 20

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not all(map(shutil.which, _NEEDED)), reason=f"needs {' and '.join(_NEEDED)}"
)

Environment = dict[str, str]


class Ring:
    """A home with a key ring, and the bus it answers on. Each daemon is a child that ends with the test."""

    def __init__(self, folder: Path) -> None:
        (folder / "run").mkdir(mode=0o700, parents=True)
        self.environment: Environment = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run")}
        self._children: list[subprocess.Popen[str]] = []
        bus = self._begin("dbus-daemon", "--session", "--nofork", "--print-address")
        assert bus.stdout is not None
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()

    def unlocked(self, word: str) -> None:
        """The ring answers, and is open."""
        daemon = self._begin("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
        assert daemon.stdin is not None
        daemon.stdin.write(word)
        daemon.stdin.close()
        self._wait()

    def locked(self) -> None:
        """The ring answers, and nobody opened it: as after a start without a log-in."""
        self._begin("gnome-keyring-daemon", "--foreground", "--components=secrets")
        self._wait()

    def end(self) -> None:
        """Nothing answers any more."""
        while self._children:
            child = self._children.pop()
            child.terminate()
            child.wait(_ENDS_WITHIN_S)

    def _wait(self) -> None:
        service, path, method = _OWNED
        asked = ("dbus-send", "--session", "--print-reply", f"--dest={service}", path, method)
        ends_s = time.monotonic() + PATIENCE_S
        while (
            "boolean true"
            not in subprocess.run(
                [*asked, "string:org.freedesktop.secrets"],
                env={**os.environ, **self.environment},
                capture_output=True,
                text=True,
                check=False,
            ).stdout
        ):
            assert time.monotonic() < ends_s, "the key ring never came"
            time.sleep(0.05)

    def _begin(self, *command: str) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            command,
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._children.append(child)
        return child


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    ring = Ring(tmp_path / "home")
    try:
        yield ring
    finally:
        ring.end()


@pytest.mark.slow
def test_w9_a_start_trades_with_keys_of_a_real_key_ring(ring: Ring, tmp_path: Path) -> None:
    """Kept, read back, traded with and forgotten; no file holds them in clear, the ring's own included."""
    ring.unlocked("a made-up word")
    data = tmp_path / "data"
    folder = ("--data-dir", str(data))
    told = keys("set", *folder, typed=f"{KEY}\n{SECRET}\n", **ring.environment)
    assert told.returncode == 0 and "Kept in the system's key ring" in told.stdout, told.stderr
    assert KEY not in (data / FILE_NAME).read_text("utf-8")
    with Simulator([ETH], {"USDT": 1000}, key=KEY, secret=SECRET) as sim:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        options = {"GATE_HOST": sim.url, "AVAILABLE_SYMBOLS": "ETH", "LOG_LEVEL": "DEBUG", **ring.environment}
        with Serving("--mode", "sandbox", *folder, log=tmp_path / "serve.log", token=TOKEN, **options) as serving:
            serving.post("/api/autotrader/switch", base_currency="ETH", mode="on")

            def bought() -> bool:
                sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
                return bool(serving.cycle("ETH")["state"] == "ACTIVE")

            serving.until("a start buy", bought)
            assert serving.stop() == 0
    assert "the system's key ring" in keys("show", *folder, **ring.environment).stdout
    assert keys("forget", "--all", "--yes", *folder, **ring.environment).returncode == 0
    assert "API_KEY                not set" in keys("show", *folder, **ring.environment).stdout
    no_secret_in(tmp_path, *serving.answers, "".join(serving.said))


def test_w9_a_locked_key_ring_is_told_and_nothing_is_lost(ring: Ring, tmp_path: Path) -> None:
    """Nobody is there to unlock it: `keys set` says so and what to do, and what was kept before is still there."""
    folder = ("--data-dir", str(tmp_path / "data"))
    ring.unlocked("a made-up word")
    assert keys("set", *folder, typed=f"{KEY}\n{SECRET}\n", **ring.environment).returncode == 0
    ring.end()
    again = Ring(tmp_path / "other")
    try:
        shutil.copytree(tmp_path / "home" / ".local", tmp_path / "other" / ".local")
        again.locked()
        refused = keys("set", *folder, typed=f"{KEY}\n{SECRET}\n", **again.environment)
        assert refused.returncode == 1
        assert "may be locked" in refused.stderr and "nothing is bought or sold" in refused.stderr
    finally:
        again.end()
    assert "API_KEY                from the system's key ring" in keys("show", *folder).stdout
