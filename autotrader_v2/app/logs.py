"""Log lines: `[AutoTraderV2][BTC] text key=value`, to the console or as JSON. One redaction in front of every sink."""

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog

_HIDDEN = "***"
_SECRET_LENGTH_MIN = 6
_SECRET_NAME = re.compile(r"secret|token|password|signature|^sign$|^key$|api_key|authorization", re.IGNORECASE)


class _Redact:
    """Replaces every known secret, wherever it stands, and every value whose name says it is one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # A made-up key of one letter must not blank that letter everywhere.
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _SECRET_LENGTH_MIN)

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if _SECRET_NAME.search(name):
                event[name] = _HIDDEN
            elif isinstance(value, str):
                for secret in self._secrets:
                    value = value.replace(secret, _HIDDEN)
                event[name] = value
        return event


def _prefix(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    currency = event.pop("currency", None)
    where = f"[AutoTraderV2][{currency}]" if currency else "[AutoTraderV2]"
    event["event"] = f"{where} {event['event']}"
    return event


def configure(*, level: str, form: str, secrets: Iterable[str] = ()) -> None:
    """Set logging up for the process. `form`: console or json. `secrets` never appear in a line."""
    redact = _Redact(secrets)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, _prefix, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            # Last before rendering, so that a formatted traceback is cleaned too.
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Libraries that log each request, or headers at debug level.
    for noisy in ("urllib3", "werkzeug", "engineio", "socketio", "websockets", "gate_api"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
