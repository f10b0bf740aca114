"""A person's wish that cannot be carried out, and why."""

from collections.abc import Mapping

from autotrader_v2.application.slot import Slot


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
