"""Who may call what: a matrix made from the URL map, so that a new route without a rule fails here (row W1)."""

from collections.abc import Iterator
from typing import Any

import pytest

from autotrader_v2.application.ports import Scope
from tests.web_double import HOST, STOP_TOKEN, DeskDouble, a_browser, a_script, a_web
from web.access import CONFIRMED_FOR_S
from web.app import Web
from web.scopes import RULES, Who, rule_of

_SAFE = ("GET", "HEAD", "OPTIONS")
# Refusals of the door; everything else was let in, whatever the view said then.
_REFUSALS = {"sign_in", "not_allowed", "csrf", "bad_token", "password_needed", "confirm"}
ROLES = ("nobody", "page", "page without its CSRF token", "read", "trade", "admin", "API_TOKEN")


def routes() -> list[tuple[str, str]]:
    """Every (method, path) of the URL map."""
    return sorted(
        (method, rule.rule)
        for rule in a_web().flask.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def may(role: str, method: str, path: str) -> bool:
    """What the rule says of a role."""
    needs = rule_of(method, path).needs
    if needs is Who.ANYONE:
        return True
    if needs is Who.MACHINE or role == "nobody":
        return False
    if role.startswith("page"):
        return role == "page" or method in _SAFE
    scope = Scope.ADMIN if role == "API_TOKEN" else Scope(role)
    return isinstance(needs, Scope) and scope.covers(needs)


def client_of(web: Web, desk: DeskDouble, role: str) -> Any:
    if role == "nobody":
        client = a_script(web)
        client._headers = {}
        return client
    if role.startswith("page"):
        browser = a_browser(web)
        if role != "page":
            browser.csrf = ""
        return browser
    script = a_script(web)
    if role != "API_TOKEN":
        made = desk.door.credentials.create(f"one that may {role}", role, "test")
        script._headers = {"Authorization": f"Bearer {made['secret']}"}
    return script


def test_w1_every_route_has_a_rule_and_every_rule_a_route() -> None:
    """In `web/scopes.py`; a route without one is refused to every token."""
    assert set(routes()) - RULES.keys() == set(), "add these to web/scopes.py"
    assert RULES.keys() - set(routes()) == set(), "these routes are gone"


@pytest.mark.parametrize("role", ROLES)
def test_w1_route_by_role_by_method(role: str) -> None:
    """Every route with every method it knows: let in exactly when the rule says so; a refused one asks nothing."""
    web = a_web(desk := DeskDouble())
    client = client_of(web, desk, role)
    for method, path in routes():
        for tried in (method, "HEAD") if method == "GET" else (method,):
            if path == "/sign-out" and role == "page":
                continue  # tried in test_web_access.py: it ends the session
            at = path.replace("<path:symbol>", "BTC").replace("<path:filename>", "js/main.js")
            before = len(desk.calls)
            answer = client.post(at, json={}) if tried == "POST" else client.open(tried, at)
            refused = answer.status_code in (401, 403) or _code(answer) in _REFUSALS
            if rule_of(method, path).needs is Who.ANYONE:
                assert _code(answer) not in _REFUSALS, (role, tried, path)
                continue
            assert refused is not may(role, method, path), (role, tried, path, answer.status_code)
            if refused:
                assert len(desk.calls) == before, (role, tried, path)


def test_w1_nothing_changes_by_get() -> None:
    """GET never mutates: no GET route is a command."""
    web = a_web()
    for rule in web.flask.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            told = getattr(web.flask.view_functions[rule.endpoint], "told", None)
            assert told is None or not (told.once or told.order), rule.rule


def test_methods_that_a_route_does_not_know_are_refused() -> None:
    """PUT, PATCH, DELETE, TRACE on everything."""
    script = a_script(a_web(desk := DeskDouble()))
    for _, path in routes():
        at = path.replace("<path:symbol>", "BTC").replace("<path:filename>", "js/main.js")
        for method in ("PUT", "PATCH", "DELETE", "TRACE"):
            assert script.open(method, at).status_code == 405, (method, path)
    assert desk.calls == []


def spending() -> Iterator[tuple[str, dict[str, Any]]]:
    for (method, path), rule in RULES.items():
        if rule.money:
            assert method == "POST"
            yield path, {"mode": "on", "enabled": True} if rule.money == "on" else {}


def test_w6_real_money_asks_for_the_password_again() -> None:
    """Every spending route, at the page; ten minutes after it was shown again. Stopping never asks, nor does paper."""
    now_s = [1000.0]
    web = a_web(desk := DeskDouble())
    web.flask.extensions["lockout"].now_s = lambda: now_s[0]
    browser = a_browser(web)

    def codes() -> set[str]:
        return {_code(browser.post(path, json=body)) for path, body in spending()}

    assert not codes() & _REFUSALS
    desk.door.real_money = True
    before = list(desk.calls)
    assert codes() == {"password_needed"}
    desk.door.credentials.set_password("a long made-up one", "test")
    assert codes() == {"confirm"}
    assert desk.calls == before
    assert browser.post("/api/password/confirm", json={"password": "a long made-up one"}).status_code == 200
    assert not codes() & _REFUSALS
    now_s[0] += CONFIRMED_FOR_S + 1
    assert codes() == {"confirm"}
    web = a_web(desk := DeskDouble())
    desk.door.real_money = True
    browser = a_browser(web)
    for path, body in (
        ("/api/autotrader/switch", {"mode": "sell_only"}),
        ("/api/autotrader/switch", {"mode": "off", "base_currency": "BTC"}),
        ("/api/autotrader/toggle", {"enabled": False, "base_currency": "BTC"}),
        ("/api/autotrader/stop", {}),
        ("/orchestrator/pause", None),
    ):
        assert browser.post(path, json=body).status_code == 200, path


def test_a_route_that_only_machines_may_call_needs_their_token() -> None:
    """Of a file that only its owner can read."""
    client = a_web().flask.test_client()
    for (method, path), rule in RULES.items():
        if rule.needs is Who.MACHINE:
            for shown, status in (({}, 403), ({"X-Stop-Token": "guess"}, 403)):
                assert client.open(f"http://{HOST}{path}", method=method, headers=shown).status_code == status
            right = client.open(f"http://{HOST}{path}", method=method, headers={"X-Stop-Token": STOP_TOKEN})
            assert right.status_code != 403


def _code(answer: Any) -> str:
    told = answer.get_json(silent=True)
    return str(told["error"]["code"]) if isinstance(told, dict) and "error" in told else ""
