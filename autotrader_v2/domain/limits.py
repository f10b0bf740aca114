"""What buys may do at most: how large, how many, how far from the price of the last minutes. Sales know no limit.

Values in, values out; who counts and when is asked stands in `application/limits.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, NamedTuple

from autotrader_v2.domain.ladder import LadderParams, SizeMode
from autotrader_v2.domain.money import HUNDRED, ZERO, NotANumber, amount, plain

FEW_MINUTES_MS = 300_000
DAY_MS = 86_400_000
# A median of less than this says nothing: the screen of single prices vouches alone until then.
BAND_LEARNS_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimits:
    """Each 0 = off. Units: orders; `*_turnover_day` in quote currency; `order_rows` times the ladder's largest row.

    `5min` and `day` look back over a rolling window (300 s, 24 h), so that no midnight and no change of the clocks to
    or from summer time gives a second allowance, or none. The band is in percent around the median of five minutes.

    Ten in five minutes let a ladder of eight steps fall through at once and stop a loop of mistaken orders early; with
    `rebuy_pause_s` 5 such a loop would send 60. A hundred in five minutes for the account: fifty coins started together
    send fifty, and as many again may follow at once.
    """

    order_rows: Decimal = Decimal(2)
    coin_orders_5min: int = 10
    coin_orders_day: int = 100
    account_orders_5min: int = 100
    account_orders_day: int = 1000
    coin_turnover_day: Decimal = ZERO
    account_turnover_day: Decimal = ZERO
    band_pct: Decimal = Decimal(5)

    def __post_init__(self) -> None:
        for one in fields(self):
            if not getattr(self, one.name) >= 0:
                raise ValueError(f"{one.name} is 0 (off) or more; got {getattr(self, one.name)}")

    @classmethod
    def none(cls) -> "OrderLimits":
        """Every limit off."""
        usual = cls()
        return cls(**{one.name: type(getattr(usual, one.name))(0) for one in fields(cls)})

    def as_text(self) -> dict[str, Any]:
        """As JSON: decimals as text, counts as they are."""
        return {one.name: _json(getattr(self, one.name)) for one in fields(self)}

    def changed(self, values: Mapping[str, Any]) -> "OrderLimits":
        """With some of `as_text`'s values replaced; names of a later program are left out. Errors: ValueError."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in given.keys() & values.keys():
            try:
                number = amount(values[name])
            except NotANumber as error:
                raise ValueError(f"{name}: {error}") from error
            if isinstance(given[name], int) and number != int(number):
                raise ValueError(f"{name} is a whole number; got {number}")
            given[name] = type(given[name])(number)
        return OrderLimits(**given)


class Bought(NamedTuple):
    """One attempt to buy that left, or may have left, this machine. Units: `cost` in quote, 0 if it bought nothing."""

    time_ms: int
    cost: Decimal


class Reached(NamedTuple):
    """A limit that forbids a buy now. `which` names the field of `OrderLimits`, `most` is its value.

    `is_now`: orders in the window, or quote currency with this order. `until_ms`: when it allows the buy again by
    itself; 0: not by waiting.
    """

    which: str
    most: Decimal | int
    is_now: Decimal | int
    until_ms: int


def reached(
    limits: OrderLimits,
    coin: Sequence[Bought],
    account: Sequence[Bought],
    cost: Decimal,
    now_ms: int,
    *,
    counted: bool = False,
) -> Reached | None:
    """The first limit that a buy of that cost would break now. `counted`: this very buy is in the sequences already.

    `coin` and `account`: the attempts of 24 hours, oldest first.
    """
    for which, most, bought, window_ms in (
        ("coin_orders_5min", limits.coin_orders_5min, coin, FEW_MINUTES_MS),
        ("coin_orders_day", limits.coin_orders_day, coin, DAY_MS),
        ("account_orders_5min", limits.account_orders_5min, account, FEW_MINUTES_MS),
        ("account_orders_day", limits.account_orders_day, account, DAY_MS),
    ):
        if not most or len(bought) < most + counted:
            continue
        if (full := _too_many(which, most + counted, bought, window_ms, now_ms)) is not None:
            return full._replace(most=most)
    for which, most_quote, bought in (
        ("coin_turnover_day", limits.coin_turnover_day, coin),
        ("account_turnover_day", limits.account_turnover_day, account),
    ):
        if most_quote and (full := _too_dear(which, most_quote, bought, ZERO if counted else cost, now_ms)) is not None:
            return full
    return None


def _too_many(which: str, most: int, bought: Sequence[Bought], window_ms: int, now_ms: int) -> Reached | None:
    """Full when the `most`-th newest still lies in the window; it is free again when that one leaves it."""
    if bought[-most].time_ms <= now_ms - window_ms:
        return None
    count = sum(one.time_ms > now_ms - window_ms for one in bought)
    return Reached(which, most, count, bought[-most].time_ms + window_ms)


def _too_dear(which: str, most: Decimal, bought: Sequence[Bought], cost: Decimal, now_ms: int) -> Reached | None:
    inside = [one for one in bought if one.time_ms > now_ms - DAY_MS]
    total = sum((one.cost for one in inside), cost)
    if total <= most:
        return None
    left = total
    for one in inside:
        left -= one.cost
        if left <= most:
            return Reached(which, most, total, one.time_ms + DAY_MS)
    return Reached(which, most, total, 0)


def largest_row(params: LadderParams) -> Decimal:
    """What the largest buy of the ladder spends, in quote. Sizes that grow or shrink do so all the way."""
    if params.size_mode is SizeMode.FIXED:
        return params.start_quote
    if params.size_mode is SizeMode.CUSTOM:
        return max(params.sizes, default=ZERO)
    return max(params.size(0), params.size(params.steps))


class Band(NamedTuple):
    """Where a buy's ask must lie, in quote per coin."""

    median: Decimal
    lowest: Decimal
    highest: Decimal

    def holds(self, ask: Decimal) -> bool:
        """Whether that price lies within."""
        return self.lowest <= ask <= self.highest


def band_around(median: Decimal, band_pct: Decimal) -> Band:
    """The band of that many percent around the median."""
    width = median * band_pct / HUNDRED
    return Band(median, median - width, median + width)


def median_price(times_ms: Iterable[int], prices: Iterable[float], newest_ms: int) -> Decimal | None:
    """The median of the prices within five minutes before `newest_ms`; None when they span under a minute.

    An indicator, so it is kept in floats: a wrong price moves it by one place, never by its size.
    """
    oldest_ms = newest_ms - FEW_MINUTES_MS
    inside = [(price, at) for at, price in zip(times_ms, prices, strict=True) if oldest_ms < at <= newest_ms]
    if not inside or newest_ms - min([at for _, at in inside]) < BAND_LEARNS_MS:
        return None
    inside.sort()
    return Decimal(repr(inside[len(inside) // 2][0]))


def _json(value: Decimal | int) -> str | int:
    return plain(value) if isinstance(value, Decimal) else value
