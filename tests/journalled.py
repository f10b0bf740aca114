"""A journal that the whole program wrote on paper, over candles at full speed; and commands run in this process."""

import gc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import structlog

from autotrader_v2.app.cli import main
from autotrader_v2.app.compose import build
from autotrader_v2.app.settings import load
from autotrader_v2.application.desk import Desk
from autotrader_v2.application.ports import Binding
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.infrastructure.feeds.played_feed import PlayedFeed

BEGIN_MS = 1_769_900_400_000  # 2026-01-31 23:00 UTC, so that a day ends on the way
MINUTE_MS = 60_000
_PATIENCE_S = 120.0


def candles(path: Path, minutes: int = 240, begin: str = "100") -> Path:
    """Falls in waves of 5 % and comes back, four times, with a spike in each wave."""
    rows, price = ["timestamp_ms,open,high,low,close"], Decimal(begin)
    for number in range(minutes):
        step = Decimal("-0.0025") if number % 60 < 30 else Decimal("0.0028")
        after = (price * (1 + step)).quantize(Decimal("0.01"))
        high, low = max(price, after) + Decimal("0.05"), min(price, after) - Decimal("0.04")
        rows.append(f"{BEGIN_MS + number * MINUTE_MS},{price},{high},{low},{after}")
        price = after
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def written(
    folder: Path,
    recording: Path,
    *,
    meanwhile: Callable[[AutoTraderV2], None] = lambda _: None,
    before_the_end: Callable[[], object] = lambda: None,
    balance: str = "1000",
    **flags: str,
) -> Path:
    """Play the recording to its end; returns the journal. `meanwhile`: what a person does before it begins.

    `before_the_end`: called when all is played, with the engine still there.
    """
    given = {"mode": "paper", "feed": f"replay:{recording}", "speed": "max", "data_dir": str(folder), "seed": "3"}
    folder.mkdir(exist_ok=True)
    settings = load(given | {"paper_balance": f"USDT={balance}"} | flags).settings
    binding = Binding("paper", "", "", "replay")
    desk = Desk(binding, stop=lambda: None, available=settings.markets, primary=settings.primary_market)
    trader = build(settings, desk, hold=None)
    try:
        meanwhile(trader)
        trader.start()
        assert isinstance(trader.feed, PlayedFeed)
        assert trader.feed.wait_finished(_PATIENCE_S), "the recording was not played to its end"
        trader.settle()
        before_the_end()
    finally:
        trader.stop()
    (journal,) = folder.glob("*.sqlite3")
    return journal


def command(*words: object) -> int:
    """Run a command line in this process; what it silences for itself is heard again afterwards."""
    logs, garbage = structlog.get_config(), gc.get_threshold()
    try:
        return main([str(word) for word in words])
    finally:
        structlog.configure(**logs)
        gc.set_threshold(*garbage)
