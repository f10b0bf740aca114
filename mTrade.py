"""The door: `python mTrade.py [command]`. Needs nothing but Python 3.11 or newer.

It makes `.venv` beside itself, installs the hash-locked requirements.txt into it once, and hands over to the Python in
there. Only the standard library is used, and little of it: this runs at every start. The first lines must run, if only
to say what is wrong, on Pythons that are too old.
"""

import os
import sys

if sys.version_info < (3, 11):
    sys.exit(
        "mTrade needs Python 3.11 or newer; this is {}.{}.\n"
        "Install one from https://www.python.org/downloads/ (Debian, Ubuntu: apt install python3 python3-venv)\n"
        "and start mTrade.py with it.".format(*sys.version_info)
    )

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
WINDOWS = sys.platform == "win32"
PYTHON = os.path.join(VENV, "Scripts", "python.exe") if WINDOWS else os.path.join(VENV, "bin", "python")
_CORE, _KEYS, _BACKTEST = "requirements.txt", "requirements-keys.txt", "requirements-backtest.txt"
_CLUSTER, _TEST = "requirements-cluster.txt", "requirements-test.txt"
# What each lock holds besides its own: all name the same versions, so any of them may stand beside each other.
_HOLDS = {
    _CORE: (),
    _KEYS: (_CORE,),
    _BACKTEST: (_CORE,),
    _CLUSTER: (_CORE, _BACKTEST),
    _TEST: (_CORE, _KEYS, _BACKTEST, _CLUSTER),
}
# What only some commands need is installed when one of them is first used, and kept up from then on.
_EXTRAS = {"keys": _KEYS, "backtest": _BACKTEST, "sweep": _BACKTEST, "parity": _BACKTEST}
_LOG_LINES_SHOWN = 15


def ensure(*locks: str) -> None:
    """Make `.venv` hold what these lock files beside this one say. Does nothing when it already does.

    A stamp says what was installed. It is removed before the first change and written after the last one, so that an
    interrupted installation is repeated. Errors: `SystemExit` with what happened and what to do.
    """
    if not _installed(locks):
        with _OneAtATime():
            if not _installed(locks):  # another start may have done it meanwhile
                _install(locks)


def hand_over(arguments: list[str]) -> int:
    """Go on as the Python of `.venv`. On Linux this very process becomes it: same pid, same signals.

    On Windows, which cannot do that, a child does the work, gets Ctrl-C and Ctrl-Break from the console itself, and its
    exit code is returned.
    """
    os.environ["PYTHONUTF8"] = "1"
    os.environ.pop("PYTHONHOME", None)  # would make the Python of .venv look for its library elsewhere
    command = [PYTHON, os.path.join(ROOT, "mTrade.py"), *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":
        return _run_child(command)
    os.execv(PYTHON, command)


def main() -> int:
    """Install what is missing, hand over, and in there run the command line."""
    arguments = sys.argv[1:]
    locks = _locks_for(arguments)
    if arguments[:1] == ["restart"] and os.path.exists(PYTHON) and all(map(_stamp_of, locks)):
        _stop_before_an_update(locks, arguments[1:])
    ensure(*locks)
    if not (sys.flags.utf8_mode and _is_venv_python()):
        return hand_over(arguments)
    if ROOT not in sys.path:
        sys.path.insert(0, ROOT)
    from autotrader_v2.app.cli import main as command_line

    return command_line(arguments)


def _run_child(command: list[str]) -> int:
    import signal
    import subprocess

    for name in ("SIGINT", "SIGBREAK"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    return subprocess.call(command)


def _locks_for(arguments: list[str]) -> tuple[str, ...]:
    """The locks that this command needs, and those of what was installed before; none that another one holds."""
    wanted = {_CORE} | {lock for lock in _HOLDS if lock != _TEST and _stamp_of(lock)}
    if arguments and arguments[0] in _EXTRAS:
        wanted.add(_EXTRAS[arguments[0]])
    if any(one == "--cluster" or one.startswith("--cluster=") for one in arguments):
        wanted.add(_CLUSTER)
    held = {inner for lock in wanted for inner in _HOLDS[lock]}
    return tuple(lock for lock in _HOLDS if lock in wanted - held)


def _installed(locks: tuple[str, ...]) -> bool:
    return all(_stamp_of(lock) == _wanted_stamp(lock) for lock in locks)


def _stop_before_an_update(locks: tuple[str, ...], flags: list[str]) -> None:
    """Stop the running one before its own packages are replaced under it (Windows would not even allow that)."""
    if _installed(locks):
        return
    import subprocess

    code = "import sys; from autotrader_v2.app.cli import main; sys.exit(main(sys.argv[1:]))"
    # When the new program cannot run on the old packages this fails, and the person is told by the installation.
    subprocess.call(
        [PYTHON, "-X", "utf8", "-c", code, "stop", "--for-update", *_data_dir(flags)],
        env={**os.environ, "PYTHONPATH": ROOT},
    )


def _data_dir(flags: list[str]) -> list[str]:
    for i, flag in enumerate(flags):
        if flag == "--data-dir":
            return flags[i : i + 2]
        if flag.startswith("--data-dir="):
            return [flag]
    return []


def _is_venv_python() -> bool:
    return os.path.normcase(os.path.realpath(sys.prefix)) == os.path.normcase(os.path.realpath(VENV))


def _stamp_path(requirements: str) -> str:
    return os.path.join(VENV, "mtrade-" + requirements + ".stamp")


def _stamp_of(requirements: str) -> str:
    """Return what was installed last; empty when nothing was, or it did not end well."""
    try:
        with open(_stamp_path(requirements), encoding="utf-8") as stream:
            return stream.read()
    except (OSError, ValueError):
        return ""


def _wanted_stamp(requirements: str) -> str:
    """Return the lock's hash, and which Python `.venv` runs on: a replaced one has lost the packages."""
    import hashlib

    with open(os.path.join(ROOT, requirements), "rb") as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    try:
        with open(os.path.join(VENV, "pyvenv.cfg"), encoding="utf-8") as stream:
            pairs = [line.partition("=") for line in stream]
    except (OSError, ValueError):
        pairs = []
    lines = {name.strip(): value.strip() for name, _, value in pairs}
    base = os.path.join(lines.get("home", ""), "python.exe") if WINDOWS else PYTHON
    runs = os.path.realpath(base) if os.path.exists(base) and os.path.exists(PYTHON) else "no Python"
    return "\n".join((digest, lines.get("version", "no version"), runs, ""))


def _install(locks: tuple[str, ...]) -> None:
    import contextlib

    what = " and ".join(locks)
    _say("installing " + what + " into .venv; this happens once per version and takes about a minute")
    for name in _HOLDS:
        with contextlib.suppress(FileNotFoundError):
            os.remove(_stamp_path(name))
    if not _venv_works():
        _make_venv()
    log = os.path.join(VENV, "mtrade-install.log")
    if _run_pip(locks, log):
        with open(log, encoding="utf-8") as record:
            said = [line.rstrip() for line in record if not line.startswith("WARNING")]
        what_to_do = (
            "mTrade: installing " + what + " failed. Nothing was started. The end of what pip said:",
            *("  " + line for line in said[-_LOG_LINES_SHOWN:]),
            "Check the internet connection (a proxy goes into HTTPS_PROXY) and the free disk space, then start again.",
            "All that pip said is in " + log,
        )
        sys.exit("\n".join(what_to_do))
    for name in dict.fromkeys((*(inner for lock in locks for inner in _HOLDS[lock]), *locks)):
        stamp = _stamp_path(name)
        with open(stamp + ".new", "w", encoding="utf-8") as stream:
            stream.write(_wanted_stamp(name))
        os.replace(stamp + ".new", stamp)


def _run_pip(locks: tuple[str, ...], log: str) -> int:
    """Install, every line into the log, and on a terminal the name of what is under way. Return pip's exit code."""
    import shutil
    import subprocess

    files = [part for lock in locks for part in ("-r", os.path.join(ROOT, lock))]
    options = ["--require-hashes", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    shown = sys.stderr.isatty()
    width = shutil.get_terminal_size().columns - 1
    with open(log, "w", encoding="utf-8") as record:
        pip = subprocess.Popen(
            [PYTHON, "-X", "utf8", "-m", "pip", "install", *options, *files],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PIP_USER": "0"},  # a person's own pip settings may ask for what a venv refuses
        )
        try:
            for line in pip.stdout or ():
                record.write(line)
                if shown and line.startswith("Collecting "):
                    sys.stderr.write("\r" + ("  " + line.split()[1]).ljust(width)[:width])
                    sys.stderr.flush()
        except BaseException:
            pip.kill()
            raise
        finally:
            code = pip.wait()
    if shown:
        sys.stderr.write("\r" + " " * width + "\r")
    return code


def _venv_works() -> bool:
    """Whether `.venv` holds a Python new enough, with pip: an interrupted making leaves one without."""
    import subprocess

    if not os.path.exists(PYTHON):
        return False
    probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([PYTHON, "-I", "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_venv() -> None:
    import importlib.util
    import subprocess

    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "mTrade: this Python cannot make virtual environments: its venv or ensurepip module is not installed.\n"
            "Debian, Ubuntu: sudo apt install python3-venv\n"
            "Others: install Python from https://www.python.org/downloads/ with pip. Then start again."
        )
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True, errors="replace", check=False
    )
    if made.returncode:
        said = (made.stdout + made.stderr).strip()
        sys.exit(
            "mTrade: " + VENV + " could not be made. Python said:\n" + said + "\n"
            "If a running mTrade holds it, stop that one first. On Debian and Ubuntu `sudo apt install python3-venv` "
            "may be missing. Then start again."
        )


class _OneAtATime:
    """Two starts at once (a double double-click) must not install into each other."""

    def __enter__(self) -> None:
        self._file = open(os.path.join(ROOT, ".venv.lock"), "a+", encoding="utf-8")
        _lock(self._file.fileno())

    def __exit__(self, *error: object) -> None:
        self._file.close()


if sys.platform == "win32":

    def _lock(handle: int) -> None:
        import msvcrt
        import time

        while True:
            try:
                return msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError:
                time.sleep(0.2)

else:

    def _lock(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


def _say(what: str) -> None:
    # Standard output belongs to the command that follows.
    sys.stderr.write("mTrade: " + what + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # while installing; the next start repeats it
