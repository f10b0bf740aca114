"""Between the engine's words and the matching core's."""

from autotrader_v2.application.ports import About, OpenOrder, Rejected
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderResult
from autotrader_v2.matching.accounts import GT, POINT, Account
from autotrader_v2.matching.records import Order, OrderRequest, TimeInForce, UserTrade
from autotrader_v2.matching.refused import Label, Refused

_PASSING = (Label.BALANCE_NOT_ENOUGH, Label.REQUEST_EXPIRED, Label.TOO_MANY_ORDERS, Label.FOK_NOT_FILL)
_ABOUT = {
    Label.BALANCE_NOT_ENOUGH: About.BALANCE,
    Label.INVALID_PARAM_VALUE: About.RULES,
    Label.INVALID_PRECISION: About.RULES,
}
_DO = {
    Label.BALANCE_NOT_ENOUGH: "Give the paper account more, or lower the amounts.",
    Label.REQUEST_EXPIRED: "Nothing to do: it is decided again at the next price.",
}
_DO_ELSE = "Check the market's rules and the amounts."


def request_of(intent: OrderIntent) -> OrderRequest:
    """The intent as the core takes it; everything the engine sends is immediate-or-cancel."""
    return OrderRequest(
        pair=intent.market.pair,
        side=intent.side,
        type=intent.type,
        amount=intent.amount,
        price=intent.limit_price,
        time_in_force=TimeInForce.IOC,
        text=intent.client_id,
        expires_ms=intent.expires_ms,
    )


def result_of(order: Order) -> OrderResult:
    """What an order has filled so far."""
    fills = []
    for trade in reversed(order.account.trades):
        # Orders and trades share one rising sequence: what is older than the order is not its.
        if trade.id < order.id:
            break
        if trade.order_id == order.id:
            fills.append(fill_of(trade, order.rules.market))
    return OrderResult(client_id=order.text, order_id=str(order.id), fills=tuple(fills[::-1]), note=order.finish_as)


def fill_of(trade: UserTrade, market: Market) -> Fill:
    """One trade; a fee paid in GT or points names that currency."""
    fee, fee_currency = trade.fee, trade.fee_currency
    if trade.gt_fee:
        fee, fee_currency = trade.gt_fee, GT
    elif trade.point_fee:
        fee, fee_currency = trade.point_fee, POINT
    return Fill(
        trade_id=str(trade.id),
        order_id=str(trade.order_id),
        client_id=trade.text if trade.text.startswith("t-") else "",
        market=market,
        side=trade.side,
        base=trade.amount,
        quote=trade.quote,
        fee=fee,
        fee_currency=fee_currency,
        time_ms=trade.time_ms,
    )


def open_order_of(order: Order) -> OpenOrder:
    """An order that rests."""
    return OpenOrder(
        order_id=str(order.id),
        client_id=order.text if order.text.startswith("t-") else "",
        market=order.rules.market,
        side=order.side,
        left=order.left,
        created_ms=order.created_ms,
    )


def own_order(account: Account, client_id: str, order_id: str) -> Order | None:
    """The order of that id, else the newest of that label."""
    if order_id.isdigit() and int(order_id) in account.orders:
        return account.orders[int(order_id)]
    return account.by_text.get(client_id)


def refusal(refused: Refused) -> Rejected:
    """The core's refusal as the engine's error."""
    return Rejected(
        f"The paper exchange refused the order: {refused.message}.",
        do=_DO.get(refused.label, _DO_ELSE),
        label=refused.label,
        lasting=refused.label not in _PASSING and about_of(refused.label) is not About.RULES,
        about=about_of(refused.label),
    )


def about_of(label: Label) -> About:
    """What of the engine's beliefs a refusal contradicts."""
    return _ABOUT.get(label, About.OTHER)
