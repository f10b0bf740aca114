"""Requests made from the OpenAPI document, over the app and the real engine: whatever is sent, never a 5xx."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.served import API_TOKEN, Served

_JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=3), max_size=2)
_ACTIONS_MAX = 200
# Those that wait for the network or end what the test runs on.
_LEFT_OUT = {"/api/autotrader/stop", "/api/bot/stop", "/orchestrator/stop", "/api/reconcile", "/api/backups"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("fuzz")) as one:
        one.engine.until("it runs", lambda: one.engine.trader.running)
        yield one


def value_of(schema: dict[str, Any], known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A value that the schema allows."""
    if "$ref" in schema:
        return body_of(known[schema["$ref"].rsplit("/")[-1]], known)
    if "anyOf" in schema:
        return st.one_of(*(value_of(one, known) for one in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    match schema.get("type"):
        case "integer":
            return st.integers(schema.get("minimum", -(2**40)), schema.get("maximum", 2**40))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(value_of(schema.get("items", {}), known), max_size=min(schema.get("maxItems", 4), 4))
        case "object":
            return body_of(schema, known)
        case "string" if "pattern" in schema:
            coins = st.sampled_from(["BTC", "eth/usdt", "SOL-USDT", "NOPE"])
            return coins | st.from_regex(schema["pattern"], fullmatch=True)
        case "string":
            return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 40))
    return _JUNK


def body_of(schema: dict[str, Any], known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """An object with what the schema needs and some of what it allows."""
    properties = {name: value_of(one, known) for name, one in schema.get("properties", {}).items()}
    needed = {name: one for name, one in properties.items() if name in schema.get("required", [])}
    return st.fixed_dictionaries(needed, optional={n: one for n, one in properties.items() if n not in needed})


def test_no_operation_of_the_document_breaks_the_server(served: Served) -> None:
    """Valid values, and one of them replaced by junk; every answer keeps the one shape of errors."""
    client = served.web._web.flask.test_client()
    base = f"http://127.0.0.1:{served.web.port}"
    document = client.get(f"{base}/api/openapi.json").json
    known = document["components"]["schemas"]
    operations = [
        (method, path, one)
        for path, methods in document["paths"].items()
        for method, one in methods.items()
        if path not in _LEFT_OUT and not path.endswith(".csv")
    ]

    def request_of(operation: tuple[str, str, dict[str, Any]]) -> st.SearchStrategy[Any]:
        _, _, one = operation
        parameters = {
            part["name"]: value_of(part["schema"], known)
            for part in one.get("parameters", [])
            if part["in"] in ("query", "path")
        }
        content = one.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = value_of(content["schema"], known) if content else st.none()
        return st.tuples(st.just(operation), st.fixed_dictionaries(parameters), body)

    @settings(
        max_examples=_ACTIONS_MAX,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(
        asked=st.sampled_from(operations).flatmap(request_of), spoil=st.none() | st.tuples(st.integers(0, 30), _JUNK)
    )
    def never_breaks(asked: Any, spoil: Any) -> None:
        (method, path, _), query, body = asked
        if spoil and isinstance(body, dict) and body:
            body = {**body, sorted(body)[spoil[0] % len(body)]: spoil[1]}
        symbol = str(query.pop("symbol", "BTC")) if "{symbol}" in path else ""
        given_query = {name: str(value) for name, value in query.items() if value is not None}
        answer = client.open(
            path.replace("{symbol}", symbol or "BTC"),
            method=method.upper(),
            base_url=base,
            query_string=given_query,
            data=None if body is None else json.dumps(body),
            content_type=None if body is None else "application/json",
            headers={"Authorization": f"Bearer {API_TOKEN}"},
        )
        assert answer.status_code < 500 or answer.json["error"]["code"] in ("starting",), (path, query, body)
        told = answer.json
        assert told["success"] is (answer.status_code == 200)
        if answer.status_code != 200:
            assert set(told["error"]) <= {"code", "message", "field", "values"}
            assert told["error"]["code"]

    never_breaks()
    assert served.engine.trader.running
