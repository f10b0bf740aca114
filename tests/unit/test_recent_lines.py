"""The newest log lines for the page: bounded, filtered, without secrets."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from autotrader_v2.app import logs
from autotrader_v2.app.recent_lines import RecentLines


@pytest.fixture
def lines() -> Iterator[RecentLines]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    recent = RecentLines()
    logs.configure(level="INFO", form="console", secrets=["made-up-secret-1"], recent=recent)
    yield recent
    root.handlers, root.level = handlers, level


def told(lines: RecentLines, currency: str | None = None, level: str = "info", after: int = 0) -> list[str]:
    return [str(one["text"]) for one in lines.newest(currency=currency, level=level, after=after, limit=100)]


def test_lines_are_told_oldest_first_by_coin_and_level(lines: RecentLines) -> None:
    log = structlog.get_logger()
    log.info("bought", currency="ETH", price="2500")
    log.warning("slow")
    assert told(lines) == ["bought", "slow"]
    assert told(lines, currency="ETH") == ["bought"]
    assert told(lines, level="warning") == ["slow"]
    [first, second] = lines.newest(currency=None, level="info", after=0, limit=100)
    assert (first["currency"], first["values"], second["currency"]) == ("ETH", {"price": "2500"}, None)
    assert told(lines, after=int(first["seq"])) == ["slow"]
    assert [one["text"] for one in lines.newest(currency=None, level="info", after=0, limit=1)] == ["slow"]


def test_w9_no_secret_is_kept_not_even_in_a_traceback(lines: RecentLines) -> None:
    try:
        raise ValueError("it was made-up-secret-1")
    except ValueError:
        structlog.get_logger().exception("made-up-secret-1 failed", api_key="x")
    [line] = lines.newest(currency=None, level="error", after=0, limit=10)
    assert "made-up-secret-1" not in str(line)
    assert "ValueError" in line["values"]["exception"]
    assert line["values"]["api_key"] == "***"


def test_only_the_newest_are_kept(lines: RecentLines) -> None:
    log = structlog.get_logger()
    for number in range(3100):
        log.info(f"line {number}")
    kept = lines.newest(currency=None, level="debug", after=0, limit=10_000)
    assert len(kept) == 3000
    assert kept[-1]["text"] == "line 3099"
