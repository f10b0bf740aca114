"""The ladder of a first start: one that a search found, written down, so that no later version changes it."""

from pathlib import Path

import pytest

from autotrader_v2.app.compose import build
from autotrader_v2.app.settings import load
from autotrader_v2.application.desk import Desk
from autotrader_v2.application.ports import Binding
from autotrader_v2.application.shipped_ladders import SHIPPED


def _common(folder: Path, **flags: str) -> dict[str, str]:
    """What the journal has as the common ladder after a start there."""
    given = {"mode": "paper", "feed": "synthetic", "available_symbols": "BTC,ETH", "data_dir": str(folder)} | flags
    settings = load(given).settings
    desk = Desk(
        Binding("paper", "", "", "synthetic"),
        stop=lambda: None,
        available=settings.markets,
        primary=settings.primary_market,
    )
    trader = build(settings, desk, hold=None)
    try:
        return dict(trader.floor.journal.load().params[None])
    finally:
        trader.stop()


def test_a_first_start_begins_with_the_balanced_ladder_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LADDER")
    begun = _common(tmp_path)
    assert begun == SHIPPED["balanced"]
    # Another word later changes no money that is at work.
    assert _common(tmp_path, ladder="eager") == begun


@pytest.mark.parametrize("name", ["careful", "eager"])
def test_a_first_start_begins_with_the_ladder_that_is_named(tmp_path: Path, name: str) -> None:
    assert _common(tmp_path, ladder=name) == SHIPPED[name]
