"""What the page asks: plain rows with numbers as text. Readers never wait for the writer."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from autotrader_v2.application.events import Alert, Priority
from autotrader_v2.application.ports import OpenAttempt
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain, reported
from autotrader_v2.infrastructure.store import codec, schema
from autotrader_v2.infrastructure.store.rows import decision_values, market_of, open_attempt

Row = dict[str, Any]


class Queries:
    """Questions about one account over one connection."""

    def __init__(self, connection: Connection, account: str) -> None:
        self._connection = connection
        self._account = account

    def trades(self, market: Market | None, limit: int, before: int | None) -> Sequence[Row]:
        """Booked fills, newest first, with what their order was for."""
        fills, attempts = schema.fills, schema.attempts
        asked = (
            select(fills, attempts.c.why, attempts.c.step, attempts.c.cycle_id, attempts.c.seen_price)
            .join(attempts, attempts.c.client_id == fills.c.client_id)
            .where(self._ours(fills, market))
            .order_by(fills.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            asked = asked.where(fills.c.id < before)
        return [trade_row(row) for row in self._connection.execute(asked).mappings()]

    def attempt_of(self, client_id: str) -> OpenAttempt | None:
        """The attempt of a label, whatever its state."""
        table = schema.attempts
        row = (
            self._connection.execute(select(table).where(self._ours(table, None), table.c.client_id == client_id))
            .mappings()
            .one_or_none()
        )
        return None if row is None else open_attempt(dict(row))

    def decisions(self, market: Market | None, limit: int) -> Sequence[Row]:
        """The newest decisions, newest first."""
        table = schema.decisions
        rows = self._connection.execute(
            select(table).where(self._ours(table, market)).order_by(table.c.id.desc()).limit(limit)
        )
        return [
            {
                "id": row.id,
                "time_ms": row.time_ms,
                **named(row.market),
                "kind": row.kind,
                "reason": row.reason,
                "values": decision_values(row.payload),
            }
            for row in rows
        ]

    def alerts(self, limit: int) -> Sequence[Alert]:
        """The newest alerts, newest first."""
        table = schema.alerts
        rows = self._connection.execute(
            select(table).where(table.c.account == self._account).order_by(table.c.seq.desc()).limit(limit)
        )
        return [
            Alert(
                code=row.code,
                priority=Priority(row.priority),
                time_ms=row.time_ms,
                market=market_of(row.market) if row.market else None,
                values=codec.from_text(row.payload) if row.payload else {},
            )
            for row in rows
        ]

    def orders(self, market: Market | None, limit: int) -> Sequence[Row]:
        """The newest attempts, newest first, with what they filled."""
        attempts = schema.attempts
        rows = (
            self._connection.execute(
                select(attempts).where(self._ours(attempts, market)).order_by(attempts.c.seq.desc()).limit(limit)
            )
            .mappings()
            .all()
        )
        filled = summed_fills(self._connection, [row["client_id"] for row in rows])
        return [order_row(row, *filled[row["client_id"]]) for row in rows]

    def results(self, market: Market | None, since_ms: int) -> Sequence[Row]:
        """What each sale since then earned, oldest first."""
        table = schema.cycle_events
        rows = self._connection.execute(
            select(table.c.time_ms, table.c.market, table.c.result)
            .where(self._ours(table, market), table.c.result.is_not(None), table.c.time_ms >= since_ms)
            .order_by(table.c.time_ms, table.c.seq)
        )
        return [
            {"time_ms": row.time_ms, "symbol": market_of(row.market).pair, "result": plain(Decimal(row.result))}
            for row in rows
        ]

    def moved_since_mark(self) -> tuple[dict[str, Decimal], int, int]:
        """(what all fills moved by currency, how many of them were added up now, the last id)."""
        table = schema.meta
        kept = self._connection.execute(select(table.c.value).where(table.c.name == "moved")).scalar()
        mark = codec.from_text(kept or '{"last_id":0,"moved":{}}')
        newer, counted, last_id = self.moved(mark["last_id"])
        moved = {currency: Decimal(text) for currency, text in mark["moved"].items()}
        for currency, amount in newer.items():
            moved[currency] = moved.get(currency, ZERO) + amount
        return moved, counted, last_id

    def moved(self, after_id: int) -> tuple[dict[str, Decimal], int, int]:
        """The same for the fills after that id. Bought coins in, money out, fees out."""
        table = schema.fills
        moved: dict[str, Decimal] = {}
        counted, last_id = 0, after_id
        for row in self._connection.execute(
            select(
                table.c.id,
                table.c.market,
                table.c.side,
                table.c.base,
                table.c.quote,
                table.c.fee,
                table.c.fee_currency,
            )
            .where(self._ours(table, None), table.c.id > after_id)
            .order_by(table.c.id)
        ):
            last_id, market, side, base, quote, fee, fee_currency = row
            counted += 1
            of = market_of(market)
            sign = 1 if side == "buy" else -1
            moved[of.base] = moved.get(of.base, ZERO) + sign * Decimal(base)
            moved[of.quote] = moved.get(of.quote, ZERO) - sign * Decimal(quote)
            if fee_currency:
                moved[fee_currency] = moved.get(fee_currency, ZERO) - Decimal(fee)
        return moved, counted, last_id

    def _ours(self, table: Table, market: Market | None) -> ColumnElement[bool]:
        if market is not None:
            return (table.c.account == self._account) & (table.c.market == str(market))
        # Nearly all rows are ours: an index by account would only make the planner sort them all for the newest few.
        return table.c.account.concat("") == self._account


def summed_fills(connection: Connection, labels: Sequence[str]) -> Mapping[str, tuple[Decimal, Decimal]]:
    """(coins, quote) that each of these orders filled, zero for none."""
    fills = schema.fills
    filled = dict.fromkeys(labels, (ZERO, ZERO))
    for client_id, base, quote in connection.execute(
        select(fills.c.client_id, fills.c.base, fills.c.quote).where(fills.c.client_id.in_(labels))
    ):
        base_sum, quote_sum = filled[client_id]
        filled[client_id] = (base_sum + Decimal(base), quote_sum + Decimal(quote))
    return filled


def trade_row(row: Mapping[Any, Any]) -> Row:
    """A fill, joined with what its order was for. `promised`: the price that was seen when it was decided."""
    base, quote = Decimal(row["base"]), Decimal(row["quote"])
    return {
        "id": row["id"],
        "time_ms": row["time_ms"],
        **named(row["market"]),
        "side": row["side"],
        "why": row["why"],
        "step": row["step"],
        "base": plain(base),
        "quote": plain(quote),
        "price": plain(reported(quote / base)),
        "promised": plain(Decimal(row["seen_price"])),
        "fee": plain(Decimal(row["fee"])),
        "fee_currency": row["fee_currency"],
        "client_id": row["client_id"],
        "order_id": row["order_id"],
        "trade_id": row["trade_id"],
        "cycle_id": row["cycle_id"],
        "book": row["book"],
    }


def order_row(row: Mapping[Any, Any], base: Decimal, quote: Decimal) -> Row:
    """An attempt with the coins and quote that it filled."""
    state = row["state"]
    return {
        "client_id": row["client_id"],
        **named(row["market"]),
        "side": row["side"],
        "type": row["type"],
        "why": row["why"],
        "step": row["step"],
        "amount": plain(Decimal(row["amount"])),
        "state": state,
        "outcome": None if state in schema.OPEN_STATES else state.removesuffix("_late"),
        "label": row["label"],
        "created_ms": row["decided_ms"],
        "closed_ms": row["closed_ms"],
        "filled_base": plain(base),
        "filled_quote": plain(quote),
        "order_id": row["order_id"],
        "cycle_id": row["cycle_id"],
        "book": row["book"],
    }


def named(text: str) -> Row:
    """A market's names for people."""
    market = market_of(text)
    return {"symbol": market.pair, "currency": market.base}
