"""Why the result of a search may mislead: codes with values; whoever shows them has the sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from autotrader_v2.domain.money import plain
from autotrader_v2.search.space import Space
from autotrader_v2.search.splits import Split
from autotrader_v2.search.verdict import Verdict, rank_correlation

_CYCLES_LEAST = 30
_DAYS_LEAST = 180
_DAY_MS = 86_400_000
_MONTH_DAYS = 30
_KIND_MOVE_PCT = 10.0
_ONE_KIND_PCT = 90.0
# Of what was promised a year, so much must be left on unseen data.
_KEPT_LEAST = 0.5

KINDS = ("falling", "sideways", "rising")
# The last price of each day, oldest first; a day without candles has none.
Closes = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to believe less."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


def market_kinds(closes: Mapping[str, Closes]) -> dict[str, float]:
    """Percent of months (30 days, each coin's own) that fell, moved sideways and rose by more than 10 %."""
    counts = dict.fromkeys(KINDS, 0)
    for days in closes.values():
        begin_ms, begin = 0, 0.0
        for day_ms, close in days:
            if not begin or day_ms - begin_ms > 2 * _MONTH_DAYS * _DAY_MS:
                begin_ms, begin = day_ms, close
            elif day_ms - begin_ms >= _MONTH_DAYS * _DAY_MS:
                move = (close / begin - 1) * 100
                kind = "falling" if move < -_KIND_MOVE_PCT else "rising" if move > _KIND_MOVE_PCT else "sideways"
                counts[kind] += 1
                begin_ms, begin = day_ms, close
    months = sum(counts.values())
    return {kind: count * 100 / months if months else 0.0 for kind, count in counts.items()}


def doubts(
    verdict: Verdict,
    space: Space,
    split: Split,
    kinds: Mapping[str, float],
    *,
    refused: int,
    tried: int,
    within: bool = True,
    budget: Decimal | None = None,
) -> list[Doubt]:
    """Everything that speaks against the winner, gravest first.

    `within`: it keeps the limits that were set. `budget` None: each ladder began with what the whole of it costs.
    """
    seen = verdict.winner.trial.seen
    idle = seen is not None and not seen.trades
    return [
        *([] if within or seen is None else [Doubt("limits_broken")]),
        # What bought nothing neither earned nor lost, and no end of a range made it so.
        *(_of_an_idle_winner(verdict, budget) if idle else _of_the_winner(verdict)),
        *_of_the_front(verdict),
        *_of_the_data(split, kinds),
        *_of_the_balance(split, budget),
        *([] if idle else _of_ranges(verdict, space)),
    ] + ([Doubt("refused", {"refused": refused, "tried": tried})] if refused else [])


def _of_an_idle_winner(verdict: Verdict, budget: Decimal | None) -> list[Doubt]:
    seen = verdict.winner.trial.seen
    if seen is not None and seen.unpaid and budget is not None:
        return [Doubt("first_buy_unpaid", {"budget": plain(budget)})]
    return [Doubt("nothing_bought")]


def _of_the_winner(verdict: Verdict) -> list[Doubt]:
    found = []
    seen, held_back = verdict.winner.trial.seen, verdict.winner.held_back
    if seen is None:
        return []
    if seen.pnl_pct < 0:
        found.append(Doubt("winner_loses", {"year_pct": seen.year_pct}))
    for name, figures in (("later", verdict.winner.later), ("others", verdict.winner.others)):
        if figures is not None and figures.pnl_pct < 0:
            found.append(Doubt(f"winner_loses_{name}", {"seen_pct": seen.year_pct, "held_back_pct": figures.year_pct}))
    if held_back is not None and 0 <= held_back.year_pct < seen.year_pct * _KEPT_LEAST:
        found.append(Doubt("winner_fades", {"seen_pct": seen.year_pct, "held_back_pct": held_back.year_pct}))
    lost = sum(fold.judged_on.pnl_pct < 0 for fold in verdict.folds)
    if lost:
        found.append(Doubt("folds_lost", {"lost": lost, "folds": len(verdict.folds)}))
    if seen.cycles_closed < _CYCLES_LEAST:
        found.append(Doubt("few_cycles", {"cycles": seen.cycles_closed, "least": _CYCLES_LEAST}))
    if seen.unpaid:
        found.append(Doubt("unpaid", {"unpaid": seen.unpaid}))
    return found


def _of_the_front(verdict: Verdict) -> list[Doubt]:
    judged = [(one.trial.seen, one.held_back) for one in verdict.front]
    pairs = [(seen.year_pct, held.year_pct) for seen, held in judged if seen is not None and held is not None]
    if not pairs:
        return [Doubt("nothing_held_back")]
    earned = [held for seen, held in pairs if seen > 0]
    lost = sum(held < 0 for held in earned)
    found = []
    if lost * 2 >= len(earned) > 0:
        found.append(Doubt("front_loses", {"lost": lost, "front": len(earned)}))
    order = rank_correlation([seen for seen, _ in pairs], [held for _, held in pairs])
    if order is not None and order <= 0:
        found.append(Doubt("front_reorders", {"correlation": order, "front": len(pairs)}))
    return found


def _of_the_data(split: Split, kinds: Mapping[str, float]) -> list[Doubt]:
    found = []
    days = sum(one.span_ms for one in split.seen) / _DAY_MS
    if days < _DAYS_LEAST:
        found.append(Doubt("little_data", {"days": days, "least": _DAYS_LEAST}))
    kind = max(kinds, key=lambda one: kinds[one])
    if kinds[kind] >= _ONE_KIND_PCT:
        found.append(Doubt("one_kind", {"kind": kind, "pct": kinds[kind]}))
    elif sum(kinds.values()) and not kinds["falling"]:
        found.append(Doubt("no_fall"))
    return found


def _of_the_balance(split: Split, budget: Decimal | None) -> list[Doubt]:
    """Each coin was played with all of the budget, which one account has only once."""
    coins = len({one.symbol for part in (split.seen, split.later, split.others) for one in part})
    return [] if budget is None or coins < 2 else [Doubt("each_alone", {"coins": coins, "budget": plain(budget)})]


def _of_ranges(verdict: Verdict, space: Space) -> list[Doubt]:
    found = []
    for one in space.ranges:
        value = verdict.winner.trial.point[one.name]
        if one.numeric and len(one.values) > 1 and value in (one.values[0], one.values[-1]):
            end = "lowest" if value == one.values[0] else "highest"
            found.append(Doubt("edge", {"name": one.name, "value": value, "end": end}))
    return found
