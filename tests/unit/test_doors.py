"""The doors' parts that need no second process: command line, locked requirements, one instance per folder."""

import ast
import json
import os
import re
import stat
import sys
from pathlib import Path

import pytest

import mTrade
from autotrader_v2.app import instance, process
from autotrader_v2.app.cli import main
from autotrader_v2.app.instance import AlreadyRunning, DataDirUnusable
from autotrader_v2.app.values import ROOT

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps access lists instead of bits")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    """The versions a requirements file names; one name may have several, for several Pythons."""
    found: dict[str, str] = {}
    for package, version in PIN.findall((ROOT / name).read_text(encoding="utf-8")):
        key = re.sub(r"[-_.]+", "-", package).lower()
        found[key] = f"{found[key]} {version}" if key in found else version
    return found


# --- what is installed ---


@pytest.mark.parametrize("name", sorted(mTrade._HOLDS))
def test_the_lock_holds_what_was_asked_for(name: str) -> None:
    """A forgotten re-lock would install something else than what is written."""
    asked, locked = pins(f"{name.removesuffix('.txt')}.in"), pins(name)
    assert asked
    assert asked.items() <= locked.items()


@pytest.mark.parametrize("name", sorted(mTrade._HOLDS))
def test_every_locked_package_has_hashes_and_comes_from_the_public_index(name: str) -> None:
    """What is installed is what was tested, from any machine."""
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", text) if PIN.match(entry)]
    assert len(entries) > 20
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"file:|://|--index|--extra|--find-links|^-e|^/", text, re.MULTILINE)


def test_the_tests_run_on_exactly_the_versions_that_ship() -> None:
    """Each lock holds the smaller ones unchanged; run_tests.py installs only that of the tests."""
    for outer, held in mTrade._HOLDS.items():
        for inner in held:
            assert pins(inner).items() <= pins(outer).items(), (inner, outer)


def test_locks_that_stand_beside_each_other_name_the_same_versions() -> None:
    """Each extra may be installed alone or with any other."""
    seen: dict[str, str] = {}
    for name in mTrade._HOLDS:
        for package, version in pins(name).items():
            assert seen.setdefault(package, version) == version, (name, package)


def test_what_only_some_commands_need_is_installed_when_it_is_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """And kept up from then on: a start must be able to open what `keys` has kept."""
    stamps = {"requirements.txt": "some"}
    monkeypatch.setattr(mTrade, "_stamp_of", lambda name: stamps.get(name, ""))
    assert mTrade._locks_for(["serve"]) == mTrade._locks_for([]) == ("requirements.txt",)
    assert mTrade._locks_for(["keys", "show"]) == ("requirements-keys.txt",)
    assert mTrade._locks_for(["sweep", "--jobs", "2"]) == ("requirements-backtest.txt",)
    assert mTrade._locks_for(["sweep", "--cluster", "tcp://127.0.0.1:1"]) == ("requirements-cluster.txt",)
    stamps["requirements-keys.txt"] = "some"
    assert mTrade._locks_for(["serve"]) == ("requirements-keys.txt",)
    assert mTrade._locks_for(["backtest"]) == ("requirements-keys.txt", "requirements-backtest.txt")


def test_the_door_needs_only_the_standard_library_and_tells_old_pythons_so() -> None:
    """`mTrade.py` must at least be read by an old Python to say that it is too old."""
    source = (ROOT / "mTrade.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 7))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names | {"autotrader_v2"}
    code = source.replace("import sys\n", "import sys\nsys.version_info = (3, 10, 4)\n", 1)
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is 3\.10"):
        exec(compile(code, "mTrade.py", "exec"), {"__name__": "__main__", "__file__": str(ROOT / "mTrade.py")})


def test_the_windows_restart_is_a_thin_caller() -> None:
    """What it does is tested in Python; it finds Python, hands everything on and keeps the exit code."""
    lines = (ROOT / "restart_server.bat").read_bytes()
    assert b'"%~dp0mTrade.py" restart %*' in lines
    assert b"exit /b %CODE%" in lines
    assert lines.count(b"\r\n") == lines.count(b"\n"), "cmd.exe misreads other line ends"


# --- the command line ---


COMMANDS = (
    *("serve", "table", "sim", "smoke", "restart", "stop", "watchdog", "autostart", "doctor", "health", "sell-out"),
    *("keys", "backtest", "sweep", "record", "fetch-candles", "replay", "parity"),
)


@pytest.mark.parametrize("command", [*COMMANDS, ""])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` everywhere."""
    assert main([*command.split(), "--help"]) == 0
    assert "Usage: mTrade.py" in capsys.readouterr().out


def test_the_help_of_the_whole_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A person finds what there is."""
    main(["--help"])
    text = capsys.readouterr().out
    assert [command for command in COMMANDS if command not in text] == []


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (["--mode", "lvie"], "MODE", "paper"),
        (["serve", "--port", "x", "--no-browser"], "PORT", "integer"),
        (["serve", "--host", "0.0.0.0"], "HOST", "other machines"),
        (["restart", "--speed", "0"], "SPEED", "above 0"),
        (["table"], "--price", "Missing"),
        (["table", "--price", "0"], "--price", "above 0"),
        (["table", "--price", "nan"], "--price", "number"),
        (["table", "--price", "1", "--fee", "2"], "--fee", "fraction"),
        (["table", "--price", "1", "--set", "steps"], "--set", "NAME=VALUE"),
        (["table", "--price", "1", "--set", "steps=1", "--set", "steps=2"], "--set", "twice"),
        (["table", "--price", "1", "--precision", "x"], "--precision", "integer"),
        (["sim", "--host", "192.168.0.1"], "--host", "other machines"),
        (["sim", "--feed", "auto"], "--feed", "synthetic"),
        (["sim", "--balance", "USDT"], "--balance", "CURRENCY=AMOUNT"),
        (["sim", "--port", "70000"], "--port", "65535"),
        (["--prot", "1"], "--prot", "No such option"),
        (["srve"], "srve", "No such command"),
    ],
)
def test_bad_input_is_refused_with_code_2_the_field_and_the_reason(
    line: list[str], field: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, so that standard output stays what other programs read."""
    assert main(line) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert field in said.err
    assert reason in said.err


# --- one instance per folder ---


def test_a_second_instance_is_refused_and_told_where_the_first_one_is(tmp_path: Path) -> None:
    """Two would trade the same money twice."""
    with instance.claim(tmp_path) as first:
        first.publish(host="127.0.0.1", port=4321, url="http://127.0.0.1:4321/")
        holder = instance.holder_of(tmp_path)
        assert holder
        assert not holder.started
        assert instance.last_flags(tmp_path) == {}, "a start that may still fail is no example"
        assert not instance.is_free(tmp_path)
        with pytest.raises(AlreadyRunning, match=r"http://127\.0\.0\.1:4321/"), instance.claim(tmp_path):
            pass
    assert instance.is_free(tmp_path)
    with instance.claim(tmp_path):
        assert instance.holder_of(tmp_path) is None, "the new one has not published yet"


def test_two_folders_are_two_instances(tmp_path: Path) -> None:
    """Paper beside live, each with its own folder."""
    with instance.claim(tmp_path / "a"), instance.claim(tmp_path / "b"):
        assert not instance.is_free(tmp_path / "a")


def test_the_holder_is_written_down_as_this_very_process(tmp_path: Path) -> None:
    """Pid, start and executable: what a later restart compares."""
    with instance.claim(tmp_path) as held:
        held.publish(host="127.0.0.1", port=1, url="http://127.0.0.1:1/", flags={"port": "1"})
        holder = instance.holder_of(tmp_path)
        assert holder is not None
        assert holder.process == process.identify(os.getpid())
        assert holder.stop_token == held.stop_token
        assert held.stop_token not in repr((held, holder))
        assert holder.started
    assert not (tmp_path / instance.CONTROL_NAME).exists()
    assert instance.last_flags(tmp_path) == {"port": "1"}, "`restart` starts a stopped one again as it was"


@POSIX_ONLY
def test_the_control_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It carries the token that stops the trader."""
    with instance.claim(tmp_path / "new") as held:
        held.publish(host="127.0.0.1", port=1, url="http://127.0.0.1:1/")
        control = tmp_path / "new" / instance.CONTROL_NAME
        assert stat.S_IMODE(control.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
        control.chmod(0o666)
        assert instance.holder_of(tmp_path / "new") is None, "anybody could have written it"


def test_an_older_one_that_still_runs_is_known_too(tmp_path: Path) -> None:
    """`stop` and `restart` of an update meet the control file of the version before."""
    with instance.claim(tmp_path) as held:
        held.publish(host="127.0.0.1", port=1, url="http://127.0.0.1:1/", flags={})
        control = tmp_path / instance.CONTROL_NAME
        told = json.loads(control.read_text(encoding="utf-8"))
        del told["started"]
        control.write_text(json.dumps(told), encoding="utf-8")
        holder = instance.holder_of(tmp_path)
        assert holder is not None
        assert holder.started


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"process": {"pid": 1}}', '{"process": 5}'])
def test_a_damaged_control_file_names_nobody(tmp_path: Path, content: str) -> None:
    """Nothing is ended on a guess."""
    control = tmp_path / instance.CONTROL_NAME
    control.write_text(content, encoding="utf-8")
    control.chmod(0o600)
    assert instance.holder_of(tmp_path) is None


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "taken").touch()
    with pytest.raises(DataDirUnusable, match="--data-dir"), instance.claim(tmp_path / "taken"):
        pass


def test_looking_whether_a_folder_is_free_leaves_no_trace(tmp_path: Path) -> None:
    """`stop` in the wrong folder makes none."""
    assert instance.is_free(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_the_control_file_is_never_half_written(tmp_path: Path) -> None:
    """Publishing again replaces it in one step and leaves nothing beside it."""
    with instance.claim(tmp_path) as held:
        for port in (1, 2):
            held.publish(host="127.0.0.1", port=port, url="http://127.0.0.1/")
        assert json.loads((tmp_path / instance.CONTROL_NAME).read_text(encoding="utf-8"))["port"] == 2
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([instance.LOCK_NAME, instance.CONTROL_NAME])


def test_the_door_and_the_settings_agree_where_the_program_is() -> None:
    """`.env`, data and `.venv` lie beside mTrade.py."""
    assert Path(mTrade.ROOT) == ROOT
