"""Who may call which route: the one place. A route without a rule here is for a person at the page only.

`tests/unit/test_authorisation.py` walks the URL map and fails for a route that has no rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from autotrader_v2.application.ports import Scope


class Who(StrEnum):
    """Callers beside those who hold a scope."""

    ANYONE = "anyone"
    # A command of this machine, with the token from a file that only its owner can read.
    MACHINE = "machine"
    # A person at the page, and no token.
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Rule:
    """`needs`: a token of that scope or more; a person at the page may everything. `money`: with real money a person
    confirms with the password first; "on": only when the body switches something on."""

    needs: Scope | Who
    money: bool | str = False


_READ, _TRADE, _ADMIN = (Rule(scope) for scope in Scope)
_BUYS = Rule(Scope.TRADE, money=True)
_TURNS_ON = Rule(Scope.TRADE, money="on")
_SETS = Rule(Scope.ADMIN, money=True)
_ANYONE, _MACHINE, _PAGE = (Rule(who) for who in Who)

# (method, path of the URL map). HEAD and OPTIONS follow GET.
RULES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/"): _ANYONE,
    ("GET", "/open"): _ANYONE,
    ("POST", "/new-link"): _ANYONE,
    ("POST", "/sign-out"): _PAGE,
    ("GET", "/static/<path:filename>"): _ANYONE,
    ("GET", "/api/openapi.json"): _ANYONE,
    ("GET", "/api/docs"): _ANYONE,
    ("POST", "/api/control/stop"): _MACHINE,
    ("POST", "/api/control/reconcile"): _MACHINE,
    ("POST", "/api/control/tokens"): _MACHINE,
    # looking
    ("GET", "/api/alerts"): _READ,
    ("GET", "/api/autotrader/stats"): _READ,
    ("GET", "/api/backups"): _READ,
    ("GET", "/api/before_switch"): _READ,
    ("GET", "/api/breakeven/table"): _READ,
    ("POST", "/api/autotrader/adopt/preview"): _READ,
    ("POST", "/api/breakeven/preview"): _READ,
    ("GET", "/api/calendar"): _READ,
    ("GET", "/api/chart/data/<path:symbol>"): _READ,
    ("GET", "/api/coin"): _READ,
    ("GET", "/api/cycles"): _READ,
    ("GET", "/api/dashboard"): _READ,
    ("GET", "/api/decisions"): _READ,
    ("GET", "/api/decisions.csv"): _READ,
    ("GET", "/api/equity"): _READ,
    ("GET", "/api/fifo.csv"): _READ,
    ("GET", "/api/halts"): _READ,
    ("GET", "/api/health"): _READ,
    ("GET", "/api/lab/data"): _READ,
    ("GET", "/api/lab/history"): _READ,
    ("GET", "/api/lab/ladder"): _READ,
    ("GET", "/api/lab/run"): _READ,
    ("GET", "/api/lab/runs"): _READ,
    ("GET", "/api/lab/sweep"): _READ,
    ("GET", "/api/lab/sweeps"): _READ,
    ("GET", "/api/limits"): _READ,
    ("GET", "/api/logs"): _READ,
    ("GET", "/api/order"): _READ,
    ("GET", "/api/order_limits"): _READ,
    ("GET", "/api/order_book"): _READ,
    ("GET", "/api/orders"): _READ,
    ("GET", "/api/orders.csv"): _READ,
    ("GET", "/api/overview"): _READ,
    ("GET", "/api/paper"): _READ,
    ("GET", "/api/presets"): _READ,
    ("GET", "/api/reconcile"): _READ,
    ("GET", "/api/record"): _READ,
    ("GET", "/api/record.csv"): _READ,
    ("GET", "/api/settings"): _READ,
    ("GET", "/api/signals"): _READ,
    ("GET", "/api/status/all"): _READ,
    ("GET", "/api/symbols"): _READ,
    ("GET", "/api/symbols/active"): _READ,
    ("GET", "/api/symbols/list"): _READ,
    ("GET", "/api/system"): _READ,
    ("GET", "/api/trade/params"): _READ,
    ("GET", "/api/trade/quick/preview"): _READ,
    ("GET", "/api/trade/quick/sell_everything"): _READ,
    ("GET", "/api/trades"): _READ,
    ("GET", "/api/trades.csv"): _READ,
    ("GET", "/orchestrator/status"): _READ,
    ("GET", "/pnl/today"): _READ,
    # trading; what only stops or checks never asks for the password
    ("POST", "/api/autotrader/start"): _BUYS,
    ("POST", "/api/autotrader/stop"): _TRADE,
    ("POST", "/api/autotrader/toggle"): _TURNS_ON,
    ("POST", "/api/autotrader/switch"): _TURNS_ON,
    ("POST", "/api/autotrader/adopt"): _BUYS,
    ("POST", "/api/autotrader/exit_at_breakeven"): _TRADE,
    ("POST", "/api/autotrader/ignore_coins"): _TRADE,
    ("POST", "/api/autotrader/reset_cycle"): _BUYS,
    ("POST", "/api/autotrader/resume_cycle"): _BUYS,
    ("POST", "/api/autotrader/write_off"): _BUYS,
    ("POST", "/api/bot/start"): _BUYS,
    ("POST", "/api/bot/stop"): _TRADE,
    ("POST", "/api/lab/cancel"): _TRADE,
    ("POST", "/api/lab/delete"): _TRADE,
    ("POST", "/api/lab/history"): _TRADE,
    ("POST", "/api/lab/name"): _TRADE,
    ("POST", "/api/lab/run"): _TRADE,
    ("POST", "/api/lab/search"): _TRADE,
    ("POST", "/api/lab/stop_search"): _TRADE,
    ("POST", "/api/presets"): _TRADE,
    ("POST", "/api/presets/delete"): _TRADE,
    ("POST", "/api/reconcile"): _TRADE,
    ("POST", "/api/symbols/set-active"): _BUYS,
    ("POST", "/api/trade/params"): _BUYS,
    ("POST", "/api/trade/quick/buy"): _BUYS,
    ("POST", "/api/trade/quick/sell_all"): _BUYS,
    ("POST", "/api/trade/quick/sell_everything"): _BUYS,
    ("POST", "/api/trade/quick/sell_everything/stop"): _TRADE,
    ("POST", "/orchestrator/pause"): _TRADE,
    ("POST", "/orchestrator/resume"): _BUYS,
    ("POST", "/orchestrator/start"): _BUYS,
    ("POST", "/orchestrator/stop"): _TRADE,
    # what everything else rests on
    ("POST", "/api/backups"): _ADMIN,
    ("POST", "/api/limits"): _SETS,
    ("POST", "/api/order_limits"): _SETS,
    ("POST", "/api/paper/reset"): _ADMIN,
    ("POST", "/api/settings"): _SETS,
    ("POST", "/api/symbols/add"): _ADMIN,
    ("POST", "/api/symbols/primary"): _ADMIN,
    ("POST", "/api/symbols/remove"): _ADMIN,
    ("GET", "/api/tokens"): _ADMIN,
    ("POST", "/api/tokens/create"): _SETS,
    ("POST", "/api/tokens/revoke"): _ADMIN,
    ("GET", "/api/password"): _PAGE,
    ("POST", "/api/password"): _PAGE,
    ("POST", "/api/password/confirm"): _PAGE,
}
UNKNOWN = _PAGE


def rule_of(method: str, path: str) -> Rule:
    """The rule of a route as the URL map writes it."""
    return RULES.get(("GET" if method in ("HEAD", "OPTIONS") else method, path), UNKNOWN)
