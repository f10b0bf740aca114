"""Worlds for planted bugs, and what broke in them."""

from autotrader_v2.simulation.campaign import run_worlds
from autotrader_v2.simulation.world import Plan

SEEDS = range(1, 13)
STEPS = 800
FEW = {"send_lost_after": 0.05, "order_invisible": 0.2, "person_switch": 0.2, "price_silence": 0.01, "price_thin": 0.3}


def caught(plan: Plan) -> set[str]:
    """The invariants that broke in some worlds."""
    return {one.invariant for one in run_worlds(SEEDS, plan, STEPS, shrink=False).breaks}


def first_caught(plan: Plan) -> str:
    """The invariant that breaks first, world by world; "" when none does."""
    for seed in SEEDS:
        if breaks := run_worlds((seed,), plan, STEPS, shrink=False).breaks:
            return breaks[0].invariant
    return ""
