"""The journal in a database: SQLite in a file, or a server by URL."""

from autotrader_v2.infrastructure.store.journal import SqlJournal

__all__ = ["SqlJournal"]
