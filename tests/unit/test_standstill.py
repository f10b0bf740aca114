"""What the account stands still for: the reason that needs a person is told before those that pass."""

from itertools import permutations

import pytest

from autotrader_v2.application.halt_ways import TOLD_BY_ACCOUNT
from autotrader_v2.application.standstill import Standstill
from autotrader_v2.domain.situation import Hold, Reason

PRESSING = (Reason.CLOCK_WRONG, Reason.UNREACHABLE, Reason.CHECKING)


@pytest.mark.parametrize("begun", list(permutations(PRESSING)))
def test_now_is_the_most_pressing_reason_in_whatever_order_they_began(begun: tuple[Reason, ...]) -> None:
    standstill = Standstill()
    for reason in begun:
        assert standstill.begin(Hold(reason))
    for reason in PRESSING:
        assert standstill.now == Hold(reason)
        assert standstill.end(reason)
    assert standstill.now is None


def test_every_reason_of_the_account_has_its_place() -> None:
    """But a full disk, which lets sales go."""
    assert set(PRESSING) == TOLD_BY_ACCOUNT - {Reason.JOURNAL_FULL}
