"""What a world begins with: markets, and the journal of a person who has chosen ladders and switched on."""

from collections.abc import Sequence
from decimal import Decimal

from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.simulation.faults import Dice
from autotrader_v2.simulation.journal import Store
from autotrader_v2.simulation.prices import symbol

FIRST_PRICES = (2500.0, 0.15, 60000.0, 7.0, 0.4, 140.0)
_PRECISIONS = ((2, 4), (5, 2), (1, 6), (4, 3), (4, 2), (2, 3))


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
    for market in markets:
        store.switches[market] = SwitchMode.ON
        store.params[market] = {
            "start_quote": rng.choice(("10", "25")),
            "steps": rng.choice(("1", "2", "3", "4")),
            "rebuy_pause_s": rng.choice(("0", "0", "1")),
            "size_multiplier": rng.choice(("1", "1.4")),
            "profit_pct": rng.choice(("0.5", "0.8", "1.5")),
            "drop_reference": rng.choice(("last_buy", "last_buy", "start")),
            "stop_loss_pct": rng.choice(("0", "0", "3")),
            "order_style": rng.choice(("market", "capped")),
            "max_spread_pct": "5",
            "max_slippage_pct": rng.choice(("0.3", "1")),
        }
    return store
