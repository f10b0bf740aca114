"""P17: an update killed anywhere: the next start has the old history, complete, and goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autotrader_v2.application.ports import Doubt
from autotrader_v2.infrastructure.store import schema
from autotrader_v2.infrastructure.store.examine import problems_of
from tests.integration.test_store_faults import make_first_revision
from tests.unit.test_store_values import BTC, ETH, Scribe

# Where the update is when the process is killed: called instead of the function of that name, before or after it.
MOMENTS = {
    "before the copies": ("opening", "_free_name", "before"),
    "before Alembic": ("migrations", "upgrade", "before"),
    "in Alembic, the tables made": ("migrations", "upgrade", "after"),
    "before the chain's first row": ("chain", "begin", "before"),
    "migrated, not yet moved": ("opening", "_forget_log", "before"),
    "the log is gone, not yet noted": ("standing", "write_head", "before"),
    "noted, not yet moved": ("standing", "write_head", "after"),
    "moved": ("os", "replace", "after"),
}

DIES = """
import os, sys
from pathlib import Path
from autotrader_v2.infrastructure.store import SqlJournal, chain, migrations, opening, standing
from tests.unit.test_store_values import BINDING
module = {"opening": opening, "migrations": migrations, "chain": chain, "standing": standing, "os": os}[sys.argv[2]]
name, when = sys.argv[3:]
really = getattr(module, name)

def dies(*given, **named):
    if when == "after":
        really(*given, **named)
    os._exit(9)

setattr(module, name, dies)
SqlJournal(Path(sys.argv[1]), BINDING, account="paper").load()
"""


@pytest.mark.parametrize("moment", MOMENTS)
def test_p17_an_update_killed_anywhere_is_simply_made_again(tmp_path: Path, moment: str) -> None:
    """P17: with an open cycle and an open order; the old file is there until the new one is whole."""
    path = tmp_path / "journal.sqlite3"
    scribe = Scribe.opens(path)
    scribe.whole_cycle(BTC)
    scribe.booked(scribe.intended(cycle_id=2))
    scribe.intended(market=ETH)
    known = scribe.journal.load()
    scribe.journal.close()
    make_first_revision(path)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", DIES, str(path), *MOMENTS[moment]], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 9, done.stderr
    again = Scribe.opens(path)
    state = again.journal.load()
    assert (state.cycles, state.open_attempts) == (known.cycles, known.open_attempts)
    assert state.doubt is Doubt.NONE
    again.journal.close()
    assert problems_of(path, "paper", full=True) == ()
    assert not list(tmp_path.glob("*.migrating*"))
    assert list(tmp_path.glob(f"journal.before-{schema.HEAD}*.sqlite3")), "a copy of the old file stays"
