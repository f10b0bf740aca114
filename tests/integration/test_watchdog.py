"""The watchdog over real processes: a stand-in for the engine that behaves as told, and the real one once."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from autotrader_v2.app import instance, wishes
from autotrader_v2.app.cli import main
from autotrader_v2.app.heartbeat import read_sign
from autotrader_v2.app.restart import is_watched, restart_watched, stop_watched
from autotrader_v2.app.values import ROOT
from autotrader_v2.app.vigilance import Patience
from autotrader_v2.app.watchdog import Watchdog, engine_command, sell_out_command
from autotrader_v2.app.wishes import Wish
from autotrader_v2.application.events import Alert, Priority
from tests.processes import Serving, Started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is told by signals")

LIMIT_S = 90.0
QUICK = Patience(
    look_every_s=0.1, first_beat_s=30.0, silent_s=3.0, hung_s=4.0, unwell_s=0.5, failures_max=3, back_off_max_s=0.2
)
# A process that lives needs less to write its first line, on a crowded machine too.
SOON = replace(QUICK, first_beat_s=8.0)


class Told:
    """A notifier that keeps what it was told."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def alert(self, alert: Alert) -> None:
        """See the port."""
        self.alerts.append(alert)

    @property
    def codes(self) -> list[str]:
        """What was told, in order."""
        return [alert.code for alert in self.alerts]


class Run:
    """A watchdog in a thread, over stand-ins in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = Told()
        self.stopping = threading.Event()
        self.flags: list[dict[str, str]] = []
        self.exit_code: int | None = None
        self.thread = threading.Thread(target=lambda: None)

    def start(
        self,
        *manners: str,
        dead_man_minutes: float = 0,
        seller: str = "import sys; sys.exit(0)",
        patience: Patience = QUICK,
    ) -> None:
        """Watch over lives of these manners."""
        (self.folder / "manners").write_text(" ".join(manners), encoding="utf-8")

        def engine(flags: Mapping[str, str], nonce: str, *, open_browser: bool) -> list[str]:
            self.flags.append(dict(flags))
            return [sys.executable, "-m", "tests.integration.engine_double", str(self.folder), nonce]

        def sell_out(_flags: Mapping[str, str]) -> list[str]:
            return [sys.executable, "-c", f"open({str(self.folder / 'sold')!r}, 'a').write('x')\n{seller}"]

        dog = Watchdog(
            self.folder,
            {"seed": "7"},
            self.told,
            self.stopping,
            dead_man_minutes=dead_man_minutes,  # type: ignore[arg-type]
            open_browser=False,
            patience=patience,
            engine=engine,
            sell_out=sell_out,
        )

        def run() -> None:
            self.exit_code = dog.run()

        self.thread = threading.Thread(target=run)
        self.thread.start()

    @property
    def lives(self) -> list[str]:
        """The manners of the lives so far."""
        path = self.folder / "lives"
        return [line.split()[0] for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait for it."""
        ends = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < ends, (what, self.lives, self.told.codes)
            time.sleep(0.02)

    def end(self) -> int | None:
        """Wait for the watchdog's end."""
        self.thread.join(LIMIT_S)
        assert not self.thread.is_alive(), (self.lives, self.told.codes)
        return self.exit_code


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A watchdog that leaves nothing behind."""
    monkeypatch.chdir(ROOT)
    one = Run(tmp_path)
    yield one
    one.stopping.set()
    one.thread.join(LIMIT_S)


def test_p13_a_crashed_engine_is_started_again_and_the_person_is_told(run: Run) -> None:
    """A new life, not the old one's words; then Ctrl-C ends both cleanly."""
    run.start("crashes", "well")
    run.until("a second life", lambda: run.lives == ["crashes", "well"])
    run.until("it beats", lambda: (sign := read_sign(run.folder)) and sign.beat.vitals.phase == "running")
    run.stopping.set()
    assert run.end() == 0
    assert run.told.codes == ["watchdog_restarting"]
    assert run.told.alerts[0].values == {"why": "exit code 9", "seconds": "1"} or run.told.alerts[0].values == {
        "why": "exit code 9",
        "seconds": "0.2",
    }
    sign = read_sign(run.folder)
    assert sign
    assert sign.beat.vitals.phase == "stopped", "it had its last word"


def test_p13_a_hung_engine_is_told_of_ended_and_started_again(run: Run) -> None:
    """It ignores SIGTERM; only its silence speaks."""
    run.start("hangs", "well")
    run.until("a second life", lambda: run.lives == ["hangs", "well"])
    assert run.told.codes == ["watchdog_silent", "watchdog_restarting"]
    assert all(alert.priority is Priority.HIGH for alert in run.told.alerts)


def test_p13_a_start_that_never_beats_is_ended_too(run: Run) -> None:
    """Hung before the first beat."""
    run.start("never", "well", patience=SOON)
    run.until("a second life", lambda: run.lives == ["never", "well"])


def test_an_engine_that_crashes_at_every_start_is_given_up_loudly(run: Run) -> None:
    """After the agreed number of short lives; the exit code says so."""
    run.start("crashes")
    assert run.end() == 1
    assert run.lives == ["crashes"] * 4
    assert run.told.codes == ["watchdog_restarting"] * 3 + ["watchdog_gave_up"]
    assert [alert.priority for alert in run.told.alerts] == ["high", "medium", "medium", "high"]


def test_refused_settings_are_not_tried_again(run: Run) -> None:
    """Exit code 2 would come again."""
    run.start("refused")
    assert run.end() == 1
    assert run.lives == ["refused"]


def test_a_clean_stop_of_the_engine_ends_the_watchdog(run: Run) -> None:
    """The person stopped it on the page: nobody starts it again."""
    run.start("leaves")
    assert run.end() == 0
    assert run.told.codes == []


def test_e13_an_engine_that_is_unwell_is_told_of_but_left_alive(run: Run) -> None:
    """It may mend; ending it would not help."""
    run.start("failed")
    run.until("told", lambda: run.told.codes)
    assert run.told.codes == ["watchdog_unwell"]
    assert run.lives == ["failed"]


def test_stop_and_restart_go_through_the_watchdog(run: Run) -> None:
    """Restart takes new flags over the old ones; stop ends both, also in the pause between two lives."""
    run.start("well", "well", "crashes")
    run.until("it lives", lambda: read_sign(run.folder))
    wishes.leave(run.folder, Wish(restart=True, flags={"port": "0"}))
    run.until("a second life", lambda: len(run.lives) == 2)
    assert run.flags == [{"seed": "7"}, {"seed": "7", "port": "0"}]
    wishes.leave(run.folder, Wish(restart=False))
    assert run.end() == 0
    assert run.told.codes == []


def test_an_old_wish_is_nobodys(run: Run) -> None:
    """One that was left before the watchdog came does not stop it."""
    wishes.leave(run.folder, Wish(restart=False))
    run.start("well")
    run.until("it lives", lambda: read_sign(run.folder))
    time.sleep(0.5)
    assert run.thread.is_alive()


def test_the_dead_man_sells_when_the_engine_cannot_be_brought_back(run: Run) -> None:
    """Given up first, sold after the owner's time, told, and over."""
    run.start("crashes", dead_man_minutes=0.05)
    assert run.end() == 0
    assert (run.folder / "sold").read_text() == "x"
    assert run.told.codes[-1] == "dead_man_selling"


def test_the_dead_man_tries_again_when_selling_fails(run: Run) -> None:
    """A busy lock, no network: later it may work."""
    run.start(
        "refused",
        dead_man_minutes=0.01,
        seller=f"import sys; sys.exit(len(open({str(run.folder / 'sold')!r}).read()) < 3)",
    )
    (run.folder / "sold").touch()
    assert run.end() == 0
    assert (run.folder / "sold").read_text() == "xxx"


def test_without_that_wish_nothing_is_ever_sold(run: Run) -> None:
    """DEAD_MAN=off is the default."""
    run.start("refused")
    assert run.end() == 1
    assert not (run.folder / "sold").exists()


def test_no_secret_is_in_the_commands_of_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody on the machine can read a command line; keys travel in the environment."""
    monkeypatch.setenv("API_SECRET", "canary-secret")
    monkeypatch.setenv("NOTIFY_WEBHOOK_URL", "https://canary.example/x")
    flags = {"data_dir": "/tmp/мои данные", "port": "0"}
    for command in (engine_command(flags, "n", open_browser=False), sell_out_command(flags)):
        assert "canary" not in " ".join(command)
        assert command[-4:] == ["--data-dir", "/tmp/мои данные", "--port", "0"] or "--no-browser" in command


# -- the real one


def test_e16_health_tells_of_an_engine_at_work_and_of_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """For monitors: the exit code and one JSON object."""
    folder = tmp_path / "data"
    ask = ["health", "--json", "--mode", "paper", "--data-dir", str(folder)]
    assert main(ask) == 1
    flags = ["--feed", "synthetic", "--data-dir", str(folder)]
    with Serving(*flags, log=tmp_path / "log", AVAILABLE_SYMBOLS="ETH") as engine:
        ends = time.monotonic() + LIMIT_S
        while main(ask) != 0:
            assert time.monotonic() < ends, capfd.readouterr().out
            time.sleep(0.2)
        capfd.readouterr()
        assert main(ask) == 0
        told = json.loads(capfd.readouterr().out)
        assert (told["well"], told["phase"], told["pid"]) == (True, "running", engine.process.pid)
        assert engine.stop() == 0
    assert main(ask) == 1
    assert '"phase": "stopped"' in capfd.readouterr().out


def test_p13_the_real_engine_killed_under_its_watchdog_comes_back_and_stops_on_request(tmp_path: Path) -> None:
    """SIGKILL, a new life, `restart`, `stop`: all through the data folder; a second watchdog is refused."""
    folder = tmp_path / "данные 1"
    flags = ["--no-browser", "--port", "0", "--feed", "synthetic", "--data-dir", str(folder)]
    with Started("watchdog", *flags, log=tmp_path / "log", AVAILABLE_SYMBOLS="ETH") as dog:
        first = instance.holder_of(folder)
        assert first
        assert main(["watchdog", *flags]) == 1, "one watchdog per folder"
        assert is_watched(folder)
        os.kill(first.process.pid, signal.SIGKILL)
        ends = time.monotonic() + LIMIT_S
        while (second := instance.holder_of(folder)) is None or second.process == first.process:
            assert time.monotonic() < ends
            time.sleep(0.05)
        restart_watched(folder, {"speed": "2"}, lambda _: None)
        third = instance.holder_of(folder)
        assert third
        assert third.process not in (first.process, second.process)
        assert instance.last_flags(folder)["speed"] == "2"
        stop_watched(folder, lambda _: None)
        assert dog.process.wait(LIMIT_S) == 0
    assert instance.is_free(folder)
    sign = read_sign(folder)
    assert sign
    assert sign.beat.vitals.phase == "stopped"


def test_an_update_that_ends_the_watchdog_brings_it_back_with_restart(tmp_path: Path) -> None:
    """The door stops everything before it replaces packages; the restart that follows starts a watchdog, not less."""
    folder = tmp_path / "data"
    flags = ["--no-browser", "--port", "0", "--feed", "synthetic", "--data-dir", str(folder)]
    with Started("watchdog", *flags, log=tmp_path / "log", AVAILABLE_SYMBOLS="ETH") as dog:
        assert main(["stop", "--for-update", "--data-dir", str(folder)]) == 0
        assert dog.process.wait(LIMIT_S) == 0
    assert not is_watched(folder)
    again = ["restart", "--no-browser", "--data-dir", str(folder)]
    with Started(*again, log=tmp_path / "log", AVAILABLE_SYMBOLS="ETH") as dog:
        assert is_watched(folder)
        assert dog.stop() == 0
    with Started(*again, log=tmp_path / "log", AVAILABLE_SYMBOLS="ETH") as plain:
        assert not is_watched(folder), "asked once"
        assert plain.stop() == 0


def test_sigterm_to_the_watchdog_stops_its_engine_cleanly(tmp_path: Path) -> None:
    """As a log-off or `systemctl stop` does it."""
    flags = ["--no-browser", "--port", "0", "--feed", "synthetic", "--data-dir", str(tmp_path / "data")]
    with Started("watchdog", *flags, log=tmp_path / "log", AVAILABLE_SYMBOLS="ETH") as dog:
        assert dog.stop() == 0
    assert instance.is_free(tmp_path / "data")
    sign = read_sign(tmp_path / "data")
    assert sign
    assert sign.beat.vitals.phase == "stopped"
