"""What a world begins with: markets, and the journal of a person who has chosen ladders and switched on."""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from autotrader_v2.application.market_list import SETTING as SYMBOLS
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.simulation.faults import Dice
from autotrader_v2.simulation.journal import Store
from autotrader_v2.simulation.prices import symbol

# In so many worlds buys are limited in number and by a band; prices here move more in a second than those of a day.
_LIMITED = 0.12
FIRST_PRICES = (2500.0, 0.15, 60000.0, 7.0, 0.4, 140.0, 0.00002, 1.0, 33.0, 500.0)
_PRECISIONS = ((2, 4), (5, 2), (1, 6), (4, 3), (4, 2), (2, 3), (9, 0), (4, 1), (3, 2), (2, 5))


def rules_of(count: int) -> list[MarketRules]:
    """So many markets, each with its own precisions."""
    return [
        MarketRules(
            market=symbol(index),
            price_precision=price,
            amount_precision=lot,
            fee=Decimal("0.002"),
            min_base=Decimal(1).scaleb(-lot),
            min_quote=Decimal(3),
        )
        for index, (price, lot) in enumerate(_PRECISIONS[:count])
    ]


def first_store(dice: Dice, markets: Sequence[Market]) -> Store:
    """The journal of a person who has chosen ladders and switched on."""
    rng = dice.rng
    store = Store()
    pairs = [market.pair for market in markets]
    store.settings[SYMBOLS] = {"available": pairs, "primary": pairs[0]}
    for market in markets:
        store.switches[market] = SwitchMode.ON
        steps = rng.choice((1, 2, 3, 4))
        store.params[market] = {
            "start_quote": rng.choice(("10", "25")),
            "steps": str(steps),
            "rebuy_pause_s": rng.choice(("0", "0", "1")),
            "size_multiplier": rng.choice(("1", "1.4")),
            "profit_pct": rng.choice(("0.5", "0.8", "1.5")),
            "drop_reference": rng.choice(("last_buy", "last_buy", "start")),
            "stop_loss_pct": rng.choice(("0", "0", "3")),
            "order_style": rng.choice(("market", "capped")),
            "max_spread_pct": "5",
            "max_slippage_pct": rng.choice(("0.3", "1")),
            **_sizes(rng, steps),
        }
    if rng.random() < _LIMITED:
        store.settings["order_limits"] = order_limits(rng)
    return store


def order_limits(rng: random.Random) -> dict[str, Any]:
    """What an owner may allow buys: mostly little, so that it is met."""
    return {
        "order_rows": "2",
        "coin_orders_5min": rng.choice((3, 8, 20)),
        "account_orders_5min": rng.choice((0, 10, 40)),
        "coin_orders_day": rng.choice((0, 0, 30)),
        "account_orders_day": rng.choice((0, 0, 90)),
        "coin_turnover_day": rng.choice(("0", "0", "250")),
        "account_turnover_day": rng.choice(("0", "0", "900")),
        "band_pct": rng.choice(("0", "5", "10", "30")),
    }


def _sizes(rng: random.Random, steps: int) -> dict[str, str]:
    """How the sizes grow, what the start takes of the balance, and what the market may cost: mostly as by default."""
    chosen: dict[str, str] = {}
    mode = rng.choice(("geometric", "geometric", "fixed", "martingale", "custom"))
    if mode != "geometric":
        chosen["size_mode"] = mode
    if mode == "custom":
        chosen["sizes"] = ",".join(rng.choice(("8", "12", "20", "31")) for _ in range(steps + 1))
    if rng.random() < 0.15:
        chosen["start_balance_pct"] = rng.choice(("1", "3"))
    if rng.random() < 0.15:
        chosen["budget_quote"] = rng.choice(("40", "90"))
    return chosen
