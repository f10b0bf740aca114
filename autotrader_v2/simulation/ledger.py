"""The auditor's own arithmetic of one market: what is owned, what it cost, where it may sell. Nothing of the engine's.

Formulas from TRADING_RULES.md, written a second time on purpose: two mistakes would have to agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from autotrader_v2.domain.market import MarketRules

ZERO = Decimal(0)


def down(value: Decimal, decimals: int) -> Decimal:
    """Rounded down to so many decimals."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_FLOOR)


def up(value: Decimal, decimals: int) -> Decimal:
    """Rounded up to so many decimals."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_CEILING)


@dataclass(frozen=True, slots=True)
class Terms:
    """What of parameters and rules the thresholds depend on. Units: decimals, fractions, percent, coins, quote.

    Each step spends `growth` times the one before; `sizes`, where there are any, say it one by one. `budget` 0: none.
    """

    price_decimals: int
    lot_decimals: int
    fee: Decimal
    min_base: Decimal
    min_quote: Decimal
    start_quote: Decimal
    steps: int
    growth: Decimal
    sizes: tuple[Decimal, ...]
    budget: Decimal
    drop_pct: Decimal
    drop_growth_pct: Decimal
    profit_pct: Decimal
    profit_decay_pct: Decimal
    min_profit_pct: Decimal
    falls_from_start: bool
    stop_loss_pct: Decimal

    def sellable(self, coins: Decimal, price: Decimal) -> bool:
        """Whether the exchange would take a sale of that many coins."""
        lots = down(coins, self.lot_decimals)
        least = max(self.min_base, Decimal(1).scaleb(-self.lot_decimals))
        return lots >= least and lots * price >= self.min_quote

    def size(self, step: int) -> Decimal:
        """What a step spends."""
        quote = self.sizes[step] if self.sizes else self.start_quote * self.growth**step
        return down(quote, min(self.price_decimals, 8))

    def under(self, rules: MarketRules) -> "Terms":
        """The same ladder by other rules of the exchange."""
        return replace(
            self,
            price_decimals=rules.price_precision,
            lot_decimals=rules.amount_precision,
            fee=rules.fee,
            min_base=rules.min_base,
            min_quote=rules.min_quote,
        )

    def largest(self) -> Decimal:
        """What the dearest step spends, before rounding."""
        return max(self.sizes or (self.start_quote, self.start_quote * self.growth**self.steps))


@dataclass(frozen=True, slots=True)
class Traded:
    """A trade at the exchange as the auditor heard of it. `elsewhere`: worth of a fee taken in another currency."""

    label: str
    buy: bool
    base: Decimal
    quote: Decimal
    base_fee: Decimal
    quote_fee: Decimal
    elsewhere: Decimal
    time_ms: int
    order_id: str = ""


@dataclass(slots=True)
class Row:
    """What one order bought. `step` None: an extra buy. `anchor`: where falls count from after it."""

    label: str
    step: int | None
    base: Decimal
    quote: Decimal
    anchor: Decimal


@dataclass(slots=True)
class Ledger:
    """One market's book. `step` None: no cycle is open."""

    cycle_id: int = 0
    step: int | None = None
    held: Decimal = ZERO
    cost: Decimal = ZERO
    anchor: Decimal = ZERO
    base_price: Decimal = ZERO
    rest: bool = False
    # Something was sold of it, by whomever.
    sold_of: bool = False
    exits: bool = False
    dust: Decimal = ZERO
    dust_cost: Decimal = ZERO
    ignored: Decimal = ZERO
    realised: Decimal = ZERO
    completed: int = 0
    terms: Terms | None = None
    rows: list[Row] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether a cycle runs."""
        return self.step is not None

    def breakeven(self) -> Decimal:
        """Where a sale pays the position back, fee included."""
        terms = self._terms()
        return up(self.cost / (self.held * (1 - terms.fee)), terms.price_decimals)

    def sell_price(self) -> Decimal:
        """The average a sale must get."""
        terms, breakeven = self._terms(), self.breakeven()
        if self.rest or self.exits:
            return breakeven
        profit = max(terms.profit_pct - (self.step or 0) * terms.profit_decay_pct, terms.min_profit_pct)
        return up(breakeven * (1 + profit / 100), terms.price_decimals)

    def next_price(self) -> Decimal | None:
        """The price of the next step; None when the ladder is used up."""
        terms, step = self._terms(), (self.step or 0) + 1
        if step > terms.steps:
            return None
        falls = [terms.drop_pct + (k - 1) * terms.drop_growth_pct for k in range(1, step + 1)]
        since, fall = (self.base_price, sum(falls, ZERO)) if terms.falls_from_start else (self.anchor, falls[-1])
        price = down(since * (1 - fall / 100), terms.price_decimals)
        return price if price > 0 else None

    def stop_price(self) -> Decimal | None:
        """Where everything is sold at a loss; None while a step is left or when that is off."""
        terms = self._terms()
        if not terms.stop_loss_pct or self.next_price() is not None:
            return None
        return self.cost / self.held * (1 - terms.stop_loss_pct / 100)

    def bought(self, trades: Sequence[Traded], cycle_id: int, step: int | None, seen: Decimal, terms: Terms) -> bool:
        """Take a buy in; False when it belongs to a cycle that is over (its coins lie outside)."""
        base, quote = sum((one.base for one in trades), ZERO), sum((one.quote for one in trades), ZERO)
        net = base - sum((one.base_fee for one in trades), ZERO)
        cost = quote + sum((one.elsewhere for one in trades), ZERO)
        anchor = down(min(quote / base, seen), terms.price_decimals)
        if not self.open:
            if cycle_id <= self.cycle_id:
                return False
            self.cycle_id = cycle_id
            if not terms.sellable(net, quote / base):
                self.dust, self.dust_cost = self.dust + net, self.dust_cost + cost
                return True
            self._begin(net, cost, anchor, terms)
            self.rows = [Row(trades[0].label, 0, base, quote, anchor)]
            return True
        if cycle_id != self.cycle_id:
            return False
        self.held, self.cost = self.held + net, self.cost + cost
        label = trades[0].label
        same = next((row for row in self.rows if row.label == label), None)
        if same is None:
            taken = any(row.step == step for row in self.rows)
            self.rows.append(Row(label, None if taken else step, base, quote, anchor))
        else:
            same.base, same.quote = same.base + base, same.quote + quote
            same.anchor = down(min(same.quote / same.base, seen), self._terms().price_decimals)
        self._stand()
        return True

    def _stand(self) -> None:
        """Anchor and step by the rows: a new step sets the anchor, what else was bought can only lower it."""
        self.base_price = self.anchor = self.rows[0].anchor
        self.step = 0
        for row in self.rows[1:]:
            if row.step is not None and row.step > self.step:
                self.anchor, self.step = row.anchor, row.step
            else:
                self.anchor = min(self.anchor, row.anchor)

    def sold(self, trades: Sequence[Traded], cycle_id: int, outside: Decimal) -> None:
        """Take a sale of ours in; `outside` of its coins were never the cycle's."""
        total = sum((one.base for one in trades), ZERO)
        coins = max(total - outside, ZERO)
        # What the coins outside brought is no result of ours.
        got = sum((one.quote - one.quote_fee - one.elsewhere for one in trades), ZERO) * coins / total
        price, label = trades[-1].quote / trades[-1].base, trades[0].label
        if self.open and self.rows[0].label == label:
            # More of the sale whose rest this cycle is.
            if len(self.rows) > 1:
                self._reduce(coins, got, price)
                return
            self.completed, self.cycle_id = self.completed - 1, self.cycle_id - 1
            self._reduce(coins, got, price, sale=label, restarts=True)
            return
        if not self.open or cycle_id != self.cycle_id:
            self._dust_sold(coins, got)
            return
        owned = self.held + self.dust
        if coins > owned:
            coins, got = owned, got * owned / coins
        self._reduce(coins, got, price, sale=label)

    def sold_by_hand(self, coins: Decimal, got: Decimal, closes: bool) -> None:
        """Coins of the cycle that somebody sold at the exchange."""
        if not self.open:
            return
        if closes:
            self._close(got)
        else:
            self._reduce(coins, got, got / coins)

    def worth_selling(self, price: Decimal) -> bool:
        """Whether cycle and dust together can be sold, at that price or where they should be."""
        return self._terms().sellable(self.held + self.dust, max(price, self.sell_price()))

    def adopted(self, coins: Decimal, cost: Decimal, terms: Terms) -> None:
        """Coins handed to the cycle."""
        anchor = down(cost / coins, terms.price_decimals)
        if self.open:
            self.held, self.cost = self.held + coins, self.cost + cost
            self.rows.append(Row("adopted", None, coins, cost, anchor))
            self._stand()
        else:
            self.cycle_id += 1
            self._begin(coins, cost, anchor, terms)

    def written_off(self) -> None:
        """The coins are gone for nothing."""
        if self.open:
            self._close(ZERO)

    def rest_left(self) -> bool:
        """What a sale left is dust now; False: none did, or it could have been sold."""
        terms = self._terms()
        if not self.sold_of or terms.sellable(self.held + self.dust, self.sell_price()):
            return False
        self.dust, self.dust_cost = self.dust + self.held, self.dust_cost + self.cost
        self.completed += 1
        self.forgotten()
        return True

    def forgotten(self) -> None:
        """The cycle is forgotten; its coins lie outside."""
        self.step, self.held, self.cost, self.rest, self.exits = None, ZERO, ZERO, False, False

    def _begin(self, held: Decimal, cost: Decimal, anchor: Decimal, terms: Terms) -> None:
        self.step, self.held, self.cost, self.anchor, self.terms, self.rest = 0, held, cost, anchor, terms, False
        self.base_price, self.sold_of = anchor, False
        self.rows = [Row("", 0, held, cost, anchor)]

    def _close(self, got: Decimal) -> None:
        self.realised += got - self.cost
        self.completed += 1
        self.forgotten()

    def _dust_sold(self, coins: Decimal, got: Decimal) -> None:
        taken = min(coins, self.dust)
        if not taken:
            return
        cost = self.dust_cost * taken / self.dust
        self.realised += got * taken / coins - cost
        self.dust, self.dust_cost = self.dust - taken, self.dust_cost - cost

    def _reduce(self, coins: Decimal, got: Decimal, price: Decimal, *, sale: str = "", restarts: bool = False) -> None:
        terms = self._terms()
        from_held = min(coins, self.held)
        from_dust = min(coins - from_held, self.dust)
        cost = self.cost * from_held / self.held
        dust_cost = self.dust_cost * from_dust / self.dust if from_dust else ZERO
        self.realised += got - cost - dust_cost
        self.held, self.cost, self.sold_of = self.held - from_held, self.cost - cost, True
        self.dust, self.dust_cost = self.dust - from_dust, self.dust_cost - dust_cost
        if not terms.sellable(self.held, price):
            self.dust, self.dust_cost = self.dust + self.held, self.dust_cost + self.cost
            self.completed += 1
            self.forgotten()
        elif restarts or (sale and down(self.held, terms.lot_decimals) * price < terms.start_quote):
            self.completed += 1
            self.cycle_id += 1
            self._begin(self.held, self.cost, down(self.cost / self.held, terms.price_decimals), terms)
            self.rows[0].label, self.sold_of = sale, True
        elif sale:
            self.rest = True

    def _terms(self) -> Terms:
        if self.terms is None:
            raise ValueError("no cycle is open")
        return self.terms
