"""Judges the engine by the exchange's own books, after every step. Shares no code with what it judges.

The invariants are those of reliability.md §2 and of TRADING_RULES.md, but for two: that paper reaches no live endpoint
(I10) and that no secret gets out (I11) are shown on real processes. What the engine writes is read as a claim and
compared with what the exchange did and with what the owner chose; a claim that does not hold ends the world with
`Broken`. This file hears, and keeps orders and their trades; `sending_judge.py` and `limits_judge.py` say what may
leave, `cycle_judge.py` and `coins_judge.py` what a cycle may become; `owners_word.py` keeps what the owner chose and
asks for, `compare.py` compares the engine's figures with the ledger's.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from autotrader_v2.application.events import (
    Alert,
    AttemptClosed,
    AttemptUnknown,
    CycleChanged,
    FillsBooked,
    Intended,
    Outcome,
    ParamsSet,
    PauseSet,
    Record,
    SettingSet,
    SwitchSet,
)
from autotrader_v2.domain.cycle import (
    TradingCycle,
)
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill, OrderIntent, Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.records import UserTrade
from autotrader_v2.simulation.compare import brief_cycle
from autotrader_v2.simulation.cycle_judge import CycleJudge
from autotrader_v2.simulation.fibers import Hub
from autotrader_v2.simulation.heard import Books, Broken, KnownOrder, Seen
from autotrader_v2.simulation.ledger import ZERO, Traded
from autotrader_v2.simulation.owners_word import OwnersWord
from autotrader_v2.simulation.sending_judge import SendingJudge

# An order's end is durable so long after the look at the exchange that proved it, at most.
_LOOK_TO_END_MS = 31_000
# A buy whose coins have come is waited for two minutes, by a clock that may run fast.
_COINS_WAITED_FOR_MS = 110_000
# So old may be what an engine knows of the balance from before a buy.
_BALANCE_OLD_MS = 150_000


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
        self._cycles = CycleJudge(hub, books, self.word)
        self.dirty: set[Market] = set()
        self.sent_count = 0
        self.filled: Counter[Market] = Counter()
        # When an order of ours bought it last.
        self._bought_ms: dict[Market, int] = {}
        self.unknown_since: dict[str, int] = {}
        # Trades that are still to be booked late.
        self.unbooked: set[str] = set()
        # How long orders stayed unknown: with the exchange reachable, and those that an outage fell into, or whose
        # trades the exchange kept to itself for half a minute and more.
        self.resolve_ms: list[int] = []
        self.resolve_outage_ms: list[int] = []
        self.unreachable_until_ms = 0

    def opens(self, markets: Mapping[str, Market], account: Account, shown_ms: Callable[[str], int]) -> None:
        """The exchange's books are open: its markets by pair, the account there, when it lists an order's trades."""
        self._cycles.opens(markets, account, shown_ms)

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

    def told_traded(self, client_id: str) -> None:
        """The process hears from the exchange that an order traded."""
        order = self.orders.get(client_id)
        if order is not None:
            order.told = True

    def notes(self, client_id: str) -> None:
        """The process begins to write something of an order: what it hears from here on comes too late for that."""
        self.orders[client_id].told_in_time = self.orders[client_id].told

    def doubled(self, client_id: str) -> None:
        """Something on the way is about to repeat the request."""
        self.orders[client_id].copies += 1

    def traded(self, trade: UserTrade) -> None:
        """The account traded."""
        order = self.orders.get(trade.text)
        self._cycles.traded(trade, order)
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
            self._bought_ms[intent.market] = trade.time_ms
            step = (intent.market, intent.cycle_id, -1 if intent.step is None else intent.step)
            if intent.step is not None:
                self._check_step(step, trade.text)
            spent = sum((one.quote for one in order.trades.values()), ZERO)
            if spent > intent.max_cost * (1 + order.copies):
                raise Broken("I3", f"{trade.text} spent {spent}, {intent.max_cost} was set aside")

    def withdrawn(self, currency: str, amount: Decimal) -> None:
        """The owner takes some out of the account."""
        self._cycles.withdrawn(currency, amount)

    def balances_told(self, asof_ms: int) -> None:
        """The exchange told the balances of a moment."""
        self._cycles.readings.told(self._hub.now_ms, asof_ms)

    def rules_told(self, rules: Mapping[Market, MarketRules]) -> None:
        """The exchange told its rules."""
        self._cycles.rules_told(rules)

    def _check_step(self, step: tuple[Market, int, int], label: str) -> None:
        """I1: a step is bought once; again only while nobody could know that an order before had bought it.

        Nor could anybody know of a copy that the network made of an order, and that buys after the order has ended.
        """
        before, order = self.steps.setdefault(step, label), self.orders[label]
        if before == label or (order.closed and order.copies):
            return
        if not self.orders[before].late - self.orders[before].booked:
            raise Broken("I1", f"step {step[2]} of cycle {step[1]} was bought twice: {label}")
        self.steps[step] = label

    # -- what the engine makes durable

    def booted(self) -> None:
        """The engine starts: what it had in memory is gone."""
        for label in self.open_of.values():
            self.orders[label].told = self.orders[label].told_kept
            self.orders[label].outlived = True
        self.word.booted()
        self._cycles.booted()
        self.limits.booted()

    def committed(self, records: Sequence[Record]) -> None:
        """A transaction became durable."""
        ladder_set = any(isinstance(record, ParamsSet) for record in records)
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
                        self._cycles.booked(order, trade.base)
                        self.unbooked.discard(fill.trade_id)
                case AttemptUnknown(client_id=client_id):
                    self.orders[client_id].told_kept = self.orders[client_id].told_in_time
                case AttemptClosed(client_id=client_id, outcome=outcome):
                    self._closed(client_id, outcome)
                    if outcome is Outcome.NOT_SENT:
                        self.limits.never_left(client_id)
                case CycleChanged():
                    self._cycles.changed(record, ladder_set=ladder_set)
                    self.dirty.add(record.market)
                case SettingSet(name="limits", value=value):
                    self.word.setting_set("limits", value)
                    self._sending.budget_set(Decimal(value["total_budget"]))
                case SettingSet(name="order_limits", value=value):
                    self.word.setting_set("order_limits", value)
                    self.limits.set(value)
                case SettingSet(name="symbols", value=value):
                    self._list_set(value["available"], records)
                case ParamsSet(market=market, values=values):
                    self.word.ladder_set(market, values, self._hub.now_ms)
                    for label in self.open_of.values():
                        order = self.orders[label]
                        order.new_ladder |= market is None or market == order.intent.market

    def _list_set(self, pairs: Sequence[str], records: Sequence[Record]) -> None:
        """I2, I8: a coin leaves with nothing open, and it leaves and joins switched off."""
        joins, leaves = self.word.list_set(pairs)
        off = {one.market for one in records if isinstance(one, SwitchSet) and one.mode is SwitchMode.OFF}
        for market in (*joins, *leaves):
            if market not in off:
                raise Broken("I8", f"{market} is on the list or off it and still switched on")
        for market in leaves:
            if market in self.open_of or self.ledgers[market].open:
                raise Broken("I2", f"{market} leaves the list with an open cycle or order")
            self.limits.left(market)
        # What it is remembered by is what it left with.
        self.dirty.update(joins)

    def _intended(self, intent: OrderIntent) -> None:
        if intent.market.pair not in self.word.listed:
            raise Broken("I8", f"{intent.client_id} trades a market that is not on the list")
        if intent.client_id in self.orders:
            raise Broken("I1", f"the label {intent.client_id} is used again")
        if intent.market in self.open_of:
            raise Broken("I1", f"{intent.market} has two open orders")
        bought_ms = self._bought_ms.get(intent.market)
        misled = bought_ms is not None and self._cycles.readings.misled_since(bought_ms + 1)
        self.orders[intent.client_id] = KnownOrder(intent, misled=misled)
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
        if order.told_in_time and outcome is not Outcome.FILLED and not order.copies:
            raise Broken("I2", f"{client_id} is written down as {outcome}, and the exchange has said that it traded")
        lost = order.trades.keys() - order.booked
        if outcome is Outcome.ABSENT and self._coins_tell(order):
            raise Broken("I2", f"{client_id} is written down as absent, and the coins it bought are in the account")
        unseen = outcome is Outcome.ABSENT and order.hidden_until_ms > self._hub.now_ms - _LOOK_TO_END_MS
        if unseen or order.copies:
            order.late |= lost
            self.unbooked |= lost
        lost -= order.late
        if lost:
            raise Broken("I2", f"{client_id} is written down as ended, its trades {sorted(lost)} are not")
        since_ms = self.unknown_since.pop(client_id, None)
        if since_ms is not None:
            reachable = self.unreachable_until_ms <= since_ms and not order.hidden_until_ms
            (self.resolve_ms if reachable else self.resolve_outage_ms).append(self._hub.now_ms - since_ms)

    def _coins_tell(self, order: KnownOrder) -> bool:
        """Whether the balance alone told the engine that a buy had executed, and it has not waited long for the rest.

        Not where it does not know the balance of before, was told an old one since, or other hands moved the coin.
        """
        intent, now_ms = order.intent, self._hub.now_ms
        if intent.why not in (Why.START, Why.REBUY) or not order.trades or order.copies:
            return False
        if order.outlived and intent.why is Why.START:
            return False  # of a cycle that is not there yet the books know no coins; no second one starts beside them
        if now_ms - order.asked_since_ms > _COINS_WAITED_FOR_MS:
            return False
        executed_ms = max(one.time_ms for one in order.trades.values())
        if self._cycles.readings.misled_since(executed_ms + 1):
            return False
        return self._cycles.coins_alone_since(intent.market, executed_ms - _BALANCE_OLD_MS)

    def unknown(self, client_id: str) -> None:
        """The outcome of an order is not known from now on."""
        now_ms = self._hub.now_ms
        self.unknown_since.setdefault(client_id, now_ms)
        order = self.orders[client_id]
        order.asked_since_ms = order.asked_since_ms or now_ms

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
