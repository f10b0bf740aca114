"""Faults to inject: which call, update or subscription goes wrong, what happens by itself, and how often."""

from autotrader_v2.simulator.faults.in_force import Faults, InForce
from autotrader_v2.simulator.faults.rules import (
    ORDERS,
    Answer,
    Ending,
    Fault,
    Happening,
    PushFault,
    Rule,
    SubscriptionFault,
    gateway_page,
    late,
    lost_answer,
    lost_request,
    server_error,
    slow,
    thin_fill,
    too_many_requests,
)

__all__ = [
    "ORDERS",
    "Answer",
    "Ending",
    "Fault",
    "Faults",
    "Happening",
    "InForce",
    "PushFault",
    "Rule",
    "SubscriptionFault",
    "gateway_page",
    "late",
    "lost_answer",
    "lost_request",
    "server_error",
    "slow",
    "thin_fill",
    "too_many_requests",
]
