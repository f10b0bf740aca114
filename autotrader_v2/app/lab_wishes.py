"""What a person wishes of the Lab, checked before a worker is begun."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from autotrader_v2.application.commands import params_as_text
from autotrader_v2.application.lab import LabWish, SearchWish
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.ladder import BadLadder, LadderParams, changed
from autotrader_v2.search.space import BadRange, read_space

# What a ladder gets to spend where its start is a share of the balance.
_SHARE_OF = Decimal(1000)


def checked(wish: LabWish) -> LadderParams:
    """The whole ladder. Errors: `CommandRefused` for what no run can begin with."""
    try:
        params = changed(LadderParams(), dict(wish.ladder))
        budget_of(params)
    except BadLadder as error:
        raise CommandRefused("bad_ladder", error.reason, field=error.field) from error
    except ArithmeticError as error:
        what = "no order can be that large or small"
        raise CommandRefused("bad_ladder", what, field="size_multiplier") from error
    if not Decimal(wish.budget) > 0:
        raise CommandRefused("bad_budget", "The budget must be above 0.", field="budget")
    if wish.to_ms is not None and wish.to_ms <= wish.from_ms:
        raise CommandRefused("bad_dates", "The end lies before the beginning.", field="to_ms")
    return params


def budget_of(params: LadderParams) -> Decimal:
    """What a whole ladder spends, with a little more for rounding up; a share of a balance is one of 1,000."""
    if params.budget_quote:
        return params.budget_quote
    if params.start_balance_pct:
        return _SHARE_OF
    return sum((params.size(step) for step in range(params.steps + 1)), Decimal(0)) * Decimal("1.02")


def search_job(wish: SearchWish) -> dict[str, Any]:
    """The worker's job but for files and database. Errors: `CommandRefused`."""
    fixed = _fixed(wish, params_as_text(checked(wish)))
    ranges = [f"{name}={values}" for name, values in wish.ranges.items()]
    try:
        read_space(ranges, fixed)
    except BadRange as error:
        # Without a name there is nothing to search, or what no form offers.
        field = error.name or "ranges"
        values = {"what": error.reason, **error.values}
        raise CommandRefused(error.code, str(error), field=field, values=values) from error
    return {
        "from_ms": wish.from_ms,
        "to_ms": wish.to_ms,
        "budget": wish.budget,
        "ranges": ranges,
        "fixed": fixed,
        "trials": wish.trials,
        "objectives": list(wish.objectives),
    }


def _fixed(wish: SearchWish, ladder: Mapping[str, Any]) -> dict[str, str]:
    """What the ladder sets and no range searches, as the command has it."""
    defaults = params_as_text(LadderParams())
    return {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in ladder.items()
        if value != defaults[name] and name not in wish.ranges
    }
