"""A line says whose it is and never holds a secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from autotrader_v2.app import logs
from autotrader_v2.application.floor import market_log
from tests.builders import ETH

SECRET = "canary-0123456789abcdef"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What reaches the sink, as JSON."""
    logs.configure(level="INFO", form="json", secrets=[SECRET])
    sink = io.StringIO()
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(sink)
    yield sink
    structlog.reset_defaults()
    logging.getLogger().handlers = []


def test_a_line_begins_with_its_currency(lines: io.StringIO) -> None:
    market_log(ETH).info("buy filled", step=1)
    assert json.loads(lines.getvalue())["event"] == "[AutoTraderV2][ETH] buy filled"


def test_no_secret_in_text_values_names_or_tracebacks(lines: io.StringIO) -> None:
    log = structlog.get_logger()
    log.info(f"signed with {SECRET}", what=f"url?key={SECRET}", api_key="x", password="y", Authorization="z")
    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError:
        log.exception("failed")
    logging.getLogger("some.library").warning("header %s", SECRET)
    text = lines.getvalue()
    assert len(text.splitlines()) == 3
    assert SECRET not in text
    first = json.loads(text.splitlines()[0])
    assert (first["api_key"], first["password"], first["Authorization"]) == ("***", "***", "***")
    assert "ValueError" in text


def test_a_one_letter_key_does_not_blank_the_letter(lines: io.StringIO) -> None:
    logs.configure(level="INFO", form="json", secrets=["s"])
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(lines)
    structlog.get_logger().info("stopped")
    assert "stopped" in lines.getvalue()
