"""Parts that several answers share."""

from typing import Literal

from web.fields import Amount, Part, Values

Mode = Literal["on", "finish", "sell_only", "off"]
CycleState = Literal["IDLE", "ACTIVE"]


class Hold(Part):
    """Why nothing else happens now."""

    reason: str
    values: Values


class NextBuy(Part):
    """The ladder's next row: bought at `price` or below."""

    step: int
    price: Amount
    quote: Amount


class LadderFault(Part):
    """Why a ladder cannot be traded."""

    field: str
    message: str


class StepRow(Part):
    """A row of a ladder: what is bought there, and what the position is then. Units: coins, quote, percent."""

    step: int | None
    """Null: bought outside of the ladder."""
    price: Amount
    quote: Amount
    gross: Amount
    invested: Amount
    held: Amount
    sellable: Amount
    breakeven: Amount
    take_profit: Amount
    drop_total_pct: Amount
    rise_to_breakeven_pct: Amount
    rise_to_profit_pct: Amount
    profit_quote: Amount
    dust: Amount
    spent: Amount
    done: bool


class Feed(Part):
    """Where prices come from."""

    family: str
    detail: str
    connected: bool
    age_ms: int | None
