"""`mTrade.py token` on the real journal, and its tokens at the served page."""

import http.client
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autotrader_v2.app.outside import database_of
from autotrader_v2.app.settings import Settings
from autotrader_v2.app.token_command import run_token
from autotrader_v2.app.values import FeedKind
from tests.browser.served import Served


def test_tokens_are_made_listed_and_revoked_without_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kept hashed in the journal's database, and there again at the next opening."""
    settings = Settings(_env_file=None, feed="synthetic", data_dir=tmp_path)  # type: ignore[call-arg]
    said: list[str] = []

    def run(**wish: str) -> dict[str, object]:
        code = run_token(settings, wish, as_json=True, say=said.append)
        told = capsys.readouterr().out
        return json.loads(told) if code == 0 else {"code": code}

    secret = str(run(do="create", name="my script", scope="trade")["secret"])
    assert run(do="create", name="my script", scope="trade") == {"code": 1}
    assert said == ["There is a token of that name."]
    listed = run(do="list")["tokens"]
    assert [(one["name"], one["scope"]) for one in listed] == [("my script", "trade")]  # type: ignore[attr-defined]
    database = database_of(settings, FeedKind.SYNTHETIC)
    with closing(sqlite3.connect(database)) as books:
        rows = books.execute("SELECT * FROM credentials").fetchall()
    assert len(rows) == 1
    assert secret not in repr(rows)
    run(do="revoke", id="my script")
    assert run(do="list") == {"tokens": []}


def test_a_token_opens_what_its_scope_allows_and_calls_are_in_the_journal(tmp_path: Path) -> None:
    """Over a real socket, with the real journal behind it."""
    with Served(tmp_path) as served:
        served.engine.until("it runs", lambda: served.engine.trader.running)
        credentials = served.engine.desk.door.credentials
        secrets = {scope: credentials.create(f"one to {scope}", scope, "test")["secret"] for scope in ("read", "trade")}

        def status(scope: str, method: str, path: str, body: object = None) -> int:
            wire = http.client.HTTPConnection("127.0.0.1", served.web.port, timeout=10)
            headers = {"Authorization": f"Bearer {secrets[scope]}", "Content-Type": "application/json"}
            wire.request(method, path, None if body is None else json.dumps(body), headers)
            answer = wire.getresponse()
            answer.read()
            wire.close()
            return answer.status

        switch = {"base_currency": "BTC", "mode": "sell_only"}
        assert status("read", "GET", "/api/overview") == 200
        assert status("read", "POST", "/api/autotrader/switch", switch) == 403
        assert status("trade", "POST", "/api/autotrader/switch", switch) == 200
        assert status("trade", "POST", "/api/symbols/remove", {"symbol": "ETH"}) == 403
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as books:
        calls = books.execute("SELECT given_by, payload FROM commands WHERE name = 'call' ORDER BY seq").fetchall()
        used = books.execute("SELECT count(*) FROM credentials WHERE used_ms IS NOT NULL").fetchone()[0]
    assert [(by, json.loads(payload)["status"]) for by, payload in calls] == [
        ("token one to read", "403"),
        ("token one to trade", "200"),
        ("token one to trade", "403"),
    ]
    assert used == 2
