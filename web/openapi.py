"""The API's description, made from the endpoints and the models themselves."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from autotrader_v2.application.trader import VERSION
from web.endpoints import Told
from web.errors import Error
from web.scopes import Rule, rule_of

blueprint = Blueprint("openapi", __name__)

# Flask's `<path:symbol>` is OpenAPI's `{symbol}`.
_PLACE = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")
_REF = "#/components/schemas/{model}"
_RESPONSES = {
    "400": "The request is malformed, or a value is bad: `field` names it. Nothing was changed.",
    "401": "Nobody is signed in, or the token is wrong.",
    "403": "Not for this caller, or only after the password.",
    "404": "There is no such thing.",
    "409": "Not as things stand now. Nothing was changed.",
    "413": "The body is too large.",
    "415": "The body is no JSON.",
    "429": "Too many; wait a moment.",
    "500": "A defect of mTrade; its log tells more. Trading goes on.",
    "503": "The engine is starting, or the exchange or the journal does not answer.",
}
_OF_BODIES = ("413", "415")
# Where the document describes a model.
_Refs = Mapping[type[BaseModel], dict[str, Any]]


@blueprint.get("/api/openapi.json")
def document() -> Response:
    """This document."""
    return jsonify(describe(current_app))


@blueprint.get("/api/docs")
def readable() -> Response:
    """The same for people: a page of this server's own, without scripts."""
    document = describe(current_app)
    return make_response(render_template("api_docs.html", document=document, schemas=document["components"]["schemas"]))


def describe(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the app's endpoints."""
    endpoints: list[tuple[str, str, str, Told, str]] = []
    for rule in app.url_map.iter_rules():
        told = getattr(app.view_functions[rule.endpoint], "told", None)
        if isinstance(told, Told):
            method = "post" if "POST" in (rule.methods or ()) else "get"
            endpoints.append((_PLACE.sub(r"{\1}", rule.rule), method, rule.endpoint, told, rule.rule))
    used = {told.body for *_, told, _rule in endpoints if told.body} | {Error}
    used |= {model for *_, told, _rule in endpoints for model in told.tells}
    models = sorted(used, key=lambda model: model.__name__)
    made, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    refs = {model: made[model, "validation"] for model in models}
    paths: dict[str, dict[str, Any]] = {}
    for path, method, endpoint, told, route in sorted(endpoints, key=lambda one: one[:2]):
        paths.setdefault(path, {})[method] = _operation(path, endpoint, told, rule_of(method.upper(), route), refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mTrade",
            "version": VERSION,
            "description": "Amounts and prices are text, exact. Times are milliseconds since the epoch, UTC.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "API_TOKEN, or a token"}},
            "responses": {status: _response(what, refs[Error]) for status, what in _RESPONSES.items()},
            "schemas": schemas["$defs"],
        },
    }


def _operation(path: str, endpoint: str, told: Told, rule: Rule, refs: _Refs) -> dict[str, Any]:
    told_as = [refs[model] for model in told.tells]
    responses = {"200": _response("It is done, or here is what was asked for.", *told_as, file=told.file)}
    for status in _RESPONSES:
        if told.body is not None or status not in _OF_BODIES:
            responses[status] = {"$ref": f"#/components/responses/{status}"}
    operation: dict[str, Any] = {
        "operationId": endpoint.replace(".", "_"),
        "tags": [endpoint.partition(".")[0]],
        "summary": told.summary,
        "x-scope": rule.needs.value,
        "responses": responses,
    }
    parameters = _parameters(told.query, path) if told.query else []
    if told.once:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key and request give the first answer again and do nothing twice.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 128},
            }
        )
    if parameters:
        operation["parameters"] = parameters
    if told.body is not None:
        operation["requestBody"] = {
            "required": any(field.is_required() for field in told.body.model_fields.values()),
            "content": {"application/json": {"schema": refs[told.body]}},
        }
    return operation


def _parameters(query: type[BaseModel], path: str) -> list[dict[str, Any]]:
    schema = query.model_json_schema()
    required = schema.get("required", [])
    parameters = []
    for name, described in schema.get("properties", {}).items():
        where = "path" if f"{{{name}}}" in path else "query"
        parameters.append({"name": name, "in": where, "required": name in required, "schema": described})
    return parameters


def _response(what: str, *schemas: dict[str, Any], file: bool = False) -> dict[str, Any]:
    if file:
        return {"description": what, "content": {"text/csv": {"schema": {"type": "string"}}}}
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}
    return {"description": what, "content": {"application/json": {"schema": schema}}}
