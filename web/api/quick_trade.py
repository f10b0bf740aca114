"""A person's own buy and sale."""

from typing import Literal

from flask import Blueprint

from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Amount, Currency, Part, Positive, Reply, Request

blueprint = Blueprint("quick_trade", __name__, url_prefix="/api/trade/quick")


class QuickBuy(Request):
    """Without an amount the start volume is bought."""

    base_currency: Currency
    quote_amount: Positive | None = None


class QuickBuyNow(QuickBuy):
    """`shown_price`: the ask that the person decided on; a price that has risen since is refused."""

    shown_price: Positive | None = None


class SellAll(Request):
    """`pause` (the default) leaves the currency paused; `restart` lets the engine start again."""

    base_currency: Currency
    then: Literal["pause", "restart"] = "pause"


class SaleNow(Part):
    """Selling the whole position now. `amount`: coins; `brings` before the fee, `result` after both fees."""

    amount: Amount
    average: Amount
    brings: Amount
    result: Amount


class NoPreview(Reply):
    """There is no price."""

    side: Literal["buy"]
    amount: Amount | None
    average: None
    sell: None


class QuickPreview(Reply):
    """What a buy would do: its average, slippage and fee, and the position before and after it."""

    side: Literal["buy"]
    amount: Amount
    average: Amount
    slippage_pct: Amount
    fee: Amount
    coins: Amount
    cost: Amount
    gets: Amount
    breakeven_before: Amount | None
    breakeven_after: Amount | None
    take_profit_before: Amount | None
    take_profit_after: Amount | None
    free_after: Amount
    sell: SaleNow | None
    price_age_ms: int


class OrderDone(Reply):
    """`outcome`: what is known of it after 10 s at most. Units: `base` coins, `quote` and `average` quote currency."""

    client_id: str
    outcome: str
    base: Amount
    quote: Amount
    average: Amount | None
    message: str


class CoinSale(Part):
    """How far the sale of one coin has come; `code`: why it could not be sold."""

    currency: str
    state: str
    base: Amount
    quote: Amount
    code: str


class SellingRun(Part):
    """A wish to sell everything, coin by coin."""

    began_ms: int
    ended_ms: int | None
    by: str
    coins: list[CoinSale]


class Selling(Reply):
    """The newest one; null when there was none."""

    selling: SellingRun | None


@blueprint.get("/preview")
@asks(QuickBuy, QuickPreview, NoPreview)
def preview(wish: QuickBuy) -> Answer:
    """What a buy of that amount, and selling all, would do now."""
    return desk().quick_preview(wish.base_currency, wish.quote_amount)


@blueprint.post("/buy")
@commands(QuickBuyNow, OrderDone, order=True)
def buy(wish: QuickBuyNow) -> Answer:
    """Buy now at market; answers when it is filled, refused or unknown, within 10 s."""
    return desk().quick_buy(wish.base_currency, wish.quote_amount, by(), wish.shown_price)


@blueprint.post("/sell_all")
@commands(SellAll, OrderDone, order=True)
def sell_all(wish: SellAll) -> Answer:
    """Sell everything of a currency now at market; answers within 10 s."""
    return desk().sell_all(wish.base_currency, wish.then, by())


class SellEverything(Request):
    """`confirm` is typed by a person, so that nobody sells everything by a slip."""

    confirm: Literal["SELL ALL"]


@blueprint.get("/sell_everything")
@asks(Nothing, Selling)
def selling(_: Nothing) -> Answer:
    """The newest wish to sell everything, as far as it has come; null when there was none."""
    return desk().selling()


@blueprint.post("/sell_everything")
@commands(SellEverything, Selling, order=True)
def sell_everything(_: SellEverything) -> Answer:
    """Stop buys and sell every open cycle now at market; answers at once, each coin is left paused."""
    return desk().sell_everything(by())


@blueprint.post("/sell_everything/stop")
@commands(Nothing, Selling)
def stop_selling(_: Nothing) -> Answer:
    """Sell no further coin; what is on its way finishes, buys stay stopped."""
    return desk().stop_selling(by())
