"""Room on the disk for what must still be written when it is full (row P7).

A file of real bytes lies beside the database. When the disk is full it is given up: trades, endings, pauses and sales
then fit, buys are refused. It is made anew as soon as there is room for it and some more; then buys go on.
"""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from autotrader_v2.application.ports import JournalUnavailable

_log = structlog.get_logger()

RESERVE_BYTES = 20 * 1024 * 1024
_CHUNK = 1024 * 1024
# Beyond the reserve: what an order and its tidying take many times over.
_LEEWAY_BYTES = 4 * 1024 * 1024


def reserve_path(database: Path) -> Path:
    """Where the reserve of a database lies."""
    return database.with_name(database.name + ".reserve")


def free_bytes(folder: Path) -> int:
    """Room on a folder's disk."""
    return shutil.disk_usage(folder).free


class Room:
    """The reserve of one database. `full`: it is given up, or there is no room to make it."""

    def __init__(
        self, database: Path, size: int, free: Callable[[Path], int] = free_bytes, leeway: int = _LEEWAY_BYTES
    ) -> None:
        """`size` in bytes; 0: no reserve."""
        self._database = database
        self._path = reserve_path(database)
        self._size = size
        self._free = free
        self._leeway = leeway if size else 0
        self._lock = threading.Lock()
        self.full = False

    def check(self) -> None:
        """Errors: `JournalUnavailable` while the disk is full."""
        if self.full:
            raise JournalUnavailable(
                f"The disk with the journal {self._database} is full.",
                do="No buy is sent; sales and everything that ends orders still fit into the reserve. Free some "
                "space; buying goes on by itself.",
            )

    def give_up(self) -> None:
        """The disk is full: free the reserve."""
        with self._lock:
            first, self.full = not self.full, True
            try:
                made = self._path.stat().st_size > 0
                self._path.unlink()
            except FileNotFoundError:
                made = False
            except OSError as error:
                _log.error("the disk is full and the reserve could not be freed", file=str(self._path), why=str(error))
                return
        if first:
            _log.error("the disk with the journal is full; buys wait", database=str(self._database), reserve=made)

    def make(self) -> bool:
        """Make the reserve if it is not there and there is room for it. Returns whether all is well."""
        with self._lock:
            try:
                if not self._size or self._whole():
                    there = True
                else:
                    there = self._free(self._path.parent) >= self._size + self._leeway and self._fill()
            except OSError as error:
                _log.warning("the journal's reserve cannot be made", file=str(self._path), why=str(error))
                there = False
            if there and self.full:
                _log.info("the disk with the journal has room again; buys go on", database=str(self._database))
            self.full = not there
            return there

    def _whole(self) -> bool:
        return self._path.exists() and self._path.stat().st_size >= self._size

    def _fill(self) -> bool:
        """Write real bytes that no file system squeezes; all of them or none."""
        try:
            with self._path.open("wb") as file:
                for begin in range(0, self._size, _CHUNK):
                    file.write(os.urandom(min(_CHUNK, self._size - begin)))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        return True
