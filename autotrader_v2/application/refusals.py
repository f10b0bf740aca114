"""A person's wish that cannot be carried out, and why."""

from collections.abc import Mapping
from decimal import Decimal

from autotrader_v2.application.deciding import texts
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import plain
from autotrader_v2.domain.situation import Hold, Pause, Reason

# What each limit of buys allows, in words.
_LIMIT = {
    "order_rows": "One order may cost at most {most} {quote} here, this one would be {is_now}",
    "coin_orders_5min": "{currency} may be bought {most} times in 5 minutes, it was {is_now} times",
    "coin_orders_day": "{currency} may be bought {most} times in 24 hours, it was {is_now} times",
    "account_orders_5min": "All coins together may be bought {most} times in 5 minutes, it was {is_now} times",
    "account_orders_day": "All coins together may be bought {most} times in 24 hours, it was {is_now} times",
    "coin_turnover_day": "{currency} may be bought for {most} {quote} in 24 hours, with this it would be {is_now}",
    "account_turnover_day": "All coins may be bought for {most} {quote} in 24 hours, with this it would be {is_now}",
}


class CommandRefused(Exception):
    """A wish that cannot be carried out. `code` for catalogues, `status` for HTTP, `field` where one is to blame."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 409,
        field: str | None = None,
        values: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.field = code, message, status, field
        self.values = dict(values or {})


def still_starting() -> CommandRefused:
    """The engine is not there yet."""
    return CommandRefused("starting", "The engine is starting; try again in a moment.", status=503)


def order_in_flight(slot: Slot) -> CommandRefused:
    """The market waits for an order or a command; nothing else may change its cycle meanwhile."""
    order = slot.state.order
    what = order.what if order is not None else "an order"
    client_id = order.intent.client_id if order is not None and order.intent is not None else ""
    return CommandRefused(
        "order_in_flight",
        f"{slot.market.base} waits for {what} {client_id}; try again when it is settled.".replace("  ", " "),
        values={"what": what, "client_id": client_id},
    )


def balance_unknown(message: str) -> CommandRefused:
    """No reading of the account is good enough to act on."""
    return CommandRefused("balance_unknown", message, status=503)


def price_moved(shown: Decimal, now: Decimal) -> CommandRefused:
    """The price that a person decided to buy at is not the price any more."""
    return CommandRefused(
        "price_moved",
        f"The price rose from {plain(shown)} to {plain(now)} while you decided. Nothing was bought; decide again.",
        values={"shown": plain(shown), "now": plain(now)},
    )


def paused(pause: Pause, market: Market) -> CommandRefused:
    """A person's buy while something stands still that somebody has to look at first."""
    return CommandRefused(
        "paused",
        f"{market.base} stands still ({pause.cause}), so nothing was bought, by hand either. "
        "Look at what stands still at the top of the page, then resume it there.",
        values={"currency": market.base, "cause": pause.cause},
    )


def held_back(hold: Hold, market: Market) -> CommandRefused:
    """A person's buy that limits or money do not allow: which limit, its value, how to change it."""
    values = {"currency": market.base, "quote": market.quote, **texts(hold.values)}
    if hold.reason is Reason.LIMIT_REACHED:
        what = _LIMIT[values["which"]].format_map(values)
        do = f"Nothing was bought. Wait, or change the limit {values['which']} under Settings, Limits of buys."
        return CommandRefused("limit_reached", f"{what}. {do}", field="quote_amount", values=values)
    if hold.reason is Reason.OUTSIDE_BAND:
        return CommandRefused(
            "outside_band",
            "The price {ask} lies more than {band_pct} % from {median}, the median of the last 5 minutes. Nothing was "
            "bought. Wait for the price to settle, or change band_pct under Settings, Limits of buys.".format_map(
                values
            ),
            values=values,
        )
    if hold.reason is Reason.JOURNAL_FULL:
        return CommandRefused(
            "journal_full",
            "The disk with the journal is full, so nothing is bought; selling goes on. Free some space and try again.",
        )
    return CommandRefused(
        "needs_money",
        f"That needs {values['needs']} {market.quote}, {values['has']} is free.",
        field="quote_amount",
        values=values,
    )
