"""Messages of the WebSocket, decoded straight from their text. Source: Gate API v4, spot WebSocket."""

import json
from decimal import Decimal

import msgspec

BEST = "spot.book_ticker"
TICKERS = "spot.tickers"
USER_TRADES = "spot.usertrades"


class Result(msgspec.Struct):
    """What three kinds of message carry: best prices, a ticker, or an acknowledgement.

    One struct for all: which one it is stands in the frame around it, and decoding twice would double the cost.
    """

    t: int = 0
    s: str = ""
    b: Decimal | None = None
    B: Decimal | None = None
    a: Decimal | None = None
    A: Decimal | None = None
    currency_pair: str = ""
    last: Decimal | None = None
    status: str = ""


class WsError(msgspec.Struct):
    """Why a subscription was refused. Codes: 1 format, 2 argument, 3 server, 4 authentication."""

    code: int = 0
    message: str = ""


class Frame(msgspec.Struct):
    """A message of a public channel. `type` "upgrade": the server asks to reconnect before its maintenance."""

    channel: str = ""
    event: str = ""
    result: Result | None = None
    id: int | str | None = None
    error: WsError | None = None
    type: str = ""

    @property
    def asks_to_reconnect(self) -> bool:
        """Whether the server is about to go away."""
        return self.type == "upgrade" or self.event == "upgrade"


class PrivateFrame(msgspec.Struct):
    """A message of a private channel: rows, or an acknowledgement's object."""

    channel: str = ""
    event: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: WsError | None = None
    type: str = ""

    @property
    def asks_to_reconnect(self) -> bool:
        """Whether the server is about to go away."""
        return self.type == "upgrade" or self.event == "upgrade"


frame_of = msgspec.json.Decoder(Frame).decode
private_frame_of = msgspec.json.Decoder(PrivateFrame).decode


def request(
    time_s: int,
    channel: str,
    event: str,
    payload: list[str],
    *,
    number: int | None = None,
    auth: dict[str, str] | None = None,
) -> str:
    """The text of a subscription or its end."""
    body: dict[str, object] = {"time": time_s, "channel": channel, "event": event, "payload": payload}
    if number is not None:
        body["id"] = number
    if auth is not None:
        body["auth"] = auth
    return json.dumps(body)
