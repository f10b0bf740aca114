"""No secret in any sink (I11, W9): the program's own processes with recognisable keys, at their most talkative."""

import http.client
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from autotrader_v2.app import settings
from autotrader_v2.application.ports import TradingError
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Fault, gateway_page, lost_answer, server_error
from tests.canary import ALL, HOOK, HOOK_SECRET, KEY, SECRET, TOKEN, leaks, no_secret_in
from tests.contract.venues import an_intent
from tests.engine import a_price
from tests.processes import DOOR, Serving

ETH = rules_for("ETH")
PAGES = (
    "/",
    "/api/overview",
    "/api/openapi.json",
    "/api/autotrader/stats",
    "/api/orders",
    "/api/trades",
    "/api/decisions",
    "/api/params",
    "/api/limits",
    "/api/no-such-thing",
    "/static/..%2f..%2f.env",
)


def environment(sim: Simulator, folder: Path, **changes: str) -> dict[str, str]:
    """A trader's settings, with the secrets."""
    given = {
        "MTRADE_ENV_FILE": "",
        "MODE": "sandbox",
        "GATE_HOST": sim.url,
        "API_KEY": KEY,
        "API_SECRET": SECRET,
        "API_TOKEN": TOKEN,
        "AVAILABLE_SYMBOLS": "ETH",
        "DATA_DIR": str(folder),
        "LOG_LEVEL": "DEBUG",
        "NOTIFY_WEBHOOK_URL": f"http://127.0.0.1:9/{HOOK}",
        "NOTIFY_WEBHOOK_SECRET": HOOK_SECRET,
        "NOTIFY_WEBHOOK_PRIVATE": "yes",
    }
    return settings.environment_with(**given | changes)


def asked(serving: Serving, path: str, **headers: str) -> bytes:
    """An answer, whole."""
    where = urlsplit(serving.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return str(response.headers).encode() + response.read()
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["console", "json"])
def test_i11_w9_no_secret_of_a_running_engine_reaches_a_file_a_page_or_an_output(tmp_path: Path, form: str) -> None:
    """Lost answers, refusals, wrong tokens, every page, debug logs, and in the end a process that is shot."""
    faults = (server_error(500, executed=False), gateway_page(executed=True), lost_answer(), lost_answer(path="*my_*"))
    with Simulator([ETH], {"USDT": 1000}, key=KEY, secret=SECRET) as sim:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        with Serving(
            "--mode",
            "sandbox",
            "--data-dir",
            str(tmp_path / "data"),
            log=tmp_path / "serve.log",
            token=TOKEN,
            GATE_HOST=sim.url,
            API_KEY=KEY,
            API_SECRET=SECRET,
            AVAILABLE_SYMBOLS="ETH",
            LOG_LEVEL="DEBUG",
            LOG_FORMAT=form,
            # Nobody listens there: every alert ends in an error that knows the address.
            NOTIFY_WEBHOOK_URL=f"http://127.0.0.1:9/{HOOK}",
            NOTIFY_WEBHOOK_SECRET=HOOK_SECRET,
            NOTIFY_WEBHOOK_PRIVATE="yes",
            NOTIFY_WEBHOOK_MIN_PRIORITY="low",
        ) as serving:
            for fault in faults:
                sim.faults.add(fault)
            serving.post("/api/autotrader/switch", base_currency="ETH", mode="on")

            def bought() -> bool:
                sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
                return serving.cycle("ETH")["state"] == "ACTIVE"

            serving.until("a start buy", bought)
            answers = [asked(serving, path, Authorization=f"Bearer {TOKEN}") for path in PAGES]
            answers += [asked(serving, path) for path in PAGES]
            answers += [asked(serving, "/api/overview", Authorization=f"Bearer {TOKEN[:-1]}x")]
            answers += [asked(serving, "/api/overview", Cookie=f"session={TOKEN}")]
            sim.faults.add(
                Fault(path="*", method="*", times=100, execute=False, answer=server_error(executed=False).answer)
            )
            time.sleep(3)
            if hasattr(signal, "SIGABRT") and os.name == "posix":
                serving.process.send_signal(signal.SIGABRT)  # what dumps stacks dumps them now
                serving.process.wait(90)
            serving.kill()
    looked = no_secret_in(tmp_path, *answers, *serving.answers, "".join(serving.said))
    assert looked > 100_000
    assert (tmp_path / "serve.log").stat().st_size > 1000, "it did talk"


@pytest.mark.slow
def test_i11_w9_no_secret_in_what_the_other_commands_say(tmp_path: Path) -> None:
    """With right keys, with keys that the exchange refuses, and with settings that are refused."""
    with Simulator([ETH], {"USDT": 1000}, key=KEY, secret="another") as sim:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        tries = [
            (["doctor", "--json", "--notify"], {}),
            (["serve", "--no-browser", "--port", "0"], {"API_TOKEN": TOKEN[:10]}),
            (["serve", "--no-browser", "--port", "0"], {"API_SECRET": f"{SECRET} "}),
            (["serve", "--no-browser", "--port", "0"], {"GATE_HOST": f"http://{KEY}:{SECRET}@127.0.0.1:1/api/v4"}),
        ]
        for words, changes in tries:
            done = subprocess.run(
                [sys.executable, DOOR, *words],
                env=environment(sim, tmp_path / "data", **changes),
                capture_output=True,
                timeout=120,
                check=False,
            )
            assert done.returncode != 0, "the exchange, or we, refuse these keys"
            assert no_secret_in(done.stdout, done.stderr) > 50, words
    no_secret_in(tmp_path)


def test_i11_w9_no_secret_in_an_error_or_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """What the adapter raises, with every error behind it, and what libraries log at their most talkative."""
    caplog.set_level("DEBUG")
    errors: list[BaseException] = []
    with Simulator([ETH], {"USDT": 1000}, key=KEY, secret="another") as sim:
        exchange = GateExchange(sim.url, KEY, SECRET, SystemClock())
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        calls = (
            lambda: exchange.send(an_intent(market=ETH.market)),
            exchange.balances,
            lambda: exchange.rules([ETH.market]),
        )
        for fault in (None, lost_answer(path="*", method="*"), server_error(executed=False, path="*", method="*")):
            for call in calls:
                if fault is not None:
                    sim.faults.add(fault)
                try:
                    call()
                except TradingError as error:
                    errors.append(error)
        exchange.close()
    gone = GateExchange("http://127.0.0.1:9/api/v4", KEY, SECRET, SystemClock())
    try:
        gone.balances()
    except TradingError as error:
        errors.append(error)
    gone.close()
    assert len(errors) >= 4
    assert no_secret_in(*errors, *(repr(error) for error in errors), repr(exchange), caplog.text) > 1000
    assert leaks(f"a control: {ALL[0]}")
