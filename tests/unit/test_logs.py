"""A line says whose it is and never holds a secret."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

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


def test_a_storm_of_the_same_error_is_one_line_a_minute_with_its_count() -> None:
    """Another value or another kind of error is another line; what is not loud is never dropped."""
    now_s = 0.0
    calm = logs.Calm(lambda: now_s)

    def kept(method: str = "warning", **event: object) -> dict[str, object] | None:
        try:
            return dict(calm(None, method, {"event": "a read failed", **event}))
        except structlog.DropEvent:
            return None

    assert kept() == {"event": "a read failed"}
    for _ in range(500):
        assert kept() is None
    assert kept(what="timeout") is not None
    assert kept("info") == kept("info") == {"event": "a read failed"}
    now_s = 61.0
    assert kept() == {"event": "a read failed", "repeated": 500}
    now_s = 130.0
    assert kept() == {"event": "a read failed"}


def test_p18_log_files_rotate_by_size_and_hold_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten files at most, each within its size, whatever is written."""
    monkeypatch.setattr(logs, "_FILE_BYTES", 4_000)
    logs.configure(level="INFO", form="console", secrets=[SECRET], folder=tmp_path / "logs")
    try:
        logging.getLogger().handlers[0].setLevel(logging.CRITICAL)
        for number in range(1_000):
            structlog.get_logger().info(f"line {number} {SECRET}", api_key="another-secret")
    finally:
        structlog.reset_defaults()
        for handler in logging.getLogger().handlers:
            handler.close()
        logging.getLogger().handlers = []
    files = sorted((tmp_path / "logs").iterdir())
    assert len(files) == 10
    assert all(file.stat().st_size <= 4_000 for file in files)
    text = "".join(file.read_text("utf-8") for file in files)
    assert "line 999" in text
    assert SECRET not in text
    assert "another-secret" not in text
