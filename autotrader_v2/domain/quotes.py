"""Prices, and the screen that keeps wrong ones off the quote board."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import HUNDRED, ZERO

_LEAP = 3

Levels = Sequence[tuple[Decimal, Decimal]]


class Quote(NamedTuple):
    """The best prices of a market at one moment. A NamedTuple: 100,000 of them are made per second.

    Units: prices in quote currency per coin, sizes in coins (None = not told), `exchange_ms` by the exchange's clock,
    `confirmed_ms` by ours (`Clock.now_ms`): the last message or successful read that confirmed it.
    `bids` (falling) and `asks` (rising) are book levels as (price, coins) where a book was read, else empty.
    """

    market: Market
    bid: Decimal
    ask: Decimal
    last: Decimal
    exchange_ms: int
    confirmed_ms: int
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    bids: Levels = ()
    asks: Levels = ()
    # A REST book read: it may settle at once whether a jump was real.
    from_book_read: bool = False

    @property
    def spread_pct(self) -> Decimal:
        """(ask - bid) / ask, in %."""
        return (self.ask - self.bid) / self.ask * HUNDRED


class ScreenRules(NamedTuple):
    """Limits of `screen`. Units: percent, milliseconds."""

    max_jump_pct: Decimal = Decimal(20)
    confirm_after_ms: int = 500
    silence_ms: int = 60_000


class Verdict(StrEnum):
    """What became of a quote. Everything but ACCEPTED keeps it off the board."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    NOT_POSITIVE = "not_positive"
    CROSSED = "crossed"
    OLDER = "older"
    JUMP_WAITS = "jump_waits"
    FIRST_WAITS = "first_waits"


class Screened(NamedTuple):
    """What the screen remembers of a market: the newest accepted quote and one that waits for confirmation."""

    accepted: Quote | None = None
    waiting: Quote | None = None
    verdict: Verdict = Verdict.MISSING

    @property
    def wants_book_read(self) -> bool:
        """Whether a REST book read would settle what waits."""
        return self.waiting is not None


NOTHING_SEEN = Screened()
DEFAULT_SCREEN = ScreenRules()


def screen(previous: Screened, quote: Quote, rules: ScreenRules = DEFAULT_SCREEN) -> Screened:
    """Accept or refuse a quote, given what was seen before. The answer carries the verdict (TRADING_RULES.md, Quotes).

    A refused quote changes nothing but the verdict. A move of more than `max_jump_pct` waits until a later quote
    (>= `confirm_after_ms` after it, by exchange time) agrees within a quarter of that, or until a book read agrees;
    the first quote after `silence_ms` without any waits for a book read.
    """
    accepted, waiting, _ = previous
    bid, ask = quote.bid, quote.ask
    if not (bid.is_finite() and ask.is_finite() and quote.last.is_finite()):
        return Screened(accepted, waiting, Verdict.MISSING)
    if bid <= ZERO or ask <= ZERO or quote.last <= ZERO:
        return Screened(accepted, waiting, Verdict.NOT_POSITIVE)
    if bid > ask:
        return Screened(accepted, waiting, Verdict.CROSSED)
    if accepted is not None and quote.exchange_ms < accepted.exchange_ms:
        return Screened(accepted, waiting, Verdict.OLDER)
    silent = accepted is None or quote.confirmed_ms - accepted.confirmed_ms > rules.silence_ms
    if quote.from_book_read and (silent or (waiting and not _jumps(waiting, quote, rules.max_jump_pct / 4))):
        # A book read is a second source: it vouches for what waits, or stands for itself after a silence.
        return Screened(quote, None, Verdict.ACCEPTED)
    if accepted is None or silent:
        return Screened(accepted, quote, Verdict.FIRST_WAITS)
    if not _jumps(accepted, quote, rules.max_jump_pct):
        return Screened(quote, None, Verdict.ACCEPTED)
    if waiting is None or _jumps(waiting, quote, rules.max_jump_pct / 4):
        return Screened(accepted, quote, Verdict.JUMP_WAITS)
    if quote.exchange_ms - waiting.exchange_ms < rules.confirm_after_ms:
        return Screened(accepted, waiting, Verdict.JUMP_WAITS)
    return Screened(quote, None, Verdict.ACCEPTED)


def _jumps(before: Quote, now: Quote, limit_pct: Decimal) -> bool:
    """Whether bid or ask moved more than the limit. Multiplied out: division would cost half the screen's time."""
    bid_was, ask_was = before.bid, before.ask
    return (
        abs(now.bid - bid_was) * HUNDRED > limit_pct * bid_was or abs(now.ask - ask_was) * HUNDRED > limit_pct * ask_was
    )


def leaps(before: Decimal, now: Decimal) -> bool:
    """Whether one price cannot follow the other without something having happened to the coin itself.

    No market moves to three times or a third of its price between two decisions; a coin that is renamed or
    redenominated (1000 old for one new) does, and its balance with it.
    """
    return now > before * _LEAP or now * _LEAP < before


def average_for_base(levels: Levels, coins: Decimal) -> Decimal | None:
    """The average price that `coins` would get from the levels; None when they do not hold as much."""
    left, total = coins, ZERO
    for price, size in levels:
        taken = min(left, size)
        total += taken * price
        left -= taken
        if not left:
            return total / coins
    return None


def average_for_quote(levels: Levels, quote_amount: Decimal) -> Decimal | None:
    """The average price that spending `quote_amount` would pay; None when the levels do not hold as much."""
    left, coins = quote_amount, ZERO
    for price, size in levels:
        worth = price * size
        if worth >= left:
            return quote_amount / (coins + left / price)
        coins += size
        left -= worth
    return None
