"""What the questions of the long tables share, and how they become a `Which`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from autotrader_v2.application.archive import Which
from web.endpoints import Answer, desk
from web.fields import Currency, Limit, Position, Reply, Request

Word = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Cursor = Annotated[str, Field(pattern=r"^[0-9]{1,18}(\.[a-z]{1,10}\.[0-9]{1,18})?$")]
Side = Literal["buy", "sell"]


class Times(Request):
    """From `since_ms` on, before `until_ms` (0: no end)."""

    since_ms: Position = 0
    until_ms: Position = 0


class OfSymbol(Times):
    """Of a coin, whether it is still traded or not, or of all."""

    symbol: Currency | None = None


class Paged(Request):
    """`before`: the `next` of the page before."""

    limit: Limit = 100
    before: Cursor | None = None


class Page(Reply):
    """`next`: `before` of the page after; null: that was all."""

    next: str | None


def which_of(asked: OfSymbol, *, state: str | None = None) -> Which:
    """As the archive is asked."""
    return Which(
        market=desk().reports.market(asked.symbol),
        side=getattr(asked, "side", None) or "",
        why=getattr(asked, "why", None) or "",
        state=state or "",
        since_ms=asked.since_ms,
        until_ms=asked.until_ms,
        before=getattr(asked, "before", None) or "",
        cycle_id=getattr(asked, "cycle", 0),
    )


def page_of(name: str, ask: Callable[[Which, int], Sequence[Mapping[str, Any]]], which: Which, limit: int) -> Answer:
    """A page, and the cursor of the next one (None: that was all)."""
    rows = list(ask(which, limit))
    return {name: rows, "next": str(rows[-1]["id"]) if len(rows) == limit else None}
