"""Killed fifty times at random and at named points, the engine ends with the trades of the run that never was.

`python run_tests.py --kills 2000` (or MTRADE_KILLS) kills as often as wanted, with the product's own times for the
proof of absence; the usual fifty have shorter ones (tests/dying.py). MTRADE_KILL_SEED repeats a run.
"""

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from autotrader_v2.app.outside import account_of
from autotrader_v2.application.ports import Binding
from autotrader_v2.infrastructure.store import SqlJournal
from tests import audit, kills
from tests.canary import KEY, no_secret_in
from tests.dying import POINTS

LONG = bool(os.environ.get("MTRADE_KILLS"))
KILLS = int(os.environ.get("MTRADE_KILLS") or 50)
# A journal, an exchange and a reference of their own for so many kills: what is wrong is then found soon, and the usual
# two rounds run beside each other.
EACH = 100 if LONG else 25
ROUNDS = tuple(min(EACH, KILLS - start) for start in range(0, KILLS, EACH))
SEED = int(os.environ.get("MTRADE_KILL_SEED", "") or secrets.randbelow(10**6))


@pytest.mark.slow
@pytest.mark.timeout(1200 + 30 * max(ROUNDS))
@pytest.mark.parametrize("number", range(len(ROUNDS)))
def test_p1_p2_p3_p4_p5_killed_many_times_it_ends_as_if_never_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], figures: Callable[[str], None], number: int
) -> None:
    """Engine, journal and exchange agree with each other, and with the run that was never killed, trade by trade."""
    seed, count = SEED + number, ROUNDS[number]
    points = tuple(POINTS) if LONG else tuple(POINTS)[number :: len(ROUNDS)]
    again = f"MTRADE_KILLS={count} MTRADE_KILL_SEED={seed}" if LONG else f"MTRADE_KILL_SEED={SEED}"
    print(f"seed {seed}: repeat with {again}")
    told = json.dumps(a_round(tmp_path, seed, count, points))
    figures(told)
    if LONG:
        with capsys.disabled():
            print(f"\n{told}", flush=True)


def a_round(folder: Path, seed: int, count: int, points: tuple[str, ...]) -> dict[str, object]:
    """Kill, compare; the figures. `points`: each is the end of a life at least once, if there are lives enough."""
    run = kills.run(folder / "killed", seed=seed, kills=count, coins=tuple(kills.PRICES), points=points, quick=not LONG)
    killed, account = run.campaign, run.account
    if count >= 3 * len(points):
        assert {f"point-{name}" for name in points} <= set(killed.story.kills), "every named point was an end"
    books = audit.read(killed.database)
    assert audit.differences(books, account) == [], f"seed {seed}"
    assert_a_fold_says_the_same(killed)
    never_killed = kills.run(
        folder / "reference", seed=seed, kills=0, coins=killed.coins, cycles=run.walked, quick=not LONG
    )
    reference = never_killed.campaign
    assert audit.differences(audit.read(reference.database), never_killed.account) == []
    assert run.end == never_killed.end, f"seed {seed}"
    scanned = no_secret_in(
        folder,
        *(answer for one in (killed, reference) for answer in one.story.answers),
        *("".join(one.story.said) for one in (killed, reference)),
    )
    story = killed.story
    return {
        "seed": seed,
        "kills": sum(story.kills.values()),
        "of_them_by_timer_at_a_named_point": story.timed_out,
        "by_kind": dict(sorted(story.kills.items())),
        "coins": len(killed.coins),
        "cycles": sum(run.walked.values()),
        "orders_executed": len({one.order_id for one in account.trades}),
        "attempts": dict(books.outcomes),
        "rests": story.rests,
        "seconds": round(story.seconds, 1),
        "reference_seconds": round(reference.story.seconds, 1),
        "bytes_scanned_for_secrets": scanned,
    }


def assert_a_fold_says_the_same(killed: kills.Campaign) -> None:
    """I7: memory is what a fold of every event since the beginning makes."""
    binding = Binding("sandbox", killed.proxy.url, account_of(KEY), "gate")
    journal = SqlJournal(killed.database, binding, account=binding.account)
    try:
        state = journal.load()
        assert state.open_attempts == ()
        assert journal.verify() == ()
    finally:
        journal.close()
