"""Made-up secrets that are easy to recognise, and a scanner that finds them wherever they got to.

Runs that hold secrets use these. Afterwards `no_secret_in` looks through every file (database pages, write-ahead log,
logs, heartbeat, backups), output, answer and error of the run. A secret is found by eight characters of either end, in
the forms in which one leaks: plain, in UTF-16, reversed, base64 at any alignment, hex, URL-encoded, JSON-escaped.
"""

import base64
import gzip
import json
import traceback
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

KEY = "kQ7/xZp3+Vw9Lr5Ty2=Nd8"
SECRET = "sH4+jM6/gF1Dc0Ab9=Ue3Wo7Iy5Kt2"
TOKEN = "tB8/vG2+nR6Xq4Zs1=Pf9Cj3"
# Goes into an address, so only letters that mean nothing there.
HOOK = "hV9_zK3-mQ7.xL2nT6rJ8"
HOOK_SECRET = "gY4+cP8/eS1=bF5Hd0Mw7"
ALL = (KEY, SECRET, TOKEN, HOOK, HOOK_SECRET)

_SLICE = 8
# Nine bytes are three whole groups of base64.
_SLICE_64 = 9

Place = Path | bytes | str | BaseException


@cache
def forms(secret: str) -> dict[str, bytes]:
    """What to look for, by the name of the form."""
    found: dict[str, bytes] = {}
    for end, part, longer in (
        ("first", secret[:_SLICE], secret[:_SLICE_64]),
        ("last", secret[-_SLICE:], secret[-_SLICE_64:]),
    ):
        plain = part.encode()
        found |= {
            f"{end} plain": plain,
            f"{end} reversed": plain[::-1],
            f"{end} utf-16": part.encode("utf-16-le"),
            f"{end} hex": plain.hex().encode(),
            f"{end} HEX": plain.hex().upper().encode(),
            f"{end} url": quote(part, safe="").encode(),
            f"{end} json": json.dumps(part)[1:-1].replace("/", "\\/").encode(),
        }
        for shift in range(3):
            text = _base64(longer.encode(), shift)
            found[f"{end} base64 at {shift}"] = text
            found[f"{end} base64url at {shift}"] = text.replace(b"+", b"-").replace(b"/", b"_")
    return found


def leaks(place: Place, secrets: Iterable[str] = ALL) -> list[str]:
    """Every secret found there: where and in which form, never the secret itself."""
    found = []
    for name, data in _contents(place):
        for number, secret in enumerate(secrets):
            found += [f"{name}: secret {number} {form}" for form, what in forms(secret).items() if what in data]
    return found


def no_secret_in(*places: Place) -> int:
    """Assert that none of them holds a secret; returns how many bytes were looked through."""
    found = [leak for place in places for leak in leaks(place)]
    assert not found, f"secrets got out: {found[:20]}"
    return sum(len(data) for place in places for _, data in _contents(place))


def _contents(place: Place) -> Iterator[tuple[str, bytes]]:
    match place:
        case bytes():
            yield "bytes", place
        case str():
            yield "text", place.encode("utf-8", "surrogatepass")
        case BaseException():
            yield type(place).__name__, "".join(traceback.format_exception(place)).encode("utf-8", "replace")
        case Path() if place.is_dir():
            for path in sorted(place.rglob("*")):
                if path.is_file():
                    yield from _contents(path)
        case Path():
            data = place.read_bytes()
            yield place.name, data
            # A file's own name is a sink too.
            yield f"name of {place.name}", str(place).encode()
            if data.startswith(b"\x1f\x8b"):
                yield f"{place.name} unpacked", gzip.decompress(data)


def _base64(data: bytes, shift: int) -> bytes:
    """What base64 shows of data that begins at that place of a group of three: the characters it alone decides."""
    text = base64.b64encode(bytes(shift) + data)
    return text[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
