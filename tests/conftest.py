"""What every test stands on: an environment without a person's settings, the browser of run_tests.py, order, figures.

run_tests.py lets several processes run the tests beside each other (pytest-xdist), each taking the next one of the
order made here.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import hypothesis
import pytest
import structlog

from autotrader_v2.app import settings

_FIGURES, _SCHEDULES = "figures", "schedules"
# Where the mTrades of the tests see each other, and leave a person's alone.
_STATE = tempfile.TemporaryDirectory(prefix="mtrade-tests-", ignore_cleanup_errors=True)


def pytest_configure() -> None:
    """Keep a person's keys, modes and `.env` out of the tests and of every process they start."""
    for name in settings.names():
        os.environ.pop(name, None)
    os.environ["MTRADE_ENV_FILE"] = ""
    os.environ["NOTIFY_OS"] = "off"
    os.environ["XDG_STATE_HOME"] = _STATE.name
    # Scripted prices walk narrow steps; test_first_ladder.py has the ladder that a stranger begins with.
    os.environ["LADDER"] = "basic"
    # How long an example takes says nothing: the machine may be crowded.
    slow_is_fine = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("mtrade", deadline=None, suppress_health_check=slow_is_fine)
    hypothesis.settings.load_profile("mtrade")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that none of them begins when the others are done."""
    items.sort(key=_rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand tests out as tests/turns.py says."""
    from tests.turns import Turns

    return Turns(config, log)


@pytest.fixture(autouse=True)
def _its_own_log() -> Iterator[None]:
    """What a command under test makes of the log (a backtest silences it) ends with that test."""
    yield
    structlog.reset_defaults()


def _rank(item: pytest.Item) -> float:
    """Less is earlier."""
    limit = item.get_closest_marker("timeout")
    if limit is not None:
        return -float(limit.args[0])
    return -1.0 if item.get_closest_marker("slow") or item.get_closest_marker("browser") else 0.0


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes lines that the end of the run shows, whichever process the test runs in."""
    return partial(record_property, _FIGURES)


@pytest.fixture
def schedules(record_property: Callable[[str, object], None]) -> Callable[[str, int, int], None]:
    """Takes the name of a scenario and how many bounded and random schedules of it were run, for the end of the run."""
    return lambda name, bounded, chosen: record_property(_SCHEDULES, [name, bounded, chosen])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests told of themselves."""
    reports = (one for kind in terminalreporter.stats.values() for one in kind if isinstance(one, pytest.TestReport))
    told: defaultdict[str, list[Any]] = defaultdict(list)
    for report in reports:
        if report.when == "call":
            for name, value in report.user_properties:
                told[name].append(value)
    if told[_SCHEDULES]:
        terminalreporter.section("thread schedules explored")
        for name, bounded, chosen in sorted(told[_SCHEDULES]):
            terminalreporter.write_line(f"{bounded:7} bounded {chosen:6} random  {name}")
        bounded, chosen = (sum(one[at] for one in told[_SCHEDULES]) for at in (1, 2))
        terminalreporter.write_line(f"{bounded:7} bounded {chosen:6} random  in all, {bounded + chosen} schedules")
    if told[_FIGURES]:
        terminalreporter.section("figures")
        for line in told[_FIGURES]:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium that run_tests.py provided."""
    path = os.environ.get("MTRADE_CHROMIUM") or os.environ.get("CHROMIUM", "")
    if not path and os.environ.get("CI") == "true":
        pytest.fail("CI needs a browser: start the tests with run_tests.py")
    if not path:
        pytest.skip("no Chromium; start the tests with run_tests.py")
    return path
