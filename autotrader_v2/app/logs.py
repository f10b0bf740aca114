"""Log lines: `[AutoTraderV2][BTC] text key=value`, to the console or as JSON. One redaction in front of every sink."""

import logging
import os
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog

_HIDDEN = "***"
_SECRET_LENGTH_MIN = 6
_CALM_S = 60.0
_CALM_KEYS = 1000
_LOUD = frozenset({"warning", "error", "exception", "critical", "fatal"})
FILE_NAME = "mtrade.log"
_FILE_BYTES = 10_000_000
_FILES = 10
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


class Calm:
    """Drops a warning or error that was written word for word less than a minute ago; the next one tells how often."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        # (when it was written, how often it came since).
        self._written: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __call__(self, _logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if method not in _LOUD:
            return event
        error = sys.exc_info()[0] if event.get("exc_info") is True else None
        key = repr((sorted((name, str(value)) for name, value in event.items()), error))
        now_s = self._now_s()
        with self._lock:
            written_s, times = self._written.get(key, (float("-inf"), 0))
            if now_s - written_s < _CALM_S:
                self._written[key] = (written_s, times + 1)
                raise structlog.DropEvent
            self._written[key] = (now_s, 0)
            self._written.move_to_end(key)
            while len(self._written) > _CALM_KEYS:
                self._written.popitem(last=False)
        if times:
            event["repeated"] = times
        return event


def _prefix(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    currency = event.pop("currency", None)
    where = f"[AutoTraderV2][{currency}]" if currency else "[AutoTraderV2]"
    event["event"] = f"{where} {event['event']}"
    return event


class _Files(RotatingFileHandler):
    """Goes on in the file it has while another program keeps it from being put away: Windows lets it."""

    def doRollover(self) -> None:
        """Put the file away and begin the next one; nothing is moved while the newest cannot be."""
        if self.stream:
            self.stream.close()
        trial = f"{self.baseFilename}.moving"
        try:
            os.replace(self.baseFilename, trial)
            os.replace(trial, self.baseFilename)
        except OSError:
            self.stream = self._open()
            return
        super().doRollover()


def configure(
    *,
    level: str,
    form: str,
    secrets: Iterable[str] = (),
    folder: Path | None = None,
    recent: logging.Handler | None = None,
) -> None:
    """Set logging up for the process. `form`: console or json. `secrets` never appear in a line.

    `folder`: lines also go to files there, as JSON, ten of 10 MB at most. `recent` hears each line as JSON too.
    Errors: OSError when the files cannot be written.
    """
    redact = _Redact(secrets)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    json: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    renderer: Any = json if form == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[Calm(), *shared, _prefix, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )

    def written_by(renders: Any) -> logging.Formatter:
        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            # Last before rendering, so that a formatted traceback is cleaned too.
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renders],
        )

    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setFormatter(written_by(renderer))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = _Files(
            folder / FILE_NAME, maxBytes=_FILE_BYTES, backupCount=_FILES - 1, encoding="utf-8", errors="replace"
        )
        file.setFormatter(written_by(json))
        handlers.append(file)
    if recent is not None:
        recent.setFormatter(written_by(json))
        handlers.append(recent)
    root = logging.getLogger()
    for old in root.handlers:
        if isinstance(old, RotatingFileHandler):
            old.close()
    root.handlers = handlers
    root.setLevel(level)
    # Libraries that log each request, or headers at debug level.
    for noisy in ("urllib3", "werkzeug", "engineio", "socketio", "websockets", "gate_api"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
