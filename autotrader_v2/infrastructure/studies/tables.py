"""The tables of studies. A trial is `waiting`, `running` (claimed until a time), `done` or `refused`."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text

WAITING, RUNNING, DONE, REFUSED = "waiting", "running", "done", "refused"
metadata = MetaData()

studies = Table(
    "search_studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    # What it was begun with, as JSON: two commands work on one study only when theirs is the same.
    Column("about", Text, nullable=False),
    Column("begun_ms", BigInteger, nullable=False),
)
# What its last end said of it, as JSON; it is about the trials of then.
verdicts = Table(
    "search_verdicts",
    metadata,
    Column("study", ForeignKey(studies.c.id), primary_key=True),
    Column("told", Text, nullable=False),
)
trials = Table(
    "search_trials",
    metadata,
    Column("study", ForeignKey(studies.c.id), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("point", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text),
    Column("until_ms", BigInteger),
    # Figures as JSON, or why it was refused.
    Column("result", Text),
    Index("search_trials_by_state", "study", "state", "number"),
)
