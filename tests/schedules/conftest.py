"""Says at the end of a run how many schedules were explored."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.schedules.explore import COUNTS


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of runs, each with its log lines, that nobody reads."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each scenario with its counts."""
    if not COUNTS.of:
        return
    terminalreporter.section("thread schedules explored")
    for name, counted in COUNTS.of.items():
        terminalreporter.write_line(f"{counted.bounded:7} bounded {counted.random:6} random  {name}")
    bounded = sum(one.bounded for one in COUNTS.of.values())
    chosen = sum(one.random for one in COUNTS.of.values())
    terminalreporter.write_line(f"{bounded:7} bounded {chosen:6} random  in all, {bounded + chosen} schedules")
