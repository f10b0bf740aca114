"""Searches in a database that several machines may work on."""

from autotrader_v2.infrastructure.studies.database import StoredStudy, Studies

__all__ = ["StoredStudy", "Studies"]
