"""The doors as a person uses them: real processes, a real `.venv`, real files, odd folder names."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from autotrader_v2.app import instance, process
from autotrader_v2.app.cli import main
from autotrader_v2.app.restart import CannotStop, Stopped, stop_running
from autotrader_v2.app.values import ROOT
from tests.processes import END_LIMIT_S

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

# What the door hands over to in these tests: it tells what it was given and how it runs.
PROGRAM = """
import json, os, sys
def main(arguments):
    import tiny
    print(json.dumps({"arguments": arguments, "pid": os.getpid(), "utf8": sys.flags.utf8_mode,
                      "prefix": sys.prefix, "tiny": tiny.VERSION}))
    return 7
"""


# --- mTrade.py ---


class Door:
    """A copy of mTrade.py in a folder of its own, with a small program behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "autotrader_v2" / "app"
        program.mkdir(parents=True)
        (program.parent / "__init__.py").touch()
        (program / "__init__.py").touch()
        (program / "cli.py").write_text(PROGRAM, encoding="utf-8")
        (folder / "mTrade.py").write_bytes((ROOT / "mTrade.py").read_bytes())
        self.require("1.0")

    @property
    def stamp(self) -> Path:
        """What says that the installation ended well."""
        return self.folder / ".venv" / "mtrade-requirements.txt.stamp"

    def require(self, version: str, *, digest: str = "") -> None:
        """Let the locked requirements be one small package of that version."""
        wheel = a_wheel(self.folder, version)
        digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
        lock = f"tiny @ {wheel.as_uri()} --hash=sha256:{digest}\n"
        (self.folder / "requirements.txt").write_text(lock, encoding="utf-8")

    def open(self, *arguments: str, cwd: Path | None = None) -> "subprocess.Popen[str]":
        """Start it as a person would, with the Python of the machine."""
        command = [getattr(sys, "_base_executable", sys.executable), str(self.folder / "mTrade.py"), *arguments]
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONUTF8", "PYTHONPATH")}
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",  # before it has its own environment it writes as the system does
        )

    def run(self, *arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
        """Start it and wait for its end."""
        started = self.open(*arguments, cwd=cwd)
        out, err = started.communicate(timeout=250)
        return started.returncode, out, err


def a_wheel(folder: Path, version: str) -> Path:
    """Make the smallest package there is."""
    wheel = folder / f"tiny-{version}-py3-none-any.whl"
    about = f"tiny-{version}.dist-info"
    files = {
        "tiny.py": f"VERSION = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={sha(text)},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, f"{about}/RECORD": record + f"{about}/RECORD,,\n"}.items():
            archive.writestr(name, text)
    return wheel


def sha(text: str) -> str:
    """A digest as wheels write it."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    """One door for the tests of this file, in a folder named as people name folders."""
    return Door(tmp_path_factory.mktemp("дом") / "Мой трейд 100%")


def test_the_first_start_installs_and_hands_over(door: Door, tmp_path: Path) -> None:
    """From any folder, arguments and exit code untouched, UTF-8 whatever the system says."""
    started = door.open("serve", "два слова", "--x=1", cwd=tmp_path)
    out, err = started.communicate(timeout=250)
    told = json.loads(out)
    assert started.returncode == 7
    assert told["arguments"] == ["serve", "два слова", "--x=1"]
    assert (told["utf8"], told["tiny"]) == (1, "1.0")
    assert Path(told["prefix"]) == door.folder / ".venv"
    assert "installing" in err
    if sys.platform != "win32":
        assert told["pid"] == started.pid, "the engine is the process that was started: signals reach it"


def test_a_later_start_installs_nothing(door: Door) -> None:
    """What is there is used as it is (what that costs is measured in benchmarks/)."""
    first = json.loads(door.run()[1])
    code, out, err = door.run()
    assert (code, json.loads(out)["prefix"], err) == (7, first["prefix"], "")


def test_an_update_is_installed_and_a_forged_one_is_not(door: Door) -> None:
    """A wrong hash installs nothing, starts nothing, and is tried again with the next start."""
    door.run()
    door.require("2.0", digest="0" * 64)
    code, out, err = door.run()
    assert (code, out) == (1, "")
    assert "DO NOT MATCH THE HASHES" in err
    assert "Nothing was started" in err
    assert not door.stamp.exists()
    door.require("2.0")
    code, out, _ = door.run()
    assert (code, json.loads(out)["tiny"]) == (7, "2.0")


def test_an_interrupted_installation_is_repeated(door: Door) -> None:
    """The stamp comes last; a `.venv` left without pip is made anew."""
    whole = json.loads(door.run()[1])["tiny"]
    door.stamp.unlink()
    for package in (door.folder / ".venv").rglob("site-packages/pip"):
        package.rename(package.with_name("half_a_pip"))
    code, out, _ = door.run()
    assert (code, json.loads(out)["tiny"]) == (7, whole)
    assert door.stamp.exists()
    assert not list((door.folder / ".venv").rglob("half_a_pip"))


def test_two_starts_at_once_do_not_install_into_each_other(door: Door) -> None:
    """A double double-click: the second one waits for the first and finds everything done."""
    door.run()
    door.stamp.unlink()
    both = [door.open(), door.open()]
    said = [one.communicate(timeout=250) for one in both]
    assert [one.returncode for one in both] == [7, 7]
    assert sum("installing" in err for _, err in said) == 1


# --- restart ---


@contextmanager
def a_holder(folder: Path, manner: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the folder."""
    command = [sys.executable, "-m", "tests.integration.holder", str(folder), manner]
    held = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert held.stdout
        assert held.stdout.readline() == "READY\n"
        yield held
    finally:
        held.kill()
        held.communicate()


def rewrite_holder(folder: Path, **changes: object) -> None:
    """Let the control file tell something else."""
    control = folder / instance.CONTROL_NAME
    told = json.loads(control.read_text(encoding="utf-8"))
    control.write_text(json.dumps({**told, **changes}), encoding="utf-8")


def silent(_: str) -> None:
    """Take a line for the person."""


def test_nothing_running_is_not_an_error(tmp_path: Path) -> None:
    """`restart` then only starts."""
    assert stop_running(tmp_path, silent) is Stopped.WAS_FREE


def test_a_running_one_stops_when_asked_with_its_token(tmp_path: Path) -> None:
    """The ordinary case: it leaves by itself, cleanly."""
    with a_holder(tmp_path, "obeys") as held:
        assert stop_running(tmp_path, silent) is Stopped.ON_REQUEST
        assert held.wait(END_LIMIT_S) == 0
    assert instance.is_free(tmp_path)
    assert instance.last_flags(tmp_path) == {"seed": "7"}


@pytest.mark.parametrize("manner", ["deaf", pytest.param("stubborn", marks=POSIX_ONLY)])
def test_one_that_does_not_listen_is_ended_after_the_wait(tmp_path: Path, manner: str) -> None:
    """Politely first, then not; and the person is told."""
    said: list[str] = []
    with a_holder(tmp_path, manner) as held:
        assert stop_running(tmp_path, said.append, polite_wait_s=0.3, signal_wait_s=1) is Stopped.BY_FORCE
        assert held.wait(END_LIMIT_S) != 0
    assert "403" in "\n".join(said)
    assert "ending process" in "\n".join(said)


@pytest.mark.parametrize("changed", ["started", "executable"])
def test_a_process_that_only_has_the_same_number_is_never_ended(tmp_path: Path, changed: str) -> None:
    """A pid alone is reused: what does not match in start and executable is somebody else."""
    innocent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        identity = process.identify(innocent.pid)
        assert identity
        other = replace(identity, **{changed: "another"})
        with a_holder(tmp_path, "deaf") as held:
            rewrite_holder(
                tmp_path, process={"pid": other.pid, "started": other.started, "executable": other.executable}
            )
            with pytest.raises(CannotStop, match="not the one that was written down"):
                stop_running(tmp_path, silent, polite_wait_s=0.2, signal_wait_s=0.2)
            assert held.poll() is None
        assert innocent.poll() is None
    finally:
        innocent.communicate(b"\n")


def test_the_token_never_leaves_this_machine(tmp_path: Path) -> None:
    """A control file that names another host is not obeyed."""
    said: list[str] = []
    with a_holder(tmp_path, "obeys"):
        rewrite_holder(tmp_path, host="192.0.2.1")
        stop_running(tmp_path, said.append, polite_wait_s=0.2, signal_wait_s=2)
    assert "not this machine" in "\n".join(said)


def test_one_that_is_just_starting_is_waited_for_and_asked(tmp_path: Path) -> None:
    """It holds the folder before it serves: who it is can be read a moment later."""
    control = tmp_path / instance.CONTROL_NAME
    with a_holder(tmp_path, "obeys") as held:
        said: list[str] = []
        aside = control.rename(tmp_path / "not yet")

        def say(line: str) -> None:
            said.append(line)
            if aside.exists():
                aside.rename(control)

        assert stop_running(tmp_path, say) is Stopped.ON_REQUEST
        assert held.wait(END_LIMIT_S) == 0
    assert "just starting" in said[0]


def test_a_holder_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    """Nothing is ended on a guess."""
    with a_holder(tmp_path, "obeys") as held:
        (tmp_path / instance.CONTROL_NAME).unlink()
        with pytest.raises(CannotStop, match="cannot be read"):
            stop_running(tmp_path, silent, polite_wait_s=0.2)
        assert held.poll() is None


def test_p11_a_crash_leaves_the_folder_free(tmp_path: Path) -> None:
    """The system's own lock dies with the process; the control file it left is nobody's."""
    with a_holder(tmp_path, "obeys") as held:
        held.kill()
        held.wait(END_LIMIT_S)
        assert instance.is_free(tmp_path)
        with instance.claim(tmp_path):
            assert instance.holder_of(tmp_path) is None


def test_settings_that_would_not_start_stop_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`restart --mode lvie` must not end in nothing running."""
    with a_holder(tmp_path, "obeys") as held:
        assert main(["restart", "--data-dir", str(tmp_path), "--mode", "lvie"]) == 2
        assert "MODE" in capsys.readouterr().err
        assert held.poll() is None


def test_p16_a_broken_env_file_loads_nothing_and_what_runs_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An editor that saved half, or a slip: `restart` reads before it stops."""
    file = tmp_path / "settings.env"
    monkeypatch.setenv("MTRADE_ENV_FILE", str(file))
    with a_holder(tmp_path, "obeys") as held:
        for content in (
            b"MODE=li",
            b"PORT=87o7\n",
            b"MODE=paper\nQUOTE=\xd0",
            b"MODE=live\nAPI_KEY=canary-key-1\nAPI_SEC",
        ):
            file.write_bytes(content)
            assert main(["restart", "--data-dir", str(tmp_path)]) == 2
            assert held.poll() is None
    said = capsys.readouterr().err
    assert "Refused: MODE" in said
    assert "canary" not in said


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"port"'])
def test_p16_half_written_flags_of_the_last_start_stop_nothing_and_start_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """Without its flags a restart might be another mode or folder: the person is asked instead."""
    with a_holder(tmp_path, "obeys") as held:
        (tmp_path / instance.FLAGS_NAME).write_bytes(content)
        assert main(["restart", "--data-dir", str(tmp_path)]) == 1
        assert held.poll() is None
    assert "what runs goes on" in capsys.readouterr().err


def test_stop_stops_the_one_of_that_folder(tmp_path: Path) -> None:
    """The command, not only the function."""
    with a_holder(tmp_path, "obeys") as held:
        assert main(["stop", "--data-dir", str(tmp_path)]) == 0
        assert held.wait(END_LIMIT_S) == 0


# --- signals ---

WAITER = """
import sys, threading
from autotrader_v2.app import signals
asked = threading.Event()
signals.install(asked.set)
print("READY", flush=True)
asked.wait()
print("asked", flush=True)
if sys.argv[1] == "lingers":
    threading.Event().wait(200)
"""


@contextmanager
def a_waiter(manner: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that waits to be asked to stop."""
    waiter = subprocess.Popen([sys.executable, "-c", WAITER, manner], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert waiter.stdout
        assert waiter.stdout.readline() == "READY\n"
        yield waiter
    finally:
        waiter.kill()
        waiter.communicate()


@POSIX_ONLY
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_every_way_of_asking_ends_it_cleanly(name: str) -> None:
    """Ctrl-C, the service manager, a closed terminal."""
    with a_waiter("leaves") as waiter:
        waiter.send_signal(getattr(signal, name))
        assert waiter.wait(END_LIMIT_S) == 0


@POSIX_ONLY
def test_a_second_ctrl_c_ends_it_at_once() -> None:
    """A person who insists gets out."""
    with a_waiter("lingers") as waiter:
        waiter.send_signal(signal.SIGINT)
        assert waiter.stdout
        assert waiter.stdout.readline() == "asked\n"
        waiter.send_signal(signal.SIGINT)
        assert waiter.wait(END_LIMIT_S) == -signal.SIGINT
