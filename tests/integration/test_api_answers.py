"""The answers of the real server are what its models say: every route, in every state that a small life passes."""

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from autotrader_v2.app.values import ENV_FILE_NAME
from tests.answers import problem_of
from tests.browser.served import API_TOKEN, Served
from tests.lab_files import a_file, a_study, waves
from tests.unit.test_web_api import DOOR, FILES, GETS
from web.endpoints import Told
from web.fields import Part, Reply

LIMIT_S = 60
# A person's browser only (test_web_door.py); and coins that are gone from the account (test_reconcile.py).
_ELSEWHERE = {
    "/api/password",
    "/api/password POST",
    "/api/password/confirm POST",
    "/api/autotrader/write_off POST",
}


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("answers")) as one:
        one.engine.until("it runs", lambda: one.engine.trader.running)
        yield one


def ask(served: Served, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """As a script does."""
    connection = http.client.HTTPConnection("127.0.0.1", served.web.port, timeout=LIMIT_S)
    sent = {"Authorization": f"Bearer {API_TOKEN}", "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), sent)
    response = connection.getresponse()
    read = response.read()
    connection.close()
    return response.status, json.loads(read) if response.headers["Content-Type"] == "application/json" else read


def told_of(served: Served) -> dict[str, Told]:
    """Every described route of the URL map; those that are posted to with their method."""
    app = served.web._web.flask
    found = {}
    for rule in app.url_map.iter_rules():
        told = getattr(app.view_functions[rule.endpoint], "told", None)
        if isinstance(told, Told):
            found[rule.rule + (" POST" if "POST" in (rule.methods or ()) else "")] = told
    return found


def test_every_route_answers_as_its_model_says(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field without a model fails, and so does a route that was never answered here."""
    monkeypatch.setenv(ENV_FILE_NAME, str(tmp_path / "answers.env"))

    def look() -> None:
        client_id = next(iter(ask(served, "GET", "/api/orders")[1]["orders"]), {}).get("client_id", "t-none.1")
        for path, query in {**GETS, **FILES, **{path: {} for method, path in DOOR if method == "get"}}.items():
            given = {**query, **({"client_id": client_id} if path == "/api/order" else {})}
            given = {name: value for name, value in given.items() if name not in ("before", "cycle", "kind", "why")}
            ask(served, "GET", path + "?" + "&".join(f"{name}={value}" for name, value in given.items()))

    def do(path: str, **body: Any) -> Any:
        status, told = ask(served, "POST", path, body)
        assert status == 200, (path, told)
        return told

    look()
    do("/api/autotrader/toggle", base_currency="BTC", enabled=True)
    do("/orchestrator/resume")
    served.engine.until("bought", lambda: served.engine.state("BTC") == "ACTIVE")
    do("/api/presets", name="calm", steps=3)
    do("/api/trade/params", base_currency="BTC", steps=4, sizes=None)
    do("/api/breakeven/preview", base_currency="BTC", steps=0)
    do("/api/breakeven/preview", base_currency="ETH", start_quote="1")
    do("/api/limits", total_budget="500")
    do("/api/order_limits", band_pct="7.5")
    do("/api/backups")
    do("/api/settings", name="LOG_LEVEL", value="DEBUG")
    made = do("/api/tokens/create", name="one", scope="read")
    look()
    do("/api/tokens/revoke", id=made["id"])
    do("/api/autotrader/exit_at_breakeven", base_currency="BTC")
    do("/api/trade/quick/buy", base_currency="ETH", quote_amount="50", shown_price="4000")
    served.price("BTC", "59000")
    do("/api/symbols/set-active", symbols=["BTC", "ETH"])
    do("/api/symbols/primary", symbol="ETH")
    do("/api/symbols/remove", symbol="SOL")
    do("/api/symbols/add", symbol="SOL")
    do("/api/reconcile")
    look()
    do("/orchestrator/pause")
    do("/api/autotrader/switch", base_currency="ETH", mode="sell_only")
    do("/api/autotrader/reset_cycle", base_currency="ETH")
    do("/api/autotrader/adopt/preview", base_currency="ETH", price="3000")
    look()
    do("/api/autotrader/ignore_coins", base_currency="ETH")
    do("/api/autotrader/resume_cycle", base_currency="ETH")
    do("/api/trade/quick/buy", base_currency="ETH", quote_amount="50")
    do("/api/autotrader/reset_cycle", base_currency="ETH")
    do("/api/autotrader/adopt", base_currency="ETH", price="3000")
    do("/api/trade/quick/sell_all", base_currency="ETH")
    do("/api/trade/quick/sell_everything", confirm="SELL ALL")
    do("/api/trade/quick/sell_everything/stop")
    served.engine.until("all is sold", lambda: ask(served, "GET", "/api/overview")[1]["selling"]["ended_ms"])
    look()
    do("/api/presets/delete", name="calm")
    for path in (
        "/api/bot/stop",
        "/api/bot/start",
        "/orchestrator/stop",
        "/orchestrator/start",
        "/api/autotrader/stop",
    ):
        do(path)
    look()
    do("/api/autotrader/start")
    do("/api/paper/reset", confirm="RESET")
    a_backtest(served, do)
    silent = told_of(served).keys() - served.answers.succeeded - _ELSEWHERE
    assert silent == set(), "these never succeeded here"


def a_backtest(served: Served, do: Callable[..., Any]) -> None:
    """A run that is kept, one that is cancelled, a coin's past, a search."""
    a_file(served.engine.folder / "candles", "BTC_USDT_5m.csv", waves())
    a_study(served.engine.folder / "studies.db")
    until = served.engine.until

    def get(path: str) -> Any:
        return ask(served, "GET", f"/api/lab/{path}")[1]

    until("candles seen", lambda: get("data")["files"], 60)
    wish = {"symbols": ["BTC_USDT"], "interval_ms": 300_000, "budget": "500", "ladder": {"steps": 3}}
    kept = do("/api/lab/run", **wish)["id"]
    over = do("/api/lab/run", **wish)["id"]
    do("/api/lab/cancel", id=over)
    do("/api/lab/name", id=kept, name="calm")
    do("/api/lab/history", base_currency="BTC")
    ranges = [{"name": "drop_step_pct", "begin": "1", "end": "2", "step": "1"}]
    do("/api/lab/search", **wish, ranges=ranges, trials=9, objectives=["profit"])
    do("/api/lab/stop_search")
    until("played", lambda: get(f"run?id={kept}")["result"], 240)
    until("the past is known", lambda: get("history?base_currency=BTC")["figures"], 240)
    assert get("runs")["runs"][-1]["name"] == "calm"
    do("/api/lab/delete", id=over)
    until("searches seen", lambda: (get("sweeps")["told"] or {}).get("sweeps"), 60)
    shown = "sweep?name=sweep-1&x=steps&y=drop_step_pct&figure=capital"
    until("a search seen", lambda: get(shown)["told"], 60)
    until("a ladder asked for", lambda: get("ladder?name=sweep-1&number=0")["code"] == "old_search", 60)


def test_every_route_says_what_it_answers(served: Served) -> None:
    """With a model of its own kind; only a file has none, and what only does something is `Done`."""
    for route, told in told_of(served).items():
        assert told.file or told.tells, route
        assert all(issubclass(model, Reply) for model in told.tells), route


def test_a_new_field_without_a_model_fails() -> None:
    """So the check above can fail: a field too many, one missing, a number where text belongs."""

    class Inner(Part):
        price: str

    class Outer(Reply):
        inner: Inner

    assert problem_of(Outer, '{"success": true, "inner": {"price": "1.5"}}') == ""
    for bad in (
        '{"success": true, "inner": {"price": "1.5", "new": 1}}',
        '{"success": true, "inner": {}}',
        '{"success": true, "inner": {"price": 1.5}}',
        '{"success": false, "inner": {"price": "1.5"}}',
    ):
        assert "Outer" in problem_of(Outer, bad), bad


def test_every_model_of_an_answer_forbids_what_it_does_not_name(served: Served) -> None:
    """Down to the innermost part; nothing but `Recorded.values` is left open."""
    schemas = ask(served, "GET", "/api/openapi.json")[1]["components"]["schemas"]
    for model in _subclasses(Part):
        assert model.model_config.get("extra") == "forbid", model.__name__
    for told in told_of(served).values():
        for answer in told.tells:
            assert schemas[answer.__name__]["additionalProperties"] is False
    assert schemas["Error"]["additionalProperties"] is False


def _subclasses(model: type[BaseModel]) -> set[type[BaseModel]]:
    found = set(model.__subclasses__())
    return found | {one for below in found for one in _subclasses(below)}
