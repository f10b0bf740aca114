"""The ladder's parameters as a request carries them."""

from typing import Annotated, Any

from pydantic import Field

from autotrader_v2.domain.ladder import STEPS_MAX, DropReference, OrderStyle, Reserve, SizeMode
from web.fields import Amount, Number, Part, Request

_Share = Annotated[Number | None, Field(ge=0)]
_Money = Annotated[Number | None, Field(ge=0)]
_Word = Annotated[str | None, Field(max_length=20)]


class Ladder(Request):
    """Only what is named changes; null gives a parameter back to the common value (or the default)."""

    start_quote: _Money = None
    start_balance_pct: _Share = None
    steps: Annotated[int | None, Field(ge=0, le=STEPS_MAX)] = None
    drop_step_pct: _Share = None
    drop_growth_pct: _Share = None
    drop_reference: Annotated[_Word, Field(examples=[one.value for one in DropReference])] = None
    size_mode: Annotated[_Word, Field(examples=[one.value for one in SizeMode])] = None
    # Its zeroth power is the start buy, and zero has none.
    size_multiplier: Annotated[Number | None, Field(gt=0)] = None
    sizes: Annotated[list[Number] | None, Field(max_length=STEPS_MAX + 1)] = None
    profit_pct: _Share = None
    profit_decay_pct: _Share = None
    min_profit_pct: _Share = None
    start_limit: _Money = None
    cooldown_s: _Money = None
    rebuy_pause_s: _Money = None
    max_spread_pct: _Share = None
    max_slippage_pct: _Share = None
    order_style: Annotated[_Word, Field(examples=[one.value for one in OrderStyle])] = None
    reserve: Annotated[_Word, Field(examples=[one.value for one in Reserve])] = None
    stop_loss_pct: _Share = None
    budget_quote: _Money = None

    def changes(self) -> dict[str, Any]:
        """What was named, numbers as text."""
        named = self.model_fields_set & Ladder.model_fields.keys()
        return {name: _text(getattr(self, name)) for name in Ladder.model_fields if name in named}


class LadderTold(Part):
    """A whole ladder. Units as in the request."""

    start_quote: Amount
    start_balance_pct: Amount
    steps: int
    drop_step_pct: Amount
    drop_growth_pct: Amount
    drop_reference: str
    size_mode: str
    size_multiplier: Amount
    sizes: list[Amount]
    profit_pct: Amount
    profit_decay_pct: Amount
    min_profit_pct: Amount
    start_limit: Amount
    cooldown_s: Amount
    rebuy_pause_s: Amount
    max_spread_pct: Amount
    max_slippage_pct: Amount
    order_style: str
    reserve: str
    stop_loss_pct: Amount
    budget_quote: Amount


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [str(one) for one in value]
    return value if value is None or isinstance(value, str | int) else format(value, "f")
