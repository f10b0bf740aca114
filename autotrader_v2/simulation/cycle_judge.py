"""What changes a cycle: each event that the engine makes durable against the exchange's books and the owner's word.

Ladders and rules come with the engine's events, and are held to those that the owner chose and that the exchange told.
Two things no one but the engine knows, and are taken from it: what a share of the balance came to when coins are
adopted by it (of a buy it is what the order may spend), and how soon after they were told new rules are acted upon.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from autotrader_v2.application.events import CycleChanged
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
    WrittenOff,
)
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Side, Why
from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.records import UserTrade
from autotrader_v2.simulation.coins_judge import CoinsJudge, Readings
from autotrader_v2.simulation.compare import compare, terms_told
from autotrader_v2.simulation.fibers import Hub
from autotrader_v2.simulation.hand_sales import HandSales
from autotrader_v2.simulation.heard import Books, Broken, KnownOrder
from autotrader_v2.simulation.ledger import ZERO, Ledger, Terms, Traded
from autotrader_v2.simulation.owners_word import OwnersWord, Wish, terms_of


class CycleJudge:
    """Keeps the ledgers. Raises `Broken`."""

    def __init__(self, hub: Hub, books: Books, word: OwnersWord) -> None:
        self._hub = hub
        self._books = books
        self._word = word
        self.readings = Readings()
        self._markets: Mapping[str, Market] = {}
        self._coins: dict[Market, CoinsJudge] = {}
        self._by_hand = {market: HandSales() for market in books.ledgers}
        # Trades of ours that are in there since they were made.
        self._counted: set[str] = set()
        # Those that were told to this process.
        self._rules: dict[Market, list[MarketRules]] = {}

    def opens(self, markets: Mapping[str, Market], account: Account, shown_ms: Callable[[str], int]) -> None:
        """See `Auditor.opens`."""
        self._markets = markets
        self._coins = {
            market: CoinsJudge(partial(_total, account, market.base), shown_ms) for market in markets.values()
        }

    def booted(self) -> None:
        """A new process: it goes by rules that it was told itself."""
        self._rules.clear()

    def rules_told(self, rules: Mapping[Market, MarketRules]) -> None:
        """The exchange told its rules."""
        for market, one in rules.items():
            told = self._rules.setdefault(market, [])
            if one not in told:
                told.append(one)

    def traded(self, trade: UserTrade, order: KnownOrder | None) -> None:
        """The account traded. Other hands did, or an order that had ended or was doubled: no engine waits for that."""
        market = self._markets[trade.pair]
        coins = trade.amount - trade.fee if trade.side is Side.BUY else trade.amount
        if trade.side is Side.BUY:
            self._coins[market].bought(trade.time_ms, str(trade.order_id), coins, trade.quote)
        if order is None or order.closed or order.copies:
            self._coins[market].moved(self._hub.now_ms, coins)
            if trade.side is Side.SELL:
                self._by_hand[market].sold(trade.amount, trade.quote, trade.time_ms)
                self._counted.add(str(trade.id))

    def booked(self, order: KnownOrder, coins: Decimal) -> None:
        """A trade of an order became the books': of one that had ended, coins that lay outside until now."""
        if order.closed or order.copies:
            self._coins[order.intent.market].moved(self._hub.now_ms, coins)

    def withdrawn(self, currency: str, amount: Decimal) -> None:
        """The owner takes some out of the account."""
        for market, coins in self._coins.items():
            if market.base == currency:
                coins.moved(self._hub.now_ms, amount)

    def coins_alone_since(self, market: Market, since_ms: int) -> bool:
        """Whether nothing but the engine's own orders has moved a market's coins since then."""
        return self._coins[market].alone_since(since_ms)

    def changed(self, record: CycleChanged, *, ladder_set: bool) -> None:
        """A cycle changed durably. `ladder_set`: together with its owner's ladder."""
        market, event = record.market, record.event
        ledger = self._books.ledgers[market]
        match event:
            case BuyBooked():
                terms = self._begins(event, ledger)
                if not ledger.open and event.why is Why.START:
                    self._check_start(event, terms)
                ledger.bought(self._trades(event), event.cycle_id, event.step, event.seen_price, terms)
            case SaleBooked():
                trades = self._trades(event)
                outside = event.outside
                if not ledger.open:
                    # After a crash the engine no more knows how many were no cycle's.
                    outside = max(sum((one.base for one in trades), ZERO) - ledger.dust, outside)
                ledger.sold(trades, event.cycle_id, event.outside)
                self._sold_outside(market, event, outside)
            case SoldByHand():
                self._sold_by_hand(market, ledger, event)
            case Adopted(coins=coins, cost=cost, params=params, rules=rules):
                self._check_adopted(market, ledger, event)
                terms = terms_told(params, rules)
                if not ledger.open:
                    self._check_rules(market, rules)
                    self._check_ladder(market, terms, rules, self._hub.now_ms, share=terms.start_quote)
                ledger.adopted(coins, cost, terms)
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
                if ledger.open and ledger.terms is not None:
                    terms = terms_told(params, rules)
                    self._check_rules(market, rules)
                    if ladder_set or terms != ledger.terms.under(rules):
                        share = ledger.terms.start_quote
                        self._check_ladder(market, terms, rules, self._hub.now_ms, share=share)
                    ledger.terms = terms
            case ExitAtBreakeven(wanted=wanted):
                if wanted not in [one.value for one in self._pressed("exit", market)]:
                    raise Broken("I6", f"{market}: the exit at breakeven became {wanted}, which nobody asked for")
                ledger.exits = ledger.open and wanted
        compare(market, ledger, record.after)

    @property
    def _read_ms(self) -> int:
        """Balances as of then, or later, are what the engine goes by."""
        return self.readings.since_ms(self._hub.now_ms)

    def _pressed(self, button: str, market: Market) -> list[Wish]:
        """I6: what only a person may do to a cycle, a person is just asking for."""
        wishes = self._word.wished(button, market)
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
        sells = all(ledger.worth_selling(one.bid) for one in self._books.seen[market] if not one.wrong)
        lot = Decimal(1).scaleb(-ledger.terms.lot_decimals)
        self._hold(market, self._coins[market].written_off(ledger, self._read_ms, lot, sells=sells))

    def _sold_by_hand(self, market: Market, ledger: Ledger, event: SoldByHand) -> None:
        """I6: the coins and the money of a sale by hand are those of the exchange's trades."""
        sales, terms = self._by_hand[market], ledger.terms
        if ledger.open and terms is not None:
            lot = Decimal(1).scaleb(-terms.lot_decimals)
            wrong = sales.claim(event.coins, event.proceeds, lot)
            if wrong is None and event.closes and not sales.ends(ledger.held - event.coins, terms, event.time_ms):
                wrong = f"a sale by hand of {event.coins} ends a cycle of {ledger.held}"
            if wrong is not None:
                raise Broken("I6", f"{market}: {wrong}")
        ledger.sold_by_hand(event.coins, event.proceeds, event.closes)

    def _sold_outside(self, market: Market, event: SaleBooked, outside: Decimal) -> None:
        """Coins that no cycle had: those of a buy that shows later were gone by then, as with a sale by hand."""
        fresh = [one for one in event.fills if one.trade_id not in self._counted]
        total = sum((one.base for one in fresh), ZERO)
        coins = min(outside, total)
        if coins > 0:
            quote = sum((one.quote for one in fresh), ZERO) * coins / total
            self._by_hand[market].sold(coins, quote, fresh[-1].time_ms)

    def _check_start(self, event: BuyBooked, terms: Terms) -> None:
        """I3: a start spends what the ladder says that its cycle runs on."""
        order = self._books.orders[event.client_id]
        cost = order.intent.max_cost
        if order.late or order.new_ladder:
            return  # decided by a ladder that was another one
        # The rules may have become coarser since it was decided.
        if cost > terms.size(0) + Decimal(1).scaleb(-terms.price_decimals) or (terms.budget and cost > terms.budget):
            raise Broken("I3", f"{event.client_id} starts for {cost}, its row {terms.size(0)}, budget {terms.budget}")

    def _trades(self, event: BuyBooked | SaleBooked) -> list[Traded]:
        order = self._books.orders[event.client_id]
        trades = [order.trades.get(fill.trade_id) for fill in event.fills]
        known = [one for one in trades if one is not None]
        if len(known) != len(trades) or not known:
            raise Broken("I2", f"{event.client_id} changes the cycle by trades that are not its")
        return known

    def _begins(self, event: BuyBooked, ledger: Ledger) -> Terms:
        """The terms of a buy; of one that begins a cycle those of the ladder that its owner has chosen by now."""
        order = self._books.orders[event.client_id]
        market, terms = order.intent.market, terms_told(event.params, event.rules)
        if not ledger.open and event.cycle_id > ledger.cycle_id:
            self._check_rules(market, event.rules)
            self._check_ladder(market, terms, event.rules, self._hub.now_ms, share=order.intent.max_cost)
        return terms

    def _check_rules(self, market: Market, rules: MarketRules) -> None:
        """I6: rules are those that the exchange told."""
        if rules not in self._rules.get(market, ()):
            raise Broken("I6", f"{market}: its cycle goes by {rules}, which the exchange never told")

    def _check_ladder(self, market: Market, terms: Terms, rules: MarketRules, since_ms: int, *, share: Decimal) -> None:
        """I6: a ladder is one that its owner had chosen since then. `share`: what one of the balance came to."""
        ladders = self._word.ladders(market, since_ms)
        if not any(terms == terms_of(values, rules, start_quote=share) for values in ladders):
            raise Broken("I6", f"{market}: its cycle goes by {terms}, its owner chose {ladders}")


def _total(account: Account, currency: str) -> Decimal:
    balance = account.balances.get(currency)
    return ZERO if balance is None else balance.total
