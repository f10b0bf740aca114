"""Alerts: told once, counted while they repeat, remembered over a restart."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.application.alerts import KEPT, WINDOW_MS, Alerts
from autotrader_v2.application.events import Alert, Priority
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.application.vigil import TOLD
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.store import SqlJournal
from tests.engine import BINDING
from tests.unit.test_catalogues import EN, ROOT

ETH = Market("gate", "ETH", "USDT")


def an_alert(time_ms: int, **changes: Any) -> Alert:
    """An order of unknown outcome. Name only what the test is about."""
    usual: dict[str, Any] = {
        "code": "order_unknown",
        "priority": Priority.HIGH,
        "market": ETH,
        "values": {"side": "buy"},
    }
    return Alert(time_ms=time_ms, **usual | changes)


@pytest.mark.parametrize("priority", list(Priority))
def test_the_same_again_is_counted_and_the_next_one_says_how_often(priority: Priority) -> None:
    """Within a quarter of an hour, an hour, six hours: by how loud it is."""
    alerts, window_ms = Alerts(), WINDOW_MS[priority]
    first = alerts.offer(an_alert(0, priority=priority))
    assert first is not None
    assert first.times == 1
    assert alerts.offer(an_alert(1, priority=priority)) is None
    assert alerts.offer(an_alert(window_ms - 1, priority=priority)) is None
    again = alerts.offer(an_alert(window_ms, priority=priority))
    assert again is not None
    assert again.times == 3
    assert [(one.times, one.last_ms) for one in alerts.recent()] == [(4, window_ms)]


def test_another_coin_or_another_order_is_another_alert() -> None:
    """But a longer wait or a higher count is the same one."""
    alerts = Alerts()
    assert alerts.offer(an_alert(0)) is not None
    assert alerts.offer(an_alert(0, market=None)) is not None
    assert alerts.offer(an_alert(0, values={"side": "sell"})) is not None
    assert alerts.offer(an_alert(0, values={"side": "buy", "count": "2", "seconds": "9"})) is None


def test_the_list_is_short_and_newest_first() -> None:
    alerts = Alerts()
    for number in range(KEPT + 20):
        alerts.offer(an_alert(number, values={"client_id": str(number)}))
    shown = [one.last_ms for one in alerts.recent()]
    assert shown == list(range(KEPT + 19, 19, -1))


class _Disk:
    """A journal as far as alerts go."""

    def __init__(self) -> None:
        self.full = True
        self.kept: list[Any] = []

    def write(self, *records: Any) -> None:
        if self.full:
            raise JournalUnavailable("The disk is full.", do="Free some space.")
        self.kept += records


def test_p7_alerts_of_a_full_disk_are_written_when_it_is_not() -> None:
    """None is written twice, the oldest give way after a hundred."""
    alerts, disk = Alerts(), _Disk()
    for number in range(120):
        alerts.keep(an_alert(number))
    assert not alerts.write(disk)  # type: ignore[arg-type]
    disk.full = False
    assert alerts.write(disk)  # type: ignore[arg-type]
    assert alerts.write(disk)  # type: ignore[arg-type]
    assert [one.time_ms for one in disk.kept] == list(range(20, 120))


def test_alerts_are_there_after_a_restart(tmp_path: Path) -> None:
    """Read from the journal, newest first; they do not silence what happens now."""
    told: Sequence[Alert] = [an_alert(1), an_alert(2, market=None, values={}, priority=Priority.LOW)]
    journal = SqlJournal(tmp_path / "journal.sqlite3", BINDING, account=BINDING.account)
    journal.load()
    journal.write(*told)
    journal.close()
    journal = SqlJournal(tmp_path / "journal.sqlite3", BINDING, account=BINDING.account)
    journal.load()
    try:
        alerts = Alerts()
        alerts.recall(journal.alerts(KEPT))
    finally:
        journal.close()
    assert [one.alert for one in alerts.recent()] == [told[1], told[0]]
    assert alerts.offer(an_alert(3)) is not None


def test_every_part_and_every_state_of_it_has_words() -> None:
    """Codes are found where health is made and where lines are begun."""
    health = (ROOT / "autotrader_v2" / "application" / "health.py").read_text("utf-8")
    trader = (ROOT / "autotrader_v2" / "application" / "trader.py").read_text("utf-8")
    named = re.findall(r'name="(\w+)",\s*ok=False,\s*code="(\w+)"', health)
    assert ("feed", "silent") in named
    assert {f"health.{name}.{code}" for name, code in named} <= EN.keys()
    lines = set(re.findall(r'spawn\("([\w-]+)"', trader)) | {"workers", "senders"} | {name for name, _ in named}
    assert {f"health.{line}" for line in lines} <= EN.keys()
    assert {f"alert.{name}_{code}" for name, code in TOLD} <= EN.keys()
