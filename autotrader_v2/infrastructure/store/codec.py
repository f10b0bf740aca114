"""Values to JSON text and back, exactly: decimals as text, enums by value.

A field that a value gained later is filled with its default, one that it lost is ignored: what was written stays
readable. A union is told apart by the kind kept beside the text.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import msgspec

from autotrader_v2.domain.cycle import CycleEvent, Idle
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.situation import Pause

T = TypeVar("T")

# By class name: renaming an event makes old journals unreadable, so it needs a migration (a test pins the names).
EVENT_KINDS: Mapping[str, type[CycleEvent]] = {kind.__name__: kind for kind in get_args(CycleEvent)}

_encoder = msgspec.json.Encoder()
_events: dict[str, msgspec.json.Decoder[CycleEvent]] = {
    name: msgspec.json.Decoder(kind) for name, kind in EVENT_KINDS.items()
}
_idle = msgspec.json.Decoder(Idle)
_pause = msgspec.json.Decoder(Pause)


class Unreadable(ValueError):
    """A stored text is not what its kind says."""


def to_text(value: Any) -> str:
    """JSON text of a value, a mapping or a list."""
    return _encoder.encode(value).decode()


def to_bytes(value: Any) -> bytes:
    """The same as bytes, to be hashed."""
    return _encoder.encode(value)


def from_text(text: str) -> Any:
    """Plain JSON back; decimals stay text. Errors: `Unreadable`."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Unreadable(f"{text[:80]!r}: {error}") from None


def event_to_text(event: CycleEvent) -> tuple[str, str]:
    """(kind, text) of a cycle event."""
    return type(event).__name__, to_text(event)


def event_from_text(kind: str, text: str) -> CycleEvent:
    """The cycle event. Errors: `Unreadable`."""
    decoder = _events.get(kind)
    if decoder is None:
        raise Unreadable(f"{kind!r} is no kind of cycle event")
    return _decoded(decoder, text)


def idle_from_text(text: str) -> Idle:
    """The snapshot of a market without a cycle. Errors: `Unreadable`."""
    return _decoded(_idle, text)


def pause_from_text(text: str) -> Pause:
    """The pause. Errors: `Unreadable`."""
    return _decoded(_pause, text)


def market_from_text(text: str) -> Market:
    """`gate:BTC_USDT` as a market, the way back of `str(market)`. Errors: `Unreadable`."""
    exchange, _, pair = text.partition(":")
    base, _, quote = pair.partition("_")
    if not (exchange and base and quote):
        raise Unreadable(f"{text!r} is no market")
    return Market(exchange, base, quote)


def _decoded(decoder: msgspec.json.Decoder[T], text: str) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, ValueError) as error:
        raise Unreadable(f"{text[:80]!r}: {error}") from None
