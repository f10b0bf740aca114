"""A request key makes a command happen once: a double click, or a repeat after a lost answer, is the same order."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from autotrader_v2.application.ports import JournalRefused
from autotrader_v2.application.refusals import CommandRefused
from web.errors import Refused

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
# No key of a request holds a space.
_BEGUN = " begun"
_REFUSED = " refused"


class Answers(Protocol):
    """Where answers are kept; they outlive the process."""

    def idempotent(self, key: str, request_hash: str) -> Mapping[str, Any] | None:
        """The stored answer. Errors: `JournalRefused` for another request under the same key."""

    def remember(self, key: str, request_hash: str, answer: Mapping[str, Any]) -> None:
        """Store it."""


class OncePerKey:
    """Thread-safe. The second of two requests with one key waits for the first and gets its answer."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self._turns: dict[str, tuple[threading.Lock, int]] = {}

    def run(
        self, key: str, what: str, body: Mapping[str, Any], do: Callable[[], Mapping[str, Any]], *, order: bool = False
    ) -> dict[str, Any]:
        """Do it, or give the answer it got the first time.

        A refusal did nothing and is not kept, except that of an order: an order is marked as begun before it is sent,
        so that a repeat after a crash between sending and answering buys nothing twice.
        Errors: `Refused` for a malformed key, (409) for a key that was used for another request or whose order's
        outcome was never told.
        """
        if not _KEY.fullmatch(key):
            raise Refused("bad_idempotency_key", "Idempotency-Key is 1 to 128 visible ASCII characters.")
        text = json.dumps([what, body], sort_keys=True, default=str)
        request_hash = hashlib.sha256(text.encode()).hexdigest()
        with self._turn(key):
            stored = self._stored(key, request_hash)
            if stored is not None:
                return _told(stored)
            if order:
                if self._stored(key + _BEGUN, request_hash) is not None:
                    raise Refused(
                        "outcome_unknown",
                        "This order was begun and its answer was lost; see the orders before you repeat it.",
                        status=409,
                    )
                self._answers.remember(key + _BEGUN, request_hash, {})
            try:
                answer = dict(do())
            except CommandRefused as error:
                if order:
                    self._answers.remember(key, request_hash, {_REFUSED: _as_json(error)})
                raise
            self._answers.remember(key, request_hash, answer)
            return answer

    def _stored(self, key: str, request_hash: str) -> Mapping[str, Any] | None:
        try:
            return self._answers.idempotent(key, request_hash)
        except JournalRefused as error:
            raise Refused(
                "idempotency_conflict", "This Idempotency-Key was used for another request.", status=409
            ) from error

    @contextmanager
    def _turn(self, key: str) -> Iterator[None]:
        with self._lock:
            lock, waiting = self._turns.get(key, (threading.Lock(), 0))
            self._turns[key] = lock, waiting + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, waiting = self._turns[key]
                if waiting == 1:
                    del self._turns[key]
                else:
                    self._turns[key] = lock, waiting - 1


def _as_json(error: CommandRefused) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "status": error.status,
        "field": error.field,
        "values": error.values,
    }


def _told(stored: Mapping[str, Any]) -> dict[str, Any]:
    refused = stored.get(_REFUSED)
    if refused is not None:
        values = dict(refused)
        raise CommandRefused(values.pop("code"), values.pop("message"), **values)
    return dict(stored)
