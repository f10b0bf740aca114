"""What every test stands on: an environment without a person's settings, and the browser of run_tests.py."""

import os

import pytest

from autotrader_v2.app import settings


def pytest_configure() -> None:
    """Keep a person's keys, modes and `.env` out of the tests and of every process they start."""
    for name in settings.names():
        os.environ.pop(name, None)
    os.environ["MTRADE_ENV_FILE"] = ""
    os.environ["NOTIFY_OS"] = "off"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium that run_tests.py provided."""
    path = os.environ.get("MTRADE_CHROMIUM") or os.environ.get("CHROMIUM", "")
    if not path and os.environ.get("CI") == "true":
        pytest.fail("CI needs a browser: start the tests with run_tests.py")
    if not path:
        pytest.skip("no Chromium; start the tests with run_tests.py")
    return path
