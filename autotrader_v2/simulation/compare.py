"""The engine's figures of a market against the auditor's own."""

from decimal import Decimal

from autotrader_v2.domain.cycle import Active, Idle, TradingCycle
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.simulation.heard import Broken
from autotrader_v2.simulation.ledger import ZERO, Ledger, Terms

# A quotient has more digits than any decimal; sums of a few hundred of them agree to far more than this.
_CLOSE = Decimal("1e-12")


def compare(market: Market, ledger: Ledger, cycle: TradingCycle) -> None:
    """I6: the engine's figures against our own."""
    tally = cycle.tally
    _same(market, "dust", ledger.dust, tally.dust.coins)
    _same(market, "ignored", ledger.ignored, tally.ignored)
    _same(market, "completed", ledger.completed, tally.completed)
    _near(market, "realised", ledger.realised, tally.realised)
    _near(market, "dust cost", ledger.dust_cost, tally.dust.cost)
    if isinstance(cycle, Idle):
        _same(market, "state", ledger.open, False)
        return
    _same(market, "state", ledger.open, True)
    _same(market, "cycle", ledger.cycle_id, cycle.cycle_id)
    _same(market, "held", ledger.held, cycle.held)
    _near(market, "invested", ledger.cost, cycle.invested)
    _same(market, "step", ledger.step, cycle.position.step)
    terms = ledger.terms
    tick = Decimal(1).scaleb(-terms.price_decimals) if terms else ZERO
    if abs(ledger.breakeven() - cycle.breakeven) > tick:
        raise Broken("I6", f"{market}: breakeven {cycle.breakeven}, recomputed {ledger.breakeven()}")
    if abs(ledger.sell_price() - cycle.sell_price) > tick:
        raise Broken("I6", f"{market}: sells at {cycle.sell_price}, recomputed {ledger.sell_price()}")
    price = ledger.next_price()
    row = cycle.next_step
    if (price is None) != (row is None) or (price is not None and row is not None and price != row.price):
        raise Broken("I6", f"{market}: next step at {row.price if row else None}, recomputed {price}")


def terms_told(params: LadderParams, rules: MarketRules) -> Terms:
    """The terms that the engine says it works by."""
    return Terms(
        price_decimals=rules.price_precision,
        lot_decimals=rules.amount_precision,
        fee=rules.fee,
        min_base=rules.min_base,
        min_quote=rules.min_quote,
        start_quote=params.start_quote,
        steps=params.steps,
        growth=_growth(params),
        sizes=params.sizes if params.size_mode == "custom" else (),
        budget=params.budget_quote,
        drop_pct=params.drop_step_pct,
        drop_growth_pct=params.drop_growth_pct,
        profit_pct=params.profit_pct,
        profit_decay_pct=params.profit_decay_pct,
        min_profit_pct=params.min_profit_pct,
        falls_from_start=params.drop_reference == "start",
        stop_loss_pct=params.stop_loss_pct,
    )


def _growth(params: LadderParams) -> Decimal:
    match params.size_mode:
        case "fixed":
            return Decimal(1)
        case "martingale":
            return Decimal(2)
        case _:
            return params.size_multiplier


def _same(market: Market, what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Broken("I6", f"{market}: {what} {theirs}, recomputed {ours}")


def _near(market: Market, what: str, ours: Decimal, theirs: Decimal) -> None:
    if abs(ours - theirs) > _CLOSE * max(abs(ours), Decimal(1)):
        raise Broken("I6", f"{market}: {what} {theirs}, recomputed {ours}")


def brief_cycle(cycle: TradingCycle) -> str:
    """For people: which it is and what it holds."""
    if isinstance(cycle, Active):
        return f"cycle {cycle.cycle_id} step {cycle.position.step} held {cycle.held} realised {cycle.tally.realised}"
    return (
        f"idle after cycle {cycle.tally.last_cycle_id}, realised {cycle.tally.realised}, dust {cycle.tally.dust.coins}"
    )
