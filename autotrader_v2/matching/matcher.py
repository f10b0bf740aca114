"""Where orders meet: a taker walks the book, a fed price walks over resting orders, and money changes hands."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ONE, ZERO, floor_to
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.matching.accounts import GT, POINT
from autotrader_v2.matching.book import Book
from autotrader_v2.matching.fees import charge
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.matching.records import (
    BookChanged,
    Event,
    FinishAs,
    Order,
    OrderChange,
    OrderChanged,
    Role,
    Status,
    StpAct,
    TimeInForce,
    TradeMade,
    UserTrade,
)
from autotrader_v2.matching.tape import Tape


@dataclass(slots=True)
class Pit:
    """All there is of one market: its book and its tape."""

    rules: MarketRules
    book: Book
    tape: Tape
    # Marked by the exchange as risky ("special treatment").
    st: bool = False
    # What the outside market gained and gave, by currency: the other side of every trade that is not between accounts.
    outside: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def opposite(side: Side) -> Side:
    """The side an order trades against."""
    return Side.SELL if side is Side.BUY else Side.BUY


class Matcher:
    """Carries out trades. Every currency is conserved: accounts, outside market and collected fees add up."""

    def __init__(
        self,
        *,
        now_ms: Callable[[], int],
        knobs: Callable[[], Knobs],
        new_id: Callable[[], int],
        announce: Callable[[Event], None],
        gt_price: Callable[[str], Decimal],
    ) -> None:
        self.fees_collected: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._now_ms = now_ms
        self._knobs = knobs
        self._new_id = new_id
        self._announce = announce
        self._gt_price = gt_price

    def crosses(self, pit: Pit, side: Side, price: Decimal) -> bool:
        """Whether a limit order at that price would trade at once."""
        best, _ = pit.book.best(opposite(side))
        return bool(best) and (price >= best if side is Side.BUY else price <= best)

    def fills_whole(self, pit: Pit, order: Order) -> bool:
        """Whether the book holds enough for all of the order within its limit."""
        left, limit = order.left, self._limit(pit, order)
        for price, size in pit.book.levels(opposite(order.side), 10_000):
            if limit and (price > limit if order.side is Side.BUY else price < limit):
                return False
            if order.in_quote:
                wanted = floor_to(left / price, pit.rules.lot)
                left -= min(wanted, size) * price
                done = wanted <= size
            else:
                left -= min(left, size)
                done = not left
            if done:
                return True
        return False

    def take(self, pit: Pit, order: Order) -> FinishAs | None:
        """Let an order trade against the book.

        Returns why it must end now, or None when the rest of it may wait in the book.
        """
        facing, limit = opposite(order.side), self._limit(pit, order)
        while order.left:
            maker, level = pit.book.best_resting(facing), pit.book.best_outside(facing)
            if maker and level and (maker.price > level.price if facing is Side.SELL else maker.price < level.price):
                maker = None
            if maker:
                price, size = maker.price, maker.left
            elif level:
                price, size = level.price, level.size
            else:
                return self._rest_ends_as(order, FinishAs.DEPTH_NOT_ENOUGH)
            if limit and (price > limit if order.side is Side.BUY else price < limit):
                return self._rest_ends_as(order, FinishAs.PRICE_PROTECT_CANCELLED)
            wanted = floor_to(order.left / price, pit.rules.lot) if order.in_quote else order.left
            if not wanted:
                return self._residue(order)
            if order.thin:
                # What is left of the share it may have.
                room = order.left - order.amount * (ONE - order.thin.share)
                wanted = min(wanted, floor_to(max(room, ZERO) / (price if order.in_quote else ONE), pit.rules.lot))
                if not wanted:
                    return order.thin.finish_as if order.time_in_force is not TimeInForce.GTC else None
            if maker and self._own_group(order, maker):
                if self._prevented(pit, order, maker):
                    return FinishAs.STP
                continue
            base = min(wanted, size)
            if not maker and level:
                level.size -= base
            self._trade(pit, order, maker, price, base)
        return FinishAs.FILLED

    def sweep(self, pit: Pit) -> None:
        """After a new price: resting orders it ran over are filled as makers, at their own price, best first."""
        for side in (Side.BUY, Side.SELL):
            facing = opposite(side)
            while order := pit.book.best_resting(side):
                best, _ = pit.book.best(facing)
                if not best or (order.price < best if side is Side.BUY else order.price > best):
                    break
                level = pit.book.best_outside(facing)
                if level is None:
                    break
                base = min(order.left, level.size)
                level.size -= base
                price, now_ms = order.price, self._now_ms()
                self._announce(pit.tape.print(facing, base, price, now_ms))
                self._to_outside(pit, order, price, base)
                self._settle(pit, order, Role.MAKER, price, base)

    def finish(self, pit: Pit, order: Order, finish_as: FinishAs) -> None:
        """End an order: give back what is locked, take it off the book, tell its owner."""
        account, rests = order.account, order.id in order.account.open
        if order.reserved:
            account.unlock(order.spends, order.reserved, order.text)
            order.reserved = ZERO
        if rests:
            pit.book.take_off(order)
            del account.open[order.id]
            self.book_changed(pit)
        order.status = Status.CLOSED if finish_as is FinishAs.FILLED else Status.CANCELLED
        order.finish_as = finish_as
        order.updated_ms = self._now_ms()
        account.archive(order)
        self._announce(OrderChanged(OrderChange.FINISH, order))

    def book_changed(self, pit: Pit) -> None:
        """Count and announce a visible change of the book."""
        pit.book.touch(self._now_ms())
        self._announce(BookChanged(pit.rules.market.pair))

    def _limit(self, pit: Pit, order: Order) -> Decimal:
        """The worst price the order may trade at; 0 = any."""
        if order.type is OrderType.LIMIT:
            return order.price
        best, _ = pit.book.best(opposite(order.side))
        if not self._knobs().slippage_cap or not order.slippage:
            return ZERO
        return best * (ONE + order.slippage if order.side is Side.BUY else ONE - order.slippage)

    def _rest_ends_as(self, order: Order, market_end: FinishAs) -> FinishAs | None:
        if order.type is OrderType.MARKET:
            return market_end
        return FinishAs.IOC if order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK) else None

    def _residue(self, order: Order) -> FinishAs:
        """A market buy whose rest does not pay for one lot more."""
        if not order.filled_base:
            return FinishAs.SMALL
        return FinishAs.FILLED if self._knobs().residue_closes else FinishAs.IOC

    def _own_group(self, taker: Order, maker: Order) -> bool:
        return bool(taker.stp_act and taker.account.stp_id) and taker.account.stp_id == maker.account.stp_id

    def _prevented(self, pit: Pit, taker: Order, maker: Order) -> bool:
        """End what self-trade prevention says; True when the taker is what ends."""
        if taker.stp_act is not StpAct.CANCEL_NEWEST:
            self.finish(pit, maker, FinishAs.STP)
        return taker.stp_act is not StpAct.CANCEL_OLDEST

    def _trade(self, pit: Pit, taker: Order, maker: Order | None, price: Decimal, base: Decimal) -> None:
        self._announce(pit.tape.print(taker.side, base, price, self._now_ms()))
        if maker:
            self._settle(pit, maker, Role.MAKER, price, base)
        else:
            self._to_outside(pit, taker, price, base)
        self._settle(pit, taker, Role.TAKER, price, base)
        if not maker:
            self.book_changed(pit)

    def _to_outside(self, pit: Pit, order: Order, price: Decimal, base: Decimal) -> None:
        sign = 1 if order.side is Side.BUY else -1
        pit.outside[pit.rules.market.base] -= sign * base
        pit.outside[pit.rules.market.quote] += sign * base * price

    def _settle(self, pit: Pit, order: Order, role: Role, price: Decimal, base: Decimal) -> None:
        """Move one side's money, charge its fee, write its trade, and end it when nothing is left."""
        account, quote = order.account, base * price
        gave, got = (quote, base) if order.side is Side.BUY else (base, quote)
        unlocked = base * order.price if order.type is OrderType.LIMIT and order.side is Side.BUY else gave
        account.pay(order.spends, unlocked, gave, order.text)
        account.receive(order.receives, got, order.side, "order-match", order.text)
        fee = charge(order, role, got, quote, self._gt_price(pit.rules.market.quote))
        for currency, part in ((order.receives, fee.fee), (GT, fee.gt_fee), (POINT, fee.point_fee)):
            if part:
                account.receive(currency, -part, "fee", "trade-fee-deduct", order.text)
                self.fees_collected[currency] += part
        order.reserved -= unlocked
        order.left -= quote if order.in_quote else base
        order.filled_base += base
        order.filled_quote += quote
        order.fee += fee.fee
        order.gt_fee += fee.gt_fee
        order.point_fee += fee.point_fee
        order.updated_ms = self._now_ms()
        trade = UserTrade(
            id=self._new_id(),
            sequence=pit.tape.sequence,
            order_id=order.id,
            pair=order.pair,
            side=order.side,
            role=role,
            amount=base,
            price=price,
            fee=fee.fee,
            fee_currency=order.receives,
            gt_fee=fee.gt_fee,
            point_fee=fee.point_fee,
            time_ms=order.updated_ms,
            text=order.text,
            amend_text=order.amend_text,
        )
        account.trades.append(trade)
        self._announce(TradeMade(account, trade))
        if role is Role.MAKER:
            if order.left:
                self._announce(OrderChanged(OrderChange.UPDATE, order))
                self.book_changed(pit)
            else:
                self.finish(pit, order, FinishAs.FILLED)
