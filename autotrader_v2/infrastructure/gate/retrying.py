"""Reads, once or repeated a little; orders never come here."""

from collections.abc import Callable
from typing import TypeVar

import stamina
from urllib3.exceptions import HTTPError

from autotrader_v2.application.ports import ExchangeUnavailable
from autotrader_v2.infrastructure.gate.answers import ErrorAnswer, read_failure
from autotrader_v2.infrastructure.gate.labels import CLOCK_WRONG

_ATTEMPTS = 3
_WITHIN_S = 8.0

T = TypeVar("T")

# Its own lines show reprs of what was called; ours say in words what could not be read.
stamina.instrumentation.set_on_retry_hooks([])


def read(what: str, call: Callable[[], T]) -> T:
    """Call until it answers, three times at most within eight seconds. `what` names in an error what was asked for.

    Errors: `ExchangeUnavailable`, `ErrorAnswer` when the exchange refused (a caller may know what that means).
    """

    def patiently() -> T:
        for attempt in stamina.retry_context(
            on=_passes, attempts=_ATTEMPTS, timeout=_WITHIN_S, wait_initial=0.1, wait_max=1.0, wait_jitter=0.2
        ):
            with attempt:
                return call()
        raise ExchangeUnavailable(f"Gate.io did not tell {what}.", do="It is asked again.")

    return read_once(what, patiently)


def read_once(what: str, call: Callable[[], T]) -> T:
    """Call once. Errors as `read`."""
    try:
        return call()
    except ErrorAnswer as error:
        if _passes(error):
            raise read_failure(error, what) from None
        raise
    except (HTTPError, LookupError, ValueError) as error:
        raise read_failure(error, what) from error


def _passes(error: Exception) -> bool:
    """Whether the same call may well succeed in a moment."""
    if isinstance(error, ErrorAnswer):
        return error.is_theirs or error.is_limit or error.label == CLOCK_WRONG
    return isinstance(error, HTTPError | ValueError)
