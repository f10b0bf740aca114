"""Simulated engines log nothing; a defect they survive is a break."""

from collections.abc import Iterator

import pytest
import structlog

from autotrader_v2.simulation.silence import quiet


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """No logs here, the usual ones afterwards."""
    before = structlog.get_config()
    quiet()
    yield
    structlog.configure(**before)
