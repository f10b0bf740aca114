"""What a person wrote in `.env`, and what in it (or in the environment) looks like a slip. Values are never shown."""

import difflib
import io
import stat
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import parse_stream

_NEAR_MISS_LENGTH_MIN = 6


class UnreadableEnvFile(ValueError):
    """The file is there, and what it says cannot be known."""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The names that the file sets to something, in capitals, and a warning for each line that does nothing."""

    names: frozenset[str]
    warnings: tuple[str, ...]


def inspect(path: Path | None, known: Collection[str], secrets: Collection[str]) -> EnvFile:
    """Look through the file for unknown names, broken lines and secrets that others can read.

    Errors: `UnreadableEnvFile`.
    """
    if path is None or not path.is_file():
        return EnvFile(frozenset(), ())
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableEnvFile(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise UnreadableEnvFile(f"{path} cannot be read: {error.strerror}") from None
    named: set[str] = set()
    warnings: list[str] = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            warnings.append(f"{path}, line {binding.original.line}: not NAME=value; the line does nothing")
        elif binding.key is not None and binding.key.upper() not in known:
            near = difflib.get_close_matches(binding.key.upper(), known, n=1, cutoff=0.75)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"{path}: {binding.key} is not a setting and does nothing{hint}")
        elif binding.key is not None and binding.value:
            named.add(binding.key.upper())
    if named.intersection(secrets) and _others_can_read(path):
        warnings.append(f"{path} holds keys and other users of this machine can read it; run: chmod 600 '{path}'")
    return EnvFile(frozenset(named), tuple(warnings))


def near_misses(environment: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """Warn of `API_KYE`: a name one slip away from ours. Other programs' names are none of our business."""
    for name in sorted(environment):
        for near in known:
            if name.upper() not in known and len(near) >= _NEAR_MISS_LENGTH_MIN and one_slip(name.upper(), near):
                yield f"the environment has {name}, which is not a setting and does nothing; did you mean {near}?"


def one_slip(a: str, b: str) -> bool:
    """Whether one letter added, lost or changed, or two neighbours swapped, turns one into the other."""
    if a == b:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    x, y = a[start:], b[start:]
    swapped = len(x) > 1 and x[1::-1] == y[:2] and x[2:] == y[2:]
    return swapped or x[1:] == y[1:] or x[1:] == y or x == y[1:]


def _others_can_read(path: Path) -> bool:
    # Windows has no such bits: there the folder's own access list, the user profile's by default, decides.
    return sys.platform != "win32" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
