"""Connections that can prove whether a byte of a request left, and that are never used after a long rest.

The proof is seen, not concluded from an exception's name: a TLS handshake that times out and an answer that does not
come raise the same error. A connection that rested may be dead without this side knowing it; an order written into it
would be of unknown outcome for nothing.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# Shorter than any keep-alive known of Gate's front servers.
IDLE_MAX_S = 10.0


class _Departures(threading.local):
    """This thread's present request."""

    left = False


_departures = _Departures()


def begin_request() -> None:
    """Forget what this thread sent before."""
    _departures.left = False


def bytes_left() -> bool:
    """Whether a byte of this thread's request may have left since `begin_request`."""
    return _departures.left


class _Witness(HTTPConnection):
    """Notes the moment before the first byte. The note is made first: a byte without it must be impossible."""

    rests_since_s = 0.0

    def send(self, data: Any) -> None:
        if self.sock is None:
            # Connecting belongs before the note: it may fail without a byte of the request having left.
            self.connect()
        _departures.left = True
        super().send(data)


class _TlsWitness(HTTPSConnection, _Witness):
    """The same over TLS."""


class _FreshPool(HTTPConnectionPool):
    ConnectionCls = _Witness

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn: Any = super()._get_conn(timeout)
        if conn.rests_since_s and time.monotonic() - conn.rests_since_s > IDLE_MAX_S:
            # A closed connection object opens itself again at its next request.
            conn.close()
        return conn

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.rests_since_s = time.monotonic()
        super()._put_conn(conn)


class _FreshTlsPool(_FreshPool, HTTPSConnectionPool):
    ConnectionCls = _TlsWitness


# For `PoolManager.pool_classes_by_scheme`.
POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _FreshPool, "https": _FreshTlsPool}
