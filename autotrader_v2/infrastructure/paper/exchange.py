"""An `Exchange` on this machine: the matching core fills at the fed prices and moves no money."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from autotrader_v2.application.ports import (
    AccountFacts,
    Clock,
    ExchangeUnavailable,
    Found,
    Holding,
    NotSeen,
    OpenOrder,
)
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderResult, Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.paper.translate import (
    fill_of,
    open_order_of,
    own_order,
    refusal,
    request_of,
    result_of,
)
from autotrader_v2.matching.accounts import FeeSettings
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.matching.lookup import own_trades
from autotrader_v2.matching.markets import EXCHANGE, known_coins, rules_for
from autotrader_v2.matching.matcher import Pit
from autotrader_v2.matching.records import Event, OrderRequest, TradeMade
from autotrader_v2.matching.refused import Refused

_BOOK_LEVELS = 50
_HISTORY_MAX = 5_000
_PRICELESS_DO = "Wait until the feed delivers prices."


class PaperExchange:
    """The `Exchange` port over the matching core: thread-safe, instant, no keys.

    `rules` opens markets. One it does not name opens by itself: from the table of common coins when its rules are
    asked for, or from its first price. `balances` is what the account begins with: nothing of it outlives the process
    but what the journal booked, so the caller works it out from there. `first_id` starts order and trade ids; they
    must be new in the life of a journal, so by default they come from the wall clock, whatever `clock` says.
    `more_rules` is asked for the rules of further markets instead of the table.
    """

    def __init__(
        self,
        rules: Iterable[MarketRules],
        balances: Mapping[str, Decimal],
        *,
        clock: Clock,
        seed: int = 0,
        fees: FeeSettings | None = None,
        name: str = EXCHANGE,
        first_id: int | None = None,
        more_rules: Callable[[Sequence[Market]], Iterable[MarketRules]] | None = None,
    ) -> None:
        self._name = name
        self._more_rules = more_rules
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: dict[Market, Quote] = {}
        self._new_fills: list[Fill] = []
        self._on_fill: Callable[[Fill], None] | None = None
        self._core = MatchingCore(
            (),
            now_ms=clock.now_ms,
            rng=random.Random(seed),
            knobs=Knobs(history_max=_HISTORY_MAX),
            listener=self._hear,
            first_id=time.time_ns() // 1000 if first_id is None else first_id,
            candles=False,
        )
        self._markets: dict[str, Market] = {}
        for one in rules:
            self._open_market(one)
        self._account = self._core.open_account("paper", balances, fees)

    @property
    def name(self) -> str:
        """The exchange it stands in for."""
        return self._name

    def now_ms(self) -> int:
        """The clock it was given."""
        return self._clock.now_ms()

    def time_check(self) -> None:
        """See `Exchange`: it has no time of its own."""

    def feed(self, quote: Quote) -> None:
        """Take a price; the next order meets the newest one. Any thread, returns at once.

        An impossible quote is dropped: the engine's screen refuses it too.
        """
        parts = (quote.bid, quote.ask, quote.last)
        if not (all(part.is_finite() and part > ZERO for part in parts) and quote.bid <= quote.ask):
            return
        self._newest[quote.market] = quote
        # Without resting orders nothing happens at a price; it is only looked at when somebody trades or reads.
        if self._account.open:
            with self._lock:
                self._catch_up(quote.market)
            self._pass_on()

    def send(self, intent: OrderIntent) -> OrderResult:
        """See the port. A paper order's outcome is always known."""
        try:
            with self._lock:
                self._catch_up(intent.market)
                order = self._core.place(self._account, request_of(intent))
                result = result_of(order)
        except Refused as refused:
            raise refusal(refused) from refused
        self._pass_on()
        return result

    def find(self, intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        """See the port. After a restart nothing is found: an order whose fills were not booked moved no money."""
        with self._lock:
            order = own_order(self._account, intent.client_id, order_id)
            return Found(result_of(order), finished=not order.open) if order else NotSeen()

    def own_trades(self, market: Market, since_ms: int) -> tuple[Fill, ...]:
        """See the port."""
        with self._lock:
            newest_first = own_trades(self._account, market.pair, from_ms=since_ms)
        return tuple(fill_of(trade, market) for trade in reversed(newest_first))

    def account_trades(self, since_ms: int) -> tuple[Fill, ...]:
        """See the port."""
        with self._lock:
            newest_first = own_trades(self._account, None, from_ms=since_ms)
        return tuple(fill_of(trade, self._markets[trade.pair]) for trade in reversed(newest_first))

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """See the port."""
        with self._lock:
            return tuple(open_order_of(order) for order in self._account.open.values())

    def account(self) -> AccountFacts:
        """See the port."""
        return AccountFacts(kind="classic")

    def balances(self) -> Mapping[str, Holding]:
        """See the port."""
        with self._lock:
            held = self._account.balances.items()
            return {currency: Holding(one.available, one.locked) for currency, one in held}

    def rules(self, markets: Sequence[Market]) -> Mapping[Market, MarketRules]:
        """See the port."""
        missing = [market for market in markets if market.pair not in self._core.pits]
        if self._more_rules is not None:
            more = tuple(self._more_rules(missing)) if missing else ()
        else:
            in_table = (one for one in missing if one.base in known_coins() and one.quote == "USDT")
            more = tuple(rules_for(one.base, one.quote) for one in in_table)
        with self._lock:
            for one in more:
                if one.market.pair not in self._core.pits:
                    self._open_market(one)
            known = (self._core.pits.get(market.pair) for market in markets)
            fee = self._account.fees.taker
            return {
                market: pit.rules if fee is None else replace(pit.rules, fee=fee)
                for market, pit in zip(markets, known, strict=True)
                if pit
            }

    def book(self, market: Market) -> Quote:
        """See the port; the quote keeps the times of the price that was fed.

        Errors: `ExchangeUnavailable` without a price.
        """
        with self._lock:
            self._catch_up(market)
            pit = self._core.pits.get(market.pair)
            if pit is None or pit.book.quote is None:
                raise ExchangeUnavailable(f"There is no price of {market.pair} yet.", do=_PRICELESS_DO)
            bids = pit.book.levels(Side.BUY, _BOOK_LEVELS)
            asks = pit.book.levels(Side.SELL, _BOOK_LEVELS)
            if not bids or not asks:
                raise ExchangeUnavailable(f"The book of {market.pair} is empty on one side.", do=_PRICELESS_DO)
            return pit.book.quote._replace(
                market=market,
                bid=bids[0][0],
                ask=asks[0][0],
                bid_size=bids[0][1],
                ask_size=asks[0][1],
                bids=bids,
                asks=asks,
                from_book_read=True,
            )

    def tickers(self) -> Sequence[Quote]:
        """See the port; each quote keeps the times of the price that was fed: a silent feed confirms nothing."""
        newest = list(self._newest.values())
        return tuple(quote._replace(bid_size=None, ask_size=None, bids=(), asks=()) for quote in newest)

    def warm(self) -> None:
        """See the port: there is no connection."""

    def forget_refusal(self) -> None:
        """See the port: nothing is remembered."""

    def close(self) -> None:
        """See the port: there is nothing to give back."""

    # The `AccountFeed` port: own trades as they happen.

    def start(self, on_fill: Callable[[Fill], None], on_gap: Callable[[], None]) -> None:
        """See `AccountFeed`. Fills come on the thread that caused them, outside the lock; there are no gaps."""
        self._on_fill = on_fill

    def stop(self) -> None:
        """See `AccountFeed`."""
        self._on_fill = None

    @property
    def connected(self) -> bool:
        """See `AccountFeed`."""
        return self._on_fill is not None

    @property
    def fault(self) -> str:
        """See `AccountFeed`."""
        return ""

    # What a person does outside the engine, and what tests compare with.

    def by_hand(self, request: OrderRequest) -> OrderResult:
        """Trade as the account's owner, past the engine. Errors: `Rejected`."""
        try:
            with self._lock:
                market = self._markets.get(request.pair)
                if market:
                    self._catch_up(market)
                result = result_of(self._core.place(self._account, request))
        except Refused as refused:
            raise refusal(refused) from refused
        self._pass_on()
        return result

    def restore(self, balances: Mapping[str, Decimal]) -> None:
        """Make the account hold exactly this; open orders are cancelled."""
        with self._lock:
            self._core.cancel_all(self._account)
            for currency in {*self._account.balances, *balances}:
                missing = balances.get(currency, ZERO) - self._account.available(currency)
                if missing > 0:
                    self._core.deposit(self._account, currency, missing)
                elif missing < 0:
                    self._core.withdraw(self._account, currency, -missing)

    def books(self) -> dict[str, Decimal]:
        """All coins of the account by currency, locked ones included; currencies without any are left out."""
        return {currency: one.total for currency, one in self.balances().items() if one.total}

    # -- inside ----------------------------------------------------------------------------------------------------

    def _catch_up(self, market: Market) -> None:
        """Let the core see the newest price of a market."""
        self._core.advance()
        quote = self._newest.get(market)
        if quote is None:
            return
        pit = self._core.pits.get(market.pair)
        if pit is None:
            pit = self._open_market(rules_for(market.base, market.quote, price=quote.last))
        if pit.book.quote is not quote:
            self._core.feed(quote)

    def _open_market(self, rules: MarketRules) -> Pit:
        market = Market(self._name, rules.market.base, rules.market.quote)
        self._core.set_rules(replace(rules, market=market))
        self._markets[market.pair] = market
        return self._core.pits[market.pair]

    def _hear(self, event: Event) -> None:
        if isinstance(event, TradeMade) and self._on_fill:
            self._new_fills.append(fill_of(event.trade, self._markets[event.trade.pair]))

    def _pass_on(self) -> None:
        """Tell the own-trades listener, outside the lock so that it may ask back."""
        with self._lock:
            fills, self._new_fills = self._new_fills, []
        listener = self._on_fill
        if listener:
            for fill in fills:
                listener(fill)
