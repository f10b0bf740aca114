"""The server against its own OpenAPI document (schemathesis): requests that it allows and that it forbids, answers held
against it. No 5xx, no status or kind of answer that is not described, nothing accepted that the document forbids.
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from autotrader_v2.app.values import ENV_FILE_NAME
from tests.browser.served import API_TOKEN, Served

_CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
# Every operation is asked twice what it allows and twice what it forbids; until the time is up, some of them more.
_EXAMPLES = 6
_SECONDS = 20.0
_SEED = "MTRADE_API_SEED"
# Coins that there are, so that allowed requests do more than name unknown ones.
_COINS = st.sampled_from([None, "BTC", "ETH/USDT", "SOL_USDT"])
_MUST_SUCCEED = {"/api/overview", "/api/dashboard", "/api/coin", "/api/trades"}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """One that bought something, so that there is something to tell."""
    monkeypatch.setenv(ENV_FILE_NAME, str(tmp_path / "conformance.env"))
    with Served(tmp_path) as one:
        one.engine.until("it runs", lambda: one.engine.trader.running)
        one.engine.desk.switch("ETH", "on", "test")
        one.engine.until("it bought", lambda: one.engine.state("ETH") == "ACTIVE")
        yield one


def test_the_server_does_what_its_openapi_document_says(served: Served) -> None:
    """Every operation with allowed and with forbidden requests. `MTRADE_API_SEED` repeats a run that failed."""
    number = int(os.environ.get(_SEED) or random.SystemRandom().randrange(2**32))
    print(f"repeat with {_SEED}={number}")
    url = f"http://127.0.0.1:{served.web.port}"
    document = requests.get(f"{url}/api/openapi.json", timeout=30).json()
    schema = schemathesis.openapi.from_dict(document)
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {API_TOKEN}"
    ends_s = time.monotonic() + _SECONDS
    asked = []
    # One that the library cannot read is missing below, and fails the count.
    for operation in (result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)):
        asked.append((operation.label, operation.as_strategy(generation_mode=GenerationMode.POSITIVE), _COINS))
        if operation.query or operation.body or operation.path_parameters:
            asked.append((operation.label, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), st.none()))
    for _, cases, coins in asked:
        _hold(cases, st.just("BTC") if coins is _COINS else coins, session, url, 2, number)
    again = random.Random(number)
    while time.monotonic() < ends_s:
        _, cases, coins = again.choice(asked)
        _hold(cases, coins, session, url, _EXAMPLES, again.getrandbits(32))
    assert served.answers.succeeded >= _MUST_SUCCEED, "too little was answered to say anything"
    assert len({label for label, *_ in asked}) == sum(len(methods) for methods in document["paths"].values())
    assert served.engine.trader.floor.journal_failing == ""


def _hold(
    cases: Any, coins: st.SearchStrategy[str | None], session: requests.Session, url: str, examples: int, number: int
) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, coin=coins)
    def holds(case: Any, coin: str | None) -> None:
        # A list of one travels as its one word does, so nobody can tell that it was forbidden.
        assume(not any(isinstance(value, list) and len(value) == 1 for value in (case.query or {}).values()))
        for part in (case.query, case.path_parameters, case.body):
            if coin and isinstance(part, dict):
                part.update(dict.fromkeys(part.keys() & {"symbol", "base_currency", "currency"}, coin))
        case.call_and_validate(base_url=url, session=session, checks=_CHECKS, timeout=60)

    holds()
