"""How a view becomes a file to keep: rows of a report as CSV, written while they are read."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from itertools import chain
from typing import Any, TypeVar

from flask import Response
from pydantic import BaseModel

from web.endpoints import Told, View
from web.reading import read_query

M = TypeVar("M", bound=BaseModel)
Row = Mapping[str, Any]
_AT_ONCE = 500
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def exports(model: type[M], name: str, columns: Sequence[str]) -> Callable[[Callable[[M], Iterator[Row]]], View]:
    """Make a view that reads into a CSV file. `time_ms` becomes a time in UTC; numbers are exact."""

    def make(view: Callable[[M], Iterator[Row]]) -> View:
        @wraps(view)
        def answer() -> Response:
            rows = iter(view(read_query(model)))
            # The first row is read here, so that what is refused is refused, not an empty file.
            first = next(rows, None)
            whole = chain([first], rows) if first is not None else iter(())
            response = Response(_lines(whole, columns), mimetype="text/csv")
            response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
            return response

        answer.told = Told((view.__doc__ or "").strip().partition("\n")[0], (), query=model, file=True)  # type: ignore[attr-defined]
        return answer

    return make


def _lines(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[str]:
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\r\n")
    writer.writerow(["time_utc" if name == "time_ms" else name for name in columns])
    for count, row in enumerate(rows, 1):
        writer.writerow([_cell(name, row.get(name)) for name in columns])
        if count % _AT_ONCE == 0:
            yield page.getvalue()
            page.seek(0)
            page.truncate()
    yield page.getvalue()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "time_ms" or name.endswith("_ms"):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        value = "; ".join(f"{key}={one}" for key, one in value.items())
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()
