"""Alerts into the log."""

import structlog

from autotrader_v2.application.events import Alert, Priority

_log = structlog.get_logger()


class LogNotifier:
    """The `Notifier` port: each alert is a log line, loud ones as warnings."""

    def alert(self, alert: Alert) -> None:
        """See the port."""
        currency = {"currency": alert.market.base} if alert.market else {}
        line = _log.warning if alert.priority is Priority.HIGH else _log.info
        line(f"alert: {alert.code}", **currency, **(alert.values or {}))
