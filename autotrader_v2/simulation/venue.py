"""The exchange of the world: the matching core with the account, and a process's `Exchange`, which may always fail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from autotrader_v2.application.ports import (
    AccountFacts,
    ExchangeUnavailable,
    Found,
    Holding,
    NotSeen,
    NotSent,
    OpenOrder,
    OutcomeUnknown,
    Rejected,
    TimeCheck,
)
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderResult
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.gate.server_time import BEFORE_EXPIRY_MS, ServerTime
from autotrader_v2.infrastructure.paper.translate import about_of, fill_of, open_order_of, request_of, result_of
from autotrader_v2.matching.accounts import Balance, FeeSettings
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.lookup import own_trades
from autotrader_v2.matching.records import Event, Order, TradeMade, UserTrade
from autotrader_v2.matching.refused import Label, Refused
from autotrader_v2.simulation.faults import Dice
from autotrader_v2.simulation.fibers import Crashed, Hub, VirtualClock

NAME = "gate"
_TIMEOUT_MS = (4000, 6000)
# Gate shows a fresh order within ten seconds (staff, gateapi-python issue 61).
_INVISIBLE_MAX_MS = 9_500
# Far beyond what it promises: the order then counts as absent, and is booked when it shows.
_HIDDEN_MS = (30_000, 240_000)
_LATE_MAX_MS = 9_000
# A middlebox that hears no answer repeats the request.
_REPEATED_MAX_MS = 1_500
_UNFILLED_KEPT_MS = 60_000
# Balances lag behind fills (hummingbot issue 3686); how long nobody tells.
_CACHED_MAX_MS = 20_000
_UNAVAILABLE = "The exchange does not answer."
_LASTING = (Label.INVALID_CURRENCY_PAIR,)


class Witness(Protocol):
    """Who sees what reaches the exchange and what it does."""

    def placed(self, intent: OrderIntent) -> None:
        """An order of ours was taken in."""

    def hidden(self, client_id: str, until_ms: int) -> None:
        """The books will not show an order before then."""

    def told_traded(self, client_id: str) -> None:
        """An answer that says that it traded reaches the process."""

    def doubled(self, client_id: str) -> None:
        """An order of ours is about to arrive once more."""

    def traded(self, trade: UserTrade) -> None:
        """A trade of the account."""

    def quoted(self, quote: Quote, true_ms: int, *, wrong: bool) -> None:
        """A price was told to the process."""

    def balances_told(self, asof_ms: int) -> None:
        """Balances of that moment are told to the process."""

    def withdrawn(self, currency: str, amount: Decimal) -> None:
        """The account's owner takes some out."""

    def rules_told(self, rules: Mapping[Market, MarketRules]) -> None:
        """Rules are told to the process."""


class Venue:
    """What is at the exchange: it goes on whatever happens to the process that trades there."""

    def __init__(
        self,
        hub: Hub,
        dice: Dice,
        rules: Sequence[MarketRules],
        balances: Mapping[str, Decimal],
        witness: Witness,
    ) -> None:
        self.hub = hub
        self.dice = dice
        self.core = MatchingCore(rules, now_ms=lambda: hub.now_ms, rng=dice.rng, listener=self._hear, candles=False)
        self.account = self.core.open_account("trader", balances, FeeSettings())
        self.markets = {one.market.pair: one.market for one in rules}
        self.placed: dict[str, list[Order]] = {}
        self.visible_ms: dict[str, int] = {}
        # Orders whose answer is lost.
        self.unanswered: set[str] = set()
        self.newest: dict[Market, Quote] = {}
        self._fills: dict[int, Fill] = {}
        self._holdings: dict[str, tuple[int, Holding]] = {}
        self.outage_until_ms = 0
        # Told each trade and when the books will show it.
        self.on_trade: Callable[[Fill, int], None] = lambda _fill, _shown_ms: None
        self._shown_ms = 0
        self.witness = witness

    def arrive(self, intent: OrderIntent) -> OrderResult | Refused:
        """An order reaches the exchange."""
        dice, now_ms = self.dice, self.hub.now_ms
        self.catch_up(intent.market)
        # Neither answer nor books tell of it for minutes; or the answer says that it traded, and no more.
        lost = dice.hit("order_hidden")
        if lost or dice.hit("trades_hidden"):
            self._shown_ms = now_ms + dice.ms(*_HIDDEN_MS)
            self.witness.hidden(intent.client_id, self._shown_ms)
        try:
            order = self.core.place(self.account, request_of(intent))
        except Refused as refused:
            return refused
        finally:
            shown_ms, self._shown_ms = self._shown_ms, 0
        self.placed.setdefault(intent.client_id, []).append(order)
        if shown_ms:
            self.visible_ms[str(order.id)] = shown_ms
            if lost:
                self.unanswered.add(str(order.id))
        elif dice.hit("order_invisible"):
            self.visible_ms[str(order.id)] = now_ms + dice.ms(0, _INVISIBLE_MAX_MS)
        self.witness.placed(intent)
        return result_of(order)

    def arrive_again(self, intent: OrderIntent) -> None:
        """Something on the way repeats an order; nobody hears this answer."""
        self.witness.doubled(intent.client_id)
        self.arrive(intent)

    def show_all(self) -> None:
        """The books show everything from now on."""
        self.visible_ms.clear()

    def visible(self, order_id: str) -> bool:
        """Whether the exchange's lists show it yet."""
        return self.shown_ms(order_id) <= self.hub.now_ms

    def shown_ms(self, order_id: str) -> int:
        """From when on the exchange's lists show it; 0: always did."""
        return self.visible_ms.get(order_id, 0)

    def catch_up(self, market: Market) -> None:
        """Let the core see the newest price."""
        quote = self.newest.get(market)
        if quote is not None and self.core.pits[market.pair].book.quote is not quote:
            self.core.feed(quote)

    def fill(self, trade: UserTrade) -> Fill:
        """A trade as the engine hears of it, made once: it is told and listed again and again."""
        fill = self._fills.get(trade.id)
        if fill is None:
            fill = self._fills[trade.id] = fill_of(trade, self.markets[trade.pair])
        return fill

    def holdings(self) -> dict[str, Holding]:
        """The account's balances this moment."""
        return {name: self._holding(name, one) for name, one in self.account.balances.items()}

    def _holding(self, name: str, balance: Balance) -> Holding:
        """Most have not changed since they were last asked for."""
        known = self._holdings.get(name)
        if known is None or known[0] != balance.update_id:
            known = self._holdings[name] = (balance.update_id, Holding(balance.available, balance.locked))
        return known[1]

    def _hear(self, event: Event) -> None:
        if isinstance(event, TradeMade):
            self.witness.traded(event.trade)
            self.on_trade(self.fill(event.trade), self._shown_ms)


class VenueExchange:
    """The `Exchange` port of one process. Every call takes time, may fail, and may be the process's last."""

    def __init__(
        self,
        venue: Venue,
        clock: VirtualClock,
        *,
        sent: Callable[[OrderIntent], None],
        boundary: Callable[[str], None],
    ) -> None:
        self._venue = venue
        self._hub = venue.hub
        self._dice = venue.dice
        self._clock = clock
        self._sent = sent
        self._boundary = boundary
        self._cached: tuple[int, Mapping[str, Holding]] | None = None
        self.alive = True
        self._time = ServerTime(clock)
        self._measure()

    @property
    def name(self) -> str:
        """See the port."""
        return NAME

    def now_ms(self) -> int:
        """See the port."""
        return self._time.now_ms()

    def time_check(self) -> TimeCheck:
        """See the port."""
        return self._time.check()

    def send(self, intent: OrderIntent) -> OrderResult:
        """See the port."""
        self._check_alive()
        dice, hub = self._dice, self._hub
        self._sent(intent)
        self._boundary("crash_before_send")
        if dice.hit("send_not_sent"):
            raise NotSent("no_connection", do="It is decided again.")
        self._maybe_refuse(intent)
        timeout_ms = dice.ms(*_TIMEOUT_MS)
        if self._out() or dice.hit("send_lost_before"):
            hub.sleep(timeout_ms)
            raise OutcomeUnknown("no answer in time")
        if dice.hit("send_error_before"):
            hub.sleep(dice.ms(5, 500))
            raise OutcomeUnknown("503")
        there_ms = dice.ms(50, _LATE_MAX_MS) if dice.hit("send_late") else dice.ms(1, 40)
        answers: list[OrderResult | Refused] = []
        # The request is on its way by itself: it arrives even if this process dies meanwhile.
        hub.at(hub.now_ms + there_ms, lambda: answers.append(self._venue.arrive(intent)))
        if dice.hit("send_doubled"):
            again_ms = there_ms + dice.ms(1, _REPEATED_MAX_MS)
            hub.at(hub.now_ms + again_ms, lambda: self._venue.arrive_again(intent))
        self._boundary("crash_while_sent")
        hub.sleep(min(there_ms + dice.ms(1, 40), timeout_ms))
        self._boundary("crash_after_send")
        if not answers:
            raise OutcomeUnknown("the answer is late")
        return self._answered(intent, answers[0], timeout_ms)

    def _answered(self, intent: OrderIntent, answer: OrderResult | Refused, timeout_ms: int) -> OrderResult:
        if self._dice.hit("send_lost_after"):
            self._hub.sleep(timeout_ms)
            raise OutcomeUnknown("the answer was lost")
        if self._dice.hit("send_error_after"):
            known = answer.order_id if isinstance(answer, OrderResult) and self._dice.rng.random() < 0.5 else ""
            raise OutcomeUnknown("502", order_id=known)
        if isinstance(answer, OrderResult) and answer.order_id in self._venue.unanswered:
            raise OutcomeUnknown("the answer was lost")
        if isinstance(answer, Refused):
            raise Rejected(
                answer.message,
                do="",
                label=answer.label,
                lasting=answer.label in _LASTING,
                about=about_of(answer.label),
            )
        if answer.fills:
            self._venue.witness.told_traded(intent.client_id)
            if not self._venue.visible(answer.order_id):
                # The answer tells sums only; the trades behind them are not listed yet.
                raise OutcomeUnknown("its trades are not told yet", order_id=answer.order_id, traded=True)
        return answer

    def _maybe_refuse(self, intent: OrderIntent) -> None:
        dice = self._dice
        if dice.hit("send_refused"):
            raise Rejected("refused", do="", label="PRICE_THRESHOLD_EXCEEDED")
        if dice.hit("send_refused_lasting"):
            raise Rejected("refused", do="", label="INVALID_ARGUMENT", lasting=True)
        if dice.hit("send_refused_account"):
            raise Rejected("refused", do="", label="INVALID_KEY", lasting=True, whole_account=True)

    def find(self, intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        """See the port. Lists lag behind; an order without a fill is forgotten after a minute; they are asked from a
        moment on, as the real adapter asks.
        """
        self._read("find_fails")
        venue, now_ms = self._venue, self._hub.now_ms
        since_ms = intent.expires_ms - BEFORE_EXPIRY_MS
        orders = [one for one in venue.placed.get(intent.client_id, ()) if venue.visible(str(one.id))]
        orders = [one for one in orders if one.created_ms >= since_ms]
        orders = [one for one in orders if one.filled_base or now_ms - one.updated_ms <= _UNFILLED_KEPT_MS]
        if not orders:
            return NotSeen()
        fills = tuple(fill for one in orders for fill in result_of(one).fills)
        result = OrderResult(
            client_id=intent.client_id, order_id=str(orders[0].id), fills=fills, note=orders[0].finish_as
        )
        if fills and self._dice.hit("find_partial"):
            return Found(replace(result, fills=fills[:-1]), finished=False, traded=True)
        return Found(result, finished=not any(one.open for one in orders))

    def own_trades(self, market: Market, since_ms: int) -> tuple[Fill, ...]:
        """See the port."""
        self._read("trades_fail")
        trades = [one for one in self._venue.account.trades if one.pair == market.pair and one.time_ms >= since_ms]
        return tuple(self._venue.fill(one) for one in trades if self._venue.visible(str(one.order_id)))

    def account_trades(self, since_ms: int) -> tuple[Fill, ...]:
        """See the port."""
        self._read("trades_fail")
        venue = self._venue
        newest_first = own_trades(venue.account, None, from_ms=since_ms)
        visible = [one for one in reversed(newest_first) if venue.visible(str(one.order_id))]
        return tuple(venue.fill(one) for one in visible)

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """See the port."""
        self._read("trades_fail")
        return tuple(open_order_of(one) for one in self._venue.account.open.values())

    def account(self) -> AccountFacts:
        """See the port."""
        self._read("rules_fail")
        return AccountFacts(kind="classic")

    def balances(self) -> Mapping[str, Holding]:
        """See the port."""
        self._read("balances_fail")
        hub = self._hub
        cached = self._cached
        if cached is not None and hub.now_ms - cached[0] <= _CACHED_MAX_MS and self._dice.hit("balances_old"):
            self._venue.witness.balances_told(cached[0])
            return cached[1]
        holdings = self._venue.holdings()
        self._venue.witness.balances_told(hub.now_ms)
        self._cached = (hub.now_ms, holdings)
        if self._dice.hit("balances_late"):
            hub.sleep(self._dice.ms(100, 3000))
        return holdings

    def rules(self, markets: Sequence[Market]) -> Mapping[Market, MarketRules]:
        """See the port."""
        self._read("rules_fail")
        pits = self._venue.core.pits
        told = {market: pits[market.pair].rules for market in markets if market.pair in pits}
        self._venue.witness.rules_told(told)
        return told

    def book(self, market: Market) -> Quote:
        """See the port."""
        self._read("book_fails")
        quote = self._venue.newest.get(market)
        if quote is None:
            raise ExchangeUnavailable(_UNAVAILABLE, do="")
        now_ms = self._hub.now_ms
        read = quote._replace(exchange_ms=now_ms, confirmed_ms=self._clock.now_ms(), from_book_read=True)
        self._venue.witness.quoted(read, now_ms, wrong=False)
        return read

    def tickers(self) -> Sequence[Quote]:
        """See the port."""
        self._read("book_fails")
        now_ms = self._clock.now_ms()
        return tuple(
            one._replace(bid_size=None, ask_size=None, bids=(), asks=(), confirmed_ms=now_ms)
            for one in self._venue.newest.values()
        )

    def warm(self) -> None:
        """See the port: each call that is answered also compares the clocks."""
        self._check_alive()
        if not self._out() and not self._dice.hit("warm_fails"):
            self._measure()

    def forget_refusal(self) -> None:
        """See the port: nothing is remembered."""

    def close(self) -> None:
        """See the port."""

    def _measure(self) -> None:
        self._time.measured(self._hub.now_ms + self._dice.ms(-150, 150), self._clock.monotonic_s())

    def _read(self, fails: str) -> None:
        """The way of any read there and back. Errors: `ExchangeUnavailable`."""
        self._check_alive()
        self._boundary("crash_before_read")
        failed = self._out() or self._dice.hit(fails)
        # Refused at once, or waited for in vain.
        slow = failed and self._dice.rng.random() < 0.5
        self._hub.sleep(self._dice.ms(1000, 5000) if slow else self._dice.ms(1, 60))
        if failed:
            raise ExchangeUnavailable(_UNAVAILABLE, do="It is asked again.")

    def _out(self) -> bool:
        return self._hub.now_ms < self._venue.outage_until_ms

    def _check_alive(self) -> None:
        if not self.alive:
            raise Crashed
