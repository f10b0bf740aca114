"""The API: routes translate, bodies are checked, errors have one shape, keys make commands happen once."""

import csv
import io
import json
import re
import threading
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotrader_v2.application.archive import Which
from autotrader_v2.application.lab import LabWish, SearchWish
from autotrader_v2.application.refusals import CommandRefused
from tests.web_double import TOKEN, DeskDouble, a_script, a_web
from web.endpoints import Told

POSTS = {
    "/api/autotrader/start": {},
    "/api/autotrader/stop": {},
    "/api/autotrader/toggle": {"base_currency": "BTC", "enabled": True},
    "/api/autotrader/switch": {"base_currency": "BTC", "mode": "finish"},
    "/api/autotrader/reset_cycle": {"base_currency": "BTC"},
    "/api/autotrader/resume_cycle": {"base_currency": "BTC"},
    "/api/autotrader/adopt": {"base_currency": "BTC", "price": "100.5"},
    "/api/autotrader/ignore_coins": {"base_currency": "BTC"},
    "/api/autotrader/write_off": {"base_currency": "BTC"},
    "/api/trade/params": {"base_currency": "BTC", "steps": 4, "start_quote": "20.50", "budget_quote": None},
    "/api/limits": {"total_budget": "500", "max_active_cycles": 4},
    "/api/reconcile": {},
    "/api/order_limits": {"coin_orders_5min": 5, "band_pct": "7.5"},
    "/api/trade/quick/buy": {"base_currency": "BTC", "quote_amount": "12.5", "shown_price": "100.1"},
    "/api/trade/quick/sell_all": {"base_currency": "BTC", "then": "restart"},
    "/api/trade/quick/sell_everything": {"confirm": "SELL ALL"},
    "/api/trade/quick/sell_everything/stop": {},
    "/api/backups": {},
    "/api/paper/reset": {"confirm": "RESET"},
    "/api/settings": {"name": "LOG_LEVEL", "value": "DEBUG"},
    "/api/breakeven/preview": {"base_currency": "BTC", "drop_step_pct": "2"},
    "/api/symbols/set-active": {"symbols": ["BTC", "ETH"]},
    "/api/symbols/add": {"symbol": "SOL/USDT"},
    "/api/symbols/remove": {"symbol": "BTC"},
    "/api/symbols/primary": {"symbol": "ETH"},
    "/api/bot/start": {},
    "/api/bot/stop": {"symbol": "BTC"},
    "/orchestrator/start": {},
    "/orchestrator/pause": {},
    "/orchestrator/resume": {},
    "/orchestrator/stop": {},
    "/api/autotrader/adopt/preview": {"base_currency": "BTC", "from_trades": True},
    "/api/autotrader/exit_at_breakeven": {"base_currency": "BTC"},
    "/api/presets": {"name": "calm", "steps": 3, "profit_pct": "1.5"},
    "/api/presets/delete": {"name": "calm"},
    "/api/lab/run": {
        "name": " a  b ",
        "symbols": ["BTC_USDT", "BTC_USDT"],
        "interval_ms": 300_000,
        "budget": "500.5",
        "ladder": {"steps": 3},
    },
    "/api/lab/search": {
        "symbols": ["BTC_USDT"],
        "interval_ms": 300_000,
        "budget": "500.5",
        "ladder": {"steps": 3},
        "ranges": [{"name": "drop_step_pct", "begin": "1", "end": "2", "step": "0.5"}],
        "trials": 9,
        "objectives": ["profit", "drawdown", "profit"],
    },
    "/api/lab/stop_search": {},
    "/api/lab/cancel": {"id": "0123456789ab"},
    "/api/lab/name": {"id": "0123456789ab", "name": "calm"},
    "/api/lab/delete": {"id": "0123456789ab"},
    "/api/lab/history": {"base_currency": "BTC"},
}
GETS = {
    "/api/alerts": {},
    "/api/health": {},
    "/api/autotrader/stats": {"currency": "BTC"},
    "/api/overview": {},
    "/api/system": {},
    "/api/paper": {},
    "/api/settings": {},
    "/api/logs": {"base_currency": "BTC", "level": "warning", "after": "7", "limit": "20"},
    "/api/backups": {},
    "/api/trade/quick/sell_everything": {},
    "/api/halts": {},
    "/api/limits": {},
    "/api/reconcile": {},
    "/api/order_limits": {},
    "/api/coin": {"base_currency": "BTC"},
    "/api/symbols": {},
    "/api/before_switch": {"base_currency": "BTC"},
    "/api/breakeven/table": {"base_currency": "BTC"},
    "/api/trade/params": {"base_currency": "BTC"},
    "/api/trade/quick/preview": {"base_currency": "BTC", "quote_amount": "10"},
    "/api/trades": {"symbol": "BTC", "limit": "5", "before": "9", "cycle": "3"},
    "/api/decisions": {"base_currency": "BTC", "kind": "hold", "why": "between_steps"},
    "/api/record": {"kind": "alert", "before": "5.alert.7"},
    "/api/order": {"client_id": "t-a1b2-7.1"},
    "/api/dashboard": {"today_ms": "3", "week_ms": "2", "month_ms": "1"},
    "/api/calendar": {"borders": "1,2,3"},
    "/api/equity": {"since_ms": "5", "points": "50"},
    "/api/orders": {},
    "/api/cycles": {"base_currency": "BTC", "limit": "3"},
    "/api/chart/data/BTC": {"interval": "1h", "limit": "10"},
    "/api/symbols/list": {},
    "/api/symbols/active": {},
    "/api/status/all": {},
    "/api/signals": {"symbol": "BTC", "limit": "5"},
    "/orchestrator/status": {"symbol": "ETH"},
    "/pnl/today": {"symbol": "ETH"},
    "/api/order_book": {"base_currency": "BTC"},
    "/api/presets": {},
    "/api/lab/data": {},
    "/api/lab/runs": {},
    "/api/lab/sweeps": {},
    "/api/lab/sweep": {"name": "sweep-1", "x": "drop_step_pct", "y": "size_multiplier"},
    "/api/lab/ladder": {"name": "sweep-1", "number": "3"},
    "/api/lab/run": {"id": "0123456789ab"},
    "/api/lab/history": {"base_currency": "BTC"},
}
FILES = {
    "/api/trades.csv": {"symbol": "BTC", "side": "sell", "why": "take_profit"},
    "/api/orders.csv": {"state": "filled"},
    "/api/decisions.csv": {"kind": "buy"},
    "/api/record.csv": {"kind": "command"},
    "/api/fifo.csv": {"since_ms": "1", "until_ms": "2"},
}
# Tried in test_web_door.py.
DOOR = {
    ("get", "/api/tokens"),
    ("post", "/api/tokens/create"),
    ("post", "/api/tokens/revoke"),
    ("get", "/api/password"),
    ("post", "/api/password"),
    ("post", "/api/password/confirm"),
}
CALLED = {
    "/api/autotrader/start": ("start", "api"),
    "/api/autotrader/stop": ("stop", "api"),
    "/api/autotrader/toggle": ("switch", "BTC", "on", "api"),
    "/api/autotrader/switch": ("switch", "BTC", "finish", "api"),
    "/api/autotrader/reset_cycle": ("reset_cycle", "BTC", "api"),
    "/api/autotrader/resume_cycle": ("resume_cycle", "BTC", "api"),
    "/api/autotrader/adopt": ("adopt", "BTC", ("price", Decimal("100.5")), ("from_trades", False), ("by", "api")),
    "/api/autotrader/ignore_coins": ("ignore_coins", "BTC", "api"),
    "/api/autotrader/write_off": ("write_off", "BTC", "api"),
    "/api/trade/params": ("set_params", "BTC", {"start_quote": "20.50", "steps": 4, "budget_quote": None}, "api"),
    "/api/limits": ("set_limits", Decimal(500), 4, "api"),
    "/api/reconcile": ("reconcile_now",),
    "/api/order_limits": ("set_order_limits", {"coin_orders_5min": 5, "band_pct": Decimal("7.5")}, "api"),
    "/api/trade/quick/buy": ("quick_buy", "BTC", Decimal("12.5"), "api", Decimal("100.1")),
    "/api/trade/quick/sell_all": ("sell_all", "BTC", "restart", "api"),
    "/api/trade/quick/sell_everything": ("sell_everything", "api"),
    "/api/trade/quick/sell_everything/stop": ("stop_selling", "api"),
    "/api/backups": ("back_up",),
    "/api/paper/reset": ("reset_paper", "api"),
    "/api/settings": ("change_start_setting", "LOG_LEVEL", "DEBUG", "api"),
    "/api/breakeven/preview": ("table", "BTC", {"drop_step_pct": "2"}),
    "/api/symbols/set-active": ("set_active", ["BTC", "ETH"], "api"),
    "/api/symbols/add": ("add_symbol", "SOL/USDT", "api"),
    "/api/symbols/remove": ("remove_symbol", "BTC", "api"),
    "/api/symbols/primary": ("set_primary", "ETH", "api"),
    "/api/bot/start": ("start", "api"),
    "/api/bot/stop": ("switch", "BTC", "off", "api"),
    "/orchestrator/start": ("start", "api"),
    "/orchestrator/pause": ("switch", None, "sell_only", "api"),
    "/orchestrator/resume": ("switch", None, "on", "api"),
    "/orchestrator/stop": ("stop", "api"),
    "/api/autotrader/adopt/preview": ("adoption", "BTC", ("price", None), ("from_trades", True)),
    "/api/autotrader/exit_at_breakeven": ("exit_at_breakeven", "BTC", True, "api"),
    "/api/presets": ("save_preset", "calm", {"steps": 3, "profit_pct": "1.5"}, "api"),
    "/api/presets/delete": ("delete_preset", "calm", "api"),
    "/api/lab/run": (
        "lab.begin",
        LabWish(
            name="a b",
            symbols=("BTC_USDT",),
            interval_ms=300_000,
            from_ms=0,
            to_ms=None,
            budget="500.5",
            ladder={"steps": 3},
        ),
    ),
    "/api/lab/search": (
        "lab.search",
        SearchWish(
            name="",
            symbols=("BTC_USDT",),
            interval_ms=300_000,
            from_ms=0,
            to_ms=None,
            budget="500.5",
            ladder={"steps": 3},
            ranges={"drop_step_pct": "1:2:0.5"},
            trials=9,
            objectives=("profit", "drawdown"),
        ),
    ),
    "/api/lab/stop_search": ("lab.stop_search",),
    "/api/lab/cancel": ("lab.cancel", "0123456789ab"),
    "/api/lab/name": ("lab.rename", "0123456789ab", "calm"),
    "/api/lab/delete": ("lab.delete", "0123456789ab"),
    "/api/lab/history": ("lab_history", "BTC", ("ask", True)),
}


def test_every_post_translates_into_one_call() -> None:
    """Values arrive exactly, with who asked."""
    web = a_web(desk := DeskDouble())
    script = a_script(web)
    for path, body in POSTS.items():
        answer = script.post(path, json=body)
        assert (answer.status_code, answer.json["success"]) == (200, True), (path, answer.json)
        assert desk.calls[-1] == CALLED[path]


def test_every_get_answers() -> None:
    """With what the desk told beside `success`."""
    web = a_web(desk := DeskDouble())
    script = a_script(web)
    for path, query in GETS.items():
        answer = script.get(path, query_string=query)
        assert (answer.status_code, answer.json["success"]) == (200, True), (path, answer.json)
    assert ("trades", Which(market="BTC", before="9", cycle_id=3), 5) in desk.calls  # type: ignore[arg-type]
    assert ("decisions", Which(market="BTC", state="hold", why="between_steps"), 100) in desk.calls  # type: ignore[arg-type]
    assert ("calendar", (1, 2, 3)) in desk.calls
    assert ("equity", 5, 50) in desk.calls
    assert ("cycle_history", "BTC", 3) in desk.calls
    assert ("lab.run", "0123456789ab") in desk.calls
    assert ("lab_history", "BTC", ("ask", False)) in desk.calls


@pytest.mark.parametrize(
    ("path", "query"),
    sorted(FILES.items()),
)
def test_files_are_told_as_csv_and_no_cell_is_a_formula(path: str, query: dict[str, str]) -> None:
    """Numbers stay numbers; times are UTC."""
    answer = a_script(a_web(DeskDouble())).get(path, query_string=query)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    [row] = csv.DictReader(io.StringIO(answer.get_data(as_text=True)))
    assert row["symbol"] == "'=BTC"
    assert row.get("result", "-1.5") == "-1.5"
    assert row.get("time_utc", "2023-11-14T22:13:20.000Z") == "2023-11-14T22:13:20.000Z"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/calendar", {"borders": "3,2"}),
        ("/api/calendar", {"borders": "1"}),
        ("/api/calendar", {"borders": "1,x"}),
        ("/api/calendar", {"borders": ",".join(str(n) for n in range(402))}),
        ("/api/dashboard", {"today_ms": "1"}),
        ("/api/equity", {"points": "1"}),
        ("/api/trades", {"side": "both"}),
        ("/api/trades", {"before": "'; drop"}),
        ("/api/trades.csv", {"limit": "5"}),
        ("/api/order", {"client_id": "%"}),
        ("/api/orders", {"state": "gone"}),
        ("/api/lab/run", {"id": "../../etc/passwd"}),
        ("/api/lab/run", {}),
    ],
)
def test_a_bad_question_is_refused(path: str, query: dict[str, str]) -> None:
    """With a 400, and nothing is asked of the desk."""
    answer = a_script(a_web(desk := DeskDouble())).get(path, query_string=query)
    assert (answer.status_code, desk.calls) == (400, [])


def test_a_switch_without_a_currency_is_the_global_one() -> None:
    """And a resume without one is the account's."""
    web = a_web(desk := DeskDouble())
    script = a_script(web)
    script.post("/api/autotrader/switch", json={"mode": "sell_only"})
    script.post("/api/autotrader/resume_cycle")
    script.post("/api/trade/params", json={"steps": 3})
    script.post("/api/trade/params?base_currency=ETH", json={"steps": 3})
    assert desk.calls == [
        ("switch", None, "sell_only", "api"),
        ("resume_cycle", None, "api"),
        ("set_params", None, {"steps": 3}, "api"),
        ("set_params", "ETH", {"steps": 3}, "api"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": 12.5}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": "1e3"}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": "NaN"}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": "Infinity"}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": "-1"}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": "0"}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": "1,5"}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": True}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amount": "٣"}, "quote_amount"),
        ("/api/trade/quick/buy", {"base_currency": "BTC", "quote_amont": "5"}, "quote_amont"),
        ("/api/trade/quick/buy", {"base_currency": 5}, "base_currency"),
        ("/api/trade/quick/buy", {}, "base_currency"),
        ("/api/trade/quick/sell_all", {"base_currency": "BTC", "then": "run"}, "then"),
        ("/api/trade/quick/sell_everything", {"confirm": "yes"}, "confirm"),
        ("/api/trade/params", {"size_multiplier": "0"}, "size_multiplier"),
        ("/api/lab/run", {"symbols": ["../x"], "interval_ms": 60_000, "budget": "5", "ladder": {}}, "symbols.0"),
        ("/api/lab/run", {"symbols": [], "interval_ms": 60_000, "budget": "5", "ladder": {}}, "symbols"),
        ("/api/lab/run", {"symbols": ["A_B1"] * 11, "interval_ms": 60_000, "budget": "5", "ladder": {}}, "symbols"),
        ("/api/lab/run", {"symbols": ["A_USDT"], "interval_ms": 60_000, "budget": 5.5, "ladder": {}}, "budget"),
        ("/api/lab/run", {"symbols": ["A_USDT"], "interval_ms": 1, "budget": "5", "ladder": {}}, "interval_ms"),
        ("/api/lab/name", {"id": "0123456789ab", "name": "x" * 61}, "name"),
        ("/api/lab/name", {"id": "0123456789ab", "name": "a\u0000b"}, "name"),
        ("/api/lab/delete", {"id": "0123456789AB"}, "id"),
        ("/api/autotrader/toggle", {"base_currency": "BTC", "enabled": "yes"}, "enabled"),
        ("/api/autotrader/switch", {"base_currency": "BTC", "mode": "maybe"}, "mode"),
        ("/api/trade/params", {"base_currency": "BTC", "steps": 101}, "steps"),
        ("/api/trade/params", {"base_currency": "BTC", "steps": "4"}, "steps"),
        ("/api/trade/params", {"base_currency": "BTC", "drop_step_pct": "-1"}, "drop_step_pct"),
        ("/api/trade/params", {"base_currency": "BTC", "sizes": ["1", "x"]}, "sizes.1"),
    ],
)
def test_w12_a_bad_value_is_refused_with_its_field(path: str, body: dict[str, Any], field: str) -> None:
    """And nothing is asked of the desk."""
    web = a_web(desk := DeskDouble())
    answer = a_script(web).post(path, json=body)
    assert (answer.status_code, answer.json["error"]["field"]) == (400, field)
    assert answer.json["success"] is False
    assert desk.calls == []


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b'{"base_currency": "BTC", "base_currency": "ETH"}', "application/json", 400),
        (b'{"base_currency": "BTC", "quote_amount": NaN}', "application/json", 400),
        (b'{"base_currency": "BTC", "quote_amount": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"base_currency": "\\ud800"}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"base_currency": "BTC"}', "text/plain", 415),
        (b"base_currency=BTC", "application/x-www-form-urlencoded", 415),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_w10_w12_a_body_that_is_no_json_object_is_refused(raw: bytes, kind: str, status: int) -> None:
    """Whatever is wrong with it."""
    web = a_web(desk := DeskDouble())
    answer = a_script(web).open("POST", "/api/trade/quick/buy", data=raw, content_type=kind)
    assert answer.status_code == status
    assert answer.json["error"]["code"]
    assert desk.calls == []


def test_queries_are_as_strict_as_bodies() -> None:
    """Unknown, doubled, out of range."""
    script = a_script(a_web())
    for query in (
        "limit=0",
        "limit=x",
        "limit=1001",
        "limit=-1",
        "before=99999999999999999999",
        "smybol=BTC",
        "limit=1&limit=2",
    ):
        answer = script.get(f"/api/trades?{query}")
        assert (answer.status_code, answer.json["success"]) == (400, False), query


def test_refusals_keep_their_code_status_and_values() -> None:
    """As the desk gave them."""
    web = a_web(desk := DeskDouble())

    def busy() -> None:
        raise CommandRefused("order_in_flight", "BTC waits for rebuy 3.", values={"what": "rebuy 3"})

    desk.before_order = busy
    answer = a_script(web).post("/api/trade/quick/buy", json={"base_currency": "BTC"})
    assert answer.status_code == 409
    assert answer.json["error"] == {
        "code": "order_in_flight",
        "message": "BTC waits for rebuy 3.",
        "values": {"what": "rebuy 3"},
    }
    missing = a_script(web).get("/api/coin?base_currency=NOPE")
    assert (missing.status_code, missing.json["error"]["code"]) == (404, "unknown_currency")


def test_paths_and_methods_that_do_not_exist_are_told_in_json() -> None:
    """Also outside of /api."""
    script = a_script(a_web())
    for method, path, status in (("GET", "/api/nothing", 404), ("GET", "/api/autotrader/stop", 405), ("PUT", "/", 405)):
        answer = script.open(method, path)
        assert (answer.status_code, answer.json["success"]) == (status, False)


def test_the_same_key_gives_the_same_answer_and_one_order() -> None:
    """A double click, one after the other."""
    web = a_web(desk := DeskDouble())
    script = a_script(web)
    body = {"base_currency": "BTC", "quote_amount": "12.5"}
    answers = [script.post("/api/trade/quick/buy", json=body, headers={"Idempotency-Key": "k1"}).json for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert desk.sent == 1
    other = script.post("/api/trade/quick/buy", json={"base_currency": "ETH"}, headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json["error"]["code"]) == (409, "idempotency_conflict")
    elsewhere = script.post("/api/trade/quick/sell_all", json=body | {}, headers={"Idempotency-Key": "k1"})
    assert elsewhere.status_code in (400, 409)
    assert desk.sent == 1


def test_two_at_once_with_one_key_are_one_order() -> None:
    """The second waits for the first."""
    web = a_web(desk := DeskDouble())
    entered, go = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        go.wait(60)

    desk.before_order = wait
    answers: list[Any] = []

    def press() -> None:
        script = a_script(web)
        answers.append(
            script.post("/api/trade/quick/buy", json={"base_currency": "BTC"}, headers={"Idempotency-Key": "k"}).json
        )

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert entered.wait(60)
    go.set()
    for thread in threads:
        thread.join(5)
    assert desk.sent == 1
    assert answers == [answers[0]] * 4


def test_an_order_whose_answer_was_lost_in_a_crash_is_not_sent_again() -> None:
    """Begun before it is sent: a repeat under the same key after the crash asks the person to look."""
    desk = DeskDouble()

    def crash() -> None:
        raise KeyboardInterrupt

    desk.before_order = crash
    with pytest.raises(KeyboardInterrupt):
        a_script(a_web(desk)).post(
            "/api/trade/quick/buy", json={"base_currency": "BTC"}, headers={"Idempotency-Key": "k"}
        )
    desk.before_order = lambda: None
    again = a_script(a_web(desk)).post(
        "/api/trade/quick/buy", json={"base_currency": "BTC"}, headers={"Idempotency-Key": "k"}
    )
    assert (again.status_code, again.json["error"]["code"]) == (409, "outcome_unknown")
    assert desk.sent == 0


def test_a_refused_order_stays_refused_under_its_key() -> None:
    """What was answered once is answered again."""
    web = a_web(desk := DeskDouble())

    def refuse() -> None:
        raise CommandRefused("quote_too_old", "There is no fresh price.")

    desk.before_order = refuse
    script = a_script(web)
    wish = {"json": {"base_currency": "BTC"}, "headers": {"Idempotency-Key": "k"}}
    first = script.post("/api/trade/quick/buy", **wish)
    desk.before_order = lambda: None
    second = script.post("/api/trade/quick/buy", **wish)
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert desk.sent == 0


@pytest.mark.parametrize("key", ["", "with space", "x" * 129, "кириллица"])
def test_a_malformed_key_is_refused(key: str) -> None:
    """Before anything is done."""
    web = a_web(desk := DeskDouble())
    sent = key.encode().decode("latin-1")
    answer = a_script(web).post("/api/autotrader/stop", json={}, headers={"Idempotency-Key": sent})
    assert (answer.status_code, desk.calls) == (400, [])


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["BTC", "1", "on"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(sorted({name for body in POSTS.values() for name in body} | {"sizes", "size_mode", "x"}))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(sorted(POSTS)), body=st.dictionaries(_FIELDS, _JSON, max_size=5) | _JSON)
def test_no_body_breaks_the_server(path: str, body: Any) -> None:
    """Whatever is sent: done, or a 4xx with a code. Never a 5xx."""
    answer = _FUZZED.post(path, data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, (answer.status_code, body)
    assert answer.json["success"] is (answer.status_code == 200)


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(sorted(GETS)), query=st.dictionaries(_FIELDS | st.text(max_size=5), st.text(max_size=12)))
def test_no_query_breaks_the_server(path: str, query: dict[str, str]) -> None:
    """The same for questions."""
    answer = _FUZZED.get(path, query_string=query)
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, (answer.status_code, query)
    assert answer.json["success"] is (answer.status_code == 200)


@settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=300), path=st.sampled_from(sorted(POSTS)))
def test_no_bytes_break_the_server(raw: bytes, path: str) -> None:
    """Nor do bytes that are no JSON at all."""
    answer = _FUZZED.open("POST", path, data=raw, content_type="application/json")
    assert answer.status_code == 200 or 400 <= answer.status_code < 500


_FUZZED = a_script(a_web())


def test_the_openapi_document_describes_every_endpoint() -> None:
    """Made from the models: names, kinds and limits are those that are checked. It is open to all."""
    web = a_web()
    document = web.flask.test_client().get("http://127.0.0.1:8787/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}
    asked = {("post", path) for path in POSTS} | {("get", path) for path in (*GETS, *FILES)}
    asked |= DOOR
    assert described == {(method, re.sub(r"^(/api/chart/data)/BTC", r"\1/{symbol}", path)) for method, path in asked}
    routes = {
        re.sub(r"<(?:[a-z]+:)?([a-z]+)>", r"{\1}", rule.rule)
        for rule in web.flask.url_map.iter_rules()
        if isinstance(getattr(web.flask.view_functions[rule.endpoint], "told", None), Told)
    }
    assert {path for _, path in described} == routes
    buy = document["paths"]["/api/trade/quick/buy"]["post"]
    schema = document["components"]["schemas"][
        buy["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
    ]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["base_currency"]
    assert any(one["name"] == "Idempotency-Key" for one in buy["parameters"])
    assert TOKEN not in json.dumps(document)
    for reference in _references(document):
        _, components, kind, name = reference.split("/")
        assert name in document[components][kind]
    assert buy["responses"]["409"]["$ref"].endswith("/409")
    told = buy["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
    assert document["components"]["schemas"][told]["additionalProperties"] is False
    assert "average" in document["components"]["schemas"][told]["properties"]


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [one for value in part.values() for one in _references(value)]
    return [one for value in part for one in _references(value)] if isinstance(part, list) else []
