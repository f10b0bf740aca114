"""Who gets in: the guard, the one-time link, sessions, CSRF, the bearer token, limits."""

from typing import Any

import pytest

from tests.web_double import HOST, KNOWN, STOP_TOKEN, DeskDouble, a_browser, a_script, a_web
from web.guard import Guard, allowed_hosts
from web.sessions import Session, Sessions

READ = "/api/overview"
WISH = "/api/autotrader/stop"


def through_guard(**environ: str) -> str:
    """The status that a request gets behind the guard."""
    told: list[str] = []

    def app(_environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b""]

    guard = Guard(app, allowed_hosts("127.0.0.1", 8787))
    guard({"HTTP_HOST": HOST, **environ}, lambda status, headers: told.append(status))
    return told[0][:3]


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost:8787", "LOCALHOST:8787"])
def test_the_page_answers_under_its_own_names(host: str) -> None:
    """This machine's names with the port."""
    assert through_guard(HTTP_HOST=host) == "200"
    assert through_guard(HTTP_HOST=host, HTTP_ORIGIN=f"http://{host}") == "200"


@pytest.mark.parametrize(
    "host",
    ["", "evil.test", "evil.test:8787", "127.0.0.1", "127.0.0.1:1", "localhost.evil.test:8787", "127.0.0.1:8787,evil"],
)
@pytest.mark.parametrize("path", ["/", "/api/overview", "/socket.io/"])
def test_w4_a_foreign_name_for_this_machine_is_refused(host: str, path: str) -> None:
    """DNS rebinding: a name that resolves to 127.0.0.1 is still not ours, whatever Origin says, Socket.IO included."""
    assert through_guard(HTTP_HOST=host, PATH_INFO=path, HTTP_ORIGIN=f"http://{host}") == "403"
    assert through_guard(HTTP_HOST=host, PATH_INFO=path) == "403"


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "https://127.0.0.1:8787", "http://127.0.0.1", ""])
def test_w1_w3_a_foreign_origin_is_refused(origin: str) -> None:
    """Also the sandboxed `null`, and our own name over another scheme."""
    assert through_guard(HTTP_ORIGIN=origin) == "403"


def test_w1_only_following_a_link_may_come_from_another_site() -> None:
    """A foreign page may lead here, but not fetch from here."""
    assert through_guard(HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_MODE="navigate") == "200"
    assert through_guard(HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_MODE="no-cors") == "403"
    assert through_guard(HTTP_SEC_FETCH_SITE="same-site", HTTP_SEC_FETCH_MODE="cors") == "403"


def test_the_link_opens_one_browser_once() -> None:
    """The second use shows the door, and so does a page without a session."""
    web = a_web()
    token = web.sessions.new_link_token()
    client = web.flask.test_client()
    link = f"http://{HOST}/open?token={token}"
    first = client.get(link)
    assert first.status_code == 200
    cookie = first.headers["Set-Cookie"]
    assert cookie.startswith("mtrade_8787=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get(f"http://{HOST}/").status_code == 200
    stranger = web.flask.test_client()
    assert stranger.get(link).status_code == 403
    door = stranger.get(f"http://{HOST}/")
    assert door.status_code == 401
    assert "console" in door.get_data(as_text=True)
    assert "Set-Cookie" not in door.headers


def test_looking_at_the_link_does_not_use_it() -> None:
    """HEAD is what previews send."""
    web = a_web()
    link = f"http://{HOST}/open?token={web.sessions.new_link_token()}"
    assert web.flask.test_client().head(link).status_code == 403
    assert web.flask.test_client().get(link).status_code == 200


def test_a_session_from_another_start_is_worth_nothing() -> None:
    """Sessions live in the process; the cookie is only a random key."""
    browser = a_browser(a_web())
    cookie = browser._client.get_cookie("mtrade_8787", domain="127.0.0.1")
    other = a_web().flask.test_client()
    other.set_cookie("mtrade_8787", cookie.value, domain="127.0.0.1")
    assert other.get(f"http://{HOST}{READ}").status_code == 401


def test_sessions_end_after_a_day_half_or_a_week() -> None:
    """Idle 12 hours, 7 days in all; a link lasts a day."""
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    used, idle = Session(), Session()
    sessions.open(used)
    sessions.open(idle)
    link = sessions.new_link_token()
    for _ in range(3):
        now[0] += 11 * 3600
        assert sessions.find(used.key) is used
    assert sessions.find(idle.key) is None
    assert not sessions.use_link_token(link)
    now[0] = 7 * 24 * 3600 + 1
    assert sessions.find(used.key) is None


def test_w1_the_page_needs_its_csrf_token_and_a_script_does_not() -> None:
    """The cookie alone changes nothing."""
    web = a_web(desk := DeskDouble())
    browser = a_browser(web)
    assert browser.get(READ).status_code == 200
    token, browser.csrf = browser.csrf, ""
    refused = browser.post(WISH, json={})
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "csrf")
    browser.csrf = "made-up"
    assert browser.post(WISH, json={}).status_code == 400
    browser.csrf = token
    assert browser.post(WISH, json={}).status_code == 200
    assert a_script(web).post(WISH, json={}).status_code == 200
    assert desk.calls == [("stop", "page"), ("stop", "api")]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic a-token-for-scripts", "a-token-for-scripts"])
def test_a_wrong_token_is_refused_even_in_a_signed_in_browser(header: str) -> None:
    """Whoever shows a token is judged by it."""
    browser = a_browser(a_web())
    refused = browser.get(READ, headers={"Authorization": header})
    assert (refused.status_code, refused.json["error"]["code"]) == (401, "bad_token")


def test_without_a_token_in_the_settings_none_is_good() -> None:
    """Not even an empty one."""
    web = a_web(api_token=None)
    for token in ("", "None", "a-token-for-scripts"):
        got = web.flask.test_client().get(f"http://{HOST}{READ}", headers={"Authorization": f"Bearer {token}"})
        assert got.status_code == 401


def test_w5_guessing_is_slowed_down() -> None:
    """Tokens and links: so many a minute."""
    web = a_web()
    client = web.flask.test_client()
    wrong = {"Authorization": "Bearer guess"}
    tokens = [client.get(f"http://{HOST}{READ}", headers=wrong).status_code for _ in range(25)]
    links = [client.get(f"http://{HOST}/open?token=guess").status_code for _ in range(15)]
    assert (tokens[0], tokens[-1]) == (401, 429)
    assert (links[0], links[-1]) == (403, 429)
    assert a_script(web).get(READ).status_code == 200


def test_w10_orders_have_a_limit_of_their_own() -> None:
    """Thirty a minute; strangers use up nothing of it."""
    web = a_web(desk := DeskDouble())
    stranger = web.flask.test_client()
    for _ in range(40):
        stranger.post(f"http://{HOST}/api/trade/quick/buy", json={"base_currency": "BTC"})
    script = a_script(web)
    statuses = [script.post("/api/trade/quick/buy", json={"base_currency": "BTC"}).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    assert desk.sent == 30


def test_a_new_link_goes_to_the_console_only() -> None:
    """Whoever asks for it on the page does not see it there."""
    lines: list[str] = []
    web = a_web(tell=lines.append)
    client = web.flask.test_client()
    answer = client.post(f"http://{HOST}/new-link")
    token = lines[0].partition("token=")[2].split()[0]
    assert token not in answer.get_data(as_text=True)
    assert client.get(f"http://{HOST}/open?token={token}").status_code == 200
    assert [client.post(f"http://{HOST}/new-link").status_code for _ in range(3)][-1] == 429


def test_w6_signing_out_ends_the_session() -> None:
    """The cookie is worth nothing afterwards."""
    browser = a_browser(a_web())
    assert browser.post("/sign-out", json={}).status_code == 200
    assert browser.get(READ).status_code == 401


def test_the_program_stops_only_for_its_own_token() -> None:
    """A session or the API token is not enough."""
    web = a_web(desk := DeskDouble())
    path = "/api/control/stop"
    assert a_browser(web).post(path).status_code == 403
    assert a_script(web).post(path, headers={"X-Stop-Token": "guess"}).status_code == 403
    assert not desk.stop_wanted
    assert web.flask.test_client().post(f"http://{HOST}{path}", headers={"X-Stop-Token": STOP_TOKEN}).status_code == 202
    assert desk.stop_wanted
    assert a_web(stop_token="").flask.test_client().post(f"http://{HOST}{path}").status_code == 403


def test_a_comparison_is_told_to_the_command_line_only_for_the_token() -> None:
    web = a_web(desk := DeskDouble())
    path = "/api/control/reconcile"
    assert a_browser(web).post(path).status_code == 403
    assert a_script(web).post(path, headers={"X-Stop-Token": "guess"}).status_code == 403
    client, shown = web.flask.test_client(), {"X-Stop-Token": STOP_TOKEN}
    assert desk.calls == []
    told = client.post(f"http://{HOST}{path}", headers=shown)
    assert (told.status_code, told.json["asked"]) == (200, "compared")
    newest = client.post(f"http://{HOST}{path}?newest=1", headers=shown)
    assert newest.status_code == 200
    assert desk.calls == [("compared", ("anew", True)), ("compared", ("anew", False))]


@pytest.mark.parametrize("mode", [("paper", "PAPER"), ("sandbox", "TESTNET"), ("live", "LIVE")])
def test_the_document_itself_says_the_mode(mode: tuple[str, str]) -> None:
    """Before any script runs: word, frame, title, icon."""
    desk = DeskDouble()
    desk.mode, word = mode
    page = a_browser(a_web(desk)).get("/").get_data(as_text=True)
    name = {"sandbox": "testnet"}.get(desk.mode, desk.mode)
    assert f'data-mode="{name}"' in page
    assert f"<title>{word} · mTrade</title>" in page
    assert f"icon-{name}.svg" in page
    assert f"<span>{word}</span>" in page


def test_w11_every_answer_carries_the_security_headers() -> None:
    """Pages, API, files and errors alike."""
    browser = a_browser(a_web())
    for path in ("/", READ, "/static/js/main.js", "/nowhere", f"/api/coin?base_currency={KNOWN[0]}"):
        headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_w2_the_documents_hold_nothing_inline() -> None:
    """No script, style or handler in the markup: the policy would block it, and a test is sooner than a browser."""
    web = a_web()
    pages = [a_browser(web).get("/").get_data(as_text=True), web.flask.test_client().get(f"http://{HOST}/").text]
    for page in pages:
        assert "style=" not in page
        assert "<style" not in page
        assert " on" not in "".join(part.partition(">")[0] for part in page.split("<button"))
        assert all(
            tag.startswith((' src="/static', ' type="module" src="/static')) for tag in page.split("<script")[1:]
        )
