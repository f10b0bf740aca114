"""How an answer is spoilt on its way: whole responses in, spoilt bytes out."""

import gzip
import json
import random
import re
from typing import Any

from autotrader_v2.simulator.faults.edits import in_words
from autotrader_v2.simulator.faults.rules import Edit, Ending

_LENGTH = re.compile(rb"Content-Length: (\d+)\r\n")
_WRONG_BY = 40
_TAIL = 20


def spoilt(answer: bytes, ending: Ending) -> bytes:
    """The bytes to send for an ending that sends any."""
    head, body = parted(answer)
    match ending:
        case Ending.CUT | Ending.RESET:
            return answer[: max(len(head), len(answer) - _TAIL)]
        case Ending.HALF_JSON:
            return joined(head, body[: len(body) // 2])
        case Ending.TOO_LONG:
            return _with_length(head, len(body) + _WRONG_BY) + body
        case Ending.TOO_SHORT:
            return _with_length(head, max(0, len(body) - _WRONG_BY)) + body
        case Ending.GZIP_CUT:
            packed = gzip.compress(body)
            head = head.replace(b"Content-Length:", b"Content-Encoding: gzip\r\nContent-Length:")
            return joined(head, packed[: len(packed) // 2])
        case _:
            return answer


def edited(answer: bytes, edit: Edit, rng: random.Random, pair: str) -> bytes:
    """The response with its JSON changed; errors (which have a label) and empty bodies stay."""
    head, body = parted(answer)
    if not body:
        return answer
    whole = json.loads(body)
    if isinstance(whole, dict) and "label" in whole and "message" in whole:
        return answer
    return joined(head, text_of(edit(whole, rng, pair)))


def text_of(value: Any) -> bytes:
    """JSON of a changed value, with what JSON cannot say."""
    return in_words(json.dumps(value, default=str)).encode()


def parted(answer: bytes) -> tuple[bytes, bytes]:
    """Head (with its empty line) and body."""
    head, gap, body = answer.partition(b"\r\n\r\n")
    return head + gap, body


def joined(head: bytes, body: bytes) -> bytes:
    """A response whose length is right."""
    return _with_length(head, len(body)) + body


def _with_length(head: bytes, length: int) -> bytes:
    return _LENGTH.sub(b"Content-Length: %d\r\n" % length, head)
