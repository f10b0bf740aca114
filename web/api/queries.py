"""Queries that several resources share."""

from web.fields import Currency, Limit, Request


class Nothing(Request):
    """No query, no body."""


class OneCurrency(Request):
    """A currency, in any spelling: BTC, BTC_USDT, BTC/USDT."""

    base_currency: Currency


class MaybeCurrency(Request):
    """A currency, or all of them."""

    base_currency: Currency | None = None


class MaybeSymbol(Request):
    """A coin in any spelling, or all of them."""

    symbol: Currency | None = None


class NewestOf(Request):
    """The newest rows of a currency, or of all."""

    base_currency: Currency | None = None
    limit: Limit = 100
