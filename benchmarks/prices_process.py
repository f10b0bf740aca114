"""Best prices over a WebSocket as Gate sends them, from a process of its own: so many a market and second.

Each subscribed market's price swings slowly around 100, each in a phase of its own, so that all of them trade.
"""

import math
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from benchmarks.children import say_ready, wait_for_end

_AT_ONCE = 25
_SWING, _PERIOD_S = 0.02, 60.0
_BEST = "spot.book_ticker"


def main(rate: float) -> None:
    """Serve until the benchmark ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, rate), daemon=True).start()
    say_ready(f"ws://127.0.0.1:{listener.getsockname()[1]}/")
    wait_for_end()


def _accept(listener: socket.socket, rate: float) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_Connection(connection, rate).serve, daemon=True).start()


class _Connection:
    """One client: its subscriptions are acknowledged, then its prices are sent."""

    def __init__(self, connection: socket.socket, rate: float) -> None:
        self._socket = connection
        self._protocol = ServerProtocol()
        self._pairs: list[str] = []
        self._rate = rate

    def serve(self) -> None:
        """Until the client is gone."""
        try:
            while not self._pairs:
                self._listen(5.0)
            self._send_prices()
        except (OSError, EOFError):
            self._socket.close()

    def _send_prices(self) -> None:
        """In bursts of some markets each, as often as the rate wants."""
        messages, sent, began_s = self._messages(), 0, time.monotonic()
        while True:
            self._socket.sendall(b"".join([next(messages) for _ in range(_AT_ONCE)]))
            sent += _AT_ONCE
            ahead_s = sent / (self._rate * len(self._pairs)) - (time.monotonic() - began_s)
            self._listen(max(ahead_s, 0.0))

    def _messages(self) -> Iterator[bytes]:
        number = 0
        while True:
            for place, pair in enumerate(tuple(self._pairs)):
                number += 1
                now_s = time.time()
                now_ms = int(now_s * 1000)
                bid = 100 + 100 * _SWING * math.sin(2 * math.pi * (now_s / _PERIOD_S + place / len(self._pairs)))
                yield _framed(
                    b'{"time":%d,"time_ms":%d,"channel":"spot.book_ticker","event":"update","result":{"t":%d,"u":%d,'
                    b'"s":"%s","b":"%.2f","B":"812.4417","a":"%.2f","A":"90.3305"}}'
                    % (now_ms // 1000, now_ms, now_ms, number, pair.encode(), bid, bid + 0.01)
                )

    def _listen(self, for_s: float) -> None:
        """Read what the client says, if anything comes within that time."""
        if not select.select([self._socket], [], [], for_s)[0]:
            return
        data = self._socket.recv(65_536)
        if not data:
            raise EOFError
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._answer(msgspec.json.decode(event.data))
        for part in self._protocol.data_to_send():
            self._socket.sendall(part)

    def _answer(self, asked: dict[str, object]) -> None:
        pairs = asked["payload"]
        if asked["channel"] == _BEST and isinstance(pairs, list):
            self._pairs += pairs
        told = {"channel": asked["channel"], "event": "subscribe", "id": asked["id"], "result": {"status": "success"}}
        self._socket.sendall(_framed(msgspec.json.encode(told)))


def _framed(text: bytes) -> bytes:
    return (b"\x81%c" % len(text) if len(text) < 126 else b"\x81\x7e" + len(text).to_bytes(2, "big")) + text


if __name__ == "__main__":
    main(float(sys.argv[1]))
