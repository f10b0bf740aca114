"""A reconciliation as page, API and command line tell it: plain values, numbers as text."""

from typing import Any

from autotrader_v2.application.differences import Difference, ReconcileReport
from autotrader_v2.domain.money import plain


def report_view(report: ReconcileReport | None) -> dict[str, Any] | None:
    """The report; None before the first one."""
    if report is None:
        return None
    return {
        "time_ms": report.time_ms,
        "took_ms": report.took_ms,
        "complete": not report.error,
        "error": report.error,
        "unexplained": report.unexplained,
        "differences": [_difference(one) for one in report.differences],
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "unexplained": one.kind.unexplained,
        "currency": one.currency,
        "symbol": one.market.pair if one.market else None,
        "amount": plain(one.amount),
        "corrected": one.corrected,
        "detail": one.detail,
    }
