"""`mTrade.py reconcile` as people call it: beside a running mTrade, without one, and dry."""

import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from autotrader_v2.app import settings
from autotrader_v2.app.values import ROOT
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import lost_request, server_error
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


def test_beside_a_running_one_a_dry_run_tells_the_age_and_the_orders_of_unknown_outcome(tmp_path: Path) -> None:
    with Simulator([ETH], {"USDT": 1000}) as sim:
        keys = {"GATE_HOST": sim.url, "API_KEY": "key", "API_SECRET": "secret", "AVAILABLE_SYMBOLS": "ETH"}
        flags = ("--mode", "sandbox", "--data-dir", str(tmp_path / "data"))

        def fresh() -> None:
            sim.feed(a_price(ETH.market, D(2500), ETH.tick))

        fresh()
        with Serving(*flags, log=tmp_path / "serve.log", **keys) as engine:
            # The first order is lost, and while finished orders cannot be listed nobody can prove that it never was.
            sim.faults.add(lost_request())
            sim.faults.add(server_error(executed=False, path="/spot/orders*", method="GET", times=0))
            engine.post("/api/autotrader/switch", base_currency="ETH", mode="on")

            def unknown() -> bool:
                fresh()
                return any(halt["code"] == "order_unknown" for halt in engine.get("/api/halts")["halts"])

            engine.until("an order of unknown outcome", unknown)
            [order] = engine.get("/api/orders?symbol=ETH")["orders"]
            found = engine.get("/api/reconcile")["report"]
            code, text = reconcile("--json", "--dry-run", *flags, **keys)
            dry = told(text)
            assert (code, dry["source"], dry["dry_run"]) == (1, "running", True), text
            assert dry["unknown_orders"] == [order["client_id"]]
            assert dry["time_ms"] >= found["time_ms"]
            asked_ms = int(time.time() * 1000)
            assert 0 <= dry["age_ms"] <= asked_ms - dry["time_ms"], "the report's age, as it was told"
            code, text = reconcile("--dry-run", *flags, **keys)
            assert code == 1, text
            assert order["client_id"] in text
            assert "what it found last" in text or "в последний раз" in text
            compared = told(reconcile("--json", *flags, **keys)[1])
            assert (compared["unknown_orders"], compared["dry_run"]) == ([order["client_id"]], False)
            assert compared["time_ms"] > dry["time_ms"]
            engine.kill()
        stopped = told(reconcile("--json", "--dry-run", *flags, **keys)[1])
        assert (stopped["source"], stopped["unknown_orders"]) == ("journal", [order["client_id"]])


def test_without_an_account_there_is_nothing_to_compare(tmp_path: Path) -> None:
    code, text = reconcile("--mode", "paper", "--data-dir", str(tmp_path / "data"))
    assert (code, "no account" in text) == (1, True), text


def test_without_a_database_nothing_was_traded_and_nothing_is_asked(tmp_path: Path) -> None:
    keys = {"GATE_HOST": "http://127.0.0.1:9/api/v4", "API_KEY": "key", "API_SECRET": "secret"}
    flags = ("--mode", "sandbox", "--data-dir", str(tmp_path / "data"))
    code, text = reconcile(*flags, **keys)
    assert (code, "nothing was traded here yet" in text) == (1, True), text
