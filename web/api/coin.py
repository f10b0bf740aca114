"""A coin as the page shows it: part of the overview, of the push, and an answer of its own."""

from web.api.parts import CycleState, Hold, Mode, NextBuy
from web.fields import Amount, Part, Values


class Pause(Part):
    """Why a coin, or the account, stands still until a person resumes it."""

    cause: str
    since_ms: int
    values: Values


class CoinPause(Pause):
    """`way_out`: what a person can do."""

    way_out: str


class OrderOut(Part):
    """The order that is out; `unknown`: what became of it is being found out."""

    client_id: str
    what: str
    since_ms: int
    unknown: bool


class Dust(Part):
    """Coins too few to sell."""

    coins: Amount
    cost: Amount
    worth: Amount | None


class Coin(Part):
    """Null is what is not known, or makes no sense without an open cycle."""

    currency: str
    symbol: str
    name: str
    state: CycleState
    switch: Mode
    effective_switch: Mode
    paused: CoinPause | None
    price_precision: int
    amount_precision: int
    fee_pct: Amount
    bid: Amount | None
    ask: Amount | None
    last: Amount | None
    price_age_ms: int | None
    spread_pct: Amount | None
    realised: Amount
    today: Amount
    completed_cycles: int
    hold: Hold
    order: OrderOut | None
    dust: Dust
    outside: Amount | None
    """Coins of the account that no cycle holds."""
    market_status: str
    cycle_id: int | None
    average: Amount | None
    breakeven: Amount | None
    take_profit: Amount | None
    exit_at_breakeven: bool
    next_buy: NextBuy | None
    distance_buy_pct: Amount | None
    distance_sell_pct: Amount | None
    steps_used: int
    steps_total: int
    invested: Amount
    held: Amount
    ladder_cost: Amount | None
    first_order: Amount | None = None
    """Only of an idle coin."""
    budget: Amount | None
    unrealised: Amount | None
    unrealised_pct: Amount | None
