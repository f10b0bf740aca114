"""A reconciliation as page, API and command line tell it: plain values, numbers as text."""

from collections.abc import Iterable
from typing import Any

from autotrader_v2.application.differences import Difference, ReconcileReport
from autotrader_v2.application.slot import Slot
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


def told_at_console(report: ReconcileReport | None, slots: Iterable[Slot], now_ms: int) -> dict[str, Any]:
    """The report with its age, and the labels of the orders whose outcome is not known yet: not part of any report."""
    orders = [order for slot in slots if (order := slot.state.order) is not None and order.unknown]
    return {
        "report": report_view(report),
        "age_ms": None if report is None else max(0, now_ms - report.time_ms),
        "unknown_orders": [order.intent.client_id for order in orders if order.intent is not None],
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
