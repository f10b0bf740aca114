"""Quick Trade: a person's own buy and sale, through the same lock, journal and door as the engine's."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from autotrader_v2.application.deciding import Decider
from autotrader_v2.application.events import Outcome
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import ExchangeUnavailable
from autotrader_v2.application.readings import BalanceReader, outside_coins, reading_now, require_settled
from autotrader_v2.application.refusals import CommandRefused, held_back, order_in_flight, paused, price_moved
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.money import HUNDRED, ZERO, floor_to, plain
from autotrader_v2.domain.orders import Fill, OrderIntent, Why
from autotrader_v2.domain.quotes import Quote, average_for_quote, leaps
from autotrader_v2.domain.situation import Buy, Hold, Sell

_ANSWER_WITHIN_S = 10.0
# The same margin over the exchange's minimum that a ladder's steps keep.
_MINIMUM_MARGIN = Decimal("1.05")


@dataclass(frozen=True, slots=True)
class Done:
    """What a Quick Trade came to. Units: coins and quote filled. `outcome` "unknown": still being found out."""

    client_id: str
    outcome: str
    base: Decimal
    quote: Decimal
    message: str


Carry = Callable[[Slot, OrderIntent], "Future[Outcome | None]"]


class QuickTrade:
    """Thread-safe. Waits for the answer of the order it sends, never under a lock."""

    def __init__(self, floor: Floor, decider: Decider, reader: BalanceReader, carry: Carry) -> None:
        self._floor = floor
        self._decider = decider
        self._reader = reader
        self._carry = carry

    def buy(self, slot: Slot, quote_amount: Decimal | None, by: str, *, shown_price: Decimal | None = None) -> Done:
        """Buy at market now: the start of a cycle when idle, an extra row when active. Waits at most 10 s.

        `shown_price`: the ask that the person saw; nothing is bought when it has risen by more than `max_slippage_pct`.
        """
        if (pause := self._floor.stops_persons_buy(slot)) is not None:
            raise paused(pause, slot.market)
        quote = self._fresh_quote(slot)
        if slot.known_price is not None and leaps(slot.known_price, quote.bid):
            raise CommandRefused(
                "price_leaped",
                f"The price went from {plain(slot.known_price)} to {plain(quote.bid)} at once. "
                "Nothing was bought. If that is right, resume the coin.",
                values={"before": plain(slot.known_price), "bid": plain(quote.bid)},
            )
        rules, state = slot.state.rules, slot.state
        params = self._decider.params_now(slot)
        if shown_price is not None and quote.ask > shown_price * (1 + params.max_slippage_pct / HUNDRED):
            raise price_moved(shown_price, quote.ask)
        amount = floor_to(quote_amount if quote_amount is not None else params.size(0), rules.qstep)
        self._check_quick_amount(slot, amount, quote)
        worst = quote.ask * (1 + params.max_slippage_pct / HUNDRED)
        if quote.ask_size is None or quote.ask * quote.ask_size < amount:
            quote = self._with_book(slot, quote)
            average = average_for_quote(quote.asks, amount)
            if average is None or average > worst:
                raise CommandRefused(
                    "thin_book", "The order book is too thin for that amount right now.", field="quote_amount"
                )
        with slot.lock:
            if slot.state.order is not None:
                raise order_in_flight(slot)
            step = 0 if isinstance(slot.state.cycle, Idle) else None
            action = Buy(Why.QUICK_BUY, 0, amount, worst, quote.ask)
            intent = self._decider.claim_for_person(slot, action, step=step)
        if isinstance(intent, Hold):
            raise held_back(intent, state.cycle.market)
        self._audit("quick_buy", slot, by, {"amount": plain(amount)})
        return self._wait(intent, self._carry(slot, intent))

    def sell_all(self, slot: Slot, then: str, by: str, *, only_own: bool = False) -> Done:
        """Sell the whole position (or, when idle, the coins outside) at market; then `pause` it or let it `restart`.

        `only_own`: coins outside stay, also when the cycle closes a moment before. Waits at most 10 s.
        """
        return self.begin_sale(slot, then, by, only_own=only_own)()

    def begin_sale(self, slot: Slot, then: str, by: str, *, only_own: bool = False) -> Callable[[], Done]:
        """As `sell_all`, but the order is only on its way; what is returned waits for its answer, at most 10 s."""
        quote = self._fresh_quote(slot)
        rules = slot.state.rules
        self._reader.reading_of(slot)
        with slot.lock:
            if slot.state.order is not None:
                raise order_in_flight(slot)
            # While the balance was read a cycle may have begun or ended: what is sold is what the books say now.
            reading, cycle = reading_now(self._floor, slot), slot.state.cycle
            outside = ZERO
            if isinstance(cycle, Idle) and not only_own:
                outside = max(outside_coins(slot, reading), ZERO)
            own = cycle.held if isinstance(cycle, Active) else outside
            amount = floor_to(min(own + cycle.tally.dust.coins, reading.available), rules.lot)
            if not rules.sellable(amount, quote.bid):
                raise CommandRefused(
                    "too_small_to_sell",
                    f"{plain(amount)} {slot.market.base} is less than the exchange sells.",
                    values={"amount": plain(amount)},
                )
            if outside:
                # Coins that a trade has just taken would count as outside, and others be sold in their place.
                require_settled(self._floor, slot)
            action = Sell(Why.SELL_ALL, amount, ZERO, quote.bid)
            intent = self._decider.claim_for_person(
                slot, action, step=None, then_pause=then == "pause", outside=min(outside, amount)
            )
        if isinstance(intent, Hold):
            raise order_in_flight(slot)
        self._audit("sell_all", slot, by, {"amount": plain(amount), "then": then})
        return partial(self._wait, intent, self._carry(slot, intent))

    def _wait(self, intent: OrderIntent, future: "Future[Outcome | None]") -> Done:
        try:
            outcome = future.result(timeout=_ANSWER_WITHIN_S)
        except FutureTimeout:
            outcome = None
        fills: tuple[Fill, ...] = self._floor.journal.fills_of(intent.client_id) if outcome is Outcome.FILLED else ()
        base = sum((fill.base for fill in fills), ZERO)
        quote = sum((fill.quote for fill in fills), ZERO)
        name = outcome.value if outcome is not None else "unknown"
        message = {
            "filled": "Done.",
            "unknown": "The answer is late or lost. The market waits until the exchange has told; do not repeat it.",
        }.get(name, "Nothing was traded.")
        return Done(intent.client_id, name, base, quote, message)

    def _check_quick_amount(self, slot: Slot, amount: Decimal, quote: Quote) -> None:
        rules = slot.state.rules
        least = _MINIMUM_MARGIN * max(rules.min_quote, rules.least_sale * quote.ask / (1 - rules.fee))
        if amount < least:
            at_least = plain(floor_to(least, rules.qstep) + rules.qstep)
            raise CommandRefused(
                "too_small",
                f"{plain(amount)} is too little: the coins could not be sold again. At least {at_least}.",
                field="quote_amount",
                status=400,
            )
        if rules.market_max_quote and amount > rules.market_max_quote:
            raise CommandRefused(
                "too_large",
                f"The market takes at most {plain(rules.market_max_quote)}.",
                field="quote_amount",
                status=400,
            )
        if not rules.status.buys or rules.delisting_s:
            raise CommandRefused("market_closed", f"{slot.market.base} takes no buys now ({rules.status.value}).")

    def _fresh_quote(self, slot: Slot) -> Quote:
        floor = self._floor
        standstill = floor.standstill.now
        if standstill is not None:
            raise CommandRefused(
                "standstill",
                "Nothing is sent just now: the clock is wrong, the exchange is away, or the account is being checked.",
                values={"reason": standstill.reason.value},
            )
        quote = floor.board.newest(slot.market)
        limit = floor.config.max_quote_age_ms
        if quote is None or floor.clock.now_ms() - quote.confirmed_ms > limit:
            raise CommandRefused(
                "quote_too_old", "There is no fresh price; nothing is traded on an old one.", status=409
            )
        return quote

    def _with_book(self, slot: Slot, quote: Quote) -> Quote:
        try:
            book = self._floor.exchange.book(slot.market)
        except ExchangeUnavailable as error:
            raise CommandRefused("thin_book", f"The order book cannot be read now. {error}", status=503) from error
        self._floor.board.offer(book)
        return book if book.asks else quote

    def _audit(self, name: str, slot: Slot, by: str, values: Mapping[str, str]) -> None:
        market_log(slot.market).info(f"command: {name}", by=by, **values)
        self._floor.changed(slot)
