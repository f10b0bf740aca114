"""Lines of text files, packed or not, read so that no file can take more memory or time than a recording deserves."""

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from autotrader_v2.infrastructure.feeds.errors import SourceUnreadable

# Forty years of minutes. A small packed file can unpack to far more than any memory or patience holds.
ROWS_MAX = 20_000_000
_LINE_BYTES_MAX = 1_000_000
_MARK = "\ufeff"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a file with their ends, unpacked if it is a .gz; UTF-8, with or without a mark.

    Errors: `SourceUnreadable` with the row; OSError when it cannot be opened.
    """
    number = 0
    with _opened(path) as file:
        try:
            while line := file.readline(_LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > _LINE_BYTES_MAX:
                    raise _unreadable(path, number, "the line is longer than a megabyte", "Is it a text file?")
                if number > ROWS_MAX:
                    what = f"more than {ROWS_MAX} rows are not read"
                    raise _unreadable(path, number, what, "Split it by time.", "too_many_rows", most=str(ROWS_MAX))
                yield _text_of(path, number, line)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            # A packed file is read ahead, so the damage lies somewhere behind this row.
            why = f"it cannot be unpacked further: {error}"
            raise _unreadable(path, number + 1, why, "Check that it was copied whole.", "not_whole") from error


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _text_of(path: Path, number: int, line: bytes) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        wide = number == 1 and line.startswith(_WIDE_MARKS)
        what = "it is written in UTF-16" if wide else f"byte {error.start + 1} is no UTF-8 text"
        raise _unreadable(path, number, what, "Save it as UTF-8.") from error
    if number > 1:
        return text
    if "\r" in text.removesuffix("\n").removesuffix("\r"):
        raise _unreadable(path, number, "its lines end with CR alone", "Save it with ordinary line ends.")
    return text.removeprefix(_MARK)


def _unreadable(
    path: Path, number: int, what: str, do: str, reason: str = "not_text", **values: str
) -> SourceUnreadable:
    return SourceUnreadable(
        f"{path} is not readable as text, row {number}: {what}.",
        do=do,
        where=f"{path.name}:{number}",
        reason=reason,
        values=values,
    )
