"""The newest log lines in memory, for the page: after redaction, bounded in number and length."""

import json
import logging
import re
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

_KEPT = 3000
_LENGTH_MAX = 4000
_WHERE = re.compile(r"\[AutoTraderV2\](?:\[([A-Z0-9]{1,20})\])? ?")
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_OWN = frozenset({"event", "timestamp", "level", "exception"})


class RecentLines(logging.Handler):
    """A handler whose formatter renders JSON; see `LogLines`. Thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: deque[tuple[int, int, str]] = deque(maxlen=_KEPT)
        self._seq = 0
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line as it is rendered."""
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        with self._guard:
            self._seq += 1
            self._kept.append((self._seq, record.levelno, line))

    def newest(self, *, currency: str | None, level: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """See `LogLines`."""
        least = _LEVELS[level]
        with self._guard:
            kept = list(self._kept)
        found: list[Mapping[str, Any]] = []
        for seq, number, line in reversed(kept):
            if seq <= after or len(found) >= limit:
                break
            if number < least:
                continue
            told = _told(seq, line)
            if currency is None or told["currency"] == currency:
                found.append(told)
        return found[::-1]


def _told(seq: int, line: str) -> Mapping[str, Any]:
    parts = json.loads(line)
    event = str(parts.get("event", ""))
    where = _WHERE.match(event)
    values = {name: str(value)[:_LENGTH_MAX] for name, value in parts.items() if name not in _OWN}
    if "exception" in parts:
        values["exception"] = str(parts["exception"])[-_LENGTH_MAX:]
    return {
        "seq": seq,
        "time": parts.get("timestamp", ""),
        "level": parts.get("level", "info"),
        "currency": where[1] if where else None,
        "text": (event[where.end() :] if where else event)[:_LENGTH_MAX],
        "values": values,
    }
