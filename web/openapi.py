"""The API's description, made from the endpoints and the models themselves."""

import re
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from autotrader_v2.application.trader import VERSION
from web.endpoints import Told
from web.scopes import Rule, rule_of

blueprint = Blueprint("openapi", __name__)

# Flask's `<path:symbol>` is OpenAPI's `{symbol}`.
_PLACE = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")
_REF = "#/components/schemas/{model}"
_ERROR = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": "string"},
                "values": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    },
}
_DONE = {"type": "object", "required": ["success"], "properties": {"success": {"const": True}}}


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
    bodies = sorted({told.body for *_, told, _rule in endpoints if told.body}, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in bodies], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for path, method, endpoint, told, route in sorted(endpoints, key=lambda one: one[:2]):
        paths.setdefault(path, {})[method] = _operation(path, endpoint, told, rule_of(method.upper(), route))
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
            "schemas": {**schemas.get("$defs", {}), "Error": _ERROR, "Success": _DONE},
        },
    }


def _operation(path: str, endpoint: str, told: Told, rule: Rule) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.replace(".", "_"),
        "tags": [endpoint.partition(".")[0]],
        "summary": told.summary,
        "x-scope": rule.needs.value,
        "responses": {
            "200": _response("It is done, or here is what was asked for.", "Success"),
            "4XX": _response("The request was refused; nothing was changed.", "Error"),
            "503": _response("The engine is starting, or the exchange or the journal does not answer.", "Error"),
        },
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
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=told.body.__name__)}}},
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


def _response(what: str, schema: str) -> dict[str, Any]:
    return {
        "description": what,
        "content": {"application/json": {"schema": {"$ref": _REF.format(model=schema)}}},
    }
