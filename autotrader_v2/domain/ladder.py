"""The breakeven table: what each step buys, what the position then costs, where it sells.

The row a person sees is the very threshold the engine acts on: same object. Formulas: TRADING_RULES.md, "The table".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate
from typing import Any

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import HUNDRED, ONE, ZERO, NotANumber, amount, ceil_to, floor_to, plain, reported

STEPS_MAX = 100
# What an order must clear the exchange's minimum by, so that a price move between decision and fill cannot sink it.
_MINIMUM_MARGIN = Decimal("1.05")
_DUST_WARNING_PCT = Decimal(2)


class DropReference(StrEnum):
    """Where a step's fall is counted from."""

    LAST_BUY = "last_buy"
    START = "start"


class SizeMode(StrEnum):
    """How the sizes of the steps grow."""

    FIXED = "fixed"
    GEOMETRIC = "geometric"
    MARTINGALE = "martingale"
    CUSTOM = "custom"

    @classmethod
    def _missing_(cls, value: object) -> "SizeMode | None":
        # As the page calls it.
        return cls.MARTINGALE if value == "doubling" else None


class OrderStyle(StrEnum):
    """`market`: market + ioc. `capped`: limit + ioc at the worst price."""

    MARKET = "market"
    CAPPED = "capped"


class Reserve(StrEnum):
    """What of a running ladder new starts may not touch."""

    NONE = "none"
    NEXT_STEP = "next_step"
    LADDER = "ladder"


class BadLadder(ValueError):
    """The ladder cannot work; `field` names the parameter, the message the reason."""

    def __init__(self, field_name: str, reason: str) -> None:
        super().__init__(f"{field_name}: {reason}")
        self.field, self.reason = field_name, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderParams:
    """How one market averages.

    Units: `*_pct` in percent, `*_s` in seconds, `start_quote`, `sizes` and `budget_quote` in quote currency.
    `sizes` (size mode `custom`) lists the quote amounts of the start buy and of every step: steps + 1 of them.
    `start_balance_pct` > 0 takes that share of the free balance as the start buy. `budget_quote` 0 = no own budget.
    """

    start_quote: Decimal = Decimal(10)
    start_balance_pct: Decimal = ZERO
    steps: int = 8
    drop_step_pct: Decimal = Decimal("1.5")
    drop_growth_pct: Decimal = Decimal("0.3")
    drop_reference: DropReference = DropReference.LAST_BUY
    size_mode: SizeMode = SizeMode.GEOMETRIC
    size_multiplier: Decimal = Decimal("1.4")
    sizes: tuple[Decimal, ...] = ()
    profit_pct: Decimal = Decimal("0.8")
    profit_decay_pct: Decimal = Decimal("0.02")
    min_profit_pct: Decimal = Decimal("0.2")
    start_limit: Decimal = ZERO
    cooldown_s: Decimal = ZERO
    rebuy_pause_s: Decimal = Decimal(5)
    max_spread_pct: Decimal = ONE
    max_slippage_pct: Decimal = Decimal("0.3")
    order_style: OrderStyle = OrderStyle.MARKET
    reserve: Reserve = Reserve.NEXT_STEP
    stop_loss_pct: Decimal = ZERO
    budget_quote: Decimal = ZERO

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Decimal) and (not value.is_finite() or value < 0):
                raise BadLadder(one.name, f"must be a number of 0 or more, not {value}")
        if not 0 <= self.steps <= STEPS_MAX:
            raise BadLadder("steps", f"must be 0 to {STEPS_MAX}, not {self.steps}")
        if self.start_quote <= 0 and self.start_balance_pct <= 0:
            raise BadLadder("start_quote", "the start buy must spend something")
        if self.start_balance_pct > HUNDRED:
            raise BadLadder("start_balance_pct", "cannot be more than 100 % of the balance")
        if self.stop_loss_pct >= HUNDRED:
            raise BadLadder("stop_loss_pct", "must be below 100 %")
        if self.size_mode is SizeMode.GEOMETRIC and not self.size_multiplier:
            raise BadLadder("size_multiplier", "must be above 0")
        if self.size_mode is SizeMode.CUSTOM and len(self.sizes) != self.steps + 1:
            raise BadLadder(
                "sizes",
                f"{self.steps} steps need {self.steps + 1} sizes (the start buy and each step), got {len(self.sizes)}",
            )
        if any(not size.is_finite() or size <= 0 for size in self.sizes):
            raise BadLadder("sizes", "every size must be above 0")
        worst_fall = max(self.fall_pct(self.steps), self.fall_pct(1)) if self.steps else ZERO
        if self.drop_reference is DropReference.START:
            worst_fall = sum((self.fall_pct(k) for k in range(1, self.steps + 1)), ZERO)
        if worst_fall >= HUNDRED:
            name = "drop_step_pct" if self.drop_step_pct >= HUNDRED else "drop_growth_pct"
            raise BadLadder(name, f"the falls reach {plain(worst_fall)} %; a price cannot fall 100 %")

    def fall_pct(self, step: int) -> Decimal:
        """d_k: the fall that triggers step k, in %."""
        return self.drop_step_pct + (step - 1) * self.drop_growth_pct if step else ZERO

    def size(self, step: int) -> Decimal:
        """What step k spends before rounding, in quote currency."""
        match self.size_mode:
            case SizeMode.FIXED:
                return self.start_quote
            case SizeMode.GEOMETRIC:
                return self.start_quote * self.size_multiplier**step
            case SizeMode.MARTINGALE:
                return self.start_quote * Decimal(2) ** step
            case SizeMode.CUSTOM:
                return self.sizes[step]

    def profit_at(self, step: int) -> Decimal:
        """Profit over breakeven at step k, in %; never below the minimum."""
        return max(self.profit_pct - step * self.profit_decay_pct, self.min_profit_pct)

    def resolved(self, free_quote: Decimal, qstep: Decimal) -> "LadderParams":
        """These parameters with the start buy as an amount, where it was a share of the free balance."""
        if not self.start_balance_pct:
            return self
        share = floor_to(free_quote * self.start_balance_pct / HUNDRED, qstep)
        return replace(self, start_quote=share, start_balance_pct=ZERO) if share > 0 else self


def changed(params: LadderParams, changes: dict[str, Any]) -> LadderParams:
    """The parameters with changes given as text (or JSON values). Errors: `BadLadder` with the field."""
    kinds = {one.name: type(getattr(params, one.name)) for one in fields(LadderParams)}
    values: dict[str, Any] = {}
    for name, given in changes.items():
        kind = kinds.get(name)
        if kind is None:
            raise BadLadder(name, f"is no ladder parameter; known are {', '.join(sorted(kinds))}")
        values[name] = _read(name, kind, given)
    return replace(params, **values)


def _read(name: str, kind: type, given: Any) -> Any:
    try:
        if kind is tuple:
            parts = given.split(",") if isinstance(given, str) else given
            return tuple(amount(str(part).strip()) for part in parts if str(part).strip())
        text = str(given).strip()
        if issubclass(kind, StrEnum):
            return kind(text.lower())
        if kind is int:
            number = amount(text)
            if number != number.to_integral_value():
                raise BadLadder(name, f"must be a whole number, not {text}")
            return int(number)
        return amount(text)
    except NotANumber as error:
        raise BadLadder(name, str(error)) from None
    except (TypeError, ValueError) as error:
        if isinstance(error, BadLadder):
            raise
        known = ", ".join(one.value for one in kind) if issubclass(kind, StrEnum) else "numbers"
        known = known.replace("martingale", "martingale (or doubling)")
        raise BadLadder(name, f"{given!r} is not one of {known}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row. `number` is None for an extra buy (shown as `+`), 0 for the start buy.

    Units: prices in quote per coin; `quote`, `spent`, `invested`, `profit_quote` in quote currency; `gross`, `net`,
    `held`, `sellable`, `dust` in coins; `*_pct` in percent. `done` rows carry what happened, the others what will.
    """

    number: int | None
    price: Decimal
    quote: Decimal
    gross: Decimal
    spent: Decimal
    net: Decimal
    invested: Decimal
    held: Decimal
    sellable: Decimal
    breakeven: Decimal
    take_profit: Decimal
    drop_total_pct: Decimal
    profit_pct: Decimal
    fee: Decimal
    done: bool = False

    @property
    def dust(self) -> Decimal:
        """Coins under one lot; they keep their cost."""
        return self.held - self.sellable

    @property
    def rise_to_breakeven_pct(self) -> Decimal:
        """How far the price must rise from this row to breakeven."""
        return (self.breakeven / self.price - 1) * HUNDRED

    @property
    def rise_to_profit_pct(self) -> Decimal:
        """How far the price must rise from this row to the take-profit."""
        return (self.take_profit / self.price - 1) * HUNDRED

    @property
    def profit_quote(self) -> Decimal:
        """What the take-profit sale earns after both fees."""
        if not self.held:
            return ZERO
        return self.sellable * self.take_profit * (1 - self.fee) - self.invested * self.sellable / self.held

    def as_json(self) -> dict[str, str | int | bool | None]:
        """The row for people: text, exact and normalised; percentages and profit to 12 significant digits."""
        exact = ("price", "quote", "gross", "invested", "held", "sellable", "breakeven", "take_profit")
        figures = ("drop_total_pct", "rise_to_breakeven_pct", "rise_to_profit_pct", "profit_quote")
        return {
            "step": self.number,
            **{name: plain(getattr(self, name)) for name in exact},
            **{name: plain(reported(getattr(self, name))) for name in figures},
            "dust": plain(self.dust),
            "spent": plain(self.spent),
            "done": self.done,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakevenTable:
    """All rows of a ladder: those that happened, then those ahead.

    `active` is the last row that happened (None before the start buy), `ahead` the rows not bought yet.
    """

    rows: tuple[Step, ...]
    done: int = 0
    active: Step | None = field(init=False)
    next_step: Step | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "active", self.rows[self.done - 1] if self.done else None)
        object.__setattr__(self, "next_step", self.rows[self.done] if self.done < len(self.rows) else None)

    @property
    def ahead(self) -> tuple[Step, ...]:
        """Rows not bought yet."""
        return self.rows[self.done :]

    @property
    def cost(self) -> Decimal:
        """What the whole ladder takes from the wallet, in quote currency: every row's order in full."""
        return sum((row.spent if row.done else row.quote for row in self.rows), ZERO)

    @property
    def cost_ahead(self) -> Decimal:
        """What the rows ahead take, in quote currency."""
        return sum((row.quote for row in self.ahead), ZERO)

    @property
    def loss_at_end(self) -> Decimal:
        """What everything would earn, usually lose, if the last row were bought and the price stayed there."""
        last = self.rows[-1]
        return last.held * last.price * (1 - last.fee) - last.invested


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a ladder stands: the coins that count, what they cost, and where the next falls count from.

    `anchor` is the last step's anchor, `base_price` the first one's; `step` the last step bought.
    """

    held: Decimal
    invested: Decimal
    anchor: Decimal
    base_price: Decimal
    step: int


def breakeven_price(invested: Decimal, held: Decimal, rules: MarketRules) -> Decimal:
    """The price at which a sale pays the position back, full taker fee included; rounded up to a tick."""
    return ceil_to(invested / (held * (1 - rules.fee)), rules.tick)


def take_profit_price(breakeven: Decimal, profit_pct: Decimal, rules: MarketRules) -> Decimal:
    """The price the engine sells at; rounded up to a tick."""
    return ceil_to(breakeven * (1 + profit_pct / HUNDRED), rules.tick)


def step_price(params: LadderParams, rules: MarketRules, step: int, previous: Decimal, base: Decimal) -> Decimal:
    """The trigger of step k: falls count from the previous row's price, or add up from the base price."""
    if params.drop_reference is DropReference.START:
        fall = sum((params.fall_pct(k) for k in range(1, step + 1)), ZERO)
        return floor_to(base * (1 - fall / HUNDRED), rules.tick)
    return floor_to(previous * (1 - params.fall_pct(step) / HUNDRED), rules.tick)


def planned(params: LadderParams, rules: MarketRules, base_price: Decimal) -> BreakevenTable:
    """The table before a cent is spent. Errors: `BadLadder` where the ladder cannot work in this market."""
    quote_0 = floor_to(params.size(0), rules.qstep)
    start = _row(params, rules, 0, base_price, quote_0, ZERO, ZERO, base_price)
    ahead = tuple(_rows_ahead(params, rules, _after(start, base_price)))
    if len(ahead) < params.steps:
        raise BadLadder(
            "drop_step_pct", f"step {len(ahead) + 1} would be below the smallest price, {plain(rules.tick)}"
        )
    table = BreakevenTable(rows=(start, *ahead))
    check(table, rules)
    return table


def project(
    params: LadderParams, rules: MarketRules, done: Sequence[Step], position: Position
) -> tuple[BreakevenTable, Decimal, Decimal]:
    """The table of a running position, with its (breakeven, take_profit): rows that happened, then rows ahead.

    The last done row is restated by the position as it is now: after a partial sale or an extra buy it is the
    position, not the history, that the thresholds come from.
    """
    breakeven, take_profit = thresholds(params, rules, position)
    active = replace(
        done[-1],
        invested=position.invested,
        held=position.held,
        sellable=floor_to(position.held, rules.lot),
        breakeven=breakeven,
        take_profit=take_profit,
        profit_pct=params.profit_at(position.step),
        fee=rules.fee,
    )
    rows = (*done[:-1], active, *_rows_ahead(params, rules, position))
    return BreakevenTable(rows=rows, done=len(done)), breakeven, take_profit


def thresholds(params: LadderParams, rules: MarketRules, position: Position) -> tuple[Decimal, Decimal]:
    """(breakeven, take_profit) of a running position."""
    breakeven = breakeven_price(position.invested, position.held, rules)
    return breakeven, take_profit_price(breakeven, params.profit_at(position.step), rules)


def next_row(params: LadderParams, rules: MarketRules, position: Position) -> Step | None:
    """The first row ahead of a running position; None when the ladder is used up."""
    return next(_rows_ahead(params, rules, position), None)


def _after(row: Step, base_price: Decimal) -> Position:
    return Position(held=row.held, invested=row.invested, anchor=row.price, base_price=base_price, step=row.number or 0)


def _rows_ahead(params: LadderParams, rules: MarketRules, position: Position) -> Iterator[Step]:
    held, invested, previous = position.held, position.invested, position.anchor
    for step in range(position.step + 1, params.steps + 1):
        price = step_price(params, rules, step, previous, position.base_price)
        if price < rules.tick:
            return  # a running ladder ends where prices end; a planned one is refused by `planned`
        quote = floor_to(params.size(step), rules.qstep)
        row = _row(params, rules, step, price, quote, held, invested, position.base_price)
        held, invested, previous = row.held, row.invested, price
        yield row


def _row(
    params: LadderParams,
    rules: MarketRules,
    step: int,
    price: Decimal,
    quote: Decimal,
    held: Decimal,
    invested: Decimal,
    base_price: Decimal,
) -> Step:
    if price < rules.tick:
        raise BadLadder("price", f"step {step} is at {plain(price)}, below the smallest price {plain(rules.tick)}")
    gross = floor_to(quote / price, rules.lot)
    spent = gross * price
    net = gross * (1 - rules.fee)
    held, invested = held + net, invested + spent
    if not held:
        raise BadLadder("start_quote", f"{plain(quote)} buys less than one lot ({plain(rules.lot)}) at {plain(price)}")
    breakeven = breakeven_price(invested, held, rules)
    profit_pct = params.profit_at(step)
    return Step(
        number=step,
        price=price,
        quote=quote,
        gross=gross,
        spent=spent,
        net=net,
        invested=invested,
        held=held,
        sellable=floor_to(held, rules.lot),
        breakeven=breakeven,
        take_profit=take_profit_price(breakeven, profit_pct, rules),
        drop_total_pct=(1 - price / base_price) * HUNDRED,
        profit_pct=profit_pct,
        fee=rules.fee,
    )


def check(table: BreakevenTable, rules: MarketRules) -> None:
    """Refuse a ladder with a step the exchange would refuse, or coins that fees would eat. Errors: `BadLadder`."""
    if rules.pays_fees:
        reason = (
            f"{rules.market.base} pays the account's fees, so its coins would shrink; switch that off at the exchange"
        )
        raise BadLadder("market", reason)
    least_quote = _MINIMUM_MARGIN * rules.min_quote
    for row in table.ahead:
        step = row.number
        size_field = "start_quote" if step == 0 else "size_multiplier"
        if row.quote < least_quote:
            raise BadLadder(
                size_field,
                f"step {step} spends {plain(row.quote)}, the exchange's minimum plus 5 % is {plain(least_quote)}",
            )
        # Without a minimum of the exchange a step must still buy something.
        if row.gross < rules.least_sale:
            raise BadLadder(
                size_field,
                f"step {step} buys {plain(row.gross)} coins, the exchange's minimum is {plain(rules.least_sale)}",
            )
        if row.sellable < rules.least_sale:
            raise BadLadder(
                size_field,
                f"after step {step} only {plain(row.sellable)} coins could be sold, below {plain(rules.least_sale)}",
            )
        if row.sellable * row.price < least_quote:
            raise BadLadder(
                size_field,
                f"after step {step} the coins are worth {plain(row.sellable * row.price)}, too little to be sold again"
                f" (minimum with 5 % to spare: {plain(least_quote)})",
            )
        if rules.market_max_quote and row.quote > rules.market_max_quote:
            raise BadLadder(
                size_field,
                f"step {step} spends {plain(row.quote)}, above the market's cap {plain(rules.market_max_quote)}",
            )
        if rules.market_max_base and row.sellable > rules.market_max_base:
            raise BadLadder(
                size_field,
                f"after step {step} one order cannot sell {plain(row.sellable)} coins; the cap is"
                f" {plain(rules.market_max_base)}",
            )


@dataclass(frozen=True, slots=True)
class LadderWarning:
    """Something a person should know before using a ladder: a code for the catalogues, with values."""

    code: str
    values: tuple[tuple[str, str], ...]


def warnings(table: BreakevenTable, params: LadderParams, rules: MarketRules) -> tuple[LadderWarning, ...]:
    """What is allowed but unwise."""
    found = []
    first = table.rows[0]
    dust_pct = first.dust / first.held * HUNDRED
    if dust_pct > _DUST_WARNING_PCT:
        found.append(LadderWarning("dust_after_first_buy", (("dust_pct", plain(reported(dust_pct))),)))
    tick_pct = rules.tick / first.price * HUNDRED
    if params.steps and tick_pct > params.drop_step_pct / 2:
        found.append(LadderWarning("coarse_tick", (("tick_pct", plain(reported(tick_pct))),)))
    return tuple(found)


def falls(params: LadderParams) -> tuple[Decimal, ...]:
    """The falls of all steps added up, in % (as the person reads them before a price is known)."""
    return tuple(accumulate(params.fall_pct(k) for k in range(1, params.steps + 1)))
