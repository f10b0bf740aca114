"""Every answer of a server under test held against the models that the OpenAPI document publishes."""

import json
from typing import Any

from flask import Flask, Response, current_app, request
from pydantic import BaseModel, ValidationError

from web.endpoints import Told
from web.errors import Error


class Checked:
    """Listens to all answers of an app; must be made before its first request. `faults`: what no model allows."""

    def __init__(self, app: Flask) -> None:
        self.faults: list[str] = []
        self.succeeded: set[str] = set()
        app.after_request(self._check)

    def _check(self, answer: Response) -> Response:
        rule = request.url_rule
        view = current_app.view_functions.get(rule.endpoint) if rule is not None else None
        told = getattr(view, "told", None)
        if answer.mimetype == "application/json" and answer.status_code != 304:
            where = f"{request.method} {request.path} {answer.status_code}"
            if answer.status_code >= 400:
                self._held(where, answer, Error)
            elif isinstance(told, Told) and not told.file:
                self._held(where, answer, *told.tells)
        if isinstance(told, Told) and rule is not None and answer.status_code == 200:
            self.succeeded.add(rule.rule + (" POST" if request.method == "POST" else ""))
        return answer

    def _held(self, where: str, answer: Response, *models: type[BaseModel]) -> None:
        problems = [problem for model in models if (problem := problem_of(model, answer.get_data(as_text=True)))]
        if len(problems) == len(models):
            self.faults.append(f"{where}: {problems}")


def problem_of(model: type[BaseModel], text: str) -> str:
    """Why the model does not allow that answer; empty when it does."""
    try:
        model.model_validate_json(text)
    except ValidationError as error:
        found: list[Any] = error.errors(include_url=False, include_context=False)
        return f"{model.__name__}: " + json.dumps(
            [[one["loc"], one["msg"], str(one["input"])[:60]] for one in found[:5]]
        )
    return ""
