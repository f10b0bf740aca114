"""May this order leave? Judged by the auditor's own books at the moment it does: price, switches, budgets, coins."""

from decimal import Decimal

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent, Side, Why
from autotrader_v2.simulation.fibers import Hub
from autotrader_v2.simulation.heard import Books, Broken
from autotrader_v2.simulation.ledger import ZERO
from autotrader_v2.simulation.limits_judge import LimitsJudge
from autotrader_v2.simulation.owners_word import OwnersWord

# TRADING_RULES.md, with what a clock that follows another may be wrong by: so old may a price be when it decides, and
# so old the decision when it leaves.
_PRICE_AGE_MS = 3_000 + 10
# An order may have been decided by the ladder before this one.
_OVERLAP_MS = 10_000


class SendingJudge:
    """Raises `Broken`."""

    def __init__(self, hub: Hub, books: Books, word: OwnersWord) -> None:
        self._hub = hub
        self._books = books
        self._word = word
        self.limits = LimitsJudge(books)
        self._budget = ZERO

    def budget_set(self, budget: Decimal) -> None:
        """People limit what all markets together may cost from now on; 0: no longer."""
        self._budget = budget

    def check(self, intent: OrderIntent) -> None:
        """Everything that must hold when it leaves."""
        self._check_price(intent)
        if intent.side is Side.BUY:
            limited = self.limits.now is not None and self.limits.now.order_rows > 0
            largest = self._largest_row(intent.market) if limited else None
            self.limits.check(self._books.orders[intent.client_id], largest, self._hub.now_ms)
            self._check_buy(intent)
        else:
            self._check_sale(intent)

    def _largest_row(self, market: Market) -> Decimal | None:
        """The largest buy of the ladder that runs; while none does, of one that may have been meant."""
        ledger = self._books.ledgers[market]
        if ledger.open and ledger.terms is not None:
            return ledger.terms.largest()
        return self._word.largest_row(market, self._hub.now_ms - _OVERLAP_MS)

    def _check_price(self, intent: OrderIntent) -> None:
        """I9: decided lately on a price that was right, and the newest right price is fresh and still allows it."""
        now_ms = self._hub.now_ms
        buy = intent.side is Side.BUY
        seen = self._books.seen[intent.market]
        fresh = [one for one in seen if not one.wrong and now_ms - one.true_ms <= _PRICE_AGE_MS]
        if not fresh:
            raise Broken("I9", f"{intent.client_id} leaves without a right price of the last {_PRICE_AGE_MS} ms")
        worst = intent.worst_price
        if worst and all(one.ask > worst if buy else one.bid < worst for one in fresh):
            raise Broken("I9", f"{intent.client_id} leaves although every fresh price is worse than it allows")
        for one in reversed(seen):
            price = one.ask if buy else one.bid
            if price == intent.seen_price and now_ms - one.true_ms <= 2 * _PRICE_AGE_MS and not one.wrong:
                return
        stands_on = f"{intent.client_id} {intent.side} stands on {intent.seen_price}"
        raise Broken("I9", f"{stands_on}, no right price of the last {2 * _PRICE_AGE_MS} ms")

    def _check_buy(self, intent: OrderIntent) -> None:
        ledger, market = self._books.ledgers[intent.market], intent.market
        allowed = self._books.allowed[market]
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

    def _check_budget(self, intent: OrderIntent) -> None:
        if not self._budget:
            return
        invested = sum((one.cost for one in self._books.ledgers.values() if one.open), ZERO)
        out = sum((self._books.orders[label].intent.max_cost for label in self._books.open_of.values()), ZERO)
        if invested + out > self._budget * Decimal("1.001"):
            told = f"{invested} invested and {out} on their way, the budget is {self._budget}"
            raise Broken("I3", f"{intent.client_id}: {told}")

    def _check_sale(self, intent: OrderIntent) -> None:
        ledger = self._books.ledgers[intent.market]
        if not ledger.open:
            if intent.why is not Why.SELL_ALL:
                raise Broken("I5", f"{intent.client_id} sells without a cycle")
            return
        own = ledger.held + ledger.dust
        if intent.amount > own:
            raise Broken("I5", f"{intent.client_id} sells {intent.amount}, the book owns {own}")
        if intent.why is Why.STOP_LOSS:
            stop = ledger.stop_price()
            if stop is None or intent.seen_price > stop or not self._books.allowed[intent.market].sells:
                raise Broken("I6", f"{intent.client_id} stops at {intent.seen_price}, allowed is {stop}")
        if intent.why is Why.TAKE_PROFIT:
            if not self._books.allowed[intent.market].sells:
                raise Broken("I8", f"{intent.client_id} sells although that is switched off")
            if intent.seen_price < ledger.breakeven():
                raise Broken("I6", f"{intent.client_id} takes profit at {intent.seen_price}, below breakeven")
            if intent.limit_price is not None and intent.limit_price < ledger.breakeven():
                raise Broken("I6", f"{intent.client_id} may fill at {intent.limit_price}, below breakeven")
