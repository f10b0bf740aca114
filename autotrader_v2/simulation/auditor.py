"""Judges the engine by the exchange's own books, after every step. Shares no code with what it judges.

The invariants are those of reliability.md §2 and of TRADING_RULES.md, but for two: that paper reaches no live endpoint
(I10) and that no secret gets out (I11) are shown on real processes. What the engine writes is read as a claim and
compared with what the exchange did and with what the owner chose; a claim that does not hold ends the world with
`Broken`. This file hears and keeps the books; `sending_judge.py` and `limits_judge.py` say what may leave,
`compare.py` compares the engine's figures with the ledger's.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial

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
    SettingSet,
)
from autotrader_v2.domain.cycle import (
    Adopted,
    BuyBooked,
    CycleReset,
    ExitAtBreakeven,
    OutsideIgnored,
    RestLeft,
    SaleBooked,
    SoldByHand,
    TermsChanged,
    TradingCycle,
    WrittenOff,
)
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Fill, OrderIntent, Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.records import UserTrade
from autotrader_v2.simulation.coins_judge import CoinsJudge, Readings
from autotrader_v2.simulation.compare import brief_cycle, compare, terms_told
from autotrader_v2.simulation.fibers import Hub
from autotrader_v2.simulation.hand_sales import HandSales
from autotrader_v2.simulation.heard import Books, Broken, KnownOrder, Seen
from autotrader_v2.simulation.ledger import ZERO, Ledger, Terms, Traded
from autotrader_v2.simulation.owners_word import OwnersWord, Wish
from autotrader_v2.simulation.sending_judge import SendingJudge

# An order's end is durable so long after the look at the exchange that proved it, at most.
_LOOK_TO_END_MS = 10_000


class Auditor:
    """Hears everything, believes nothing. Raises `Broken`."""

    def __init__(self, hub: Hub, markets: Sequence[Market]) -> None:
        self._hub = hub
        books = Books(markets)
        self.orders, self.open_of, self.ledgers = books.orders, books.open_of, books.ledgers
        self.seen, self.allowed = books.seen, books.allowed
        self.word = OwnersWord()
        self._sending = SendingJudge(hub, books, self.word)
        self.limits = self._sending.limits
        self.steps: dict[tuple[Market, int, int], str] = {}
        self._coins: dict[Market, CoinsJudge] = {}
        self._readings = Readings()
        self.by_hand: dict[str, HandSales] = {market.pair: HandSales() for market in markets}
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

    def opens(self, markets: Mapping[str, Market], account: Account, shown_ms: Callable[[str], int]) -> None:
        """The exchange's books are open: its markets by pair, the account there, when it lists an order's trades."""
        self._markets = markets
        for market in markets.values():
            total = partial(_total, account, market.base)
            self._coins[market] = CoinsJudge(total, shown_ms)

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
        self._sending.check(intent)

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
        self._moved(trade, order)
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

    def _moved(self, trade: UserTrade, order: KnownOrder | None) -> None:
        """Coins moved; by other hands, or by an order of which nobody waits for more, without the engine's doing."""
        market = self._markets[trade.pair]
        coins = trade.amount - trade.fee if trade.side is Side.BUY else trade.amount
        if trade.side is Side.BUY:
            self._coins[market].bought(trade.time_ms, str(trade.order_id), coins, trade.quote)
        if order is None or order.closed or order.copies:
            self._coins[market].moved(self._hub.now_ms, coins)

    def withdrawn(self, currency: str, amount: Decimal) -> None:
        """The owner takes some out of the account."""
        for market, coins in self._coins.items():
            if market.base == currency:
                coins.moved(self._hub.now_ms, amount)

    def balances_told(self, asof_ms: int) -> None:
        """The exchange told the balances of a moment."""
        self._readings.told(self._hub.now_ms, asof_ms)

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
        self.word.booted()
        self.limits.booted()

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
                        if order.closed or order.copies:
                            self._coins[order.intent.market].moved(self._hub.now_ms, trade.base)
                        self.unbooked.discard(fill.trade_id)
                case AttemptClosed(client_id=client_id, outcome=outcome):
                    self._closed(client_id, outcome)
                    if outcome is Outcome.NOT_SENT:
                        self.limits.never_left(client_id)
                case CycleChanged():
                    self._cycle_changed(record)
                case SettingSet(name="limits", value=value):
                    self.word.setting_set("limits", value)
                    self._sending.budget_set(Decimal(value["total_budget"]))
                case SettingSet(name="order_limits", value=value):
                    self.word.setting_set("order_limits", value)
                    self.limits.set(value)
                case ParamsSet(market=market, values=values):
                    self.word.ladder_set(market, values, self._hub.now_ms)
                    for label in self.open_of.values():
                        order = self.orders[label]
                        order.new_ladder |= market is None or market == order.intent.market

    def _intended(self, intent: OrderIntent) -> None:
        if intent.client_id in self.orders:
            raise Broken("I1", f"the label {intent.client_id} is used again")
        if intent.market in self.open_of:
            raise Broken("I1", f"{intent.market} has two open orders")
        self.orders[intent.client_id] = KnownOrder(intent)
        self.open_of[intent.market] = intent.client_id

    def _check_told(self, order: KnownOrder, fills: Sequence[Fill], records: Sequence[Record]) -> None:
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
                terms = terms_told(event.params, event.rules)
                if not ledger.open and event.why is Why.START:
                    self._check_start(event, terms)
                ledger.bought(self._trades(event), event.cycle_id, event.step, event.seen_price, terms)
            case SaleBooked():
                ledger.sold(self._trades(event), event.cycle_id, event.outside)
            case SoldByHand():
                self._sold_by_hand(market, ledger, event)
            case Adopted(coins=coins, cost=cost, params=params, rules=rules):
                self._check_adopted(market, ledger, event)
                ledger.adopted(coins, cost, terms_told(params, rules))
            case WrittenOff():
                self._check_written_off(market, ledger)
                ledger.written_off()
            case RestLeft():
                if not ledger.rest_left():
                    raise Broken("I6", f"{market}: coins that could be sold are put aside as dust")
            case CycleReset():
                self._pressed("reset", market)
                ledger.forgotten()
            case OutsideIgnored(coins=coins):
                self._pressed("ignore", market)
                self._hold(market, self._coins[market].ignored(ledger, coins, self._read_ms))
                ledger.ignored = coins
            case TermsChanged(params=params, rules=rules):
                if ledger.open:
                    ledger.terms = terms_told(params, rules)
            case ExitAtBreakeven(wanted=wanted):
                if wanted not in [one.value for one in self._pressed("exit", market)]:
                    raise Broken("I6", f"{market}: the exit at breakeven became {wanted}, which nobody asked for")
                ledger.exits = ledger.open and wanted
        compare(market, ledger, record.after)
        self.dirty.add(market)

    @property
    def _read_ms(self) -> int:
        """Balances as of then, or later, are what the engine goes by."""
        return self._readings.since_ms(self._hub.now_ms)

    def _pressed(self, button: str, market: Market) -> list[Wish]:
        """I6: what only a person may do to a cycle, a person is just asking for."""
        wishes = self.word.wished(button, market)
        if not wishes:
            raise Broken("I6", f"{market}: {button}, which nobody asked for")
        return wishes

    def _hold(self, market: Market, wrong: str | None) -> None:
        if wrong is not None:
            raise Broken("I6", f"{market}: {wrong}")

    def _check_adopted(self, market: Market, ledger: Ledger, event: Adopted) -> None:
        asked = [(one.since_ms, one.value) for one in self._pressed("adopt", market)]
        coins = self._coins[market]
        lot = event.rules.lot
        self._hold(market, coins.adopted(ledger, event.coins, event.cost, lot, self._read_ms, asked))

    def _check_written_off(self, market: Market, ledger: Ledger) -> None:
        """I6: coins that are there, and could be sold at every price of late, are not lost."""
        self._pressed("write_off", market)
        if not ledger.open or ledger.terms is None:
            return
        sells = all(ledger.worth_selling(one.bid) for one in self.seen[market] if not one.wrong)
        lot = Decimal(1).scaleb(-ledger.terms.lot_decimals)
        self._hold(market, self._coins[market].written_off(ledger, self._read_ms, lot, sells=sells))

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

    # -- after a step

    def quoted(self, quote: Quote, true_ms: int, *, wrong: bool) -> None:
        """A quote was handed to the engine."""
        seen = self.seen[quote.market]
        seen.append(Seen(quote.bid, quote.ask, true_ms, wrong))
        if len(seen) > 64:
            del seen[:32]
        self.limits.quoted(quote)

    def check_memory(self, market: Market, memory: TradingCycle, durable: TradingCycle) -> None:
        """I7: what the engine thinks is what its journal says."""
        if memory is not durable and memory != durable:
            raise Broken("I7", f"{market}: memory {brief_cycle(memory)}, journal {brief_cycle(durable)}")

    def check_fold(self, from_zero: Mapping[Market, TradingCycle], newest: Mapping[Market, TradingCycle]) -> None:
        """I7: folded from the first event the journal gives the same cycles."""
        for market, cycle in from_zero.items():
            if cycle != newest[market]:
                raise Broken(
                    "I7", f"{market}: folded from zero {brief_cycle(cycle)}, written {brief_cycle(newest[market])}"
                )

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


def _total(account: Account, currency: str) -> Decimal:
    balance = account.balances.get(currency)
    return ZERO if balance is None else balance.total
