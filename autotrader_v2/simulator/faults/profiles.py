"""Ready-made plans, in the words of a fault file. What was seen at Gate: its API v4 look-ups, pitfalls of bots."""

from collections.abc import Mapping
from typing import Any

_ORDERS = {"path": "/spot/orders", "method": "POST"}
_ALL_READS = {"path": "/spot/*", "method": "GET"}
_WS_SEEN: tuple[Mapping[str, Any], ...] = (
    {"kind": "ws_lost", "chance": 0.002},
    {"kind": "ws_twice", "chance": 0.005},
    {"kind": "ws_swap", "channel": "spot.book_ticker", "chance": 0.005},
    {"kind": "ws_late", "chance": 0.02, "seconds": 0.05, "spread_s": 0.5},
)

CALM: Mapping[str, Any] = {
    "rules": ({"kind": "slow", "path": "*", "method": "*", "chance": 0.3, "seconds": 0.005, "spread_s": 0.04},)
}

GATE_AS_SEEN: Mapping[str, Any] = {
    "knobs": {"visible_after_ms": 300, "text_lookup_ms": 0, "unfilled_kept_ms": 60_000},
    "rules": (
        {"kind": "lost_request", "chance": 0.003},
        {"kind": "lost_answer", "chance": 0.003},
        {"kind": "error", "status": 504, "html": True, "executed": True, "chance": 0.002},
        {"kind": "error", "status": 502, "html": True, "chance": 0.002},
        {"kind": "error", "status": 500, "executed": True, "chance": 0.001},
        {"kind": "late", "seconds": 0.5, "spread_s": 4.0, "chance": 0.002},
        {"kind": "too_many", "chance": 0.002},
        {"kind": "partial_fill", "chance": 0.01, "share": "0.6"},
        {"kind": "slow", **_ORDERS, "chance": 0.2, "seconds": 0.02, "spread_s": 0.3},
        {"kind": "error", **_ALL_READS, "status": 503, "chance": 0.004},
        {"kind": "error", **_ALL_READS, "status": 504, "html": True, "chance": 0.002},
        {"kind": "too_many", **_ALL_READS, "chance": 0.002},
        {"kind": "lag", "path": "/spot/accounts", "ms": 800, "chance": 0.2},
        {"kind": "lag", "path": "/spot/my_trades", "ms": 600, "chance": 0.1},
        {"kind": "lag", "path": "/spot/orders*", "ms": 600, "chance": 0.1},
        {"kind": "cached", "path": "/spot/tickers", "chance": 0.02},
        {"kind": "slow", **_ALL_READS, "chance": 0.3, "seconds": 0.01, "spread_s": 0.2},
        *_WS_SEEN,
        {"kind": "ws_drop", "from_s": 120, "every_s": 300, "chance": 0.5},
    ),
}

HOSTILE: Mapping[str, Any] = {
    "knobs": {"visible_after_ms": 800, "text_lookup_ms": 0, "put_before_finish": True, "residue_closes": False},
    "rules": (
        {"kind": "lost_request", "chance": 0.02},
        {"kind": "lost_answer", "chance": 0.02},
        {"kind": "error", "status": 504, "html": True, "executed": True, "chance": 0.01},
        {"kind": "error", "status": 502, "html": True, "chance": 0.01},
        {"kind": "error", "status": 500, "executed": True, "chance": 0.01},
        {"kind": "spoilt", "how": "cut", "chance": 0.01},
        {"kind": "spoilt", "how": "reset", "chance": 0.01},
        {"kind": "spoilt", "how": "half_json", "chance": 0.01},
        {"kind": "spoilt", "how": "too_long", "chance": 0.005},
        {"kind": "spoilt", "how": "too_short", "chance": 0.005},
        {"kind": "spoilt", "how": "gzip_cut", "chance": 0.005},
        {"kind": "late", "seconds": 0.5, "spread_s": 6.0, "chance": 0.01},
        {"kind": "hang", "chance": 0.005},
        {"kind": "too_many", "chance": 0.01},
        {"kind": "too_many", "label": False, "chance": 0.005},
        {"kind": "refused", "label": "A_NEW_LABEL", "chance": 0.002},
        {"kind": "refused", "label": "PRICE_THRESHOLD_EXCEEDED", "chance": 0.005},
        {"kind": "refused", "label": "BALANCE_NOT_ENOUGH", "chance": 0.005},
        {"kind": "partial_fill", "chance": 0.05, "share": "0.4"},
        {"kind": "no_fill", "chance": 0.02, "finish_as": "depth_not_enough"},
        {"kind": "strange", "what": "extra", "chance": 0.02},
        {"kind": "strange", "what": "set", "field": "finish_as", "value": "brand_new", **_ORDERS, "chance": 0.01},
        {"kind": "slow", **_ORDERS, "chance": 0.3, "seconds": 0.05, "spread_s": 1.0},
        {"kind": "error", **_ALL_READS, "status": 503, "chance": 0.05},
        {"kind": "error", **_ALL_READS, "status": 504, "html": True, "chance": 0.02},
        {"kind": "lost_answer", **_ALL_READS, "chance": 0.02},
        {"kind": "spoilt", **_ALL_READS, "how": "half_json", "chance": 0.01},
        {"kind": "too_many", **_ALL_READS, "chance": 0.01},
        {"kind": "wrong_number", "path": "/spot/tickers", "chance": 0.02},
        {"kind": "wrong_price", "factor": "10", "chance": 0.005},
        {"kind": "wrong_price", "factor": "0.1", "chance": 0.005},
        {"kind": "wrong_book", "path": "/spot/order_book", "how": "crossed", "chance": 0.01},
        {"kind": "wrong_book", "path": "/spot/order_book", "how": "empty", "chance": 0.01},
        {"kind": "lag", "path": "/spot/accounts", "ms": 3000, "chance": 0.3},
        {"kind": "lag", "path": "/spot/my_trades", "ms": 2000, "chance": 0.2},
        {"kind": "lag", "path": "/spot/orders*", "ms": 2000, "chance": 0.2},
        {"kind": "cached", "path": "/spot/tickers", "chance": 0.1},
        {"kind": "slow", **_ALL_READS, "chance": 0.3, "seconds": 0.05, "spread_s": 1.0},
        {"kind": "ws_lost", "chance": 0.05},
        {"kind": "ws_twice", "chance": 0.05},
        {"kind": "ws_swap", "chance": 0.05},
        {"kind": "ws_late", "chance": 0.1, "seconds": 0.1, "spread_s": 3.0},
        {"kind": "ws_wrong_number", "channel": "spot.book_ticker", "chance": 0.01},
        {"kind": "ws_wrong_price", "factor": "10", "chance": 0.003},
        {"kind": "ws_wrong_price", "factor": "0.5", "chance": 0.003},
        {"kind": "ws_wrong_book", "how": "crossed", "chance": 0.005},
        {"kind": "ws_garbage", "chance": 0.002},
        {"kind": "ws_strange", "what": "extra", "chance": 0.02},
        {"kind": "subscription_ignored", "chance": 0.05},
        {"kind": "maintenance", "from_s": 240, "until_s": 270},
        {"kind": "ws_drop", "from_s": 20, "every_s": 20, "chance": 0.5},
        {"kind": "ws_upgrade", "from_s": 50, "every_s": 120, "times": 0},
        {"kind": "clock", "step_ms": 700, "from_s": 60, "every_s": 120, "times": 0},
        {"kind": "clock", "step_ms": -700, "from_s": 90, "every_s": 120, "times": 0},
        {"kind": "move", "factor": "0.8", "ramp_s": 20, "hold_s": 60, "from_s": 120, "every_s": 300, "times": 0},
    ),
}

PROFILES: Mapping[str, Mapping[str, Any]] = {"calm": CALM, "gate_as_seen": GATE_AS_SEEN, "hostile": HOSTILE}
