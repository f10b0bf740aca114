"""Journal, exchange and engine compared with each other; nothing of the engine is used to do so.

The journal is read as SQLite by a connection that cannot write; the exchange's side are the simulator's own books.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.records import UserTrade

OPEN = ("intended", "unknown")
# Two different orders of rounding may differ by this much of a quote unit over a whole run; 18 decimals are kept.
_ROUNDED = Fraction(1, 10**12)
Row = Mapping[str, Any]


class Ordered(Protocol):
    """What is compared of an order at the exchange: of the simulator's own, or of what its process shows."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def text(self) -> str:
        """The label."""

    @property
    def pair(self) -> str:
        """`ETH_USDT`."""

    @property
    def side(self) -> Side:
        """What was asked for."""

    @property
    def amount(self) -> Decimal:
        """Quote currency for a market buy, else coins."""

    @property
    def filled_base(self) -> Decimal:
        """Coins that changed hands."""


class Account(Protocol):
    """The exchange's books of an account, oldest first."""

    @property
    def open_orders(self) -> Sequence[Ordered]:
        """Those that may still trade."""

    @property
    def orders(self) -> Sequence[Ordered]:
        """All."""

    @property
    def trades(self) -> Sequence[UserTrade]:
        """All."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the journal holds, as rows."""

    attempts: Sequence[Row]
    fills: Sequence[Row]
    events: Sequence[Row]
    alerts: Sequence[Row]

    @property
    def outcomes(self) -> Counter[str]:
        """How the attempts ended."""
        return Counter(row["state"] for row in self.attempts)

    def realised(self, market: str) -> Decimal:
        """What the journal says was earned in a market (`ETH_USDT`) so far."""
        of_market = [row for row in self.events if row["market"] == f"gate:{market}"]
        return Decimal(of_market[-1]["realised"]) if of_market else Decimal(0)


def read(database: Path) -> Books:
    """The journal's rows. Works on a database that a killed process left behind, and changes nothing in it."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only=1")
        connection.execute("BEGIN")

        def rows(query: str) -> list[Row]:
            return [dict(row) for row in connection.execute(query)]

        return Books(
            rows("SELECT * FROM attempts ORDER BY seq"),
            rows("SELECT * FROM fills ORDER BY id"),
            rows("SELECT market, cycle_id, kind, realised, result FROM cycle_events ORDER BY seq"),
            rows("SELECT market, code, priority, payload FROM alerts ORDER BY seq"),
        )


def markets_in_doubt(database: Path) -> set[str]:
    """Markets (`ETH_USDT`) with an order whose outcome the journal does not know."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT market FROM attempts WHERE state IN ('intended', 'unknown')")
        return {str(market).partition(":")[2] for (market,) in rows}


def differences(
    books: Books, account: Account, *, ended: bool = True, repeated: Collection[str] = frozenset()
) -> list[str]:
    """What does not agree, in words; empty: all does.

    `ended`: nothing may be open or unbooked any more. `repeated`: labels of orders that the network carried twice,
    which no engine can help; they must be booked all the same.
    """
    found: list[str] = []
    attempts = {row["client_id"]: row for row in books.attempts}
    ours = [one for one in account.trades if one.text.startswith("t-")]
    found += [f"trade {one.id} at the exchange has no label of ours" for one in account.trades if one not in ours]
    ids = Counter((row["market"], row["trade_id"]) for row in books.fills)
    found += [f"trade {key} is booked {times} times" for key, times in ids.items() if times > 1]
    found += [f"order {one.id} ({one.text}) has no intent" for one in account.orders if one.text not in attempts]
    found += _fills(books, ours, ended=ended)
    found += _orders(attempts, account, repeated)
    found += _steps(attempts, [one for one in ours if one.text not in repeated])
    if ended:
        found += [f"{row['client_id']} is still {row['state']}" for row in books.attempts if row["state"] in OPEN]
        found += [f"{one.text} is still open at the exchange" for one in account.open_orders]
        late = _after_their_cycle(books, repeated)
        booked = {(row["market"].partition(":")[2], row["trade_id"]): row["id"] for row in books.fills}
        for pair in sorted({one.pair for one in ours}):
            of_pair = [one for one in ours if one.pair == pair]
            book = recount(sorted(of_pair, key=lambda one: booked.get((pair, str(one.id)), one.id)), late)
            told = books.realised(pair)
            found += [f"{label} sold more than was bought" for label in book.oversold]
            if abs(Fraction(told) - book.realised) > _ROUNDED:
                found.append(f"{pair}: the journal realised {told}, the exchange's trades make {float(book.realised)}")
    return found


def _fills(books: Books, ours: Sequence[UserTrade], *, ended: bool) -> list[str]:
    """Every trade of ours is booked once, digit by digit; nothing else is."""

    def at_exchange(one: UserTrade) -> tuple[Any, ...]:
        key = (f"gate:{one.pair}", str(one.id), str(one.order_id), one.text, one.side.value)
        return (*key, one.amount, one.amount * one.price, one.fee, one.fee_currency)

    def in_journal(row: Row) -> tuple[Any, ...]:
        key = (row["market"], row["trade_id"], row["order_id"], row["client_id"], row["side"])
        return (*key, Decimal(row["base"]), Decimal(row["quote"]), Decimal(row["fee"]), row["fee_currency"])

    exchange, journal = {at_exchange(one) for one in ours}, {in_journal(row) for row in books.fills}
    found = [f"booked, but no trade of the exchange: {one}" for one in sorted(journal - exchange, key=str)]
    if ended:
        found += [f"traded, but not booked: {one}" for one in sorted(exchange - journal, key=str)]
    return found


def _orders(attempts: Mapping[str, Row], account: Account, repeated: Collection[str]) -> list[str]:
    """Every order at the exchange is the one that was intended, and one intent had one effect at most."""
    found = []
    effects: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for order in account.orders:
        row = attempts.get(order.text)
        if row is None:
            continue
        wanted = (row["market"], row["side"], Decimal(row["amount"]))
        if wanted != (f"gate:{order.pair}", order.side.value, order.amount):
            found.append(f"order {order.text} is not what was intended: {wanted}")
        if order.filled_base and order.text not in repeated:
            effects[row["market"], row["number"]].add(order.id)
    return found + [f"intent {key} had {len(ids)} effects" for key, ids in effects.items() if len(ids) > 1]


def _steps(attempts: Mapping[str, Row], ours: Sequence[UserTrade]) -> list[str]:
    """No (cycle, step) is bought twice, no cycle is sold twice in full."""
    bought: defaultdict[tuple[str, int, int], set[int]] = defaultdict(set)
    for one in ours:
        row = attempts.get(one.text)
        if row is not None and one.side is Side.BUY and row["step"] is not None:
            bought[row["market"], row["cycle_id"], row["step"]].add(one.order_id)
    return [f"step {key} was bought {len(ids)} times" for key, ids in bought.items() if len(ids) > 1]


def _after_their_cycle(books: Books, repeated: Collection[str]) -> set[str]:
    """Trades of repeated orders booked after their cycle was sold: they moved outside coins."""
    cycle_of = {row["client_id"]: (row["market"], row["cycle_id"]) for row in books.attempts}
    sold_by: dict[tuple[str, int], str] = {}
    late = set()
    for row in books.fills:
        cycle = cycle_of.get(row["client_id"], ("", 0))
        if row["client_id"] in repeated and sold_by.get(cycle, row["order_id"]) != row["order_id"]:
            late.add(row["trade_id"])
        elif row["side"] == "sell":
            sold_by[cycle] = row["order_id"]
    return late


@dataclass(slots=True)
class Recount:
    """A market's results from the exchange's trades alone, in exact fractions: average cost, what is left over apart.

    Only for runs in which each sale sells the position but for what is smaller than a lot.
    """

    held: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    left: Fraction = Fraction(0)
    left_cost: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)
    sales: set[int] = field(default_factory=set)
    oversold: list[str] = field(default_factory=list)


def recount(trades: Iterable[UserTrade], late: Collection[str]) -> Recount:
    """Average cost by hand, in the order of booking: TRADING_RULES.md, written a third time.

    `late`: trades after their cycle. What they bought is no cycle's; of what they sold, what was left over was ours.
    """
    book, last_order = Recount(), 0
    for one in trades:
        if one.order_id != last_order and last_order in book.sales:
            book.left, book.left_cost = book.left + book.held, book.left_cost + book.cost
            book.held = book.cost = Fraction(0)
        last_order = one.order_id
        coins, money, fee = Fraction(one.amount), Fraction(one.amount) * Fraction(one.price), Fraction(one.fee)
        outside = str(one.id) in late
        if outside and one.side is Side.BUY:
            continue
        if one.side is Side.BUY:
            book.held, book.cost = book.held + coins - fee, book.cost + money
            continue
        book.sales.add(one.order_id)
        from_held = min(coins, book.held)
        cost = book.cost * from_held / book.held if book.held else Fraction(0)
        from_left = coins - from_held
        if outside and from_left > book.left:
            own = (from_held + book.left) / coins
            from_left, money, fee = book.left, money * own, fee * own
        if from_left > book.left:
            book.oversold.append(one.text)
            from_left = book.left
        left_cost = book.left_cost * from_left / book.left if from_left else Fraction(0)
        book.realised += money - fee - cost - left_cost
        book.held, book.cost = book.held - from_held, book.cost - cost
        book.left, book.left_cost = book.left - from_left, book.left_cost - left_cost
    return book
