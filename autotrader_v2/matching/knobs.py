"""What Gate leaves undocumented or changes at will, as switches: a client must cope with every setting."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from autotrader_v2.domain.money import ZERO


class SurplusDigits(StrEnum):
    """What happens to more decimals than the market has."""

    TRUNCATE = "truncate"
    REJECT = "reject"


class Unfillable(StrEnum):
    """How a post-only order that would take, or a fill-or-kill that cannot fill, ends."""

    ERROR = "error"
    CANCELLED_ORDER = "cancelled_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How this exchange behaves where Gate's behaviour is unverified.

    Units: `*_ms` milliseconds, `open_orders_max` orders per account (0 = no cap), `history_max` rows kept of each
    account's finished orders, trades and account book (0 = all).
    `visible_after_ms`: how long a new order cannot be looked up or listed. `text_lookup_ms`: how long a finished order
    is still found by its text. `unfilled_kept_ms`: how long an order that ended without a fill is kept at all.
    `residue_closes`: a market buy whose rest cannot pay for one lot is `closed` / `filled`, else `cancelled` / `ioc`.
    `price_band`: a limit price further than this fraction from the last price is refused; 0 = never.
    `put_before_finish`: an order that ends at once is announced twice, as `put` and as `finish`.
    """

    visible_after_ms: int = 0
    text_lookup_ms: int = 0
    unfilled_kept_ms: int = 60_000
    surplus_digits: SurplusDigits = SurplusDigits.TRUNCATE
    residue_closes: bool = True
    unfillable: Unfillable = Unfillable.ERROR
    open_orders_max: int = 0
    price_band: Decimal = ZERO
    put_before_finish: bool = False
    slippage_cap: bool = True
    history_max: int = 0
