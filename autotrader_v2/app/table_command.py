"""`mTrade.py table`: the breakeven table of a ladder before a cent is spent."""

import json
import sys
from collections.abc import Mapping
from decimal import Decimal

from autotrader_v2.domain.ladder import BadLadder, BreakevenTable, LadderParams, changed, planned, warnings
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO, floor_to, plain, reported

_USAGE_ERROR = 2


def run_table(
    *,
    price: Decimal,
    precision: int,
    amount_precision: int,
    fee: Decimal,
    changes: Mapping[str, str],
    min_base: Decimal = ZERO,
    min_quote: Decimal = ZERO,
    as_json: bool = False,
) -> int:
    """Print the table; returns the exit code. 2: bad input, with the field and the reason on stderr.

    `price` is the ask the ladder would start at; `fee` a fraction; precisions in decimals.
    """
    rules = MarketRules(
        market=Market("gate", "COIN", "QUOTE"),
        price_precision=precision,
        amount_precision=amount_precision,
        fee=fee,
        min_base=min_base,
        min_quote=min_quote,
    )
    try:
        params = changed(LadderParams(), dict(changes))
        start = min(price, params.start_limit) if params.start_limit else price
        if params.start_balance_pct:
            raise BadLadder("start_balance_pct", "needs a balance; give start_quote for a table")
        table = planned(params, rules, floor_to(start, rules.tick))
    except BadLadder as error:
        print(f"{error.field}: {error.reason}", file=sys.stderr)
        return _USAGE_ERROR
    notes = [f"{one.code}: {', '.join(f'{k} {v}' for k, v in one.values)}" for one in warnings(table, params, rules)]
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)
    if as_json:
        print(json.dumps([row.as_json() for row in table.rows], indent=1))
    else:
        _print_readable(table)
    return 0


def _print_readable(table: BreakevenTable) -> None:
    from rich.console import Console
    from rich.table import Table

    view = Table(title="Breakeven table")
    columns = (
        ("step", "Step"),
        ("price", "Price"),
        ("drop_total_pct", "From start %"),
        ("quote", "Buy"),
        ("gross", "Coins"),
        ("invested", "Invested"),
        ("held", "Held"),
        ("breakeven", "Breakeven"),
        ("rise_to_breakeven_pct", "Rise to it %"),
        ("take_profit", "Take-profit"),
        ("rise_to_profit_pct", "Rise to it %"),
        ("profit_quote", "Profit"),
    )
    for _, title in columns:
        view.add_column(title, justify="right", no_wrap=True)
    for row in table.rows:
        cells = row.as_json()
        view.add_row(*(_short(name, cells[name]) for name, _ in columns))
    console = Console()
    # Twelve columns of money need room: outside a terminal nothing is folded or cut.
    (console if console.is_terminal else Console(width=200)).print(view)
    last = table.rows[-1]
    print(
        f"The whole ladder costs {plain(table.cost)} and reaches {plain(reported(last.drop_total_pct))} % below the"
        f" start. All steps bought, it is even at {plain(last.breakeven)} and sells at {plain(last.take_profit)}."
    )


def _short(name: str, value: object) -> str:
    if name.endswith("_pct") or name == "profit_quote":
        return str(Decimal(str(value)).quantize(Decimal("0.01")))
    return str(value)
