"""Gate.io, API v4: orders over the official SDK, prices and own trades over its WebSocket.

The classes are imported from their modules, so that paper mode does not load what trading needs.
"""

from autotrader_v2.infrastructure.gate.public import reachable
from autotrader_v2.infrastructure.gate.signing import account_label

__all__ = ["account_label", "reachable"]
