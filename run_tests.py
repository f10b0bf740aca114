"""The second door: `python run_tests.py` sets up all that the tests need and runs every check.

Needs nothing but Python 3.11 or newer, like mTrade.py, whose `.venv` it shares. A Chromium is found or installed.
The checks of the source run beside each other; so do the tests, in several processes, for most of them wait more than
they work. pytest comes last, so that its own summary is the last thing on standard output.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import mTrade

_BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_WINDOWS_BROWSERS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
_BROWSER_SETUP_LIMIT_S = 600
_OUTPUT_SHOWN = 400
_WINDOWS_TYPES_CACHE = os.path.join(".mypy_cache", "windows")

# Tests take their turn as tests/turns.py says, in the order of tests/conftest.py: the long ones first.
_BESIDE_EACH_OTHER = ("-n", "4", "--dist", "loadscope", "--no-loadscope-reorder")

# Four processes on two cores starve each other now and then, so a test that fails among them is judged by itself: it
# has to pass so many times in a row with nothing beside it, and is named at the end as one to mend. Many are no chance.
_ALONE_TIMES = 2
_ALONE_MAX = 4
_TESTS_FAILED = 1  # pytest's exit code; others say that it did not come to its end
# Random worlds, races, and orders of unknown outcome: what fails there once has found something, whatever comes after.
_FINDINGS = (
    "tests/property/",
    "tests/simulation/",
    "tests/schedules/",
    "tests/integration/test_kill_rounds.py",
    "tests/integration/test_ambiguous_sends.py",
    "tests/integration/test_late_fills.py",
    "tests/integration/test_proxy_faults.py",
    "tests/integration/test_proxy_faults_streams.py",
    "tests/integration/test_races.py",
    "tests/integration/test_unknown_orders.py",
)
_LAST_FAILED = os.path.join(".pytest_cache", "v", "cache", "lastfailed")

# Long forms: option, the environment variable its test reads, the test.
_LONG_FORMS = (
    ("kills", "MTRADE_KILLS", "tests/integration/test_kill_rounds.py"),
    ("ambiguous_sends", "MTRADE_AMBIGUOUS_SENDS", "tests/integration/test_ambiguous_sends.py"),
    ("backtest_worlds", "MTRADE_BACKTEST_WORLDS", "tests/property/test_backtest_parity.py"),
)

# Types are checked for both systems from either: the code of the other one is read nowhere else.
_CHECKS = (
    ("Lint", ["-m", "ruff", "check", "."]),
    ("Format", ["-m", "ruff", "format", "--check", "."]),
    ("Types", ["-m", "mypy", "--platform", "linux"]),
    ("Types on Windows", ["-m", "mypy", "--platform", "win32", "--cache-dir", _WINDOWS_TYPES_CACHE]),
    ("Import borders", ["-c", "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"]),
    # Made here once, or each process of the tests would make it for itself.
    ("Machine code", ["-c", "from autotrader_v2.backtest.compiled import make_ready; make_ready()"]),
)


def main() -> int:
    """Run everything; 0 only when everything passed."""
    parser = argparse.ArgumentParser(description="Set up and run every check of mTrade.")
    parser.add_argument("--fast", action="store_true", help="leave out browser tests and slow ones")
    parser.add_argument("--kills", type=int, metavar="N", help="only: kill the engine's process N times")
    parser.add_argument("--ambiguous-sends", type=int, metavar="N", help="only: send N orders whose answers are lost")
    parser.add_argument(
        "--backtest-worlds", type=int, metavar="N", help="only: N random backtests and all candle files on both engines"
    )
    parser.add_argument("pytest", nargs="*", metavar="-- PYTEST_ARGUMENT", help="handed to pytest as it is")
    options = parser.parse_args()
    started = time.monotonic()
    mTrade.ensure("requirements-test.txt")
    os.chdir(mTrade.ROOT)
    os.environ["PYTHONUTF8"] = "1"
    if long_forms := _long_forms(options):
        return subprocess.run([mTrade.PYTHON, "-m", "pytest", *long_forms, *options.pytest], check=False).returncode
    failed = [] if options.fast else _provide_browser()
    failed += _check()
    _headline(f"Before the tests: {', '.join(failed) + ' failed' if failed else 'every check passed'}")
    selection = ["-m", "not browser and not slow"] if options.fast else []
    passed, crowded = _run_tests([*selection, *options.pytest], once=bool(options.pytest))
    failed += [] if passed else ["Tests"]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "everything passed"
    if passed and crowded:
        verdict += f", but these failed beside others and are to be mended: {', '.join(crowded)}"
    sys.stdout.flush()
    sys.stderr.write(f"run_tests: {verdict}, {time.monotonic() - started:.0f} s in all\n")
    return bool(failed)


def _run_tests(arguments: list[str], *, once: bool) -> tuple[bool, list[str]]:
    """Whether the tests passed, and which of them only alone. `once`: what fails beside others has failed."""
    code = _pytest("--cache-clear", *_BESIDE_EACH_OTHER, *arguments)
    if code != _TESTS_FAILED or once:
        return code == 0, []
    crowded = _last_failed()
    if len(crowded) > _ALONE_MAX or any(one.startswith(_FINDINGS) for one in crowded):
        return False, []
    for _ in range(_ALONE_TIMES):
        _headline(f"Failed beside others, now alone: {', '.join(crowded)}")
        if _pytest("-n", "0", *crowded):
            return False, []
    return True, crowded


def _pytest(*arguments: str) -> int:
    return subprocess.run([mTrade.PYTHON, "-m", "pytest", *arguments], check=False).returncode


def _last_failed() -> list[str]:
    """The tests that failed in the latest run."""
    with open(_LAST_FAILED, encoding="utf-8") as file:
        return sorted(json.load(file))


def _check() -> list[str]:
    """Check the source, all at once; show what each check said. Returns the names of those that failed."""
    with ThreadPoolExecutor(len(_CHECKS)) as pool:
        running = [(name, pool.submit(_said, [mTrade.PYTHON, *arguments])) for name, arguments in _CHECKS]
        failed = []
        for name, check in running:
            code, said = check.result()
            _headline(name)
            print(said, flush=True)
            if code:
                failed.append(name)
    return failed


def _said(command: list[str]) -> tuple[int, str]:
    """Run it to its end: its exit code, and what it printed."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False
    )
    return done.returncode, done.stdout.strip()


def _long_forms(options: argparse.Namespace) -> list[str]:
    """The tests whose long forms are wanted, which are told how long; empty when none is."""
    wanted = []
    for option, variable, test in _LONG_FORMS:
        if count := getattr(options, option):
            os.environ[variable] = str(count)
            wanted.append(test)
    return wanted


def _provide_browser() -> list[str]:
    """Put a working Chromium into MTRADE_CHROMIUM. Return what failed: with CI=true a missing browser does."""
    _headline("Browser")
    browser = next((path for path in _browsers() if _works(path)), None)
    if browser:
        print(browser)
        os.environ["MTRADE_CHROMIUM"] = browser
        return []
    print("No Chromium could be found or installed; the browser tests cannot run.")
    print("Install Chromium or Chrome, or name one in the environment variable CHROMIUM.")
    return ["Browser"] if os.environ.get("CI") == "true" else []


def _browsers() -> Iterator[str]:
    """Yield browsers, the cheapest to have first; the last ones are installed when it comes to them."""
    yield os.environ.get("CHROMIUM", "")
    yield from (shutil.which(name) or "" for name in _BROWSER_NAMES)
    for folder in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        yield from (os.path.join(os.environ.get(folder, ""), name) for name in _WINDOWS_BROWSERS)
    yield _playwrights_own()
    if _try([mTrade.PYTHON, "-m", "playwright", "install", "chromium"]):
        yield _playwrights_own()
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        if _try(["apt-get", "update"]) and _try(["apt-get", "install", "-y", "chromium"]):
            yield shutil.which("chromium") or ""


def _playwrights_own() -> str:
    code = (
        "from playwright.sync_api import sync_playwright as start\nwith start() as p: print(p.chromium.executable_path)"
    )
    told = subprocess.run([mTrade.PYTHON, "-c", code], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _works(browser: str) -> bool:
    # On Windows `--version` opens a window, so there a file that exists is believed.
    return os.path.isfile(browser) and (sys.platform == "win32" or _try([browser, "--version"], quiet=True))


def _try(command: list[str], *, quiet: bool = False) -> bool:
    """Run a command within the limit; its output matters only when it fails."""
    if not quiet:
        print("$", " ".join(command), flush=True)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_BROWSER_SETUP_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error)
        return False
    if done.returncode and not quiet:
        print((done.stdout + done.stderr).strip()[-_OUTPUT_SHOWN:])
    return done.returncode == 0


def _headline(text: str) -> None:
    print(f"\n=== {text} ===", flush=True)


if __name__ == "__main__":
    sys.exit(main())
