"""Best-price messages of 500 markets, from their text to the quote board, screened.

`text_to_board_per_s`: messages in memory, one thread. `websocket_to_board_per_s`: the same from another process over a
real connection and the feed's own thread. Aim: at least 100,000 per second from text, 20,000 from a WebSocket.
"""

import multiprocessing
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.frames import frame_of
from autotrader_v2.infrastructure.gate.shard import Place, Shard
from benchmarks import report

_MARKETS = tuple(Market("gate", f"C{number:04}", "USDT") for number in range(500))
_CLOCK = SystemClock()
_ROUNDS = 5


def measure(_folder: Path, short: bool) -> report.Figures:
    """Text first, then the WebSocket."""
    count = 20_000 if short else 200_000
    texts = _texts(count)
    decoding_s, boarding_s = [], []
    for _ in range(2 if short else _ROUNDS):
        decoding_s.append(_seconds_of(frame_of, texts))
        board, shard = _receiver("ws://127.0.0.1:9/")
        boarding_s.append(_seconds_of(shard.take, texts))
        refused = sum(board.screened(market).accepted is None for market in _MARKETS)
        if shard.bad_messages or refused:
            raise AssertionError(f"{shard.bad_messages} messages and {refused} markets were refused")
    return {
        "decode_alone_per_s": round(count / min(decoding_s)),
        "text_to_board_per_s": round(count / min(boarding_s)),
        "websocket_to_board_per_s": round(_over_websocket(count)),
    }


def _seconds_of(take: Callable[[bytes], object], texts: list[bytes]) -> float:
    began_s = time.perf_counter()
    for text in texts:
        take(text)
    return time.perf_counter() - began_s


def _texts(count: int) -> list[bytes]:
    """Messages as Gate sends them: prices that walk a little, times that rise."""
    rng, now_ms = random.Random(1), _CLOCK.now_ms()
    return [
        (
            f'{{"time":{now_ms // 1000},"time_ms":{now_ms},"channel":"spot.book_ticker","event":"update","result":'
            f'{{"t":{now_ms + number // 100},"u":{number},"s":"{rng.choice(_MARKETS).pair}",'
            f'"b":"{(bid := 2500 + rng.randrange(-50, 50) / 100):.2f}","B":"0.{rng.randrange(10**9)}",'
            f'"a":"{bid + 0.02:.2f}","A":"0.{rng.randrange(10**9)}"}}}}'
        ).encode()
        for number in range(count)
    ]


def _receiver(url: str) -> tuple[QuoteBoard, Shard]:
    """A board that knows a first price of every market, and a connection that feeds it."""
    board, now_ms = QuoteBoard(), _CLOCK.now_ms() - 1_000
    board.follow(_MARKETS)
    for market in _MARKETS:
        price = Decimal(2500)
        board.offer(Quote(market, price, price, price, now_ms, now_ms, from_book_read=True))
    places = {market.pair: Place(market) for market in _MARKETS}
    return board, Shard(url, _CLOCK, "benchmark", places, board.offer, _CLOCK.now_ms)


def _over_websocket(count: int) -> float:
    """Messages per second between the first and the last one that the feed took."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, count), daemon=True)
    server.start()
    _, shard = _receiver(f"ws://127.0.0.1:{here.recv()}/")
    taken, times_s, done, take = 0, [0.0, 0.0], threading.Event(), shard.take

    def counted(data: bytes) -> None:
        nonlocal taken
        taken += 1
        if taken == 1:
            times_s[0] = time.perf_counter()
        take(data)
        if taken == count:
            times_s[1] = time.perf_counter()
            done.set()

    shard.stream._on_message = counted
    shard.stream.start()
    if not done.wait(60):
        raise AssertionError(f"only {taken} of {count} messages came")
    here.send("enough")
    shard.stream.stop()
    server.join(5)
    return (count - 1) / (times_s[1] - times_s[0])


def _serve(pipe: Connection, count: int) -> None:
    """In the other process: one connection, all messages as fast as they are taken."""
    frames = [Frame(Opcode.TEXT, text).serialize(mask=False) for text in _texts(count)]
    chunks = [b"".join(frames[begin : begin + 50]) for begin in range(0, count, 50)]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        connection, _ = listener.accept()
        with connection:
            protocol = ServerProtocol()
            protocol.receive_data(connection.recv(65536))
            (request,) = protocol.events_received()
            assert isinstance(request, Request)
            protocol.send_response(protocol.accept(request))
            for data in protocol.data_to_send():
                connection.sendall(data)
            for chunk in chunks:
                connection.sendall(chunk)
            pipe.poll(60)


if __name__ == "__main__":
    sys.exit(report.main("quotes_text_to_board", measure))
