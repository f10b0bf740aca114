"""What a lying answer or update says: changes of its decoded JSON, in the rows of the pair they are about."""

import random
import re
from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from autotrader_v2.domain.money import NotANumber, amount, plain
from autotrader_v2.simulator.faults.rules import Edit

# Written without its quotes: what JSON itself cannot say.
_BARE = re.compile(r'"@bare:([^"]*)@"')
BAD_NUMBERS = ("@bare:NaN@", None, "", "1,5", "@bare:1e400@", "1e400", "NaN", "Infinity", "-1", "0", "١٢", "0x10")
_PRICES = ("last", "lowest_ask", "highest_bid", "b", "a", "price", "c", "h", "l", "o", "high_24h", "low_24h")
_BID, _ASK = ("highest_bid", "b"), ("lowest_ask", "a")
_SIDES = {"bids": "b", "asks": "a"}
FEES = ("base", "quote", "gt", "points", "rebate", "unknown", "missing")
BOOKS = ("crossed", "empty", "one_sided", "wide")
LIES = ("pair", "side", "amount", "negative", "text")
_WIDE = Decimal("0.3")


def in_words(text: str) -> str:
    """JSON text with what only stands for itself taken out of its quotes."""
    return _BARE.sub(r"\1", text)


def wrong_number(value: str | None, field: str) -> Edit:
    """One numeric field says `value`; by chance one of the usual suspects when it is None. `field` "" takes any."""

    def edit(whole: Any, rng: random.Random, pair: str) -> Any:
        for row in rows_of(whole, pair):
            names = [name for name in row if _is_number(row[name])] if not field else [field]
            for name in (rng.choice(names),) if names and not field else names:
                if isinstance(row.get(name), list):
                    row[name] = [[_bad(value, rng), *rest] for _, *rest in row[name]]
                elif name in row:
                    row[name] = _bad(value, rng)
        return whole

    return edit


def wrong_price(factor: Decimal) -> Edit:
    """Every price of a ticker, a best price or a book is that many times as high."""

    def edit(whole: Any, _rng: random.Random, pair: str) -> Any:
        for row in rows_of(whole, pair):
            for name in (*_PRICES, *_SIDES):
                if name in row:
                    row[name] = _scaled(row[name], factor)
        return whole

    return edit


def wrong_book(how: str) -> Edit:
    """Best prices or a book that are crossed, empty, of one side only or 30 % wide."""

    def edit(whole: Any, _rng: random.Random, pair: str) -> Any:
        for row in rows_of(whole, pair):
            for bid, ask in ((_BID[0], _ASK[0]), (_BID[1], _ASK[1]), ("bids", "asks")):
                if bid in row and ask in row:
                    row[bid], row[ask] = _sides(how, row[bid], row[ask])
        return whole

    return edit


def impossible(what: str) -> Edit:
    """An order's answer that cannot be: of another pair, side or text, filled more than asked, or negative."""

    def edit(whole: Any, _rng: random.Random, pair: str) -> Any:
        for row in rows_of(whole, pair):
            match what:
                case "pair":
                    row["currency_pair"] = "WRONG_USDT"
                case "side":
                    row["side"] = "sell" if row.get("side") == "buy" else "buy"
                case "text":
                    row["text"] = "t-another-1.1"
                case "amount" | "negative":
                    factor = Decimal(-1 if what == "negative" else 1000)
                    for name in ("filled_amount", "filled_total", "fill_price"):
                        if name in row:
                            row[name] = _scaled(row[name], factor)
        return whole

    return edit


def strange(what: str, field: str, value: Any = None) -> Edit:
    """`extra`: a field nobody knows; `missing`: `field` is gone; `set`: `field` says `value`."""

    def edit(whole: Any, _rng: random.Random, pair: str) -> Any:
        for row in rows_of(whole, pair):
            if what == "extra":
                row[field or "brand_new"] = value if value is not None else {"deep": [1, "2", None]}
            elif what == "missing":
                row.pop(field, None)
            elif field in row:
                row[field] = value
        return whole

    return edit


def reported_fee(how: str) -> Edit:
    """What trades and orders say of their fee. It is only said: what was really taken is unchanged."""

    def edit(whole: Any, _rng: random.Random, pair: str) -> Any:
        for row in rows_of(whole, pair):
            if "fee_currency" not in row:
                continue
            base, _, quote = str(row.get("currency_pair", "")).partition("_")
            paid, price = _number(row.get("fee")), _number(row.get("price") or row.get("avg_deal_price"))
            match how:
                case "missing":
                    for name in ("fee", "fee_currency", "gt_fee", "point_fee"):
                        row.pop(name, None)
                case "unknown":
                    row["fee_currency"] = "NEWCOIN"
                case "rebate":
                    row["fee"] = plain(-paid)
                case "base":
                    row["fee_currency"] = base
                case "quote":
                    row |= {"fee": plain(paid * price), "fee_currency": quote}
                case "gt" | "points":
                    name = "gt_fee" if how == "gt" else "point_fee"
                    row |= {"fee": "0", name: plain(max(paid, Decimal("0.0001")))}
        return whole

    return edit


def rows_of(whole: Any, pair: str) -> Iterator[dict[str, Any]]:
    """The objects of an answer that are about pairs of that pattern; one that names no pair is about all."""
    for row in whole if isinstance(whole, list) else (whole,):
        if not isinstance(row, dict):
            continue
        orders = row.get("orders")
        if isinstance(orders, list):
            yield from rows_of(orders, pair)
            continue
        about = next((str(row[name]) for name in ("currency_pair", "s", "market") if name in row), None)
        if about is None and isinstance(row.get("id"), str) and "_" in row["id"]:
            about = row["id"]
        if about is None or pair == "*" or fnmatchcase(about, pair):
            yield row


def _bad(value: str | None, rng: random.Random) -> str | None:
    return rng.choice(BAD_NUMBERS) if value is None else None if value == "null" else value


def _is_number(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], list)
    return isinstance(value, str) and bool(re.fullmatch(r"-?\d+(\.\d+)?", value))


def _number(value: Any) -> Decimal:
    try:
        return amount(value)
    except NotANumber:
        return Decimal(0)


def _scaled(value: Any, factor: Decimal) -> Any:
    if isinstance(value, list):
        return [[_scaled(price, factor), *rest] for price, *rest in value]
    return plain(_number(value) * factor) if isinstance(value, str) and value else value


def _sides(how: str, bid: Any, ask: Any) -> tuple[Any, Any]:
    """The two sides, texts or lists of levels, as the fault has them."""
    nothing: Any = [] if isinstance(bid, list) else ""
    match how:
        case "crossed":
            return _scaled(bid, 1 + _WIDE), ask
        case "empty":
            return nothing, nothing
        case "one_sided":
            return bid, nothing
        case _:
            return bid, _scaled(ask, 1 + _WIDE)
