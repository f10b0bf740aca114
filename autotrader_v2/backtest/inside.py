"""The price's way inside a candle, in machine code: the same prices as a played feed's."""

import numpy as np

from autotrader_v2.backtest.jit import compiled

_U = np.uint64
_CORNERS = 4
# BLAKE2b (RFC 7693): its first words, and which part of the message each round takes in which order.
_FIRST = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    dtype=np.uint64,
)  # fmt: skip
_ORDERS = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    dtype=np.int64,
)  # fmt: skip
# Digest of one byte, no key, no tree.
_SHAPE = np.uint64(0x01010001)
# A block of the hash; the text before the time must leave room for it.
TEXT_MAX = 100


@compiled
def _turned(value, by):
    return (value >> _U(by)) | (value << _U(64 - by))


@compiled
def _mix(v, a, b, c, d, x, y):
    v[a] = v[a] + v[b] + x
    v[d] = _turned(v[d] ^ v[a], 32)
    v[c] = v[c] + v[d]
    v[b] = _turned(v[b] ^ v[c], 24)
    v[a] = v[a] + v[b] + y
    v[d] = _turned(v[d] ^ v[a], 16)
    v[c] = v[c] + v[d]
    v[b] = _turned(v[b] ^ v[c], 63)


@compiled
def low_first(scratch, text, length, open_ms):
    """Whether the low comes before the high: the lowest bit of BLAKE2b of the text and the time in digits.

    `text` is uint8, `length` of it `SEED:PAIR:`; `open_ms` is not negative; `scratch` is room for 32 uint64.
    """
    digits, rest = 1, open_ms // 10
    while rest:
        digits, rest = digits + 1, rest // 10
    size = length + digits
    message, v = scratch[:16], scratch[16:]
    message[:] = 0
    for at in range(length):
        message[at >> 3] |= _U(text[at]) << _U(8 * (at & 7))
    rest = open_ms
    for at in range(size - 1, length - 1, -1):
        message[at >> 3] |= _U(48 + rest % 10) << _U(8 * (at & 7))
        rest //= 10
    for at in range(8):
        v[at] = v[at + 8] = _FIRST[at]
    v[0] ^= _SHAPE
    v[12] ^= _U(size)
    v[14] = ~v[14]
    for turn in range(12):
        s = _ORDERS[turn % 10]
        _mix(v, 0, 4, 8, 12, message[s[0]], message[s[1]])
        _mix(v, 1, 5, 9, 13, message[s[2]], message[s[3]])
        _mix(v, 2, 6, 10, 14, message[s[4]], message[s[5]])
        _mix(v, 3, 7, 11, 15, message[s[6]], message[s[7]])
        _mix(v, 0, 5, 10, 15, message[s[8]], message[s[9]])
        _mix(v, 1, 6, 11, 12, message[s[10]], message[s[11]])
        _mix(v, 2, 7, 8, 13, message[s[12]], message[s[13]])
        _mix(v, 3, 4, 9, 14, message[s[14]], message[s[15]])
    first = _FIRST[0] ^ _SHAPE ^ v[0] ^ v[8]
    return first & _U(1) == _U(1)


@compiled
def floored(a, b):
    """a // b for |a| and b below 2^53, b above 0: a float's quotient is the right one, or rounded up to the next."""
    quotient = np.int64(np.floor(a / b))
    return quotient - 1 if quotient * b > a else quotient


@compiled
def fill_path(path, opened, high, low, closed, low_before_high):
    """Put the prices inside a candle into `path`, as many as it holds (4 or more)."""
    first, second = (low, high) if low_before_high else (high, low)
    leg0, leg1, leg2 = abs(first - opened), abs(second - first), abs(closed - second)
    way = max(leg0 + leg1 + leg2, 1)
    spare = len(path) - _CORNERS
    count0, count1, count2 = floored(spare * leg0, way), floored(spare * leg1, way), floored(spare * leg2, way)
    left = spare - count0 - count1 - count2
    if leg0 >= leg1 and leg0 >= leg2:
        count0 += left
    elif leg1 >= leg2:
        count1 += left
    else:
        count2 += left
    path[0] = opened
    at = 1
    for leg in range(3):
        if leg == 0:
            begin, end, count = opened, first, count0
        elif leg == 1:
            begin, end, count = first, second, count1
        else:
            begin, end, count = second, closed, count2
        for step in range(1, count + 2):
            path[at] = begin + floored((end - begin) * step, count + 1)
            at += 1
