"""`mTrade.py autostart`: the watchdog starts when you log on. Linux: a systemd user unit; Windows: a scheduled task.

The texts are made by pure functions, for both systems on both systems; a thin runner puts them in place.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

from autotrader_v2.infrastructure.environment import helper_environment

NAME = "mtrade"
_LIMIT_S = 30.0
_FAILED = 1
# Tools of Windows write as its console does, in whatever code page that is, whatever Python is told to use.
_ENCODING = "oem" if sys.platform == "win32" else "utf-8"

Say = Callable[[str], None]


class CannotAutostart(Exception):
    """It could not be set up or taken away. Nothing that runs was touched."""


def unit_text(command: Sequence[str], folder: str) -> str:
    """Return the systemd user unit that runs the command in that folder."""
    if not re.fullmatch(r"/[\w./@+-]*", command[0]):
        # systemd takes no name of a program with quotes and the like in it; a shell that becomes the program does.
        command = ["/bin/sh", "-c", 'exec "$@"', NAME, *command]
    return (
        "[Unit]\n"
        "Description=mTrade under its watchdog\n"
        "\n"
        "[Service]\n"
        f"ExecStart={command[0]} {' '.join(map(_unit_word, command[1:]))}\n"
        f"WorkingDirectory={_unit_path(folder)}\n"
        "Environment=PYTHONUNBUFFERED=1\n"
        # The watchdog stops its engine itself; what is left after that is ended.
        "KillMode=mixed\n"
        "TimeoutStopSec=60\n"
        "Restart=on-failure\n"
        "RestartSec=60\n"
        "RestartPreventExitStatus=2 130\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )


def task_text(command: Sequence[str], folder: str, user: str) -> str:
    """Return the scheduled task (XML) that runs the command in that folder when that user logs on."""
    program, *arguments = command
    return (
        '<?xml version="1.0" encoding="UTF-16"?>\n'
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n'
        "  <RegistrationInfo><Description>mTrade under its watchdog</Description></RegistrationInfo>\n"
        "  <Triggers><LogonTrigger><Enabled>true</Enabled>"
        f"<UserId>{escape(user)}</UserId></LogonTrigger></Triggers>\n"
        '  <Principals><Principal id="Author">'
        f"<UserId>{escape(user)}</UserId><LogonType>InteractiveToken</LogonType>"
        "<RunLevel>LeastPrivilege</RunLevel></Principal></Principals>\n"
        "  <Settings>\n"
        "    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n"
        "    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n"
        "    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n"
        "    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n"
        # Left out it is 7, below normal: trading would wait for whatever else the machine does.
        "    <Priority>4</Priority>\n"
        "    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>\n"
        "  </Settings>\n"
        '  <Actions Context="Author"><Exec>'
        f"<Command>{escape(program)}</Command>"
        f"<Arguments>{escape(subprocess.list2cmdline(arguments))}</Arguments>"
        f"<WorkingDirectory>{escape(folder)}</WorkingDirectory>"
        "</Exec></Actions>\n"
        "</Task>\n"
    )


def _unit_word(word: str) -> str:
    """Quote a word of ExecStart: C-style escapes, `%` and `$` doubled. Source: systemd.service(5), COMMAND LINES."""
    if any(ord(letter) < ord(" ") for letter in word):
        raise CannotAutostart(f"{word!r} holds a line break, which a systemd unit cannot carry. Move the folder.")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _unit_path(path: str) -> str:
    """Spell a path setting: no quotes there, the rest of the line counts; only `%` is special."""
    if any(ord(letter) < ord(" ") for letter in path):
        raise CannotAutostart(f"{path!r} holds a line break, which a systemd unit cannot carry. Move the folder.")
    return path.replace("%", "%%")


def run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run a tool of the system. Errors: `CannotAutostart`."""
    try:
        return subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding=_ENCODING,
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
            env=helper_environment(),
        )
    except FileNotFoundError:
        raise CannotAutostart(
            f"{arguments[0]} is not on this machine. Start mTrade by hand or by a tool of yours."
        ) from (None)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotAutostart(f"{arguments[0]} did not answer: {error}") from error


if sys.platform == "win32":

    def switch_on(command: Sequence[str], folder: Path, say: Say) -> int:
        """Make the task, or replace it. Errors: `CannotAutostart`."""
        session = helper_environment()
        user = f"{session.get('USERDOMAIN', '.')}\\{session.get('USERNAME', '')}"
        handle, name = tempfile.mkstemp(suffix=".xml")
        try:
            with os.fdopen(handle, "w", encoding="utf-16") as stream:
                stream.write(task_text(command, str(folder), user))
            _expect(run(["schtasks", "/Create", "/TN", NAME, "/XML", name, "/F"]))
        finally:
            with suppress(OSError):
                os.unlink(name)
        say(f"The scheduled task {NAME} starts mTrade under its watchdog when you log on. It was not started now.")
        return 0

    def switch_off(say: Say) -> int:
        """Remove the task. Errors: `CannotAutostart`."""
        if run(["schtasks", "/Query", "/TN", NAME]).returncode:
            say("It was not set to start by itself.")
            return 0
        _expect(run(["schtasks", "/Delete", "/TN", NAME, "/F"]))
        say("It does not start by itself any more. What runs goes on.")
        return 0

    def status(say: Say) -> int:
        """Say how it is; 0 when it starts by itself."""
        there = run(["schtasks", "/Query", "/TN", NAME]).returncode == 0
        say(f"The scheduled task {NAME} starts it when you log on." if there else "It does not start by itself.")
        return 0 if there else _FAILED

    def _expect(done: "subprocess.CompletedProcess[str]") -> None:
        if done.returncode:
            raise CannotAutostart(f"The Task Scheduler refused: {(done.stderr or done.stdout).strip()}")

else:

    def unit_path() -> Path:
        """Where units of this person lie."""
        base = helper_environment().get("XDG_CONFIG_HOME", "")
        return (Path(base) if base else Path.home() / ".config") / "systemd" / "user" / f"{NAME}.service"

    def switch_on(command: Sequence[str], folder: Path, say: Say) -> int:
        """Write the unit, or replace it, and enable it. Errors: `CannotAutostart`."""
        path, text = unit_path(), unit_text(command, str(folder))
        try:
            before = path.read_bytes() if path.exists() else None
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.write_text(text, encoding="utf-8")
            os.replace(fresh, path)
        except OSError as error:
            raise CannotAutostart(f"{path} cannot be written: {error.strerror}") from error
        try:
            _systemctl("daemon-reload")
            _systemctl("enable")
        except CannotAutostart as error:
            _put_back(path, before)
            raise CannotAutostart(f"{error} {path} is as it was before.") from error
        say(f"Written: {path}")
        say("It starts under its watchdog when you log on. It was not started now: `systemctl --user start mtrade`.")
        if not _lingers():
            say("It ends when you log off. To run from boot on, without anybody logged on: loginctl enable-linger")
        return 0

    def switch_off(say: Say) -> int:
        """Disable and remove the unit. Errors: `CannotAutostart`."""
        path = unit_path()
        if not path.exists():
            say("It was not set to start by itself.")
            return 0
        try:
            _systemctl("disable")
        finally:
            path.unlink(missing_ok=True)
        _systemctl("daemon-reload")
        say("It does not start by itself any more. What runs goes on.")
        return 0

    def status(say: Say) -> int:
        """Say how it is; 0 when it starts by itself."""
        path = unit_path()
        if not path.exists():
            say("It does not start by itself.")
            return _FAILED
        enabled = run(["systemctl", "--user", "is-enabled", NAME]).stdout.strip() or "unknown"
        active = run(["systemctl", "--user", "is-active", NAME]).stdout.strip() or "unknown"
        say(f"{path}: {enabled}, now {active}.")
        return 0 if enabled == "enabled" else _FAILED

    def _put_back(path: Path, before: bytes | None) -> None:
        """What could not be switched on leaves no unit behind, or the one that was there."""
        try:
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)
        except OSError as error:
            raise CannotAutostart(f"{path} cannot be put back: {error.strerror}. Remove it by hand.") from error

    def _systemctl(verb: str) -> None:
        words = ["systemctl", "--user", verb] + ([] if verb == "daemon-reload" else [NAME])
        done = run(words)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise CannotAutostart(f"`{' '.join(words)}` failed: {said}. Nothing was started.")

    def _lingers() -> bool:
        try:
            user = helper_environment().get("USER", "") or str(os.getuid())
            return run(["loginctl", "show-user", user, "--property=Linger", "--value"]).stdout.strip() == "yes"
        except CannotAutostart:
            return False
