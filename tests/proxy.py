"""A loopback proxy between the engine and the simulator that lets HTTP and WebSocket go wrong, by rule and from a seed.

One port serves both, as the simulator's does. Every client connection has an upstream connection of its own, kept open
as long as the client's, so that what happens to a reused connection happens here too.
"""

import asyncio
import json
import random
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from tests.proxy_streams import TEXT, DoFrame, FrameRule, Line, concerns, read_frame, write

_START_LIMIT_S = 60.0
# An abrupt end: what is not yet sent is thrown away and the peer sees a reset.
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Do(StrEnum):
    """What happens to a request or to its answer. `REPEAT`: it is carried out twice, the first answer is passed."""

    PASS = "pass"
    DROP_BEFORE = "drop before"
    DROP_AFTER = "drop after"
    RESET_BEFORE = "reset before"
    RESET_AFTER = "reset after"
    CUT = "cut"
    TRUNCATE = "truncate"
    REPEAT = "repeat"
    BLACKHOLE_BEFORE = "blackhole before"
    BLACKHOLE_AFTER = "blackhole after"
    CLOSE_AFTER = "close after"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that goes wrong with HTTP calls that match.

    `path` is a pattern without `/api/v4`. The first `skip` matching calls are spared, of the next `times` (None: all)
    each is hit with `chance`. Delays in seconds, `bytes_per_s` throttles the answer (0: not). `keep`: how many bytes
    of the answer (`CUT`: head included, the connection then ends; `TRUNCATE`: of the body, its length said right).
    `answer`: the whole HTTP answer of `REPLACE`; `carried_out` says whether the request got through all the same.
    """

    path: str = "/spot/orders"
    method: str = "POST"
    times: int | None = 1
    skip: int = 0
    chance: float = 1.0
    do: Do = Do.PASS
    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    bytes_per_s: int = 0
    keep: int = 0
    answer: bytes = b""
    carried_out: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came. `nth` counts the requests of its connection from 0: above 0 the connection was reused."""

    method: str
    path: str
    raw: bytes
    nth: int


class Moment(StrEnum):
    """Where a request is."""

    ARRIVED = "arrived"
    CARRIED_OUT = "carried out"
    ANSWERED = "answered"


def page(status: int, body: str = "<html><body><h1>Bad Gateway</h1></body></html>", kind: str = "text/html") -> bytes:
    """The answer of a proxy on the way."""
    data = body.encode()
    return f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


class _Gone(Exception):
    """The client's connection is over."""


class Proxy:
    """`with Proxy(sim.url) as proxy:` then `proxy.url` in place of `sim.url`. Methods may be called from any thread.

    `on_moment` is called on the proxy's thread, which waits for it; True: the request goes no further (the caller has
    killed its sender). `seen`: all requests so far; `struck`: those that got a rule of a mix. `hits`: what was done how
    often; `carried`: how many messages of streams, by what was done to them, are written to the end they go to.
    """

    def __init__(self, upstream: str, *, seed: int = 0) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 0)
        self._prefix = parts.path
        # Of their own each: how many messages come between two calls is for the clock, not for the seed.
        self._rng, self._frames_rng = random.Random(seed), random.Random(f"{seed}:frames")
        self._rules: list[tuple[Rule | FrameRule, list[int]]] = []
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: set[asyncio.StreamWriter] = set()
        self._streams: set[asyncio.StreamWriter] = set()
        self.refuse_streams = False
        self._mixed: tuple[Sequence[Rule], Sequence[int]] = ((), ())
        self._mixed_frames: tuple[Sequence[FrameRule], Sequence[int]] = ((), ())
        self.on_moment: Callable[[Moment, Request], bool] | None = None
        self.seen: list[Request] = []
        self.hits: dict[str, int] = {}
        self.carried: dict[str, int] = {}
        self.struck: list[tuple[Rule, Request]] = []

    # -- for tests -------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Proxy":
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="proxy", daemon=True)
        self._thread.start()
        self.port = ready.result(_START_LIMIT_S)
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    @property
    def url(self) -> str:
        """Where REST is served, as API clients want it."""
        return f"http://127.0.0.1:{self.port}{self._prefix}"

    @property
    def ws_url(self) -> str:
        """Where the WebSocket is served."""
        return f"ws://127.0.0.1:{self.port}/ws/v4/"

    def add(self, *rules: Rule | FrameRule) -> None:
        """Put rules in force after those already there; the first that matches and is not used up counts."""
        with self._lock:
            self._rules.extend((rule, [0]) for rule in rules)

    def mix(self, rules: Mapping[Rule, int], frames: Mapping[FrameRule, int] | None = None) -> None:
        """From now on every call that no rule above hits and that all of these match gets one of them, by weight.

        So does every message with `frames`.
        """
        with self._lock:
            self._mixed = tuple(rules), tuple(rules.values())
            self._mixed_frames = tuple(frames or ()), tuple((frames or {}).values())

    def clear(self) -> None:
        """All is well again."""
        with self._lock:
            self._rules.clear()
            self._mixed = (), ()
            self._mixed_frames = (), ()

    def requests(self, method: str, path: str) -> list[Request]:
        """What came so far of a kind."""
        return [one for one in self.seen if one.method == method and one.path == path]

    @property
    def streams(self) -> int:
        """How many WebSockets are open."""
        return len(self._streams)

    def cut_streams(self) -> None:
        """End every WebSocket at once."""
        self._loop.call_soon_threadsafe(lambda: [_reset(writer) for writer in tuple(self._streams)])

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _serve(self, ready: "Future[int]") -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        ready.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()
        for writer in tuple(self._sockets):
            writer.transport.abort()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._sockets.add(writer)
        link = _Upstream(self._upstream, self._sockets)
        try:
            nth = 0
            while (raw := await _message(reader)) is not None:
                if b"upgrade: websocket" in raw.lower():
                    await self._stream(raw, reader, writer, link)
                    return
                await self._call(_request(raw, nth, self._prefix), writer, link)
                nth += 1
        except (_Gone, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either side went away, which is what this proxy is for; the client learns it by its own connection
        finally:
            self._tasks.discard(task)
            link.close()
            self._sockets.discard(writer)
            writer.close()

    async def _call(self, request: Request, writer: asyncio.StreamWriter, link: "_Upstream") -> None:
        self.seen.append(request)
        rule = self._strike_call(request) or Rule()
        do = rule.do
        self._tell(Moment.ARRIVED, request)
        await asyncio.sleep(rule.delay_before_s)
        if do is Do.DROP_BEFORE:
            raise _Gone
        if do is Do.RESET_BEFORE:
            _reset(writer)
            raise _Gone
        if do is Do.BLACKHOLE_BEFORE:
            await self._stopping.wait()
        if do is Do.REPLACE and not rule.carried_out:
            writer.write(rule.answer)
            return
        answer = await link.ask(request.raw)
        if do is Do.REPEAT:
            await _Upstream(self._upstream, self._sockets).ask(request.raw)
        self._tell(Moment.CARRIED_OUT, request)
        await asyncio.sleep(rule.delay_after_s)
        if do is Do.DROP_AFTER:
            raise _Gone
        if do is Do.RESET_AFTER:
            _reset(writer)
            raise _Gone
        if do is Do.BLACKHOLE_AFTER:
            await self._stopping.wait()
        if do is Do.REPLACE:
            answer = rule.answer
        if do is Do.CUT:
            writer.write(answer[: rule.keep])
            await writer.drain()
            raise _Gone
        if do is Do.TRUNCATE:
            answer = _shortened(answer, rule.keep)
        await write(writer, answer, rule.bytes_per_s)
        self._tell(Moment.ANSWERED, request)
        if do is Do.CLOSE_AFTER:
            raise _Gone

    def _tell(self, moment: Moment, request: Request) -> None:
        if self.on_moment is not None and self.on_moment(moment, request):
            raise _Gone

    async def _stream(
        self, raw: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: "_Upstream"
    ) -> None:
        if self.refuse_streams:
            raise _Gone
        from_exchange, to_exchange = await link.open()
        to_exchange.write(raw)
        writer.write(await _head(from_exchange))
        self._streams.add(writer)
        there = asyncio.create_task(self._messages(reader, to_exchange, to_exchange=True))
        try:
            await self._messages(from_exchange, writer, to_exchange=False)
        finally:
            there.cancel()
            self._streams.discard(writer)

    async def _messages(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_exchange: bool) -> None:
        """One way of a WebSocket, until either end is gone."""
        line = Line(writer, self.carried)
        carrier = asyncio.create_task(line.carry())
        held, blackhole = b"", False
        try:
            while True:
                frame, opcode, payload = await read_frame(reader)
                rule = self._strike_frame(payload, to_exchange=to_exchange) if opcode == TEXT else None
                do = rule.do if rule else DoFrame.PASS
                blackhole = blackhole or do is DoFrame.BLACKHOLE
                if blackhole or do is DoFrame.DROP:
                    continue
                if do is DoFrame.REPEAT:
                    frame += frame
                if do is DoFrame.SWAP and not held:
                    held = frame
                    continue
                line.take(frame + held, rule or FrameRule(do=DoFrame.PASS))
                held = b""
        except (OSError, asyncio.IncompleteReadError):
            # An end that closes has said all the same what is on its way, as long as the other one hears it.
            said = asyncio.create_task(line.empty())
            await asyncio.wait((said, carrier), return_when=asyncio.FIRST_COMPLETED)
            said.cancel()
        finally:
            carrier.cancel()
            if to_exchange:
                writer.close()

    def _strike_call(self, request: Request) -> Rule | None:
        for rule, seen in self._in_force():
            if isinstance(rule, Rule) and _matches(rule, request) and (hit := self._strikes(rule, seen)) is not None:
                return rule if hit else None
        rules, weights = self._mixed
        if rules and _matches(rules[0], request):
            [rule] = self._rng.choices(rules, weights)
            self.struck.append((rule, request))
            return rule
        return None

    def _strike_frame(self, payload: bytes, *, to_exchange: bool) -> FrameRule | None:
        rules = [(rule, seen) for rule, seen in self._in_force() if isinstance(rule, FrameRule)]
        mixed, weights = self._mixed_frames
        if not rules and not mixed:
            return None
        told: dict[str, Any] = json.loads(payload)
        for rule, seen in rules:
            if concerns(rule, told, to_exchange) and (hit := self._strikes(rule, seen)) is not None:
                return rule if hit else None
        if mixed and concerns(mixed[0], told, to_exchange):
            [rule] = self._frames_rng.choices(mixed, weights)
            self.hits[rule.do] = self.hits.get(rule.do, 0) + 1
            return rule
        return None

    def _in_force(self) -> Sequence[tuple[Rule | FrameRule, list[int]]]:
        with self._lock:
            return tuple(self._rules)

    def _strikes(self, rule: Rule | FrameRule, seen: list[int]) -> bool | None:
        """Whether this match is hit; None when the rule is used up."""
        if rule.times is not None and seen[0] >= rule.skip + rule.times:
            return None
        seen[0] += 1
        rng = self._rng if isinstance(rule, Rule) else self._frames_rng
        hit = seen[0] > rule.skip and rng.random() < rule.chance
        if hit:
            self.hits[rule.do] = self.hits.get(rule.do, 0) + 1
        return hit


class _Upstream:
    """One connection to the exchange, opened when first needed."""

    def __init__(self, address: tuple[str, int], sockets: set[asyncio.StreamWriter]) -> None:
        self._address = address
        self._sockets = sockets
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._pair is None:
            self._pair = await asyncio.open_connection(*self._address, limit=2**24)
            self._sockets.add(self._pair[1])
        return self._pair

    async def ask(self, raw: bytes) -> bytes:
        """Send a request, return the whole answer."""
        reader, writer = await self.open()
        writer.write(raw)
        answer = await _message(reader)
        if answer is None:
            raise _Gone
        return answer

    def close(self) -> None:
        if self._pair is not None:
            self._sockets.discard(self._pair[1])
            self._pair[1].close()


def _matches(rule: Rule, request: Request) -> bool:
    return fnmatchcase(request.method, rule.method) and fnmatchcase(request.path, rule.path)


async def _head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """A whole request or answer; None when the connection ends before one begins. Both sides tell their lengths."""
    try:
        head = await _head(reader)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        assert name.lower() != b"transfer-encoding", "neither side speaks in chunks"
    return head + await reader.readexactly(length)


def _request(raw: bytes, nth: int, prefix: str) -> Request:
    method, target, _ = raw.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return Request(method, urlsplit(target).path.removeprefix(prefix), raw, nth)


def _shortened(answer: bytes, keep: int) -> bytes:
    """The answer with less of its body, its length said right."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    body = body[:keep]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection the hard way."""
    raw: socket.socket = writer.get_extra_info("socket")
    with suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
