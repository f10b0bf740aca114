"""What the owner chose and what he is just asking for, heard from himself: what the engine writes is compared with it.

A wish is under way from the moment a button is pressed until its answer. Nothing else may change a ladder or a limit.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.simulation.heard import Broken
from autotrader_v2.simulation.ledger import ZERO, Terms

# TRADING_RULES.md, "Ladder parameters": what counts where the owner chose nothing. Only what thresholds depend on.
_USUAL: Mapping[str, Any] = {
    "start_quote": "10",
    "start_balance_pct": "0",
    "steps": "8",
    "drop_step_pct": "1.5",
    "drop_growth_pct": "0.3",
    "drop_reference": "last_buy",
    "size_mode": "geometric",
    "size_multiplier": "1.4",
    "sizes": "",
    "profit_pct": "0.8",
    "profit_decay_pct": "0.02",
    "min_profit_pct": "0.2",
    "stop_loss_pct": "0",
    "budget_quote": "0",
}
_GROWTHS = {"fixed": Decimal(1), "martingale": Decimal(2)}


@dataclass(frozen=True, slots=True)
class Wish:
    """One press of a button. `market` None: of all markets together."""

    name: str
    market: Market | None
    value: Any
    since_ms: int


class OwnersWord:
    """What he chose, by market, with when it began to count; and the wishes under way."""

    def __init__(self) -> None:
        # By market: what he chose for it alone, and since when which ladder that makes with the one of all.
        self._own: dict[Market, Mapping[str, Any]] = {}
        self._common: Mapping[str, Any] = {}
        self._chosen: dict[Market, list[tuple[int, Mapping[str, Any]]]] = {}
        self._rules: dict[Market, MarketRules] = {}
        self._wishes: list[Wish] = []
        # Pairs on his list.
        self.listed: frozenset[str] = frozenset()

    def begins(self, rules: MarketRules, values: Mapping[str, Any]) -> None:
        """He had chosen this before the first start, for the market of these rules."""
        self._own[rules.market] = dict(values)
        self._chosen[rules.market] = [(0, {**self._common, **values})]
        self._rules[rules.market] = rules
        self.listed |= {rules.market.pair}

    @contextmanager
    def asks(self, wish: Wish) -> Iterator[None]:
        """He asks for something and waits for the answer."""
        self._wishes.append(wish)
        try:
            yield
        finally:
            if wish in self._wishes:
                self._wishes.remove(wish)

    def booted(self) -> None:
        """Whatever was asked of the process before is lost."""
        self._wishes.clear()

    def wished(self, name: str, market: Market | None) -> list[Wish]:
        """What is being asked for under that name."""
        return [one for one in self._wishes if one.name == name and one.market == market]

    def ladder_set(self, market: Market | None, values: Mapping[str, Any], now_ms: int) -> None:
        """I3: a ladder becomes another one: the one before with what is being asked for. Errors: `Broken`."""
        if market is None:
            before = self._common or _USUAL
            told = _told(values)
            if not any(told == _told({**before, **one.value}) for one in self.wished("params", None)):
                raise Broken("I3", f"the ladder of all markets became {values}, which nobody asked for")
            self._common = told
            changed = tuple(self._own)
        else:
            before = self._own[market]
            if not any(dict(values) == {**before, **one.value} for one in self.wished("params", market)):
                raise Broken("I3", f"{market}: the ladder {before} became {values}, which nobody asked for")
            self._own[market] = dict(values)
            changed = (market,)
        for one in changed:
            self._chosen[one].append((now_ms, {**self._common, **self._own[one]}))

    def setting_set(self, name: str, value: Mapping[str, Any]) -> None:
        """I3: limits become those that are being asked for. Errors: `Broken`."""
        if not any(dict(value) == one.value for one in self.wished(name, None)):
            raise Broken("I3", f"the {name} became {value}, which nobody asked for")

    def list_set(self, pairs: Collection[str]) -> tuple[list[Market], list[Market]]:
        """I8: (who joins, who leaves) the list, as is being asked for. Errors: `Broken`."""
        now = frozenset(pairs)
        joins = [market for market in self._own if market.pair in now - self.listed]
        leaves = [market for market in self._own if market.pair in self.listed - now]
        asked = [market for market in joins if self.wished("join", market)]
        asked += [market for market in leaves if self.wished("leave", market)]
        if len(asked) != len(self.listed ^ now):
            raise Broken("I8", f"the list became {sorted(now)}, of {sorted(self.listed)}, which nobody asked for")
        self.listed = now
        return joins, leaves

    def ladders(self, market: Market, since_ms: int) -> list[Mapping[str, Any]]:
        """The ladders that held at some time since then, the newest last."""
        chosen = self._chosen[market]
        first = max(i for i, (began_ms, _) in enumerate(chosen) if not i or began_ms <= since_ms)
        return [values for _, values in chosen[first:]]

    def largest_row(self, market: Market, since_ms: int) -> Decimal | None:
        """The largest buy of the ladders that held since then.

        None: one takes a share of the balance, and of which reading of it only the engine knows.
        """
        terms = [terms_of(values, self._rules[market]) for values in self.ladders(market, since_ms)]
        rows = [one.largest() for one in terms if one.start_quote or one.sizes]
        return max(rows) if len(rows) == len(terms) else None


def terms_of(values: Mapping[str, Any], rules: MarketRules, *, start_quote: Decimal = ZERO) -> Terms:
    """The terms of a ladder as its owner chose it. `start_quote`: what a share of the balance came to."""
    chosen = {**_USUAL, **values}
    number = {name: Decimal(str(value)) for name, value in chosen.items() if _is_number(value)}
    custom = chosen["size_mode"] == "custom"
    return Terms(
        price_decimals=rules.price_precision,
        lot_decimals=rules.amount_precision,
        fee=rules.fee,
        min_base=rules.min_base,
        min_quote=rules.min_quote,
        start_quote=start_quote if number["start_balance_pct"] else number["start_quote"],
        steps=int(number["steps"]),
        growth=_GROWTHS.get(chosen["size_mode"], number["size_multiplier"]),
        sizes=tuple(Decimal(size) for size in chosen["sizes"].split(",")) if custom else (),
        budget=number["budget_quote"],
        drop_pct=number["drop_step_pct"],
        drop_growth_pct=number["drop_growth_pct"],
        profit_pct=number["profit_pct"],
        profit_decay_pct=number["profit_decay_pct"],
        min_profit_pct=number["min_profit_pct"],
        falls_from_start=chosen["drop_reference"] == "start",
        stop_loss_pct=number["stop_loss_pct"],
    )


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a ladder may be told by, what thresholds depend on."""
    return {name: str(value) for name, value in values.items() if name in _USUAL and value}


def _is_number(value: Any) -> bool:
    return str(value).replace(".", "", 1).isdecimal()
