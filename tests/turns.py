"""Which process runs which test when several run them beside each other (pytest-xdist)."""

from xdist.scheduler import LoadScopeScheduling

# One process runs the whole of these files: their tests share what is costly to have twice, as a browser or a `.venv`.
# Not by xdist's marks of groups, which xdist 3.8 writes into names that pytest 9.2 no longer reads.
_WHOLE = ("tests/browser/", "tests/integration/test_doors.py", "tests/integration/test_killed.py")


class Turns(LoadScopeScheduling):  # type: ignore[misc]
    """Each process takes the next test, or the next whole file, in the order of tests/conftest.py."""

    def _split_scope(self, nodeid: str) -> str:
        """What is run by one process."""
        return turn_of(nodeid)


def turn_of(nodeid: str) -> str:
    """The file, if its tests stay together; else the test."""
    file = nodeid.partition("::")[0]
    return file if file.startswith(_WHOLE) else nodeid
