"""Starting by itself: the texts for both systems, and the runner over a stand-in for systemctl."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from autotrader_v2.app import autostart
from autotrader_v2.app.autostart import CannotAutostart, task_text, unit_text
from autotrader_v2.app.cli import main

ODD = ['/home/Ёж "x"/100% $HOME/py\\thon', "-X", "utf8", "/opt/my trade/mTrade.py", "watchdog", "--data-dir", "/д ата"]
LINUX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="systemd is Linux's")
_TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def exec_start(text: str) -> str:
    """The unit's command line."""
    return next(line for line in text.splitlines() if line.startswith("ExecStart=")).removeprefix("ExecStart=")


def test_a_unit_carries_spaces_quotes_percent_dollar_backslash_and_russian() -> None:
    """As systemd.service(5) wants them."""
    text = unit_text(ODD, "/opt/my trade/100%")
    assert exec_start(text) == (
        r'/bin/sh "-c" "exec \"$$@\"" "mtrade" "/home/Ёж \"x\"/100%% $$HOME/py\\thon" "-X" "utf8" '
        r'"/opt/my trade/mTrade.py" "watchdog" "--data-dir" "/д ата"'
    )
    assert exec_start(unit_text(["/home/Ёж/.venv/bin/python", "-X"], "/x")) == '/home/Ёж/.venv/bin/python "-X"'
    assert "WorkingDirectory=/opt/my trade/100%%\n" in text
    assert "KillMode=mixed\n" in text, "SIGTERM goes to the watchdog alone, which stops its engine"
    assert "RestartPreventExitStatus=2 130\n" in text, "refused settings, and what a person ended"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_itself_accepts_the_unit(tmp_path: Path) -> None:
    """Its own checker finds nothing to complain about."""
    program = tmp_path / 'my "odd" 100% $tool'
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = tmp_path / "mtrade.service"
    unit.write_text(unit_text([str(program), "watchdog", "$HOME", "50%"], str(tmp_path)), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "mtrade.service" in line]
    assert complaints == []


def test_a_line_break_in_a_path_is_refused() -> None:
    """It would become a line of its own in the unit."""
    for words, folder in ((["/a\nExecStartPre=/bin/x"], "/a"), (["/a"], "/a\nUser=root")):
        with pytest.raises(CannotAutostart):
            unit_text(words, folder)


def test_a_task_is_xml_whatever_the_paths_are() -> None:
    """Windows reads back what was meant; quotes of the command line as its own rules want them."""
    command = [
        r"C:\Users\Ёж & <Co>\py.exe",
        "-X",
        "utf8",
        r"C:\my trade\mTrade.py",
        "watchdog",
        "--data-dir",
        r'C:\"d"',
    ]
    text = task_text(command, r"C:\my trade & co", r"PC\Ёж")
    tree = ElementTree.fromstring(text.partition("\n")[2])
    found = {one.tag.removeprefix(_TASK): one.text for one in tree.iter()}
    assert found["Command"] == r"C:\Users\Ёж & <Co>\py.exe"
    assert found["Arguments"] == r'-X utf8 "C:\my trade\mTrade.py" watchdog --data-dir "C:\\\"d\""' or found[
        "Arguments"
    ] == subprocess.list2cmdline(command[1:])
    assert found["WorkingDirectory"] == r"C:\my trade & co"
    assert found["UserId"] == r"PC\Ёж"
    assert (found["StopIfGoingOnBatteries"], found["ExecutionTimeLimit"]) == ("false", "PT0S")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Stand-ins for systemctl and loginctl; returns what they were asked."""
    log = tmp_path / "asked"
    log.touch()
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, says in (("systemctl", "enabled"), ("loginctl", "no")):
        tool = folder / name
        tool.write_text(f'#!/bin/sh\necho "{name} $@" >> "{log}"\necho {says}\n', encoding="utf-8")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "мой config"))
    return lambda: log.read_text("utf-8").splitlines()


@LINUX_ONLY
def test_on_twice_and_off_twice_are_as_once(
    tools: Callable[[], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Idempotent, and each says what is so now; what runs is left alone."""
    flags = ["--mode", "paper", "--data-dir", str(tmp_path / "мои данные")]
    assert main(["autostart", "status"]) == 1
    assert main(["autostart", "on", *flags]) == 0
    first = autostart.unit_path().read_text("utf-8")
    assert main(["autostart", "on", *flags]) == 0
    assert autostart.unit_path().read_text("utf-8") == first
    assert '"watchdog" "--no-browser"' in exec_start(first)
    assert f'"--data-dir" "{tmp_path / "мои данные"}"' in exec_start(first)
    assert main(["autostart", "status"]) == 0
    said = capsys.readouterr().err
    assert "loginctl enable-linger" in said
    assert main(["autostart", "off"]) == 0
    assert main(["autostart", "off"]) == 0
    assert not autostart.unit_path().exists()
    asked = tools()
    assert asked.count("systemctl --user enable mtrade") == 2
    assert asked.count("systemctl --user disable mtrade") == 1
    assert not [line for line in asked if " start " in line or " stop " in line]


@LINUX_ONLY
def test_without_systemd_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No pretended success."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["autostart", "on"]) == 1
    assert "systemctl is not on this machine" in capsys.readouterr().err


@LINUX_ONLY
@pytest.mark.parametrize("fails", ["daemon-reload", "enable"])
def test_what_could_not_be_switched_on_leaves_no_unit_or_the_one_of_before(
    tools: Callable[[], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: str
) -> None:
    """A unit left behind would look as if it started by itself, or start with flags that were refused."""
    works = (tmp_path / "bin" / "systemctl").read_text("utf-8")
    broken = f'#!/bin/sh\nif [ "$2" = {fails} ]; then echo no bus >&2; exit 1; fi\n'
    (tmp_path / "bin" / "systemctl").write_text(broken, encoding="utf-8")
    assert main(["autostart", "on"]) == 1
    assert not autostart.unit_path().exists()
    assert "no bus" in capsys.readouterr().err
    (tmp_path / "bin" / "systemctl").write_text(works, encoding="utf-8")
    assert main(["autostart", "on", "--mode", "paper"]) == 0
    before = autostart.unit_path().read_text("utf-8")
    (tmp_path / "bin" / "systemctl").write_text(broken, encoding="utf-8")
    assert main(["autostart", "on", "--mode", "paper", "--port", "8899"]) == 1
    assert autostart.unit_path().read_text("utf-8") == before


def test_no_secret_of_the_environment_is_written_down(
    tools: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit can be read by everybody."""
    if sys.platform == "win32":
        pytest.skip("systemd is Linux's")
    monkeypatch.setenv("API_TOKEN", "canary-token-of-24-letters")
    assert main(["autostart", "on"]) == 0
    assert "canary" not in autostart.unit_path().read_text("utf-8")
    assert tools()
