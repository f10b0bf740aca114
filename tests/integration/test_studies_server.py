"""The same study on a database server. Runs where MTRADE_TEST_SERVER names a database and its driver is there.

MTRADE_TEST_SERVER=postgresql+psycopg://me@127.0.0.1/empty python -m pytest tests/integration/test_studies_server.py
"""

import os
import secrets
import threading

import pytest

from autotrader_v2.infrastructure.studies import Studies
from autotrader_v2.search.trials import StudyDiffers, Trial
from tests.unit.test_studies import _asks, _done

URL = os.environ.get("MTRADE_TEST_SERVER", "")
pytestmark = pytest.mark.skipif(not URL.startswith("postgresql"), reason="MTRADE_TEST_SERVER names no PostgreSQL")


def test_a_server_keeps_the_same_promises_as_a_file() -> None:
    """Two connections begin one study and share its trials; what the dead had claimed is taken over."""
    name = f"test-{secrets.token_hex(4)}"
    homes = [Studies(URL), Studies(URL)]
    first, second = (home.open(name, {"seed": 1}) for home in homes)
    with pytest.raises(StudyDiffers, match="seed"):
        homes[0].open(name, {"seed": 2})
    first.offer(_asks(200))
    second.offer(_asks(201))
    taken: dict[int, list[int]] = {0: [], 1: []}

    def work(at: int) -> None:
        study = (first, second)[at]
        while asks := study.claim(3, f"worker {at}"):
            taken[at] += [ask.number for ask in asks]
            study.finish([_done(ask) for ask in asks])

    threads = [threading.Thread(target=work, args=(at,)) for at in taken]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(taken[0] + taken[1]) == list(range(201))
    assert [trial.number for trial in second.trials()] == list(range(201))
    first.offer([*_asks(203)])
    dead = Studies(URL, lease_ms=-1).open(name, {"seed": 1})
    assert [ask.number for ask in dead.claim(9, "dead")] == [201, 202]
    assert [ask.number for ask in first.claim(1, "living")] == [201]
    first.release("living")
    first.finish([Trial(number=202, point={"steps": "202"}, refused="too deep")])
    counts = second.counts()
    assert (counts.waiting, counts.running, counts.done, counts.refused) == (1, 0, 201, 1)
    for home in homes:
        home.close()
