"""What moved without a trade, told from two looks at a moving account."""

from decimal import Decimal

from autotrader_v2.application.differences import Flows
from autotrader_v2.application.ports import Holding

STEPS = {"USDT": Decimal("0.01")}


def _look(flows: Flows, usdt: str, now_s: float, *, busy: tuple[str, ...] = ()) -> list[tuple[str, Decimal]]:
    holdings = {"USDT": Holding(Decimal(usdt), Decimal(0))}
    return flows.look(holdings, (), asof_ms=int(now_s * 1000), now_s=now_s, busy=busy, steps=STEPS)


def test_a_flow_counts_when_two_looks_agree() -> None:
    flows = Flows(5.0)
    assert _look(flows, "100", 0) == []
    assert _look(flows, "150", 60) == []
    assert flows.confirm_due_s() == 65
    assert _look(flows, "150", 65) == [("USDT", Decimal(50))]
    assert flows.confirm_due_s() is None


def test_a_currency_that_moves_again_is_not_waited_for() -> None:
    """Else its second look stays overdue, and the account is read again and again without a pause."""
    flows = Flows(5.0)
    _look(flows, "100", 0)
    _look(flows, "150", 60)
    _look(flows, "150", 65, busy=("USDT",))
    assert flows.confirm_due_s() is None
