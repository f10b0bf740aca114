"""WebSockets through the proxy of `tests/proxy.py`: what may happen to a message, and how one is carried."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

TEXT = 1


class DoFrame(StrEnum):
    """What happens to a WebSocket message.

    `SWAP`: it comes after the one that follows it. `DELAY`: it comes later, and nothing that follows overtakes it.
    `THROTTLE`: it goes by so many bytes a second, and what follows waits. `BLACKHOLE`: from it on nothing goes this way
    any more, pings neither; the connection stays open until an end closes it.
    """

    PASS = "pass"
    DROP = "drop"
    REPEAT = "repeat"
    SWAP = "swap"
    DELAY = "delay"
    THROTTLE = "throttle"
    BLACKHOLE = "blackhole"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRule:
    """One thing that goes wrong with messages of a channel and an event (patterns). `skip`, `times`, `chance` as in
    `Rule`; `to_exchange`: what the engine sends, which is subscriptions; else what the exchange sends.

    Left at its default `event` spares the answers to subscriptions and pings.
    """

    channel: str = "*"
    event: str = "update"
    to_exchange: bool = False
    times: int | None = None
    skip: int = 0
    chance: float = 1.0
    do: DoFrame = DoFrame.DROP
    delay_s: float = 0.0
    bytes_per_s: int = 0


async def write(writer: asyncio.StreamWriter, data: bytes, bytes_per_s: int) -> None:
    """Write, by so many bytes a second; 0: at once."""
    piece = max(1, bytes_per_s // 20) if bytes_per_s else len(data)
    for start in range(0, len(data), piece):
        writer.write(data[start : start + piece])
        await writer.drain()
        if bytes_per_s:
            await asyncio.sleep(piece / bytes_per_s)


class Line:
    """One way of a WebSocket: messages leave in the order in which they were taken, each when it is due."""

    def __init__(self, writer: asyncio.StreamWriter, carried: dict[str, int]) -> None:
        self._writer = writer
        self._carried = carried
        self._waiting: asyncio.Queue[tuple[bytes, float, FrameRule]] = asyncio.Queue()

    def take(self, data: bytes, rule: FrameRule) -> None:
        """Hand a message over; returns at once."""
        self._waiting.put_nowait((data, asyncio.get_running_loop().time() + rule.delay_s, rule))

    async def carry(self) -> None:
        """Write what was taken, for ever."""
        clock = asyncio.get_running_loop().time
        with suppress(OSError):  # the end it goes to is gone; whoever reads the other end learns it there
            while True:
                data, due_s, rule = await self._waiting.get()
                await asyncio.sleep(max(due_s - clock(), 0))
                await write(self._writer, data, rule.bytes_per_s)
                self._carried[rule.do] = self._carried.get(rule.do, 0) + 1
                self._waiting.task_done()

    async def empty(self) -> None:
        """Wait until all that was taken is written."""
        await self._waiting.join()


def concerns(rule: FrameRule, told: Mapping[str, Any], to_exchange: bool) -> bool:
    """Whether a message is one of those that the rule is about."""
    return (
        rule.to_exchange == to_exchange
        and fnmatchcase(str(told.get("channel")), rule.channel)
        and fnmatchcase(str(told.get("event")), rule.event)
    )


async def read_frame(reader: asyncio.StreamReader) -> tuple[bytes, int, bytes]:
    """A frame: whole as it came, its kind, its payload. The engine's are masked, the exchange's are not (RFC 6455)."""
    head = await reader.readexactly(2)
    length = head[1] & 0x7F
    if length == 126:
        head += await reader.readexactly(2)
        length = int.from_bytes(head[2:], "big")
    elif length == 127:
        head += await reader.readexactly(8)
        length = int.from_bytes(head[2:], "big")
    masked = head[1] & 0x80
    mask = await reader.readexactly(4) if masked else b""
    payload = await reader.readexactly(length)
    whole = head + mask + payload
    if masked:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return whole, head[0] & 0x0F, payload
