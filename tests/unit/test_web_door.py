"""Tokens, the password, lock-out and audit, at the web side; the store behind them is in memory."""

import pytest

from tests.web_double import HOST, STOP_TOKEN, DeskDouble, a_browser, a_script, a_web
from web.errors import Refused
from web.lockout import Lockout

PASSWORD = "a long made-up one"


def test_a_token_is_shown_once_and_kept_hashed() -> None:
    """Listed by name, scope and last use; the secret is in no list and nowhere in the store."""
    web = a_web(desk := DeskDouble())
    owner = a_browser(web)
    made = owner.post("/api/tokens/create", json={"name": "my script", "scope": "read"}).json
    secret = made["secret"]
    assert len(secret) >= 40
    assert secret not in repr(desk.door.store.kept)
    script = a_script(web)
    script._headers = {"Authorization": f"Bearer {secret}"}
    assert script.get("/api/overview").status_code == 200
    listed = owner.get("/api/tokens")
    assert secret not in listed.get_data(as_text=True)
    assert [(one["name"], one["scope"], one["used_ms"]) for one in listed.json["tokens"]] == [
        ("my script", "read", 1_700_000_000_000)
    ]
    again = owner.post("/api/tokens/create", json={"name": "my script", "scope": "admin"})
    assert again.json["error"]["code"] == "bad_value"


def test_a_revoked_token_is_worth_nothing() -> None:
    """From the next request on."""
    web = a_web(desk := DeskDouble())
    secret = desk.door.credentials.create("x", "admin", "test")["secret"]
    script = a_script(web)
    script._headers = {"Authorization": f"Bearer {secret}"}
    assert script.get("/api/tokens").status_code == 200
    assert a_script(web).post("/api/tokens/revoke", json={"id": "x"}).status_code == 200
    assert script.get("/api/overview").json["error"]["code"] == "bad_token"
    assert a_script(web).post("/api/tokens/revoke", json={"id": "x"}).status_code == 404


def test_a_token_acts_under_its_name() -> None:
    """What it asks for says so."""
    web = a_web(desk := DeskDouble())
    script = a_script(web)
    made = desk.door.credentials.create("night job", "trade", "test")
    script._headers = {"Authorization": f"Bearer {made['secret']}"}
    script.post("/api/autotrader/stop", json={})
    assert desk.calls == [("stop", "token night job")]


def test_the_console_makes_tokens() -> None:
    """With the machine's own token; what is asked is checked as everywhere."""
    client = a_web(desk := DeskDouble()).flask.test_client()
    path, shown = f"http://{HOST}/api/control/tokens", {"X-Stop-Token": STOP_TOKEN}
    made = client.post(path, headers=shown, json={"do": "create", "name": "x", "scope": "trade"})
    assert made.json["secret"]
    assert [one["name"] for one in client.post(path, headers=shown, json={"do": "list"}).json["tokens"]] == ["x"]
    assert client.post(path, headers=shown, json={"do": "revoke", "id": "x"}).status_code == 200
    assert client.post(path, headers=shown, json={"do": "create", "name": "x", "scope": "all"}).status_code == 400
    assert list(desk.door.credentials.listed()) == []


def test_w5_guessing_the_password_gets_slower_and_the_owner_is_told() -> None:
    """Five wrong ones lock for a minute, the next for two; while locked nothing is compared."""
    now_s, told, compared = [0.0], [], [0]
    lockout = Lockout(told.append, lambda: now_s[0])

    def wrong() -> bool:
        compared[0] += 1
        return False

    def code() -> str:
        with pytest.raises(Refused) as refused:
            lockout.attempt(wrong)
        return refused.value.code

    assert [code() for _ in range(5)] == ["wrong_password"] * 5
    assert (code(), compared[0], told) == ("too_many_requests", 5, [{"count": "5", "seconds": "60"}])
    now_s[0] += 61
    assert code() == "wrong_password"
    assert told[-1] == {"count": "6", "seconds": "120"}
    now_s[0] += 119
    assert code() == "too_many_requests"
    now_s[0] += 2
    lockout.attempt(lambda: True)
    assert code() == "wrong_password"


def test_w5_many_wrong_tokens_are_told_to_the_owner() -> None:
    """And refused without looking."""
    web = a_web(desk := DeskDouble())
    client = web.flask.test_client()
    for _ in range(25):
        client.get(f"http://{HOST}/api/overview", headers={"Authorization": "Bearer guess"})
    assert "token_guessed" in desk.door.told


def test_w6_a_new_password_ends_every_other_session_and_link() -> None:
    """The browser that set it stays; the old password is asked for, wrong ones count."""
    web = a_web(desk := DeskDouble())
    mine, other = a_browser(web), a_browser(web)
    link = web.sessions.new_link_token()
    assert mine.post("/api/password", json={"password": "short"}).json["error"]["code"] == "bad_value"
    assert other.get("/api/overview").status_code == 200
    assert mine.post("/api/password", json={"password": PASSWORD}).status_code == 200
    assert mine.get("/api/overview").status_code == 200
    assert other.get("/api/overview").status_code == 401
    assert not web.sessions.use_link_token(link)
    assert "password_set" in desk.door.told
    wrong = mine.post("/api/password", json={"password": "another long one", "current": "guess"})
    assert wrong.json["error"]["code"] == "wrong_password"
    assert mine.post("/api/password", json={"password": "another long one", "current": PASSWORD}).status_code == 200
    assert desk.door.credentials.is_password("another long one")
    assert not desk.door.credentials.is_password(PASSWORD)


def test_w6_a_session_gets_a_new_key_when_it_signs_in_again() -> None:
    """A key that somebody planted or saw is worth nothing afterwards."""
    web = a_web()
    browser = a_browser(web)
    before = browser._client.get_cookie("mtrade_8787", domain="127.0.0.1").value
    browser.get(f"/open?token={web.sessions.new_link_token()}")
    after = browser._client.get_cookie("mtrade_8787", domain="127.0.0.1").value
    assert before != after
    thief = web.flask.test_client()
    thief.set_cookie("mtrade_8787", before, domain="127.0.0.1")
    assert thief.get(f"http://{HOST}/api/overview").status_code == 401


def test_w6_the_password_is_kept_by_a_slow_function() -> None:
    """Salted scrypt: twice the same password is not twice the same digest, and the text is nowhere."""
    _, desk = a_web(), DeskDouble()
    desk.door.credentials.set_password(PASSWORD, "test")
    desk.door.credentials.set_password(PASSWORD, "test")
    digests = [one.digest for one in desk.door.store.kept if one.kind == "password"]
    assert len(set(digests)) == 2
    assert PASSWORD not in repr(desk.door.store.kept)
    assert desk.door.credentials.is_password(PASSWORD)
    assert not desk.door.credentials.is_password(PASSWORD + " ")
    assert not DeskDouble().door.credentials.is_password("")


def test_e18_every_call_that_changes_something_is_audited() -> None:
    """Who, what, answer; never a password or a token. Strangers and readers fill no disk."""
    web = a_web(desk := DeskDouble())
    browser, script = a_browser(web), a_script(web)
    script.post("/api/trade/quick/buy", json={"base_currency": "BTC", "quote_amount": "5"})
    browser.post("/api/autotrader/switch", json={"mode": "perhaps"})
    browser.post("/api/password", json={"password": PASSWORD})
    script.post("/orchestrator/stop?symbol=BTC")
    script.get("/api/overview")
    script.post("/api/breakeven/preview", json={"base_currency": "BTC", "steps": 3})
    web.flask.test_client().post(f"http://{HOST}/api/autotrader/stop", json={})
    assert [(by, values["call"], values["status"]) for by, values in desk.door.audited] == [
        ("api", "POST /api/trade/quick/buy", "200"),
        ("page", "POST /api/autotrader/switch", "400"),
        ("page", "POST /api/password", "200"),
        ("api", "POST /orchestrator/stop", "200"),
    ]
    values = [values for _, values in desk.door.audited]
    assert '"quote_amount": "5"' in values[0]["asked"]
    assert values[1]["code"] == "bad_value"
    assert PASSWORD not in repr(values)
    assert '"symbol": "BTC"' in values[3]["asked"]


def test_the_api_has_a_readable_page() -> None:
    """Every route of the document, without scripts of its own or requests elsewhere."""
    web = a_web()
    client = web.flask.test_client()
    answer = client.get(f"http://{HOST}/api/docs")
    page = answer.get_data(as_text=True)
    for path in client.get(f"http://{HOST}/api/openapi.json").json["paths"]:
        assert f"<code>{path}</code>" in page
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "style=" not in page
    assert page.count("<script") == 1
    assert "//" not in page.replace("http://www.w3.org", "")


def test_who_asks_again_hears_only_what_changed() -> None:
    """An ETag on every reading answer; the same one back is 304 without a body."""
    script = a_script(a_web())
    first = script.get("/api/symbols")
    again = script.get("/api/symbols", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert script.get("/api/symbols", headers={"If-None-Match": '"another"'}).json == first.json
