"""A market's averaging cycle: exactly two states, changed only by what was booked or commanded.

`apply` is the whole state machine; memory is `fold(apply)` over the journal's cycle events.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import assert_never

from autotrader_v2.domain.ladder import (
    BreakevenTable,
    LadderParams,
    Position,
    Step,
    breakeven_price,
    next_row,
    project,
    take_profit_price,
    thresholds,
)
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import HUNDRED, ONE, ZERO, floor_to, share_of_cost
from autotrader_v2.domain.orders import Fill, Why


@dataclass(frozen=True, slots=True)
class Dust:
    """Coins too few to sell, with what they cost; they join the next sale's amount and result, never its thresholds."""

    coins: Decimal = ZERO
    cost: Decimal = ZERO

    def __add__(self, other: "Dust") -> "Dust":
        return Dust(self.coins + other.coins, self.cost + other.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A row of the table that happened. `step` None: an extra buy.

    Units: `base` coins filled, `quote` quote filled, `net` coins received after the fee, `cost` quote spent with the
    worth of a fee that was not taken in coins. `anchor`: where the next fall counts from, in quote per coin.
    """

    step: int | None
    base: Decimal
    quote: Decimal
    net: Decimal
    cost: Decimal
    anchor: Decimal
    time_ms: int
    client_ids: tuple[str, ...] = ()
    fee_estimated: bool = False

    @property
    def price(self) -> Decimal:
        """Average fill price."""
        return self.quote / self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a market carries from cycle to cycle.

    `ignored`: coins the owner told us to leave alone. `completed` cycles and `realised` result (quote, after fees)
    count from the first start. `last_cycle_id` is the highest id used. `closed_ms`: exchange time of the last close.
    """

    dust: Dust = Dust()
    ignored: Decimal = ZERO
    completed: int = 0
    realised: Decimal = ZERO
    last_cycle_id: int = 0
    closed_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Nothing bought."""

    market: Market
    tally: Tally = Tally()


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """Coins bought. Only an active cycle has fills and a breakeven table.

    `params` and `rules` are those the thresholds were made with. `rest_since_ms` > 0: a sale was partly filled then and
    the rest sells at breakeven. `exit_at_breakeven`: a person wants all of it sold there. `cycle_realised` is what
    partial sales of this cycle already earned, in quote. `accounted_ms`: foreign trades up to this exchange time are
    already explained. `unsellable_rest`: a sale, ours or by hand, left this, and by rules that changed since it cannot
    be sold where it should.
    The table and its next row are made when first asked for: folding a journal asks for neither.
    """

    market: Market
    tally: Tally
    cycle_id: int
    params: LadderParams
    rules: MarketRules
    bought: tuple[Bought, ...]
    position: Position
    opened_ms: int
    rest_since_ms: int = 0
    cycle_realised: Decimal = ZERO
    accounted_ms: int = 0
    exit_at_breakeven: bool = False
    breakeven: Decimal = field(init=False, compare=False)
    take_profit: Decimal = field(init=False, compare=False)
    unsellable_rest: bool = field(init=False, compare=False)
    _table: BreakevenTable | None = field(init=False, compare=False, repr=False, default=None)
    _next: tuple[Step | None] | None = field(init=False, compare=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if self.position.held <= 0 or not self.bought:
            raise ValueError(f"{self.market}: an active cycle holds coins; got {self.position}")
        breakeven, take_profit = thresholds(self.params, self.rules, self.position)
        object.__setattr__(self, "breakeven", breakeven)
        object.__setattr__(self, "take_profit", take_profit)
        object.__setattr__(self, "unsellable_rest", self._is_rest() and not self._sells())

    @property
    def held(self) -> Decimal:
        """Coins of the position, without dust."""
        return self.position.held

    @property
    def invested(self) -> Decimal:
        """What the position cost, in quote."""
        return self.position.invested

    @property
    def sell_price(self) -> Decimal:
        """The average a sale must get: the take-profit; breakeven for a rest, or when a person wants out there."""
        return self.breakeven if self.rest_since_ms or self.exit_at_breakeven else self.take_profit

    @property
    def next_step(self) -> Step | None:
        """The next rebuy's row; None when the ladder is used up."""
        known = self._next
        if known is None:
            known = (next_row(self.params, self.rules, self.position),)
            object.__setattr__(self, "_next", known)
        return known[0]

    @property
    def table(self) -> BreakevenTable:
        """The rows that happened and those ahead."""
        table = self._table
        if table is None:
            table, _, _ = project(self.params, self.rules, self._done_rows(), self.position)
            object.__setattr__(self, "_table", table)
        return table

    @property
    def stop_price(self) -> Decimal | None:
        """Where everything is sold at a loss, once the last step is bought; None when that is off or not yet due."""
        if not self.params.stop_loss_pct or self.next_step is not None:
            return None
        return self.invested / self.held * (1 - self.params.stop_loss_pct / HUNDRED)

    def _is_rest(self) -> bool:
        """Whether something was sold of it. What never was waits for further steps, or for its owner, to be sellable.

        A cycle that began with the rest of a sale opened the moment the one before closed.
        """
        bought = sum((row.net for row in self.bought), ZERO)
        return self.held < bought or self.opened_ms == self.tally.closed_ms

    def _sells(self) -> bool:
        coins = floor_to(self.held + self.tally.dust.coins, self.rules.lot)
        return self.rules.sellable(coins, self.sell_price)

    def _done_rows(self) -> tuple[Step, ...]:
        """The rows that happened, as they stood when they happened."""
        rows = []
        held = invested = ZERO
        step = 0
        for row in self.bought:
            held, invested = held + row.net, invested + row.cost
            step = step if row.step is None else row.step
            breakeven = breakeven_price(invested, held, self.rules)
            profit_pct = self.params.profit_at(step)
            rows.append(
                Step(
                    number=row.step,
                    price=row.price,
                    quote=row.quote,
                    gross=row.base,
                    spent=row.cost,
                    net=row.net,
                    invested=invested,
                    held=held,
                    sellable=floor_to(held, self.rules.lot),
                    breakeven=breakeven,
                    take_profit=take_profit_price(breakeven, profit_pct, self.rules),
                    drop_total_pct=(ONE - row.price / self.position.base_price) * HUNDRED,
                    profit_pct=profit_pct,
                    fee=self.rules.fee,
                    done=True,
                )
            )
        return tuple(rows)


TradingCycle = Idle | Active


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyBooked:
    """New fills of one of our buys. `seen_price` is the ask it was decided on.

    `fee_quote` is the worth, in quote, of fees not taken in coins; `fee_estimated` when that worth was not known.
    `params` are resolved: their `start_quote` is an amount.
    """

    client_id: str
    cycle_id: int
    why: Why
    step: int | None
    seen_price: Decimal
    fills: tuple[Fill, ...]
    params: LadderParams
    rules: MarketRules
    fee_quote: Decimal = ZERO
    fee_estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleBooked:
    """New fills of one of our sales. `outside`: how many of its coins were never the cycle's (a person's own sale)."""

    client_id: str
    cycle_id: int
    why: Why
    fills: tuple[Fill, ...]
    fee_quote: Decimal = ZERO
    outside: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A person hands coins to the cycle at a cost. Units: coins, quote, ms."""

    coins: Decimal
    cost: Decimal
    time_ms: int
    params: LadderParams
    rules: MarketRules


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldByHand:
    """Coins of the cycle were sold at the exchange by other hands; `coins` gone for `proceeds` after fees.

    `closes`: nothing that could be sold is left.
    """

    coins: Decimal
    proceeds: Decimal
    time_ms: int
    closes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOff:
    """A person says the cycle's coins are gone for nothing."""

    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestLeft:
    """The rules changed, and what a sale left is too little to be sold: it is dust, the cycle is over."""

    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReset:
    """A person forgets the cycle without selling; its coins lie outside from now on."""

    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideIgnored:
    """A person tells us to leave that many coins alone."""

    coins: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsChanged:
    """New parameters, or new rules or fees of the exchange, act on the running cycle from now on."""

    params: LadderParams
    rules: MarketRules


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitAtBreakeven:
    """A person wants the whole position sold at breakeven, or (`wanted` False) at the take-profit again."""

    wanted: bool


CycleEvent = (
    BuyBooked
    | SaleBooked
    | Adopted
    | SoldByHand
    | WrittenOff
    | RestLeft
    | CycleReset
    | OutsideIgnored
    | TermsChanged
    | ExitAtBreakeven
)


def apply(cycle: TradingCycle, event: CycleEvent) -> TradingCycle:
    """The cycle after the event. Pure; the same events always give the same cycle."""
    match event:
        case BuyBooked():
            return _bought(cycle, event)
        case SaleBooked():
            return _sold(cycle, event)
        case Adopted():
            return _adopted(cycle, event)
        case SoldByHand():
            return _sold_by_hand(cycle, event)
        case WrittenOff(time_ms=time_ms):
            return _closed(cycle, ZERO, time_ms) if isinstance(cycle, Active) else cycle
        case RestLeft(time_ms=time_ms):
            return _left(cycle, cycle.tally, cycle.position, time_ms) if isinstance(cycle, Active) else cycle
        case CycleReset(time_ms=time_ms):
            if isinstance(cycle, Idle):
                return cycle
            return Idle(market=cycle.market, tally=replace(cycle.tally, closed_ms=time_ms))
        case OutsideIgnored(coins=coins):
            return replace(cycle, tally=replace(cycle.tally, ignored=coins))
        case TermsChanged(params=params, rules=rules):
            return cycle if isinstance(cycle, Idle) else replace(cycle, params=params, rules=rules)
        case ExitAtBreakeven(wanted=wanted):
            return cycle if isinstance(cycle, Idle) else replace(cycle, exit_at_breakeven=wanted)
        case _:
            assert_never(event)


def fold(cycle: TradingCycle, events: Iterable[CycleEvent]) -> TradingCycle:
    """The cycle after all events, in order."""
    for event in events:
        cycle = apply(cycle, event)
    return cycle


def position_ends(cycle: Active, left: Decimal, price: Decimal) -> bool:
    """Whether so few coins are left that they cannot be sold at that price: the cycle is over, they are dust."""
    return not cycle.rules.sellable(floor_to(left, cycle.rules.lot), price)


def _bought(cycle: TradingCycle, event: BuyBooked) -> TradingCycle:
    base = sum((fill.base for fill in event.fills), ZERO)
    quote = sum((fill.quote for fill in event.fills), ZERO)
    row = Bought(
        step=event.step,
        base=base,
        quote=quote,
        net=sum((fill.base_received for fill in event.fills), ZERO),
        cost=quote + event.fee_quote,
        anchor=floor_to(min(quote / base, event.seen_price), event.rules.tick),
        time_ms=max(fill.time_ms for fill in event.fills),
        client_ids=(event.client_id,),
        fee_estimated=event.fee_estimated,
    )
    if isinstance(cycle, Idle):
        if event.cycle_id <= cycle.tally.last_cycle_id:
            return cycle  # a late fill of a closed cycle: its coins lie outside, and the owner is told
        tally = replace(cycle.tally, last_cycle_id=event.cycle_id)
        if not event.rules.sellable(floor_to(row.net, event.rules.lot), row.price):
            return Idle(market=cycle.market, tally=replace(tally, dust=tally.dust + Dust(row.net, row.cost)))
        first = replace(row, step=0)
        return _opened(cycle.market, tally, event.cycle_id, first, event.params, event.rules)
    if event.cycle_id != cycle.cycle_id:
        return cycle
    return _with_row(cycle, row, event.seen_price)


def _opened(
    market: Market, tally: Tally, cycle_id: int, row: Bought, params: LadderParams, rules: MarketRules
) -> Active:
    return Active(
        market=market,
        tally=tally,
        cycle_id=cycle_id,
        params=params,
        rules=rules,
        bought=(row,),
        position=Position(held=row.net, invested=row.cost, anchor=row.anchor, base_price=row.anchor, step=0),
        opened_ms=row.time_ms,
        accounted_ms=row.time_ms,
    )


def _with_row(cycle: Active, row: Bought, seen_price: Decimal) -> Active:
    """The cycle with one more row; further fills of an order already booked join its row.

    However an order's trades are split between bookings, the cycle ends the same. A step that another order has bought
    meanwhile is an extra row: it changes what is held, never what is due.
    """
    same = next((i for i, old in enumerate(cycle.bought) if set(row.client_ids) <= set(old.client_ids)), None)
    if same is not None:
        merged = _merged(cycle.bought[same], row, seen_price, cycle.rules.tick)
        bought = (*cycle.bought[:same], merged, *cycle.bought[same + 1 :])
    else:
        if any(old.step == row.step for old in cycle.bought):
            row = replace(row, step=None)
        bought = (*cycle.bought, row)
    position = cycle.position
    held, invested = position.held + row.net, position.invested + row.cost
    first = bought[0]
    if same == 0 and cycle.accounted_ms == cycle.opened_ms:
        cycle = replace(cycle, opened_ms=first.time_ms, accounted_ms=first.time_ms)
    anchor, step = _stands_at(bought)
    return replace(
        cycle,
        bought=bought,
        position=Position(held=held, invested=invested, anchor=anchor, base_price=first.anchor, step=step),
    )


def _merged(old: Bought, row: Bought, seen_price: Decimal, tick: Decimal) -> Bought:
    base, quote = old.base + row.base, old.quote + row.quote
    return replace(
        old,
        base=base,
        quote=quote,
        net=old.net + row.net,
        cost=old.cost + row.cost,
        anchor=floor_to(min(quote / base, seen_price), tick),
        time_ms=max(old.time_ms, row.time_ms),
        fee_estimated=old.fee_estimated or row.fee_estimated,
    )


def _stands_at(bought: tuple[Bought, ...]) -> tuple[Decimal, int]:
    """(anchor, step) after these rows: a new step sets the anchor, any other row can only lower it."""
    anchor, step = bought[0].anchor, bought[0].step or 0
    for row in bought[1:]:
        if row.step is not None and row.step > step:
            anchor, step = row.anchor, row.step
        else:
            anchor = min(anchor, row.anchor)
    return anchor, step


def _adopted(cycle: TradingCycle, event: Adopted) -> TradingCycle:
    anchor = floor_to(event.cost / event.coins, event.rules.tick)
    row = Bought(
        step=None,
        base=event.coins,
        quote=event.cost,
        net=event.coins,
        cost=event.cost,
        anchor=anchor,
        time_ms=event.time_ms,
    )
    if isinstance(cycle, Active):
        return _with_row(cycle, replace(row, client_ids=(f"adopted-{event.time_ms}",)), anchor)
    cycle_id = cycle.tally.last_cycle_id + 1
    tally = replace(cycle.tally, last_cycle_id=cycle_id)
    return _opened(cycle.market, tally, cycle_id, replace(row, step=0), event.params, event.rules)


def _sold(cycle: TradingCycle, event: SaleBooked) -> TradingCycle:
    total = sum((fill.base for fill in event.fills), ZERO)
    coins = max(total - event.outside, ZERO)
    proceeds = sum((fill.quote_received for fill in event.fills), ZERO) - event.fee_quote
    if event.outside:
        # What the coins outside brought is no result of this market's.
        proceeds = share_of_cost(proceeds, coins, total)
    time_ms = event.fills[-1].time_ms
    price = event.fills[-1].price
    if isinstance(cycle, Active) and event.client_id in cycle.bought[0].client_ids:
        return _more_of_the_rest_sold(cycle, event.client_id, coins, proceeds, time_ms, price)
    if isinstance(cycle, Idle) or event.cycle_id != cycle.cycle_id:
        return _dust_sold(cycle, coins, proceeds)
    owned = cycle.held + cycle.tally.dust.coins
    if coins > owned:
        # The network carried the sale out twice and coins outside went along: what they brought is no result either.
        coins, proceeds = owned, share_of_cost(proceeds, owned, coins)
    return _reduced(cycle, coins, proceeds, time_ms, price, sale=event.client_id)


def _more_of_the_rest_sold(
    cycle: Active, sale: str, coins: Decimal, proceeds: Decimal, time_ms: int, price: Decimal
) -> TradingCycle:
    """More trades of the sale whose rest this cycle began with: it ends as if they had been told together."""
    if len(cycle.bought) > 1:
        return _reduced(cycle, coins, proceeds, time_ms, price)
    tally = cycle.tally
    tally = replace(tally, completed=tally.completed - 1, last_cycle_id=tally.last_cycle_id - 1)
    before = replace(cycle, tally=tally, cycle_id=cycle.cycle_id - 1)
    return _reduced(before, coins, proceeds, time_ms, price, sale=sale, restarts=True)


def _dust_sold(cycle: TradingCycle, coins: Decimal, proceeds: Decimal) -> TradingCycle:
    """A person's own sale took dust along: its share of the proceeds and its cost become a result."""
    dust = cycle.tally.dust
    taken = min(coins, dust.coins)
    if not taken:
        return cycle
    cost = share_of_cost(dust.cost, taken, dust.coins)
    result = share_of_cost(proceeds, taken, coins) - cost
    tally = replace(
        cycle.tally, dust=Dust(dust.coins - taken, dust.cost - cost), realised=cycle.tally.realised + result
    )
    return replace(cycle, tally=tally)


def _sold_by_hand(cycle: TradingCycle, event: SoldByHand) -> TradingCycle:
    if isinstance(cycle, Idle):
        return cycle
    if event.closes:
        return _closed(cycle, event.proceeds, event.time_ms)
    price = event.proceeds / event.coins
    reduced = _reduced(cycle, event.coins, event.proceeds, event.time_ms, price)
    return replace(reduced, accounted_ms=event.time_ms) if isinstance(reduced, Active) else reduced


def _closed(cycle: Active, proceeds: Decimal, time_ms: int) -> Idle:
    """The position is gone; whatever it cost against whatever it brought is the result. Dust stays dust."""
    tally = cycle.tally
    return Idle(
        market=cycle.market,
        tally=replace(
            tally,
            completed=tally.completed + 1,
            realised=tally.realised + proceeds - cycle.invested,
            closed_ms=time_ms,
        ),
    )


def _left(cycle: Active, tally: Tally, rest: Position, time_ms: int) -> Idle:
    """What is left cannot be sold: it is dust with its cost."""
    dust = tally.dust + Dust(rest.held, rest.invested)
    return Idle(market=cycle.market, tally=replace(tally, dust=dust, completed=tally.completed + 1, closed_ms=time_ms))


def _reduced(
    cycle: Active,
    coins: Decimal,
    proceeds: Decimal,
    time_ms: int,
    price: Decimal,
    *,
    sale: str = "",
    restarts: bool = False,
) -> TradingCycle:
    """Coins left: the position's first, then dust's; cost goes with them in proportion.

    `sale`: the label of our own sale that took them, "" for other hands. `restarts`: its rest is a start buy again,
    whatever that is worth now.
    """
    position, tally = cycle.position, cycle.tally
    from_position = min(coins, position.held)
    from_dust = min(coins - from_position, tally.dust.coins)
    cost = share_of_cost(position.invested, from_position, position.held)
    dust_cost = share_of_cost(tally.dust.cost, from_dust, tally.dust.coins) if from_dust else ZERO
    result = proceeds - cost - dust_cost
    held, invested = position.held - from_position, position.invested - cost
    rest = replace(position, held=held, invested=invested)
    dust = Dust(tally.dust.coins - from_dust, tally.dust.cost - dust_cost)
    tally = replace(tally, dust=dust, realised=tally.realised + result)
    if position_ends(cycle, held, price):
        return _left(cycle, tally, rest, time_ms)
    if restarts or (sale and floor_to(held, cycle.rules.lot) * price < cycle.params.start_quote):
        return _restarted(cycle, tally, held, invested, time_ms, sale)
    return replace(
        cycle,
        tally=tally,
        position=rest,
        cycle_realised=cycle.cycle_realised + result,
        rest_since_ms=max(time_ms, cycle.rest_since_ms) if sale else cycle.rest_since_ms,
    )


def _restarted(cycle: Active, tally: Tally, held: Decimal, invested: Decimal, time_ms: int, sale: str) -> Active:
    """So little is left that it is a start buy: a new cycle at step 0 with the rest as its fill."""
    cycle_id = tally.last_cycle_id + 1
    row = Bought(
        step=0,
        base=held,
        quote=invested,
        net=held,
        cost=invested,
        anchor=floor_to(invested / held, cycle.rules.tick),
        time_ms=time_ms,
        client_ids=(sale,),
    )
    tally = replace(tally, completed=tally.completed + 1, last_cycle_id=cycle_id, closed_ms=time_ms)
    # Who wants out at breakeven wants the rest out there too.
    opened = _opened(cycle.market, tally, cycle_id, row, cycle.params, cycle.rules)
    return replace(opened, exit_at_breakeven=cycle.exit_at_breakeven)
