"""What was asked and answered last: for answers out of an old cache, and for rules about one market or side."""

import json
from urllib.parse import parse_qs

from autotrader_v2.simulator.http import HttpRequest

_KEPT_MAX = 512


class AnswerMemory:
    """The last answer to each public read."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], bytes] = {}

    def kept(self, request: HttpRequest, answer: bytes) -> bytes:
        """Keep an answer; returns it."""
        if request.method == "GET" and "key" not in request.headers:
            if len(self._answers) >= _KEPT_MAX:
                self._answers.clear()
            self._answers[request.path, request.query] = answer
        return answer

    def last(self, request: HttpRequest) -> bytes:
        """The last true answer to the same read; empty when there is none."""
        return self._answers.get((request.path, request.query), b"")


def about(request: HttpRequest) -> tuple[str, str]:
    """Pair and side that a call names, "" for none."""
    query = parse_qs(request.query)
    pair, side = query.get("currency_pair", [""])[-1], query.get("side", [""])[-1]
    last = request.path.rpartition("/")[2]
    if not pair and "/currency_pairs/" in request.path:
        pair = last
    if request.body:
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            return pair, side
        row = body[0] if isinstance(body, list) and body else body
        if isinstance(row, dict):
            pair, side = str(row.get("currency_pair") or pair), str(row.get("side") or side)
    return pair, side
