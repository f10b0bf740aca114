"""Judges the engine by the exchange's own books, after every step. Shares no code with what it judges.

The invariants are those of reliability.md §2 and of TRADING_RULES.md, but for three: that paper reaches no live
endpoint (I10) and that no secret gets out (I11) are shown on real processes, and of I9 the band around the median is
left to the tests of the limits. What the engine writes is read as a claim and compared with what the exchange did; a
claim that does not hold ends the world with `Broken`.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from autotrader_v2.application.events import (
    Alert,
    AttemptClosed,
    CycleChanged,
    FillsBooked,
    Intended,
    Outcome,
    ParamsSet,
    PauseSet,
    Record,
)
from autotrader_v2.domain.cycle import (
    Active,
    Adopted,
    BuyBooked,
    CycleReset,
    ExitAtBreakeven,
    Idle,
    OutsideIgnored,
    RestLeft,
    SaleBooked,
    SoldByHand,
    TermsChanged,
    TradingCycle,
    WrittenOff,
)
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill, OrderIntent, Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.matching.records import UserTrade
from autotrader_v2.simulation.fibers import Hub
from autotrader_v2.simulation.hand_sales import HandSales
from autotrader_v2.simulation.ledger import ZERO, Ledger, Terms, Traded

# A quotient has more digits than any decimal; sums of a few hundred of them agree to far more than this.
_CLOSE = Decimal("1e-12")
# TRADING_RULES.md, with what a clock that follows another may be wrong by: so old may a price be when it decides, and
# so old the decision when it leaves.
_PRICE_AGE_MS = 3_000 + 10
# A buy is counted when it is claimed and leaves later: the window is shorter by the longest way between.
_FIVE_MINUTES_MS = 300_000 - 10_000
# An order's end is durable so long after the look at the exchange that proved it, at most.
_LOOK_TO_END_MS = 10_000
# An order may have been decided under the limit before this one.
_LIMIT_OVERLAP_MS = 10_000


class Broken(BaseException):
    """An invariant does not hold. Not an `Exception`: the engine under test must not be able to swallow it."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant, self.what = invariant, what


@dataclass(slots=True)
class _Order:
    """What the auditor knows of one label."""

    intent: OrderIntent
    sent: bool = False
    placed: int = 0
    closed: bool = False
    trades: dict[str, Traded] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    # Trades it had when it was written down as ended, and that nobody could know of: booked late, once.
    late: set[str] = field(default_factory=set)
    # The exchange's books show it only then.
    hidden_until_ms: int = 0
    # How often something on the way repeated the request.
    copies: int = 0
    # People have changed the ladder since it was decided; and the process that knew the one before has died.
    new_ladder: bool = False
    ladder_forgotten: bool = False


@dataclass(slots=True)
class Seen:
    """A quote as it was handed to the engine: when the price was true, and whether it was a wrong one."""

    bid: Decimal
    ask: Decimal
    true_ms: int
    wrong: bool


@dataclass(slots=True)
class Allowed:
    """What people allow a market, as the auditor was told. `since_ms`: when a stricter mode was last confirmed."""

    starts: bool = False
    rebuys: bool = False
    sells: bool = False
    by_hand: bool = False


class Auditor:
    """Hears everything, believes nothing. Raises `Broken`."""

    def __init__(self, hub: Hub, markets: Sequence[Market]) -> None:
        self._hub = hub
        self.orders: dict[str, _Order] = {}
        self.open_of: dict[Market, str] = {}
        self.steps: dict[tuple[Market, int, int], str] = {}
        self.ledgers: dict[Market, Ledger] = {market: Ledger() for market in markets}
        self.by_hand: dict[str, HandSales] = {market.pair: HandSales() for market in markets}
        self.seen: dict[Market, list[Seen]] = {market: [] for market in markets}
        self.allowed: dict[Market, Allowed] = {market: Allowed() for market in markets}
        # (since when, the budget of all markets together; 0: none)
        self._budgets: list[tuple[int, Decimal]] = [(0, ZERO)]
        self.dirty: set[Market] = set()
        self.sent_count = 0
        self.filled: Counter[Market] = Counter()
        self.unknown_since: dict[str, int] = {}
        # Trades that are still to be booked late.
        self.unbooked: set[str] = set()
        # How long orders stayed unknown: with the exchange reachable, and those that an outage fell into.
        self.resolve_ms: list[int] = []
        self.resolve_outage_ms: list[int] = []
        self.unreachable_until_ms = 0
        # (of a coin, of the account; 0: off): how many buys five minutes allow. None: not limited, or not judged.
        self.numbers_limited: tuple[int, int] | None = None
        self._buys: deque[tuple[int, OrderIntent]] = deque()

    # -- the exchange's books

    def sent(self, intent: OrderIntent) -> None:
        """A process is about to send this."""
        order = self.orders.get(intent.client_id)
        if order is None or order.closed:
            raise Broken("I4", f"{intent.client_id} leaves without an open, durable intent")
        if order.intent != intent:
            raise Broken("I4", f"{intent.client_id} leaves otherwise than it was written: {intent}")
        if order.sent:
            raise Broken("I1", f"{intent.client_id} is sent a second time")
        order.sent = True
        self.sent_count += 1
        self._check_price(intent)
        if intent.side is Side.BUY:
            self._check_numbers(intent)
            self._check_buy(intent)
        else:
            self._check_sale(intent)

    def placed(self, intent: OrderIntent) -> None:
        """The exchange took an order in."""
        order = self.orders.get(intent.client_id)
        if order is None:
            raise Broken("I4", f"{intent.client_id} is at the exchange without an intent")
        order.placed += 1
        if order.placed > 1 + order.copies:
            raise Broken("I1", f"{intent.client_id} is at the exchange {order.placed} times")
        if order.closed and not order.copies:
            raise Broken("I1", f"{intent.client_id} was written down as ended and then arrived")

    def hidden(self, client_id: str, until_ms: int) -> None:
        """The exchange's books will not show an order before then."""
        order = self.orders[client_id]
        order.hidden_until_ms = max(order.hidden_until_ms, until_ms)

    def doubled(self, client_id: str) -> None:
        """Something on the way is about to repeat the request."""
        self.orders[client_id].copies += 1

    def traded(self, trade: UserTrade) -> None:
        """The account traded."""
        order = self.orders.get(trade.text)
        if trade.side is Side.SELL and (order is None or order.closed or order.copies):
            self.by_hand[trade.pair].sold(trade.amount, trade.quote, trade.time_ms)
        if order is None:
            return
        elsewhere = trade.quote * Decimal("0.002") if trade.gt_fee or trade.point_fee else ZERO
        buy = trade.side is Side.BUY
        order.trades[str(trade.id)] = Traded(
            trade.text,
            buy,
            trade.amount,
            trade.quote,
            trade.fee if buy else ZERO,
            ZERO if buy else trade.fee,
            elsewhere,
            trade.time_ms,
            str(trade.order_id),
        )
        if order.closed:
            if not order.copies:
                raise Broken("I2", f"{trade.text} traded after it was written down as ended")
            order.late.add(str(trade.id))
            self.unbooked.add(str(trade.id))
        intent = order.intent
        if buy:
            step = (intent.market, intent.cycle_id, -1 if intent.step is None else intent.step)
            if intent.step is not None:
                self._check_step(step, trade.text)
            spent = sum((one.quote for one in order.trades.values()), ZERO)
            if spent > intent.max_cost * (1 + order.copies):
                raise Broken("I3", f"{trade.text} spent {spent}, {intent.max_cost} was set aside")

    def _check_step(self, step: tuple[Market, int, int], label: str) -> None:
        """I1: a step is bought once; again only while nobody could know that an order before had bought it."""
        before = self.steps.setdefault(step, label)
        if before == label:
            return
        if not self.orders[before].late - self.orders[before].booked:
            raise Broken("I1", f"step {step[2]} of cycle {step[1]} was bought twice: {label}")
        self.steps[step] = label

    # -- what the engine makes durable

    def booted(self) -> None:
        """The engine starts: what it had in memory is gone."""
        for label in self.open_of.values():
            self.orders[label].ladder_forgotten |= self.orders[label].new_ladder

    def limit_set(self, budget: Decimal) -> None:
        """People limit what all markets together may cost; 0: no longer."""
        self._budgets.append((self._hub.now_ms, budget))

    def committed(self, records: Sequence[Record]) -> None:
        """A transaction became durable."""
        for record in records:
            match record:
                case Intended(intent=intent):
                    self._intended(intent)
                case FillsBooked(client_id=client_id, fills=fills):
                    order = self.orders[client_id]
                    self._check_told(order, fills, records)
                    self.filled[order.intent.market] += len(fills)
                    for fill in fills:
                        trade = order.trades.get(fill.trade_id)
                        if trade is None:
                            raise Broken("I2", f"{client_id} books the trade {fill.trade_id}, which is not its")
                        if fill.trade_id in order.booked:
                            raise Broken("I2", f"{client_id} books the trade {fill.trade_id} twice")
                        if (fill.base, fill.quote) != (trade.base, trade.quote):
                            raise Broken("I2", f"{client_id} books other amounts than traded: {fill}")
                        order.booked.add(fill.trade_id)
                        self.unbooked.discard(fill.trade_id)
                case AttemptClosed(client_id=client_id, outcome=outcome):
                    self._closed(client_id, outcome)
                    if outcome is Outcome.NOT_SENT:
                        self._buys = deque(one for one in self._buys if one[1].client_id != client_id)
                case CycleChanged():
                    self._cycle_changed(record)
                case ParamsSet(market=market):
                    for label in self.open_of.values():
                        order = self.orders[label]
                        order.new_ladder |= market is None or market == order.intent.market

    def _intended(self, intent: OrderIntent) -> None:
        if intent.client_id in self.orders:
            raise Broken("I1", f"the label {intent.client_id} is used again")
        if intent.market in self.open_of:
            raise Broken("I1", f"{intent.market} has two open orders")
        self.orders[intent.client_id] = _Order(intent)
        self.open_of[intent.market] = intent.client_id

    def _check_told(self, order: _Order, fills: Sequence[Fill], records: Sequence[Record]) -> None:
        """I2: what is booked late is told, and a market with two orders of one label pauses, in one transaction."""
        client_id = order.intent.client_id
        told = [one for one in records if isinstance(one, Alert) and one.values]
        alerts = {one.code for one in told if one.values and one.values.get("client_id") == client_id}
        if order.closed and not alerts & {"late_fill", "late_fill_outside"}:
            raise Broken("I2", f"{client_id} is booked after its end, and nobody is told")
        ids = order.booked | {fill.trade_id for fill in fills}
        if len({one.order_id for trade_id, one in order.trades.items() if trade_id in ids}) > 1:
            causes = {one.pause.cause for one in records if isinstance(one, PauseSet) and one.pause is not None}
            if "order_doubled" not in alerts or "order_doubled" not in causes:
                raise Broken("I1", f"{client_id} was executed twice; the market goes on")

    def _closed(self, client_id: str, outcome: Outcome) -> None:
        order = self.orders[client_id]
        order.closed = True
        if self.open_of.get(order.intent.market) == client_id:
            del self.open_of[order.intent.market]
        lost = order.trades.keys() - order.booked
        unseen = outcome is Outcome.ABSENT and order.hidden_until_ms > self._hub.now_ms - _LOOK_TO_END_MS
        if unseen or order.copies:
            order.late |= lost
            self.unbooked |= lost
        lost -= order.late
        if lost:
            raise Broken("I2", f"{client_id} is written down as ended, its trades {sorted(lost)} are not")
        since_ms = self.unknown_since.pop(client_id, None)
        if since_ms is not None:
            reachable = self.unreachable_until_ms <= since_ms
            (self.resolve_ms if reachable else self.resolve_outage_ms).append(self._hub.now_ms - since_ms)

    def _cycle_changed(self, record: CycleChanged) -> None:
        market, event = record.market, record.event
        ledger = self.ledgers[market]
        match event:
            case BuyBooked():
                terms = _terms(event.params, event.rules)
                if not ledger.open and event.why is Why.START:
                    self._check_start(event, terms)
                ledger.bought(self._trades(event), event.cycle_id, event.step, event.seen_price, terms)
            case SaleBooked():
                ledger.sold(self._trades(event), event.cycle_id, event.outside)
            case SoldByHand():
                self._sold_by_hand(market, ledger, event)
            case Adopted(coins=coins, cost=cost, params=params, rules=rules):
                ledger.adopted(coins, cost, _terms(params, rules))
            case WrittenOff():
                ledger.written_off()
            case RestLeft():
                if not ledger.rest_left():
                    raise Broken("I6", f"{market}: coins that could be sold are put aside as dust")
            case CycleReset():
                ledger.forgotten()
            case OutsideIgnored(coins=coins):
                ledger.ignored = coins
            case TermsChanged(params=params, rules=rules):
                if ledger.open:
                    ledger.terms = _terms(params, rules)
            case ExitAtBreakeven(wanted=wanted):
                ledger.exits = ledger.open and wanted
        self._compare(market, ledger, record.after)
        self.dirty.add(market)

    def _sold_by_hand(self, market: Market, ledger: Ledger, event: SoldByHand) -> None:
        """I6: the coins and the money of a sale by hand are those of the exchange's trades."""
        sales, terms = self.by_hand[market.pair], ledger.terms
        if ledger.open and terms is not None:
            lot = Decimal(1).scaleb(-terms.lot_decimals)
            wrong = sales.claim(event.coins, event.proceeds, lot)
            if wrong is None and event.closes and not sales.ends(ledger.held - event.coins, terms, event.time_ms):
                wrong = f"a sale by hand of {event.coins} ends a cycle of {ledger.held}"
            if wrong is not None:
                raise Broken("I6", f"{market}: {wrong}")
        ledger.sold_by_hand(event.coins, event.proceeds, event.closes)

    def _check_start(self, event: BuyBooked, terms: Terms) -> None:
        """I3: a start spends what the ladder says that its cycle runs on."""
        order = self.orders[event.client_id]
        cost = order.intent.max_cost
        if order.late or order.ladder_forgotten:
            return  # decided with a ladder that may be another one by now
        # The rules may have become coarser since it was decided.
        if cost > terms.size(0) + Decimal(1).scaleb(-terms.price_decimals) or (terms.budget and cost > terms.budget):
            raise Broken("I3", f"{event.client_id} starts for {cost}, its row {terms.size(0)}, budget {terms.budget}")

    def _trades(self, event: BuyBooked | SaleBooked) -> list[Traded]:
        order = self.orders[event.client_id]
        trades = [order.trades.get(fill.trade_id) for fill in event.fills]
        known = [one for one in trades if one is not None]
        if len(known) != len(trades) or not known:
            raise Broken("I2", f"{event.client_id} changes the cycle by trades that are not its")
        return known

    def _compare(self, market: Market, ledger: Ledger, cycle: TradingCycle) -> None:
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

    # -- may it leave?

    def _check_price(self, intent: OrderIntent) -> None:
        """I9: decided lately on a price that was right, and the newest right price is fresh and still allows it."""
        now_ms = self._hub.now_ms
        buy = intent.side is Side.BUY
        fresh = [one for one in self.seen[intent.market] if not one.wrong and now_ms - one.true_ms <= _PRICE_AGE_MS]
        if not fresh:
            raise Broken("I9", f"{intent.client_id} leaves without a right price of the last {_PRICE_AGE_MS} ms")
        worst = intent.worst_price
        if worst and all(one.ask > worst if buy else one.bid < worst for one in fresh):
            raise Broken("I9", f"{intent.client_id} leaves although every fresh price is worse than it allows")
        for one in reversed(self.seen[intent.market]):
            price = one.ask if buy else one.bid
            if price == intent.seen_price and now_ms - one.true_ms <= 2 * _PRICE_AGE_MS and not one.wrong:
                return
        stands_on = f"{intent.client_id} {intent.side} stands on {intent.seen_price}"
        raise Broken("I9", f"{stands_on}, no right price of the last {2 * _PRICE_AGE_MS} ms")

    def _check_buy(self, intent: OrderIntent) -> None:
        ledger, market = self.ledgers[intent.market], intent.market
        allowed = self.allowed[market]
        if intent.why is Why.QUICK_BUY:
            if not allowed.by_hand:
                raise Broken("I8", f"{intent.client_id} buys by hand although something is wrong that nobody looked at")
            self._check_budget(intent)
            return
        if not (allowed.starts if intent.why is Why.START else allowed.rebuys):
            raise Broken("I8", f"{intent.client_id} buys although that is switched off")
        self._check_budget(intent)
        if intent.why is Why.START:
            if ledger.open:
                raise Broken("I1", f"{intent.client_id} starts a cycle while one is open")
            return
        if not ledger.open:
            raise Broken("I1", f"{intent.client_id} rebuys without a cycle")
        price, terms, step = ledger.next_price(), ledger.terms, (ledger.step or 0) + 1
        if price is None or terms is None or intent.step != step:
            raise Broken("I1", f"{intent.client_id} buys step {intent.step}, the next one is {step}")
        if intent.seen_price > price:
            raise Broken("I3", f"{intent.client_id} buys step {step} at {intent.seen_price}, above its row {price}")
        if intent.max_cost > terms.size(step):
            raise Broken("I3", f"{intent.client_id} spends {intent.max_cost}, its row {terms.size(step)}")
        if terms.budget and ledger.cost + intent.max_cost > terms.budget:
            raise Broken("I3", f"{intent.client_id}: {intent.max_cost} after {ledger.cost}, budget {terms.budget}")

    def _check_numbers(self, intent: OrderIntent) -> None:
        """I3: no more buys in five minutes than the owner allows, whoever asks and however often it was restarted."""
        now_ms = self._hub.now_ms
        while self._buys and self._buys[0][0] <= now_ms - _FIVE_MINUTES_MS:
            self._buys.popleft()
        self._buys.append((now_ms, intent))
        if self.numbers_limited is None:
            return
        coin, account = self.numbers_limited
        of_coin = sum(one.market == intent.market for _, one in self._buys)
        if (coin and of_coin > coin) or (account and len(self._buys) > account):
            raise Broken("I3", f"{intent.client_id} is buy {of_coin} of its coin, {len(self._buys)} of the account")

    def _check_budget(self, intent: OrderIntent) -> None:
        since_ms = self._hub.now_ms - _LIMIT_OVERLAP_MS
        while len(self._budgets) > 1 and self._budgets[1][0] < since_ms:
            del self._budgets[0]
        limits = [amount for _, amount in self._budgets]
        if ZERO in limits:
            return
        limit = max(limits)
        invested = sum((one.cost for one in self.ledgers.values() if one.open), ZERO)
        out = sum((self.orders[label].intent.max_cost for label in self.open_of.values()), ZERO)
        if invested + out > limit * Decimal("1.001"):
            raise Broken("I3", f"{intent.client_id}: {invested} invested and {out} on their way, the budget is {limit}")

    def _check_sale(self, intent: OrderIntent) -> None:
        ledger = self.ledgers[intent.market]
        if not ledger.open:
            if intent.why is not Why.SELL_ALL:
                raise Broken("I5", f"{intent.client_id} sells without a cycle")
            return
        own = ledger.held + ledger.dust
        if intent.amount > own:
            raise Broken("I5", f"{intent.client_id} sells {intent.amount}, the book owns {own}")
        if intent.why is Why.STOP_LOSS:
            stop = ledger.stop_price()
            if stop is None or intent.seen_price > stop or not self.allowed[intent.market].sells:
                raise Broken("I6", f"{intent.client_id} stops at {intent.seen_price}, allowed is {stop}")
        if intent.why is Why.TAKE_PROFIT:
            if not self.allowed[intent.market].sells:
                raise Broken("I8", f"{intent.client_id} sells although that is switched off")
            if intent.seen_price < ledger.breakeven():
                raise Broken("I6", f"{intent.client_id} takes profit at {intent.seen_price}, below breakeven")
            if intent.limit_price is not None and intent.limit_price < ledger.breakeven():
                raise Broken("I6", f"{intent.client_id} may fill at {intent.limit_price}, below breakeven")

    # -- after a step

    def quoted(self, quote: Quote, true_ms: int, *, wrong: bool) -> None:
        """A quote was handed to the engine."""
        seen = self.seen[quote.market]
        seen.append(Seen(quote.bid, quote.ask, true_ms, wrong))
        if len(seen) > 64:
            del seen[:32]

    def check_memory(self, market: Market, memory: TradingCycle, durable: TradingCycle) -> None:
        """I7: what the engine thinks is what its journal says."""
        if memory is not durable and memory != durable:
            raise Broken("I7", f"{market}: memory {_brief(memory)}, journal {_brief(durable)}")

    def check_fold(self, from_zero: Mapping[Market, TradingCycle], newest: Mapping[Market, TradingCycle]) -> None:
        """I7: folded from the first event the journal gives the same cycles."""
        for market, cycle in from_zero.items():
            if cycle != newest[market]:
                raise Broken("I7", f"{market}: folded from zero {_brief(cycle)}, written {_brief(newest[market])}")

    def all_booked(self) -> bool:
        """Whether nothing is left that is to be booked late."""
        return not self.unbooked

    def check_end(self) -> None:
        """I2 and I12 when all is healed: nothing is open, everything that traded is booked."""
        for label, order in self.orders.items():
            if not order.closed:
                raise Broken("I12", f"{label} never ended")
            if order.trades.keys() != order.booked:
                raise Broken("I2", f"{label} traded {sorted(order.trades)}, booked {sorted(order.booked)}")


def _terms(params: LadderParams, rules: MarketRules) -> Terms:
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


def _brief(cycle: TradingCycle) -> str:
    if isinstance(cycle, Active):
        return f"cycle {cycle.cycle_id} step {cycle.position.step} held {cycle.held} realised {cycle.tally.realised}"
    return (
        f"idle after cycle {cycle.tally.last_cycle_id}, realised {cycle.tally.realised}, dust {cycle.tally.dust.coins}"
    )
