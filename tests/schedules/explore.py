"""Runs a scenario under many schedules and says how a broken one is repeated."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from tests.schedules.plans import Bounded, Seeded
from tests.schedules.scheduler import Plan

Stage = TypeVar("Stage")

# Long form: MTRADE_SCHEDULES=2 explores every schedule with two deviations (hours), 1 every one with one (CI).
DEVIATIONS = int(os.environ.get("MTRADE_SCHEDULES", "1"))
RANDOM = int(os.environ.get("MTRADE_RANDOM_SCHEDULES", "150"))
_SWITCHES = 4
_LENGTH = 400


@dataclass
class Counted:
    """How many schedules of a scenario were run."""

    bounded: int = 0
    random: int = 0


def explore(
    name: str,
    stage: Callable[[Plan], AbstractContextManager[Stage]],
    scenario: Callable[[Stage], None],
    *,
    deviations: int = DEVIATIONS,
    seeds: int = RANDOM,
) -> Counted:
    """Run it under all schedules with so many deviations, then under seeded random ones.

    Errors: AssertionError of the scenario, with the schedule that repeats it.
    """
    counted = Counted()
    for plan in Bounded(deviations).plans():
        _run(f"{name}, bounded schedule {counted.bounded} of deviations={deviations}", stage, scenario, plan)
        counted.bounded += 1
    for seed in range(seeds):
        _run(f"{name}, Seeded({seed}, {_SWITCHES}, {_LENGTH})", stage, scenario, Seeded(seed, _SWITCHES, _LENGTH))
        counted.random += 1
    return counted


def _run(
    which: str, stage: Callable[[Plan], AbstractContextManager[Stage]], scenario: Callable[[Stage], None], plan: Plan
) -> None:
    try:
        with stage(plan) as set_up:
            scenario(set_up)
    except AssertionError as error:
        raise AssertionError(f"{which}: {error}") from error
    except Exception as error:
        raise AssertionError(f"{which}: {type(error).__name__}: {error}") from error
