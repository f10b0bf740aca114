"""`mTrade.py reconcile` as people call it: beside a running mTrade, without one, and dry."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from autotrader_v2.app import settings
from autotrader_v2.app.values import ROOT
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests.engine import a_price
from tests.processes import Serving

ETH = rules_for("ETH")
D = Decimal


def reconcile(*flags: str, **environment: str) -> tuple[int, str]:
    """The command: exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "mTrade.py"), "reconcile", *flags],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        env=settings.environment_with(**{"MTRADE_ENV_FILE": "", "NOTIFY_OS": "off", **environment}),
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def told(text: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(text.splitlines()[-1])
    return answer


def test_it_asks_the_running_one_and_compares_by_itself_when_none_runs(tmp_path: Path) -> None:
    with Simulator([ETH], {"USDT": 1000}) as sim:
        keys = {"GATE_HOST": sim.url, "API_KEY": "key", "API_SECRET": "secret", "AVAILABLE_SYMBOLS": "ETH"}
        flags = ("--mode", "sandbox", "--data-dir", str(tmp_path / "data"))

        def fresh() -> None:
            sim.feed(a_price(ETH.market, D(2500), ETH.tick))

        fresh()
        with Serving(*flags, log=tmp_path / "serve.log", **keys) as engine:
            engine.post("/api/autotrader/switch", base_currency="ETH", mode="on")
            engine.until("a start buy", lambda: (fresh(), engine.cycle("ETH")["state"] == "ACTIVE")[1])
            code, text = reconcile("--json", *flags, **keys)
            assert (code, told(text)["source"], told(text)["complete"]) == (0, "running", True), text
            assert engine.stop() == 0
        held = sim.account().total("ETH")
        sim.trade_by_hand("ETH_USDT", Side.SELL, D("0.0020"))
        code, text = reconcile("--json", "--dry-run", *flags, **keys)
        dry = told(text)
        assert (code, dry["source"], dry["dry_run"]) == (0, "journal", True), text
        [sold] = [one for one in dry["differences"] if one["kind"] == "sold_by_hand"]
        assert (D(sold["amount"]), sold["corrected"]) == (held - sim.account().total("ETH"), True)
        again = told(reconcile("--json", *flags, **keys)[1])
        assert again["differences"] == dry["differences"], "the dry run changed nothing"
        code, text = reconcile(*flags, **keys)
        assert code == 0, text
        assert "agree" in text or "сходится" in text
        assert len(sim.account().trades) == 2, "nothing was traded"


def test_without_an_account_there_is_nothing_to_compare(tmp_path: Path) -> None:
    code, text = reconcile("--mode", "paper", "--data-dir", str(tmp_path / "data"))
    assert (code, "no account" in text) == (1, True), text


def test_without_a_database_nothing_was_traded_and_nothing_is_asked(tmp_path: Path) -> None:
    keys = {"GATE_HOST": "http://127.0.0.1:9/api/v4", "API_KEY": "key", "API_SECRET": "secret"}
    flags = ("--mode", "sandbox", "--data-dir", str(tmp_path / "data"))
    code, text = reconcile(*flags, **keys)
    assert (code, "nothing was traded here yet" in text) == (1, True), text
