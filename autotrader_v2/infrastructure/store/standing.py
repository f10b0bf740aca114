"""Whether this database is the one that the last run left: its chain against a small file beside it.

The file is written over in place every second and at the end, without waiting for the disk: after a crash it may be
some commits behind the database, never ahead of it. So the database must contain the commit that the file names.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection

from autotrader_v2.application.ports import Doubt
from autotrader_v2.infrastructure.store import chain
from autotrader_v2.infrastructure.store.chain import Head

_log = structlog.get_logger()

# The fact of `meta` that a restored copy carries until its owner has confirmed it.
DOUBT_FACT = "doubt"
# Always as long as this, so that writing over it never needs room on a full disk.
_LENGTH = 128


class HeadFile:
    """Where the chain stood, beside the database. Thread-safe."""

    def __init__(self, database: Path) -> None:
        self.path = head_path(database)
        # Two notes at once would stand one behind the other, and nobody could read them.
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._failing = False
        self._noted: Head | None = None

    def note(self, head: Head) -> None:
        """Keep it, if it has moved. What fails is tried again a second later."""
        with self._lock:
            if head != self._noted:
                self._write(head)

    def close(self) -> None:
        """Make it durable, give it back."""
        with self._lock:
            if self._handle is not None:
                try:
                    os.fsync(self._handle)
                finally:
                    os.close(self._handle)
                    self._handle = self._noted = None

    def _write(self, head: Head) -> None:
        try:
            if self._handle is None:
                self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, _encoded(head))
            self._noted, self._failing = head, False
        except OSError as error:
            if not self._failing:
                _log.warning(
                    "where the journal stands could not be noted beside it", file=str(self.path), why=str(error)
                )
            self._failing = True


def head_path(database: Path) -> Path:
    """Where it lies."""
    return database.with_name(database.name + ".head")


def write_head(database: Path, head: Head) -> None:
    """Keep it durably, for a database that nobody has open."""
    file = HeadFile(database)
    file.note(head)
    file.close()


def read_head(database: Path) -> Head | None:
    """Where the last run left the chain; None: no file, or an unreadable one."""
    try:
        stored: Any = json.loads(head_path(database).read_bytes())
        return Head(int(stored["seq"]), int(stored["hash"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def doubt_about(connection: Connection, database: Path) -> Doubt:
    """What speaks against it: nothing, or that it is an older copy, another history, or that nothing proves it."""
    noted = read_head(database)
    if noted is None:
        return Doubt.NONE if chain.is_unused(connection) else Doubt.UNPROVEN
    known = chain.hash_at(connection, noted.seq)
    if known is None:
        return Doubt.OLDER
    return Doubt.NONE if known == noted.hash else Doubt.OTHER


def _encoded(head: Head) -> bytes:
    return json.dumps({"seq": head.seq, "hash": head.hash}).encode().ljust(_LENGTH - 1) + b"\n"
